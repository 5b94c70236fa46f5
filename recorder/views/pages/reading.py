"""Read one cassette for a page: the rows of its items, and the blocks of their content.

Memory does not grow with bodies: a block is packed and put aside when it is full. Where there are more items than a
page may show, the records are read once more, for those that were chosen.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from ...correlate.causes.rules import objections
from ...correlate.engine import Correlator
from ...correlate.operations import Operation, Seen, is_over
from ...diagnose.polls import Poll, Polls
from ...dialect.definition import Dialect
from ...model import Header, Link, Note, Record, Recording, Triple, Unsolicited
from .. import data
from ..selection import Choice, Chosen
from . import blocks, light
from .blocks import Blocks, Others
from .columns import Columns
from .rows import About

_AT_ONCE = 32  # records that are read before what became final is taken
_MOST_OTHERS = 4  # rejected requests that are shown with an event, each with its objections
_DOUBTFUL = 0.9  # confidence below which rejected requests are shown; a twin of a sure event is above

Keep: TypeAlias = Callable[[dict[str, Any]], bool]  # judges a triple as `data.triple` shows it


class Source(NamedTuple):
    """A cassette to read for a page.

    Attributes:
        name: For people: the name of the file, never its path.
        header: Its header.
        records: Its records, which can be read more than once.
        dialect: The dialect to link the events by.
    """

    name: str
    header: Header
    records: Iterable[Record]
    dialect: Dialect


def keys_of(dialect: Dialect) -> tuple[str, ...]:
    """Return the keys that a triple of this dialect can have, sorted."""
    return tuple(sorted(dialect.key_names()))


class Judge(NamedTuple):
    """A filter of the triples of one cassette, by what the page shows of them."""

    keep: Keep
    before: int
    offset: int

    def accepts(self, item: Triple) -> bool:
        at = (item.request.t // 1000 + self.offset) / 1e6
        return self.keep(data.triple(item) | {"n": item.n + self.before, "at": at, "keys": item.keys})


class Shown(NamedTuple):
    """The shown items of one cassette; the attributes are those of `report.Part`."""

    about: About
    columns: Columns
    blocks: Blocks
    requests: Sequence[int]
    fitting: int
    shows_all: bool


class _Kept:
    """The rows and blocks of one cassette, filled as it is read."""

    def __init__(self, *, is_choice: bool = False) -> None:
        self.columns, self.blocks = Columns(), Blocks()
        self._is_choice = is_choice
        self.exchanges: set[int] = set()  # of the events of a choice, whose polls are shown

    def __len__(self) -> int:
        return len(self.columns.triples) + len(self.columns.plain) + len(self.columns.unsolicited)

    def triple(self, item: Triple, kind: str, others: blocks.OthersOf) -> None:
        (self.columns.triples if kind == "triples" else self.columns.plain).add(light.light(item))
        self.blocks.add(kind, blocks.of_triple(item, others))
        if self._is_choice:
            self.exchanges.update([link.event.exchange for link in item.events])

    def unsolicited(self, item: Unsolicited, others: blocks.OthersOf) -> None:
        self.columns.unsolicited.add(light.pushed(item))
        self.blocks.add("unsolicited", blocks.of_pushed(item, others))
        if self._is_choice:
            self.exchanges.add(item.event.exchange)


def of_recording(name: str, recording: Recording, dialect: Dialect) -> Shown:
    """Return all items of a recording in memory, without its polls and notes.

    Args:
        name: Name of the recording, for people.
        recording: The recording.
        dialect: The dialect that its events are linked by.
    """
    kept = _Kept()
    for item in recording.triples:
        kept.triple(item, "triples", blocks.none)
    for item in recording.plain:
        kept.triple(item, "plain", blocks.none)
    for pushed in recording.unsolicited:
        kept.unsolicited(pushed, blocks.none)
    kept.blocks.finish()
    requests = [item.request.seq for item in recording.triples]
    about = About(
        name=name,
        header=recording.header,
        keys=keys_of(dialect),
        sessions={label: t for label, (_, t) in recording.session_starts.items()},
        poll_timeout=recording.poll_timeout,
        polls=(),
        notes=(),
        ended=_end_of(recording),
    )
    return Shown(about, kept.columns, kept.blocks, requests, len(requests), shows_all=True)


def _end_of(recording: Recording) -> int:
    """Return the time of the last request, ack, failure or event, in nanoseconds."""
    found = [0]
    for item in (*recording.triples, *recording.plain):
        found.append(item.request.t)
        found += [end.t for end in (item.ack, item.failure) if end is not None]
        found += [link.event.t for link in item.events]
    return max(found + [pushed.event.t for pushed in recording.unsolicited])


class Reader:
    """A reader of one cassette, which keeps what the page shows of it."""

    def __init__(self, source: Source, choice: Choice, judge: Judge | None) -> None:
        self._source, self._judge = source, judge
        self.choice = choice
        self.requests = array("Q")
        self._kept: _Kept | None = _Kept()
        self._chosen: Chosen | None = None  # what to show, when it is known
        self._about = Recording(source.header, (), (), (), {}, None)
        self._begin()

    def _begin(self) -> None:
        self._plain = self._pushed = 0  # that passed
        self._others: dict[tuple[int, int], Others] = {}
        self._near: set[int] = set()  # `seq` of requests that were open when an unsolicited event came
        self._polls: tuple[Poll, ...] = ()
        self._notes: list[Note] = []
        self._ended = 0

    def read(self) -> None:
        """Read all records."""
        correlator = Correlator(self._source.dialect, watch=self._watch, file=self._source.name)
        polls, found = Polls(correlator.decoder, is_fed=True), []
        for count, record in enumerate(self._source.records, 1):
            correlator.feed(record)
            found += polls.feed(record)
            self._ended = max(self._ended, record.t)
            if isinstance(record, Note):
                self._notes.append(record)
            if count % _AT_ONCE == 0:
                self._take(correlator.triples(), correlator.plain(), correlator.unsolicited())
                for passed in (correlator.messages(), correlator.lost_polls(), correlator.attempts()):
                    deque(passed, maxlen=0)
        rest = correlator.finish(self._source.header)
        self._take(rest.triples, rest.plain, rest.unsolicited)
        self._about = replace(rest, triples=(), plain=(), unsolicited=())
        # labels come last: the session of a poll may become known only after the poll
        of = correlator.session_of
        found = sorted([*found, *polls.end()], key=itemgetter(0))
        self._polls = tuple(replace(poll, session=of(poll.client_id)) for _, poll in found)

    def shown(self, room: int | None, most_bytes: int | None) -> Shown:
        """Return what the page shows.

        Args:
            room: Number of items at most; None for all that the choice may take.
            most_bytes: Bytes of packed content, about; None for any number.
        """
        kept = self._kept
        if kept is None or (room is not None and self.choice.count > room):
            kept = self._again(self.choice.count if room is None else room)
        kept.blocks.finish()
        if most_bytes is not None and kept.blocks.size > most_bytes:
            kept = self._again(max(1, len(kept) * most_bytes // kept.blocks.size))
            kept.blocks.finish()
        shows_all = len(kept) == self.choice.count
        source, recording = self._source, self._about
        polls = self._polls if shows_all else tuple(_polls_beside(kept.exchanges, self._polls))
        is_whole = len(kept.columns.triples) == len(self.requests)
        about = About(
            name=source.name,
            header=recording.header,
            keys=keys_of(source.dialect),
            sessions={label: t for label, (_, t) in recording.session_starts.items()},
            poll_timeout=recording.poll_timeout,
            polls=polls,
            notes=tuple(self._notes),
            ended=self._ended,
            requests=None if is_whole else self.requests,
        )
        return Shown(about, kept.columns, kept.blocks, self.requests, self.choice.triples, shows_all)

    def _again(self, room: int) -> _Kept:
        """Read all records once more, for what was chosen of them."""
        if self._kept is not None:
            self._kept.blocks.close()
        kept = self._kept = _Kept(is_choice=True)
        self._chosen = self.choice.chosen(room)
        self.requests = array("Q")
        self._begin()
        self.read()
        return kept

    def _take(self, triples: Iterable[Triple], plain: Iterable[Triple], unsolicited: Iterable[Unsolicited]) -> None:
        for item in triples:
            self._triple(item)
        for exchange in plain:
            self._plain += 1
            if self._chosen is None and self._judge is None:
                self.choice.plain(self._plain)
            if self._kept is not None and self._is_shown("plain", self._plain):
                self._kept.triple(exchange, "plain", self._others_of)
        for pushed in unsolicited:
            self._pushed += 1
            if self._chosen is None and self._judge is None:
                self.choice.unsolicited(self._pushed)
            if self._kept is not None and self._is_shown("unsolicited", self._pushed):
                self._kept.unsolicited(pushed, self._others_of)
            self._others.pop((pushed.event.seq, pushed.event.index), None)
        if self._chosen is None and self._kept is not None and self.choice.is_full:
            self._kept.blocks.close()
            self._kept = None

    def _triple(self, item: Triple) -> None:
        seq = item.request.seq
        self.requests.append(seq)
        is_near = seq in self._near
        self._near.discard(seq)
        doubtful = [link.event for link in item.events if _is_doubtful(link)]
        is_wanted = self._judge is None or self._chosen is not None or self._judge.accepts(item)
        if self._chosen is None and is_wanted:
            self.choice.triple(item, is_doubtful=bool(doubtful), is_near=is_near)
        if self._kept is not None and is_wanted and self._is_shown("triples", item.n):
            self._kept.triple(item, "triples", self._others_of)
        for event in doubtful:
            self._others.pop((event.seq, event.index), None)

    def _is_shown(self, kind: str, number: int) -> bool:
        """Return whether an item is shown; without a choice all are, with a filter no more than its triples."""
        if self._chosen is None:
            return kind == "triples" or self._judge is None
        return number in getattr(self._chosen, kind)

    def _others_of(self, seq: int, index: int) -> Others:
        return self._others.get((seq, index), ())

    def _watch(self, seen: Seen, operations: Iterable[Operation], link: Link | None) -> None:
        if link is None or _is_doubtful(link):
            others = _others(seen, operations, link, self._source.dialect)
            self._others[seen.event.seq, seen.event.index] = others
            if link is None and others:
                self._near.add(others[-1][0])


def _others(seen: Seen, operations: Iterable[Operation], link: Link | None, dialect: Dialect) -> Others:
    """Return the latest open requests that did not cause an event, each with the reasons."""
    found: list[tuple[int, str]] = []
    chosen, rivals = (link.request, link.rivals) if link is not None else (None, ())
    for op in reversed([*operations]) if not seen.is_ignored else ():
        if op.seq != chosen and (op.seq in rivals or not is_over(op, seen.event.t, dialect)):
            found.append((op.seq, "; ".join(objections(op, seen, dialect))))
            if len(found) == _MOST_OTHERS:  # the latest requests are the likeliest causes
                break
    return found[::-1]


def _is_doubtful(link: Link) -> bool:
    return bool(link.rivals) or link.confidence < _DOUBTFUL


def _polls_beside(exchanges: set[int], polls: Iterable[Poll]) -> Iterator[Poll]:
    """Yield the polls that failed, and those that carried an event that is shown."""
    return (poll for poll in polls if poll.failure is not None or poll.exchange in exchanges)
