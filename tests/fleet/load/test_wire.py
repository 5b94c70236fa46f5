import gc
import gzip
import subprocess
import sys

import gevent
import gevent.socket
import pytest

from recorder.drive.front.tap import Sending
from recorder.fleet.load.connection import Broken
from recorder.fleet.load.sockets import Refused, opened
from recorder.fleet.load.wire import reason_of
from tests.lab.bad import RESET, STAY, Bad

from .world import in_hub, lines_of, wired

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def asked(steps, method="GET", *, times=1, body=b"", within=5.0):
    """Send a request to a server that does these steps; return the answers, or the error, and what was on the wire."""
    with Bad({"": steps, "x": (OK, STAY)}) as server:

        def run():
            with wired(f"http://127.0.0.1:{server.port}") as wire:
                try:
                    sendings = [Sending("s1", method, "/", body) for _ in range(times)]
                    found = [wire.fetch(one, wire.head(()), within=within) for one in sendings]
                except OSError as error:
                    found = error
                return found, lines_of(wire).lines

        return in_hub(run)


@pytest.mark.parametrize(
    ("answer", "method", "status", "body"),
    [
        (OK, "GET", 200, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, "GET", 200, b"ok"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nX: y\r\n\r\n",
            "GET",
            200,
            b"ok",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "POST", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "GET", 304, b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD", 200, b""),
    ],
)
def test_a_connection_goes_on_after_a_whole_answer(answer, method, status, body):
    answers, lines = asked((answer, STAY), method, times=2)

    assert [(one.status, one.body) for one in answers] == [(status, body)] * 2
    assert [line[0] for line in lines] == ["request", "response"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        OK + b"more",
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    ],
    ids=["until the end", "close", "rubbish after it", "an answer that nobody asked for"],
)
def test_a_connection_does_not_go_on_after_other_answers(answer):
    answers, lines = asked((answer,), times=2)

    assert [one.body for one in answers] == [b"ok"] * 2
    assert [line[0] for line in lines] == ["request", "response"] * 2


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ((), "the server closed the connection without an answer"),
        ((RESET,), "the server closed the connection"),
        ((b"HTTP/1.1 200 OK\r\nContent-Le",), "before its answer was whole"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",), "before its answer was whole"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok",), "before its answer was whole"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",), "no valid HTTP answer"),
        ((b"\x00\x1b[31mSSH-2.0\r\n\r\n",), "no valid HTTP answer"),
        ((b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",), "a header has more than 64 KiB"),
        ((b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000,), "its head has more than 256 KiB"),
        ((b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x80\x81",), "no valid HTTP answer"),
    ],
    ids=[
        "no answer", "reset", "half a head", "half a body", "half a chunk", "no chunk", "other protocol", "long header",
        "long head", "no gzip",
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_a_failure(steps, told):
    error, lines = asked(steps, "POST", body=b"{}")

    assert told in reason_of(error)
    assert len(reason_of(error)) <= 201
    assert [line[0] for line in lines] == ["request", "failure"]


def test_a_request_is_not_sent_again_when_the_server_closes_a_kept_connection():
    seen = []

    def steps():
        seen.append(1)
        return iter(())

    with Bad({"": (OK, STAY), "second": (steps, RESET)}) as server:

        def run():
            with wired(f"http://127.0.0.1:{server.port}") as wire:
                wire.fetch(Sending("s1", "GET", "/"), wire.head(()))
                with pytest.raises(OSError):  # any that says that the connection broke
                    wire.fetch(Sending("s1", "PUT", "/second"), wire.head(()))

        in_hub(run)

    assert seen == [1]


def test_a_body_that_is_too_large_is_kept_in_part(monkeypatch):
    monkeypatch.setattr("recorder.fleet.load.wire.KEPT", 100_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 900000\r\n\r\n"

    (answer,), _ = asked((head + b"x" * 900_000,))

    assert 0 < len(answer.body) <= 100_000
    assert not answer.is_whole


def test_a_body_that_expands_without_an_end_is_kept_in_part(monkeypatch):
    monkeypatch.setattr("recorder.fleet.load.wire.KEPT", 100_000)
    body = gzip.compress(b"x" * 9_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)

    (answer,), _ = asked((head + body,))

    assert 0 < len(answer.body) <= 100_000


def test_a_server_that_is_slow_is_waited_for_no_longer_than_told():
    error, lines = asked((b"HTTP/1.1 200 OK\r\n", 0.5, b"\r\n"), within=0.05)

    assert reason_of(error) == "the client waited no longer for the answer"
    assert lines[-1] == ("failure", "0", "the client waited no longer for the answer")


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", Refused, "status 403, and no WebSocket"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\n\r\n", Refused, "status 302, and no WebSocket"),
        (b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", Broken, "no valid WebSocket"),
        (b"HTTP/1.1 101 Go\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", Broken, "no valid WebSocket"),
    ],
)
def test_what_is_no_websocket_is_refused(answer, kind, told):
    with Bad({"ws": (answer,)}) as server:

        def run():
            with wired(f"http://127.0.0.1:{server.port}") as wire:
                with pytest.raises(kind) as caught:
                    opened(wire, Sending("s1", "GET", "/ws?token=hunter2"), ())
                return reason_of(caught.value), lines_of(wire).lines

        reason, lines = in_hub(run)

    assert told in reason
    assert "hunter2" not in reason
    assert lines[0][0] == "request"
    assert len(lines) == 2 or lines[-1][0] == "closed"


def test_connections_that_nobody_needs_are_closed(monkeypatch):
    monkeypatch.setattr("recorder.fleet.load.wire._IDLE", 0.2)
    with Bad({"": (0.05, OK, STAY)}) as server:

        def run():
            with wired(f"http://127.0.0.1:{server.port}") as wire:

                def ask():
                    wire.fetch(Sending("s1", "GET", "/"), wire.head(()))

                gevent.joinall([gevent.spawn(ask) for _ in range(5)], raise_error=True)
                gevent.sleep(0.3)
                ask()
                gc.collect()
                sockets = (one for one in gc.get_objects() if isinstance(one, gevent.socket.socket))
                return sum(one.fileno() >= 0 for one in sockets)

        assert in_hub(run) == 1


def test_trailers_fill_no_memory():
    trailers = b"".join(b"X-%d: y\r\n" % number for number in range(50_000))
    (answer,), _ = asked(
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + trailers + b"\r\n",)
    )

    assert (answer.body, len(answer.headers)) == (b"ok", 1)


def test_the_front_needs_no_other_one_and_patches_nothing():
    text = (
        "import sys, socket, recorder.fleet.load.player;"
        "names = {'aiohttp', 'aiocometd_noloop', 'mitmproxy', 'yarl', 'locust'} & set(sys.modules);"
        "assert not names, names; assert socket.socket.__module__ == 'socket'"
    )

    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
