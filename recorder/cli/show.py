"""recorder show"""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..errors import NothingSelected
from .loading import load
from .options import cassette_argument, dialect_option, json_option


@click.command("show")
@cassette_argument
@click.argument("number", metavar="N", type=int)
@json_option
@dialect_option
def command(cassette: Path, *, number: int, as_json: bool, dialect: str | None) -> None:
    r"""Show triple N in full: request, ack, each event, and why it was linked.

    \b
    Example:  recorder show session.cassette 3
    """
    from ..views import data, table

    recording = load([cassette], dialect)
    found = next((triple for triple in recording.triples if triple.n == number), None)
    if found is None:
        raise NothingSelected(f"{cassette}: no triple {number}; it holds 1 to {len(recording.triples)}")
    if as_json:
        click.echo(json.dumps(data.triple(found), indent=2, ensure_ascii=False))
    else:
        click.echo(table.detail(found), nl=False)
