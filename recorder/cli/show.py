"""recorder show."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UsageError
from ..printable import to_json
from .loading import find
from .options import cassette_argument, dialect_option, json_option


@click.command("show")
@cassette_argument
@click.argument("number", metavar="[N]", type=int, required=False)
@click.option("--handle", metavar="HANDLE", help="Show the triples with this record handle instead.")
@click.option("--reference", metavar="ID", help="Show the triples with this referenceId instead.")
@json_option
@dialect_option
def command(
    cassette: Path, *, number: int | None, handle: str | None, reference: str | None, as_json: bool, dialect: str | None
) -> None:
    """Show triple N in full: request, ack, each event, and why it was linked.

    A sealed cassette is not read through for it, however large it is.

    \b
    Example:  recorder show session.cassette 3
              recorder show session.cassette --reference 123456789
    """
    from ..views import data, table

    given = {"handle": handle, "reference": reference}
    keys = {key: value for key, value in given.items() if value is not None}
    if (number is None) == (not keys):
        raise UsageError("say which triple: its number N, or --handle or --reference")
    found = find(cassette, dialect, number=number, keys=keys)
    if as_json:
        rows = [data.triple(triple) for triple in found]
        click.echo(to_json(rows if keys else rows[0]))
    else:
        click.echo("\n".join(map(table.detail, found)), nl=False)
