"""How far one live session has got in a recording, and how a live request finds its playhead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..bayeux.session import Queued
from ..correlate.sessions import Sessions
from ..model import Headers
from .match import Call, Matcher
from .rebind import Bindings
from .schedule import Run

COOKIE = "BAYEUX_BROWSER"  # set by each handshake, as CometD's Java server does
AUTHORIZATION = "authorization "


@dataclass(slots=True, eq=False)
class Playhead:
    """One live session's place in the recording; shares nothing with the others.

    Attributes:
        name: `p1`, `p2` … in the order they came.
        client_id: Its Bayeux session, None until it shakes hands.
        recorded: The recorded session it follows, None until that is known.
        played: Which recorded requests it has used up.
        backlog: Events that came due before there was a Bayeux session to push them to.
        cookie: Stands in for every session cookie the recorded server set.
        origins: Where its client reaches us, by the recorded server's address.
        shown: What else its requests showed of who it is.
        left: It disconnected.

    """

    name: str
    cookie: str
    client_id: str | None = None
    recorded: str | None = None
    begun: bool = False
    played: set[int] = field(default_factory=set)
    bindings: Bindings = field(default_factory=Bindings)
    origins: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    backlog: list[Queued] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)
    left: bool = False

    def find(self, live: Call, matcher: Matcher) -> int | None:
        """The recorded request to answer with: the next unplayed match, an exact one before others.

        An exchange that is no operation and has no effect (GET, HEAD, OPTIONS) may be had again.
        """
        fitting = [p for p in matcher.candidates(live) if not matcher.differences(p, live, self.bindings)]
        left = [place for place in fitting if place not in self.played]
        same_session = [p for p in left if self.recorded in (None, matcher.triples[p].session)] or left
        exact = [place for place in same_session if matcher.is_exact(place, live)]
        if exact or same_session:
            return (exact or same_session)[0]
        if fitting and live.operation is None and live.method in ("GET", "HEAD", "OPTIONS"):
            return fitting[-1]
        return None


class Playheads:
    """All playheads, and the evidence that joins requests to them.

    A cookie of ours is proof. Else Authorization and other cookies, the connection, and being alone are evidence, in
    this order; what points at several tells nothing, and nobody guesses. Who shows that it is somebody else is new.
    """

    _CONNECTIONS = 10_000  # remembered; the oldest are forgotten first

    def __init__(self, sessions: Sessions, new_cookie: Callable[[], str]) -> None:
        """`sessions` knows which cookies count."""
        self._sessions, self._new_cookie = sessions, new_cookie
        self._all: list[Playhead] = []
        self._by_client: dict[str, Playhead] = {}
        self._by_cookie: dict[str, Playhead] = {}
        self._by_token: dict[str, list[Playhead]] = {}
        self._by_connection: OrderedDict[str, list[Playhead]] = OrderedDict()

    def __iter__(self) -> Iterator[Playhead]:
        return iter(self._all)

    def of_client(self, client_id: str) -> Playhead | None:
        """The playhead of a Bayeux session."""
        return self._by_client.get(client_id)

    def handshaken(self, client_id: str, headers: Headers, connection: str) -> Playhead:
        """A client got its clientId: it goes on with what its REST calls began, else it begins anew."""
        tokens = self._tokens(headers)
        playhead = _only(self._evidence(tokens, connection), lambda p: p.client_id is None) or self._new(tokens)
        playhead.client_id = client_id
        self._by_client[client_id] = playhead
        self.seen(client_id, headers, connection)
        return playhead

    def seen(self, client_id: str, headers: Headers, connection: str) -> None:
        """A Bayeux request of a session came in: what else it shows is remembered."""
        playhead = self._by_client.get(client_id)
        if playhead is not None:
            self._remember(playhead, self._tokens(headers), connection)

    def leaves(self, client_id: str) -> None:
        """A client disconnected: what it showed may be another's from now on."""
        if client_id in self._by_client:
            self._by_client[client_id].left = True

    def of_request(self, headers: Headers, connection: str, answers: Callable[[Playhead], bool]) -> Playhead | None:
        """The playhead of a REST request; None where several would do and nothing tells which.

        Args:
            headers: Those of the request.
            connection: The one it came on.
            answers: Whether the request is new to a playhead and in its recording. Who disconnected may still log out,
                but the next client that shows the same begins anew.

        """
        tokens = self._tokens(headers)
        playhead = _only(self._evidence(tokens, connection), lambda p: not p.left)
        if playhead is None:
            evidence = list(self._evidence(tokens, connection))
            if not all(p.left for p in evidence[-1]):
                return None
            playhead = _only(evidence, lambda p: p.left and answers(p)) or self._new(tokens)
        self._remember(playhead, tokens, connection)
        return playhead

    def _new(self, tokens: list[str]) -> Playhead:
        """Begin a playhead; cookies that it shows of one that left are its own from now on."""
        playhead = Playhead(f"p{len(self._all) + 1}", self._new_cookie())
        self._all.append(playhead)
        left = [_value(token) for token in tokens if _value(token) in self._by_cookie]
        self._by_cookie |= {cookie: playhead for cookie in left if self._by_cookie[cookie].left}
        self._by_cookie[playhead.cookie] = playhead
        return playhead

    def _remember(self, playhead: Playhead, tokens: list[str], connection: str) -> None:
        for token in tokens:
            if _value(token) not in self._by_cookie and token not in playhead.shown:
                playhead.shown.add(token)
                self._by_token.setdefault(token, []).append(playhead)
        owners = self._by_connection.setdefault(connection, [])
        if playhead not in owners:
            owners.append(playhead)
        self._by_connection.move_to_end(connection)
        while len(self._by_connection) > self._CONNECTIONS:
            self._by_connection.popitem(last=False)

    def _evidence(self, tokens: list[str], connection: str) -> Iterator[list[Playhead]]:
        """Whom a request may belong to, by each thing it shows, the strongest first; the last are all it can be."""
        ours = [[self._by_cookie[_value(token)]] for token in tokens if _value(token) in self._by_cookie]
        if ours:
            yield from ours
            return
        shown = [*(self._by_token.get(token, ()) for token in tokens), self._by_connection.get(connection, ())]
        yield from ([p for p in owners if not _is_other(p, tokens)] for owners in (*shown, self._all))

    def _tokens(self, headers: Headers) -> list[str]:
        """Cookies before Authorization, and first the one that each handshake sets anew."""
        return sorted(self._sessions.tokens(headers), key=lambda t: (_kind(t) == AUTHORIZATION, _kind(t) != COOKIE, t))


def _only(evidence: Iterable[list[Playhead]], fits: Callable[[Playhead], bool]) -> Playhead | None:
    """Whom the first evidence that points at one alone points at."""
    found = ([p for p in owners if fits(p)] for owners in evidence)
    return next((owners[0] for owners in found if len(owners) == 1), None)


def _is_other(playhead: Playhead, tokens: list[str]) -> bool:
    """Whether a request shows another Authorization, or another value of a cookie, than a playhead's client did."""
    return any(
        token not in playhead.shown and any(_kind(known) == _kind(token) for known in playhead.shown)
        for token in tokens
    )


def _kind(token: str) -> str:
    return AUTHORIZATION if token.startswith(AUTHORIZATION) else token.partition("=")[0]


def _value(token: str) -> str:
    """A cookie's value; a cookie of ours counts by it alone, whatever its name."""
    return token.partition("=")[2]
