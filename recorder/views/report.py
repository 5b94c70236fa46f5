"""Build the document of a report page: recordings as one JSON value. `docs/report.md` describes its shape.

Times are integer microseconds since the first recording began.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from ..cassette.reader import Cassette
from ..correlate.causes.rules import objections
from ..correlate.engine import Correlator
from ..correlate.operations import Operation, Seen, is_over
from ..diagnose.polls import Poll, Polls
from ..dialect.definition import Dialect
from ..model import Event, Header, Link, Note, Record, Recording, Triple, Unsolicited
from ..push.decoders import Decoders
from . import data
from .selection import WHAT, Choice, Chosen

VERSION = 1
_MOST_OTHERS = 4  # rejected requests that are shown with an event, each with its objections
_DOUBTFUL = 0.9  # confidence below which rejected requests are shown; a twin of a sure event is above

Keep: TypeAlias = Callable[[dict[str, Any]], bool]  # judges a triple as `data.triple` shows it
Others: TypeAlias = list[tuple[int, str]]  # `seq` of requests, each with why it did not cause an event


class Source(NamedTuple):
    """A cassette to read for a page.

    Attributes:
        name: For people: the name of the file, never its path.
        header: Its header.
        records: Its records, which are read once.
        dialect: The dialect to link the events by.
    """

    name: str
    header: Header
    records: Iterable[Record]
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class Part:
    """One cassette of a report.

    Attributes:
        name: For people: the name of the file, never its path.
        keys: The keys of the dialect, which a filter may use.
        recording: The recording, with the triples, other exchanges and unsolicited events that the page shows.
        polls: The polls that the page shows.
        others: Why an event was not linked to other requests, by record and place; for unsolicited and doubtful events
            only.
        requests: `seq` of the requests of all triples, also of those that are not shown.
        fitting: Number of triples that the filter accepts; without a filter, of all.
        shows_all: Whether the page shows all triples, and else all exchanges and events.
    """

    name: str
    keys: tuple[str, ...]
    recording: Recording
    polls: tuple[Poll, ...]
    notes: tuple[Note, ...]
    others: dict[tuple[int, int], Others]
    requests: Sequence[int]
    fitting: int
    shows_all: bool = True


def part(name: str, cassette: Cassette, dialect: Dialect) -> Part:
    """Build the part of a report for one whole cassette.

    Args:
        name: Name of the cassette's file.
        cassette: The cassette.
        dialect: The dialect to link the events by.
    """
    return parts([Source(name, cassette.header, cassette.records, dialect)], most=None)[0]


def parts(
    sources: Sequence[Source],
    *,
    keep: Keep | None = None,
    most: int | None,
    wanted: Sequence[Container[int]] = (),
) -> list[Part]:
    """Read the parts of a report for one or more cassettes.

    Args:
        sources: The cassettes.
        keep: A test for the triples to show; with it, other exchanges and unsolicited events are left out.
        most: Number of items that the page may show: if there are more, a choice of them is made. None shows all.
        wanted: For each cassette the numbers of triples that a choice takes before all others; none by default.
    """
    share = most // len(sources) if most is not None and sources else None
    offsets = _offsets([source.header for source in sources])
    readers: list[_Reader] = []
    before = count = 0
    for place, (source, offset) in enumerate(zip(sources, offsets, strict=True)):
        # when more items passed than the page may show, each cassette gets its share, and needs to keep no more
        choice = Choice(most if most is None or count <= most else share, wanted[place] if wanted else ())
        reader = _Reader(source, choice, keep and _Judge(keep, before, offset))
        reader.read()
        readers.append(reader)
        count += choice.count
        before += len(reader.requests)
    return [reader.part(share if most is not None and count > most else None) for reader in readers]


def keys_of(dialect: Dialect) -> tuple[str, ...]:
    """Return the keys that a triple of this dialect can have, sorted."""
    return tuple(sorted(dialect.key_names()))


def document(parts: Sequence[Part], title: str) -> dict[str, Any]:
    """Return the document of a page for one or more cassettes.

    Args:
        parts: The cassettes. Triples are numbered on from one to the next; sessions are kept apart.
        title: Title of the page.
    """
    recordings = list(_recordings(parts, _offsets([part.recording.header for part in parts])))
    return {"version": VERSION, "title": title, "recordings": recordings}


def shown(parts: Iterable[Part]) -> tuple[int, int]:
    """Return the number of triples that the page shows, and the number of those there are, or that fit the filter."""
    counts = [(len(part.recording.triples), part.fitting) for part in parts]
    return sum(count for count, _ in counts), sum(count for _, count in counts)


def left_out(parts: Sequence[Part], before: str = "") -> str:
    """Return a sentence about what the page shows of the triples; "" if it shows all that fit the filter.

    Args:
        parts: The cassettes.
        before: What a choice takes before all else.
    """
    some, of = shown(parts)
    if all(part.shows_all for part in parts):
        return ""
    return f"shows {some:,} of {of:,} triples: {before}{WHAT}"


def comparison(old: Part, new: Part, title: str, differences: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the document of a page that compares two recordings; both begin at time 0.

    Args:
        old: The recording to compare with.
        new: The other recording; its triples are numbered after those of `old`.
        title: Title of the page.
        differences: Rows of `recorder diff --json`: `what`, `where`, `n` (with `old` and `new`, each a number or
            None), and `old` and `new` if something stands there.
    """
    before = len(old.requests)
    rows = []
    for row in differences:
        mine, its = row["n"]["old"], row["n"]["new"]
        values = {name: row[name] for name in ("old", "new") if name in row}
        rows.append({"what": row["what"], "where": row["where"], "n": [mine, its and its + before], **values})
    recordings = list(_recordings([old, new], [0, 0]))
    return {"version": VERSION, "title": title, "recordings": recordings, "differences": rows}


