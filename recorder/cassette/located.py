"""Read the records of an open cassette of any form in order, and then any one of them again."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from ..errors import CassetteError
from ..model import Record
from . import codec
from .reader import OpenCassette


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

    def _at(self, seq: int, body_of: codec.BodyOf | None) -> Record:
        path = self._cassette.path
        frame = self._cassette.at(self._addresses[seq])
        found = codec.decode(frame, path=path, body_of=body_of)
        if found is None or found.seq != seq:
            raise CassetteError(path, f"record {seq} is not where it was", hint="was it changed meanwhile?")
        return found
