"""How far one live session has got in a recording, and how a live request finds its playhead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..bayeux.session import Queued
from ..correlate.sessions import Sessions
from ..model import Headers
from .match import Call, Matcher
from .rebind import Bindings
from .schedule import Run


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

    """

    name: str
    cookie: str
    client_id: str | None = None
    recorded: str | None = None
    begun: bool = False
    played: set[int] = field(default_factory=set)
    bindings: Bindings = field(default_factory=Bindings)
    runs: list[Run] = field(default_factory=list)
    backlog: list[Queued] = field(default_factory=list)

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
    """All playheads, and the evidence that joins requests to them: cookies, Authorization, connection."""

    _CONNECTIONS = 10_000  # remembered; the oldest are forgotten first

    def __init__(self, sessions: Sessions) -> None:
        """`sessions` knows which cookies count."""
        self._sessions = sessions
        self._all: list[Playhead] = []
        self._by_client: dict[str, Playhead] = {}
        self._by_token: dict[str, Playhead] = {}
        self._by_connection: OrderedDict[str, set[str]] = OrderedDict()

    def __iter__(self) -> Iterator[Playhead]:
        return iter(self._all)

    def of_client(self, client_id: str) -> Playhead | None:
        """The playhead of a Bayeux session."""
        return self._by_client.get(client_id)

    def handshaken(self, client_id: str, headers: Headers, connection: str, cookie: str) -> Playhead:
        """A client got its clientId: it goes on with what its REST calls began, else it begins anew."""
        waiting = [p for p in self._all if p.client_id is None]
        tokens = self._tokens(headers)
        shown = next((self._by_token[t] for t in tokens if self._by_token.get(t) in waiting), None)
        nameless = [p for p in waiting if p not in self._by_token.values()]
        playhead = shown or (nameless[0] if nameless else self._new(cookie))
        playhead.client_id = client_id
        self._by_client[client_id] = playhead
        self._by_token.update(dict.fromkeys([*tokens, playhead.cookie], playhead))
        self.seen(client_id, headers, connection)
        return playhead

    def seen(self, client_id: str, headers: Headers, connection: str) -> None:
        """A Bayeux request of a session came in: what else it shows is remembered."""
        playhead = self._by_client.get(client_id)
        if playhead is None:
            return
        for token in self._tokens(headers):
            self._by_token.setdefault(token, playhead)
        self._by_connection.setdefault(connection, set()).add(client_id)
        self._by_connection.move_to_end(connection)
        while len(self._by_connection) > self._CONNECTIONS:
            self._by_connection.popitem(last=False)

    def of_request(self, headers: Headers, connection: str, cookie: str) -> Playhead | None:
        """The playhead of a REST request; None where several would do and nothing tells which."""
        tokens = self._tokens(headers)
        known = next((self._by_token[token] for token in tokens if token in self._by_token), None)
        if known is not None:
            return known
        clients = self._by_connection.get(connection, set())
        if len(clients) == 1:
            return self._by_client[next(iter(clients))]
        if len(self._all) > 1:
            return None
        playhead = self._all[0] if self._all else self._new(cookie)
        self._by_token.update(dict.fromkeys(tokens, playhead))
        return playhead

    def _new(self, cookie: str) -> Playhead:
        playhead = Playhead(f"p{len(self._all) + 1}", cookie)
        self._all.append(playhead)
        return playhead

    def _tokens(self, headers: Headers) -> list[str]:
        """Cookies before Authorization; a cookie of ours counts by its value alone, whatever its name."""
        tokens = sorted(self._sessions.tokens(headers), key=lambda t: (t.startswith("authorization "), t))
        return [t if t.startswith("authorization ") else t.partition("=")[2] for t in tokens]
