"""The server: HTTP as browsers, and those who are none, speak it; nothing hangs, nothing is printed."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from recorder.errors import UsageError
from recorder.viewer import server as module
from recorder.viewer.answers import Answer, Request, Stream
from recorder.viewer.server import MOST_BODY, Server


class Echo:
    """Answers with what was asked; `/stream` in parts, `/fails` fails in the middle of one, `/waits` until told."""

    def __init__(self) -> None:
        self.closed, self.go = Event(), Event()
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Answer | Stream:
        self.asked.append(request)
        if request.target == "/waits":
            self.go.wait(10)
        if request.target.startswith(("/stream", "/fails", "/endless")):
            return Stream(200, (("Content-Type", "text/plain"),), self._parts(request.target))
        return Answer(200, (("X-Method", request.method),), request.target.encode() + b" " + request.body)

    def _parts(self, target: str) -> Iterator[bytes]:
        try:
            yield b"one\n"
            if target == "/fails":
                raise OSError("the disk")
            while target == "/endless":
                yield b"x" * 65536
            yield b"two\n"
        finally:
            self.closed.set()


@contextmanager
def running() -> Iterator[tuple[int, Echo]]:
    server, app = Server(), Echo()
    thread = Thread(target=server.run, args=(app,))
    thread.start()
    try:
        yield server.port, app
    finally:
        app.go.set()
        server.stop()
        thread.join()
        server.close()


@pytest.fixture(scope="module")
def up() -> Iterator[tuple[int, Echo]]:
    with running() as found:
        yield found


@pytest.fixture
def port(up: tuple[int, Echo]) -> int:
    return up[0]


@pytest.fixture
def app(up: tuple[int, Echo]) -> Echo:
    return up[1]


def raw(port: int, data: bytes) -> bytes:
    """Send bytes, and return all that comes back until the server hangs up or has nothing more to say."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def head(answer: bytes) -> bytes:
    return answer.partition(b"\r\n")[0]


def test_a_connection_carries_several_requests(port: int) -> None:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    for n in range(3):
        client.request("POST", f"/{n}", b"body")
        assert client.getresponse().read() == f"/{n} body".encode()
    client.close()


def test_requests_that_come_at_once_are_answered_in_order(port: int) -> None:
    requests = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(20))

    found = raw(port, requests)

    places = [found.index(b"/%d " % n) for n in range(20)]
    assert places == sorted(places)


def test_head_has_the_length_and_no_body(port: int) -> None:
    found = raw(port, b"HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n")

    assert found.endswith(b"Content-Length: 5\r\n\r\n")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "DELETE", "CONNECT", "BREW"])
def test_any_method_reaches_the_app(port: int, method: str) -> None:
    assert f"X-Method: {method}".encode() in raw(port, f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())


def test_a_stream_comes_in_chunks(port: int) -> None:
    found = raw(port, b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")

    assert found.endswith(b"\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n")


def test_a_stream_to_an_old_client_ends_with_the_connection(port: int) -> None:
    found = raw(port, b"GET /stream HTTP/1.0\r\nHost: x\r\n\r\n")

    assert found.endswith(b"\r\n\r\none\ntwo\n")
    assert b"Connection: close" in found


def test_a_stream_that_fails_does_not_look_whole(port: int) -> None:
    assert raw(port, b"GET /fails HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"4\r\none\n\r\n")


def test_the_work_for_a_client_that_hangs_up_ends(port: int, app: Echo) -> None:
    app.closed.clear()
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(10)

    assert app.closed.wait(5)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: a\r\n" * 200 + b"\r\n", 431),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"GET / HTTQ/1.1\r\n\r\n", 400),
        (b"GET /  a b HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MOST_BODY + 1), 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else "",
)
def test_what_is_no_http_is_refused_without_a_word(
    port: int, capfd: pytest.CaptureFixture[str], data: bytes, status: int
) -> None:
    found = raw(port, data + b"GET /again HTTP/1.1\r\nHost: x\r\n\r\n")

    assert head(found).split()[1] == str(status).encode()
    assert found.count(b"HTTP/1.1 ") == 1
    assert found.endswith(b"\r\n\r\n")
    assert capfd.readouterr() == ("", "")


def test_what_it_is_made_of_is_not_told(port: int) -> None:
    for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /\r\n"):
        assert b"ython" not in raw(port, data)


def test_half_a_request_is_no_request(port: int, app: Echo) -> None:
    before = len(app.asked)

    assert raw(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc") == b""
    assert len(app.asked) == before


def test_a_client_that_sends_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._Handler, "timeout", 0.05)
    with running() as (port, _), socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHos")
        assert client.recv(1) == b""


def test_slow_clients_keep_nobody_waiting(port: int, app: Echo) -> None:
    app.go.clear()
    slow = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(40)]
    for client in slow[:20]:
        client.sendall(b"GET /waits HTTP/1.1\r\nHost: x\r\n\r\n")

    assert head(raw(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")) == b"HTTP/1.1 200 OK"
    app.go.set()
    for client in slow:
        client.close()


def test_a_hundred_requests_at_once_are_answered(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    def ask(n: int) -> bytes:
        return raw(port, b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n)

    with ThreadPoolExecutor(100) as pool:
        found = list(pool.map(ask, range(100)))

    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in found] == [b"/%d " % n for n in range(100)]
    assert capfd.readouterr() == ("", "")


def test_it_listens_on_this_machine_only(port: int) -> None:
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)} - {"127.0.0.1"}

    for address in ["127.0.0.2", *map(str, others)]:
        with pytest.raises(OSError, match=r"refused|reach"), socket.create_connection((address, port), 2):
            pass


def test_a_port_in_use_is_told_in_one_line(port: int) -> None:
    with pytest.raises(UsageError, match=rf"cannot listen on 127.0.0.1:{port}: Address already in use"):
        Server(port)


def test_it_ends_with_connections_open() -> None:
    begun = time.process_time()
    with running() as (port, _):
        client = socket.create_connection(("127.0.0.1", port), 5)
    client.close()

    assert time.process_time() - begun < 5
