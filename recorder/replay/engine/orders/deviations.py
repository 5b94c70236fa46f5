"""Say in what a schedule differs from the recorded order, as texts that people can write.

| text | what happens |
|---|---|
| `event 4.1 before ack 4` | the client sees the first only before the second, which waits for it |
| `event 4.2 with event 4.1` | one answer of the server carries both; the first of them waits for the second |
| `event 4.2 apart from event 4.1` | the first comes in a later answer of the server than the second |
| `event 4.1 2s late` | it leaves so much later, on the client's clock |
| `event 4.1 in a reply` | not a poll carries it, but the answer to another message of the client |
| `event 4.1 in a lost poll` | the connection breaks off when the answer with it leaves; it comes again |
| `event 4.1 after a lost session` | before it leaves, the server forgets the session: the client shakes hands anew |
| `event 4.1 twice` | a client that confirms (`ext.ack`) gets it again, because its confirmation was lost |
| `event 4.1 after a cut websocket` | before it leaves, the client's WebSocket ends |

`in a reply` together with `after a lost session` is the answer to the new handshake, for an event that needs no
subscription. Instead of an event there may be an ack where that makes sense: in `before`, `late`, `after a lost
session`, `after a cut websocket`. Where there may be an ack there may be the answer to a request that is no operation,
such as `answer p2`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from ....errors import UsageError
from .items import Item

_ITEM = r"(?:ack|event|answer) \S+"
_FORM = re.compile(rf"({_ITEM}) (?:(before|with|apart from) ({_ITEM})|([0-9.]{{1,12}}(?:ms|s)) late|(.+))")
_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s)")


class Kind(Enum):
    """Kinds of deviations; the value is the words between the item and what follows."""

    BEFORE = "before"
    TOGETHER = "with"
    APART = "apart from"
    LATE = "late"
    IN_REPLY = "in a reply"
    LOST_POLL = "in a lost poll"
    LOST_SESSION = "after a lost session"
    TWICE = "twice"
    CUT = "after a cut websocket"


class Disturbance(Enum):
    """Kinds of trouble on the way that a search uses only where it is asked to; the value is the name for users."""

    POLL = "poll"
    HANDSHAKE = "handshake"
    DUPLICATE = "duplicate"
    FALLBACK = "fallback"


OF_TWO = frozenset({Kind.BEFORE, Kind.TOGETHER, Kind.APART})
DISTURBANCES = {
    Kind.LOST_POLL: Disturbance.POLL,
    Kind.LOST_SESSION: Disturbance.HANDSHAKE,
    Kind.TWICE: Disturbance.DUPLICATE,
    Kind.CUT: Disturbance.FALLBACK,
}
_OF_ACKS = frozenset({Kind.BEFORE, Kind.LATE, Kind.LOST_SESSION, Kind.CUT})


@dataclass(frozen=True, slots=True)
class Deviation:
    """One difference from the recorded order.

    Attributes:
        item: The item that it is about.
        other: The item that it stands before, comes with, or comes apart from; None for the other kinds.
        seconds: How much later it leaves, of `LATE`; 0 for the other kinds.
    """

    kind: Kind
    item: Item
    other: Item | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        if self.kind is Kind.LATE:
            milliseconds = round(self.seconds * 1000)
            time = f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"
            return f"{self.item} {time} late"
        return f"{self.item} {self.kind.value}" + ("" if self.other is None else f" {self.other}")

    @property
    def disturbance(self) -> Disturbance | None:
        """The trouble that it is, None for an order that a server without trouble is allowed."""
        return DISTURBANCES.get(self.kind)

    @classmethod
    def parse(cls, text: str) -> Deviation:
        """Read the text of a deviation.

        Raises:
            UsageError: If the text is none; says what would be one.

        """
        found = _FORM.fullmatch(" ".join(text.split()))
        if found is None:
            raise _wrong(text, "it should begin with an ack, event or answer, followed by what is different about it")
        name, relation, other, time, words = found.groups()
        item = Item.parse(name)
        if time is not None:
            return cls._checked(text, cls(Kind.LATE, item, seconds=_seconds(text, time)))
        kind = next((one for one in Kind if one.value == (relation or words)), None)
        if kind is None or (kind in OF_TWO) is not bool(relation):
            raise _wrong(text, f"'{words}' is unknown")
        return cls._checked(text, cls(kind, item, Item.parse(other) if other else None))

    @classmethod
    def _checked(cls, text: str, made: Deviation) -> Deviation:
        if made.item == made.other:
            raise _wrong(text, "an item has no order with itself")
        if made.kind not in _OF_ACKS and (made.item.is_answer or (made.other is not None and made.other.is_answer)):
            raise _wrong(text, f"'{made.kind.value}' is for events")
        return made


def _seconds(text: str, time: str) -> float:
    found = _TIME.fullmatch(time)
    seconds = 0.0 if found is None else round(float(found[1]) * (1 if found[2] == "ms" else 1000)) / 1000
    if seconds <= 0:
        raise _wrong(text, "the time should be such as 2s or 300ms")
    return seconds


def _wrong(text: str, problem: str) -> UsageError:
    return UsageError(
        f"deviation '{text[:100]}': {problem}; for example: event 4.1 before ack 4, event 4.1 before answer p2"
    )
