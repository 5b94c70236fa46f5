"""What is compared of requests, held together: where very many are recorded, looking into memory is what takes time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ..model import JSON

Id: TypeAlias = tuple[bytes, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Lasting:
    """What a client has minted for longer than an operation, by `Reader.lasting`: as compared, and to be bound.

    Most requests of a session name the same; they share it.
    """

    values: tuple[tuple[str, JSON] | None, ...]


class Minted(NamedTuple):
    """A value that a recorded client minted for one operation.

    Attributes:
        number: Its place in `Reader.fresh`.
        key: Of what it is a value.
        bare: As it is compared.
        value: As it was written.
        run: What all texts have that hold it as a word (`bindings.first_run`); None if it is too short to be one.

    """

    number: int
    key: str
    bare: str
    value: JSON
    run: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A recorded request, as far as it is compared on each match.

    Attributes:
        place: In `Matcher.triples`.
        n: The number of its triple, 0 for an exchange that is none.
        session: The recorded session that made it.
        operation: Its name.
        own: As that of its call; `hidden` and `lasting` likewise.
        minted: What the client minted for this operation.

    """

    place: int
    n: int
    session: str | None
    operation: str | None
    own: bytes
    hidden: tuple[str, ...]
    lasting: Lasting
    minted: tuple[Minted, ...]

    @property
    def id(self) -> Id:
        """What tells it from others that differ in minted, volatile and hidden values alone."""
        return self.own, self.hidden

    @property
    def owner(self) -> str | None:
        """Whose it is; None for an exchange that is no operation, which is nobody's in particular."""
        return self.session if self.n else None
