"""Implement `recorder show`."""

from __future__ import annotations

from pathlib import Path

import click

from ...errors import NothingSelected, UsageError
from ..loading import expression, find, triples
from ..options import cassette_argument, dialect_option, filter_option, json_option, jsonl_option
from ..output import json_list, json_text, screen, write


@click.command("show")
@cassette_argument
@click.argument("number", metavar="[N]", type=int, required=False)
@click.option("--handle", metavar="HANDLE", help="Show the triples with this record handle.")
@click.option("--reference", metavar="ID", help="Show the triples with this referenceId.")
@filter_option
@json_option
@jsonl_option
@dialect_option
def command(
    cassette: Path, *, number: int | None, handle: str | None, reference: str | None, wanted: str | None,
    as_json: bool, as_lines: bool, dialect: str | None,
) -> None:  # fmt: skip
    """Show triple N in full: request, ack, each event, and why it was linked.

    For a sealed cassette, only the index and the triple are read, however large the file is (except with --dialect or
    --filter).

    \b
    Example:  recorder show session.cassette 3
              recorder show session.cassette --reference 123456789
              recorder show session.cassette --filter 'state:failed or confidence:<1'
    """
    from ...views import data, table

    given = {"handle": handle, "reference": reference}
    keys = {key: value for key, value in given.items() if value is not None}
    if (number is not None) + bool(keys) + (wanted is not None) != 1:
        raise UsageError("choose the triple by its number N, --handle and --reference, or --filter")
    if wanted is None:
        found = find(cassette, dialect, number=number, keys=keys)
    else:
        found = list(triples(cassette, dialect, by=expression(wanted, dialect, [cassette])))
        if not found:
            raise NothingSelected(f"{cassette}: nothing fits {wanted!r}")
    if as_json and number is not None:
        write([json_text(data.triple(found[0]))])
    elif as_json or as_lines:
        write(json_list(map(data.triple, found), lines=as_lines))
    else:
        on = screen()
        write("\n" * (place > 0) + table.detail(triple, on) for place, triple in enumerate(found))
