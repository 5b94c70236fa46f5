"""List the cassettes that patterns match, each with its mark: what tells whether a file has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from glob import escape, glob
from pathlib import Path
from typing import Any

from ...errors import InputError, RecorderError, UsageError
from ...files import Remote
from ..store.filesystem import filesystem_of
from ..store.places import CASSETTE, RemotePath, is_pattern, place
from ..store.problems import Kind, kind_of, told

_HASHES = "ETag", "etag", "md5Hash", "content_md5", "crc32c", "checksum"  # by the stores that fsspec knows
_TIMES = "LastModified", "last_modified", "mtime", "modified", "updated", "created"


@dataclass(frozen=True, slots=True)
class Source:
    """A cassette to read.

    Attributes:
        path: Its path, absolute on this machine. The text of it is its name in a catalogue.
        size: Bytes.
        mark: Changes when the file changes; "" if nothing tells.
    """

    path: Path
    size: int
    mark: str

    @property
    def name(self) -> str:
        """Its URL without secrets, or its absolute path."""
        return str(self.path)


def listed(patterns: Iterable[str]) -> dict[str, Source]:
    """Return the cassettes that patterns match, by name, sorted.

    Args:
        patterns: Globs of local files, or of URLs; `**` matches folders of any depth. A pattern without `*`, `?` and
            `[` names one file, or a folder with all its cassettes.

    Raises:
        UsageError: If a pattern without `*`, `?` and `[` names no file.
        InputError: If a store cannot be listed.
    """
    found: dict[str, Source] = {}
    for pattern in patterns:
        where = place(pattern)
        for source in _in_store(where) if isinstance(where, Remote) else _local(where):
            found[source.name] = source
    return dict(sorted(found.items()))


def _local(where: Path) -> Iterator[Source]:
    pattern = str(where)
    if where.is_dir():
        pattern = str(Path(escape(pattern)) / "**" / f"*{CASSETTE}")
    elif where.exists():
        pattern = escape(pattern)
    elif not is_pattern(where):
        raise UsageError(f"{pattern}: there is no such file; quote a pattern, e.g. 'records/**/*{CASSETTE}'")
    wide = where.name == "**"
    for name in glob(pattern, recursive=True):  # noqa: PTH207  # a pattern of Path may not be absolute
        try:
            found = os.stat(name)  # noqa: PTH116  # it takes half of the time
        except OSError:  # it is gone meanwhile
            continue
        if not os.path.isdir(name) and not (wide and not name.endswith(CASSETTE)):  # noqa: PTH112  # see above
            path = Path(os.path.abspath(name))  # noqa: PTH100  # links stay as they are named
            yield Source(path, found.st_size, f"{found.st_size} {found.st_mtime_ns}")


def _in_store(where: Remote) -> Iterator[Source]:
    """Yield cassettes by what a listing tells of them: a request for each would take hours for a million."""
    try:
        found = _told_by_store(where)
    except RecorderError:
        raise
    except Exception as exc:  # each library has errors of its own
        if kind_of(exc) is Kind.MISSING:
            raise UsageError(f"{where}: there is no such file or bucket") from exc
        raise InputError(f"{where}: cannot be listed: {told(exc).strerror}") from exc
    before = where.url[: where.url.index("://") + 3]
    wide = where.name == "**"
    for name, about in found.items():
        if about.get("type") != "directory" and not (wide and not name.endswith(CASSETTE)):
            path = RemotePath(name if "://" in name else f"{before}{name.lstrip('/')}")
            yield Source(path, int(about.get("size") or 0), _mark_of(about))


def _told_by_store(where: Remote) -> dict[str, Any]:
    if where.scheme in ("http", "https"):
        if is_pattern(where):
            raise UsageError(f"{where}: the web has no listings; name each cassette")
        return {where.url: RemotePath(where.url).info()}
    store, path = filesystem_of(where.url)
    store.invalidate_cache()
    if is_pattern(where) and ("*" in where.url or not store.exists(path)):  # a key may have `[` and `?` in it
        found: dict[str, Any] = store.glob(path, detail=True)
        return found
    about = store.info(path)
    if about["type"] != "directory":
        return {path: about}
    return {name: about for name, about in store.find(path, detail=True).items() if name.endswith(CASSETTE)}


def _mark_of(about: Mapping[str, Any]) -> str:
    """Return the mark of a file in a store by what its listing tells: a hash, else the size and a time."""
    hashed = next((about[name] for name in _HASHES if about.get(name)), None)
    if hashed is not None:
        return str(hashed).strip('"')
    time = next((about[name] for name in _TIMES if about.get(name)), None)
    return "" if time is None else f"{about.get('size')} {time}"
