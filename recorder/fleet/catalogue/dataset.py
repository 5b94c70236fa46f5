"""Find the files of a catalogue, and put new ones in their place all at once.

    catalogue/generations/00000007.json             names the files that count; the highest number counts
    catalogue/triples/dialect=NAME/day=DAY/*.parquet   … and so on for the other tables
    catalogue/cassettes/*.parquet

A build writes its files under new names, then the list of its generation, and then removes the files that no list
names. A list is written whole or not at all, and only if there is none of that number yet: of two builds at once one
is refused. A build that is killed leaves files that no list names; the next one removes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from hashlib import sha256
from io import RawIOBase
from typing import IO, TYPE_CHECKING, Any, Self
from urllib.parse import quote

from ...errors import InputError, OutputError, UsageError
from ...files import Remote, open_regular, without_secrets
from ...output import replacing
from ..store.filesystem import filesystem_of
from ..store.places import place
from ..store.problems import Kind, kind_of, told
from .schema import TABLES, VERSION

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from .pieces import Partition

FORMAT = "outbound-recorder catalogue"
_LISTS = "generations"
_NULL = "__HIVE_DEFAULT_PARTITION__"  # readers take it for no value
_LONGEST = 200  # bytes of the name of a folder; file systems allow 255 in all
_KEPT = 16  # characters of a name that is too long; each may take 12 bytes
_AGAIN = 5  # times to look for the list, if a build removes the one that was found


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a table.

    Attributes:
        path: Its path in the catalogue.
        size: Bytes.
    """

    path: str
    rows: int
    size: int


class Outdated(InputError):
    """A catalogue that another build replaced since it was opened."""


class Written(RawIOBase):
    """A file that is being written.

    Attributes:
        size: Bytes written so far.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """Write into a file, which is closed by its owner."""
        self._file, self.size = file, 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.size += memoryview(data).nbytes
        return self._file.write(data)

    def tell(self) -> int:
        return self.size


class Folder:
    """The folder of a catalogue, on this machine or in a store.

    Attributes:
        url: Its URL, or its absolute path.
        shown: Its URL without secrets, or its absolute path.
    """

    def __init__(self, url: str) -> None:
        """Take a URL, or a path.

        Raises:
            UsageError: If there is no library for the scheme of the URL.
        """
        where = place(url.rstrip("/") or "/")
        self.url = where.url if isinstance(where, Remote) else str(where.absolute())
        self.shown = without_secrets(self.url)
        self._store: AbstractFileSystem
        self._store, self._root = filesystem_of(self.url)

    def name(self, path: str) -> str:
        """Return the URL, or the absolute path, of a file by its path in the catalogue."""
        return f"{self.url}/{path}"

    def told(self, path: str) -> str:
        """Return the name of a file for messages, without secrets."""
        return f"{self.shown}/{path}"

    def generations(self) -> list[int]:
        """Return the numbers of the lists that are there, sorted.

        Raises:
            InputError: If the folder cannot be listed.
        """
        names = (path.rpartition("/")[2].removesuffix(".json") for path in self.paths(_LISTS))
        return sorted(int(name) for name in names if name.isdecimal() and name == f"{int(name):08}")

    def list_of(self, generation: int) -> bytes:
        """Return the list of a generation.

        Raises:
            FileNotFoundError: If it is gone.
            InputError: If it cannot be read.
        """
        with self._reading(f"{_LISTS}/{generation:08}.json") as file:
            return file.read()

    def claim(self, generation: int, content: bytes) -> None:
        """Write the list of a generation, if there is none of that number.

        Raises:
            Outdated: If there is one.
            OutputError: If it cannot be written.
        """
        path = self.name(f"{_LISTS}/{generation:08}.json")
        try:
            with replacing(place(path)) as file:
                file.write(content)
        except UsageError as exc:
            raise Outdated(f"{without_secrets(path)}: another build ended meanwhile; try again") from exc

    @contextmanager
    def writing(self, path: str) -> Iterator[Written]:
        """Write a new file in the block; it is there when the block ends without an error.

        Raises:
            OutputError: If it cannot be written.
        """
        with replacing(place(self.name(path))) as file:
            yield Written(file)

    @contextmanager
    def reading(self, path: str) -> Iterator[IO[bytes]]:
        """Read a file in the block.

        Raises:
            Outdated: If it is gone.
            InputError: If it cannot be read.
        """
        try:
            with self._reading(path) as file:
                yield file
        except FileNotFoundError as exc:
            raise Outdated(f"{self.told(path)}: is gone, as after another build; try again") from exc

    @contextmanager
    def _reading(self, path: str) -> Iterator[IO[bytes]]:
        try:
            file = open_regular(place(self.name(path)))
        except FileNotFoundError:
            raise
        except OSError as exc:
            raise InputError(f"{self.told(path)}: cannot be read: {exc.strerror or exc}") from exc
        with file:
            yield file

    def paths(self, under: str) -> list[str]:
        """Return the paths of all files in a folder of the catalogue, by their paths in the catalogue.

        Raises:
            InputError: If the folder cannot be listed.
        """
        try:
            self._store.invalidate_cache()
            found = self._store.find(f"{self._root}/{under}")
        except Exception as exc:  # each library has errors of its own
            if kind_of(exc) is Kind.MISSING:
                return []
            raise InputError(f"{self.shown}: cannot be listed: {told(exc).strerror}") from exc
        return [name[name.index(f"/{under}/") + 1 :] for name in (one[len(self._root) :] for one in found)]

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files; those that are gone already do not matter.

        Raises:
            OutputError: If one of them cannot be removed.
        """
        for path in paths:
            try:
                self._store.rm_file(f"{self._root}/{path}")
            except Exception as exc:  # each library has errors of its own
                if kind_of(exc) is not Kind.MISSING:
                    raise OutputError(f"{self.told(path)}: cannot be removed: {told(exc).strerror}") from exc


