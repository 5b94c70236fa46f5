"""Implement `recorder report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import NothingSelected
from ..loading import hint_if_none, read, rules_of
from ..options import OUTPUT, cassettes_argument, dialect_option, force_option
from ..writing import must_be_writable, write_text

if TYPE_CHECKING:
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
@click.option("--filter", "wanted", metavar="EXPR", help="Select triples by a filter, e.g. 'op:Get* last:>500'.")
@click.option("--title", metavar="TEXT", help="Title of the page; by default the names of the cassettes.")
@force_option
@dialect_option
def command(
    cassettes: tuple[Path, ...],
    *,
    output: Path,
    wanted: str | None,
    title: str | None,
    force: bool,
    dialect: str | None,
) -> None:
    """Write one HTML file that shows the session: a timeline, a ladder, a table, and all details.

    The page needs no network and no server: open it, or send it to a colleague. It holds the content of the cassettes
    and nothing else; with --filter, only the triples that fit, and no unsolicited events.

    \b
    Example:  recorder report session.cassette -o session.html
              recorder report before.cassette after.cassette --title 'Late records' -o late.html
    """
    from ...printable import printable
    from ...views import report
    from ...views.document import page

    must_be_writable(output, force=force)
    parts, policies = [], []
    for path in cassettes:
        cassette = read(path)
        policies.append(cassette.header.redaction)
        chosen = rules_of(cassette.header, dialect)
        parts.append(report.part(path.name, cassette, chosen))
        hint_if_none(parts[-1].recording.triples, cassette.header, cassette.records, chosen.name)
    keep = _keep(wanted, {key for part in parts for key in part.keys}) if wanted is not None else None
    document = report.document(parts, title or ", ".join(path.name for path in cassettes), keep=keep)
    if not any(recording["triples"] for recording in document["recordings"]) and keep is not None:
        raise NothingSelected(f"no triple fits {wanted!r}")
    write_text(output, [page(document)], force=force, redaction=policies)
    click.echo(printable(str(output)))


def _keep(wanted: str, keys: set[str]) -> Keep:
    """Return the test of a filter.

    Raises:
        FilterError: If the filter has a mistake.
    """
    from ...views.filter import fits, parse

    expression = parse(wanted, keys)
    return lambda triple: fits(expression, triple)
