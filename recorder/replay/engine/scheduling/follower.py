"""Begin the events that no operation caused, when a live client reaches their anchors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from ....bayeux import channels
from ....bayeux.messages import Message, to_text
from ....bayeux.server import BayeuxServer
from ....correlate.anchors import text
from ....correlate.client_messages import parts
from ....model import JSON, AnchorKind
from ....push.rules import MESSAGE
from ....requests.bindings import ScannedText
from ....requests.request import ParsedRequest, RecordedRequest
from ..anchored import Published, Reached, Unplayed, followed, published_as
from ..matching.matcher import Matcher
from ..rewriting.published import republished
from ..rewriting.templates import Template
from ..sessions.playhead import Playhead
from ..sessions.retired import Retired
from ..timeline import Home, Step
from .player import Player

_PONG = "pong"  # topic with which many servers answer `ping`, such as those of graphql-transport-ws


class Begin(Protocol):
    """Plays steps to a client from a time on; `home` is the stream of the request that they follow."""

    def __call__(self, playhead: Playhead, steps: tuple[Step, ...], now: float, home: Home | None = None, /) -> None:
        """Play them."""


class Follower:
    """Follows what live clients do, and begins what followed the same in the recording.

    While it is not known which recorded session a client follows, its messages are kept.
    """

    def __init__(self, player: Player, matcher: Matcher, bayeux: BayeuxServer, begin: Begin) -> None:
        """Begin nothing yet; `begin` plays steps to a client from a time on."""
        self._anchored, self._prepared, self._player = player.anchored, player.prepared, player
        self._matcher, self._bayeux, self._begin = matcher, bayeux, begin

    def handshaken(self, playhead: Playhead, client_id: str, now: float, *, renews: bool) -> None:
        """Take a handshake; `renews` where the server had lost the session, so that it is no step of its own."""
        if not renews:
            playhead.shaken += (playhead.progress.handshaken(playhead.window_of(client_id), now),)
        self._player.release(playhead)

    def received(self, playhead: Playhead, client_id: str, message: Message, now: float) -> None:
        """Take a Bayeux message that the server has answered, or holds."""
        channel = message["channel"]
        subscribes = channel == channels.SUBSCRIBE
        if playhead.shaken and (subscribes or (channel == channels.CONNECT and self._bayeux.is_polling(client_id))):
            self._settle(playhead, now)
        if channel == channels.CONNECT:
            return
        kind, names = parts(message)
        if kind is None or not self._bayeux.knows(client_id):
            return
        window, progress = playhead.window_of(client_id), playhead.progress
        for name in names:
            match kind:
                case AnchorKind.SUBSCRIPTION:
                    reached = progress.subscribed(name, window, now)
                case AnchorKind.UNSUBSCRIPTION:
                    reached = progress.unsubscribed(name, window, now)
                case _:
                    reached = Reached(kind, name, 1, window, now, message.get("data"), message.get("id"))
            if reached is not None:
                self._reach(playhead, reached)
        if kind is not AnchorKind.PUBLISH:
            self._player.release(playhead)

    def opened(self, playhead: Playhead, now: float) -> None:
        """Take a stream, whose client may have no other: then its session begins."""
        self._reach(playhead, Reached(AnchorKind.START, "", 1, 0, now))

    def asked(
        self, playhead: Playhead, live: ParsedRequest, entry: RecordedRequest, now: float, home: Home | None = None
    ) -> None:
        """Take a live request that is answered as a recorded one; `home` is its stream."""
        if entry.n:
            then = self._prepared.part(entry, playhead.origin).then
            if playhead.played[entry.place] <= 1:
                then = playhead.progress.fresh(then)
            if then:  # of an operation that is played again, what followed comes again
                self._begin(playhead, then, now, home)
        elif self._anchored.after_exchanges:
            if playhead.recorded is None and entry.session is not None:
                playhead.progress.asked.append((live, entry.place, now, home))
            else:
                self._exchange(playhead, live, entry.place, now, home)

    def known(self, playhead: Playhead) -> None:
        """Begin what follows all a client did before it was known which recorded session it follows."""
        progress = playhead.progress
        self._player.known(playhead)
        if progress.has("reached"):
            for reached in progress.reached:
                self._reach(playhead, reached)
            progress.reached.clear()
        if progress.has("asked"):
            for live, place, at, home in progress.asked:
                self._exchange(playhead, live, place, at, home)
            progress.asked.clear()

    def let_go(self, playhead: Playhead) -> tuple[list[Unplayed], list[Unplayed]]:
        """Forget a client; return the events that waited for it, and those on channels it did not subscribe to."""
        unplayed = [*self._waiting(playhead), *map(_untold, self._player.let_go(playhead))]
        return unplayed, [*self._unsubscribed(playhead)]

    def unplayed(self, playheads: Iterable[Playhead], retired: Retired) -> Iterator[Unplayed]:
        """Yield the events that wait for a client, for an anchor that no client reached, a handshake or a stream."""
        yield from map(_untold, self._player.untold())
        clients = list(playheads)
        begun = retired.begun.union(*(playhead.progress.begun for playhead in clients))
        for place, anchor in self._anchored.all():
            if place not in begun:
                yield Unplayed(place, None, text(anchor))
        yield from retired.unplayed
        for playhead in clients:
            yield from self._waiting(playhead)

    def _waiting(self, playhead: Playhead) -> Iterator[Unplayed]:
        """Yield the events that wait for a handshake or a stream of a client."""
        for held in playhead.held:
            if held.channel is None and held.step is not None and held.step.event is not None:
                yield Unplayed(held.step.unsolicited, held.step.event, "a handshake", held.step.place)
        for step, request in self._player.streams.waiting(playhead):
            yield Unplayed(step.unsolicited, step.event, f"a stream, {request}", step.place)

    def unsubscribed(self, playheads: Iterable[Playhead], retired: Retired) -> Iterator[Unplayed]:
        """Yield the events on channels that a client did not subscribe to, unlike the recorded one."""
        yield from retired.unsubscribed
        for playhead in playheads:
            yield from self._unsubscribed(playhead)

    def _unsubscribed(self, playhead: Playhead) -> Iterator[Unplayed]:
        for held in playhead.held:
            if held.channel is not None and held.step is not None and held.step.event is not None:
                waits_for = f"a subscription to {held.channel}"
                yield Unplayed(held.step.unsolicited, held.step.event, waits_for, held.step.place)

    def _settle(self, playhead: Playhead, now: float) -> None:
        """Reach the handshakes of a client that now listens: events before would be dropped by its library."""
        shaken, playhead.shaken = playhead.shaken, ()
        for reached in shaken:
            self._reach(playhead, replace(reached, at=now))

    def _reach(self, playhead: Playhead, reached: Reached) -> None:
        if playhead.recorded is None:
            playhead.progress.reached.append(reached)
            return
        found = self._anchored.of(playhead.recorded)
        if reached.kind is not AnchorKind.PUBLISH:
            self._start(playhead, self._prepared.with_texts(followed(found, reached), playhead.origin), reached.at)
            return
        published = published_as(found, playhead.progress, reached)
        if published is not None:
            playhead.progress.published.add(published.at)
            steps = self._prepared.with_texts(self._after_publish(published, reached), playhead.origin)
            self._start(playhead, steps, reached.at)

    def _after_publish(self, published: Published, reached: Reached) -> Iterator[Step]:
        """Yield the steps after a publish with the values of the live one; an echo is the live data itself."""
        live = reached.data
        for recorded in published.steps:
            step = self._with_id(recorded, published.id, reached.id)
            if step.event is None or step.unsolicited is None:
                yield step
                continue
            anchor = self._anchored.anchor(step.unsolicited)
            if anchor is not None and anchor.is_echo:
                event = replace(step.event, data=live)
                yield replace(step, event=event, text=_fixed(to_text({"data": live, "channel": event.channel})))
                continue
            data = republished(step.event.data, published.data, live, () if anchor is None else anchor.repeats)
            yield step if data is step.event.data else replace(step, event=replace(step.event, data=data))

    def _with_id(self, step: Step, recorded: JSON, live: JSON) -> Step:
        """Return a step whose event names the live message that was published, if it named the recorded one."""
        event = step.event
        if event is None or not event.beside or recorded is None or recorded == live:
            return step
        if event.beside.get("id") != recorded:
            return step
        return replace(step, event=replace(event, beside=event.beside | {"id": live}))

    def _start(self, playhead: Playhead, steps: Iterable[Step], at: float, home: Home | None = None) -> None:
        fresh = playhead.progress.fresh(steps)
        if fresh:
            self._begin(playhead, fresh, at, home)

    def _exchange(
        self, playhead: Playhead, live: ParsedRequest, place: int, at: float, home: Home | None = None
    ) -> None:
        """Begin what followed an exchange of the client's own session, which may be answered by another session's."""
        done = playhead.progress.exchanges

        def is_own(place: int) -> bool:
            entry = self._matcher.entries[place]
            mine = not entry.n and entry.session in (None, playhead.recorded) and place not in done
            return mine and self._matcher.fits(entry, live, playhead.bindings)

        if not is_own(place):
            place = next(filter(is_own, self._matcher.candidates(live)), -1)
        if place < 0 and live.method == MESSAGE:
            self._begin(playhead, self._replies_to(live, playhead, home), at, home)
        if place >= 0:
            done.add(place)
            self._start(playhead, self._prepared.part(self._matcher.entries[place], playhead.origin).then, at, home)

    def _replies_to(self, live: ParsedRequest, playhead: Playhead, home: Home | None) -> tuple[Step, ...]:
        """Return what answers a message on a WebSocket that comes more often than it was recorded.

        To a heartbeat that is what the dialect ignores, what is called pong, and what followed the like of it more than
        once. Anything else that came behind a heartbeat came by chance, and comes once. A client that has connected
        again says once more what it said first, and is answered as then.
        """
        live_now = home.channel.live if home is not None and home.channel.times > 1 else None
        again = live_now.told if live_now is not None else ()
        entries = (self._matcher.entries[place] for place in self._matcher.candidates(live))
        mine = [entry for entry in entries if not entry.n and entry.session in (None, playhead.recorded)]
        thens = [self._prepared.part(one, playhead.origin).then for one in mine]
        often = Counter(content for then in thens for content in {_content(step) for step in then})

        def is_reply(step: Step) -> bool:
            if step.event is None:
                return False
            if (step.event.seq, step.event.index) in again:
                return True
            return step.is_ignored or step.event.channel.lower() == _PONG or often[_content(step)] > 1

        last = next((then for then in reversed(thens) if any(map(is_reply, then))), ())
        return tuple(step for step in last if is_reply(step))


def _content(step: Step) -> bytes | None:
    return None if step.event is None else step.event.raw


def _fixed(message: str) -> Template:
    """Return a template without holes, in which nothing is rewritten."""
    return Template((message,), (), (), ScannedText(frozenset()), names_own=False)


def _untold(waiting: tuple[Step, str]) -> Unplayed:
    step, session = waiting
    return Unplayed(None, step.event, f"a client of session {session}", step.place)
