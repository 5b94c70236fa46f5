"""Find what a query reads: the files of a catalogue that count, and the columns of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..catalogue.schema import TABLES

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

COLUMNS: dict[str, dict[str, str]] = {
    table.name: {column.name: column.type for column in table.columns} for table in TABLES.values()
}


@dataclass(frozen=True, slots=True)
class Source:
    """The files of a catalogue.

    Attributes:
        name: URL or path, for messages.
        store: The file system that has the files.
        root: Folder of the catalogue there.
        files: Bytes of each file that counts, by its path in the folder; the path begins with the name of the table.
        is_far: Whether each read is a request to a server.
    """

    name: str
    store: AbstractFileSystem
    root: str
    files: Mapping[str, int]
    is_far: bool = False


def source_of(url: str) -> Source:
    """Return the files of the catalogue at a URL, or in a folder.

    Raises:
        UsageError: If there is no catalogue, or no library for the scheme of the URL.
        InputError: If the catalogue cannot be read, or a newer version wrote it.
    """
    from ..catalogue.dataset import Dataset, Folder  # noqa: PLC0415  # slow to import
    from ..store.filesystem import filesystem_of, is_url  # noqa: PLC0415  # see above

    folder, found = Folder(url), Dataset.open(url)
    store, root = filesystem_of(folder.url)
    files = {one.path: one.size for table in found.tables.values() for one in table}
    return Source(folder.shown, store, root, files, is_url(folder.url))
