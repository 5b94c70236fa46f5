"""Find the recorded request for a live one with a matcher of the user, a function of both.

It narrows the choice, where it refuses a request that matches, or widens it, where it takes one that does not. What the
answer is made of stays as it is: an event never comes before its request, and has the live ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ....model import Request
from ....printable import name_of, printable
from ....requests.request import ParsedRequest, RecordedRequest
from ..http import HttpRequest
from ..matching.matcher import Matcher, describe
from ..policy import Match, Policy, Repeat
from .playhead import Playhead, has_no_effect

_TOLD = 5  # refusals in a miss


def find(
    playhead: Playhead, live: ParsedRequest, asked: Request, matcher: Matcher, policy: Policy
) -> tuple[RecordedRequest | None, tuple[str, ...]]:
    """Return the recorded request to answer with, as `Playhead.find` does, and what the function refused.

    Args:
        playhead: The live session.
        live: The live request.
        asked: The same as the function sees it.
        matcher: Knows the recorded requests.
        policy: How the client is held to the recording; has the function.

    """
    if policy.match is None:
        return playhead.find(live, matcher, policy), ()
    asking = _Asking(playhead, live, asked, matcher, policy, policy.match)
    usual = playhead.fitting(live, matcher)
    entry = asking.first(usual, wanted=None)
    if entry is None:
        near = (place for place in matcher.nearby(live, playhead.played) if place not in usual)
        entry = asking.first(near, wanted=True)
    return entry, tuple(asking.refused[:_TOLD])


def as_seen(request: HttpRequest, live: ParsedRequest, *, is_whole: bool) -> Request:
    """Return a live request as a function of the user sees it; one in a message if it is not the whole request."""
    method, target, body = request.method, request.target, request.body
    if not is_whole:
        method, target, body = live.method, live.path, live.raw
    return Request(0, 0, request.number, request.connection, method, target, request.headers, body)


@dataclass(slots=True)
class _Asking:
    """One live request for which a function is asked.

    Attributes:
        refused: What it refused, each with its reason.

    """

    playhead: Playhead
    live: ParsedRequest
    asked: Request
    matcher: Matcher
    policy: Policy
    match: Match
    refused: list[str] = field(default_factory=list)

    def first(self, places: Iterable[int], *, wanted: bool | None) -> RecordedRequest | None:
        """Return the first of some recorded requests that may be played now and that the function takes.

        Args:
            places: Their places.
            wanted: What the function has to say: None for all but a refusal, True for True alone.
        """
        is_usual = wanted is None
        for place in self._in_turn(places, is_usual=is_usual):
            if self._takes(place, is_usual=is_usual):
                entry = self.matcher.entries[place]
                if is_usual or self.matcher.fits(entry, self.live, self.playhead.bindings):
                    return entry
                # nothing can be learned of a request of another shape
                return replace(entry, hidden=self.live.hidden, lasting=self.live.lasting, remembered=None, shown=())
        return None

    def _in_turn(self, places: Iterable[int], *, is_usual: bool) -> Iterator[int]:
        """Yield the places that may be played now, in the order in which `Playhead.find` would take them."""
        playhead, matcher = self.playhead, self.matcher
        own = playhead.recorded or playhead.signed_in
        is_strict = self.policy.strict and self.live.operation is not None

        def rank(place: int) -> tuple[bool, bool, int]:
            is_other = own is not None and matcher.session_of(place) not in (own, None)
            return is_other, not (is_usual and matcher.is_exact(place, self.live)), place

        ranked = sorted((rank(place), place) for place in places)
        left = [place for (is_other, *_), place in ranked if not (is_strict and is_other)]
        unplayed = [place for place in left if place not in playhead.played]
        yield from (one for one in unplayed if not self.policy.strict or playhead.before(one, matcher) is None)
        if has_no_effect(self.live) or self.policy.repeat is Repeat.LAST:
            yield from sorted((place for place in left if place in playhead.played), reverse=True)
        elif self.policy.repeat is Repeat.CYCLE:
            yield from sorted(left, key=lambda place: (playhead.played[place], place))

    def _takes(self, place: int, *, is_usual: bool) -> bool:
        triple = self.matcher.triples[place]
        try:
            said = self.match(self.asked, triple.request)
        except Exception as exc:  # noqa: BLE001  # of the user's function: the miss tells it
            said = f"it raised {exc!r}"
        if said is True or (said is None and is_usual):
            return True
        if is_usual or (isinstance(said, str) and said.startswith("it raised ")):
            why = f": {said}" if isinstance(said, str) else ""
            named = describe(triple, self.matcher.parsed[place])
            self.refused.append(printable(f"the matcher {name_of(self.match)} refused {named}{why}"))
        return False
