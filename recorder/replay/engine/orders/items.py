"""Name the acks and events of a recording, as people and schedules do: `ack 4`, `event 4.1`, `event u3`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ....errors import UsageError

_FORM = re.compile(r"ack ([1-9][0-9]{0,8})|event ([1-9][0-9]{0,8})\.([1-9][0-9]{0,8})|event u([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """An act of the server that a schedule can move: the ack of a triple, one of its events, or an unsolicited event.

    Attributes:
        triple: Number of the triple; 0 for an unsolicited event.
        index: 0 for the ack; else which event of the triple, or which unsolicited event of the recording, from 1.
    """

    triple: int
    index: int = 0

    @property
    def is_ack(self) -> bool:
        """True if it is an ack."""
        return self.index == 0

    def __str__(self) -> str:
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
            raise UsageError(f"'{text[:100]}' names no ack or event; write 'ack 4', 'event 4.1' or 'event u3'")
        ack, triple, index, unsolicited = found.groups()
        if unsolicited:
            return cls(0, int(unsolicited))
        return cls(int(ack)) if ack else cls(int(triple), int(index))
