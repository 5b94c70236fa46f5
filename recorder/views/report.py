"""Build the document of a report page: recordings as one JSON value. `docs/report.md` describes its shape.

Times are integer microseconds since the first recording began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..cassette.reader import Cassette
from ..correlate.operations import Operation, Seen
from ..diagnose.explain import Judgement, judgement
from ..diagnose.polls import Poll, with_polls
from ..dialect.definition import Dialect
from ..model import Event, Link, Note, Recording, Triple
from . import data

VERSION = 1
_MOST_OTHERS = 4  # rejected requests that are shown with an event, each with its objections
_DOUBTFUL = 0.9  # confidence below which rejected requests are shown; a twin of a sure event is above

Keep: TypeAlias = Callable[[dict[str, Any]], bool]  # judges a triple as `data.triple` shows it
Judgements: TypeAlias = dict[tuple[int, int], Judgement]


@dataclass(frozen=True, slots=True)
class Part:
    """One cassette of a report.

    Attributes:
        name: For people: the name of the file, never its path.
        keys: The keys of the dialect, which a filter may use.
        judgements: Why an event was not linked to another request, by record and place; for unsolicited and
        doubtful events only.
    """

    name: str
    keys: tuple[str, ...]
    recording: Recording
    polls: tuple[Poll, ...]
    notes: tuple[Note, ...]
    judgements: Judgements


def part(name: str, cassette: Cassette, dialect: Dialect) -> Part:
    """Build the part of a report for one cassette.

    Args:
        name: Name of the cassette's file.
        cassette: The cassette.
        dialect: The dialect to link the events by.
    """
    judgements: Judgements = {}

    def watch(seen: Seen, operations: Iterable[Operation], link: Link | None) -> None:
        if link is None or link.rivals or link.confidence < _DOUBTFUL:
            judgements[seen.event.seq, seen.event.index] = judgement(seen, list(operations), link, dialect)

    recording, polls = with_polls(cassette.records, dialect, cassette.header, watch)
    notes = tuple(record for record in cassette.records if isinstance(record, Note))
    return Part(name, keys_of(dialect), recording, polls, notes, judgements)


def keys_of(dialect: Dialect) -> tuple[str, ...]:
    """Return the keys that a triple of this dialect can have, sorted."""
    return tuple(sorted(dialect.key_names()))


def document(parts: Sequence[Part], title: str, *, keep: Keep | None = None) -> dict[str, Any]:
    """Return the document of a page for one or more cassettes.

    Args:
        parts: The cassettes. Triples are numbered on from one to the next; sessions are kept apart.
        title: Title of the page.
        keep: A test for the triples to show; with it, other exchanges and unsolicited events are left out.
    """
    starts = [p.recording.header.started for p in parts]
    began = min(starts) if all(starts) else None  # 0 in a rebased cassette: the time of the capture is unknown
    offsets = [0 if began is None else started - began for started in starts]
    return {"version": VERSION, "title": title, "recordings": list(_recordings(parts, offsets, keep))}


def comparison(old: Part, new: Part, title: str, differences: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the document of a page that compares two recordings; both begin at time 0.

    Args:
        old: The recording to compare with.
        new: The other recording; its triples are numbered after those of `old`.
        title: Title of the page.
        differences: Rows of `recorder diff --json`: `what`, `where`, `n` (with `old` and `new`, each a number or
            None), and `old` and `new` if something stands there.
    """
    before = len(old.recording.triples)
    rows = []
    for row in differences:
        mine, its = row["n"]["old"], row["n"]["new"]
        values = {name: row[name] for name in ("old", "new") if name in row}
        rows.append({"what": row["what"], "where": row["where"], "n": [mine, its and its + before], **values})
    recordings = list(_recordings([old, new], [0, 0], None))
    return {"version": VERSION, "title": title, "recordings": recordings, "differences": rows}


def _recordings(parts: Sequence[Part], offsets: Sequence[int], keep: Keep | None) -> Iterator[dict[str, Any]]:
    before = 0
    for place, (one, offset) in enumerate(zip(parts, offsets, strict=True), 1):
        yield _Shown(one, "" if place == 1 else f"c{place}.", before, offset).recording(keep)
        before += len(one.recording.triples)


class _Shown:
    """One cassette, with the clock and the numbers of the whole report."""

    def __init__(self, one: Part, prefix: str, before: int, offset: int) -> None:
        self._part, self._prefix, self._before, self._offset = one, prefix, before, offset
        self._numbers = {t.request.seq: t.n + before for t in one.recording.triples}

    def recording(self, keep: Keep | None) -> dict[str, Any]:
        recording, header = self._part.recording, self._part.recording.header
        whole = keep is None
        return {
            "name": self._part.name,
            "keys": list(self._part.keys),
            "started": header.started,
            "upstream": header.upstream,
            "dialect": header.dialect,
            "redaction": header.redaction,
            "pollTimeout": recording.poll_timeout,
            "sessions": [[self._label(s), self._at(t)] for s, (_, t) in recording.session_starts.items()],
            "triples": [self._triple(t) for t in recording.triples if keep is None or keep(self._judged(t))],
            "plain": [self._triple(t) for t in recording.plain] if whole else [],
            "unsolicited": self._unsolicited() if whole else [],
            "polls": [self._poll(poll) for poll in self._part.polls],
            "notes": [[self._at(note.t), note.kind, note.text] for note in self._part.notes],
        }

    def _judged(self, item: Triple) -> dict[str, Any]:
        own = {"n": item.n + self._before, "at": self._at(item.request.t) / 1e6, "keys": item.keys}
        return data.triple(item) | own

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
        judged = self._part.judgements.get((event.seq, event.index))
        near = judged.others[-_MOST_OTHERS:] if judged else ()  # the latest requests are the likeliest causes
        others = [[self._number(other.request), "; ".join(other.objections)] for other in near]
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
        return self._numbers.get(seq, f"record {seq}")

    def _label(self, session: str | None) -> str | None:
        return session and f"{self._prefix}{session}"

    def _at(self, nanoseconds: int) -> int:
        return nanoseconds // 1000 + self._offset
