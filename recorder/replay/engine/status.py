"""Report how far the clients have got, and what they and the stand-in wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ...bayeux.server import BayeuxServer
from ...correlate.sessions import AUTHORIZATION
from ...model import Recording, listed
from ...printable import counted
from .anchored import Unplayed
from .channels import Channel
from .faults import Faults
from .matching.matcher import Matcher, describe
from .sessions.playhead import Playhead, kind
from .sessions.registry import Registry
from .timeline import Run, described

_LISTENING = 5  # clients with a push session that are told
_NEAR = 2_000  # triples in which the next ones of a client are looked for
_NUMBERS = 100  # numbers of triples that are told; a day has 160,000


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of one replay, for those who watch it.

    Attributes:
        missed: Requests that matched nothing or were refused.
        answers: Answers by the first digit of their status.
        events: Recorded events that came due and were pushed to a client.
        fault_hits: Times that any fault hit.
        sessions: Clients seen since the start.
        live: Clients that are still known.
        polls: Polls that are held.
        streams: Open streams and plain WebSockets.
        triples: Recorded operations.
        unplayed: Recorded operations that no client has asked for.
        is_paused: The replay is paused.

    """

    missed: int
    answers: Mapping[int, int]
    events: int
    fault_hits: int
    sessions: int
    live: int
    polls: int
    streams: int
    triples: int
    unplayed: int
    is_paused: bool


class Counted(NamedTuple):
    """Counters of an engine as it plays: see `Figures`.

    Attributes:
        statuses: Answers by their whole status.
        faults: All faults.
        before: Places of the recorded requests that clients asked for who were let go.

    """

    missed: int
    events: int
    statuses: Mapping[int, int]
    faults: Faults
    before: AbstractSet[int]
    is_paused: bool


