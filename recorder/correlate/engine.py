"""The correlator: takes records one at a time, says which request caused which event, and makes triples of them."""

from __future__ import annotations

from collections import defaultdict, deque

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
from .dialect import Dialect
from .rules import Operation, Seen, by_error, by_key, by_tuple, by_twin
from .sessions import Sessions

_SECOND = 1_000_000_000


class Correlator:
    """Feed it records in order; ask it for the recording at the end."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._observer = Observer()
        self._sessions = Sessions(dialect.session_cookies)
        self._operations: list[Operation] = []
        self._plain: list[Operation] = []
        self._unsolicited: list[Seen] = []
        self._timeout: float | None = None
        self._pending: dict[int, Operation] = {}  # exchanges without an answer
        self._bayeux: dict[int, frozenset[str]] = {}  # open Bayeux exchanges and the tokens they showed
        self._in_window: deque[Operation] = deque()
        self._by_key: dict[tuple[str, str], list[Operation]] = defaultdict(list)
        self._originals: dict[tuple[str | None, ...], deque[Operation]] = defaultdict(deque)
        self._early_twins: dict[tuple[str | None, ...], int] = defaultdict(int)

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
                    tokens = self._bayeux.get(observation.exchange, frozenset())
                    self._sessions.handshaken(observation.client_id, tokens, (observation.seq, observation.t))
                case Event():
                    link = self._event(observation)
                    if link is not None:
                        links.append(link)
                case Advised():
                    self._timeout = observation.timeout
                case _:
                    pass
        if isinstance(record, Response | Failure):
            self._bayeux.pop(record.exchange, None)
        return links

    def finish(self, header: Header) -> Recording:
        """Everything derived so far, in the order of the wire."""
        for op in self._operations:
            if op.session is None:
                op.session = self._sessions.of_tokens(op.tokens) or self._sessions.only()
        return Recording(
            header=header,
            triples=tuple(self._triple(op, n) for n, op in enumerate(self._operations, 1)),
            plain=tuple(self._triple(op, 0) for op in self._plain if op.ack is None or op.ack.status != 101),
            unsolicited=tuple(Unsolicited(s.event, s.name, _label(s.session)) for s in self._unsolicited),
            session_starts={f"s{session}": at for session, at in self._sessions.starts.items()},
            poll_timeout=self._timeout,
        )

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
        self._index(op)

    def _index(self, op: Operation) -> None:
        for key in ("reference", "inner_reference"):
            if key in op.keys:
                self._by_key[key, op.keys[key]].append(op)

    def _answer(self, response: Response) -> None:
        if response.exchange in self._bayeux:
            self._bayeux[response.exchange] |= self._sessions.tokens(response.headers)
        op = self._pending.pop(response.exchange, None)
        if op is None:
            return
        op.ack = response
        op.tokens |= self._sessions.tokens(response.headers)
        added = {k: v for k, v in self._dialect.keys_of_ack(response).items() if k not in op.keys} if op.name else {}
        if added:
            op.keys = {**op.keys, **added}
            self._index(op)

    def _fail(self, failure: Failure) -> None:
        op = self._pending.pop(failure.exchange, None)
        if op is not None:
            op.failure = failure

    def _event(self, event: Event) -> Link | None:
        seen = Seen(event, self._dialect.keys_of_event(event), self._sessions.of_client(event.client_id))
        self._close_windows(event.t)
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
                found = by_key(seen, key, self._by_key.get((key, seen.keys[key]), ()))
                if found:
                    return found
        originals = self._originals.get(self._twin_key(seen))
        if seen.event.channel == self._dialect.twin_channel and originals:
            return by_twin(seen, originals.popleft())
        if self._dialect.is_error(seen.event):
            return by_error(seen, self._dialect, self._in_window)
        return by_tuple(seen, self._dialect, self._in_window)

    def _learn(self, op: Operation, seen: Seen, link: Link) -> None:
        if op.session is None and seen.session is not None:
            op.session = seen.session
            if link.confidence == 1.0:
                self._sessions.learn(op.tokens, seen.session)
        known = self._dialect.operations.get(op.name or "")
        if known is not None and seen.keys.get("notification") in known.terminal and op.ended is None:
            op.ended = seen.event.t
        self._pair(op, seen)

    def _pair(self, op: Operation, seen: Seen) -> None:
        """Keep account of which events still await their twin."""
        key = self._twin_key(seen)
        if seen.event.channel == self._dialect.twin_of:
            if self._early_twins[key]:
                self._early_twins[key] -= 1
            else:
                self._originals[key].append(op)
        elif seen.event.channel == self._dialect.twin_channel and op.links[-1].rule != "twin":
            self._early_twins[key] += 1

    def _twin_key(self, seen: Seen) -> tuple[str | None, ...]:
        return (str(seen.session), *(seen.keys.get(name) for name in self._dialect.twin_same))

    def _close_windows(self, now: int) -> None:
        """Forget operations no id-less event can belong to any more."""
        open_for, grace = self._dialect.open_for * _SECOND, self._dialect.grace * _SECOND
        if self._in_window and _over(self._in_window[0], now, open_for, grace):
            self._in_window = deque(op for op in self._in_window if not _over(op, now, open_for, grace))

    def _triple(self, op: Operation, n: int) -> Triple:
        links = tuple(sorted(op.links, key=lambda link: (link.event.seq, link.event.index)))
        return Triple(n, op.name, op.keys, _label(op.session), self._state(op), op.request, op.ack, op.failure, links)

    def _state(self, op: Operation) -> State:
        if op.ack is None:
            return State.UNACKED if op.links else State.ABORTED
        if not self._dialect.succeeded(op.ack):
            return State.FAILED
        known = self._dialect.operations.get(op.name or "")
        expects_nothing = op.name is None or (known is not None and not known.terminal)
        return State.COMPLETE if expects_nothing or op.ended is not None else State.ACKED


def _over(op: Operation, now: int, open_for: float, grace: float) -> bool:
    return now - op.ended > grace if op.ended is not None else now - op.request.t > open_for


def _label(session: int | None) -> str | None:
    return None if session is None else f"s{session}"
