"""Implement `recorder stats`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..loading import expression, fitting, hint_if_none, read, rules_of
from ..options import cassettes_argument, dialect_option, filter_option, json_option
from ..output import Several, json_text, screen, write

if TYPE_CHECKING:
    from ...views.filter import Expression
    from ...views.stats import Stats


@click.command("stats")
@cassettes_argument
@filter_option
@json_option
@dialect_option
def command(cassettes: tuple[Path, ...], *, wanted: str | None, as_json: bool, dialect: str | None) -> None:
    """Count the content of cassettes, all together: operations by state, latencies, events, polls, streams.

    Latencies are milliseconds from a request to its ack, and to its last event: least, median, 95th percentile, most.
    An event is "unsure" if its link has a confidence below 1 (see recorder explain). A filter selects triples and
    unsolicited events; polls, streams, records and sizes are those of the whole cassettes.

    \b
    Example:  recorder stats session.cassette
              recorder stats *.cassette --filter op:GetChainedRecord
              recorder stats session.cassette --json | jq .total.ack_ms.p95
    """
    from ...views import stats as view

    by, several, stats = expression(wanted, dialect, cassettes), Several(), view.Stats()
    for path in cassettes:
        with several.going_on():
            _count(stats, path, dialect, by)
    several.found = bool(stats.operations or stats.unasked)
    if stats.files and (several.found or wanted is None):
        write([json_text(view.as_json(stats)) if as_json else view.as_text(stats, screen())])
    several.finish(cassettes, wanted)


def _count(stats: Stats, path: Path, dialect: str | None, by: Expression | None) -> None:
    from ...diagnose.polls import with_polls
    from ...views import data
    from ...views.filter import fits

    cassette = read(path)
    chosen = rules_of(cassette.header, dialect)
    recording, polls = with_polls(cassette.records, chosen, cassette.header)
    hint_if_none(recording.triples, cassette.header, cassette.records, chosen.name)
    times = [record.t for record in cassette.records]
    stats.add_file(
        size=path.stat().st_size,
        records=len(times),
        duration=(max(times) - min(times)) / 1e9 if times else 0.0,
        sessions=len(recording.session_starts),
        plain=len(recording.plain),
    )
    pushed = (one for one in recording.unsolicited if by is None or fits(by, data.alone(one)))
    stats.add_triples(fitting(recording.triples, by), pushed)
    stats.add_polls(polls)
    stats.add_streams(recording)
