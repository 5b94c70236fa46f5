"""Keep the parts of an import outside of the memory until they are in order.

The order of a cassette is that of time, the order of an archive is another one, and an archive may be larger than the
memory. So each part is encoded as in a cassette and kept in a temporary file without a name; in memory are its time and
its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeAlias, cast, overload

from ..cassette.codec import decode, encode
from ..cassette.frames import read_frame
from ..cassette.packing import MAX_HEADERS
from ..errors import CassetteError
from ..model import Chunk, Failure, Request, Response, SocketMessage
from ..temporary import temporary

Part: TypeAlias = Request | Response | Chunk | Failure | SocketMessage

LARGEST = 16 << 30  # bytes of all parts together; a file of a few megabytes may unpack to any size
MOST = 4_000_000  # parts; each takes a quarter of a kilobyte of memory
_IN_MEMORY = 8 << 20  # bytes
UNKNOWN = -1


@dataclass(slots=True, eq=False)
class Item:
    """A part, as far as it is kept in memory.

    Attributes:
        t: Nanoseconds since the epoch, `UNKNOWN` if the file does not say.
        kind: The class of the part.
        place: `seq` in the original capture, of a part of a HAR that the recorder wrote.
        client: clientId of a poll, None for anything else.
        has_events: Whether the part brings events.
        lacks: What of the body is missing, as a text.
    """

    t: int
    exchange: int
    kind: type[Part]
    offset: int
    place: int | None = None
    client: str | None = None
    has_events: bool = False
    lacks: str | None = None


class Spool:
    """The parts of an import; a context manager that removes them at its end.

    Attributes:
        items: The parts, in the order of the file.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Begin without parts; `folder` is where a temporary file is made, by default that of the system."""
        self.items: list[Item] = []
        self._folder = folder
        self._file: IO[bytes] = BytesIO()  # until the parts are many
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, part: Part, path: str, *, place: int | None = None, lacks: str | None = None) -> Item:
        """Keep a part.

        Args:
            part: The part.
            path: The imported file, for errors.
            place: As in `Item`.
            lacks: As in `Item`.

        Raises:
            CassetteError: If the file holds more than an import takes.
            OutputError: If the temporary file cannot be written.
        """
        if isinstance(part, Request | Response) and len(part.headers) > MAX_HEADERS:
            part = replace(part, headers=part.headers[:MAX_HEADERS])
        frame = encode(part)
        if self._end + len(frame) > LARGEST or len(self.items) >= MOST:
            raise CassetteError(path, f"holds more than {LARGEST >> 30} GiB or {MOST} messages; import it in parts")
        if self._end <= _IN_MEMORY < self._end + len(frame):
            self._move()
        self._file.seek(self._end)
        self._file.write(frame)
        item = Item(part.t, part.exchange, type(part), self._end, place, lacks=lacks)
        self._end += len(frame)
        self.items.append(item)
        return item

    def _move(self) -> None:
        held = cast("BytesIO", self._file).getvalue()
        wanted = self._folder
        # the folder of a new cassette is made when the cassette is written
        folder = next((found for found in (wanted, *wanted.parents) if found.is_dir()), None) if wanted else None
        self._file = temporary(folder)
        self._file.write(held)

    def read(self, item: Item) -> Part:
        """Return a part, with the time that its item has now."""
        self._file.seek(item.offset)
        found = decode(read_frame(self._file, item.offset, self._end, path="spool"), path="spool")
        return replace(cast("Part", found), t=item.t)

    def parts(self) -> Iterator[Part]:
        """Yield all parts, in the order of `items`."""
        return map(self.read, self.items)

    def drop(self, exchanges: set[int]) -> None:
        """Forget the parts of some exchanges."""
        if exchanges:
            self.items = [item for item in self.items if item.exchange not in exchanges]


class Parts(Sequence[Part]):
    """The parts of an import in order, read from the spool one at a time."""

    def __init__(self, spool: Spool, items: Sequence[Item], start: int) -> None:
        """Keep the items; `start` is the time in nanoseconds since the epoch that the first part is counted from."""
        self._spool, self._items, self._start = spool, items, start

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Part: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Part]: ...
    def __getitem__(self, index: int | slice) -> Part | Sequence[Part]:
        """Return a part with its time since the start in nanoseconds."""
        if isinstance(index, slice):
            return Parts(self._spool, self._items[index], self._start)
        part = self._spool.read(self._items[index])
        return replace(part, t=max(0, part.t - self._start))

    def count_of(self, kind: type[Part]) -> int:
        """Return the number of parts of a class."""
        return sum(item.kind is kind for item in self._items)

    def lacking(self) -> Iterator[tuple[Part, str | None]]:
        """Yield each part with what its body lacks."""
        for part, item in zip(self, self._items, strict=True):
            yield part, item.lacks