@dataclass(frozen=True, slots=True)
class Dataset:
    """A catalogue as one build left it.

    Attributes:
        url: Its URL, or its absolute path.
        generation: Number of the build, from 1.
        schema: Version of its tables.
        recorder: Version of the recorder that wrote it.
        tables: The files of each table.
    """

    url: str
    generation: int
    schema: int
    recorder: str
    tables: Mapping[str, tuple[DataFile, ...]]

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the catalogue at a URL, or in a folder.

        Raises:
            UsageError: If there is no catalogue.
            InputError: If it cannot be read, or a newer version wrote it.
        """
        found = cls.find(Folder(url))
        if found is None:
            shown = without_secrets(url)
            raise UsageError(f"{shown}: holds no catalogue; recorder catalogue build 'FOLDER/**' -o {shown} makes one")
        return found

    @classmethod
    def find(cls, folder: Folder) -> Self | None:
        """Return the catalogue in a folder; None if there is none.

        Raises:
            InputError: If it cannot be read, or a newer version wrote it.
        """
        for _ in range(_AGAIN):
            generations = folder.generations()
            if not generations:
                return None
            try:
                return cls._of(folder, generations[-1], folder.list_of(generations[-1]))
            except FileNotFoundError:
                continue
        raise InputError(f"{folder.shown}: cannot be read: builds replace it all the time; try again")

    @classmethod
    def _of(cls, folder: Folder, generation: int, content: bytes) -> Self:
        where = folder.told(f"{_LISTS}/{generation:08}.json")
        try:
            told = json.loads(content)
            if told["format"] != FORMAT:
                raise InputError(f"{where}: is no list of a catalogue")
            if told["schema"] > VERSION:
                problem = f"holds tables of version {told['schema']}, this is version {VERSION}"
                raise InputError(f"{where}: {problem}; upgrade outbound-recorder")
            tables = {name: tuple(_file(name, one) for one in told["files"].get(name, ())) for name in TABLES}
            return cls(folder.url, generation, told["schema"], told["recorder"], tables)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            problem = "is damaged; build the catalogue anew in another place"
            raise InputError(f"{where}: {problem}") from exc

    def files(self, table: str) -> list[str]:
        """Return the files of a table that count, as URLs or absolute paths."""
        return [f"{self.url}/{one.path}" for one in self.tables[table]]

    def claim(self, folder: Folder) -> None:
        """Let this be the catalogue from now on.

        Raises:
            Outdated: If another build was faster.
            OutputError: If the list cannot be written.
        """
        files = {name: [asdict(one) for one in files] for name, files in self.tables.items()}
        about: dict[str, Any] = {"format": FORMAT, "schema": self.schema, "recorder": self.recorder, "files": files}
        folder.claim(self.generation, json.dumps(about, indent=1).encode())

    def clean(self, folder: Folder) -> None:
        """Remove older lists, and files that no list names and no build that goes on may name.

        Raises:
            OutputError: If one of them cannot be removed.
        """
        live = {one.path for files in self.tables.values() for one in files}
        dead = [f"{_LISTS}/{one:08}.json" for one in folder.generations() if one < self.generation]
        for table in TABLES:
            for path in folder.paths(table):
                number = path.rpartition("/")[2].partition("-")[0]
                if path.endswith(".parquet") and number.isdecimal() and int(number) <= self.generation:
                    dead += [path] if path not in live else []
        folder.remove(dead)


def _file(table: str, about: Mapping[str, Any]) -> DataFile:
    """Return a file that a list names.

    Raises:
        TypeError: If something lacks, or is of another type; so do other errors of Python for other damages.
        ValueError: If it is not in the folder of its table.
    """
    one = DataFile(**about)
    begin, *rest = one.path.split("/")
    if begin != table or not rest or not {"", ".", ".."}.isdisjoint(rest) or "\\" in one.path:
        raise ValueError(f"{one.path!r} is not in the folder of {table}")
    if not isinstance(one.rows, int) or not isinstance(one.size, int):
        raise TypeError("rows and size are numbers")
    return one


def path_of(partition: Partition, name: str) -> str:
    """Return the path in a catalogue of a file of this name; the name begins with the number of its build."""
    name = f"{name}.parquet"
    if not TABLES[partition.table].partitioned:
        return f"{partition.table}/{name}"
    return f"{partition.table}/{folder_of(partition)}/{name}"


def folder_of(partition: Partition) -> str:
    """Return the folders by which Hive names a partition: other tools take the columns from them.

    A cassette may name its dialect as it likes; of a very long name only the begin stands there.
    """
    named = quote(partition.dialect, safe="", errors="replace") or _NULL
    if len(named) > _LONGEST:
        digest = sha256(named.encode()).hexdigest()[:16]
        named = f"{quote(partition.dialect[:_KEPT], safe='', errors='replace')}-{digest}"
    day = date(1970, 1, 1) + timedelta(partition.day)
    return f"dialect={named}/day={day.isoformat()}"
