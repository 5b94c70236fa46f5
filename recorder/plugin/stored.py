"""Find the cassettes of tests that are in a store: the file beside the tests, or else the bytes of the lock file."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import pytest

from ..errors import RecorderError, UsageError
from ..files import without_secrets
from ..fleet.store.filesystem import is_url
from ..fleet.suite.cache import Cache, checksum
from ..fleet.suite.lock import NAME, Entry, name_of, read_lock
from ..fleet.suite.suite import Suite
from ..printable import counted
from ..system.folders import cache_folder
from .choosing import settings_of
from .settings import Settings

_SUITE: pytest.StashKey[Suite | None] = pytest.StashKey()
_FIXTURES = {"standin", "driver"}
_RECORD = "record it: pytest --cassette-mode once --cassette-upstream URL, and then `recorder store push`"


def url_of(config: pytest.Config) -> str:
    """Return where the cassettes of a run are stored; "" if they are nowhere but beside the tests."""
    named = str(config.getoption("cassette_store") or config.getini("cassette_store"))
    return named if not named or is_url(named) else str(config.rootpath / named)


def suite_of(config: pytest.Config) -> Suite | None:
    """Return the suite of a run; None if it has no store.

    Raises:
        UsageError: If its lock file has a mistake.
    """
    if _SUITE not in config.stash:
        url, suite = url_of(config), None
        if url:
            run = str(getattr(config, "workerinput", {}).get("testrunuid", ""))
            suite = Suite(root_of(config), url, Cache(cache_folder(os.environ, Path.home())), run)
        config.stash[_SUITE] = suite
    return config.stash[_SUITE]


def root_of(config: pytest.Config) -> Path:
    """Return the folder of the lock file: pytest's root folder, or the next one above it that has such a file.

    Without an ini file, pytest's root folder is that of the tests of this run.
    """
    found = (folder for folder in (config.rootpath, *config.rootpath.parents) if (folder / NAME).is_file())
    return next(found, config.rootpath)


def prefetch(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Fetch what tests will play, before the first of them begins: no test waits, nor has its clock or network patched.

    Errors are told by `located`, in the test.
    """
    suite = suite_of(config)
    if suite is None or not suite.entries:
        return
    missing = suite.missing(_wanted(suite, items))
    reporter = config.pluginmanager.get_plugin("terminalreporter")  # a worker of pytest-xdist has none
    if missing and reporter is not None and config.get_verbosity() >= 0:
        reporter.write_line(f"fetching {counted(len(missing), 'cassette')} from {without_secrets(suite.objects.url)}")
    suite.prefetch(missing)


def located(config: pytest.Config, settings: Settings) -> Settings:
    """Return the settings of a test with the files to read: those beside the tests, or else those of the store.

    Raises:
        RecorderError: If a cassette is in the store and cannot be fetched, or is nowhere.
    """
    suite = suite_of(config)
    files = [path if suite is None else _file_of(suite, settings, path) for path in settings.cassettes]
    if settings.mode == "none" or settings.drive:
        for path, file in zip(settings.cassettes, files, strict=True):
            if not file.exists():
                _explain(config, suite, path)
    return settings if suite is None else replace(settings, files=tuple(files))


def unpushed(config: pytest.Config, used: Iterable[Path], recorded: Collection[Path]) -> Iterator[Path]:
    """Yield the cassettes whose files beside the tests have bytes that the lock file does not name.

    Args:
        config: Configuration of the run.
        used: Cassettes that were played or recorded, without links in their paths.
        recorded: Those of them that this run has recorded. Others without a line in the lock file may be kept in git.
    """
    suite = suite_of(config)
    if suite is None:
        return
    root = Path(os.path.realpath(suite.root))
    for path in used:
        name = name_of(path, root)
        if name is None:
            continue  # such a path, or URL, is in no lock file
        entry = suite.entries.get(name)
        try:
            size = path.stat().st_size
            is_new = path in recorded if entry is None else size != entry.size or checksum(path)[0] != entry.sha256
        except (OSError, RecorderError):
            continue  # is not beside the tests; or who plays it tells that it cannot be read
        if is_new:
            yield path


def stored(config: pytest.Config) -> Iterator[Path]:
    """Yield where the cassettes of the lock file would be beside the tests."""
    suite = suite_of(config)
    yield from () if suite is None else (suite.root / name for name in suite.entries)


def _wanted(suite: Suite, items: Iterable[pytest.Item]) -> Iterator[Entry]:
    """Yield the cassettes of tests that are not beside them."""
    for item in items:
        if _FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            continue
        try:
            settings = settings_of(item)
        except UsageError:
            continue  # the test tells it
        yield from filter(None, (_entry_of(suite, settings, path) for path in settings.cassettes))


def _file_of(suite: Suite, settings: Settings, path: Path) -> Path:
    entry = _entry_of(suite, settings, path)
    return path if entry is None else suite.file_of(entry)


def _entry_of(suite: Suite, settings: Settings, path: Path) -> Entry | None:
    """Return what the lock file says of a cassette; None if its own file is played, or it is recorded anew."""
    entry = suite.entry_of(path)
    is_anew = settings.mode == "all" and not settings.drive
    return None if entry is None or is_anew or path.exists() else entry


def _explain(config: pytest.Config, suite: Suite | None, path: Path) -> None:
    """Raise an error about a cassette that is nowhere, if a store or a lock file has to do with it."""
    root = root_of(config) if suite is None else suite.root
    name, lock = name_of(path, root), root / NAME
    if suite is None:
        if name is not None and name in read_lock(lock):
            raise UsageError(
                f"there is no {path}; {lock} has it: name its store by --cassette-store=URL or the ini option "
                "cassette_store"
            )
        return
    if name is None:
        raise UsageError(f"there is no {path}, and {lock} can have none there; {_RECORD}")
    if not suite.entries:
        raise UsageError(f"there is no {path}, and no cassette in {lock}; {_RECORD}")
    stems = {Path(known).stem: known for known in suite.entries}  # folder and suffix would make all names alike
    near = get_close_matches(path.stem, stems, 1)
    hint = f"did you mean {stems[near[0]]}? Else {_RECORD}" if near else _RECORD
    raise UsageError(f"there is no {path}, and {lock} has no {name}; {hint}")
