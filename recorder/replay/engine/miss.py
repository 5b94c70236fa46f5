"""Explain misses: why no recorded request matches, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...printable import printable
from ...requests.request import ParsedRequest
from .matching.difference import Difference
from .matching.matcher import Matcher, describe
from .sessions.playhead import Playhead

STATUS = 470  # no registered meaning, so never taken for an answer of the API; a 4xx is not retried by itself
REASON = "Recorder Miss"
HEADER = "X-Recorder-Miss"


@dataclass(frozen=True, slots=True)
class Miss:
    """An explained miss.

    Attributes:
        summary: The cause in one line.
        text: The whole explanation; begins with the summary.

    """

    call: str
    summary: str
    text: str


def explain(live: ParsedRequest, playhead: Playhead, matcher: Matcher, refused: Sequence[str] = ()) -> Miss:
    """Explain why a request of a known session matched nothing; values that were redacted have their pseudonyms.

    Args:
        live: The request.
        playhead: The session.
        matcher: Knows the recorded requests.
        refused: What a function of the user refused although it matched, each in a sentence.

    """
    miss = _refused(live, playhead, matcher, refused) if refused else _explained(live, playhead, matcher)
    known = playhead.bindings.pseudonyms()
    return Miss(*(_without(text, known) for text in (miss.call, miss.summary, miss.text))) if known else miss


def _without(text: str, known: Mapping[str, str]) -> str:
    """Return a text with pseudonyms in place of the live values that they stand for, the longest first."""
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(value, known[value])
    return text


def _explained(live: ParsedRequest, playhead: Playhead, matcher: Matcher) -> Miss:
    fitting = playhead.fitting(live, matcher)
    mine = [place for place in fitting if playhead.follows(place, matcher)]
    left = [place for place in mine if place not in playhead.played]
    if fitting and not mine and fitting[0] not in playhead.played:
        place = fitting[0]
        summary, advice = _of_another(place, playhead, matcher)
    elif left:
        place = left[0]
        summary, advice = _too_early(place, playhead, matcher)
    else:
        return _nearest(live, playhead, matcher)
    return _miss(matcher.compared(place, live), summary, [*_progress(playhead, matcher), f"what to do: {advice}"])


def _refused(live: ParsedRequest, playhead: Playhead, matcher: Matcher, refused: Sequence[str]) -> Miss:
    lines = [*(f"  also: {text}" for text in refused[1:]), *_progress(playhead, matcher)]
    return _miss(live, refused[0], [*lines, "what to do: if the client is right, change the matcher, or record again"])


def _of_another(place: int, playhead: Playhead, matcher: Matcher) -> tuple[str, str]:
    triple = matcher.triples[place]
    named = describe(triple, matcher.parsed[place])
    return (
        f"other session's: {named} was recorded in session {triple.session}, this client follows {playhead.recorded}",
        "let another client send it, or replay without --strict",
    )


def _too_early(place: int, playhead: Playhead, matcher: Matcher) -> tuple[str, str]:
    before = playhead.before(place, matcher)
    named = describe(matcher.triples[place], matcher.parsed[place])
    first = describe(matcher.triples[before], matcher.parsed[before]) if before is not None else "another"
    return (
        f"out of order: {named} was recorded after {first}, which has not been requested yet",
        "let the client keep the recorded order, or replay without --strict",
    )


def _nearest(live: ParsedRequest, playhead: Playhead, matcher: Matcher) -> Miss:
    nearest = matcher.nearest(live, playhead.bindings, playhead.played)
    if nearest is None:
        return _miss(live, "the cassette holds no request at all", ["record one that does, or choose another file"])
    place, differences = nearest
    live = matcher.compared(place, live)
    named = describe(matcher.triples[place], matcher.parsed[place])
    if not differences:
        summary = f"played already: {named} was requested more often than it was recorded"
        advice = "if the client is right to repeat it, record a session in which it does"
    else:
        unknown = matcher.unknown_part(live) if differences[0].where == "path" else ""
        summary = f"nearest is {named}: {unknown or differences[0]}"
        advice = "if the client is right, record again; if not, the first difference above is where it went wrong"
    told = matcher.proposal(place, differences)
    lines = [*_others(differences), *([f"in the dialect: {told}"] if told else []), *_progress(playhead, matcher)]
    return _miss(live, summary, [*lines, f"what to do: {advice}"])


def no_session(live: ParsedRequest, playheads: int) -> Miss:
    """Explain a miss of a request that shows none of several live sessions."""
    summary = f"{playheads} sessions are live, and this request does not show its own"
    advice = "what to do: send the cookie BAYEUX_BROWSER that the handshake set, or the session's Authorization"
    return _miss(live, summary, [advice])


def refused(call: str, reason: str) -> Miss:
    """Build the miss of a request that could not be matched: it was refused for a reason, e.g. a limit."""
    call = printable(call) or "a request"
    summary = f"{call} was refused before it was matched: {reason}"
    return Miss(call, summary, f"{summary}\n")


def _miss(live: ParsedRequest, summary: str, lines: list[str]) -> Miss:
    first = f"no recorded request matches {live}: {summary}"
    return Miss(str(live), first, "\n".join([first, *lines]) + "\n")


def _others(differences: list[Difference]) -> list[str]:
    return [f"  also: {difference}" for difference in differences[1:6]]


def _progress(playhead: Playhead, matcher: Matcher) -> list[str]:
    played = [matcher.number(place) for place in sorted(playhead.played) if place < matcher.operations]
    first = next((place for place in range(matcher.operations) if place not in playhead.played), None)
    expected = "nothing, all was played"
    if first is not None:
        expected = describe(matcher.triples[first], matcher.parsed[first])
    return [
        f"played so far: {', '.join(map(str, played)) or 'nothing'}",
        f"expected next: {expected}",
    ]
