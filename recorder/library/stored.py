"""Triples out of a sealed cassette, one by one: what was stored, with the facts it names."""

from __future__ import annotations

from collections.abc import Iterator

from ..bayeux.messages import parse
from ..cassette.lookup import Sealed
from ..errors import CassetteError
from ..model import Event, Failure, Link, Request, Response, Row, RowEvent, SocketMessage, State, Triple


def triple(sealed: Sealed, n: int) -> Triple:
    """A triple by number, from 1.

    Raises:
        CassetteError: If there is none, or the file is damaged where it or its facts stand.
    """
    return _triple(sealed, sealed.row(n))


def with_key(sealed: Sealed, name: str, value: str) -> Iterator[Triple]:
    """Triples that have a key (a dialect's key, `operation` or `channel`), in order."""
    for n in sealed.find(name, value):
        row = sealed.row(n)
        if (name, value) in row.index_keys():  # two keys may share a hash
            yield _triple(sealed, row)


def _triple(sealed: Sealed, row: Row) -> Triple:
    request = sealed.record(row.request)
    ack = sealed.record(row.ack) if row.ack is not None else None
    failure = sealed.record(row.failure) if row.failure is not None else None
    if (
        not isinstance(request, Request)
        or not isinstance(ack, Response | None)
        or not isinstance(failure, Failure | None)
        or row.state not in {state.value for state in State}
    ):
        raise _stale(sealed, row, "names records of another kind")
    links = tuple(_link(sealed, row, event) for event in row.events)
    return Triple(row.n, row.operation, row.keys, row.session, State(row.state), request, ack, failure, links)


def _link(sealed: Sealed, row: Row, stored: RowEvent) -> Link:
    record = sealed.record(stored.seq)
    messages = parse(record.body) if isinstance(record, Response | SocketMessage) else None
    if messages is None or not 0 <= stored.index < len(messages) or not isinstance(record, Response | SocketMessage):
        raise _stale(sealed, row, "names an event that is not there")
    data = messages[stored.index].get("data")
    event = Event(stored.seq, stored.index, record.t, record.exchange, "", stored.channel, data)
    return Link(event, stored.name, row.request, stored.rule, stored.confidence / 1000, stored.why, stored.rivals)


def _stale(sealed: Sealed, row: Row, problem: str) -> CassetteError:
    return CassetteError(sealed.path, f"triple {row.n} {problem}", hint="recorder doctor tells more")
