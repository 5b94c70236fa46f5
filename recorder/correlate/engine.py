"""The correlator: takes records one at a time, says which request caused which event, and makes triples of them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator

from ..bayeux.observer import Advised, Handshaken, Observer
from ..model import (
    Event,
    Failure,
    Header,
    Link,
    Record,
    Recording,
    Request,
    Response,
    State,
    Triple,
    Unsolicited,
)
from .dialect import Dialect, Keys
from .rules import Operation, Seen, by_error, by_key, by_tuple, by_twin, is_over
from .sessions import Sessions

_SWITCHING_PROTOCOLS = 101
KEEP = 10_000  # operations that can still get an event; the ones before them are final, so that memory is bounded


class Correlator:
    """Feed it records in order; ask it for the recording at the end."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._observer = Observer()
        self._sessions = Sessions(dialect.session_cookies)
        self._operations: deque[Operation] = deque()
        self._numbered = 0
        self._plain: deque[Operation] = deque()
        self._unsolicited: deque[Seen] = deque()
        self._timeout: float | None = None
        self._pending: dict[int, Operation] = {}  # exchanges without an answer
        self._bayeux: dict[int, frozenset[str]] = {}  # open Bayeux exchanges and sockets, and the tokens they showed
        self._in_window: list[Operation] = []
        self._by_key: dict[tuple[str, str], list[Operation]] = defaultdict(list)
        self._originals: dict[tuple[str | None, ...], deque[Operation]] = defaultdict(deque)
        self._early_twins: dict[tuple[str | None, ...], deque[Operation]] = defaultdict(deque)

    def feed(self, record: Record) -> list[Link]:
        """Take the next record; return the links it brought."""
        seen = self._observer.feed(record)
        match record:
            case Request():
                self._request(record)
            case Response():
                self._answer(record)
            case Failure():
                self._fail(record)
            case _:
                pass
        links: list[Link] = []
        for observation in seen:
            match observation:
                case Handshaken():
                    self._handshaken(observation, record)
                case Event():
                    link = self._event(observation)
                    if link is not None:
                        links.append(link)
                case Advised():
                    self._timeout = observation.timeout
                case _:
                    pass
        if isinstance(record, Failure) or (isinstance(record, Response) and record.status != _SWITCHING_PROTOCOLS):
            self._bayeux.pop(record.exchange, None)
        return links

    def triples(self, keep: int = KEEP) -> Iterator[Triple]:
        """Hand out the triples that are final, all but the last `keep`, each once, in the order of their requests."""
        while len(self._operations) > keep:
            op = self._operations.popleft()
            self._forget(op)
            self._numbered += 1
            yield self._triple(op, self._numbered)

    def plain(self, keep: int = KEEP) -> Iterator[Triple]:
        """Hand out the exchanges that are no operation, as `triples` does."""
        while len(self._plain) > keep:
            op = self._plain.popleft()
            self._pending.pop(op.request.exchange, None)
            if not _is_upgrade(op):
                yield self._triple(op, 0)

    def unsolicited(self) -> Iterator[Unsolicited]:
        """Hand out the events nobody asked for, each once."""
        while self._unsolicited:
            yield _unsolicited(self._unsolicited.popleft())

    def finish(self, header: Header) -> Recording:
        """All that was not handed out, as it stands, in the order of the wire; changes nothing."""
        plain = (self._triple(op, 0) for op in self._plain if not _is_upgrade(op))
        return Recording(
            header=header,
            triples=tuple(self._triple(op, n) for n, op in enumerate(self._operations, self._numbered + 1)),
            plain=tuple(plain),
            unsolicited=tuple(map(_unsolicited, self._unsolicited)),
            session_starts={f"s{session}": at for session, at in self._sessions.starts.items()},
            poll_timeout=self._timeout,
        )

    def _forget(self, op: Operation) -> None:
        self._pending.pop(op.request.exchange, None)
        if self._in_window[:1] == [op]:  # the oldest of all, so the oldest there
            del self._in_window[0]
        for key in ("reference", "inner_reference"):
            same = self._by_key.get((key, op.keys.get(key, "")), [])
            if op in same:
                same.remove(op)
            if not same:
                self._by_key.pop((key, op.keys.get(key, "")), None)
        for twin_key in op.twin_keys:
            for table in (self._originals, self._early_twins):
                waiting = deque(other for other in table.pop(twin_key, ()) if other is not op)
                if waiting:
                    table[twin_key] = waiting

    def _handshaken(self, observation: Handshaken, record: Record) -> None:
        shown = self._bayeux.get(observation.exchange, frozenset())
        session = self._sessions.handshaken(observation.client_id, shown, (observation.seq, observation.t))
        if isinstance(record, Response):
            self._sessions.learn(self._sessions.tokens(record.headers), session)

    def _request(self, request: Request) -> None:
        tokens = self._sessions.tokens(request.headers)
        if self._observer.is_bayeux(request):
            self._bayeux[request.exchange] = tokens
            session = self._sessions.of_client(self._observer.client_of(request))
            if session is not None:
                self._sessions.learn(tokens, session)
            return
        name = self._dialect.operation_of(request)
        keys = self._dialect.keys_of_request(request) if name is not None else {}
        op = Operation(request, name, keys, tokens, self._sessions.of_tokens(tokens))
        self._pending[request.exchange] = op
        if name is None:
            self._plain.append(op)
            return
        self._operations.append(op)
        self._in_window.append(op)
        self._index(op, keys)

    def _index(self, op: Operation, keys: Keys) -> None:
        for key in ("reference", "inner_reference"):
            if key in keys:
                self._by_key[key, keys[key]].append(op)

    def _answer(self, response: Response) -> None:
        op = self._pending.pop(response.exchange, None)
        if op is None:
            return
        if response.status == _SWITCHING_PROTOCOLS:
            self._bayeux[response.exchange] = op.tokens
        op.ack = response
        op.refused = not self._dialect.succeeded(response)
        op.tokens |= self._sessions.tokens(response.headers)
        added = {k: v for k, v in self._dialect.keys_of_ack(response).items() if k not in op.keys} if op.name else {}
        if added:
            op.keys = {**op.keys, **added}
            self._index(op, added)

    def _fail(self, failure: Failure) -> None:
        op = self._pending.pop(failure.exchange, None)
        if op is not None:
            op.failure = failure

    def _event(self, event: Event) -> Link | None:
        seen = Seen(event, self._dialect.keys_of_event(event), self._sessions.of_client(event.client_id))
        found = self._cause(seen)
        if found is None:
            self._unsolicited.append(seen)
            return None
        op, link = found
        op.links.append(link)
        self._learn(op, seen, link)
        return link

    def _cause(self, seen: Seen) -> tuple[Operation, Link] | None:
        for key in ("reference", "inner_reference"):
            if key in seen.keys:
                found = by_key(seen, key, self._dialect, self._by_key.get((key, seen.keys[key]), ()))
                if found:
                    return found
        if seen.event.channel == self._dialect.twin_channel:
            original = self._original(seen)
            if original is not None:
                return by_twin(seen, original)
        self._in_window = [op for op in self._in_window if not is_over(op, seen.event.t, self._dialect)]
        if self._dialect.is_error(seen.event):
            return by_error(seen, self._dialect, self._in_window)
        return by_tuple(seen, self._dialect, self._in_window)

    def _original(self, seen: Seen) -> Operation | None:
        """The oldest operation whose event still awaits this twin; twins of those that are over were lost."""
        originals = self._originals.get(self._twin_key(seen))
        while originals:
            op = originals.popleft()
            if not is_over(op, seen.event.t, self._dialect):
                return op
        return None

    def _learn(self, op: Operation, seen: Seen, link: Link) -> None:
        if op.session is None and seen.session is not None:
            op.session = seen.session
            if link.confidence == 1.0:
                self._sessions.learn(op.tokens, seen.session)
        known = self._dialect.operations.get(op.name or "")
        if known is not None and seen.keys.get("notification") in known.terminal and op.ended is None:
            op.ended = seen.event.t
        self._pair(op, seen, link)

    def _pair(self, op: Operation, seen: Seen, link: Link) -> None:
        """Keep account of which events still await their twin, and of which the twin came first."""
        key = self._twin_key(seen)
        op.twin_keys.add(key)
        if seen.event.channel == self._dialect.twin_of:
            _settle(op, self._early_twins[key], self._originals[key])
        elif seen.event.channel == self._dialect.twin_channel and link.rule != "twin":
            _settle(op, self._originals[key], self._early_twins[key])

    def _twin_key(self, seen: Seen) -> tuple[str | None, ...]:
        return (str(seen.session), *(seen.keys.get(name) for name in self._dialect.twin_same))

    def _triple(self, op: Operation, n: int) -> Triple:
        session = op.session or self._sessions.of_tokens(op.tokens) or self._sessions.only()
        links = tuple(sorted(op.links, key=lambda link: (link.event.seq, link.event.index)))
        return Triple(n, op.name, op.keys, _label(session), self._state(op), op.request, op.ack, op.failure, links)

    def _state(self, op: Operation) -> State:
        if op.ack is None:
            return State.UNACKED if op.links else State.ABORTED
        if op.refused:
            return State.FAILED
        known = self._dialect.operations.get(op.name or "")
        expects_nothing = op.name is None or (known is not None and not known.terminal)
        return State.COMPLETE if expects_nothing or op.ended is not None else State.ACKED


def _settle(op: Operation, awaited: deque[Operation], waiting: deque[Operation]) -> None:
    if op in awaited:
        awaited.remove(op)
    else:
        waiting.append(op)


def _is_upgrade(op: Operation) -> bool:
    return op.ack is not None and op.ack.status == _SWITCHING_PROTOCOLS


def _unsolicited(seen: Seen) -> Unsolicited:
    return Unsolicited(seen.event, seen.name, _label(seen.session))


def _label(session: int | None) -> str | None:
    return None if session is None else f"s{session}"
