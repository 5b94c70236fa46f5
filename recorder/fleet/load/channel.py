"""Open streams of server-sent events and WebSockets without Bayeux on gevent, and keep them as recorded clients did."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import gevent
from gevent.event import Event

from ...capture.streams import has_body
from ...drive.engine.allowing import needs
from ...drive.engine.plan import Answer, Connection, Outgoing
from ...drive.engine.texts.protocols import offered
from ...drive.front.requests import LONGEST_RETRY, PAUSE, RETRY, answer_of, opened_again
from ...drive.front.tap import UPGRADED, Left, Sending
from ...formats.streamed import EVENTS, streamed_media
from ...model import Headers, Request
from ...push.sse import EventStream
from .sockets import Refused, Socket, opened
from .wire import Wire, reason_of


class Channel:
    """A recorded stream of events, or a WebSocket without Bayeux, played."""

    def __init__(
        self,
        connection: Connection,
        wire: Wire,
        *,
        requests: Sequence[Request],
        openings: int,
        expected: int,
        answered: Callable[[Outgoing, Answer], None],
        lost: Callable[[str, str], None],
        gone: Callable[[str, str], None],
        spawn: Callable[..., gevent.Greenlet],
        patience: float,
    ) -> None:
        """Prepare; `begin` opens it.

        Args:
            connection: The recorded connection.
            wire: The HTTP of its client.
            requests: The recorded requests that opened it, in order: the client may have connected again.
            openings: How often it was open in the recording.
            expected: How many events came on it in the recording.
            answered: Is called with a step and what came back for it.
            lost: Is called with the key of the connection and a sentence, when it is lost and will be recovered.
            gone: Is called with the key of the connection and a sentence, when it will not be recovered.
            spawn: Runs a function in a greenlet of its own, and tells the player what goes wrong in it.
            patience: Seconds in which a step that could not leave is tried again.

        """
        self.connection, self._wire, self._requests, self._expected = connection, wire, requests, expected
        self._openings = openings
        self._answered, self._lost, self._gone, self._patience, self._spawn = answered, lost, gone, patience, spawn
        self._socket: Socket | None = None
        self._turn = Event()  # set when the WebSocket was opened, or will never be
        self._number = 0  # how often it was opened
        self._is_over = False  # it will not be opened any more
        self._is_closed = False
        self._playing: gevent.Greenlet | None = None
        self._last_id, self._retry = "", RETRY

    def begin(self, left: Left, *, is_socket: bool) -> None:
        """Open it in a greenlet of its own."""
        self._playing = self._spawn(self._play_socket if is_socket else self._play_stream, left)

    def send(self, left: Left) -> None:
        """Send a message on the WebSocket."""
        exchanges = [request.exchange for request in self._requests]
        exchange = left.out.step.request.exchange
        wanted = exchanges.index(exchange) + 1 if exchange in exchanges else 1
        until = self._until()  # then the server has not closed it as recorded; the message goes on it
        while self._number < wanted and not self._is_over:
            self._turn.clear()
            if not self._turn.wait(max(0.0, until - time.monotonic())):
                break
        if self._socket is None or self._socket.closed:
            self._answered(left.out, Answer(None, failure="the WebSocket is not open"))
            return
        left()
        try:
            self._socket.send(left.out.body, is_text=left.out.step.is_text)
        except OSError as exc:
            self._answered(left.out, Answer(None, failure=reason_of(exc)))

    def close(self) -> None:
        """End it as a client does; a second call does nothing."""
        self._is_closed = True
        playing, self._playing = self._playing, None
        if self._socket is not None:
            self._socket.close()
        if playing is not None:
            playing.kill()

    # -- a stream of events

    def _play_stream(self, left: Left) -> None:
        problem, is_open = self._first_stream(left)
        until = 0.0
        while is_open or problem:
            if self._has_all() and not problem:
                return  # the server ended it in order
            if needs(left.out.step):
                self._gone(
                    self.connection.key,
                    f"{problem or 'the server ended it'}; a request that may change data is not sent again",
                )
                return
            if is_open:
                self._say_lost(problem or "the server ended it")
                until = self._until()
            elif time.monotonic() > until:
                self._gone(self.connection.key, f"the stream does not come back: {problem}")
                return
            gevent.sleep(min(self._retry, LONGEST_RETRY))
            problem, is_open = self._stream_once(left, is_first=False)

    def _first_stream(self, left: Left) -> tuple[str, bool]:
        """Ask for the stream until the request leaves; return nothing if there is no stream, which is answered."""
        until = self._until()
        while True:
            problem, is_open = self._stream_once(left, is_first=True)
            if is_open:
                return problem, is_open
            if left.has_left or time.monotonic() > until:
                # the first answer counts: a refusal came before
                self._answered(left.out, Answer(None, failure=problem))
                return "", False
            gevent.sleep(PAUSE)

    def _until(self) -> float:
        return time.monotonic() + self._patience

    def _has_all(self) -> bool:
        """Return whether as many events came as were recorded."""
        return self._wire.tap.heard.get(self.connection.key, 0) >= self._expected

    def _say_lost(self, problem: str) -> None:
        if self._number < self._openings:
            return  # it ended here in the recording, too
        self._lost(self.connection.key, f"{problem}; it is asked for again")

    def _stream_once(self, left: Left, *, is_first: bool) -> tuple[str, bool]:
        """Ask for the stream, and hear it to its end; return what went wrong, and whether the stream was opened."""
        out, is_open = left.out, False
        sending = Sending(
            out.step.client, out.step.request.method, out.target, out.body, self.connection.key, left=left
        )
        own: Headers = ()
        if self._last_id and not is_first:
            own = (("Last-Event-ID", self._last_id.encode("utf-8", "replace").decode("latin-1")),)
        head = self._wire.head(out.headers, own)
        try:
            with self._wire.open(sending, head) as answer:
                media = streamed_media(answer.headers) if has_body(sending.method, answer.status) else None
                if media is None:
                    whole = self._wire.read(sending, answer)
                    if is_first:
                        self._answered(out, answer_of(whole))
                    return f"status {answer.status}, and no stream", False
                is_open, self._number = True, self._number + 1
                if is_first:
                    self._answered(out, Answer(answer.status, answer.headers))
                parser = EventStream() if media == EVENTS else None
                for piece in self._wire.streamed(sending, answer, media):
                    for event in parser.feed(piece) if parser is not None else ():
                        self._last_id = event.id if event.id is not None else self._last_id
                        self._retry = event.retry / 1000 if event.retry is not None else self._retry
        except OSError as exc:
            return reason_of(exc), is_open
        return "", is_open

    # -- a WebSocket

    def _play_socket(self, left: Left) -> None:
        try:
            while self._open_socket(left, is_first=not self._number):
                self._number += 1
                self._turn.set()
                reason = self._hear()
                if self._is_closed or (self._has_all() and self._number >= len(self._requests)):
                    return
                self._say_lost(f"the server closed the WebSocket{reason}")
                gevent.sleep(PAUSE)
        finally:
            self._is_over = True
            self._turn.set()

    def _open_socket(self, left: Left, *, is_first: bool) -> bool:
        """Open the WebSocket; return whether it is open. If not, this is told."""
        out, until = left.out, self._until()
        while True:
            again = self._requests[self._number] if 0 < self._number < len(self._requests) else None
            target = out.target if again is None else opened_again(out.step.request.target, out.target, again.target)
            sending = Sending(out.step.client, "GET", target, b"", self.connection.key, left=left)
            try:
                protocols = offered(out.headers, self.connection.subprotocols)
                self._socket = opened(self._wire, sending, out.headers, protocols)
            except OSError as exc:
                status = exc.status if isinstance(exc, Refused) else None
                is_final = status is not None or (is_first and left.has_left) or time.monotonic() > until
                if is_final and is_first:
                    problem = "" if status else reason_of(exc)
                    self._answered(out, Answer(status, sending.head, failure=problem))
                elif is_final:
                    self._gone(self.connection.key, f"the WebSocket does not come back: {reason_of(exc)}")
                if is_final:
                    return False
                gevent.sleep(PAUSE)
            else:
                if is_first:
                    self._answered(out, Answer(UPGRADED, sending.head))
                return True

    def _hear(self) -> str:
        """Hear the WebSocket to its end; return why the server closed it, as the end of a sentence."""
        socket = self._socket
        while socket is not None and socket.receive() is not None:
            pass  # the tap told it
        return f" with code {socket.told}" if socket is not None and socket.told is not None else ""
