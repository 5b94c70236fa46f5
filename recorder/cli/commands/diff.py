"""Implement `recorder diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import NothingSelected
from ..loading import load, sources
from ..options import (
    OUTPUT,
    InputFile,
    dialect_option,
    filter_option,
    force_option,
    json_option,
    jsonl_option,
    recorded_policy_option,
)
from ..saying import say
from ..verdict import announce
from ..writing import must_be_writable, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...dialect.definition import Dialect
    from ...diff.differences import Changed
    from ...model import Triple
    from ...views.difference import Tally

MOST_ROWS = 5_000  # differences on a page, which shows the first thousand triples at once, others by its filter


@click.command("diff")
@click.argument("old", metavar="A", type=InputFile())
@click.argument("new", metavar="B", type=InputFile())
@click.option(
    "--latency",
    metavar="N%|Nms",
    help="Report times that differ by more than this, e.g. 50% or 200ms. By default times are not compared.",
)
@click.option(
    "--id",
    "ids",
    metavar="KEY",
    multiple=True,
    help="Treat this key of the dialect as an id that may differ, e.g. handle.",
)
@filter_option
@recorded_policy_option
@json_option
@jsonl_option
@click.option(
    "--html",
    metavar="FILE",
    type=OUTPUT,
    help="Write an HTML page with both cassettes and their differences, like `recorder report`.",
)
@force_option
@dialect_option
def command(
    old: Path, new: Path, *, latency: str | None, ids: tuple[str, ...], wanted: str | None, policy: str | None,
    as_json: bool, as_lines: bool, html: Path | None, force: bool, dialect: str | None,
) -> None:  # fmt: skip
    """Compare the session in cassette B with the one in A: exit code 1 if they differ, 0 if not.

    These values may differ, as long as each value in A stands for one value in B: ids that the client mints, clientIds,
    cookies, pseudonyms. Times (without --latency) and fields that the dialect calls volatile may have any value.
    Headers are not compared.

    \b
    Example:  recorder diff monday.cassette tuesday.cassette
              recorder diff monday.cassette tuesday.cassette --latency 200ms --id handle
              recorder diff monday.cassette tuesday.cassette --filter 'op:CompleteRecord'
              recorder diff monday.cassette tuesday.cassette --html diff.html
              recorder diff monday.cassette tuesday.cassette --json | jq '.[].where'
    """
    from ...diff.choosing import dialect_for, policy_for
    from ...diff.differences import Latency, differences
    from ...views import difference

    if html is not None:
        must_be_writable(html, force=force)
    limit = Latency.parse(latency) if latency else None
    recordings = load([old], dialect), load([new], dialect)
    headers = recordings[0].header, recordings[1].header
    read_by = dialect_for(*headers, ids)
    fits = _fits(wanted, read_by)
    if fits is not None and not any(fits(one) for recording in recordings for one in recording.triples):
        raise NothingSelected(f"{old}, {new}: nothing fits {wanted!r}")
    tally = difference.Tally(MOST_ROWS if html is not None else 0)
    found = map(
        tally.note, filter(_changes(fits), differences(*recordings, read_by, policy_for(*headers, policy), limit))
    )
    for line in _lines(found, (old, new), as_json=as_json, as_lines=as_lines):
        announce(line)
    if html is not None:
        write_page(html, (old, new), read_by, tally, force=force)
    say(tally.summary())
    if tally.total:
        raise SystemExit(1)


def _lines(found: Iterator[Changed], files: tuple[Path, Path], *, as_json: bool, as_lines: bool) -> Iterator[str]:
    from ...views import difference

    rows = (row for change in found for row in difference.as_json([change]))
    if as_lines:
        return (json.dumps(row, ensure_ascii=False) for row in rows)
    return difference.array(rows) if as_json else difference.text(found, *map(str, files))


def write_page(target: Path, cassettes: tuple[Path, Path], dialect: Dialect, tally: Tally, *, force: bool) -> None:
    """Write the page of two cassettes with their differences; say on stderr what it leaves out.

    Args:
        target: The page.
        cassettes: The old and the new cassette.
        dialect: The dialect by which both are read.
        tally: Has noted the differences, `MOST_ROWS` of them at most.
        force: Overwrite the page if it exists.
    """
    from ...views import report, selection
    from ...views.document import pieces

    wanted = [{row["n"][side] for row in tally.rows} for side in ("old", "new")]
    with sources(cassettes, None) as opened:
        read_by = [source._replace(dialect=dialect) for source in opened]
        old, new = report.parts(read_by, most=selection.MOST, wanted=wanted)
        policies = [source.header.redaction for source in opened]
    title = " → ".join(path.name for path in cassettes)
    told = [f"shows the first {len(tally.rows):,} of {tally.total:,} differences"] * (tally.total > len(tally.rows))
    told += filter(None, [report.left_out([old, new], "those that differ, ")])
    note = f"This page {'; it '.join(told)}." if told else ""
    document = report.comparison(old, new, title, tally.rows)
    write_text(target, pieces(document, note), force=force, redaction=policies)
    for text in told:
        say(f"{target}: {text}")


def _fits(wanted: str | None, dialect: Dialect) -> Callable[[Triple], bool] | None:
    """Return the test of a filter for triples; None without a filter."""
    from ...views.filter import parse
    from ...views.fitting import accepting

    return accepting(parse(wanted, dialect.key_names())) if wanted is not None else None


def _changes(fits: Callable[[Triple], bool] | None) -> Callable[[Changed], bool]:
    """Return the test for changes of selected triples, in A or in B; with a filter, unsolicited events never pass."""
    if fits is None:
        return lambda _: True
    return lambda change: any(fits(item) for item in (change.old, change.new) if item is not None)
