"""Which recorded request is this live one: an empty difference is a match, and nothing else is.

An index narrows the choice; `differences` decides, and also explains a miss, so the explanation cannot be wrong.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from ..correlate.dialect import Dialect, as_key, lookup, parse_json, without
from ..model import JSON, Recording, Triple
from ..printable import printable
from ..redaction.policy import Policy
from .masks import Masks
from .rebind import ABSENT, HIDDEN, Bindings


@dataclass(frozen=True, slots=True)
class Call:
    """What matching looks at in a request, recorded or live; `hidden` is what a policy has blanked out in it."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: JSON
    raw: bytes
    operation: str | None
    hidden: tuple[str, ...] = ()

    def __str__(self) -> str:
        return printable(f"{self.method} {self.path}" + (f" ({self.operation})" if self.operation else ""))


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which a live request is not the recorded one."""

    where: str
    recorded: JSON
    live: JSON

    def __str__(self) -> str:
        return printable(f"{self.where} differs: recorded {_shown(self.recorded)}, live {_shown(self.live)}")


class Matcher:
    """Knows all recorded requests; holds no state of any client."""

    def __init__(self, recording: Recording, dialect: Dialect, policy: Policy | None = None) -> None:
        """Index a recording; `policy` is what it was redacted by."""
        self._dialect = dialect
        self._masks = Masks(policy)
        self._minted = {path: key for key in dialect.minted for path in dialect.request_keys.get(key, ())}
        per_operation = [path for path, key in self._minted.items() if key in dialect.per_operation]
        self._ignored = _in_body([*self._minted, *dialect.volatile])
        self._meaningless = _in_body(per_operation)
        self.triples = (*recording.triples, *recording.plain)
        self.calls = tuple(self.call(t.request.method, t.request.target, t.request.body) for t in self.triples)
        self._index: dict[Any, list[int]] = defaultdict(list)
        for place, call in enumerate(self.calls):
            self._index[self._key(call)].append(place)

    def call(self, method: str, target: str, body: bytes) -> Call:
        """Read a request."""
        masked = self._masks.of(target, body)
        path, _, query_text = masked.target.partition("?")
        value = parse_json(masked.body)
        operation = self._dialect.name_of(method, masked.target, value)
        query = tuple(sorted(parse_qsl(query_text, keep_blank_values=True)))
        return Call(method, unquote(path), query, value, masked.body, operation, masked.values)

    def candidates(self, live: Call) -> list[int]:
        """Recorded requests that are the same but for minted and volatile values, in recorded order."""
        return self._index.get(self._key(live), [])

    def differences(self, place: int, live: Call, session: Bindings) -> list[Difference]:
        """All differences to a recorded request, under the bindings of a live session; empty for a match."""
        recorded = self.calls[place]
        return [*_outer(recorded, live), *self._body(recorded, live, session), *_hidden(recorded, live, session)]

    def minted(self, place: int, live: Call) -> Iterator[tuple[str, str, JSON]]:
        """The values of a matched request that the client mints: key, recorded value as compared, live value."""
        for path, key in self._minted.items():
            mine, its = (lookup({"body": body}, path) for body in (self.calls[place].body, live.body))
            recorded = as_key(mine)
            if recorded is None or (key in self._dialect.per_operation and repr(mine) == repr(its)):
                continue
            yield key, self._dialect.bare(key, recorded), self._live(key, its)
        pairs = zip(self.calls[place].hidden, live.hidden, strict=True)
        yield from ((HIDDEN, mine, its) for mine, its in pairs if mine != its)

    def is_exact(self, place: int, live: Call) -> bool:
        """Whether even devices and volatile fields are the recorded ones; ids of one operation tell nothing."""
        if self.calls[place].hidden != live.hidden:
            return False
        recorded, body = (without(call.body, self._meaningless) for call in (self.calls[place], live))
        return not any(_compare(recorded, body, "body"))

    def nearest(self, live: Call, session: Bindings, played: Iterable[int]) -> tuple[int, list[Difference]] | None:
        """The recorded request of this operation, else of this path, that differs least.

        Of equals one that was not played yet, then the earliest.
        """
        done = set(played)
        ranked = [
            (
                live.operation not in (None, recorded.operation),
                recorded.path != live.path,
                len(found),
                place in done,
                place,
            )
            for place, recorded in enumerate(self.calls)
            for found in [self.differences(place, live, session)]
        ]
        best = min(ranked, default=None)
        return (best[-1], self.differences(best[-1], live, session)) if best else None

    def names(self, live: Call, session: Bindings) -> bool:
        """Whether a request names what is bound to a live session for good, e.g. its device."""
        for key in self._dialect.session_keys:
            paths = self._dialect.request_keys.get(key, ())
            found = (as_key(lookup({"body": live.body}, path)) for path in paths)
            value = next((text for text in found if text is not None), None)
            bound = session.pairs.get(key, ())
            if value is not None and any(as_key(pair.live) == self._dialect.bare(key, value) for pair in bound):
                return True
        return False

    def unknown_part(self, live: Call) -> str:
        """What part of the URL no recorded request of its operation has, e.g. its handle; empty if none."""
        parts = self._dialect.route(live.path)
        same = [self._dialect.route(call.path) for call in self.calls if call.operation == live.operation]
        for name, value in parts.items():
            known = sorted({other[name] for other in same if name in other})
            if known and value not in known:
                return printable(f"{name} {_shown(value)} is in no recorded {live.operation}; there is {_some(known)}")
        return ""

    def _live(self, key: str, value: JSON) -> JSON:
        text = as_key(value)
        if text is None:
            return ABSENT
        bare = self._dialect.bare(key, text)
        return value if bare == text else bare

    def _key(self, call: Call) -> tuple[Any, ...]:
        body = _canonical(without(call.body, self._ignored)) if isinstance(call.body, dict) else call.raw
        return (call.method, call.path, call.query, body)

    def _body(self, recorded: Call, live: Call, session: Bindings) -> Iterator[Difference]:
        if not isinstance(recorded.body, dict) or not isinstance(live.body, dict):
            if recorded.raw != live.raw:
                broken = isinstance(recorded.body, dict) and not isinstance(live.body, dict)
                yield Difference("body (live: no JSON object)" if broken else "body", _text(recorded), _text(live))
            return
        yield from _compare(without(recorded.body, self._ignored), without(live.body, self._ignored), "body")
        for path, key in self._minted.items():
            if key in self._dialect.per_operation:
                continue  # bound anew for each operation, so anything goes, also none
            mine, its = (as_key(lookup({"body": body}, path)) for body in (recorded.body, live.body))
            if mine is None and its is None:
                continue
            fits = mine is not None and its is not None and self._allows(session, key, mine, its)
            if not fits:
                yield Difference(path, ABSENT if mine is None else mine, ABSENT if its is None else its)

    def _allows(self, session: Bindings, key: str, mine: str, its: str) -> bool:
        return session.allows(key, self._dialect.bare(key, mine), self._dialect.bare(key, its))


def describe(triple: Triple, call: Call) -> str:
    """A recorded request for people."""
    return f"triple {triple.n}, {call}" if triple.n else str(call)


def _outer(recorded: Call, live: Call) -> Iterator[Difference]:
    # an unknown operation is told first; a request that names none differs in its body
    places = ("operation", "method", "path", "query") if live.operation else ("method", "path", "query")
    for where in places:
        mine, its = getattr(recorded, where), getattr(live, where)
        if mine != its:
            yield Difference(where, mine, its)


def _hidden(recorded: Call, live: Call, session: Bindings) -> Iterator[Difference]:
    """Values that were redacted: each live one stands for one pseudonym, and that one for no other.

    A pseudonym that the server sent is itself, whatever else it stands for. Neither is shown: they are personal.
    """
    if len(recorded.hidden) != len(live.hidden):
        yield Difference("the number of redacted values", len(recorded.hidden), len(live.hidden))
        return
    here = Bindings()
    for mine, its in zip(recorded.hidden, live.hidden, strict=True):
        if mine != its and not (session.allows(HIDDEN, mine, its) and here.allows(HIDDEN, mine, its)):
            yield Difference("a redacted value", "one pseudonym", "another value than it stands for")
            return
        if mine != its:
            here.bind(HIDDEN, mine, its)


def _in_body(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(path.removeprefix("body.") for path in paths if path.startswith("body."))


def _compare(recorded: JSON, live: JSON, where: str) -> Iterator[Difference]:
    """Where two JSON values differ; 1 and 1.0 and true are three different things here."""
    if isinstance(recorded, dict) and isinstance(live, dict):
        for name in [*recorded, *(name for name in live if name not in recorded)]:
            yield from _compare(recorded.get(name, ABSENT), live.get(name, ABSENT), f"{where}.{name}")
    elif isinstance(recorded, list) and isinstance(live, list) and len(recorded) == len(live):
        for place, (mine, its) in enumerate(zip(recorded, live, strict=True)):
            yield from _compare(mine, its, f"{where}[{place}]")
    elif repr(recorded) != repr(live):  # not ==, which takes 1 for true, and nan for another nan
        yield Difference(where, recorded, live)


def _some(values: list[str]) -> str:
    return ", ".join(map(_shown, values[:5])) + (f" and {len(values) - 5} more" if len(values) > 5 else "")


def _canonical(value: JSON) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _text(call: Call) -> str:
    return call.raw.decode("utf-8", "replace")


def _shown(value: JSON) -> str:
    if value is ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
