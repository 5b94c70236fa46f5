"""Read a cassette of any form: records one at a time, and in a sealed cassette any single record or triple.

A look-up reads the index and one frame, not the whole file. The index is read on first use; for a small file without
an index it is built in memory.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import SEEK_END, BytesIO
from itertools import chain, pairwise
from pathlib import Path, PosixPath
from types import TracebackType
from typing import IO, Any, Self, overload
from weakref import finalize

from ..errors import CassetteError, TornTail
from ..files import Remote, open_regular
from ..model import Header, Record, Row
from . import blocks, codec
from .bodies import Remembered
from .frames import OVERHEAD, Frame, Window, peek, read_frame
from .index import DIGEST, KEY, frame_digest, key_entries, key_hash
from .tables import ADDRESS, INNER_BITS, Pages, Rows, Table
from .usual import BodyOf

_INNER = (1 << INNER_BITS) - 1
_TABLES = ("keys", "records", "triples")  # of each index; others are there for readers that know them
_WIDTHS = {"keys": KEY.size, "records": ADDRESS.size, "triples": ADDRESS.size}
_HINT = "run recorder doctor for details"
_HASHED = 1 << 20  # bytes that are read at once to be hashed
_CACHED = 16  # blocks kept in memory
_PAGES = 24  # pages of tables kept in memory


@dataclass(frozen=True, slots=True)
class Cassette:
    """The whole content of a cassette: its records are in memory, or are read from an open file (`Located`).

    Attributes:
        torn: The torn tail of a journal after a crash; None where the file ends cleanly.
    """

    header: Header
    records: Sequence[Record]
    torn: TornTail | None = None


@dataclass(frozen=True, slots=True)
class _Index:
    """The index of a sealed cassette.

    Attributes:
        checksum: SHA-256 stored in the end frame.
        tables: Pages of each table: keys, records, triples, and those that a cassette need not have.
        built: Pages built in memory; a page with the offset -1 is the first of them, -2 the second.
    """

    checksum: bytes
    tables: dict[str, Pages]
    built: list[bytes]


class Facts:
    """Decodes the records of one file, frame by frame, and detects a missing record."""

    def __init__(self, path: str, *, sealed: bool, first: int = 0, body_of: BodyOf | None = None) -> None:
        """Begin before a record.

        Args:
            path: Name of the file, for errors.
            sealed: Whether the file is sealed.
            first: Number of the first record that is to be decoded.
            body_of: Returns the body of an earlier record that is not among those to be decoded.

        """
        self._path, self._expected = path, first
        # only sealed cassettes name earlier bodies, so a journal needs no memory of them
        self._bodies = Remembered(path) if sealed and body_of is None else None
        self._body_of = body_of if self._bodies is None else self._bodies.body

    def record(self, found: Frame) -> Record | None:
        """Return the record of the next frame, or None for a frame that is not a record.

        Raises:
            CassetteError: If the frame is damaged, or the record before this one is missing.
        """
        record = codec.decode(found, path=self._path, body_of=self._body_of)
        if record is None:
            return None
        if record.seq != self._expected:
            problem = f"record {self._expected} is missing, record {record.seq} is in its place"
            raise CassetteError(self._path, problem, offset=found.offset)
        if self._bodies is not None:
            self._bodies.feed(record)
        self._expected += 1
        return record


class OpenCassette:
    """A cassette that is open for reading; use it as a context manager.

    Attributes:
        torn: The torn tail of a journal, or None; set once frames or records were read to the end.
        place: The path by which another process can open the file; None if there is none.
        awaited: Number of frames in which a journal may still say its dialect; 0 if it has, or will not.
    """

    def __init__(self, file: IO[bytes], path: str, place: Path | None = None) -> None:
        """Take ownership of `file` and read the header.

        Raises:
            CassetteError: If the file is no cassette.
        """
        self._file, self.path, self.place = file, path, place
        finalize(self, file.close)  # a recording that is used in no `with` block keeps it open as long as it is read
        self._size = file.seek(0, SEEK_END)
        self._block = lru_cache(_CACHED)(self._read_block)
        self._blocks: set[int] = set()  # where blocks were found
        self._page = lru_cache(_PAGES)(self._read_page)
        self._tables: dict[str, Table] = {}
        self.torn: TornTail | None = None
        if not self._size:
            raise CassetteError(path, "is empty, not a cassette")
        try:
            first = self._frame(0)
        except CassetteError as exc:
            raise CassetteError(path, "not a cassette", hint="it does not begin with a cassette header") from exc
        self.header: Header = codec.decode_header(first, path=path)
        self.awaited = 0
        self._start = OVERHEAD + len(first.body)  # byte at which the second frame stands
        if codec.rules_follow(first, path=path) and not self.is_sealed:
            self.header = self._ruled(self.header)

    @classmethod
    def unfinished(cls, file: IO[bytes], path: str, tables: dict[str, Pages]) -> Self:
        """Open a sealed cassette that is being written, whose pages stand in the file already.

        Args:
            file: The file, for reading; it is owned from now on.
            path: Name of the file, for errors.
            tables: The pages of its tables.
        """
        cassette = cls(file, path)
        cassette._index = _Index(b"", tables, [])
        return cassette

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()

    def frames(self) -> Iterator[Frame]:
        """Yield all frames after the header; a compressed block yields the frames inside it.

        A torn tail of a journal ends the frames without an error and is stored in `torn`. Of a sealed cassette the
        checksum is compared at its end.

        Raises:
            CassetteError: If the file is damaged before its tail, or is sealed and cut off or not as it was written.
        """
        offset, ended, digest, hashed = self._start, False, hashlib.sha256(), 0
        is_sealed, size, window = self.is_sealed, self._size, self.window()
        try:
            while offset < size:
                found = window.frame(offset)
                if ended:
                    raise CassetteError(self.path, "has data after its end frame", offset=offset)
                ended = found.kind == codec.END
                if is_sealed and (ended or offset - hashed > _HASHED):
                    hashed = self._hash(digest, hashed, offset)
                yield from blocks.inside(found, path=self.path)
                if ended and is_sealed and OVERHEAD + len(found.body) == codec.END_SIZE:
                    self._compare(digest.digest(), found.body[-digest.digest_size :])
                offset += OVERHEAD + len(found.body)
        except TornTail as exc:
            if is_sealed:
                raise CassetteError(self.path, "is sealed, but cut off inside a frame", offset=exc.offset) from exc
            self.torn = exc
        if is_sealed and not ended:
            raise CassetteError(self.path, "is sealed, but cut off: its end frame is missing")

    def span(self, start: int, end: int) -> Iterator[Frame]:
        """Yield the frames of a sealed cassette that stand between two bytes; `verify` compares the checksum.

        Raises:
            CassetteError: If no intact frame starts at one of them.
        """
        while start < end:
            found = self._frame(start)
            yield from blocks.inside(found, path=self.path)
            start += OVERHEAD + len(found.body)

    def spans(self, name: str, most: int) -> Iterator[tuple[int, int]]:
        """Yield the bytes between which the frames of a sealed cassette stand, cut before frames of a table.

        Args:
            name: The table: `records` for the facts, `triples` for the rest; a block that holds both is in both.
            most: Entries of the table after which is cut.
        """
        addresses = self.table(name, ADDRESS.size)
        cuts = sorted({self._offset(addresses, place) for place in range(0, len(addresses), most)})
        derived = [self.table(one, ADDRESS.size) for one in ("triples", "exchanges", "unsolicited")]
        first = min((self._offset(table, 0) for table in derived if len(table)), default=self._size)
        self._file.seek(first)
        kind, size = peek(self._file) or (0, 0)
        behind = first + size if kind == codec.BLOCK else first
        begin, end = (self._start, behind) if name == "records" else (first, self._size)
        yield from pairwise([begin, *(cut for cut in cuts if begin < cut < end), end])

    def records(self) -> Iterator[Record]:
        """Yield the records, in order.

        Raises:
            CassetteError: If the file is damaged, or a record is missing.
        """
        facts = Facts(self.path, sealed=self.is_sealed)
        for found in self.frames():
            record = facts.record(found)
            if record is not None:
                yield record

    def placed(self) -> Iterator[tuple[Record, int]]:
        """Yield the records, in order, each with the address of its frame.

        Raises:
            CassetteError: If the file is damaged, or a record is missing.
        """
        facts = Facts(self.path, sealed=self.is_sealed)
        for found in self.frames():
            record = facts.record(found)
            if record is not None:
                yield record, found.offset << INNER_BITS | found.inner

    @property
    def is_sealed(self) -> bool:
        """True for a sealed cassette or an archive, which store their triples; False for a journal."""
        return self.header.profile != codec.JOURNAL

    @property
    def stored(self) -> int:
        """Number of stored triples, which are numbered from 1; 0 for a journal."""
        return self._count("triples") if self.is_sealed else 0

    @property
    def count(self) -> int:
        """Number of records in a sealed cassette, which are numbered from 0."""
        return self._count("records")

    @property
    def checksum(self) -> bytes:
        """SHA-256 of all bytes before the end frame, as stored in the end frame of a sealed cassette."""
        return self._index.checksum

    def record(self, seq: int) -> Record:
        """Return record number `seq` of a sealed cassette.

        Raises:
            CassetteError: If there is no such record, or the file is a journal or damaged.
        """
        found = codec.decode(self.at(self._address("records", seq)), path=self.path, body_of=self._body)
        if found is None or found.seq != seq:
            raise self._misplaced(f"record {seq}")
        return found

    def row(self, n: int) -> Row:
        """Return stored triple number `n` of a sealed cassette, from 1.

        Raises:
            CassetteError: If there is no such triple, or the file is a journal or damaged.
        """
        found = self.at(self._address("triples", n - 1))
        row, digests = codec.decode_row(found, path=self.path), self.table("digests", DIGEST)
        if row.n != n:
            raise self._misplaced(f"triple {n}")
        if len(digests) and digests[n - 1] != frame_digest(found):
            raise CassetteError(self.path, f"the checksum of triple {n} is wrong", hint=_HINT)
        return row

    def find(self, name: str, value: str) -> list[int]:
        """Return the numbers of the stored triples that may have a key, in order.

        Two keys may share a hash, so the caller must compare the keys of each triple.
        """
        entries = self.table("keys", KEY.size).starting(key_hash(name, value).to_bytes(8, "big"))
        return [KEY.unpack(entry)[1] for entry in entries]

    def table(self, name: str, width: int) -> Table:
        """Return a table of the index of a sealed cassette; an empty one if there is none of that name.

        Args:
            name: Name of the table.
            width: Bytes of each of its entries.

        Raises:
            CassetteError: If the table is damaged, or the file is a journal.
        """
        if name not in self._tables:
            pages = self._index.tables.get(name, [])
            self._tables[name] = Table(width, pages, self._page, path=self.path, name=name)
        return self._tables[name]

    @property
    def has_index(self) -> bool:
        """True for a sealed cassette with an index in the file; without one the index is built on opening."""
        return self.is_sealed and self._end[1] > 0

    def verify(self) -> None:
        """Read a whole sealed cassette and compare its checksum (SHA-256) with the stored one.

        Raises:
            CassetteError: If the checksums differ, or the end frame or the index is damaged.
        """
        digest = hashlib.sha256()
        self._hash(digest, 0, self._size - codec.END_SIZE)
        self._compare(digest.digest(), self._end[0])

    def _hash(self, digest: hashlib._Hash, start: int, end: int) -> int:
        """Take the bytes from `start` up to `end` into a hash; return the end."""
        self._file.seek(start)
        while start < end and (chunk := self._file.read(min(end - start, _HASHED))):
            digest.update(chunk)
            start += len(chunk)
        return end

    def _compare(self, found: bytes, stated: bytes) -> None:
        if found != stated:
            raise CassetteError(self.path, "the checksum of the file is wrong", hint=_HINT)

    def _misplaced(self, what: str) -> CassetteError:
        return CassetteError(self.path, f"{what} is not where the index says", hint=_HINT)

    def _body(self, seq: int) -> bytes:
        """Return the body of an earlier record.

        No `body_of` is given to `decode`: a record that is named stores its body, and a damaged file that names
        records in a circle must not cause an endless recursion.
        """
        found = codec.decode(self.at(self._address("records", seq)), path=self.path)
        return bytes(getattr(found, "body", b""))

    def _count(self, table: str) -> int:
        return len(self.table(table, _WIDTHS[table]))

    @staticmethod
    def _offset(addresses: Table, place: int) -> int:
        return int(ADDRESS.unpack(addresses[place])[0]) >> INNER_BITS

    def _address(self, name: str, place: int) -> int:
        table = self.table(name, _WIDTHS[name])
        if not 0 <= place < len(table):
            raise CassetteError(self.path, f"holds no entry {place} of its {name}")
        return int(ADDRESS.unpack(table[place])[0])

    def window(self) -> Window:
        """Return what reads frames that follow each other, for one reader."""
        return Window(self._file, self._size, self.path, is_far=isinstance(self.place, Remote))

    def at(self, address: int, window: Window | None = None) -> Frame:
        """Return the frame at an address.

        Args:
            address: The address.
            window: Reads the frame, for a caller that asks for them in their order.

        Raises:
            CassetteError: If no intact frame starts there.
        """
        offset, inner = address >> INNER_BITS, address & _INNER
        if offset not in self._blocks:
            found = self._frame(offset) if window is None or offset >= self._size else window.frame(offset)
            if found.kind != codec.BLOCK:
                return found
            self._blocks.add(offset)
        raw = self._block(offset)
        file = BytesIO(raw)
        file.seek(inner)
        return read_frame(file, inner, len(raw), path=self.path)

    def _ruled(self, header: Header) -> Header:
        """Return the header with the dialect that a journal says later; as it is if the journal does not say one.

        Only the heads of the frames before are read. Damage among them is told by who reads the frames.
        """
        offset, found = self._start, None
        for count in range(codec.RULES_WITHIN):
            self._file.seek(offset)
            match peek(self._file):
                case codec.RULES, _:
                    with suppress(CassetteError):
                        found = self._frame(offset)
                    return codec.decode_rules(found, header, path=self.path) if found else header
                case _, int(size):
                    offset += size
                    continue
            self.awaited = codec.RULES_WITHIN - count
            break
        return header

    def _frame(self, offset: int) -> Frame:
        if offset >= self._size:
            raise CassetteError(self.path, f"points to byte {offset}, which is beyond its end", hint=_HINT)
        self._file.seek(offset)
        return read_frame(self._file, offset, self._size, path=self.path)

    def _read_block(self, offset: int) -> bytes:
        return blocks.decompress(self._frame(offset), path=self.path)

    def _read_page(self, offset: int) -> bytes:
        if offset < 0:
            return self._index.built[-offset - 1]
        content = codec.decode_value(self.at(offset << INNER_BITS), path=self.path)
        if not isinstance(content, bytes):
            raise CassetteError(self.path, "a page of the index is damaged", offset=offset)
        return content

    @cached_property
    def _end(self) -> tuple[bytes, int]:
        """The stored checksum of a sealed cassette, and the byte of the contents frame, 0 where there is no index."""
        if not self.is_sealed:
            raise CassetteError(self.path, "is a journal, which has no index for look-ups", hint="seal it first")
        offset = self._size - codec.END_SIZE
        found = self._frame(offset) if offset > 0 else None
        value = codec.decode_value(found, path=self.path) if found and found.kind == codec.END else None
        if not isinstance(value, bytes) or len(value) != 40:
            raise CassetteError(self.path, "is sealed, but does not end with an end frame", hint="was it cut off?")
        return value[8:], int.from_bytes(value[:8], "big")

    @cached_property
    def _index(self) -> _Index:
        checksum, contents = self._end
        if contents:
            return _Index(checksum, self._contents(contents), [])
        if self.header.profile == codec.ARCHIVE:
            raise CassetteError(self.path, "is an archive without an index", hint=_HINT)
        return self._build(checksum)

    def _contents(self, offset: int) -> dict[str, Pages]:
        value = codec.decode_value(self._frame(offset), path=self.path)
        if not isinstance(value, dict) or not set(_TABLES) <= value.keys():
            raise CassetteError(self.path, "the contents are damaged", offset=offset)
        return {str(name): _pairs(groups, self.path, offset) for name, groups in value.items()}

    def _build(self, checksum: bytes) -> _Index:
        """Build the index of a small file that has none."""
        index = _Index(checksum, {}, [])
        tables = {name: Rows(width, is_sorted=name == "keys") for name, width in _WIDTHS.items()}
        offset = self._start
        while offset < self._size:
            found = self._frame(offset)
            if found.kind in codec.FACTS:
                tables["records"].add(ADDRESS.pack(offset << INNER_BITS))
            elif found.kind == codec.TRIPLE:
                tables["triples"].add(ADDRESS.pack(offset << INNER_BITS))
                row = codec.decode_row(found, path=self.path)
                tables["keys"].extend(key_entries(row.index_keys(), row.n))
            offset += OVERHEAD + len(found.body)
        for name, rows in tables.items():
            index.tables[name] = []
            for first, content in rows.pages():
                index.built.append(content)
                index.tables[name].append((first, -len(index.built)))
            rows.close()
        return index


class Located(Sequence[Record]):
    """The records of an open cassette; only the places of their frames are in memory, 8 bytes for each record."""

    def __init__(self, cassette: OpenCassette) -> None:
        """Take the cassette, which must be open as long as the sequence is used."""
        self._cassette = cassette
        self._addresses = array("Q")
        self._is_read = False

    def __iter__(self) -> Iterator[Record]:
        """Yield the records, in order.

        Raises:
            CassetteError: If the file is damaged, or a record is missing.
        """
        addresses = array("Q")
        for record, address in self._cassette.placed():
            addresses.append(address)
            yield record
        self._addresses, self._is_read = addresses, True

    def __len__(self) -> int:
        return len(self._known())

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> list[Record]: ...
    def __getitem__(self, place: int | slice) -> Record | list[Record]:
        if isinstance(place, slice):
            return [self[seq] for seq in range(*place.indices(len(self)))]
        seq = range(len(self))[place]
        return self._at(seq, self._body if self._cassette.is_sealed else None)

    def _known(self) -> array[int]:
        if not self._is_read:
            for _ in self:
                pass
        return self._addresses

    def _body(self, seq: int) -> bytes:
        """Return the body of an earlier record, which names none itself: a circle of names must end."""
        return bytes(getattr(self._at(seq, None), "body", b""))

    def _at(self, seq: int, body_of: BodyOf | None) -> Record:
        path = self._cassette.path
        frame = self._cassette.at(self._addresses[seq])
        found = codec.decode(frame, path=path, body_of=body_of)
        if found is None or found.seq != seq:
            raise CassetteError(path, f"record {seq} is not where it was", hint="was it changed meanwhile?")
        return found


class Whole(PosixPath):
    """A path by which several files are read as one cassette; that of a single file has no `files`.

    Attributes:
        files: The files, in order.
    """

    files: tuple[Path, ...] = ()

    def opened(self) -> OpenCassette:
        """Return the files as one open cassette."""
        raise NotImplementedError


def open_cassette(path: Path) -> OpenCassette:
    """Open a cassette of any form, or several files as one (`Whole`).

    Raises:
        CassetteError: If the file cannot be opened or is no cassette.
    """
    if isinstance(path, Whole) and path.files:
        return path.opened()
    try:
        file = open_regular(path)
    except OSError as exc:
        raise CassetteError(str(path), exc.strerror or str(exc)) from exc
    try:
        return OpenCassette(file, str(path), path)
    except BaseException:
        file.close()
        raise


def read(path: Path) -> Cassette:
    """Read a whole cassette into memory; the torn tail of a crashed capture is left out and reported in the result.

    Raises:
        CassetteError: If the file cannot be opened, is no cassette, or is damaged before its tail.
    """
    with open_cassette(path) as cassette:
        return _whole(cassette)


def parse(data: bytes, *, path: str = "<bytes>") -> Cassette:
    """Read a whole cassette from bytes in memory; `read` does so from a file.

    Raises:
        CassetteError: If the data is no cassette or is damaged before its tail.
    """
    return _whole(OpenCassette(BytesIO(data), path))


def _whole(cassette: OpenCassette) -> Cassette:
    return Cassette(cassette.header, tuple(cassette.records()), cassette.torn)


def _pairs(groups: Any, path: str, offset: int) -> Pages:
    """Return the pages of a table.

    The checks run over all pages in bulk: a table may have thousands, and each look-up opens the file anew.
    """
    lists = [group for group in groups if isinstance(group, list)] if isinstance(groups, list) else []
    pairs = list(chain.from_iterable(lists))
    if all(type(pair) is list and len(pair) == 2 for pair in pairs):
        numbers = list(chain.from_iterable(pairs))
        # negative offsets are reserved for pages built in memory, see `_Index.built`
        if set(map(type, numbers)) <= {int} and min(numbers, default=0) >= 0:
            return list(zip(numbers[::2], numbers[1::2], strict=True))
    raise CassetteError(path, "the contents are damaged", offset=offset)
