"""The triples of an open cassette: stored ones are read one by one, with the facts they name; others are derived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..bayeux.messages import parse
from ..cassette.reader import OpenCassette
from ..correlate.engine import correlate
from ..dialect.definition import Dialect, shipped
from ..errors import CassetteError
from ..model import Event, Failure, Link, Request, Response, Row, RowEvent, SocketMessage, State, Triple


@dataclass(frozen=True, slots=True)
class Triples:
    """The triples of a cassette, numbered from 1; see `triples`."""

    _cassette: OpenCassette
    _derived: Sequence[Triple] | None

    def __len__(self) -> int:
        return self._cassette.stored if self._derived is None else len(self._derived)

    def __iter__(self) -> Iterator[Triple]:
        if self._derived is not None:
            return iter(self._derived)
        return (triple(self._cassette, n) for n in range(1, len(self) + 1))

    def numbered(self, n: int) -> list[Triple]:
        """Return the triple of a number, or none."""
        if not 1 <= n <= len(self):
            return []
        return [triple(self._cassette, n) if self._derived is None else self._derived[n - 1]]

    def with_keys(self, keys: dict[str, str]) -> list[Triple]:
        """Return the triples that have all these keys of a dialect, in order."""
        near = self if self._derived is not None else with_key(self._cassette, *next(iter(keys.items())))
        return [found for found in near if keys.items() <= found.keys.items()]


def triples(cassette: OpenCassette, dialect: Dialect | None = None) -> Triples:
    """Return the triples of a cassette: the stored ones, unless it is a journal or another dialect is asked for.

    Stored ones are read from the file when they are asked for, others are derived from all records here and now.

    Raises:
        CassetteError: If the file is damaged, or its index is.
        DialectError: If the cassette names a dialect that is not shipped.
    """
    if dialect is None and cassette.is_sealed:
        return Triples(cassette, None)
    rules = dialect or shipped(cassette.header.dialect)
    return Triples(cassette, correlate(cassette.records(), rules, cassette.header).triples)


def triple(sealed: OpenCassette, n: int) -> Triple:
    """Return a stored triple by number, from 1.

    Raises:
        CassetteError: If there is none, or the file is damaged where it or its facts stand.
    """
    return _triple(sealed, sealed.row(n))


def with_key(sealed: OpenCassette, name: str, value: str) -> Iterator[Triple]:
    """Yield the stored triples that have a key (a dialect's key, `operation` or `channel`), in order."""
    for n in sealed.find(name, value):
        row = sealed.row(n)
        if (name, value) in row.index_keys():  # two keys may share a hash
            yield _triple(sealed, row)


def _triple(sealed: OpenCassette, row: Row) -> Triple:
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


def _link(sealed: OpenCassette, row: Row, stored: RowEvent) -> Link:
    record = sealed.record(stored.seq)
    messages = parse(record.body) if isinstance(record, Response | SocketMessage) else None
    if messages is None or not 0 <= stored.index < len(messages) or not isinstance(record, Response | SocketMessage):
        raise _stale(sealed, row, "names an event that is not there")
    data = messages[stored.index].get("data")
    event = Event(stored.seq, stored.index, record.t, record.exchange, "", stored.channel, data)
    return Link(event, stored.name, row.request, stored.rule, stored.confidence / 1000, stored.why, stored.rivals)


def _stale(sealed: OpenCassette, row: Row, problem: str) -> CassetteError:
    return CassetteError(sealed.path, f"triple {row.n} {problem}", hint="recorder doctor tells more")
