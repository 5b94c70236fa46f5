"""Reads cassettes, journals and sealed ones alike, a record at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ..errors import CassetteError, TornTail
from ..files import open_regular
from ..model import Header, Record
from . import codec
from .blocks import inside
from .bodies import Remembered
from .frames import Frame, unframe


@dataclass(frozen=True, slots=True)
class Cassette:
    """What stands in a cassette, whole.

    Attributes:
        torn: The torn tail of a journal that a crash ended, None where the file ends cleanly.
    """

    header: Header
    records: tuple[Record, ...]
    torn: TornTail | None = None


class OpenCassette:
    """A cassette that is being read; use it as a context manager."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        """Read the header.

        Raises:
            CassetteError: If the file is no cassette.
        """
        self._file, self._path = file, path
        self._frames = unframe(file, path=path)
        self.torn: TornTail | None = None
        try:
            self._first = next(self._frames)
        except StopIteration:
            raise CassetteError(path, "is empty, not a cassette") from None
        except CassetteError as exc:
            raise CassetteError(path, "not a cassette", hint="it does not begin with a cassette header") from exc
        self.header = codec.decode_header(self._first, path=path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def frames(self) -> Iterator[Frame]:
        """All frames after the header, those of blocks one by one; a torn tail ends them and is kept in `torn`.

        Raises:
            CassetteError: If the file is damaged before its tail, or is sealed and cut off.
        """
        ended = False
        try:
            for found in self._frames:
                if ended:
                    raise CassetteError(self._path, "goes on after its end", offset=found.offset)
                ended = found.kind == codec.END
                yield from inside(found, path=self._path) if found.kind == codec.BLOCK else [found]
        except TornTail as exc:
            if self.header.profile != "journal":
                raise CassetteError(self._path, "is sealed, and cut off", offset=exc.offset) from exc
            self.torn = exc
        if self.header.profile != "journal" and not ended:
            raise CassetteError(self._path, "is sealed, and cut off: its end is missing")

    def records(self) -> Iterator[Record]:
        """The facts, in order.

        Raises:
            CassetteError: If the file is damaged, or a record is missing.
        """
        # a journal names no bodies, so none need be remembered
        bodies = Remembered(self._path) if self.header.profile != "journal" else None
        expected = 0
        for found in self.frames():
            record = codec.decode(found, path=self._path, body_of=bodies.body if bodies else None)
            if record is None:
                continue
            if record.seq != expected:
                raise CassetteError(
                    self._path, f"record {expected} is missing, {record.seq} stands there", offset=found.offset
                )
            if bodies is not None:
                bodies.feed(record)
            yield record
            expected += 1


def open_cassette(path: Path) -> OpenCassette:
    """Open a cassette to read it record by record.

    Raises:
        CassetteError: If the file cannot be opened or is no cassette.
    """
    try:
        file = open_regular(path)
    except OSError as exc:
        raise CassetteError(str(path), exc.strerror or str(exc)) from exc
    try:
        return OpenCassette(file, str(path))
    except BaseException:
        file.close()
        raise


def read(path: Path) -> Cassette:
    """Read a cassette whole; the torn tail of a crashed capture is left out and reported in the result.

    Raises:
        CassetteError: If the file cannot be opened, is no cassette, or is damaged before its tail.
    """
    with open_cassette(path) as cassette:
        records = tuple(cassette.records())
        return Cassette(cassette.header, records, cassette.torn)


def parse(data: bytes, *, path: str = "<bytes>") -> Cassette:
    """Read a cassette from memory; see `read`.

    Raises:
        CassetteError: If the data is no cassette or is damaged before its tail.
    """
    with OpenCassette(BytesIO(data), path) as cassette:
        return Cassette(cassette.header, tuple(cassette.records()), cassette.torn)
