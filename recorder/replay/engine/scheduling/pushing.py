"""Push events on the streams and plain WebSockets of live clients, and end these as recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ....model import JSON, Headers, Request
from ....push.port import WEBSOCKET
from ....push.rules import UNNAMED
from ..channels import Channel, Live, Moved, Pushed
from ..http import HttpRequest, Piece, Responses, subprotocol
from ..recorded_streams import RecordedStreams
from ..rewriting.pushed import block, encoded, id_of, is_binary
from ..rewriting.responses import refused
from ..rewriting.templates import encode
from ..sessions.playhead import Playhead
from ..timeline import BodyPiece, Cuts, Ends, Home, Opening, Run, Step

_NO_UPGRADE = refused(426, b'{"error": "recorded as the upgrade of a WebSocket, or as a request without one"}')


class Pusher:
    """The streams of all clients of one stand-in.

    Attributes:
        recorded: The recorded streams.

    """

    def __init__(self, recorded: RecordedStreams, responses: Responses, moved: Moved) -> None:
        """Start with nothing open.

        Args:
            recorded: The recorded streams.
            responses: Takes heads and pieces that leave.
            moved: Called with the run of each event that is handed out, or is to be handed out again.

        """
        self.recorded = recorded
        self._responses, self._moved = responses, moved
        self._open: dict[int, tuple[Live, Channel | None]] = {}  # by the number of the request

    @property
    def has_open(self) -> bool:
        """True if a stream is open to any client."""
        return bool(self._open)

    def on_socket(self, number: int) -> Channel | None:
        """Return the channel of a plain WebSocket, given by the number of its upgrade; None if it is closed."""
        return self._open.get(number, (None, None))[1]

    # -- the begin of a stream

    def join(self, playhead: Playhead, run: Run, place: int, recorded: Request, live: HttpRequest) -> None:
        """Let a run answer with a stream, as the recorded request was answered, or go on with that of its message.

        Only the stream of a GET goes on with an earlier one. Where a client asks for one that is not open any more, it
        asks again for that: the recorded client asked for another one alike while the first was open.
        """
        stream, on = self.recorded.at.get(place), self.on_socket(live.socket)
        if on is not None:
            key = self.recorded.key_of(recorded.exchange)
            run.home = None if key is None else Home(key, recorded.exchange, on)
            self._leave(on.asked(recorded.target))
        elif stream is not None and (stream.protocol == WEBSOCKET) is not live.upgrades:
            run.response = _NO_UPGRADE
        elif stream is not None:
            run.opened = Opening(stream, live.headers)
            channel = self._again(playhead, stream.key, run.opened.last_id)
            if recorded.method != "GET":
                channel = playhead.channels[stream.key] = self._new(playhead, stream.key)
            run.home = Home(stream.key, stream.exchange, channel)

    def _again(self, playhead: Playhead, key: str, last_id: str | None) -> Channel:
        own = self.channel(playhead, key)
        alike = (playhead.channels.get(other) for other in self.recorded.like(own.key))
        lost = [one for one in alike if one is not None and one.times and one.live is None]
        known = [one for one in lost if last_id is not None and one.knows(last_id)]
        return own if own in lost and not known else next(iter(known or lost), own)

    def open(self, run: Run, status: int, headers: Headers) -> None:
        """Answer a request with the head of its stream, and send what waits for it."""
        if run.request is None or run.opened is None or run.home is None:
            return
        stream, shown = run.opened
        channel = run.home.channel
        stream = self.recorded.alike(stream, channel.key)
        live = Live(run.request, stream)
        asked, live.told = self.recorded.preamble(stream)
        live.asked = set(asked)
        if stream.protocol == WEBSOCKET:
            headers = (*headers, *subprotocol(shown, (stream.subprotocol,)))
        self._open[live.number] = live, channel
        self._responses.begin(live.number, status, headers)
        self._leave(channel.open(live, run.opened.last_id))

    def open_body(self, run: Run, status: int, headers: Headers, pieces: tuple[bytes, ...]) -> None:
        """Answer a request with the head of a body that comes in pieces."""
        if run.request is None:
            return
        run.live, run.pieces = Live(run.request), pieces
        self._open[run.request] = run.live, None
        self._responses.begin(run.request, status, headers)

    def known(self, playhead: Playhead) -> None:
        """Let the streams of a client stand for those of the recorded session that it turned out to follow."""
        for key, channel in list(playhead.channels.items()) if playhead.has("channels") else ():
            own = self.recorded.own(key, playhead.recorded)
            if own == key:
                continue
            before = playhead.channels.pop(own, None)
            del playhead.channels[key]
            playhead.channels[own] = channel
            live = channel.live
            if live is not None and live.recorded is not None:
                said = self.recorded.preamble(live.recorded).asked - live.asked
                live.recorded = self.recorded.alike(live.recorded, own)
                asked, live.told = self.recorded.preamble(live.recorded)
                live.asked, live.untold = set(asked - said), set(live.told - channel.came_already)
            self._leave(channel.stand_for(own, self.recorded.owed(own), () if before is None else before.waiting))

    def channel(self, playhead: Playhead, key: str) -> Channel:
        """Return what a client has of a recorded stream."""
        own = self.recorded.own(key, playhead.recorded)
        found = playhead.channels.get(own)
        if found is None:
            found = playhead.channels[own] = self._new(playhead, own)
        return found

    def _new(self, playhead: Playhead, key: str) -> Channel:
        return Channel(key, playhead, self._moved, self.recorded.owed(key))

    # -- what leaves on a stream

    def push(self, playhead: Playhead, run: Run, step: Step, body: bytes, owner: Run | None) -> None:
        """Send an event as `body`, or let it wait for its stream; `owner` is the run whose ack waits for it."""
        event = step.event
        if event is None:
            return
        channel = self._of_run(playhead, run, event.client_id)
        own = None if self.recorded.protocols[event.client_id] == WEBSOCKET else id_of(event, run.rewriter)
        pushed = Pushed(body, owner, own, is_text=not is_binary(event), step=step)
        pushed.is_answer = run.home is not None and run.home.exchange == event.exchange
        self._leave(channel.push(pushed))
        self._leave(channel.came(event.exchange, (event.seq, event.index)))

    def skip(self, playhead: Playhead, run: Run, steps: tuple[Step, ...], played: tuple[Step, ...]) -> None:
        """Let no end of a stream wait for the events that faults have taken away from a run."""
        left = {id(step.event) for step in played}
        for event in [step.event for step in steps if step.event is not None]:
            if id(event) not in left and event.client_id in self.recorded.protocols:
                channel = self._of_run(playhead, run, event.client_id)
                self._leave(channel.came(event.exchange, (event.seq, event.index)))

    def leave(self, playhead: Playhead, run: Run, step: Step) -> None:
        """End a stream or break it off, or send the next piece of a body."""
        match step.on_stream:
            case Ends(stream):
                self._leave(self._of_run(playhead, run, stream.key).end(stream))
            case Cuts(key):
                channels = [self._of_run(playhead, run, key)] if key else playhead.channels.values()
                for channel in channels:
                    self._leave(channel.cut())
            case BodyPiece(number) if run.live is not None and run.live.number in self._open:
                is_last = number == len(run.pieces) - 1
                run.live.unsent.append(None)
                run.live.is_over = is_last
                self._responses.add_piece(Piece(run.live.number, run.pieces[number], more=not is_last))
            case _:
                pass

    def cut(self, playhead: Playhead) -> None:
        """Break off the plain WebSockets of a client: a fault."""
        for channel in playhead.channels.values():
            if self.recorded.protocols[channel.key] == WEBSOCKET:
                self._leave(channel.cut())

    def inject(self, playhead: Playhead, name: str, data: JSON) -> bool:
        """Send an event that was not recorded on a stream, if the client has one; return whether it has.

        Of several streams it is the one on which such events were recorded; one that is open comes before others.
        """
        key = self.recorded.topics.get(name)
        usual = None if key not in self.recorded.protocols else self.channel(playhead, key)
        known = [*([] if usual is None else [usual]), *playhead.channels.values()]
        if not known:
            return False
        channel = next((one for one in known if one.live is not None), known[0])
        if self.recorded.protocols[channel.key] == WEBSOCKET:
            body = encoded(encode(data))
        else:
            body = block(encode(data), {} if name == UNNAMED else {"event": name})
        self._leave(channel.push(Pushed(body)))
        return True

    def waiting(self, playhead: Playhead) -> Iterator[tuple[Step, str]]:
        """Yield the events that wait for a stream of a client, with the request that would open it."""
        for channel in playhead.channels.values():
            for one in channel.waiting:
                if isinstance(one, Pushed) and one.step is not None:
                    yield one.step, self.recorded.place_of(channel.key)

    def _of_run(self, playhead: Playhead, run: Run, key: str) -> Channel:
        """Return where a run sends what was recorded on a stream: the very one it belongs to, if it was recorded so."""
        if run.home is not None and run.home.key == key:
            return run.home.channel
        return self.channel(playhead, key)

    def _leave(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            self._responses.add_piece(piece)

    # -- what the front tells

    def sent(self, number: int) -> None:
        """Note that the next of what was handed out on a stream has left."""
        found = self._open.get(number)
        if found is None:
            return
        live, channel = found
        if channel is not None:
            channel.sent(live)
        elif live.unsent:
            live.unsent.popleft()
        if live.is_over and not live.unsent:
            del self._open[number]

    def abort(self, number: int) -> None:
        """Free a stream whose client has left; what has not left waits for its next one."""
        live, channel = self._open.pop(number, (None, None))
        if live is not None and channel is not None:
            self._leave(channel.left(live))
