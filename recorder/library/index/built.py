"""Build the index of a cassette in temporary files: for a journal, a small sealed file, or other rules."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any

from ...cassette import codec
from ...cassette.frames import Frame, read_frame
from ...cassette.tables import ADDRESS, Rows, Spool, Table
from ...errors import CassetteError
from ...model import Row

_PAGES = 24  # of tables, kept in memory


class Built:
    """An index in temporary files, which takes what is derived in one pass.

    Attributes:
        clients: The clients of events, by the numbers that the table `carriers` gives them.
    """

    def __init__(self, path: str) -> None:
        """Begin empty; `path` names the cassette in errors."""
        self._path = path
        self._spool = Spool()
        self._load = lru_cache(_PAGES)(self._spool.at)
        self._rows: dict[str, Rows] = {}
        self._tables: dict[str, Table] = {}
        self._large: dict[int, Row] = {}  # triples that no frame can hold, by address
        for name in ("records", "triples", "exchanges", "unsolicited"):
            self.table_of(name, ADDRESS.size)
        self.clients: list[str] = []

    def record(self, address: int) -> None:
        """Take the address of the next record."""
        self._rows["records"].add(ADDRESS.pack(address))

    def row(self, row: Row) -> None:
        """Take the next triple, or an exchange that is no operation."""
        table = "triples" if row.n else "exchanges"
        try:
            self._put(table, codec.encode_row(row))
        except CassetteError:  # it has more events than a frame may have, for which a file in this place has no limit
            address = self._spool.add(b"")
            self._rows[table].add(ADDRESS.pack(address))
            self._large[address] = row

    def unsolicited(self, row: list[Any]) -> None:
        """Take the next unsolicited event."""
        self._put("unsolicited", codec.encode_value(codec.UNSOLICITED, row))

    def table_of(self, name: str, width: int, *, is_sorted: bool = False) -> Rows:
        """Begin a table."""
        rows = self._rows[name] = Rows(width, is_sorted=is_sorted)
        return rows

    def finish(self, *names: str) -> None:
        """End these tables, all that were not ended by default: from now on they can be read."""
        for name in names or set(self._rows) - set(self._tables):
            rows = self._rows[name]
            pages = [(first, self._spool.add(content)) for first, content in rows.pages()]
            self._tables[name] = Table(rows.width, pages, self._load, path=self._path, name=name)
            rows.close()

    def table(self, name: str) -> Table:
        """Return a table; an empty one if there is none of that name."""
        found = self._tables.get(name)
        return found if found is not None else Table(1, [], self._load, path=self._path, name=name)

    def frame(self, address: int) -> Frame:
        """Return the frame at an address."""
        content = self._spool.at(address)
        return read_frame(BytesIO(content), 0, len(content), path=self._path)

    def kept(self, address: int) -> Row | None:
        """Return a triple that is larger than a frame may be, and is in memory; None for any other."""
        return self._large.get(address)

    def close(self) -> None:
        """Delete the temporary files."""
        self._spool.close()
        for rows in self._rows.values():
            rows.close()

    def _put(self, table: str, frame: bytes) -> bytes:
        self._rows[table].add(ADDRESS.pack(self._spool.add(frame)))
        return frame
