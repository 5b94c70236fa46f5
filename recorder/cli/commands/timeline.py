"""Implement `recorder timeline`."""

from __future__ import annotations

from pathlib import Path

import click

from ...errors import NothingSelected, UsageError
from ..loading import derived, expression, fitting
from ..options import cassette_argument, dialect_option, filter_option, json_option, jsonl_option
from ..output import json_list, screen, write


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
    whole, recording = derived(cassette, dialect)
    chosen = [triple for triple in fitting(recording.triples, by) if number in (None, triple.n)]
    if not chosen and (number is not None or wanted is not None):
        told = f"no triple {number}" if number is not None else f"nothing fits {wanted!r}"
        held = f"1 to {len(recording.triples)}" if recording.triples else "none"
        raise NothingSelected(f"{cassette}: {told}; it holds {held}")
    moments = [moment for triple in chosen for moment in timeline.of_triple(triple)]
    if number is None and wanted is None:
        moments += timeline.of_others(recording, whole.records)
    rows = timeline.ordered(moments)
    if as_json or as_lines:
        write(json_list(timeline.as_json(rows), lines=as_lines))
    else:
        write([timeline.as_text(rows, screen(), start=rows[0].t if number is not None else 0)])
