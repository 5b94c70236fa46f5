"""How far one live session has got in a recording, and how a live request finds its playhead."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from ..bayeux.outbox import Queued
from ..bayeux.session import BayeuxServer
from ..correlate.sessions import Sessions
from ..model import Headers, Triple
from .bindings import Bindings
from .fronts import Fronts
from .match import Matcher
from .reading import Call
from .schedule import Run
from .shelves import Row

COOKIE = "BAYEUX_BROWSER"  # set by each handshake, as CometD's Java server does
AUTHORIZATION = "authorization "


class Repeat(Enum):
    """What a request gets that was recorded less often than it is asked for."""

    ERROR = "error"  # a miss
    LAST = "last"  # the last of its recorded answers once more
    CYCLE = "cycle"  # all of its recorded answers, from the first one on


@dataclass(frozen=True, slots=True)
class Policy:
    """How strictly a client is held to the recording.

    Attributes:
        repeat: See there.
        strict: Operations must come in their recorded order, and be of the recorded session that is followed.

    """

    repeat: Repeat = Repeat.ERROR
    strict: bool = False


@dataclass(slots=True, eq=False)
class Playhead:
    """One live session's place in the recording; shares nothing with the others.

    Attributes:
        name: `p1`, `p2` … in the order they came.
        client_id: Its Bayeux session, None until it shakes hands.
        beside: Further Bayeux sessions of the same client: other windows of its browser, numbered from 1.
        recorded: The recorded session it follows, None until that is known.
        played: Which recorded requests it has used up, and how often.
        backlog: Events that came due before there was a Bayeux session to push them to.
        cookie: Stands in for every session cookie the recorded server set.
        origins: Where its client reaches us, by the recorded server's address.
        shown: What else its requests showed of who it is.
        opened: A WebSocket was opened for it.
        cut: Its WebSocket is to be cut: a fault.
        left: It disconnected.
        number: Counts playheads, as in `name`.
        begun_runs: How many runs were played to it.
        fronts: How far it has got with what is recorded several times.

    """

    name: str
    cookie: str
    client_id: str | None = None
    beside: dict[int, str] = field(default_factory=dict)
    recorded: str | None = None
    begun: bool = False
    played: Counter[int] = field(default_factory=Counter)
    bindings: Bindings = field(default_factory=Bindings)
    origins: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    backlog: list[Queued] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)
    opened: bool = False
    cut: bool = False
    left: bool = False
    number: int = 0
    begun_runs: int = 0
    fronts: Fronts = field(init=False)
    _front: int = 0  # all operations before it were asked for, or are others'

    def __post_init__(self) -> None:
        self.fronts = Fronts(self.played)

    @property
    def client_ids(self) -> list[str]:
        """All its Bayeux sessions."""
        return [*([] if self.client_id is None else [self.client_id]), *self.beside.values()]

    @property
    def is_blank(self) -> bool:
        """Whether nothing recorded was asked for in it, and nothing is on its way."""
        return not self.played and not self.runs and not self.backlog

    @property
    def set_cookie(self) -> tuple[str, str]:
        """The header that gives its client our cookie."""
        return "Set-Cookie", f"{COOKIE}={self.cookie}; Path=/; HttpOnly"

    def find(self, live: Call, matcher: Matcher, policy: Policy = Policy()) -> int | None:  # frozen
        """The recorded request to answer with: the next unplayed match, an exact one before others.

        Of the recorded session it follows first, then, if it need not be strict, of others. An exchange that is no
        operation and has no effect (GET, HEAD, OPTIONS) may be had again.
        """
        shelf = matcher.shelf(live)
        everyone = shelf.of(None)
        mine = everyone if self.recorded is None else shelf.of((self.recorded, None))
        usable = mine if policy.strict else everyone

        def fits(place: int) -> bool:
            return matcher.fits(place, live, self.bindings)

        place = self._next(mine, live, fits)
        if place is None and usable is not mine:
            place = self._next(usable, live, fits)
        if place is not None:
            return place if not policy.strict or self.before(place, matcher) is None else None
        stacks = [stack for row in usable for stack in row.stacks if fits(stack.first)]
        has_no_effect = live.operation is None and live.method in ("GET", "HEAD", "OPTIONS")
        if has_no_effect or policy.repeat is Repeat.LAST:
            return max((stack.places[-1] for stack in stacks), default=None)
        again = map(self.fronts.again_of, stacks) if policy.repeat is Repeat.CYCLE else ()
        return min(again, key=lambda place: (self.played[place], place), default=None)

    def has_new(self, live: Call, matcher: Matcher) -> bool:
        """Whether a request is in the recording, and new to it."""
        place = self.find(live, matcher)
        return place is not None and place not in self.played

    def _next(self, rows: list[Row], live: Call, fits: Callable[[int], bool]) -> int | None:
        """The next unplayed match in some rows, an exact one before others."""
        same = (row.by_id[live.id] for row in rows if live.id in row.by_id)
        exact = [self.fronts.next_of(stack) for stack in same if fits(stack.first)]
        if not any(place is not None for place in exact):
            exact = [self.fronts.next_in(row, fits) for row in rows]
        return min((place for place in exact if place is not None), default=None)

    def fitting(self, live: Call, matcher: Matcher) -> list[int]:
        """The recorded requests a live one is no different from, played or not, of whatever session."""
        return [place for place in matcher.candidates(live) if matcher.fits(place, live, self.bindings)]

    def follows(self, triple: Triple) -> bool:
        """Whether a recorded request is of the recorded session it follows, or of nobody's in particular."""
        return not triple.n or triple.session is None or self.recorded in (None, triple.session)

    def before(self, place: int, matcher: Matcher) -> int | None:
        """The first operation that was recorded before another one and was not asked for yet."""
        if not matcher.triples[place].n:
            return None
        while self._front < place and (self._front in self.played or not self._asks(matcher.triples[self._front])):
            self._front += 1
        return self._front if self._front < place else None

    def _asks(self, triple: Triple) -> bool:
        """Whether it is for this client to ask for it."""
        return triple.n > 0 and self.follows(triple)


