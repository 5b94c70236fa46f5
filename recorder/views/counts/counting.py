"""Count one cassette for `recorder stats` in one pass, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from ...cassette.reader import OpenCassette
from ...correlate.engine import Correlator
from ...diagnose.polls import Polls
from ...dialect.definition import Dialect
from ...model import Event, Record, Recording, Triple, Unsolicited
from ...push.rules import COMMENT
from .stats import Stats


def counted(
    cassette: OpenCassette,
    dialect: Dialect,
    size: int,
    *,
    wanted: Callable[[Triple], bool] | None = None,
    wanted_events: Callable[[Unsolicited], bool] | None = None,
    watch: Callable[[Record], None] | None = None,
) -> tuple[Stats, int]:
    """Return the counts of one cassette, with its triples derived by a dialect, and the number of all triples.

    Args:
        cassette: The cassette.
        dialect: The rules.
        size: Bytes of the file.
        wanted: Judges the triples to count; None takes all.
        wanted_events: Judges the unsolicited events to count; None takes all.
        watch: Called with each record, for a display.
    """
    counting = _Counting(wanted, wanted_events)
    correlator, polls = Correlator(dialect, file=cassette.path), Polls()
    first = last = None
    records = 0
    for record in cassette.records():
        records += 1
        if watch is not None:
            watch(record)
        first, last = (record.t, record.t) if first is None else (min(first, record.t), max(last or 0, record.t))
        correlator.feed(record)
        counting.stats.add_polls(poll for _, poll in polls.feed(record))
        counting.take(correlator.triples(), correlator.plain(), correlator.unsolicited())
        for handed in (correlator.messages(), correlator.lost_polls(), correlator.attempts()):
            for _ in handed:
                pass
    counting.stats.add_polls(poll for _, poll in polls.end())
    rest = correlator.finish(cassette.header)
    counting.take(rest.triples, rest.plain, rest.unsolicited)
    stats = counting.finish(rest, size=size, records=records, nanoseconds=(last or 0) - (first or 0))
    return stats, counting.triples


class _Counting:
    """Counts what is derived from one cassette as it becomes final."""

    def __init__(
        self, wanted: Callable[[Triple], bool] | None, wanted_events: Callable[[Unsolicited], bool] | None
    ) -> None:
        self.stats = Stats()
        self._wanted, self._wanted_events = wanted, wanted_events
        self.triples = 0
        self._plain = 0
        self._heard: Counter[str] = Counter()  # events by clientId or key of a stream

    def take(self, triples: Iterable[Triple], plain: Iterable[Triple], unsolicited: Iterable[Unsolicited]) -> None:
        for triple in triples:
            self.triples += 1
            self._hear(link.event for link in triple.events)
            if self._wanted is None or self._wanted(triple):
                self.stats.add_triple(triple)
        for pushed in unsolicited:
            self._hear([pushed.event])
            if self._wanted_events is None or self._wanted_events(pushed):
                self.stats.add_unasked(pushed)
        self._plain += sum(1 for _ in plain)

    def finish(self, rest: Recording, *, size: int, records: int, nanoseconds: int) -> Stats:
        self.stats.add_streams(rest.streams, self._heard)
        sessions = len(rest.session_starts)
        duration = nanoseconds / 1e9
        self.stats.add_file(size=size, records=records, duration=duration, sessions=sessions, plain=self._plain)
        return self.stats

    def _hear(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.channel != COMMENT:
                self._heard[event.client_id] += 1