def _offsets(headers: Sequence[Header]) -> list[int]:
    """Return when each capture began on the clock of the page, in microseconds."""
    starts = [header.started for header in headers]
    began = min(starts) if all(starts) else None  # 0 in a rebased cassette: the time of the capture is unknown
    return [0 if began is None else started - began for started in starts]


def _recordings(parts: Sequence[Part], offsets: Sequence[int]) -> Iterator[dict[str, Any]]:
    before = 0
    for place, (one, offset) in enumerate(zip(parts, offsets, strict=True), 1):
        yield _Shown(one, "" if place == 1 else f"c{place}.", before, offset).recording()
        before += len(one.requests)


class _Judge(NamedTuple):
    """A filter of the triples of one cassette, by what the page shows of them."""

    keep: Keep
    before: int
    offset: int

    def accepts(self, item: Triple) -> bool:
        at = (item.request.t // 1000 + self.offset) / 1e6
        return self.keep(data.triple(item) | {"n": item.n + self.before, "at": at, "keys": item.keys})


class _Reader:
    """A reader of one cassette, which keeps what the page shows of it."""

    def __init__(self, source: Source, choice: Choice, judge: _Judge | None) -> None:
        self._source, self._judge = source, judge
        self.choice = choice
        self.requests = array("Q")
        self._others: dict[tuple[int, int], Others] = {}
        self._near: set[int] = set()  # `seq` of requests that were open when an unsolicited event came
        self._polls: tuple[Poll, ...] = ()
        self._notes: list[Note] = []
        self._about = Recording(source.header, (), (), (), {}, None)

    def read(self) -> None:
        """Read all records."""
        correlator = Correlator(self._source.dialect, watch=self._watch, file=self._source.name)
        polls, found = Polls(Decoders()), []
        for record in self._source.records:
            correlator.feed(record)
            found += polls.feed(record)
            if isinstance(record, Note):
                self._notes.append(record)
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

    def part(self, room: int | None) -> Part:
        """Return what was kept, of that at most `room` items."""
        chosen = self.choice.chosen(room)
        shows_all = room is None or self.choice.count <= room
        name, _, _, dialect = self._source
        return Part(
            name=name,
            keys=keys_of(dialect),
            recording=replace(self._about, **chosen._asdict()),
            polls=self._polls if shows_all else tuple(_polls_beside(chosen, self._polls)),
            notes=tuple(self._notes),
            others=self._others,
            requests=self.requests,
            fitting=self.choice.triples,
            shows_all=shows_all,
        )

    def _take(self, triples: Iterable[Triple], plain: Iterable[Triple], unsolicited: Iterable[Unsolicited]) -> None:
        for item in triples:
            self._triple(item)
        for exchange in plain:
            if self._judge is None:
                self.choice.plain(exchange)
        for pushed in unsolicited:
            if self._judge is not None or not self.choice.unsolicited(pushed):
                self._others.pop((pushed.event.seq, pushed.event.index), None)

    def _triple(self, item: Triple) -> None:
        self.requests.append(item.request.seq)
        is_near = item.request.seq in self._near
        self._near.discard(item.request.seq)
        is_doubtful = any(map(_is_doubtful, item.events))
        is_wanted = self._judge is None or self._judge.accepts(item)
        if not (is_wanted and self.choice.triple(item, is_doubtful=is_doubtful, is_near=is_near)) and is_doubtful:
            for link in item.events:
                self._others.pop((link.event.seq, link.event.index), None)

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


def _polls_beside(chosen: Chosen, polls: Iterable[Poll]) -> Iterator[Poll]:
    """Yield the polls that failed, and those that carried an event that is shown."""
    events = {link.event.exchange for item in (*chosen.triples, *chosen.plain) for link in item.events}
    events.update(pushed.event.exchange for pushed in chosen.unsolicited)
    return (poll for poll in polls if poll.failure is not None or poll.exchange in events)


class _Shown:
    """One cassette, with the clock and the numbers of the whole report."""

    def __init__(self, one: Part, prefix: str, before: int, offset: int) -> None:
        self._part, self._prefix, self._before, self._offset = one, prefix, before, offset

    def recording(self) -> dict[str, Any]:
        recording, header = self._part.recording, self._part.recording.header
        return {
            "name": self._part.name,
            "keys": list(self._part.keys),
            "started": header.started,
            "upstream": header.upstream,
            "dialect": header.dialect,
            "redaction": header.redaction,
            "pollTimeout": recording.poll_timeout,
            "sessions": [[self._label(s), self._at(t)] for s, (_, t) in recording.session_starts.items()],
            "triples": [self._triple(t) for t in recording.triples],
            "plain": [self._triple(t) for t in recording.plain],
            "unsolicited": self._unsolicited(),
            "polls": [self._poll(poll) for poll in self._part.polls],
            "notes": [[self._at(note.t), note.kind, note.text] for note in self._part.notes],
        }

    def _triple(self, item: Triple) -> dict[str, Any]:
        request, ack = item.request, item.ack
        return {
            "n": item.n + self._before if item.n else 0,
            "operation": item.operation,
            "keys": item.keys,
            "session": self._label(item.session),
            "state": item.state.value,
            "at": self._at(request.t),
            "method": request.method,
            "target": request.target,
            "headers": [list(pair) for pair in request.headers],
            "body": data.content(request.body, request.headers),
            "failure": item.failure and [self._at(item.failure.t), item.failure.reason],
            "ack": ack
            and {
                "at": self._at(ack.t),
                "status": ack.status,
                "headers": [list(pair) for pair in ack.headers],
                "body": data.content(ack.body, ack.headers),
            },
            "events": [self._linked(link) for link in item.events],
        }

    def _linked(self, link: Link) -> dict[str, Any]:
        return {
            **self._event(link.event, link.name),
            "rule": link.rule,
            "confidence": link.confidence,
            "why": link.why,
            **({"rivals": [self._number(seq) for seq in link.rivals]} if link.rivals else {}),
        }

    def _unsolicited(self) -> list[dict[str, Any]]:
        return [
            {**self._event(pushed.event, pushed.name), "session": self._label(pushed.session)}
            for pushed in self._part.recording.unsolicited
        ]

    def _event(self, event: Event, name: str) -> dict[str, Any]:
        others = [[self._number(seq), why] for seq, why in self._part.others.get((event.seq, event.index), ())]
        return {
            "name": name,
            "channel": event.channel,
            "at": self._at(event.t),
            "data": event.data,
            **({"others": others} if others else {}),
        }

    def _poll(self, poll: Poll) -> list[Any]:
        closed = None if poll.closed is None else self._at(poll.closed)
        return [self._label(poll.session), self._at(poll.opened), closed, poll.failure]

    def _number(self, seq: int) -> int | str:
        """Return the number of the triple of a request; `record N` for a first attempt that was sent again."""
        number = bisect_right(self._part.requests, seq)
        is_one = number > 0 and self._part.requests[number - 1] == seq
        return number + self._before if is_one else f"record {seq}"

    def _label(self, session: str | None) -> str | None:
        return session and f"{self._prefix}{session}"

    def _at(self, nanoseconds: int) -> int:
        return nanoseconds // 1000 + self._offset
