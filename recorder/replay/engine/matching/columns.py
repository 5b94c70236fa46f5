"""Know of each recorded request by its place what its row tells, without reading the request.

Misses, stalls and strict replays ask for that; so the rows are gone through once, when they are first needed.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from ....requests.index.making import Index
from ....requests.index.rows import RequestRow, astray, path_digest
from ....requests.masks import Mask


class _Values(NamedTuple):
    sessions: array[int]
    operations: array[int]
    hosts: array[int]
    masks: array[int]
    paths: array[int]


class Columns:
    """The sessions, operations, hosts and paths of all recorded requests, by their places."""

    def __init__(self, index: Index, file: str) -> None:
        """Take the index; nothing is read yet. `file` is named if a row is damaged."""
        self._rows, self._summary, self._file = index.requests, index.summary, file
        self._masks: list[Mask | None] = [_tuples(mask) for mask in index.summary["masks"]]

    @cached_property
    def _values(self) -> _Values:
        count, sessions = len(self._rows), len(self._summary["sessions"])
        found = _Values(*(array(kind, bytes(array(kind).itemsize * count)) for kind in "IHHIQ"))
        for at in range(count):
            row = RequestRow.of(self._rows[at])
            if row.place >= count or row.session >= sessions or row.mask >= len(self._masks):
                raise astray(self._file, f"request {row.place} of session {row.session}, hidden as in {row.mask}")
            found.sessions[row.place], found.operations[row.place] = row.session, row.operation
            found.hosts[row.place], found.masks[row.place] = row.host, row.mask
            found.paths[row.place] = int.from_bytes(row.path, "big")
        return found

    def session(self, place: int) -> str | None:
        """Return the label of the session of a request."""
        label: str | None = self._summary["sessions"][self._values.sessions[place]]
        return label

    def host(self, place: int) -> int:
        """Return the number of the host that a request names, 0 for none."""
        return self._values.hosts[place]

    def of_operation(self, name: str | None) -> Sequence[int]:
        """Return the places of the requests of an operation, as far as their text alone tells it."""
        names = self._summary["operation_names"]
        number = names.index(name) if name in names else -1
        return [place for place, one in enumerate(self._values.operations) if one == number]

    def at_path(self, path: str, places: Sequence[int]) -> list[int]:
        """Return those of some requests that have a path, but for segments that hold remembered values."""
        masks, paths = self._values.masks, self._values.paths
        wanted = [int.from_bytes(path_digest(path, mask or ()), "big") for mask in self._masks]
        return [place for place in places if paths[place] == wanted[masks[place]]]


def _tuples(part: list[object] | None) -> Mask | None:
    return None if part is None else tuple(tuple(address) for address in part)  # type: ignore[arg-type]  # of JSON
