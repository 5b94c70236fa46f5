"""Send the HTTP requests of one client on gevent, to the server alone, and let the tap observe each of them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import gevent

from ...bayeux.messages import Message
from ...capture.streams import KEPT, has_body, is_small
from ...drive.engine.allowing import only_reads
from ...drive.front.requests import MOST_HOPS, Fetched, in_words, problem_of, redirected
from ...drive.front.tap import Sending, Tap
from ...formats.charsets import charset_of, media_of
from ...formats.compression import TooLarge
from ...formats.streamed import streamed_media
from ...model import Headers
from ...redaction.bodies.encodings import NotUndone, Undoing, encodings, undone
from .connection import Broken, Connection
from .cookies import Cookies
from .server import Head, Server, lines_of

_IDLE = 1.0  # seconds that a connection is kept for the next request; servers keep it longer, 2 s and more
_BODIES = frozenset({"POST", "PUT", "PATCH"})  # methods that tell the length of no body, too


class Unsent(ConnectionError):
    """A request that the front refuses to send."""


@dataclass(slots=True, eq=False)
class Incoming:
    """An answer whose body is read.

    Attributes:
        status: Its status.
        headers: Its headers.
        connection: The connection it comes on.
    """

    status: int
    headers: Headers
    connection: Connection


class Wire:
    """The HTTP of one client: its cookies, its connections."""

    def __init__(
        self, client: str, server: Server, tap: Tap, *, hosts: frozenset[str], cookies: Mapping[str, str]
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            client: Name of the client.
            server: The server.
            tap: Observes what is on the wire.
            hosts: Recorded hosts that stand for the server: `Origin` and `Referer` of these lead to the target.
            cookies: Cookies that it has from the beginning.

        """
        self.client, self.server, self.tap, self.hosts = client, server, tap, hosts
        self.cookies = Cookies(server.target.address.host, cookies)
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._is_closed = False

    def close(self) -> None:
        """Close all connections."""
        self._is_closed = True
        for connection in (*self._idle, *self._busy):
            connection.close()
        self._idle.clear()

    def keep(self, connection: Connection) -> None:
        """Keep a connection for the next request, for a while; close those that were kept too long."""
        if connection.is_kept and not self._is_closed:
            connection.since = time.monotonic()
            self._idle.append(connection)
            while connection.since - self._idle[0].since > _IDLE:
                self._idle.popleft().close()
        else:
            connection.close()

    def head(self, headers: Headers, own: Headers = ()) -> Head:
        """Return the head of requests with recorded headers; `own` stand in place of those of their names."""
        return self.server.head(headers, self.hosts, own)

    def fetch(
        self,
        sending: Sending,
        head: Head,
        *,
        within: float | None = None,
        follows: bool = False,
        messages: list[Message] | None = None,
    ) -> Fetched:
        """Send a request once, and return its answer. Redirects to the target itself are followed if `follows`.

        None is followed that may change something, by its headers or its parameters: nobody has allowed it.

        Raises:
            Unsent: If it cannot be sent, or must not.
            OSError: If no whole answer came.
            TimeoutError: If it did not come within this number of seconds.

        """
        with gevent.Timeout(within, TimeoutError):
            hops = MOST_HOPS if follows else 0
            while True:
                with self.open(sending, head, messages) as answer:
                    found = self.read(sending, answer)
                to = None
                if hops:
                    to = redirected(self.server.target, sending.target, sending.method, found.status, found.headers)
                if to is None or not only_reads(to, head.headers):
                    return found
                hops -= 1
                sending = Sending(sending.client, "GET", to, connection=sending.connection)

    @contextmanager
    def open(self, sending: Sending, head: Head, messages: list[Message] | None = None) -> Iterator[Incoming]:
        """Send a request, and yield the head of its answer; what is not recorded of it at the end is a failure.

        `messages` are those of Bayeux in the body, if it has some; they are not parsed again.
        """
        self.server.target.url(sending.target)  # refuses what is no path
        problem = head.problem or problem_of(sending.method, sending.target, ())
        if problem is not None:
            raise Unsent(problem)
        connection = self.borrow()
        try:
            headers, data = self.written(sending, head)
            self.tap.request(sending, headers, messages)
            connection.is_kept = False
            connection.write(data)
            status, found = connection.head(sending.method)
            self.took(sending, found)
            yield Incoming(status, found, connection)
        except BaseException as exc:
            connection.is_kept = False
            if sending.is_open or sending.is_streamed:
                self.tap.ended(sending, reason_of(exc))
            raise
        finally:
            self._busy.discard(connection)
            self.keep(connection)

    def borrow(self) -> Connection:
        """Return a connection; `leave` closes it. It is closed with the others, too.

        Raises:
            OSError: If there is none.

        """
        connection = self._connection()
        self._busy.add(connection)
        return connection

    def leave(self, connection: Connection) -> None:
        """Close a connection that was borrowed."""
        self._busy.discard(connection)
        connection.close()

    def written(self, sending: Sending, head: Head) -> tuple[Headers, bytes]:
        """Return the headers of a request with those that depend on the body and the cookies, and all its bytes."""
        more: list[tuple[str, str]] = []
        cookie = self.cookies.header(sending.target, time.time())
        if cookie:
            more.append(("Cookie", cookie))
        if sending.body or sending.method in _BODIES:
            more.append(("Content-Length", str(len(sending.body))))
        line = f"{sending.method} {sending.target.partition('#')[0]} HTTP/1.1\r\n"
        data = b"".join((line.encode("utf-8"), head.data, lines_of(tuple(more)), b"\r\n", sending.body))
        return (*head.headers, *more), data

    def took(self, sending: Sending, headers: Headers) -> None:
        """Take the cookies of an answer."""
        lines = [value for name, value in headers if name.lower() == "set-cookie"]
        if lines:
            self.cookies.take(lines, sending.target, time.time())

    def read(self, sending: Sending, answer: Incoming) -> Fetched:
        """Read an answer to its end, however long it is; keep a beginning of limited size."""
        headers = answer.headers
        media = streamed_media(headers) if has_body(sending.method, answer.status) and not is_small(headers) else None
        body, size = [], 0
        for piece in answer.connection.pieces() if media is None else self.streamed(sending, answer, media):
            if size + len(piece) <= KEPT:
                body.append(piece)
            size += len(piece)
        if media is not None:
            return Fetched(answer.status, headers, b"".join(body), size <= KEPT)
        content = _undone(b"".join(body), headers)
        lacks = None if size <= KEPT else f"it has more than {KEPT >> 20} MiB"
        record = self.tap.response(sending, answer.status, headers, content, lacks)
        return Fetched(answer.status, headers, content, size <= KEPT, record)

    def streamed(self, sending: Sending, answer: Incoming, media: str) -> Iterator[bytes]:
        """Yield the pieces of an answer that is a stream, without content encodings; the tap observes them.

        Raises:
            Broken: If it is not encoded as it says.
            OSError: If it breaks off.

        """
        chunks = self.tap.stream(sending, answer.status, answer.headers, media)
        undoing = Undoing(encodings(answer.headers), KEPT)
        for wrapped in answer.connection.pieces():
            try:
                piece = undoing.feed(wrapped)
            except (NotUndone, TooLarge) as exc:
                raise Broken(f"the server sent no valid HTTP answer: {exc}") from exc
            chunks.passes(piece)
            yield piece
        chunks.end()

    def _connection(self) -> Connection:
        """Return a connection that is idle, or a new one."""
        if self._is_closed:
            raise Unsent("the client has closed its connections; the request was not sent")
        now = time.monotonic()
        while self._idle:
            connection = self._idle.pop()
            if now - connection.since <= _IDLE and connection.is_quiet():
                return connection
            connection.close()
        return Connection(self.server.connect())


def reason_of(error: BaseException | None) -> str:
    """Return why no answer came, in one line of words."""
    match error:
        case None:
            return "the answer was not read to its end"
        case gevent.GreenletExit():
            return "the client closed the connection"
        case TimeoutError():
            return "the client waited no longer for the answer"
        case Broken() | Unsent():
            return in_words(str(error))
        case ConnectionResetError() | BrokenPipeError():
            return "the server closed the connection"
        case _:
            return in_words(str(error)) or type(error).__name__


def _undone(body: bytes, headers: Headers) -> bytes:
    """Return a body without content encodings.

    Raises:
        Broken: If it is not encoded as it says.

    """
    applied = encodings(headers)
    if not applied or not body:
        return body
    try:
        return undone(body, applied, KEPT, charset_of(media_of(headers)))[0]
    except TooLarge as exc:
        return exc.beginning
    except NotUndone as exc:
        raise Broken(f"the server sent no valid HTTP answer: {exc}") from exc
