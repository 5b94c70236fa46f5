"""Cuts cassettes down to some triples, and puts several together: records in, records out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..bayeux import channels
from ..bayeux.messages import encode, is_event, parse, parse_request
from ..cassette.store import Cassette
from ..model import Header, Note, Record, Recording, Request, Response, SocketMessage, Triple
from .dialect import load
from .sessions import Sessions


def slice_records(cassette: Cassette, recording: Recording, chosen: Sequence[Triple]) -> list[Record]:
    """The records some triples need to be replayed alone, renumbered.

    These are their requests, answers and events; the handshakes and subscriptions of their sessions; the exchanges that
    are no operation; and the unsolicited events that come at the start of their sessions or after them. Events of other
    triples are taken out of the answers they rode in.
    """
    kept = _Kept.of(recording, chosen)
    exchanges = {r.exchange for r in cassette.records if isinstance(r, Response | SocketMessage) and _carries(r, kept)}
    exchanges |= {r.exchange for r in cassette.records if isinstance(r, Request) and _is_setup(r)}
    exchanges |= kept.exchanges
    sliced = [_stripped(r, kept) for r in cassette.records if getattr(r, "exchange", -1) in exchanges]
    return [replace(record, seq=seq) for seq, record in enumerate(sliced)]


def merge_records(cassettes: Sequence[Cassette]) -> tuple[Header, list[Record]]:
    """Several captures as one, in the order of the wall clock; their sessions stay apart, whatever ids they share."""
    started = min(cassette.header.started for cassette in cassettes)
    shown: set[str] = set()
    merged: list[tuple[int, int, Record]] = []
    exchanges = 0
    for place, cassette in enumerate(cassettes):
        apart = _Apart(place, frozenset(shown), Sessions(load(cassette.header.dialect).session_cookies))
        shift = (cassette.header.started - started) * 1000
        top = exchanges
        for record in cassette.records:
            shown |= apart.shows(record)
            moved = replace(apart.separate(record), t=record.t + shift)
            if not isinstance(moved, Note):
                moved = replace(moved, exchange=moved.exchange + top)
                exchanges = max(exchanges, moved.exchange + 1)
            merged.append((moved.t, place, moved))
    merged.sort(key=lambda item: item[:2])
    header = replace(cassettes[0].header, started=started, profile="journal")
    return header, [replace(record, seq=seq) for seq, (_, _, record) in enumerate(merged)]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a slice keeps: whole exchanges, and events by record and place."""

    exchanges: frozenset[int]
    events: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, recording: Recording, chosen: Sequence[Triple]) -> _Kept:
        sessions = {triple.session for triple in chosen}
        plain = (t.request.exchange for t in recording.plain if t.session in sessions or t.session is None)
        own = (triple.request.exchange for triple in chosen)
        events = {(link.event.seq, link.event.index) for triple in chosen for link in triple.events}
        return cls(frozenset([*own, *plain]), frozenset(events | set(_unsolicited(recording, chosen))))


def _unsolicited(recording: Recording, chosen: Iterable[Triple]) -> Iterator[tuple[int, int]]:
    wanted = {triple.n for triple in chosen}
    sessions = {triple.session for triple in chosen}
    for pushed in recording.unsolicited:
        before = [t for t in recording.triples if t.session == pushed.session and t.request.seq < pushed.event.seq]
        if pushed.session in sessions and (not before or before[-1].n in wanted):
            yield pushed.event.seq, pushed.event.index


def _carries(record: Record, kept: _Kept) -> bool:
    return any(seq == record.seq for seq, _ in kept.events)


def _is_setup(request: Request) -> bool:
    asked = parse_request(request.target, request.body) or []
    return any(message["channel"] in (channels.HANDSHAKE, channels.SUBSCRIBE) for message in asked)


def _stripped(record: Record, kept: _Kept) -> Record:
    """A record without the events that are not kept."""
    if not isinstance(record, Response | SocketMessage):
        return record
    messages = parse(record.body) or []
    left = [m for index, m in enumerate(messages) if not is_event(m) or (record.seq, index) in kept.events]
    return record if len(left) == len(messages) else replace(record, body=encode(left))


class _Apart:
    """Renames the ids by which a session of one capture would be taken for one of another."""

    def __init__(self, place: int, taken: frozenset[str], sessions: Sessions) -> None:
        self._place, self._taken, self._sessions = place, taken, sessions
        self._shared: set[str] = set()

    def shows(self, record: Record) -> set[str]:
        """The ids a record shows: clientIds, session cookies, credentials."""
        tokens = self._sessions.tokens(record.headers) if isinstance(record, Request | Response) else frozenset()
        found = {re.split("[= ]", token, maxsplit=1)[1].rpartition(" ")[2] for token in tokens}
        if isinstance(record, Response | SocketMessage):
            handshakes = (m for m in parse(record.body) or [] if m["channel"] == channels.HANDSHAKE)
            found |= {str(m["clientId"]) for m in handshakes if m.get("clientId")}
        self._shared |= found & self._taken
        return found

    def separate(self, record: Record) -> Record:
        """The record, with each id that another capture shows too replaced by one of the same length."""
        for value in sorted(self._shared):
            other = self._other(value)
            if isinstance(record, Request | Response):
                record = replace(record, headers=tuple((n, v.replace(value, other)) for n, v in record.headers))
            if isinstance(record, Request | Response | SocketMessage):
                record = replace(record, body=record.body.replace(value.encode(), other.encode()))
        return record

    def _other(self, value: str) -> str:
        digest = hashlib.sha256(f"{self._place}\0{value}".encode()).hexdigest()
        return (digest * (len(value) // len(digest) + 1))[: len(value)]
