"""Implement `recorder catalogue`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ...files import without_secrets
from ...printable import counted, printable
from ..group import Named
from ..options import DialectSource, jobs_option, json_option
from ..output import json_text, write
from ..saying import counting, say

if TYPE_CHECKING:
    from ...fleet.catalogue.building import Built, Spread
    from ...fleet.catalogue.dataset import Dataset
    from ...fleet.catalogue.reading import Settings

_TOLD = 20  # cassettes that are told one by one
_UNREADABLE, _LEFT_OUT = 4, 1  # exit codes


@click.group("catalogue", cls=Named)
def command() -> None:
    """Build a catalogue of many cassettes: tables of their triples, events, sessions and findings, as Parquet.

    \b
    Example:  recorder catalogue build 'records/**/*.cassette' -o catalogue
              recorder catalogue show catalogue
    """


@command.command("build", short_help="Bring a catalogue up to date with cassettes.")
@click.argument("patterns", metavar="PATTERN...", nargs=-1, required=True)
@click.option(
    "-o", "--output", metavar="URL|FOLDER", required=True, help="Folder of the catalogue, here or in a store."
)
@jobs_option
@click.option(
    "--scheduler", metavar="URL", help="Read cassettes on the workers of the Dask cluster at tcp://HOST:PORT."
)
@click.option(
    "--dialect", metavar="NAME|FILE", type=DialectSource(), help="Read all cassettes by this dialect, not by their own."
)
@click.option("--clear-text", "takes_clear", is_flag=True, help="Also take cassettes that were not redacted.")
@click.option("--add", "adds", is_flag=True, help="Keep the rows of cassettes that no pattern matches.")
@click.option("--again", is_flag=True, help="Read all cassettes, also those that have not changed.")
@json_option
def build(
    patterns: tuple[str, ...], *, output: str, jobs: int, scheduler: str | None, dialect: str | None,
    takes_clear: bool, adds: bool, again: bool, as_json: bool,
) -> None:  # fmt: skip
    """Bring a catalogue up to date with the cassettes that patterns match, or make a new one.

    Only cassettes that are new or have changed are read. Cassettes that no pattern matches any more lose their rows.
    Quote a pattern, so that the shell does not expand it; a folder stands for all cassettes in it.

    Cassettes that were not redacted are left out: a catalogue holds ids, paths and the texts of errors.

    Exit code 1: a cassette was left out. 4: a cassette could not be read. All others are in the catalogue then.

    \b
    Example:  recorder catalogue build 'records/**/*.cassette' -o catalogue
              recorder catalogue build 's3://team/**/*.cassette' -o s3://team/catalogue --jobs 8
    """
    with _libraries():
        from ...fleet.catalogue import building

        with _shown() as shown:
            built = building.build(
                patterns,
                output,
                _spread(jobs, scheduler),
                _settings(dialect, takes_clear=takes_clear),
                adds=adds,
                again=again,
                shown=shown,
            )
    _complain(built)
    write([json_text(_as_json(built)) if as_json else _as_text(built)])
    if built.unreadable or built.clear:
        raise SystemExit(_UNREADABLE if built.unreadable else _LEFT_OUT)


@command.command("show", short_help="Print the tables of a catalogue, with their rows.")
@click.argument("catalogue", metavar="URL|FOLDER")
@json_option
def show(catalogue: str, *, as_json: bool) -> None:
    """Print the tables of a catalogue: their rows, files and bytes.

    \b
    Example:  recorder catalogue show s3://team/catalogue
    """
    with _libraries():
        from ...fleet.catalogue.dataset import Dataset

        found = Dataset.open(catalogue)
    rows = list(_tables(found))
    if as_json:
        about = {
            "url": without_secrets(found.url),
            "build": found.generation,
            "schema": found.schema,
            "recorder": found.recorder,
        }
        write([json_text(about | {"tables": rows})])
        return
    lines = [f"{without_secrets(found.url)}: build {found.generation}, version {found.schema} of the tables"]
    lines += [f"{row['table']:<10} {row['rows']:>12,} {'row' if row['rows'] == 1 else 'rows'} in "
              f"{counted(row['files'], 'file')}, {row['size']:,} bytes" for row in rows]  # fmt: skip
    write(["".join(f"{printable(line)}\n" for line in lines)])


def _tables(found: Dataset) -> Iterator[dict[str, Any]]:
    for name, files in found.tables.items():
        size = sum(one.size for one in files)
        yield {"table": name, "rows": sum(one.rows for one in files), "files": len(files), "size": size}


@contextmanager
def _libraries() -> Iterator[None]:
    """Tell a missing library in one line."""
    from ...errors import UsageError

    try:
        yield
    except ModuleNotFoundError as exc:
        name = (exc.name or "").partition(".")[0]
        raise UsageError(f"a catalogue needs {name}: pip install 'outbound-recorder[catalogue]'") from exc


@contextmanager
def _shown() -> Iterator[Callable[[int, int], None]]:
    with counting("catalogue: reads", "cassette") as shown:
        yield shown


def _settings(dialect: str | None, *, takes_clear: bool) -> Settings:
    from ...dialect.definition import load
    from ...fleet.catalogue.reading import Settings

    return Settings(None if dialect is None else (load(dialect).text, dialect), takes_clear=takes_clear)


def _spread(jobs: int, scheduler: str | None) -> Spread:
    from ...fleet.catalogue.cluster import spread_over
    from ..jobs import mapped

    return partial(mapped, jobs=jobs, afresh=True) if scheduler is None else partial(spread_over, scheduler)


def _complain(built: Built) -> None:
    """Print on stderr why cassettes have no rows."""
    problems = list(built.unreadable.items())
    for name, problem in problems[:_TOLD]:
        say(f"{name}: {problem}")
    if len(problems) > _TOLD:
        more = counted(len(problems) - _TOLD, "more cassette")
        say(f"{more} could not be read; --json lists them, and the column problem of the table cassettes")
    if built.clear:
        was = counted(len(built.clear), "cassette was", "cassettes were")
        say(f"{was} left out, such as {built.clear[0]}: not redacted; --clear-text takes them in")


def _as_text(built: Built) -> str:
    done = f"{built.read:,} read, {built.unchanged:,} unchanged, {built.gone:,} gone"
    held = ", ".join(_numbered(number, name) for name, number in built.rows.items())
    files = counted(sum(built.files.values()), "file")
    return f"{printable(built.url)}: {done}\n{held} in {files}, {built.size:,} bytes\n"


def _numbered(number: int, table: str) -> str:
    return f"{number:,} {table.removesuffix('s') if number == 1 else table}"


def _as_json(built: Built) -> dict[str, Any]:
    problems = [{"cassette": name, "problem": problem} for name, problem in built.unreadable.items()]
    return {
        "url": built.url,
        "build": built.generation,
        "read": built.read,
        "unchanged": built.unchanged,
        "gone": built.gone,
        "unreadable": problems,
        "clear": built.clear,
        "rows": built.rows,
        "files": built.files,
        "size": built.size,
    }
