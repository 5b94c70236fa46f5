"""Implement `recorder show`."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import NothingSelected, UsageError
from ..loading import expression, find, opened, triples
from ..options import cassette_argument, dialect_option, filter_option, json_option, jsonl_option
from ..output import json_list, json_text, screen, write

if TYPE_CHECKING:
    from collections.abc import Sized

    from ...library.lazy import OpenRecording
    from ...views.records.beside import Shown

_NAMED = re.compile(r"([rpu])([0-9]{1,18})|-?[0-9]{1,18}")


@click.command("show")
@cassette_argument
@click.argument("what", metavar="[N|rN|pN|uN]", required=False)
@click.option("--record", metavar="N", type=click.IntRange(min=0), help="Show record N with its exchange, as rN does.")
@click.option("--handle", metavar="HANDLE", help="Show the triples with this record handle.")
@click.option("--reference", metavar="ID", help="Show the triples with this referenceId.")
@filter_option
@json_option
@jsonl_option
@dialect_option
def command(
    cassette: Path, *, what: str | None, record: int | None, handle: str | None, reference: str | None,
    wanted: str | None, as_json: bool, as_lines: bool, dialect: str | None,
) -> None:  # fmt: skip
    """Show triple N in full: request, ack, each event, and why the event was linked.

    Other things have a letter before their number: r12 is record 12 with its exchange (a poll, a message of a
    WebSocket, a note, or any other), p2 the second exchange that is no operation, and u1 the first unsolicited event,
    as `recorder ls --all` numbers them.

    For a triple of a sealed cassette, only the index and the triple are read, however large the file is (except with
    --dialect or --filter).

    \b
    Example:  recorder show session.cassette 3
              recorder show session.cassette r12 --json
              recorder show session.cassette --reference 123456789
              recorder show session.cassette --filter 'state:failed or confidence:<1'
    """
    from ...views import data, table

    given = {"handle": handle, "reference": reference}
    keys = {key: value for key, value in given.items() if value is not None}
    if (what is not None) + (record is not None) + bool(keys) + (wanted is not None) != 1:
        raise UsageError("choose one thing to show: N, rN, pN or uN, --record, --handle and --reference, or --filter")
    letter, number = ("r", record) if record is not None else _parsed(what)
    if letter and number is not None:
        other = _other(cassette, dialect, letter, number, as_json=as_json or as_lines)
        write([other] if isinstance(other, str) else json_list([other], lines=True) if as_lines else [json_text(other)])
        return
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


def _parsed(what: str | None) -> tuple[str, int | None]:
    """Return the letter and the number of what to show; no letter for a triple, and no number without a choice.

    Raises:
        UsageError: If it is of another form.
    """
    if what is None:
        return "", None
    found = _NAMED.fullmatch(what)
    if found is None:
        raise UsageError(
            f"{what!r} is none of these: a triple (3), a record (r12), an exchange that is no operation (p2), an "
            "unsolicited event (u1)"
        )
    return (found[1], int(found[2])) if found[1] else ("", int(what))


def _other(
    path: Path, dialect: str | None, letter: str, number: int, *, as_json: bool
) -> dict[str, Any] | str:  # fmt: skip
    """Return something that is no triple, as a row for programs or as text.

    Raises:
        NothingSelected: If there is nothing with that number.
    """
    from ...views import data, table
    from ...views.records import rows, text

    with opened(path, dialect) as found:
        recording, on = found.recording, screen()
        if letter == "r":
            shown = _record(found, path, number)
            return rows.shown(shown) if as_json else text.shown(shown, on)
        every: Sized = recording.plain if letter == "p" else recording.unsolicited
        if not 1 <= number <= len(every):
            what = "exchange" if letter == "p" else "unsolicited event"
            held = f"{letter}1 to {letter}{len(every)}" if len(every) else "none"
            raise NothingSelected(f"{path}: no {what} {letter}{number}; it holds {held}")
        if letter == "p":
            plain = recording.plain[number - 1]
            return data.triple(plain) if as_json else table.detail(plain, on)
        pushed = recording.unsolicited[number - 1]
        if as_json:
            return rows.unsolicited(number, pushed)
        return text.unsolicited(number, pushed, _anchor(found, number), on)


def _record(found: OpenRecording, path: Path, number: int) -> Shown:
    from ...library.stored import number_of
    from ...views.records.beside import with_exchange

    count = len(found.records)
    if number >= count:
        held = f"r0 to r{count - 1}" if count else "none"
        raise NothingSelected(f"{path}: no record r{number}; it holds {held}")
    shown = with_exchange(found.records[number], found.cassette.records())
    request = shown.request
    return shown if request is None else replace(shown, triple=number_of(found, request.seq))


def _anchor(found: OpenRecording, number: int) -> str:
    """Return what an unsolicited event followed, in words."""
    from ...correlate.anchors import anchoring, text

    return text(next(islice(anchoring(found.recording), number - 1, None)))
