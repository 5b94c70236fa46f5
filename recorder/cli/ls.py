"""recorder ls."""

from __future__ import annotations

from pathlib import Path

import click

from ..printable import to_json
from .loading import load, triples
from .options import cassette_argument, dialect_option, json_option


@click.command("ls")
@cassette_argument
@json_option
@click.option("--limit", metavar="N", type=click.IntRange(min=0), help="Only the first N triples.")
@click.option("--all", "everything", is_flag=True, help="Also exchanges that are no operation, and unsolicited events.")
@dialect_option
def command(cassette: Path, *, as_json: bool, limit: int | None, everything: bool, dialect: str | None) -> None:
    """List the triples of a cassette: request, ack, events with their offsets.

    \b
    Example:  recorder ls session.cassette
              recorder ls session.cassette --json | jq '.[].operation'
    """
    from ..views import data, table

    if not everything:
        found = list(triples(cassette, dialect, limit))
        text = _json([data.triple(triple) for triple in found]) if as_json else table.overview(found)
        click.echo(text, nl=False)
        return
    recording = load([cassette], dialect)
    if as_json:
        rows = [data.triple(triple) for triple in recording.triples[:limit]]
        plain = [data.triple(triple) for triple in recording.plain]
        click.echo(_json({"triples": rows, "plain": plain, "unsolicited": data.unsolicited(recording)}), nl=False)
        return
    click.echo(table.overview(recording.triples[:limit]), nl=False)
    click.echo(table.overview(recording.plain), nl=False)
    click.echo(table.unsolicited(recording), nl=False)


def _json(value: object) -> str:
    return to_json(value) + "\n"