class Playheads:
    """All playheads, and the evidence that joins requests to them.

    A cookie of ours is proof. Else Authorization and other cookies, the connection, the device, and being alone are
    evidence, in this order; what points at several tells nothing, and nobody guesses. Who shows that it is somebody
    else is new.
    """

    _CONNECTIONS = 10_000  # remembered; the oldest are forgotten first
    _SHOWN = 1000  # cookies and Authorizations remembered of one client: tokens are renewed, but not for ever
    ROOM = 10_000  # playheads, before some are forgotten

    def __init__(self, sessions: Sessions, new_cookie: Callable[[], str], windows: int = 1) -> None:
        """`sessions` knows which cookies count; `windows` is how many one client may have beside each other."""
        self._sessions, self._new_cookie, self._windows = sessions, new_cookie, windows
        self._made = 0
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

    def upgraded(self, headers: Headers, connection: str) -> Playhead | None:
        """A WebSocket is opened, the handshake is on it: who gets our cookie now; None if the client shows one."""
        tokens = self._tokens(headers)
        if any(_value(token) in self._by_cookie for token in tokens):
            return None
        waiting = _only(self._evidence(tokens, "", lambda p: p.client_id is None and not p.opened))
        playhead = waiting or self._new(tokens)
        playhead.opened = True
        self._remember(playhead, tokens, connection)
        return playhead

    def handshaken(
        self, client_id: str, headers: Headers, connection: str, bayeux: BayeuxServer | None = None
    ) -> Playhead:
        """A client got its clientId: it goes on with what its REST calls or its last session began, else anew.

        It goes on with a session that the server lost, and with one that holds no poll if it shows the cookie that one
        was given: a browser has one jar for all its windows, and another window would be polling.
        """
        tokens = self._tokens(headers)
        playhead = (
            _only(self._evidence(tokens, connection, lambda p: p.client_id is None))
            or _only(self._evidence(tokens, connection, lambda p: not p.left and _was_lost(p, bayeux)))
            or self._resumed(tokens, bayeux)
            or self._new(tokens)
        )
        window = 0 if bayeux is None else _free_window(playhead, bayeux)
        before = playhead.beside.get(window) if window else playhead.client_id
        if before is not None and bayeux is not None:
            self._by_client.pop(before, None)
            bayeux.succeed(before, client_id)
        if window:
            playhead.beside[window] = client_id
        else:
            playhead.client_id = client_id
        self._by_client[client_id] = playhead
        self.seen(client_id, headers, connection)
        return playhead

    def browser_of(self, headers: Headers, playhead: Playhead) -> str:
        """Whose windows are of one browser: the cookie it showed, if it is one of ours, else the one it is given."""
        shown = (_value(t) for t in self._tokens(headers) if _kind(t) == COOKIE and _value(t) in self._by_cookie)
        return next(shown, playhead.cookie)

    def seen(self, client_id: str, headers: Headers, connection: str) -> None:
        """A Bayeux request of a session came in: what else it shows is remembered."""
        playhead = self._by_client.get(client_id)
        if playhead is not None:
            self._remember(playhead, self._tokens(headers), connection)

    def leaves(self, client_id: str) -> None:
        """A client disconnected: what it showed may be another's from now on."""
        playhead = self._by_client.get(client_id)
        if playhead is not None:
            playhead.beside = {n: other for n, other in playhead.beside.items() if other != client_id}
            playhead.left = not playhead.beside

    def of_request(
        self,
        headers: Headers,
        connection: str,
        answers: Callable[[Playhead], bool],
        named: Callable[[Playhead], bool] = lambda _: False,
    ) -> Playhead | None:
        """The playhead of a REST request; None where several would do and nothing tells which.

        Args:
            headers: Those of the request.
            connection: The one it came on.
            named: Whether it names something of a playhead's alone, its device.
            answers: Whether the request is new to a playhead and in its recording. Who disconnected may still log out,
                but the next client that shows the same begins anew.

        """
        tokens = self._tokens(headers)
        playhead = _only(self._evidence(tokens, connection, lambda p: not p.left, named))
        if playhead is None:
            *_, possible = self._evidence(tokens, connection, lambda p: not p.left, named)
            if possible:
                return None
            left = self._evidence(tokens, connection, lambda p: p.left and answers(p), named)
            playhead = _only(left) or self._new(tokens)
        self._remember(playhead, tokens, connection)
        return playhead

    def make_room(self, bayeux: BayeuxServer) -> None:
        """Where there are too many, forget a tenth: the oldest who asked for nothing recorded and hold no poll.

        A client that comes back all the same is told to shake hands, as by a server whose maxInterval is over. Time
        plays no role: a client in a debugger may be silent for long, but no thousand others come meanwhile.
        """
        if len(self._all) <= self.ROOM:
            return
        tenth = max(self.ROOM // 10, 1)
        silent = (p for p in self._all[:-tenth] if p.is_blank and not any(map(bayeux.is_polling, p.client_ids)))
        gone = set(islice(silent, tenth))
        self._all = [p for p in self._all if p not in gone]
        self._by_client = {key: p for key, p in self._by_client.items() if p not in gone}
        self._by_cookie = {key: p for key, p in self._by_cookie.items() if p not in gone}
        self._by_token = dict(_without(gone, self._by_token))
        self._by_connection = OrderedDict(_without(gone, self._by_connection))
        for client_id in (client_id for playhead in gone for client_id in playhead.client_ids):
            bayeux.drop(client_id)

    def _resumed(self, tokens: list[str], bayeux: BayeuxServer | None) -> Playhead | None:
        ours = (self._by_cookie[_value(token)] for token in tokens if _value(token) in self._by_cookie)
        playhead = next(ours, None)
        if playhead is None or playhead.left or playhead.client_id is None or bayeux is None:
            return None
        window = _free_window(playhead, bayeux)
        return playhead if window < self._windows else None

    def _new(self, tokens: list[str]) -> Playhead:
        """Begin a playhead; cookies that it shows of one that left are its own from now on."""
        self._made += 1
        playhead = Playhead(f"p{self._made}", self._new_cookie(), number=self._made)
        self._all.append(playhead)
        left = [_value(token) for token in tokens if _value(token) in self._by_cookie]
        self._by_cookie |= {cookie: playhead for cookie in left if self._by_cookie[cookie].left}
        self._by_cookie[playhead.cookie] = playhead
        return playhead

    def _remember(self, playhead: Playhead, tokens: list[str], connection: str) -> None:
        for token in tokens:
            known = _value(token) in self._by_cookie or token in playhead.shown
            if not known and len(playhead.shown) < self._SHOWN:
                playhead.shown.add(token)
                self._by_token.setdefault(token, []).append(playhead)
        owners = self._by_connection.setdefault(connection, [])
        if playhead not in owners:
            owners.append(playhead)
        self._by_connection.move_to_end(connection)
        while len(self._by_connection) > self._CONNECTIONS:
            self._by_connection.popitem(last=False)

    def _evidence(
        self,
        tokens: list[str],
        connection: str,
        fits: Callable[[Playhead], bool],
        named: Callable[[Playhead], bool] = lambda _: False,
    ) -> Iterator[list[Playhead]]:
        """Whom a request may belong to, by each thing it shows, the strongest first; the last are all it can be.

        Only those that fit: that is asked first, for it is quick, and there may be thousands.
        """
        ours = [self._by_cookie[_value(token)] for token in tokens if _value(token) in self._by_cookie]
        if ours:
            yield from ([p] if fits(p) else [] for p in ours)
            return
        shown = [*(self._by_token.get(token, ()) for token in tokens), self._by_connection.get(connection, ())]
        yield from ([p for p in owners if fits(p) and not _is_other(p, tokens)] for owners in shown)
        possible = [p for p in self._all if fits(p) and not _is_other(p, tokens)]
        yield [p for p in possible if named(p)]
        yield possible

    def _tokens(self, headers: Headers) -> list[str]:
        """Cookies before Authorization, and first the one that each handshake sets anew."""
        return sorted(self._sessions.tokens(headers), key=lambda t: (_kind(t) == AUTHORIZATION, _kind(t) != COOKIE, t))


def _only(evidence: Iterable[list[Playhead]]) -> Playhead | None:
    """Whom the first evidence that points at one alone points at."""
    return next((owners[0] for owners in evidence if len(owners) == 1), None)


def _without(gone: set[Playhead], owners: Mapping[str, list[Playhead]]) -> Iterator[tuple[str, list[Playhead]]]:
    left = ((key, [p for p in found if p not in gone]) for key, found in owners.items())
    return ((key, found) for key, found in left if found)


def _free_window(playhead: Playhead, bayeux: BayeuxServer) -> int:
    """Which window a client is that shakes hands: the first that was lost, else the first that shows no life."""
    windows = {0: playhead.client_id, **playhead.beside}
    for is_free in (bayeux.is_forgotten, lambda client_id: not bayeux.is_there(client_id)):
        for number, client_id in sorted(windows.items()):
            if client_id is None or is_free(client_id):
                return number
    return len(windows)


def _was_lost(playhead: Playhead, bayeux: BayeuxServer | None) -> bool:
    return bayeux is not None and playhead.client_id is not None and bayeux.is_forgotten(playhead.client_id)


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
