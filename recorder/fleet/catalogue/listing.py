"""List the cassettes that patterns match, each with its mark: what tells whether a file has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from glob import escape, glob, has_magic
from pathlib import Path
from typing import Any

from ...errors import InputError, UsageError
from ..store.filesystem import filesystem_of, is_url

_HASHES = "ETag", "etag", "md5Hash", "content_md5", "crc32c", "checksum"  # by the stores that fsspec knows
_TIMES = "LastModified", "last_modified", "mtime", "updated", "created"


@dataclass(frozen=True, slots=True)
class Source:
    """A cassette to read.

    Attributes:
        name: Its URL, or its absolute path.
        size: Bytes.
        mark: Changes when the file changes.
    """

    name: str
    size: int
    mark: str


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
        for source in _in_store(pattern) if is_url(pattern) else _local(pattern):
            found[source.name] = source
    return dict(sorted(found.items()))


def _local(pattern: str) -> Iterator[Source]:
    path = Path(pattern)
    if path.is_dir():
        pattern = str(Path(escape(pattern)) / "**" / "*.cassette")
    elif not has_magic(pattern) and not path.exists():
        raise UsageError(f"{pattern}: there is no such file; quote a pattern, e.g. 'records/**/*.cassette'")
    for name in glob(pattern, recursive=True):  # noqa: PTH207  # a pattern of Path may not be absolute
        try:
            found = os.stat(name)  # noqa: PTH116  # it takes half of the time
        except OSError:  # it is gone meanwhile
            continue
        if not os.path.isdir(name):  # noqa: PTH112  # see above
            yield Source(os.path.abspath(name), found.st_size, f"{found.st_size} {found.st_mtime_ns}")  # noqa: PTH100  # links stay as they are named


def _in_store(pattern: str) -> Iterator[Source]:
    store, path = filesystem_of(pattern)
    scheme = pattern.partition("://")[0]
    try:
        store.invalidate_cache()
        if has_magic(path):
            found: dict[str, Any] = store.glob(path, detail=True)
        elif store.isdir(path):
            found = {name: about for name, about in store.find(path, detail=True).items() if name.endswith(".cassette")}
        else:
            found = {path: store.info(path)}
    except FileNotFoundError as exc:
        raise UsageError(f"{pattern}: there is no such file or bucket") from exc
    except Exception as exc:  # each library of a store has errors of its own
        raise InputError(f"{pattern}: cannot be listed: {exc}") from exc
    for name, about in found.items():
        if about.get("type") != "directory":
            full = store.unstrip_protocol(name)
            yield Source(f"{scheme}://{full.partition('://')[2]}", int(about.get("size") or 0), _mark_of(about))


def _mark_of(about: Mapping[str, Any]) -> str:
    """Return the mark of a file in a store by what its listing tells: a hash, else the size and a time."""
    told = next((about[name] for name in _HASHES if about.get(name)), None)
    if told is not None:
        return str(told).strip('"')
    time = next((about[name] for name in _TIMES if about.get(name)), "")
    return f"{about.get('size')} {time}"
