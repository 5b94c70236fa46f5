"""Read a cassette from Python: its header, its records, its triples."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from types import TracebackType
from typing import Self

from ..cassette.reader import OpenCassette, open_cassette
from ..correlate.engine import correlate
from ..dialect.carried import dialect_of
from ..dialect.definition import Dialect
from ..fleet.store.places import place
from ..library.stored import Triples, triples
from ..model import Header, Record, Recording, Triple


class Cassette:
    """An open cassette of any form: a journal, a sealed one, an archive. Use it in a `with` block, or close it."""

    def __init__(self, path: str | PathLike[str], *, dialect: str | None = None) -> None:
        """Open a file.

        Args:
            path: The cassette.
            dialect: Name of a shipped dialect, or path of a TOML file; None takes the dialect in the cassette.

        Raises:
            CassetteError: If the file cannot be opened, or is no cassette.
            DialectError: If the dialect is unknown or wrong.

        """
        self.path = place(path)
        self._dialect = Dialect.load(dialect) if dialect is not None else None
        self._open: OpenCassette = open_cassette(self.path)
        self._triples: Triples | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<cassette {self.path}>"

    def close(self) -> None:
        """Close the file."""
        self._open.__exit__(None, None, None)

    @property
    def header(self) -> Header:
        """When it was recorded, from which server, by which dialect and redaction policy."""
        return self._open.header

    def records(self) -> Iterator[Record]:
        """Yield what was on the wire: requests, responses, failures, WebSocket messages, notes, in order.

        Raises:
            CassetteError: If the file is damaged.

        """
        with open_cassette(self.path) as again:
            yield from again.records()

    def triples(self) -> Iterator[Triple]:
        """Yield the triples in order: operation, ack, events. Of a sealed cassette each is read when it is needed.

        Raises:
            CassetteError: If the file is damaged.

        """
        return iter(self._all())

    def triple(self, n: int) -> Triple:
        """Return the triple of a number, from 1, as `recorder ls` shows it.

        Raises:
            IndexError: If there is none.
            CassetteError: If the file is damaged.

        """
        found = self._all().numbered(n)
        if not found:
            raise IndexError(f"{self.path}: no triple {n}; it holds 1 to {len(self)}")
        return found[0]

    def __len__(self) -> int:
        return len(self._all())

    def recording(self) -> Recording:
        """Return everything that is derived from the cassette: triples, other exchanges, unsolicited events.

        Raises:
            CassetteError: If the file is damaged.

        """
        return correlate(tuple(self.records()), self._dialect or dialect_of(self.header), self.header)

    def _all(self) -> Triples:
        if self._triples is None:
            self._triples = triples(self._open, self._dialect)
        return self._triples
