"""Reads requests, recorded and live ones, for what matching looks at. What is read again and again is read once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote

from ..correlate.dialect import Dialect, lookup, parse_json, without
from ..model import JSON
from ..printable import printable
from ..redaction.policy import Policy
from .masks import Masks

_REMEMBERED = 10_000  # requests; then they are forgotten
_LONGEST = 4000  # bytes of a body that is remembered
_DIGEST = 16  # bytes

Id: TypeAlias = tuple[bytes, tuple[str, ...]]


class Call(NamedTuple):
    """What matching looks at in a request, recorded or live.

    Attributes:
        body: Its JSON; the ids of one operation in it may be those of an earlier request that was the same.
        raw: Likewise.
        hidden: What a policy has blanked out in it.
        key: The same for all requests that differ in minted, volatile and hidden values alone.
        own: The same for those that differ in the ids of one operation, and in hidden values, alone.
        minted: Values that the client has minted, in the order of `Reader.minted`; None where there is none.

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
    minted: tuple[JSON, ...]

    def __str__(self) -> str:
        return printable(f"{self.method} {self.path}" + (f" ({self.operation})" if self.operation else ""))

    @property
    def id(self) -> Id:
        """The same for requests that even name the same devices, times and people."""
        return self.own, self.hidden


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
        self.minted = tuple(pairs.items())  # path and key
        fresh = [path for path, key in self.minted if key in dialect.per_operation]
        self.ignored, self._fresh = _in_body([*pairs, *dialect.volatile]), _in_body(fresh)
        # what a policy looks into may be hidden in one request and not in the next
        free = [path for path in fresh if pairs[path] not in dialect.session_keys]
        cut = {path.rpartition(".")[2]: path for path in free if self._masks.keeps(path.removeprefix("body."))}
        self._places = {name.encode(): list(pairs).index(path) for name, path in cut.items()}
        self._values = _values_of(cut)
        self._known: dict[tuple[str, str, bytes], tuple[Call, list[int]]] = {}

    def read(self, method: str, target: str, body: bytes) -> Call:
        """Read a request."""
        if len(body) > _LONGEST:
            return self._read(method, target, body)
        found = self._values.findall(body)
        rest = self._values.sub(rb"\1", body) if found else body
        known, places = self._known.get((method, target, rest), (None, []))
        if known is None or len(places) != len(found):
            return self._remembered(self._read(method, target, body), target, rest, found)
        if not found:
            return known
        minted = list(known.minted)
        for place, (_, _, value) in zip(places, found, strict=True):
            minted[place] = _value(value)
        return known._replace(minted=tuple(minted))

    def _remembered(self, call: Call, target: str, rest: bytes, found: list[tuple[bytes, bytes, bytes]]) -> Call:
        """Remember it, if the values that were cut out are the minted ones, each once."""
        places = [self._places[name] for _, name, _ in found]
        cut = dict(zip(places, (_value(value) for *_, value in found), strict=True))
        there = {place: call.minted[place] for place in self._places.values() if call.minted[place] is not None}
        if len(cut) == len(found) and repr(sorted(cut.items())) == repr(sorted(there.items())):
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
        minted = tuple([lookup({"body": value}, path) for path, _ in self.minted])
        is_object = isinstance(value, dict)
        alike, own = (
            _canonical(without(value, paths)) if is_object else masked.body for paths in (self.ignored, self._fresh)
        )
        outer = (method, unquote(path), query)
        return Call(*outer, value, masked.body, operation, masked.values, _digest(*outer, alike), _digest(own), minted)


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
