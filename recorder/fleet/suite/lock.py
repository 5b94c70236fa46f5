"""Read and write `cassettes.lock`: which bytes each cassette of a suite has.

    # cassettes.lock 1: made by `recorder store push`, goes into git
    tests/cassettes/preview.cassette sha256:4c1f…e0 48213

A line has a name, the checksum and the size in bytes, with a space between. A name is a path from the folder of the
file, with `/`, whatever the system. Lines are sorted by name, so that git merges two branches that add cassettes. A
union of both sides' lines (`merge=union`) can be read too, as long as it names no cassette with two checksums.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...errors import UsageError
from ...files import read_text

NAME = "cassettes.lock"
SUFFIX = ".cassette"
_VERSION = 1
_HEAD = f"# {NAME} {_VERSION}: made by `recorder store push`, goes into git"
_FIRST = re.compile(rf"# {re.escape(NAME)} ([0-9]{{1,9}})\b.*")
_LINE = re.compile(r"(?P<name>.+) sha256:(?P<sha256>[0-9a-f]{64}) (?P<size>[1-9][0-9]{0,15})")
_CONFLICT = re.compile(r"(<{7}|={7}|>{7}|\|{7})( .*)?")  # git's lines around the two sides
_AGAIN = "`recorder store push` writes it anew from the files"


@dataclass(frozen=True, slots=True)
class Entry:
    """One cassette of the lock file.

    Attributes:
        name: Path from the folder of the lock file, with `/`.
        sha256: Checksum of the bytes, 64 hexadecimal digits.
        size: Number of bytes.

    """

    name: str
    sha256: str
    size: int


def read_lock(path: Path) -> dict[str, Entry]:
    """Return the cassettes of a lock file by name; none if there is no such file.

    Raises:
        UsageError: If the file cannot be read, or has a mistake; the text names the line and what to do.
    """
    try:
        return parse(read_text(path).removeprefix("\ufeff"), str(path))  # some editors of Windows put it there
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path}: is not UTF-8; {_AGAIN}") from exc
    except OSError as exc:
        raise UsageError(f"{path}: cannot be read: {exc.strerror}") from exc


def parse(text: str, path: str) -> dict[str, Entry]:
    """Return the cassettes of the text of a lock file, by name.

    Args:
        text: The text.
        path: Path of the file, for errors.

    Raises:
        UsageError: If a line has a mistake.
    """
    lines = text.split("\n")
    _check_version(lines[0], path)
    found: dict[str, Entry] = {}
    for number, line in enumerate(lines[1:], 2):
        if not line.strip() or _FIRST.fullmatch(line):  # a union of two files may have two first lines
            continue
        entry = _entry(line, f"{path}, line {number}")
        other = found.setdefault(entry.name, entry)
        if other != entry:
            raise UsageError(
                f"{path}, line {number}: {entry.name} has another checksum on a line above; keep the line of the "
                "cassette that you want"
            )
    return found


def text_of(entries: Mapping[str, Entry]) -> str:
    """Return the text of a lock file."""
    lines = [f"{one.name} sha256:{one.sha256} {one.size}" for _, one in sorted(entries.items())]
    return "\n".join([_HEAD, *lines, ""])


def name_of(path: Path, root: Path) -> str | None:
    """Return the name that a cassette has in the lock file of a folder; None if no lock file there can name it.

    Args:
        path: The cassette.
        root: Folder of the lock file.
    """
    try:
        name = Path(os.path.abspath(path)).relative_to(root).as_posix()  # noqa: PTH100  # links stay as they are
    except ValueError:
        return None
    return None if problem_of(name) else name


def problem_of(name: str) -> str:
    """Return what keeps a name out of a lock file; "" if nothing does.

    `recorder store pull` writes files by these names: none leads out of the folder, on any system, and none is that of
    a file that a program would run.
    """
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "." in parts or "" in parts:
        return "leads out of the folder, or is no plain path"
    if any(not char.isprintable() for char in name) or "\\" in name or ":" in name:
        return "has a control character, a backslash or a colon"
    if not PurePosixPath(name).name.endswith(SUFFIX):
        return f"does not end with {SUFFIX}"
    return ""


def named(path: Path, root: Path) -> str:
    """Return the name that a cassette gets in the lock file of a folder.

    Args:
        path: The cassette, also from the current folder.
        root: Folder of the lock file, from the root of the file system.

    Raises:
        UsageError: If it cannot have one.
    """
    try:
        name = Path(os.path.abspath(path)).relative_to(root).as_posix()  # noqa: PTH100  # links stay as they are
    except ValueError as exc:
        raise UsageError(f"{path}: is not below {root}, the folder of the lock file") from exc
    if problem := problem_of(name):
        raise UsageError(f"{path}: cannot be in a lock file: its name {problem}; choose another name")
    return name


def _check_version(line: str, path: str) -> None:
    if _CONFLICT.fullmatch(line):
        raise _conflict(f"{path}, line 1")
    first = _FIRST.fullmatch(line)
    if first is None:
        raise UsageError(f"{path}, line 1: is not `# {NAME} {_VERSION}`, so this is no lock file; {_AGAIN}")
    if int(first[1]) != _VERSION:
        raise UsageError(
            f"{path}, line 1: is of version {first[1]}, this recorder reads version {_VERSION}; use a newer recorder"
        )


def _entry(line: str, where: str) -> Entry:
    if _CONFLICT.fullmatch(line):
        raise _conflict(where)
    found = _LINE.fullmatch(line)
    if found is None:
        raise UsageError(f"{where}: is not NAME sha256:CHECKSUM SIZE: {line[:200]!r}; {_AGAIN}")
    if problem := problem_of(found["name"]):
        raise UsageError(f"{where}: the name {found['name']!r} {problem}")
    return Entry(found["name"], found["sha256"], int(found["size"]))


def _conflict(where: str) -> UsageError:
    return UsageError(
        f"{where}: a conflict of git is not resolved; keep the lines of both sides, one for each cassette, and delete "
        "the marks"
    )
