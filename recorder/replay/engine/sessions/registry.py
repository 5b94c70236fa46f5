"""Find the playhead of a live request."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

from ....bayeux.server import BayeuxServer
from ....correlate.sessions import AUTHORIZATION, Sessions
from ....model import Headers
from .instances import is_minted, minting
from .playhead import COOKIE, Playhead, kind, value

Owners: TypeAlias = dict[Playhead, None]  # a set that remembers its order


class SessionState(Enum):
    """State of a client's Bayeux session."""

    NEW = auto()  # it sent REST calls, if anything
    OPENED = auto()  # its WebSocket is open, the handshake will be on it
    LIVE = auto()
    LEFT = auto()


@dataclass(frozen=True, slots=True)
class Pool:
    """Playheads, grouped by the kinds of tokens they have shown."""

    _groups: tuple[tuple[frozenset[str], Owners], ...]

    def __contains__(self, playhead: Playhead) -> bool:
        return any(playhead in members for _, members in self._groups)

    def __len__(self) -> int:
        return sum(len(members) for _, members in self._groups)

    def like(self, tokens: Sequence[str], by_token: Mapping[str, Owners]) -> Iterator[Playhead]:
        """Yield the playheads that never showed another Authorization or cookie value than these tokens."""
        for kinds, members in self._groups:
            telling = [token for token in tokens if kind(token) in kinds]
            if telling:  # then only who showed the very same
                owners = by_token.get(telling[0], {})
                yield from (p for p in owners if p in members and all(token in p.shown for token in telling))
            else:
                yield from members

    def of(self, owners: Owners, tokens: Sequence[str], by_token: Mapping[str, Owners]) -> Iterator[Playhead]:
        """Yield those of `like` that are among some owners; the smaller of both sets is gone through."""
        if len(self) < len(owners):
            return (p for p in self.like(tokens, by_token) if p in owners)
        return (p for p in owners if p in self and not _is_other(p, tokens))


@dataclass(slots=True)
class PlayheadGroups:
    """All playheads, grouped by state and by the kinds of tokens they have shown."""

    _groups: dict[tuple[SessionState, frozenset[str]], Owners] = field(default_factory=dict)
    _places: dict[Playhead, tuple[SessionState, frozenset[str]]] = field(default_factory=dict)
    # each group itself, so that thousands of playheads in one group refer to one object
    _known: dict[tuple[SessionState, frozenset[str]], tuple[SessionState, frozenset[str]]] = field(default_factory=dict)

    def place(self, playhead: Playhead) -> None:
        """Add a playhead, or move it after a change."""
        group = _standing(playhead), frozenset(map(kind, playhead.shown))
        if self._places.get(playhead) != group:
            self.remove(playhead)
            group = self._places[playhead] = self._known.setdefault(group, group)
            self._groups.setdefault(group, {})[playhead] = None

    def remove(self, playhead: Playhead) -> None:
        """Forget a playhead, if it is known."""
        group = self._places.pop(playhead, None)
        if group is not None:
            del self._groups[group][playhead]

    def pool(self, *standings: SessionState) -> Pool:
        """Return the playheads of some states."""
        return Pool(tuple((kinds, found) for (standing, kinds), found in self._groups.items() if standing in standings))


def pool_of(playheads: Iterable[Playhead]) -> Pool:
    """Build a pool of a few playheads."""
    return Pool(tuple((frozenset(map(kind, p.shown)), {p: None}) for p in playheads))


def only(evidence: Iterable[Iterator[Playhead]]) -> Playhead | None:
    """Return the playhead that the first conclusive evidence points at: evidence that points at one alone."""
    for owners in evidence:
        found = next(owners, None)
        if found is not None and next(owners, None) is None:
            return found
    return None


def _standing(playhead: Playhead) -> SessionState:
    if playhead.left:
        return SessionState.LEFT
    if playhead.client_id is not None:
        return SessionState.LIVE
    return SessionState.OPENED if playhead.opened else SessionState.NEW


def _is_other(playhead: Playhead, tokens: Sequence[str]) -> bool:
    """Return whether a request shows another Authorization or cookie value than the client of a playhead did."""
    return any(
        token not in playhead.shown and any(kind(known) == kind(token) for known in playhead.shown) for token in tokens
    )


