"""Implement `recorder store`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import NothingSelected, UsageError
from ...model import IN_CLEAR
from ...printable import counted, printable
from ..group import Named
from ..options import Command, offers
from ..saying import say
from ..verdict import announce, owe

if TYPE_CHECKING:
    from ...fleet.suite.lock import Entry
    from ...fleet.suite.suite import Suite

_ROOT = Path()


def _root_option(function: Command) -> Command:
    option: Callable[[Command], Command] = click.option(
        "--root",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=_ROOT,
        help="Folder of cassettes.lock, from which pytest runs; by default the current one.",
    )
    return option(function)


@click.group("store", cls=Named)
def command() -> None:
    """Keep the cassettes of a test suite in a store, and in git only cassettes.lock, which names their bytes.

    A store is a URL (s3://bucket/suite, gs://…, az://…; https://… to read) or a folder that all machines see. Nothing
    in it is ever changed, so the tests of an old commit find what they were written for.

    \b
    Example:  recorder store push tests s3://team/suite
              pytest --cassette-store s3://team/suite
    """


@command.command("push", short_help="Upload cassettes, and write cassettes.lock.")
@click.argument(
    "paths",
    metavar="FILE|DIR...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, readable=False, path_type=Path),
    shell_complete=offers("cassettes"),
)
@click.argument("url")
@_root_option
def push(paths: tuple[Path, ...], url: str, *, root: Path) -> None:
    """Upload the cassettes whose bytes the store does not have, and write cassettes.lock after that.

    A folder stands for all cassettes below it. A line of cassettes.lock stays if its file is not here: delete
    the lines of cassettes that no test needs any more.

    \b
    Example:  recorder store push tests s3://team/suite
              recorder store push tests/cassettes/preview.cassette s3://team/suite
    """
    from ...fleet.suite.lock import NAME
    from ...fleet.suite.objects import Objects
    from ...fleet.suite.transfer import cassettes_below
    from ...fleet.suite.transfer import push as pushed

    files = cassettes_below(paths)
    if not files:
        raise NothingSelected(f"{', '.join(map(str, paths))}: no cassettes in or below it")
    _warn_of_clear(files)
    done = pushed(files, _whole(root), Objects(url))
    there = len(done.entries) - done.uploaded
    say(
        f"{counted(len(done.entries), 'cassette')}: {done.uploaded} uploaded ({counted(done.size, 'byte')}), "
        f"{there} there already; {NAME}: {counted(done.changed, 'line')} changed"
    )


@command.command("pull", short_help="Fetch the cassettes of cassettes.lock.")
@click.argument("url")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_root_option
@click.option("--cache", "only_cache", is_flag=True, help="Write no files, only fill the cache for later test runs.")
@click.option("--force", is_flag=True, help="Overwrite files that have other bytes than cassettes.lock says.")
def pull(url: str, names: tuple[str, ...], *, root: Path, only_cache: bool, force: bool) -> None:
    """Fetch the cassettes that cassettes.lock names, and write them to their places.

    Tests need no files: pytest fetches by itself what the cache does not have. A file is for looking at, and is played
    instead of what is in the store. With names (of cassettes, or of folders above them) only these are fetched. Exit
    code 1 if a file was left alone because it has other bytes.

    \b
    Example:  recorder store pull s3://team/suite --cache
              recorder store pull s3://team/suite tests/cassettes/preview.cassette
    """
    from ...fleet.suite.transfer import pull as pulled

    suite = _suite(url, root)
    entries = _chosen(suite, names)
    if only_cache:
        suite.prefetch(entries)
        for entry in entries:
            suite.file_of(entry)
        say(f"{counted(len(entries), 'cassette')} in the cache")
        return
    done = pulled(suite, entries, force=force)
    for path in done.kept:
        say(f"{path}: left alone, it has other bytes than cassettes.lock says; push it, or overwrite it by --force")
    say(f"{counted(len(entries), 'cassette')}: {counted(len(done.written), 'file')} written")
    if done.kept:
        owe(1)


@command.command("check", short_help="Look whether cassettes.lock, files and store agree.")
@click.argument("url")
@_root_option
def check(url: str, *, root: Path) -> None:
    """Print each cassette of cassettes.lock that the store lacks, or whose file has other bytes; exit code 1 if any.

    Nothing is fetched. In CI it shows before a merge that a cassette was not pushed.

    \b
    Example:  recorder store check s3://team/suite
    """
    from ...fleet.suite.transfer import problems

    suite = _suite(url, root)
    found = list(problems(suite))
    for line in found:
        announce(printable(line))
    say(f"{counted(len(suite.entries), 'cassette')}: {counted(len(found), 'problem')}")
    if found:
        owe(1)


def _suite(url: str, root: Path) -> Suite:
    """Return the suite of a folder.

    Raises:
        UsageError: If its lock file is missing, or has a mistake.
    """
    from ...fleet.suite.cache import Cache
    from ...fleet.suite.lock import NAME
    from ...fleet.suite.suite import Suite
    from ...system.folders import cache_folder

    suite = Suite(_whole(root), url, Cache(cache_folder(os.environ, Path.home())))
    if not suite.entries:
        problem = "names no cassettes" if (root / NAME).is_file() else "does not exist"
        raise UsageError(
            f"{root / NAME}: {problem}; `recorder store push FOLDER URL` writes it, --root names its folder"
        )
    return suite


def _chosen(suite: Suite, names: Sequence[str]) -> list[Entry]:
    """Return the cassettes with some names, or below folders with these names, sorted; all without names.

    Raises:
        NothingSelected: If the lock file has nothing for a name.
    """
    from ...fleet.suite.lock import NAME

    wanted = {name: os.path.relpath(_whole(Path(name)), suite.root).replace(os.sep, "/") for name in names}
    for name, path in wanted.items():
        if not any(_is_at(one, path) for one in suite.entries):
            raise NothingSelected(f"{name}: {NAME} has no such cassette, and none below it")
    return [
        one for name, one in sorted(suite.entries.items()) if not names or any(_is_at(name, p) for p in wanted.values())
    ]


def _is_at(name: str, path: str) -> bool:
    return path in (".", name) or name.startswith(f"{path}/")


def _warn_of_clear(files: Iterable[Path]) -> None:
    """Warn of cassettes that hold secrets: who may read the store may read them.

    Raises:
        CassetteError: If a file is no cassette.
    """
    from ...cassette.reader import open_cassette

    for file in files:
        with open_cassette(file) as cassette:
            if cassette.header.redaction in IN_CLEAR:
                say(f"warning: {file}: is in the clear, with all its secrets; recorder redact replaces them")


def _whole(path: Path) -> Path:
    """Return a path from the root of the file system, without dots; links stay as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100  # Path.resolve follows links, which names in cassettes.lock do not
