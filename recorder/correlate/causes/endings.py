"""Give events to operations, as many as a triple may have, and tell which of them end an operation."""

from __future__ import annotations

from dataclasses import dataclass

from ...dialect.definition import Dialect
from ...errors import CassetteError
from ...model import Link
from ...push.rules import MESSAGE
from ..operations import Operation, Seen, ends, fails
from .rules import are_alike

MOST_EVENTS = 100_000  # of a triple, which is read into memory as a whole: some 8 KB an event at the worst command
_HINT = (
    "give a dialect that links fewer events by --dialect; merge, redact, scan, recover and convert --to har take the "
    "file as it is"
)


@dataclass(frozen=True, slots=True)
class Endings:
    """Meaning of an event for the operation to which it is linked.

    Attributes:
        dialect: Says what the requests and events mean.
        file: What is read, for the error about an operation with too many events; None keeps the first of them only.
    """

    dialect: Dialect
    file: str | None

    def take(self, op: Operation, link: Link) -> None:
        """Give an event to an operation.

        Raises:
            CassetteError: If the operation has more than `MOST_EVENTS`, unless there is no `file`.
        """
        if len(op.links) < MOST_EVENTS:
            op.links.append(link)
        elif self.file is not None:
            what = f"the request in record {op.seq} ({op.name}) has more than {MOST_EVENTS:,} events"
            raise CassetteError(self.file, f"{what}, the most that a triple may have", hint=_HINT)

    def drop(self, op: Operation, link: Link) -> None:
        """Take an event from an operation; there may be more of them than were kept."""
        if len(op.links) < MOST_EVENTS or link in op.links:
            op.links.remove(link)

    def is_error(self, seen: Seen) -> bool:
        """Return whether an event tells of an error."""
        return self.dialect.is_error(seen.event)

    def is_terminal(self, op: Operation, link: Link) -> bool:
        """Return whether an event is the last one of an operation, by its name."""
        return self.dialect.is_terminal(op.name, link.name)

    def is_end(self, op: Operation, seen: Seen, link: Link) -> bool:
        """Take an event of an operation; return whether the operation has ended with it."""
        is_late = self.dialect.error_after_ack or op.request.method == MESSAGE
        if is_late and self.is_error(seen):
            return fails(op, seen, self.dialect)
        return self.is_terminal(op, link) and self._is_own(op, seen, link) and ends(op, seen, self.dialect)

    def _is_own(self, op: Operation, seen: Seen, link: Link) -> bool:
        """Return whether an event is about what the operation itself did, not about what the server did on the way."""
        return link.rule != "shared" and (link.rule != "sibling" or are_alike(op, seen, self.dialect))
