"""Read a recording once: collect its ids, and keep what is compared of it as texts in a temporary file.

The ids that stand in a text are known only when the whole recording was read; then the texts are read back, not the
recording.
"""

from __future__ import annotations

import json
import marshal
import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeAlias, TypeVar
from weakref import finalize

import msgspec

from ..dialect.definition import Dialect
from ..dialect.paths import parse_json, tree_of, without
from ..model import JSON, Recording, Triple, Unsolicited, Value
from ..push.rules import COMMENT
from ..temporary import Spooled
from .words import BLANK, Ids

_IN_MEMORY = 8 << 20  # bytes of texts that need no file
_LENGTH = struct.Struct("=Q")

T = TypeVar("T")

# A tenth of the time that the standard library takes; it refuses integers of more than 64 bits and lone surrogates.
_fast = msgspec.json.Encoder(order="sorted").encode
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), sort_keys=True).encode


Pushed: TypeAlias = tuple[str, str, str | None]  # channel, name and canonical JSON of the data of an event


class Draft(NamedTuple):
    """The compared parts of a triple or other exchange, with its ids.

    Attributes:
        keys: The keys that are no ids, as pairs.
        body: Canonical JSON of the body of the request; "" for none. None if it must be read value by value.
        status: Status of the ack, None without one.
        ack: Canonical JSON of the body of the ack, likewise.
        events: Channel, name and canonical JSON of the data of each event, likewise.
        times: Nanoseconds from the request to each event, then to the ack.
    """

    session: str | None
    operation: str | None
    keys: list[tuple[str, Value]]
    method: str
    target: str
    body: str | None
    status: int | None
    ack: str | None
    events: list[Pushed]
    times: list[int]


class Drafts:
    """The drafts of one recording.

    Attributes:
        ids: The ids of the recording with their kinds.
    """

    def __init__(self, recording: Recording, dialect: Dialect) -> None:
        """Read the recording."""
        self._trees = {root: tree_of(dialect.volatile, root) for root in ("body", "data")}
        self._minted = frozenset(dialect.minted)
        found = Ids(dialect)
        # where a value is an id of two kinds, that in a triple counts, and before it that of a session
        self._plain = _Spool(self._draft(item, found) for item in recording.plain)
        self._triples = _Spool(self._draft(item, found) for item in recording.triples)
        self._unsolicited = _Spool(self._pushed(one, found) for one in recording.unsolicited)
        self.ids = found.kinds()

    def triples(self) -> Iterator[Draft]:
        """Yield the drafts of the triples, once."""
        return map(Draft._make, self._triples)

    def plain(self) -> Iterator[Draft]:
        """Yield the drafts of the other exchanges, once."""
        return map(Draft._make, self._plain)

    def unsolicited(self) -> Iterator[Pushed | None]:
        """Yield channel, name and data of the unsolicited events, once; None for one that is not compared."""
        return iter(self._unsolicited)

    def _draft(self, item: Triple, found: Ids) -> Sequence[object]:
        found.take(item)
        request, ack, began = item.request, item.ack, item.request.t
        times = [link.event.t - began for link in item.events]
        if ack is not None:
            times.append(ack.t - began)
        return (
            item.session,
            item.operation,
            [pair for pair in item.keys.items() if pair[0] not in self._minted],
            request.method,
            request.target,
            self._body(request.body, "body" if request.message is None else "data"),
            None if ack is None else ack.status,
            None if ack is None else self._body(ack.body, "body"),
            [(link.event.channel, link.name, self._json(link.event.data, "data")) for link in item.events],
            times,
        )

    def _pushed(self, one: Unsolicited, found: Ids) -> Pushed | None:
        event = one.event
        found.take_event(event)
        # comments of streams are heartbeats: their number depends on time
        return None if event.channel == COMMENT else (event.channel, one.name, self._json(event.data, "data"))

    def _body(self, body: bytes, root: str) -> str | None:
        if not body:
            return ""
        value = parse_json(body)
        return None if value is None else self._json(value, root)

    def _json(self, value: JSON, root: str) -> str | None:
        tree = self._trees[root]
        text = canonical(without(value, tree) if tree else value)
        # a backslash hides where a string ends, a percent sign where a word begins; a blank looks like a hole
        return None if "\\" in text or "%" in text or BLANK in text else text


def canonical(value: JSON) -> str:
    """Return the JSON of a value, its members in the order of their names, without white space."""
    try:
        text = _fast(value)
        # NaN and infinities become null
        if b"null" not in text or msgspec.json.decode(text) == value:
            return text.decode()
    except (ValueError, OverflowError):
        pass
    exact = _encode(value)
    return _spelled(value) if "e+" in exact or "e-" in exact else exact


def _spelled(value: JSON) -> str:
    """Return the JSON of a value with each number as `_fast` spells it: 1e16, and not 1e+16."""
    match value:
        case dict():
            return "{" + ",".join(f"{_encode(name)}:{_spelled(value[name])}" for name in sorted(value)) + "}"
        case list():
            return "[" + ",".join(map(_spelled, value)) + "]"
        case float() if math.isfinite(value):
            return _fast(value).decode()
    return _encode(value)


class _Spool(Generic[T]):
    """Values in a temporary file, which are read once."""

    def __init__(self, items: Iterable[T]) -> None:
        self._file = Spooled(_IN_MEMORY)
        self._close = finalize(self, self._file.close)
        for item in items:
            data = marshal.dumps(item)  # type: ignore[arg-type]  # rows of what JSON holds
            self._file.write(_LENGTH.pack(len(data)) + data)

    def __iter__(self) -> Iterator[T]:
        self._file.seek(0)
        while head := self._file.read(_LENGTH.size):
            yield marshal.loads(self._file.read(_LENGTH.unpack(head)[0]))  # noqa: S302  # written above
        self._close()
