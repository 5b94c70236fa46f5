"""Keep what was asked in a temporary file, so that a second pass over a recording need not read the recording again.

Looking a request up in a cassette takes ten times as long as reading it back in order: measured, 50 µs of CPU to 5.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, overload

from ...model import Request, State, Triple
from ...temporary import temporary

_BATCH, _SIZE = 256, 1 << 20  # requests that are written at once, and bytes of their bodies
_STATES = {state.value: state for state in State}
_LENGTH = 8  # bytes before each batch


class Asked:
    """The requests of triples, or of other exchanges, in the order in which they came."""

    def __init__(self, folder: Path | None = None) -> None:
        """Begin with none; `folder` is that of the temporary file, None takes the system's."""
        self._folder = folder
        self._file: IO[bytes] | None = None  # most cassettes have no exchanges that are no operation
        self._batch: list[tuple[Any, ...]] = []
        self._size = 0

    def add(self, triple: Triple) -> None:
        """Keep the request of a triple."""
        one = triple.request
        sent = one.seq, one.t, one.exchange, one.connection, one.method, one.target, one.headers, one.body, one.message
        self._batch.append((triple.n, triple.operation, triple.session, triple.state.value, sent))
        self._size += len(one.body)
        if len(self._batch) >= _BATCH or self._size >= _SIZE:
            self._write()

    def __iter__(self) -> Iterator[Triple]:
        """Yield the triples as they were asked: without keys, answers and events."""
        self._write()
        at = 0
        while self._file is not None:
            self._file.seek(at)
            size = int.from_bytes(self._file.read(_LENGTH), "big")
            if not size:
                return
            batch = marshal.loads(self._file.read(size))  # noqa: S302  # this process wrote it
            at += _LENGTH + size
            for n, operation, session, state, sent in batch:
                yield Triple(n, operation, {}, session, _STATES[state], Request(*sent), None, None, ())

    def close(self) -> None:
        """Delete the file."""
        if self._file is not None:
            self._file.close()

    def _write(self) -> None:
        if self._batch:
            if self._file is None:
                self._file = temporary(self._folder)
            content = marshal.dumps(self._batch)
            self._file.seek(0, 2)
            self._file.write(len(content).to_bytes(_LENGTH, "big") + content)
            self._batch, self._size = [], 0


class AskedTriples(Sequence[Triple]):
    """Triples of a recording with what was asked beside them, for whoever needs no more (`ordering.asked`).

    Attributes:
        asked: The same triples without keys, answers and events.
    """

    def __init__(self, triples: Sequence[Triple], asked: Asked) -> None:
        """Take the triples, and their requests."""
        self._triples, self.asked = triples, asked

    def __len__(self) -> int:
        return len(self._triples)

    @overload
    def __getitem__(self, place: int) -> Triple: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Triple]: ...
    def __getitem__(self, place: int | slice) -> Triple | Sequence[Triple]:
        return self._triples[place]

    def __iter__(self) -> Iterator[Triple]:
        return iter(self._triples)
