"""Implement `recorder stats`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..jobs import mapped
from ..loading import expression, header_and_rules, hint_if_none, opened, say_once, warn
from ..options import cassettes_argument, dialect_option, filter_option, jobs_option, json_option
from ..output import Several, json_text, screen, write
from ..saying import progress

if TYPE_CHECKING:
    from ...views.counts.stats import Stats
    from ...views.filter import Expression


@click.command("stats")
@cassettes_argument
@filter_option
@json_option
@dialect_option
@jobs_option
def command(cassettes: tuple[Path, ...], *, wanted: str | None, as_json: bool, dialect: str | None, jobs: int) -> None:
    """Count the content of cassettes, all together: operations by state, latencies, events, polls, streams.

    Latencies are milliseconds from a request to its ack, and to its last event: least, median, 95th percentile, most.
    An event is "unsure" if its link has a confidence below 1 (see recorder explain). A filter selects triples and
    unsolicited events; polls, streams, records and sizes are those of the whole cassettes. Several processes count a
    large sealed cassette, without --filter; a journal is counted by one, since its triples must be derived in order.

    \b
    Example:  recorder stats session.cassette
              recorder stats *.cassette --filter op:GetChainedRecord
              recorder stats session.cassette --json | jq .total.ack_ms.p95
    """
    from ...views.counts import stats as view

    by, several, stats = expression(wanted, dialect, cassettes), Several(), view.Stats()
    for path in cassettes:
        with several.going_on():
            stats.add(_counted(path, dialect, by, jobs))
    several.found = bool(stats.operations or stats.unasked)
    if stats.files and (several.found or wanted is None):
        write([json_text(view.as_json(stats)) if as_json else view.as_text(stats, screen())])
    several.finish(cassettes, wanted)


def _counted(path: Path, dialect: str | None, by: Expression | None, jobs: int) -> Stats:
    from ...cassette.reader import open_cassette
    from ...views import data
    from ...views.counts import counting, stored
    from ...views.filter import fits

    told: list[str] = []
    header, rules = header_and_rules(path, dialect, told.append)
    size = sum(file.stat().st_size for file in getattr(path, "files", [path]))
    with open_cassette(path) as cassette:
        if by is None and cassette.is_sealed and cassette.has_index:
            with opened(path, dialect) as found:
                stats = stored.counted(path, found, rules, size, partial(mapped, jobs=jobs))
            if stats is not None:
                return stats
        with progress(f"{path}: counts") as shown:
            stats, triples = counting.counted(
                cassette,
                rules,
                size,
                wanted=None if by is None else lambda triple: fits(by, data.triple(triple)),
                wanted_events=None if by is None else lambda pushed: fits(by, data.alone(pushed)),
                watch=shown.feed if shown else None,
            )
        warn(cassette.torn)
        for text in told:
            say_once(text)
        hint_if_none(range(triples), header, cassette.records(), rules.name)
    return stats