Takes: TypeAlias = Callable[[Playhead, bool], bool]  # a playhead, and whether the request is on its connection
_WITHOUT_SESSION = (SessionState.NEW, SessionState.OPENED)
Tokens: TypeAlias = tuple[str, ...]
_THERE = (*_WITHOUT_SESSION, SessionState.LIVE)


class Registry:
    """All playheads, and the evidence that joins requests to them.

    A cookie of the stand-in is proof. Else Authorization and other cookies, the connection, the device, and being alone
    are evidence, in this order; evidence that points at several playheads counts for nothing. A client that shows
    another identity gets a new playhead.
    """

    _REQUESTS = 1000  # whose headers are remembered: a client sends the same ones again and again
    _CONNECTIONS = 20_000  # remembered; the oldest are forgotten first
    _SHOWN = 1000  # cookies and Authorizations remembered of one client: tokens are renewed, but not for ever
    _LOGGING_IN = 100  # playheads that are looked at for a login that shows nothing of its client
    # playheads, before some are forgotten: ten thousand may hold polls at once, and be between two polls at once
    ROOM = 20_000

    def __init__(
        self, sessions: Sessions, new_id: Callable[[], str], windows: int = 1, instance: str | None = None
    ) -> None:
        """Start empty.

        Args:
            sessions: Knows which cookies count.
            new_id: Gives a fresh id at each call.
            windows: How many windows one client may have at once.
            instance: Name that cookies begin with, for a load balancer; None for a stand-in that stands alone.

        """
        self._sessions, self._new_cookie, self._windows = sessions, minting(instance, new_id), windows
        self._has_others = instance is not None  # cookies of other instances may come
        self._made = 0
        self._all: list[Playhead] = []
        self._by_client: dict[str, Playhead] = {}
        self._by_cookie: dict[str, Playhead] = {}
        self._by_token: dict[str, Owners] = {}
        self._by_connection: OrderedDict[str, Playhead | Owners] = OrderedDict()  # most have one client
        self._groups_of = PlayheadGroups()
        self._tokens = lru_cache(self._REQUESTS)(self._read)
        self._room = self.ROOM
        self._has_sockets = False  # a WebSocket was opened
        self.is_crowded = False  # there are too many playheads: `make_room` is to be called

    def __iter__(self) -> Iterator[Playhead]:
        return iter(self._all)

    @property
    def made(self) -> int:
        """Number of clients that came, also those that are forgotten."""
        return self._made

    @property
    def there(self) -> Pool:
        """Playheads of the clients that did not leave."""
        return self._groups_of.pool(*_THERE)

    def of_client(self, client_id: str) -> Playhead | None:
        """Return the playhead of a Bayeux session, None for an unknown one."""
        return self._by_client.get(client_id)

    def following(self, session: str) -> Iterator[Playhead]:
        """Yield the clients that follow a recorded session and did not leave, in the order they came."""
        return (playhead for playhead in self._all if playhead.recorded == session and not playhead.left)

    def upgraded(self, headers: Headers, connection: str) -> Playhead | None:
        """Return the playhead that gets a cookie when a WebSocket is opened; None if the client shows one already."""
        tokens = self._tokens(headers)
        stray = self._adopt(tokens, connection)
        if stray is None and any(value(token) in self._by_cookie for token in tokens):
            return None
        owner = stray or only([self._given(tokens)])  # a token of a login is proof, as a cookie is
        new = self._groups_of.pool(SessionState.NEW)
        playhead = owner or only(self._evidence(tokens, "", new)) or self._new(tokens)
        self._has_sockets = playhead.opened = True
        self._groups_of.place(playhead)
        self._remember(playhead, tokens, connection)
        return playhead

    def _given(self, tokens: Tokens) -> Iterator[Playhead]:
        """Yield the clients that are there and got one of these tokens at a login."""
        owners = {p: None for token in tokens for p in self._by_token.get(token, ()) if token in p.given and not p.left}
        return iter(owners)

    def handshaken(
        self,
        client_id: str,
        headers: Headers,
        connection: str,
        bayeux: BayeuxServer | None = None,
        joining: Playhead | None = None,
    ) -> tuple[Playhead, str | None]:
        """Find the playhead of a client that got its clientId, else begin one; return also the clientId it replaces.

        The client goes on with what its REST calls began, with a session that the server lost, and with one that holds
        no poll if it shows the cookie that one was given: a browser has one jar for all its windows, and another window
        would be polling.
        """
        tokens = self._tokens(headers)
        self._adopt(tokens, connection, joining)
        playhead = joining or self._joining(tokens, connection, bayeux) or self._new(tokens)
        if playhead.ended:
            playhead.ended = playhead.left = False
        playhead.turned_away = False
        window = 0 if bayeux is None else _free_window(playhead, bayeux)
        before = playhead.other_windows.get(window) if window else playhead.client_id
        if before is not None:
            self._by_client.pop(before, None)
        if window:
            playhead.other_windows = {**playhead.other_windows, window: client_id}
        else:
            playhead.client_id = client_id
        self._by_client[client_id] = playhead
        self._groups_of.place(playhead)
        self.seen(client_id, headers, connection)
        return playhead, before

    def joining(self, headers: Headers, connection: str, bayeux: BayeuxServer) -> Playhead:
        """Find or begin the playhead of a client that wants to shake hands and may be refused.

        A client that was refused tries again; if several were and nothing tells who this is, it counts as the first of
        them: else no client without cookies would ever get in.
        """
        tokens = self._tokens(headers)
        self._adopt(tokens, connection)
        playhead = self._joining(tokens, connection, bayeux)
        if playhead is None:
            refused = self._groups_of.pool(*_WITHOUT_SESSION).like(tokens, self._by_token)
            playhead = next((p for p in refused if p.turned_away), None) or self._new(tokens)
        self._remember(playhead, tokens, connection)
        return playhead

    def _joining(self, tokens: Tokens, connection: str, bayeux: BayeuxServer | None) -> Playhead | None:
        near = self._on(connection)

        def fits(playhead: Playhead) -> bool:
            # Whoever opened a WebSocket will shake hands on it. To be alone makes nobody else that client.
            if not playhead.opened or not playhead.is_blank or playhead in near:
                return True
            return any(t in playhead.shown or self._by_cookie.get(value(t)) is playhead for t in tokens)

        return (
            only(self._evidence(tokens, connection, self._groups_of.pool(*_WITHOUT_SESSION), fits))
            or only(self._evidence(tokens, connection, self._lost(bayeux)))
            or self._resumed(tokens, bayeux)
        )

    def browser_of(self, headers: Headers, playhead: Playhead) -> str:
        """Return what names the browser of a client: the cookie of ours that it showed, else the one it is given."""
        shown = (value(t) for t in self._tokens(headers) if kind(t) == COOKIE and value(t) in self._by_cookie)
        return next(shown, playhead.cookie)

    def seen(self, client_id: str, headers: Headers, connection: str) -> Playhead | None:
        """Remember the tokens and the connection of a session's Bayeux request.

        Return its playhead if another one turned out to be the same client's.
        """
        playhead = self._by_client.get(client_id)
        if playhead is None:
            return None
        tokens = self._tokens(headers)
        self._adopt(tokens, connection, playhead)
        for other in [*self._on(connection)] if self._has_sockets else ():
            if other is not playhead and _standing(other) is SessionState.OPENED and other.is_blank:
                self._forget({other})  # the WebSocket that was opened for it is this client's
                self._by_cookie[other.cookie] = playhead
        is_united = tokens is not playhead.told and self._unite(playhead, tokens)
        self._remember(playhead, tokens, connection)
        return playhead if is_united else None

    def _unite(self, playhead: Playhead, tokens: Tokens) -> bool:
        """Give a client the logins that began playheads of their own, but whose tokens it shows with its clientId."""
        before = len(self._all)
        for token in tokens:
            owners = [p for p in self._by_token.get(token, ()) if token in p.given and not p.client_ids]
            for other in owners if token not in playhead.given else ():
                playhead.take_over(other)
                self.gave(playhead, frozenset(other.given))
                self._forget({other})
        return len(self._all) < before

    def _forget(self, gone: set[Playhead]) -> None:
        self._all = [p for p in self._all if p not in gone]
        for playhead in gone:
            self._groups_of.remove(playhead)
        self._by_client = {key: p for key, p in self._by_client.items() if p not in gone}
        self._by_cookie = {key: p for key, p in self._by_cookie.items() if p not in gone}
        self._by_token = dict(_without(gone, self._by_token))
        on = ((name, [p for p in self._on(name) if p not in gone]) for name in self._by_connection)
        left = ((name, found[0] if len(found) == 1 else dict.fromkeys(found)) for name, found in on if found)
        self._by_connection = OrderedDict(left)

    def leaves(self, client_id: str) -> None:
        """Note that a client disconnected: its tokens may be another client's from now on."""
        playhead = self._by_client.get(client_id)
        if playhead is not None:
            playhead.other_windows = {n: other for n, other in playhead.other_windows.items() if other != client_id}
            playhead.left, playhead.ended = not playhead.other_windows, False
            self._groups_of.place(playhead)

    def ended(self, client_id: str) -> None:
        """Note that the server ended the session of a client, which may shake hands again."""
        self.leaves(client_id)
        playhead = self._by_client.get(client_id)
        if playhead is not None:
            playhead.ended = playhead.left

    def of_request(
        self,
        headers: Headers,
        connection: str,
        answers: Callable[[Playhead], bool],
        named: Callable[[Playhead], bool] = lambda _: False,
        takes: Takes | None = None,
    ) -> Playhead | None:
        """Return the playhead of a REST request; None where several would do and no evidence decides.

        Args:
            headers: Headers of the request.
            connection: Name of the connection it came on.
            named: Whether the request names a session id of a playhead, e.g. its device.
            answers: Whether the request is in the recording and new to a playhead. A client that disconnected may
                still log out, but the next client with the same tokens begins anew.
            takes: For a login: whether it may be a playhead's if it shows no known token; else a client begins anew.

        """
        tokens = self._tokens(headers)
        if takes is not None:
            # RFC 6749, section 2.3.1: at a login a name and password are the application's, and all clients have them
            tokens = tuple(token for token in tokens if not token.startswith(f"{AUTHORIZATION}basic "))
        self._adopt(tokens, connection)
        if takes is not None and not any(t in self._by_token or value(t) in self._by_cookie for t in tokens):
            return self._logged_in(tokens, connection, takes)
        playhead = self._by_proof(tokens) or self._by_connection_alone(tokens, connection)
        playhead = playhead or only(self._evidence(tokens, connection, self.there, named=named))
        if playhead is None:
            # Faye opens a WebSocket beside its handshake, before it knows the cookie: such a one may be a client's own
            known = self._groups_of.pool(SessionState.NEW, SessionState.LIVE)
            playhead = only(self._evidence(tokens, connection, known, named=named))
        if playhead is None:
            *_, possible = self._evidence(tokens, connection, self.there)
            if next(possible, None) is not None:
                return None
            left = self._evidence(tokens, connection, self._groups_of.pool(SessionState.LEFT), answers, named)
            playhead = only(left) or self._new(tokens)
        self._remember(playhead, tokens, connection)
        if playhead.lost:
            playhead.comes_with([v for v in map(value, tokens) if v in self._by_cookie])
        return playhead

    def gave(self, playhead: Playhead, tokens: frozenset[str]) -> None:
        """Note the tokens that a login gave a client, which the client may show from now on."""
        playhead.given |= tokens
        for token in tokens:
            self._by_token.setdefault(token, {})[playhead] = None
        if AUTHORIZATION in map(kind, playhead.shown):
            self._show(playhead, tokens)

    def make_room(self, bayeux: BayeuxServer) -> None:
        """Forget a tenth of too many playheads: the oldest that asked for nothing recorded and hold no poll.

        A forgotten client that comes back is told to shake hands, as by a server whose maxInterval is over. Time plays
        no role: a client in a debugger may be silent for long, but no thousand others come meanwhile.
        """
        if not self.is_crowded:
            return
        tenth = max(self.ROOM // 10, 1)
        silent = (p for p in self._all[:-tenth] if p.is_blank and not any(map(bayeux.is_polling, p.client_ids)))
        gone = set(islice(silent, tenth))
        self._forget(gone)
        for client_id in (client_id for playhead in gone for client_id in playhead.client_ids):
            bayeux.drop(client_id)
        # where few could be forgotten, not each request is to look at all of them again
        self._room = max(self.ROOM, len(self._all) + self.ROOM // 100)
        self.is_crowded = False

    def silent(
        self, now: float, timeout: float, connections: Iterable[str], holds: Callable[[Playhead], bool]
    ) -> dict[str, Playhead]:
        """Return the playheads, by name, whose clients sent nothing for a time; note who sent something since last.

        Args:
            now: Seconds of a clock.
            timeout: Seconds without a request.
            connections: Connections whose clients are there.
            holds: Whether a client is there although it sends nothing.

        """
        there = {playhead for name in connections for playhead in self._on(name)}
        found = {}
        for playhead in self._all:
            if playhead.is_seen or playhead in there or holds(playhead):
                playhead.is_seen, playhead.since = False, now
            elif now - playhead.since >= timeout:
                found[playhead.name] = playhead
        return found

    def closed(self, connection: str) -> None:
        """Forget a connection that has ended; no other one gets its name."""
        self._by_connection.pop(connection, None)

    def forget(self, gone: Iterable[Playhead]) -> None:
        """Forget playheads: their cookies, tokens and clientIds are unknown from now on."""
        self._forget(set(gone))

    def _logged_in(self, tokens: Tokens, connection: str, takes: Takes) -> Playhead:
        """Return the playhead of a login that shows nothing of its client but perhaps its connection."""
        near = self._on(connection)
        on_it = (p for p in near if not p.left and takes(p, True))
        pool = islice(self.there.like(tokens, self._by_token), self._LOGGING_IN)
        others = (p for p in pool if p not in near and takes(p, False))
        playhead = only((on_it, others)) or self._new(tokens)
        self._remember(playhead, tokens, connection)
        return playhead

    def _adopt(self, tokens: Tokens, connection: str, owner: Playhead | None = None) -> Playhead | None:
        """Take over a client that shows a cookie of an instance that is gone, or of this one before it was restarted.

        From now on that cookie is proof here too: in all of its jars the client shows the same one. Evidence counts
        that points at a client which keeps no cookies: this may be another side of it. Being alone does not count.
        Return its playhead; None where no such cookie is shown.
        """
        if not self._has_others:
            return None
        strange = [v for v in map(value, tokens) if is_minted(v) and v not in self._by_cookie]
        if not strange or len(self._by_cookie) > 2 * self._room:
            return None
        if owner is None:
            shown = (self._by_token.get(token, {}) for token in tokens)
            sides = ((p for p in found if self._is_side(p, tokens)) for found in (*shown, self._on(connection)))
            owner = self._by_proof(tokens) or only(sides)
        if owner is None:
            owner = self._new(tokens)
            owner.strays = True
        self._by_cookie |= dict.fromkeys(strange, owner)
        owner.lost |= frozenset(strange)
        return owner

    def _is_side(self, playhead: Playhead, tokens: Tokens) -> bool:
        """Return whether a client that shows these tokens may be that of a playhead, which showed no cookie of ours."""
        return not (playhead.left or playhead.keeps_cookies or _is_other(playhead, tokens))

    def _by_proof(self, tokens: Tokens) -> Playhead | None:
        """Return the playhead whose cookie a request shows: the first that did not leave."""
        for token in tokens:
            playhead = self._by_cookie.get(token.partition("=")[2])
            if playhead is not None and not playhead.left:
                return playhead
        return None

    def _by_connection_alone(self, tokens: Tokens, connection: str) -> Playhead | None:
        """Return the playhead of a request without tokens, on a connection that one client alone has used."""
        owners = self._on(connection) if not tokens else {}
        playhead = next(iter(owners), None) if len(owners) == 1 else None
        return playhead if playhead is not None and not playhead.left else None

    def _on(self, connection: str) -> Owners:
        """Return the playheads whose clients used a connection."""
        found = self._by_connection.get(connection)
        if found is None:
            return {}
        return found if isinstance(found, dict) else {found: None}

    def _lost(self, bayeux: BayeuxServer | None) -> Pool:
        """Return the playheads whose session the server lost and whose clients do not know yet."""
        lost = ((name, self._by_client.get(name)) for name in (bayeux.forgotten if bayeux is not None else ()))
        return pool_of(p for name, p in lost if p is not None and p.client_id == name and (p.ended or not p.left))

    def _resumed(self, tokens: Tokens, bayeux: BayeuxServer | None) -> Playhead | None:
        ours = (self._by_cookie[value(token)] for token in tokens if value(token) in self._by_cookie)
        playhead = next(ours, None)
        if playhead is None or playhead.left or playhead.client_id is None or bayeux is None:
            return None
        window = _free_window(playhead, bayeux)
        return playhead if window < self._windows else None

    def _new(self, tokens: Tokens) -> Playhead:
        """Begin a playhead; the cookies it shows of a playhead that left are its own from now on."""
        self._made += 1
        playhead = Playhead(f"p{self._made}", self._new_cookie(), number=self._made)
        self._all.append(playhead)
        self.is_crowded = len(self._all) > self._room
        self._groups_of.place(playhead)
        left = [value(token) for token in tokens if value(token) in self._by_cookie]
        self._by_cookie |= {cookie: playhead for cookie in left if self._by_cookie[cookie].left}
        self._by_cookie[playhead.cookie] = playhead
        return playhead

    def _remember(self, playhead: Playhead, tokens: Tokens, connection: str) -> None:
        for token in tokens if tokens is not playhead.told else ():
            if value(token) in self._by_cookie:
                playhead.keeps_cookies = True
            elif token not in playhead.shown:
                self._show(playhead, {token} if kind(token) != AUTHORIZATION else {token, *playhead.given})
        playhead.told, playhead.is_seen = tokens, True
        owners = self._by_connection.get(connection)
        if owners is None:
            self._by_connection[connection] = playhead
        elif isinstance(owners, dict):
            owners[playhead] = None
        elif owners is not playhead:
            self._by_connection[connection] = {owners: None, playhead: None}
        self._by_connection.move_to_end(connection)
        while len(self._by_connection) > self._CONNECTIONS:
            self._by_connection.popitem(last=False)

    def _show(self, playhead: Playhead, tokens: Iterable[str]) -> None:
        for token in tokens:
            if len(playhead.shown) < self._SHOWN:
                playhead.shown |= {token}
                self._by_token.setdefault(token, {})[playhead] = None
        self._groups_of.place(playhead)

    def _evidence(
        self,
        tokens: Tokens,
        connection: str,
        pool: Pool,
        fits: Callable[[Playhead], bool] = lambda _: True,
        named: Callable[[Playhead], bool] = lambda _: False,
    ) -> Iterator[Iterator[Playhead]]:
        """Yield the playheads of a pool that a request may belong to, by each kind of evidence, the strongest first.

        The last are all that it can belong to. There may be thousands, so each is looked at when it is asked for.
        """
        ours = [self._by_cookie[value(token)] for token in tokens if value(token) in self._by_cookie]
        if ours:
            yield from (iter((p,) if p in pool and fits(p) else ()) for p in ours)
            return
        shown = [*(self._by_token.get(token, {}) for token in tokens), self._on(connection)]
        yield from (filter(fits, pool.of(owners, tokens, self._by_token)) for owners in shown)
        yield (p for p in pool.like(tokens, self._by_token) if fits(p) and named(p))
        yield filter(fits, pool.like(tokens, self._by_token))

    def _read(self, headers: Headers) -> Tokens:
        """Return the tokens of a request: cookies before Authorization, first the one that each handshake sets anew."""
        shown = self._sessions.tokens(headers)
        return tuple(sorted(shown, key=lambda t: (kind(t) == AUTHORIZATION, kind(t) != COOKIE, t)))


def _without(gone: set[Playhead], owners: Mapping[str, Owners]) -> Iterator[tuple[str, Owners]]:
    left = ((key, {p: None for p in found if p not in gone}) for key, found in owners.items())
    return ((key, found) for key, found in left if found)


def _free_window(playhead: Playhead, bayeux: BayeuxServer) -> int:
    """Return the window of a client that shakes hands: the first that was lost, else the first without a poll."""
    windows = {0: playhead.client_id, **playhead.other_windows}
    for is_free in (bayeux.is_forgotten, lambda client_id: not bayeux.is_there(client_id)):
        for number, client_id in sorted(windows.items()):
            if client_id is None or is_free(client_id):
                return number
    return len(windows)
