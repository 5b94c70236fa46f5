"""Implement `recorder grep`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import UsageError
from ..loading import expression, triples
from ..options import cassettes_argument, dialect_option, jobs_option, json_option, jsonl_option, limit_option
from ..output import Several, json_list, screen, write

if TYPE_CHECKING:
    from ...model import Triple


@click.command("grep")
@click.argument("wanted", metavar="EXPR")
@cassettes_argument
@click.option("-c", "--count", is_flag=True, help="Print only the number of triples per cassette.")
@click.option(
    "-l", "--files-with-matches", "names", is_flag=True, help="Print only the names of cassettes that have a match."
)
@limit_option
@json_option
@jsonl_option
@dialect_option
@jobs_option
def command(
    wanted: str, cassettes: tuple[Path, ...], *, count: bool, names: bool, limit: int | None, as_json: bool,
    as_lines: bool, dialect: str | None, jobs: int,
) -> None:  # fmt: skip
    """Search cassettes for triples, and print one line for each: file:number: triple.

    EXPR is a filter as in --filter of other commands: words, "quoted text" and key:value, joined by "or", negated by
    "-" or "not". Exit code 5 if no triple fits. A cassette that cannot be read is reported, the search goes on in the
    others, and the exit code is 4.

    \b
    Example:  recorder grep 'op:GetChainedRecord last:>2000' *.cassette
              recorder grep -l 'handle:1001 -state:complete' *.cassette
              recorder grep 'confidence:<1' session.cassette --jsonl | jq .n
    """
    if count + names + as_json + as_lines > 1:
        raise UsageError("--count, --files-with-matches, --json and --jsonl exclude each other")
    by = expression(wanted, dialect, cassettes)
    several = Several()

    def found(path: Path) -> Iterator[Triple]:
        with several.going_on():
            for triple in triples(path, dialect, limit, by, jobs):
                several.found = True
                yield triple

    def counted() -> Iterator[str]:
        for path in cassettes:
            with several.going_on():
                number = sum(1 for _ in triples(path, dialect, limit, by, jobs))
                several.found |= number > 0
                yield f"{_name(path)}{_styled(':')}{number}\n"

    if as_json or as_lines:
        rows = (_row(path, triple) for path in cassettes for triple in found(path))
        write(json_list(rows, lines=as_lines, several=several))
    elif count:
        write(counted())
    elif names:
        write(f"{_name(path)}\n" for path in cassettes if next(found(path), None) is not None)
    else:
        write(_line(path, triple) for path in cassettes for triple in found(path))
    several.finish(cassettes, wanted)


def _row(path: Path, triple: Triple) -> dict[str, Any]:
    from ...views import data

    return {"file": str(path), **data.triple(triple)}


def _line(path: Path, triple: Triple) -> str:
    from ...views.table import line

    return f"{_name(path)}{_styled(':')}{_styled(str(triple.n), 'green')}{_styled(':')} {line(triple)}\n"


def _name(path: Path) -> str:
    from ...printable import printable

    return _styled(printable(str(path)), "magenta")


def _styled(text: str, color: str = "cyan") -> str:
    """Return the text in a colour of grep, if the screen has colours."""
    on = screen()
    return click.style(text, fg=color) if on is not None and on.color else text
