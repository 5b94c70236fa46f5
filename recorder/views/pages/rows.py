"""Build the document of a page: the rows of its recordings as one JSON value. `docs/report.md` describes its shape.

Times are integer microseconds since the first recording began.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from ...diagnose.polls import Poll
from ...model import Header, Note
from . import problems
from .columns import Columns, Found, steps

VERSION = 2
_US = 1000  # nanoseconds
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class About:
    """The facts of a recording that its rows have beside the items.

    Attributes:
        name: For people: the name of the file, never its path.
        header: Its header.
        keys: The keys of the dialect, which a filter may use.
        sessions: The sessions, with the time when each began, in nanoseconds.
        poll_timeout: Seconds for which the server holds a poll; None if unknown.
        polls: The polls to show.
        ended: Time of the last record, in nanoseconds.
        requests: `seq` of the requests of all triples, if the rows do not have all of these; else None.
    """

    name: str
    header: Header
    keys: tuple[str, ...]
    sessions: Mapping[str, int]
    poll_timeout: float | None
    polls: Sequence[Poll]
    notes: Sequence[Note]
    ended: int
    requests: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a recording on a page of several.

    Attributes:
        prefix: Stands before the labels of its sessions.
        before: Number of the triples of the recordings before it.
        offset: Microseconds from the begin of the page to that of the capture.
    """

    prefix: str = ""
    before: int = 0
    offset: int = 0


@dataclass(slots=True)
class Pages:
    """The rows of recordings, made one after the other, with the problems of each."""

    recordings: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        about: About,
        columns: Columns,
        first: Mapping[str, Sequence[Sequence[int]]],
        place: Place,
        more: Iterable[Found] = (),
    ) -> None:
        """Take a recording.

        Args:
            about: What is told of it.
            columns: Its items.
            first: For each kind of items the number and first item of each of its blocks.
            place: Where it stands.
            more: Problems beside those of its items.
        """
        header, offset = about.header, place.offset
        polls = [(poll.opened // _US, poll.failure) for poll in about.polls]
        found = [*columns.found(polls, about.ended // _US), *more]
        hidden = {} if about.requests is None else {"requests": steps(about.requests)}
        row = {
            "name": about.name,
            "keys": list(about.keys),
            "started": header.started,
            "upstream": header.upstream,
            "dialect": header.dialect,
            "redaction": header.redaction,
            "pollTimeout": about.poll_timeout,
            "prefix": place.prefix,
            "before": place.before,
            "ended": about.ended // _US + offset,
            "sessions": [[place.prefix + label, t // _US + offset] for label, t in about.sessions.items()],
            "triples": columns.triples.rows(offset, place.before),
            "events": columns.events.rows(),
            "plain": columns.plain.rows(offset, 0),
            "unsolicited": columns.unsolicited.rows(offset),
            "polls": _polls(about.polls, columns, offset),
            "notes": [[note.t // _US + offset, note.kind, note.text] for note in about.notes],
            **hidden,
            "blocks": dict(first),
            "usual": columns.usual.rows(),
            "problems": [[one.kind, one.place, *one.problem, one.at + offset] for one in found],
        }
        self.recordings.append(row | {"texts": columns.texts.all()})


def document(title: str, pages: Pages, differences: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Return the document of a page.

    Args:
        title: Title of the page.
        pages: The recordings.
        differences: Rows of `recorder diff --json` with the numbers of this page; None if nothing is compared.
    """
    compared = {} if differences is None else {"differences": [_written(row) for row in differences]}
    return {"version": VERSION, "title": title, "recordings": pages.recordings, **compared}


def differing(
    differences: Iterable[Mapping[str, Any]], side: int, places: Mapping[int, int], at: Sequence[int]
) -> list[Found]:
    """Return the problems of the triples of one side that differ.

    Args:
        differences: Rows with `n`, a pair of numbers or None.
        side: 0 for the old recording, 1 for the new one.
        places: The place of each triple in its columns, by its number on the page.
        at: The time of each, by its place.
    """
    rows: dict[int, list[Mapping[str, Any]]] = {}
    for row in differences:
        n = row["n"][side]
        if n in places:
            rows.setdefault(places[n], []).append(row)
    found = [Found("triples", place, problems.differs(some), at[place]) for place, some in rows.items()]
    return sorted(found, key=itemgetter(1))


def _polls(polls: Sequence[Poll], columns: Columns, offset: int) -> dict[str, list[int]]:
    number = columns.texts.number
    return {
        "session": [number(poll.session) for poll in polls],
        "at": steps(poll.opened // _US + offset for poll in polls),
        "closed": [-1 if poll.closed is None else max(0, (poll.closed - poll.opened) // _US) for poll in polls],
        "failure": [number(poll.failure) for poll in polls],
    }


def _written(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a difference whose values are JSON as text, as they are in blocks."""
    values = {name: _json(row[name]) for name in ("old", "new") if name in row}
    return {"what": row["what"], "where": row["where"], "n": row["n"], **values}
