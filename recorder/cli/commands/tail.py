"""Implement `recorder tail`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from ...errors import CassetteError, UsageError
from ...files import Remote, open_regular
from ...model import Note, Record
from ..loading import rules_of
from ..options import cassette_argument, dialect_option, jsonl_option
from ..output import fitted
from ..saying import say

if TYPE_CHECKING:
    from ...cassette.journal import Following

_WAIT = 0.1  # seconds between two reads of the file
_QUIET = 10  # reads without a new record between two checks of the writer's lock


@click.command("tail")
@cassette_argument
@jsonl_option
@dialect_option
def command(cassette: Path, *, as_lines: bool, dialect: str | None) -> None:
    """Follow a capture while it is written: requests, their acks, and events as they are linked.

    Prints the existing records first, and ends when the capture ends, or with Ctrl-C. An event that no request explains
    yet may be linked later, by an ack; the event is then printed again.

    \b
    Example:  recorder tail session.cassette
              recorder tail session.cassette --jsonl | jq 'select(.kind == "ack" and .ms > 500)'
    """
    from ...cassette.journal import Following
    from ...views.live.rows import Live, as_line

    if isinstance(cassette, Remote):
        raise UsageError(f"{cassette}: is at a URL, where no recorder writes bit by bit; recorder ls lists it")
    live, header = None, None
    before: list[Record] = []  # records by a dialect that the journal may replace
    try:
        with open_regular(cassette) as file:
            following = Following(file, str(cassette))
            for record in _records(following, file, cassette):
                if following.header is not None and following.header != header:
                    header = following.header
                    live = Live(rules_of(header, dialect))
                    for earlier in before:
                        live.feed(earlier)
                if following.awaits_dialect:
                    before.append(record)
                for row in live.feed(record) if live is not None else ():
                    text = f"{json.dumps(row, ensure_ascii=False)}\n" if as_lines else fitted(f"{as_line(row)}\n", 27)
                    click.echo(text, nl=False)
    except KeyboardInterrupt:
        return


def _records(following: Following, file: IO[bytes], path: Path) -> Iterator[Record]:
    """Yield records as they come, until the capture ends or no process writes the file any more.

    Raises:
        CassetteError: If the file is no cassette, or is damaged.
    """
    from ...cassette.journal import is_written

    ended, quiet = False, 0
    while True:
        quiet += 1
        # check before reading: a writer that ends in between has written its last records by then
        written = quiet % _QUIET != 1 or is_written(file)
        for record in following.new():
            ended, quiet = isinstance(record, Note) and record.kind == "close", 0
            yield record
        if quiet and (ended or not written):  # not at the first `close`: record -o +FILE appends behind it
            break
        if quiet:
            time.sleep(_WAIT)
    if following.header is None:
        raise CassetteError(str(path), "not a cassette", hint="it holds no complete header yet")
    if not ended:
        say(f"{path}: no process writes this file any more, and it has no clean end")
