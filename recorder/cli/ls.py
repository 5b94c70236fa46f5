"""recorder ls"""

from __future__ import annotations

import json
from pathlib import Path

import click

from .loading import load
from .options import cassette_argument, dialect_option, json_option


@click.command("ls")
@cassette_argument
@json_option
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also the exchanges that are no operation, and unsolicited events.",
)
@dialect_option
def command(cassette: Path, *, as_json: bool, everything: bool, dialect: str | None) -> None:
    r"""List the triples of a cassette: request, ack, events with their offsets.

    \b
    Example:  recorder ls session.cassette
              recorder ls session.cassette --json | jq '.[].operation'
    """
    from ..views import data, table

    recording = load([cassette], dialect)
    if as_json:
        rows = [data.triple(triple) for triple in recording.triples]
        plain = [data.triple(triple) for triple in recording.plain]
        shown = {"triples": rows, "plain": plain, "unsolicited": data.unsolicited(recording)} if everything else rows
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    click.echo(table.overview(recording.triples), nl=False)
    if everything:
        click.echo(table.overview(recording.plain), nl=False)
        click.echo(table.unsolicited(recording), nl=False)