def figures(playheads: Registry, matcher: Matcher, bayeux: BayeuxServer, counted: Counted) -> Figures:
    """Return the numbers of a replay; takes a moment for each client that was there.

    Args:
        playheads: All clients.
        matcher: Knows the recorded operations.
        bayeux: Knows the held polls.
        counted: What the engine counted.

    """
    answers: Counter[int] = Counter()
    for status, count in counted.statuses.items():
        answers[status // 100] += count
    hits = sum(hit for _, hit in counted.faults.report())
    unplayed, streams = set(range(matcher.operations)) - counted.before, 0
    for playhead in playheads:
        streams += sum(channel.live is not None for channel in playhead.channels.values())
        if unplayed:
            unplayed.difference_update(playhead.played)
    return Figures(
        counted.missed, answers, counted.events, hits, playheads.made, len(playheads.there),
        bayeux.held, streams, matcher.operations, len(unplayed), counted.is_paused,
    )  # fmt: skip


def numbers(of: Sequence[int]) -> str:
    """Return numbers of triples as text: the first ones, and how many more there are."""
    told = ", ".join(map(str, of[:_NUMBERS]))
    return told if len(of) <= _NUMBERS else f"{told} and {len(of) - _NUMBERS:,} more"


def unplayed(playheads: Iterable[Playhead], matcher: Matcher, before: Container[int] = ()) -> tuple[int, ...]:
    """Return the numbers of the triples that no client has asked for; `before`: places that others asked for."""
    played = {place for playhead in playheads for place in playhead.played}
    left = (place for place in range(matcher.operations) if place not in played and place not in before)
    return tuple(map(matcher.number, left))


def unplayed_events(recording: Recording, found: Iterable[Unplayed]) -> list[dict[str, Any]]:
    """Return events that did not come as JSON: their names as in `recorder explain`, and what they wait for.

    Heartbeats are left out: they come as long as a client stays, and nobody waits for them.
    """
    told: dict[str, dict[str, Any]] = {}
    for one in found:
        if one.unsolicited is not None and recording.unsolicited[one.unsolicited].is_ignored:
            continue
        label = f"u{one.unsolicited + 1}" if one.unsolicited is not None else _label(recording, one)
        if not label or label in told:
            continue
        if one.unsolicited is not None:
            pushed = recording.unsolicited[one.unsolicited]
            name, event, session = pushed.name, pushed.event, pushed.session
        else:
            triple = recording.triples[int(label.partition(".")[0]) - 1]
            link = triple.events[int(label.partition(".")[2]) - 1]
            name, event, session = link.name, link.event, triple.session
        its = {"event": label, "name": name, "channel": event.channel, "session": session, "waits_for": one.waits_for}
        told[label] = its
    return list(told.values())


def _label(recording: Recording, one: Unplayed) -> str:
    """Return the number of an event of a triple, such as `7.2`; "" for one that was not recorded."""
    if one.place is None or one.event is None or one.place >= len(recording.triples):
        return ""
    at = one.event.seq, one.event.index
    events = (link.event for link in recording.triples[one.place].events)
    number = next((n for n, event in enumerate(events, 1) if at == (event.seq, event.index)), None)
    return "" if number is None else f"{one.place + 1}.{number}"


def unheard(playheads: Iterable[Playhead]) -> list[dict[str, Any]]:
    """Return the clients that events are due to, but that have no push session while others have one, as JSON.

    Often both are one client, which does not show the same credential or cookie in its calls and in its push session.
    """
    clients = list(playheads)
    listening = [{"client": p.name, "shows": _shows(p)} for p in clients if p.client_ids or p.is_streaming]
    if not listening:
        return []
    deaf = (p for p in clients if not (p.client_ids or p.is_streaming))
    waiting = ((p, sum(held.step is not None for held in p.held) + _waiting(p)) for p in deaf)
    return [
        {"client": p.name, "shows": _shows(p), "events": events, "listening": listening[:_LISTENING]}
        for p, events in waiting
        if events
    ]


def unheard_text(found: dict[str, Any]) -> str:
    """Return one of the clients of `unheard` as a line for people."""
    events = f"{counted(found['events'], 'event')}"
    others = ", ".join(f"{one['client']} ({_joined(one['shows'])})" for one in found["listening"])
    return (
        f"{events} due to client {found['client']} ({_joined(found['shows'])}), which has no push session;"
        f" with a push session: {others}; if they are one client, let both send the same cookie or credential"
    )


def _shows(playhead: Playhead) -> list[str]:
    """Return the kinds of tokens that a client showed; never their values."""
    kinds = {kind(token) for token in (*playhead.shown, *playhead.told)}
    return sorted("Authorization" if one == AUTHORIZATION else f"cookie {one}" for one in kinds)


def _joined(shows: list[str]) -> str:
    return f"shows {' and '.join(shows) or 'no token'}"


def played(playheads: Iterable[Playhead], matcher: Matcher) -> dict[str, list[int]]:
    """Return the numbers of the triples each client has asked for, in recorded order."""
    operations = matcher.operations
    return {p.name: sorted(matcher.number(place) for place in p.played if place < operations) for p in playheads}


class Reported(Protocol):
    """The engine, as far as it is told of in a report."""

    @property
    def unplayed(self) -> tuple[int, ...]:
        """Numbers of the triples that no client has asked for."""

    @property
    def unplayed_events(self) -> list[dict[str, Any]]:
        """Recorded events that did not come."""

    @property
    def unsubscribed_events(self) -> list[dict[str, Any]]:
        """Events on channels that no client subscribed to."""

    @property
    def unheard(self) -> list[dict[str, Any]]:
        """Clients without a push session."""

    misses: list[Any]
    faults: Faults


def report(
    engine: Reported, playheads: Iterable[Playhead], matcher: Matcher, gone: int, before: AbstractSet[int]
) -> dict[str, Any]:
    """Return what was played, also to the `gone` clients that were let go, and what was not, as JSON."""
    its = sorted(matcher.number(place) for place in before if place < matcher.operations)
    return ({"let_go": {"sessions": gone, "played": its}} if gone else {}) | {
        "played": played(playheads, matcher),
        "unplayed": list(engine.unplayed),
        "unplayed_events": engine.unplayed_events,
        "unsubscribed_events": engine.unsubscribed_events,
        "unheard": engine.unheard,
        "misses": [{"request": m.call, "summary": m.summary, "text": m.text} for m in engine.misses],
        "faults": [{"fault": text, "hit": count} for text, count in engine.faults.report()],
    }


def look(
    playheads: Iterable[Playhead], matcher: Matcher, bayeux: BayeuxServer, now: float, most: int
) -> dict[str, Any]:
    """Return how far clients are: the latest ones, `most` of them, and those that left only if there is room.

    Args:
        playheads: All clients, in the order they came.
        matcher: Knows the recorded requests.
        bayeux: Knows who polls.
        now: The time of the clock that the stand-in plays by, in seconds.
        most: Number of clients to tell of.

    """
    clients = list(playheads)
    chosen = sorted(clients, key=lambda p: (p.left, -p.number))[:most]
    told = [_looked_at(p, matcher, bayeux, now) for p in chosen]
    return {"triples": matcher.operations, "clients": len(clients), "sessions": told}


def _looked_at(playhead: Playhead, matcher: Matcher, bayeux: BayeuxServer, now: float) -> dict[str, Any]:
    operations = matcher.operations
    last = operations - 1  # what is before it is known without a search
    first = playhead.before(last, matcher) if operations else None
    begin = last if first is None else first
    near = (place for place in range(max(begin, 0), min(begin + _NEAR, operations)) if place not in playhead.played)
    left = [place for place in near if playhead.follows(place, matcher)]
    mine = sum(playhead.follows(place, matcher) for place in range(operations)) if operations <= _NEAR else None
    return {
        "name": playhead.name,
        "recorded": playhead.recorded,
        "played": sum(place < operations for place in playhead.played),
        "of": mine,
        "next": describe(matcher.triples[left[0]], matcher.parsed[left[0]]) if left else None,
        "unplayed": [matcher.number(place) for place in left[:_NUMBERS]],
        "pending": [_pending(run, matcher, now) for run in playhead.runs],
        "where": "left" if playhead.left else _where(playhead, bayeux),
        "left": playhead.left,
    }


def next_run(playheads: Iterable[Playhead]) -> Run | None:
    """Return the run whose step leaves next, None if nothing is left."""
    waiting = [(run.due(), run.step.order, run) for playhead in playheads for run in playhead.runs if run.step]
    return min(waiting, key=lambda item: item[:2])[2] if waiting else None


def described_run(run: Run, matcher: Matcher) -> str:
    """Describe the next step of a run and its client, for people."""
    told = described(run.step)
    if run.place is not None:
        told += f" of {describe(matcher.triples[run.place], matcher.parsed[run.place])}"
    return f"{told} to {run.owner.name}"


def is_parked(playheads: Iterable[Playhead], bayeux: BayeuxServer) -> bool:
    """Return whether there is a live client, and every one waits for an answer or in a poll."""
    anybody = False
    for playhead in playheads:
        waits = None if playhead.left else _waits(playhead, bayeux)
        if waits is False:
            return False  # asked after each pause, by thousands: nobody else need be looked at
        anybody |= waits is True
    return anybody


def stall(
    playheads: list[Playhead], matcher: Matcher, bayeux: BayeuxServer, idle: float, before: Container[int] = ()
) -> str | None:
    """Explain why no client goes on although triples are left; a line for each client.

    Args:
        playheads: Playheads of all clients.
        matcher: Knows the recorded requests.
        bayeux: Knows who polls.
        idle: Seconds for which nothing happened; 0 is not told.
        before: Places of the recorded requests that clients asked for whose sessions were let go.

    """
    there = [playhead for playhead in playheads if not playhead.left]
    long = f" for {idle:g} s" if idle else ""
    lines = [line for playhead in there for line in _waited_for(playhead, matcher, bayeux, idle)]
    left = unplayed(playheads, matcher, before)
    if not lines and left and not there:
        lines = [f"no client was there{long}; not asked for: triple {numbers(left)}"]
    return "\n".join(lines) or None


def holds(playhead: Playhead, bayeux: BayeuxServer) -> bool:
    """Return whether a client is there although it sends nothing, or a step is still to come to it."""
    steps = any(run.request is not None or run.due() is not None for run in playhead.runs)
    return steps or playhead.is_streaming or any(map(bayeux.holds_poll, playhead.client_ids))


def _waits(playhead: Playhead, bayeux: BayeuxServer) -> bool | None:
    """Return whether a client waits; None for one that left without a word."""
    asked = any(run.request is not None for run in playhead.runs)
    if playhead.client_id is None:
        return True if asked or playhead.is_streaming else None
    there = [client_id for client_id in playhead.client_ids if not bayeux.has_given_up(client_id)]
    if not there and playhead.is_streaming:
        return True
    if not there and not asked:
        return None  # it hung up without a word, as a client that is killed
    return asked or all(map(bayeux.is_polling, there))


def _waited_for(playhead: Playhead, matcher: Matcher, bayeux: BayeuxServer, idle: float) -> list[str]:
    places = (place for place in range(matcher.operations) if place not in playhead.played)
    left = next((place for place in places if playhead.follows(place, matcher)), None)
    if left is None:
        return []
    where = _where(playhead, bayeux)
    handle = matcher.triples[left].keys.get("handle")
    needed = describe(matcher.triples[left], matcher.parsed[left]) + (f" for handle {listed(handle)}" if handle else "")
    long = f" idle {idle:g} s" if idle else ""
    return [f"client {playhead.name}{long} {where}; next needed: {needed}"]


def _where(playhead: Playhead, bayeux: BayeuxServer) -> str:
    if playhead.client_id is not None and bayeux.is_polling(playhead.client_id):
        return "in /meta/connect"
    if playhead.is_streaming:
        return "on a stream"
    return "without a poll" if playhead.client_id is not None else "without a Bayeux session"


def sessions(playheads: list[Playhead], matcher: Matcher, bayeux: BayeuxServer, now: float) -> list[dict[str, Any]]:
    """Return each live session as the control API shows it (server/openapi.json, Session)."""
    asked = played(playheads, matcher)
    return [
        {
            "name": p.name,
            "clientId": p.client_id,
            "recorded": p.recorded,
            "played": asked[p.name],
            "pending": [_pending(run, matcher, now) for run in p.runs],
            "parked": (p.client_id is not None and bayeux.is_polling(p.client_id)) or p.is_streaming,
            "left": p.left,
            "streams": [_stream(channel) for channel in p.channels.values()],
        }
        for p in playheads
    ]


def _stream(channel: Channel) -> dict[str, Any]:
    return {"key": channel.key, "open": channel.live is not None, "waiting": channel.events}


def _waiting(playhead: Playhead) -> int:
    """Return how many events wait for streams that a client has not opened."""
    return sum(channel.events for channel in playhead.channels.values())


def _pending(run: Run, matcher: Matcher, now: float) -> dict[str, Any]:
    due = run.due()
    triple = None if run.place is None else matcher.number(run.place) or None
    return {"triple": triple, "steps": run.left, "dueIn": None if due is None else max(0.0, due - now)}
