"""How far one live session has got in a recording, and which recorded request comes next for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from ..bayeux.outbox import Queued
from ..model import Triple
from .match import Call, Matcher
from .rebind import Bindings
from .schedule import Run

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

        An exchange that is no operation and has no effect (GET, HEAD, OPTIONS) may be had again.
        """
        fitting = self.fitting(live, matcher)
        mine = [place for place in fitting if self.follows(matcher.triples[place])]
        usable = mine if policy.strict else fitting
        left = [p for p in mine if p not in self.played] or [p for p in usable if p not in self.played]
        exact = [place for place in left if matcher.is_exact(place, live)]
        if left:
            place = (exact or left)[0]
            return place if not policy.strict or self.before(place, matcher) is None else None
        has_no_effect = live.operation is None and live.method in ("GET", "HEAD", "OPTIONS")
        if usable and (has_no_effect or policy.repeat is Repeat.LAST):
            return usable[-1]
        return min(usable, key=self._cycle, default=None) if policy.repeat is Repeat.CYCLE else None

    def fitting(self, live: Call, matcher: Matcher) -> list[int]:
        """The recorded requests a live one is no different from, played or not, of whatever session."""
        return [p for p in matcher.candidates(live) if not matcher.differences(p, live, self.bindings)]

    def follows(self, triple: Triple) -> bool:
        """Whether a recorded request is of the recorded session it follows, or of nobody's in particular."""
        return not triple.n or triple.session is None or self.recorded in (None, triple.session)

    def before(self, place: int, matcher: Matcher) -> int | None:
        """The first operation that was recorded before another one and was not asked for yet."""
        earlier = (p for p, t in enumerate(matcher.triples) if p < place and t.n and self.follows(t))
        return next((p for p in earlier if p not in self.played), None) if matcher.triples[place].n else None

    def _cycle(self, place: int) -> tuple[int, int]:
        return self.played[place], place


def kind(token: str) -> str:
    """What a token is: an Authorization, or the cookie of a name."""
    return AUTHORIZATION if token.startswith(AUTHORIZATION) else token.partition("=")[0]


def value(token: str) -> str:
    """A cookie's value; a cookie of ours counts by it alone, whatever its name."""
    return token.partition("=")[2]
