"""Implement `recorder timeline`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import click

from ...errors import NothingSelected, UsageError
from ...model import Record, Request, SocketMessage
from ..loading import chosen, expression, opened
from ..options import cassette_argument, dialect_option, filter_option, json_option, jsonl_option
from ..output import json_list, screen, write

if TYPE_CHECKING:
    from ...library.lazy import OpenRecording
    from ...views.filter import Expression
    from ...views.timeline import Moment


@click.command("timeline")
@cassette_argument
@click.argument("number", metavar="[N]", type=int, required=False)
@filter_option
@json_option
@jsonl_option
@dialect_option
def command(
    cassette: Path, *, number: int | None, wanted: str | None, as_json: bool, as_lines: bool, dialect: str | None
) -> None:
    """Show the timeline of a session, or of triple N alone: one line per request, ack, event and other moment.

    Silences of more than a second are folded. On a screen of 80 cells or more, a bar is thick from the request to its
    ack and thin to its last event. An event with a confidence below 1 is shown with its rule and confidence;
    unsolicited events are u1, u2 … as in `recorder explain`. Polls are left out,
    except those that got no Bayeux messages; `recorder stats` counts them.

    \b
    Example:  recorder timeline session.cassette
              recorder timeline session.cassette 3
              recorder timeline session.cassette --filter 'session:s1 last:>1000'
    """
    from ...views import timeline

    if number is not None and wanted is not None:
        raise UsageError("give either a number N or --filter, not both")
    by = expression(wanted, dialect, [cassette])
    with opened(cassette, dialect) as found:
        rows = _moments(found, number, by, cassette, wanted)
        if as_json or as_lines:
            write(json_list(timeline.as_json(rows), lines=as_lines))
        else:
            write(timeline.as_text(rows, screen(), start=None if number is not None else 0))


def _moments(
    found: OpenRecording, number: int | None, by: Expression | None, path: Path, wanted: str | None
) -> Iterator[Moment]:
    """Return the moments that are asked for, in order.

    Raises:
        NothingSelected: If no triple fits.
    """
    from ...views import timeline

    recording = found.recording
    every = recording.triples
    if number is None and wanted is None:
        begins = (found.records[seq] for seq, _ in recording.session_starts.values())
        starts = {record.seq: record.exchange for record in begins if _is_sent(record)}
        others = timeline.of_others(recording, found.cassette.records(), starts)
        return timeline.ordered(timeline.of_triples(every), others)
    own = chosen(found, by) if number is None else iter(every[number - 1 : number] if number > 0 else ())
    first = next(own, None)
    if first is None:
        told = f"no triple {number}" if number is not None else f"nothing fits {wanted!r}"
        held = f"1 to {len(every)}" if len(every) else "none"
        raise NothingSelected(f"{path}: {told}; it holds {held}")
    return timeline.of_triples(chain([first], own))


def _is_sent(record: Record) -> TypeGuard[Request | SocketMessage]:
    """Return whether a client sent a record, which begins no session of Bayeux: such a one begins with an answer."""
    return isinstance(record, Request) or (isinstance(record, SocketMessage) and record.from_client)
