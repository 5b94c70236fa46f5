"""Name what a schedule can move, as people do: `ack 4`, `event 4.1`, `event u3`, `answer p2`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ....errors import UsageError

_N = "([1-9][0-9]{0,8})"
_FORM = re.compile(rf"ack {_N}|event {_N}\.{_N}|event u{_N}|answer p{_N}")
REQUEST = "request "
PLAIN = ("request p", "answer p")  # how the names of acts begin that belong to no operation


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """An act of the server that a schedule can move: the answer to a request, or an event.

    Attributes:
        triple: Number of the triple whose ack or event it is; 0 for an unsolicited event and for another answer.
        index: 0 for an answer; else which event of the triple, or which unsolicited event of the recording, from 1.
        plain: Number of the exchange that is no operation, of its answer; 0 for acks and events.
    """

    triple: int
    index: int = 0
    plain: int = 0

    @property
    def is_answer(self) -> bool:
        """True if it answers a request: an ack, or the answer to a request that is no operation."""
        return self.index == 0

    @property
    def is_ack(self) -> bool:
        """True if it is the ack of an operation."""
        return self.index == 0 and self.plain == 0

    @property
    def request(self) -> str:
        """Name of the request that it answers or follows, as in the order of a run; "" for an unsolicited event."""
        if self.plain:
            return f"{REQUEST}p{self.plain}"
        return f"{REQUEST}{self.triple}" if self.triple else ""

    def __str__(self) -> str:
        if self.plain:
            return f"answer p{self.plain}"
        if self.is_ack:
            return f"ack {self.triple}"
        return f"event {self.triple}.{self.index}" if self.triple else f"event u{self.index}"

    @classmethod
    def parse(cls, text: str) -> Item:
        """Read the name of an item.

        Raises:
            UsageError: If the text names none.

        """
        found = _FORM.fullmatch(text)
        if found is None:
            examples = "'ack 4', 'event 4.1', 'event u3' or 'answer p2'"
            raise UsageError(f"'{text[:100]}' names no ack, event or answer; write {examples}")
        ack, triple, index, unsolicited, plain = found.groups()
        if plain:
            return cls(0, plain=int(plain))
        if unsolicited:
            return cls(0, int(unsolicited))
        return cls(int(ack)) if ack else cls(int(triple), int(index))


def triple_of(request: str) -> int:
    """Return the number of the triple of a request by its name in an order; 0 for other names."""
    number = request.removeprefix(REQUEST)
    return int(number) if number != request and number.isdecimal() else 0
