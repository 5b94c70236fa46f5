"""Move the cassettes of a suite between its folder and a store, and compare the two."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError
from ...files import open_regular
from ...output import replacing
from .cache import checksum
from .lock import NAME, SUFFIX, Entry, named, read_lock, text_of
from .objects import Objects
from .suite import Suite, one_by_one

_CHUNK = 1 << 20
_NOT_OF_THE_SUITE = {"node_modules", "site-packages", "__pycache__"}


@dataclass(frozen=True, slots=True)
class Pushed:
    """The changes that brought a store and a lock file up to date.

    Attributes:
        entries: The cassettes.
        uploaded: Number of those whose bytes the store did not have.
        size: Bytes that were uploaded.
        changed: Lines of the lock file that are new or changed.
    """

    entries: Sequence[Entry]
    uploaded: int
    size: int
    changed: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """The files that were written to bring the folder of a suite up to date.

    Attributes:
        written: Files that are new.
        kept: Files that differ from the lock file, and were left as they are.
    """

    written: Sequence[Path]
    kept: Sequence[Path]


def cassettes_below(paths: Iterable[Path]) -> list[Path]:
    """Return the cassettes in files and folders, sorted.

    Hidden folders and those of installed packages are left out; a file that is given is taken whatever its name.
    """
    found: set[Path] = set()
    for path in paths:
        if not path.is_dir():
            found.add(path)
            continue
        for file in path.rglob(f"*{SUFFIX}"):
            folders = file.relative_to(path).parts[:-1]
            if file.is_file() and not any(name.startswith(".") or name in _NOT_OF_THE_SUITE for name in folders):
                found.add(file)
    return sorted(found)


def push(files: Sequence[Path], root: Path, objects: Objects) -> Pushed:
    """Upload cassettes whose bytes a store does not have, and write the lock file after that.

    Cassettes that the lock file names and that are not given stay in it: their files need not be on this machine.

    Args:
        files: The cassettes.
        root: Folder of the lock file.
        objects: The store.

    Raises:
        UsageError: If a cassette is not below the folder, has an odd name or changes meanwhile, or the lock file has a
            mistake.
        InputError: If a cassette, or the store, cannot be read.
        OutputError: If the store or the lock file cannot be written.
    """
    read_lock(root / NAME)  # a mistake in it is told before anything is uploaded
    entries = {file: Entry(named(file, root), *checksum(file)) for file in files}
    by_content = {one.sha256: (file, one) for file, one in entries.items()}
    uploaded: list[Entry] = []

    def bring(pair: tuple[Path, Entry]) -> None:
        file, entry = pair
        if objects.size(entry) == entry.size:  # another size: an upload ended in its middle
            return
        objects.put(entry, file)
        if checksum(file) != (entry.sha256, entry.size):
            objects.remove(entry)
            raise UsageError(f"{file}: was changed while it was uploaded; push it when it is finished")
        uploaded.append(entry)

    one_by_one(bring, by_content.values())
    changed = _relock({one.name: one for one in entries.values()}, root)
    return Pushed(list(entries.values()), len(uploaded), sum(one.size for one in uploaded), changed)


def pull(suite: Suite, entries: Sequence[Entry], *, force: bool = False) -> Pulled:
    """Write the cassettes that a lock file names as files, each at its place.

    Args:
        suite: The suite.
        entries: The cassettes.
        force: Overwrite files with other bytes; else these are left as they are.

    Raises:
        UsageError: If a link in the folder leads out of it: then nothing is fetched.
        InputError: If a cassette cannot be fetched.
        OutputError: If a file cannot be written.
    """
    for entry in entries:
        _must_be_below(suite.root, entry)
    suite.prefetch(entries)
    written, kept = [], []
    for entry in entries:
        source, target = suite.file_of(entry), suite.root / entry.name
        if target.exists():
            if checksum(target) == (entry.sha256, entry.size):
                continue
            if not force:
                kept.append(target)
                continue
        copy(source, target)
        written.append(target)
    return Pulled(written, kept)


def _must_be_below(root: Path, entry: Entry) -> None:
    """Refuse a cassette whose place is outside of a folder: a link may come with a repository of others.

    Raises:
        UsageError: If it is.
    """
    place = os.path.realpath(root / entry.name)
    if not Path(place).is_relative_to(os.path.realpath(root)):
        raise UsageError(f"{root / entry.name}: is not below {root}: a link leads to {place}; remove the link")


def problems(suite: Suite) -> Iterator[str]:
    """Yield a line for each cassette of a lock file that the store lacks, or whose file has other bytes.

    Raises:
        InputError: If the store or a file cannot be read.
    """
    sizes: dict[str, int | None] = {}

    def look(entry: Entry) -> None:
        sizes[entry.sha256] = suite.objects.size(entry)

    one_by_one(look, {one.sha256: one for one in suite.entries.values()}.values())
    for name, entry in sorted(suite.entries.items()):
        size, file = sizes[entry.sha256], suite.root / name
        if size is None:
            yield f"{name}: is not in the store; push it where its file is"
        elif size != entry.size:
            yield f"{name}: the store has {size:,} of its {entry.size:,} bytes; push it again"
        if file.exists() and checksum(file) != (entry.sha256, entry.size):
            yield f"{name}: the file here has other bytes than {NAME} says; push it, or pull with --force"


def copy(source: Path, target: Path) -> None:
    """Write a file with the bytes of another one; an old one is replaced.

    Raises:
        InputError: If the source cannot be read.
        OutputError: If the target cannot be written.
    """
    with open_regular(source) as file, replacing(target, force=True, like=[source]) as new:
        while part := file.read(_CHUNK):
            new.write(part)


def _relock(entries: dict[str, Entry], root: Path) -> int:
    """Write cassettes into the lock file; return how many lines are new or changed."""
    path = root / NAME
    old = read_lock(path)
    changed = sum(old.get(name) != one for name, one in entries.items())
    if changed:
        with replacing(path, force=True) as file:
            file.write(text_of({**old, **entries}).encode())
    return changed
