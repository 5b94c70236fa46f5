"""Look up the triples of an open cassette: read stored triples one by one, or derive all triples of a journal."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from ..bayeux.messages import Message, carried
from ..bayeux.publishes import as_request, as_response
from ..cassette.index import key_hash
from ..cassette.reader import OpenCassette
from ..dialect.carried import dialect_of
from ..dialect.definition import Dialect
from ..errors import CassetteError, DialectError
from ..model import Failure, Link, Note, Record, Request, Response, Row, RowEvent, SocketMessage, State, Triple, values
from ..push.decoders import event_in
from ..push.pieces import joined
from ..push.sockets import as_request as message_of
from .lazy import OpenRecording


@dataclass(frozen=True, slots=True)
class Triples:
    """The triples of a cassette, numbered from 1; returned by `triples()`."""

    _cassette: OpenCassette
    _derived: Sequence[Triple] | None

    def __len__(self) -> int:
        return self._cassette.stored if self._derived is None else len(self._derived)

    def __iter__(self) -> Iterator[Triple]:
        if self._derived is not None:
            return iter(self._derived)
        return (triple(self._cassette, n) for n in range(1, len(self) + 1))

    def numbered(self, n: int) -> list[Triple]:
        """Return a list with triple number `n`, or an empty list if there is no such triple."""
        if not 1 <= n <= len(self):
            return []
        return [triple(self._cassette, n) if self._derived is None else self._derived[n - 1]]

    def with_keys(self, keys: dict[str, str]) -> list[Triple]:
        """Return the triples that have all of the given keys of the dialect, in order; `keys` must not be empty."""
        near = self if self._derived is not None else with_key(self._cassette, *next(iter(keys.items())))
        return [found for found in near if all(text in values(found.keys.get(name, ())) for name, text in keys.items())]


def triples(cassette: OpenCassette, dialect: Dialect | None = None) -> Triples:
    """Return the triples of a cassette: derived if it is a journal or `dialect` is given, else the stored ones.

    Stored triples are read from the file on access. To derive triples, this call reads all records at once.

    Raises:
        CassetteError: If the file or its index is damaged.
        DialectError: If the cassette holds no dialect, and names one that is not shipped.
    """
    if dialect is None and cassette.is_sealed:
        return Triples(cassette, None)
    from ..correlate.engine import correlate  # noqa: PLC0415  # stored triples need none, and it takes 0.1 s to import

    rules = dialect or dialect_of(cassette.header)
    return Triples(cassette, correlate(cassette.records(), rules, cassette.header).triples)


def triple(sealed: OpenCassette, n: int) -> Triple:
    """Return stored triple number `n` of a sealed cassette, from 1, with the records that it names.

    Raises:
        CassetteError: If there is no such triple, or the triple or one of its records is damaged.
    """
    return _triple(sealed, sealed.row(n))


def with_key(sealed: OpenCassette, name: str, value: str) -> Iterator[Triple]:
    """Yield the stored triples that have a key, in order.

    Args:
        sealed: A sealed cassette.
        name: A key of the dialect, `operation` or `channel`.
        value: Value of the key.

    Raises:
        CassetteError: If the file or its index is damaged.
    """
    for n in sealed.find(name, value):
        row = sealed.row(n)
        if (name, value) in row.index_keys():  # the index lists triples by hash, and two keys may share a hash
            yield _triple(sealed, row)


def _triple(sealed: OpenCassette, row: Row) -> Triple:
    request = _request(sealed, row)
    ack = _ack(sealed, row)
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


def _request(sealed: OpenCassette, row: Row) -> Record:
    """Return the request of a triple, a publish as a request; any other record where the row names another kind."""
    record = sealed.record(row.request)
    if row.message is None:
        return record
    if isinstance(record, Request):
        return as_request(record, row.message, _message(sealed, row, carried(record), row.message), record.headers)
    if isinstance(record, SocketMessage) and (own := _own_message(sealed, row, record)) is not None:
        return own
    if isinstance(record, SocketMessage):
        return as_request(record, row.message, _message(sealed, row, carried(record), row.message), ())
    raise _stale(sealed, row, "names a publish that is not there")


def _own_message(sealed: OpenCassette, row: Row, record: SocketMessage) -> Request | None:
    """Return a message of a client as a request, if its WebSocket does not carry Bayeux; None for a publish.

    A message may look like a publish on any WebSocket; then the name of the operation tells.
    """
    try:
        rules = dialect_of(sealed.header)
    except DialectError:
        if carried(record) is None:
            raise
        return None
    own = message_of(record, rules.push)
    return own if carried(record) is None or rules.operation_of(own) == row.operation else None


def _ack(sealed: OpenCassette, row: Row) -> Record | None:
    record = sealed.record(row.ack) if row.ack is not None else None
    if isinstance(record, Response) and record.streamed:
        return _joined(sealed, record)
    if row.reply is None:
        return record
    if isinstance(record, Response | SocketMessage):
        return as_response(record, row.reply, _message(sealed, row, carried(record), row.reply))
    raise _stale(sealed, row, "names a reply that is not there")


def _joined(sealed: OpenCassette, head: Response) -> Record:
    """Return a streamed response as correlation sees it: with its lines, or the head alone of a stream of events."""
    following = map(sealed.record, range(head.seq + 1, sealed.count))
    own = (record for record in following if not isinstance(record, Note) and record.exchange == head.exchange)
    return next(joined(chain([head], own)))


def _message(sealed: OpenCassette, row: Row, messages: list[Message] | None, index: int) -> Message:
    if messages is None or not 0 <= index < len(messages):
        raise _stale(sealed, row, "names a message that is not there")
    return messages[index]


def _link(sealed: OpenCassette, row: Row, stored: RowEvent) -> Link:
    event = event_in(sealed.record(stored.seq), stored.index, stored.channel)
    if event is None:
        raise _stale(sealed, row, "names an event that is not there")
    sure, whose = stored.confidence / 1000, (stored.rivals, row.message)
    return Link(event, stored.name, row.request, stored.rule, sure, stored.why, *whose)


def _stale(sealed: OpenCassette, row: Row, problem: str) -> CassetteError:
    return CassetteError(sealed.path, f"triple {row.n} {problem}", hint="run recorder doctor for details")


def with_any(found: OpenRecording, name: str, texts: Iterable[str]) -> Collection[int]:
    """Return the numbers of the triples that may have one of several values of a key, a superset of those that do.

    Args:
        found: The recording; without an index in the file all triples may have the key.
        name: A key of the dialect, `operation` or `channel`.
        texts: The values.
    """
    if not found.is_stored:
        return range(1, len(found.recording.triples) + 1)
    # in the order of the index, so that each of its pages is read once
    return {n for text in sorted(texts, key=lambda text: key_hash(name, text)) for n in found.find(name, text)}


def with_keys(found: OpenRecording, keys: dict[str, str]) -> Iterator[Triple]:
    """Yield the triples that have all of the given keys of the dialect, in order; `keys` must not be empty."""
    near = min((with_any(found, name, [text]) for name, text in keys.items()), key=len)
    for n in sorted(near):
        row = found.row(n)
        if all(text in values(row.keys.get(name, ())) for name, text in keys.items()):
            yield found.recording.triples[n - 1]


def number_of(found: OpenRecording, seq: int) -> int | None:
    """Return the number of the triple whose request is record `seq`, the last one of several publishes; None if none.

    Args:
        found: The recording.
        seq: Number of a record.
    """
    every = range(1, len(found.recording.triples) + 1)
    n = bisect_right(every, seq, key=lambda n: found.row(n).request)
    return n if n and found.row(n).request == seq else None
