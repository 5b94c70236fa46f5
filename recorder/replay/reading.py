"""Reads requests, recorded and live ones, for what matching looks at. What is read again and again is read once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote

from ..correlate.dialect import Dialect, as_key, lookup, parse_json, without
from ..model import JSON
from ..printable import printable
from ..redaction.policy import Policy
from .masks import Masks

_REMEMBERED = 10_000  # requests; then they are forgotten
_LONGEST = 4000  # bytes of a body that is remembered
_DIGEST = 16  # bytes
_PIECES = 4  # in which a text is cut for each value

Id: TypeAlias = tuple[bytes, tuple[str, ...]]


class Call(NamedTuple):
    """What matching looks at in a request, recorded or live.

    Attributes:
        body: Its JSON; the ids of one operation in it may be those of an earlier request that was the same.
        raw: Likewise.
        hidden: What a policy has blanked out in it.
        key: The same for all requests that differ in minted, volatile and hidden values alone.
        own: The same for those that differ in the ids of one operation, and in hidden values, alone.
        fresh: What the client has minted for this operation, in the order of `Reader.fresh`; None where there is none.
        lasting: What it has minted for longer, in the order of `Reader.lasting`: as compared, and to be bound.

    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: JSON
    raw: bytes
    operation: str | None
    hidden: tuple[str, ...]
    key: bytes
    own: bytes
    fresh: tuple[JSON, ...]
    lasting: tuple[tuple[str, JSON] | None, ...]

    def __str__(self) -> str:
        return printable(f"{self.method} {self.path}" + (f" ({self.operation})" if self.operation else ""))

    @property
    def id(self) -> Id:
        """The same for requests that even name the same devices, times and people."""
        return self.own, self.hidden


_BEFORE = Call._fields.index("fresh")
_UNKNOWN: tuple[None, list[int]] = None, []


class Reader:
    """Reads requests of one dialect, as they are after redaction by a policy.

    Clients send the same bodies but for the ids they mint for each operation. These are cut out of the text; what is
    left was either read before, or it is read now.
    """

    def __init__(self, dialect: Dialect, policy: Policy | None = None) -> None:
        """Prepare."""
        self._dialect = dialect
        self._masks = Masks(policy)
        pairs = {path: key for key in dialect.minted for path in dialect.request_keys.get(key, ())}
        self.fresh = tuple((path, key) for path, key in pairs.items() if key in dialect.per_operation)
        self.lasting = tuple((path, key) for path, key in pairs.items() if key not in dialect.per_operation)
        paths = [path for path, _ in self.fresh]
        self.ignored, self._own = _in_body([*pairs, *dialect.volatile]), _in_body(paths)
        # what a policy looks into may be hidden in one request and not in the next
        free = [path for path, key in self.fresh if key not in dialect.session_keys]
        cut = {path.rpartition(".")[2]: path for path in free if self._masks.keeps(path.removeprefix("body."))}
        self._places = {name.encode(): paths.index(path) for name, path in cut.items()}
        self._values = _values_of(cut)
        self._known: dict[tuple[str, str, tuple[bytes, ...]], tuple[Call, list[int]]] = {}

    def read(self, method: str, target: str, body: bytes) -> Call:
        """Read a request."""
        if len(body) > _LONGEST:
            return self._read(method, target, body)
        pieces = self._values.split(body)  # text, then for each value: up to it, its name, the value, text
        values = pieces[3::_PIECES]
        rest = (*pieces[::_PIECES], *pieces[1::_PIECES])
        known, places = self._known.get((method, target, rest), _UNKNOWN)
        if known is None:
            names = pieces[2::_PIECES]
            return self._remembered(self._read(method, target, body), target, rest, names, values)
        if not values:
            return known
        fresh = list(known.fresh)
        for place, value in zip(places, values, strict=True):
            fresh[place] = _value(value)
        return Call._make((*known[:_BEFORE], tuple(fresh), known.lasting))  # `_replace` takes three times as long

    def _remembered(
        self, call: Call, target: str, rest: tuple[bytes, ...], names: list[bytes], values: list[bytes]
    ) -> Call:
        """Remember it, if the values that were cut out are the minted ones, each once."""
        places = [self._places[name] for name in names]
        cut = dict(zip(places, map(_value, values), strict=True))
        there = {place: call.fresh[place] for place in self._places.values() if call.fresh[place] is not None}
        if len(cut) == len(values) and repr(sorted(cut.items())) == repr(sorted(there.items())):
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[call.method, target, rest] = call, places
        return call

    def _read(self, method: str, target: str, body: bytes) -> Call:
        masked = self._masks.of(target, body)
        path, _, query_text = masked.target.partition("?")
        value = parse_json(masked.body)
        operation = self._dialect.name_of(method, masked.target, value)
        query = tuple(sorted(parse_qsl(query_text, keep_blank_values=True)))
        fresh, lasting = ([lookup({"body": value}, p) for p, _ in keys] for keys in (self.fresh, self.lasting))
        is_object = isinstance(value, dict)
        alike, own = (
            _canonical(without(value, paths)) if is_object else masked.body for paths in (self.ignored, self._own)
        )
        outer = (method, unquote(path), query)
        bound = tuple(self._bound(key, found) for (_, key), found in zip(self.lasting, lasting, strict=True))
        ids = _digest(*outer, alike), _digest(own)
        return Call(*outer, value, masked.body, operation, masked.values, *ids, tuple(fresh), bound)

    def _bound(self, key: str, value: JSON) -> tuple[str, JSON] | None:
        """A value as it is compared, and as it is written into what is sent."""
        text = as_key(value)
        if text is None:
            return None
        bare = self._dialect.bare(key, text)
        return bare, value if bare == text else bare


def _values_of(names: Iterable[str]) -> re.Pattern[bytes]:
    """Finds members of these names whose values are written plainly: what stands before it, the name, the value."""
    either = "|".join(re.escape(name) for name in names) or "(?!)"
    plain, number = r'"[ !#-\[\]-~]*"', r"-?(?:0|[1-9][0-9]{0,15})"
    return re.compile(rf'("({either})"\s*:\s*)({plain}|{number})(?=\s*[,}}])'.encode())


def _value(text: bytes) -> str | int:
    return text[1:-1].decode() if text.startswith(b'"') else int(text)


def _in_body(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(path.removeprefix("body.") for path in paths if path.startswith("body."))


def _canonical(value: JSON) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest(*parts: object) -> bytes:
    return blake2b(repr(parts).encode(errors="surrogatepass"), digest_size=_DIGEST).digest()
