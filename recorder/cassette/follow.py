"""Reads a journal while it is written: what is whole so far, and later what came since."""

from __future__ import annotations

from collections.abc import Iterator
from io import SEEK_END
from typing import IO

from ..errors import CassetteError, TornTail, UsageError
from ..model import Header, Record
from . import codec
from .frames import OVERHEAD, read_frame
from .journal import JOURNAL


class Following:
    """A journal that grows. A frame that is not whole yet is read when it is."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path = file, path
        self._offset = 0
        self._expected = 0
        self.header: Header | None = None

    def new(self) -> Iterator[Record]:
        """The records that became whole since the last call.

        Raises:
            CassetteError: If the file is no cassette, is damaged, or was cut.
            UsageError: If it is sealed, so that nothing will come.
        """
        size = self._file.seek(0, SEEK_END)
        if size < self._offset:
            raise CassetteError(self._path, "was cut while it was followed", offset=size)
        while self._offset < size:
            self._file.seek(self._offset)
            try:
                found = read_frame(self._file, self._offset, size, path=self._path)
            except TornTail:
                return
            except CassetteError as exc:
                if self.header is not None:
                    raise
                raise CassetteError(
                    self._path, "not a cassette", hint="it does not begin with a cassette header"
                ) from exc
            self._offset += OVERHEAD + len(found.body)
            if self.header is None:
                self.header = codec.decode_header(found, path=self._path)
                if self.header.profile != JOURNAL:
                    raise UsageError(f"{self._path}: is sealed, nothing will be added; recorder ls lists it")
                continue
            record = codec.decode(found, path=self._path)
            if record is None:
                continue
            if record.seq != self._expected:
                problem = f"record {self._expected} is missing, {record.seq} stands there"
                raise CassetteError(self._path, problem, offset=found.offset)
            self._expected += 1
            yield record
