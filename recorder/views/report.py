"""What `recorder report` puts into its page: recordings as one JSON document. `docs/report.md` has its shape.

Times are microseconds since the first recording began, so that the page need not guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..bayeux.messages import load_json
from ..cassette.store import Cassette
from ..correlate.operations import Operation, Seen
from ..diagnose.connects import Poll, with_polls
from ..diagnose.explain import Judgement, judgement
from ..dialect.definition import Dialect
from ..model import JSON, Event, Link, Note, Recording, Triple
from . import data

VERSION = 1
_MOST_OTHERS = 4  # requests told of beside an event, with why they did not cause it
_DOUBTFUL = 0.9  # confidence below which one asks for them; a twin of a sure event is above

Keep: TypeAlias = Callable[[dict[str, Any]], bool]  # judges a triple as `data.triple` shows it
Judgements: TypeAlias = dict[tuple[int, int], Judgement]


@dataclass(frozen=True, slots=True)
class Part:
    """One cassette of a report.

    Attributes:
        name: For people: the name of its file, never its path.
        keys: What its dialect joins on, which a filter may ask for.
        judgements: Why the events were not linked otherwise, of those for which that is a question.

    """

    name: str
    keys: tuple[str, ...]
    recording: Recording
    polls: tuple[Poll, ...]
    notes: tuple[Note, ...]
    judgements: Judgements


def part(name: str, cassette: Cassette, dialect: Dialect) -> Part:
    """All a report tells of a cassette."""
    judgements: Judgements = {}

    def watch(seen: Seen, operations: Iterable[Operation], link: Link | None) -> None:
        if link is None or link.rivals or link.confidence < _DOUBTFUL:
            judgements[seen.event.seq, seen.event.index] = judgement(seen, list(operations), link, dialect)

    recording, polls = with_polls(cassette.records, dialect, cassette.header, watch)
    notes = tuple(record for record in cassette.records if isinstance(record, Note))
    return Part(name, keys_of(dialect), recording, polls, notes, judgements)


def keys_of(dialect: Dialect) -> tuple[str, ...]:
    """What a triple of a dialect may have among its keys."""
    return tuple(sorted({*dialect.request_keys, *dialect.ack_keys}))


def document(parts: Sequence[Part], title: str, *, keep: Keep | None = None) -> dict[str, Any]:
    """The document of a page.

    Args:
        parts: The cassettes, whose triples are numbered through and whose sessions are kept apart.
        title: What the page is called.
        keep: Which triples to show; the rest, and what nobody asked for, is left out.

    """
    starts = [p.recording.header.started for p in parts]
    began = min(starts) if all(starts) else None  # a rebased cassette does not know when it was made
    offsets = [0 if began is None else started - began for started in starts]
    return {"version": VERSION, "title": title, "recordings": list(_recordings(parts, offsets, keep))}


def comparison(old: Part, new: Part, title: str, differences: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The document of a page on which one sees how two recordings differ; both begin at 0.

    Args:
        old: The recording to compare with.
        new: The other one, whose triples are numbered on.
        title: What the page is called.
        differences: Rows of `recorder diff --json`: `what`, `where`, `n` (with `old` and `new`, each a number or
            None), and `old` and `new` where something stands there.

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
    """One cassette, on the clock and with the numbers of the whole report."""

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
        own = {"n": self._number(item.request.seq), "at": self._at(item.request.t) / 1e6, "keys": item.keys}
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
            "body": _content(request.body),
            "failure": item.failure and [self._at(item.failure.t), item.failure.reason],
            "ack": ack
            and {
                "at": self._at(ack.t),
                "status": ack.status,
                "headers": [list(pair) for pair in ack.headers],
                "body": _content(ack.body),
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
        near = judged.others[-_MOST_OTHERS:] if judged else ()  # the last ones asked for come first in question
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
        """The triple of a request; a first attempt that was sent again has none."""
        return self._numbers.get(seq, f"record {seq}")

    def _label(self, session: str | None) -> str | None:
        return session and f"{self._prefix}{session}"

    def _at(self, nanoseconds: int) -> int:
        return nanoseconds // 1000 + self._offset


def _content(body: bytes) -> JSON:
    """A body as its JSON value; text where it is none, or nested so deeply that nobody would open it; None for none."""
    try:
        return load_json(body) if body else None
    except ValueError:
        return body.decode("utf-8", "backslashreplace")
