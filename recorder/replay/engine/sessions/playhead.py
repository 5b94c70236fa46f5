"""Keep how far one live session has got in a recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple, Protocol

from ....bayeux.outbox import Queued
from ....correlate.sessions import AUTHORIZATION
from ....lazy import Lazy, Makes, made_of
from ....links.rewriting import NOWHERE, Origin
from ....push.rules import MESSAGE
from ....requests.bindings import Bindings
from ....requests.request import ParsedRequest, RecordedRequest
from ..anchored import Progress, Reached
from ..channels import Channel
from ..matching.index import Cursor, SessionRequests, Since
from ..matching.matcher import Matcher
from ..policy import Policy, Repeat
from ..timeline import Run, Step

_ONE: Final[Mapping[int, str]] = MappingProxyType({})  # the further windows of a client with one
_NEVER: Final[Mapping[int, int]] = MappingProxyType({})  # the uses that count apart, of most clients
_ALIKE = 100  # groups of a session that are searched for alike values: a tester's may be alike to none of thousands
COOKIE = "BAYEUX_BROWSER"  # set by each handshake, as CometD's Java server does


class Opens(Protocol):
    """Knows which recorded requests opened WebSockets."""

    def opens_socket(self, place: int) -> bool:
        """Return whether the request at a place did."""


class Held(NamedTuple):
    """An event that waits for the Bayeux session of its window.

    Attributes:
        channel: Channel that the session must be subscribed to; None where the recorded client was not.
        window: Number of the window.
        step: Its step, None for an event that was not recorded.
    """

    queued: Queued
    channel: str | None = None
    window: int = 0
    step: Step | None = None


class Retained(NamedTuple):
    """An event that a client may ask for again by its replay id."""

    channel: str
    replay_id: int
    queued: Queued


@dataclass(slots=True, eq=False)
class Playhead(Lazy):
    """One live session's place in the recording; shares nothing with the others.

    Attributes:
        name: `p1`, `p2` … in the order they came.
        client_id: Its Bayeux session, None until it shakes hands.
        other_windows: Further Bayeux sessions of the same client: other windows of its browser, numbered from 1.
        recorded: The recorded session it follows, None until that is known.
        signed_in: The recorded session whose login it made; its operations may show that it follows another one.
        played: Which recorded requests it has used up, and how often.
        channels: Its streams and plain WebSockets, by the keys of the recorded ones.
        held: Events that came due before the client shook hands, or subscribed to their channels.
        hears: Channels that it is known to be subscribed to; empty for a recording with several windows.
        progress: What it has done that unsolicited events follow.
        answered: How many equal Bayeux messages it has sent, by window, channel and name; empty for a recording without
            refusals and extensions.
        retained: Events with their replay ids, in the order they were pushed; empty without the replay extension.
        partners: The clients of other recorded sessions that it works with: one of each, by the session.
        turned_away: Its handshake was refused and it has not got in since.
        ended: Its session was ended by the server, so that it may shake hands again although it left.
        shaken: Handshakes after which it has neither subscribed nor polled yet.
        cookie: Stands in for every session cookie the recorded server set.
        origin: Where its client reaches the stand-in.
        shift: Seconds by which dates in what it is sent are moved; None until the first of them.
        shown: Tokens (cookies, Authorization) that its requests have shown.
        given: Tokens that it was given at its logins; shown or not.
        told: Tokens of its last request.
        opened: A WebSocket was opened for it.
        cut: Its WebSocket is to be cut: a fault.
        left: It disconnected.
        keeps_cookies: It has shown a cookie of the stand-in.
        strays: It came with the cookie of a stand-in that is gone, and has not shaken hands since.
        lost: Cookies of stand-ins that are gone, which it has shown.
        is_late: The REST request that is being answered shows none but such cookies, although it shook hands here.
        number: Counts playheads, as in `name`.
        begun_runs: How many runs were played to it.
        is_seen: It sent something since the sessions were last looked through.
        since: When the sessions were looked through and it had sent something, or held a poll.
        cursor: Its position in each group of equal recorded requests.

    """

    MAKES: ClassVar[Makes] = {
        "channels": made_of(dict),
        "held": made_of(list),
        "answered": made_of(Counter),
        "retained": made_of(list),
        "partners": made_of(dict),
        "progress": made_of(Progress),
        "_late": made_of(list),
        "bindings": made_of(Bindings),
    }

    name: str
    cookie: str
    client_id: str | None = None
    other_windows: Mapping[int, str] = field(default_factory=lambda: _ONE)
    recorded: str | None = None
    signed_in: str | None = None
    played: Counter[int] = field(default_factory=Counter)
    bindings: Bindings = field(init=False, repr=False)
    origin: Origin = NOWHERE
    shift: int | None = None
    runs: list[Run] | tuple[()] = ()  # an empty tuple is shared by all clients, and takes no memory
    channels: dict[str, Channel] = field(init=False, repr=False)
    held: list[Held] = field(init=False, repr=False)
    hears: frozenset[str] = frozenset()
    progress: Progress = field(init=False, repr=False)
    answered: Counter[tuple[int, str, str]] = field(init=False, repr=False)
    retained: list[Retained] = field(init=False, repr=False)
    partners: dict[str, Playhead] = field(init=False, repr=False)
    turned_away: bool = False
    ended: bool = False
    shaken: tuple[Reached, ...] = ()
    shown: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    told: tuple[str, ...] = ()
    opened: bool = False
    cut: bool = False
    left: bool = False
    keeps_cookies: bool = False
    strays: bool = False
    lost: frozenset[str] = frozenset()
    is_late: bool = False
    number: int = 0
    begun_runs: int = 0
    is_seen: bool = True
    since: float = 0.0
    cursor: Cursor = field(init=False)
    _late: list[int] = field(init=False, repr=False)  # asked for late, since the last request that was not
    _apart: Mapping[int, int] = field(default_factory=lambda: _NEVER)  # uses that count apart
    _front: int = 0  # all operations before it were asked for, or are others'

    def __post_init__(self) -> None:
        self.cursor = Cursor(self.played)

    @property
    def client_ids(self) -> list[str]:
        """ClientIds of all its Bayeux sessions."""
        return [*([] if self.client_id is None else [self.client_id]), *self.other_windows.values()]

    def take_over(self, other: Playhead) -> None:
        """Go on with what another playhead did, which was one of the same client; its cookies stay its own."""
        self.played += other.played
        self._recount()
        for run in other.runs:
            run.owner = self
        self.runs = [*self.runs, *other.runs]
        self.held += other.held
        for session, partner in other.partners.items():
            self.partners.setdefault(session, partner)
            partner.partners |= {own: self for own, one in partner.partners.items() if one is other}
        for key, channel in other.channels.items():
            mine = self.channels.get(key)
            channel.owner = self
            if mine is not None and mine.live is not None:
                mine.waiting += channel.waiting
                continue
            channel.waiting += () if mine is None else mine.waiting
            self.channels[key] = channel
        for (key, recorded), live in other.bindings.live.items():
            if self.bindings.allows(key, recorded, str(live)):
                self.bindings.bind(key, recorded, live)

    def begin_anew(self) -> None:
        """Let each request come once more: those before its client knew that its session is lost count apart."""
        self.strays, self._apart = False, dict(self.played)
        if self.has("_late"):
            self._late.clear()
        self._recount()

    def comes_with(self, cookies: Collection[str]) -> None:
        """Take the cookies of stand-ins that a REST request shows.

        A load balancer may try a stand-in that is gone for a second, so that what a client sent there comes after its
        handshake here, with the old cookies alone. That counts apart once a request shows a cookie of here: the new
        session plays from the start. Until then it counts, as some clients go on with the old cookies.
        """
        is_here = any(cookie not in self.lost for cookie in cookies)
        self.is_late = bool(cookies) and not is_here and self.client_id is not None
        if is_here and self.has("_late") and self._late:
            self._apart = Counter(self._apart) + Counter(self._late)
            self._late.clear()
            self._recount()

    def loses_session(self) -> None:
        """Let events wait until its client has subscribed to their channels anew, in its next session."""
        self.hears = frozenset()
        self.progress.lost()

    def plays(self, place: int) -> None:
        """Note that a recorded request was used."""
        self.played[place] += 1
        if self.is_late:
            self._late.append(place)

    def _recount(self) -> None:
        self.cursor = Cursor(Since(self.played, self._apart) if self._apart else self.played)

    def begins(self, run: Run) -> None:
        """Add a run that is played to it from now on."""
        if self.runs:
            self.runs.append(run)
        else:
            self.runs = [run]

    def ends(self, run: Run) -> None:
        """Remove a run that has ended."""
        self.runs = [one for one in self.runs if one is not run] or ()

    def window_of(self, client_id: str) -> int:
        """Return the number of the window that has a clientId, 0 for the first one and for unknown ones."""
        return next((number for number, other in self.other_windows.items() if other == client_id), 0)

    @property
    def is_streaming(self) -> bool:
        """True if its client has a stream or a plain WebSocket open, or gets the body of an answer in pieces."""
        streams = self.channels.values() if self.has("channels") else ()
        return any(one.live is not None for one in streams) or any(
            run.live is not None and not run.live.is_over for run in self.runs
        )

    @property
    def is_blank(self) -> bool:
        """Whether it has asked for nothing recorded, and no step is pending."""
        return not self.played and not self.runs and not self.held

    @property
    def set_cookie(self) -> tuple[str, str]:
        """Header that gives its client the cookie of the stand-in."""
        return "Set-Cookie", f"{COOKIE}={self.cookie}; Path=/; HttpOnly"

    def find(
        self,
        live: ParsedRequest,
        matcher: Matcher,
        policy: Policy = Policy(),  # noqa: B008  # frozen
    ) -> RecordedRequest | None:
        """Return the recorded request to answer with: the next unplayed match, an exact one before others.

        Requests of the recorded session it follows come first, then those of others: if strict, none but exchanges that
        are no operations. An exchange that is no operation and has no effect (GET, HEAD, OPTIONS) may be repeated.
        """
        place = self._find(live, matcher, policy)
        return None if place is None else matcher.entries[place]

    def _find(self, live: ParsedRequest, matcher: Matcher, policy: Policy) -> int | None:
        """Return the place of the recorded request to answer with."""
        alternatives = matcher.alternatives(live)
        own = self.recorded or self.signed_in
        usable = alternatives.of(None if own is None else (own, None))
        place = self._next(usable, live, matcher, policy)
        if place is None and (not policy.strict or live.operation is None):
            usable = alternatives.of(None)
            place = self._next(usable, live, matcher, policy)
        if place is not None:
            return place if not policy.strict or self.before(place, matcher) is None else None

        def fits(place: int) -> bool:
            return matcher.fits(matcher.entries[place], live, self.bindings)

        groups = [repeats for session in usable for repeats in session.groups if fits(repeats.first)]
        if has_no_effect(live) or policy.repeat is Repeat.LAST:
            return max((repeats.places[-1] for repeats in groups), default=None)
        again = map(self.cursor.again_of, groups) if policy.repeat is Repeat.CYCLE else ()
        return min(again, key=lambda place: (self.played[place], place), default=None)

    def has_new(self, live: ParsedRequest, matcher: Matcher) -> bool:
        """Return whether a request is in the recording and was not played yet."""
        entry = self.find(live, matcher)
        return entry is not None and entry.place not in self.played

    def _next(
        self, sessions: list[SessionRequests], live: ParsedRequest, matcher: Matcher, policy: Policy
    ) -> int | None:
        """Return the next unplayed match of some sessions: an exact one before others, then one of alike values."""
        best, what = None, live.id
        for session in sessions:
            if best is not None and session.first > best:
                continue  # without reading its requests
            repeats = session.by_id.get(what)
            if repeats is None and live.leaves is not None:
                repeats = next((session.by_id[one] for one in matcher.ids(live) if one in session.by_id), None)
            if repeats is not None and matcher.fits(matcher.entries[repeats.first], live, self.bindings):
                place = self.cursor.next_of(repeats)
                if place is not None and (best is None or place < best):
                    best = place
        if best is not None:
            return best

        def fits(place: int) -> bool:
            return matcher.fits(matcher.entries[place], live, self.bindings)

        first: int | None = None
        for session in sessions:
            first = self.cursor.next_in(session, fits, below=first)
        is_only = len(sessions) == 1 and len(sessions[0].groups) == 1
        if first is None or is_only or policy.strict:  # where it is strict the order alone decides
            return first
        return self._alike(first, sessions, live, matcher)

    def _alike(self, first: int, sessions: list[SessionRequests], live: ParsedRequest, matcher: Matcher) -> int:
        """Return the next unplayed match whose pseudonyms have the shapes of the live values, else the first match.

        Another client's request may match too, but then its values are bound to this one's. A tester may use values of
        quite other shapes: the recorded order decides then.
        """

        def fits(place: int) -> bool:
            return matcher.fits_alike(matcher.entries[place], live, self.bindings)

        if fits(first):
            return first
        found: int | None = None
        for session in sessions:
            found = self.cursor.next_in(session, fits, _ALIKE, below=found)
        return first if found is None else found

    def fitting(self, live: ParsedRequest, matcher: Matcher) -> list[int]:
        """Return all recorded requests that match, played or not, of any session."""
        groups = (repeats for session in matcher.alternatives(live).of(None) for repeats in session.groups)
        fitting = (one.places for one in groups if matcher.fits(matcher.entries[one.first], live, self.bindings))
        return sorted(place for places in fitting for place in places)

    def of_kind(
        self, entry: RecordedRequest, live: ParsedRequest, matcher: Matcher, streams: Opens, *, upgrades: bool
    ) -> RecordedRequest:
        """Return the upgrade of a WebSocket for a live request that `upgrades`, and another for others, if both match.

        `entry` is a recorded request that matches, `streams` knows which of them open WebSockets.
        """
        if streams.opens_socket(entry.place) is upgrades:
            return entry
        places = [one for one in self.fitting(live, matcher) if streams.opens_socket(one) is upgrades]
        found = next((one for one in places if one not in self.played), next(reversed(places), entry.place))
        return matcher.entries[found]

    def follows(self, place: int, matcher: Matcher) -> bool:
        """Return whether a recorded request is of the session that is followed, or of no session."""
        if place >= matcher.operations or self.recorded is None:
            return True
        return matcher.session_of(place) in (None, self.recorded)

    def before(self, place: int, matcher: Matcher) -> int | None:
        """Return the first unplayed operation that was recorded before a place, None if there is none."""
        if place >= matcher.operations:
            return None
        while self._front < place and (self._front in self.played or not self.follows(self._front, matcher)):
            self._front += 1
        return self._front if self._front < place else None


def has_no_effect(live: ParsedRequest) -> bool:
    """Return whether a request may be repeated; a client sends heartbeats on a WebSocket at its own pace."""
    return live.operation is None and live.method in ("GET", "HEAD", "OPTIONS", MESSAGE)


def kind(token: str) -> str:
    """Return the kind of a token: Authorization, or the name of a cookie."""
    return AUTHORIZATION if token.startswith(AUTHORIZATION) else token.partition("=")[0]


def value(token: str) -> str:
    """Return the value of a cookie; a cookie of the stand-in counts by its value alone, whatever its name."""
    return token.partition("=")[2]
