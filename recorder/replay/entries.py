"""What is compared of requests, held together: where very many are recorded, looking into memory is what takes time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..model import JSON

Id: TypeAlias = tuple[bytes, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Lasting:
    """What a client has minted for longer than an operation, by `Reader.lasting`: as compared, and to be bound.

    Most requests of a session name the same; they share it.
    """

    values: tuple[tuple[str, JSON] | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A recorded request, as far as it is compared on each match.

    Attributes:
        place: In `Matcher.triples`.
        n: The number of its triple, 0 for an exchange that is none.
        session: The recorded session that made it.
        operation: Its name.
        own: As that of its call; `hidden` and `lasting` likewise.
        minted: What the client minted for this operation: place in `Reader.fresh`, key, value as compared, value.

    """

    place: int
    n: int
    session: str | None
    operation: str | None
    own: bytes
    hidden: tuple[str, ...]
    lasting: Lasting
    minted: tuple[tuple[int, str, str, JSON], ...]

    @property
    def id(self) -> Id:
        """What tells it from others that differ in minted, volatile and hidden values alone."""
        return self.own, self.hidden

    @property
    def owner(self) -> str | None:
        """Whose it is; None for an exchange that is no operation, which is nobody's in particular."""
        return self.session if self.n else None
