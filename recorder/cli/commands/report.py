"""Implement `recorder report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import NothingSelected
from ..loading import load, rules_of, sources, tell_if_none
from ..options import OUTPUT, NameOrFile, cassettes_argument, dialect_option, filter_option, force_option
from ..saying import say
from ..writing import must_be_writable, write_text

if TYPE_CHECKING:
    from ...views.orders.beside import Orders
    from ...views.report import Keep


@click.command("report")
@cassettes_argument
@click.option(
    "-o",
    "--output",
    type=OUTPUT,
    default=Path("report.html"),
    show_default=True,
    help="HTML file to write.",
)
@filter_option
@click.option("--all", "whole", is_flag=True, help="Show all of a large cassette, however large the page gets.")
@click.option(
    "--schedule",
    "wanted_schedule",
    metavar="ID|FILE|TEXT",
    type=NameOrFile(),
    help="Draw the recorded order beside that of a schedule, which recorder explore wrote.",
)
@click.option("--title", metavar="TEXT", help="Title of the page; by default the names of the cassettes.")
@force_option
@dialect_option
def command(
    cassettes: tuple[Path, ...],
    *,
    output: Path,
    wanted: str | None,
    whole: bool,
    wanted_schedule: str | None,
    title: str | None,
    force: bool,
    dialect: str | None,
) -> None:
    """Write one HTML file that shows the session: a timeline, a ladder, a table, and all details.

    The page needs no network and no server: open it, or send it to a colleague. It holds the content of the cassettes
    and nothing else; with --filter, only the triples that fit, and no unsolicited events.

    With --schedule, the page begins with two orders side by side: the recorded one, and that of the schedule.

    Of cassettes with more than 50,000 triples, other exchanges and unsolicited events together, the page shows a
    choice: triples that failed, were slow or have an uncertain link, those beside unsolicited events, and an even
    sample. It says so; --all shows all.

    \b
    Example:  recorder report session.cassette -o session.html
              recorder report before.cassette after.cassette --title 'Late records' -o late.html
              recorder report day.cassette --all -o day.html
              recorder report session.cassette --schedule 7f3a -o race.html
    """
    from ...printable import printable
    from ...views import report, selection
    from ...views.document import pieces

    must_be_writable(output, force=force)
    orders = None if wanted_schedule is None else _orders(wanted_schedule, cassettes, dialect)
    with sources(cassettes, dialect) as opened:
        keys = {key for source in opened for key in report.keys_of(source.dialect)}
        keep = _keep(wanted, keys) if wanted is not None else None
        parts = report.parts(opened, keep=keep, most=None if whole else selection.MOST)
        tell_if_none(opened, parts)
        if not any(part.fitting for part in parts) and keep is not None:
            names = ", ".join(map(str, cassettes))
            raise NothingSelected(f"{names}: nothing fits {wanted!r}")
        policies = [source.header.redaction for source in opened]
    document = report.document(parts, title or ", ".join(path.name for path in cassettes), orders)
    left_out = report.left_out(parts)
    note = f"This page {left_out}; recorder report --all shows all." if left_out else ""
    write_text(output, pieces(document, note), force=force, redaction=policies)
    if left_out:
        say(f"{output}: {left_out}; --all shows all")
    click.echo(printable(str(output)))


def _orders(wanted: str, cassettes: tuple[Path, ...], dialect: str | None) -> Orders:
    """Return the orders of a schedule.

    Raises:
        UsageError: If there is no such schedule, or it is not of these cassettes.
    """
    from ...explore.files import kept
    from ...explore.law import forbidden
    from ...views.orders.beside import orders

    recording = load(cassettes, dialect)
    rules = rules_of(recording.header, dialect)
    found = kept(wanted, cassettes)
    drawn = orders(recording, rules, found, wanted)
    if problem := forbidden(recording, rules, found.schedule):
        say(problem)
    return drawn


def _keep(wanted: str, keys: set[str]) -> Keep:
    """Return the test of a filter.

    Raises:
        FilterError: If the filter has a mistake.
    """
    from ...views.filter import fits, parse

    expression = parse(wanted, keys)
    return lambda triple: fits(expression, triple)
