import base64
import hashlib
import re
import socket
import threading

import pytest
from aiohttp import web

from recorder.drive.engine.plan import Act, Connection
from recorder.drive.front.tap import Sending
from recorder.fleet.load.sockets import opened
from recorder.fleet.load.wire import Unsent
from tests.drive.front.world import BayeuxServer, Script, out, plan, step

from .world import in_hub, lines_of, played, wired

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_ACCEPTED = b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"


def heard(*frames, ends=False, closes=False):
    """Open a WebSocket on which these bytes come; return what was on the wire, and what the server was sent."""
    got = []

    def serve(listener):
        line, _ = listener.accept()
        with line:
            key = re.search(rb"Sec-WebSocket-Key: (\S+)", line.recv(10_000))[1]
            accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # as the RFC says
            line.sendall(_ACCEPTED % accept + b"".join(frames))
            if ends:
                return
            while data := line.recv(10_000):
                got.append(data)

    def run(port):
        with wired(f"http://127.0.0.1:{port}") as wire:
            one = opened(wire, Sending("s1", "GET", "/feed"), ())
            if closes:
                one.close()
            while one.receive() is not None:
                pass
            with pytest.raises(Unsent):
                one.send(b"late")
            return lines_of(wire).lines

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        lines = in_hub(lambda: run(listener.getsockname()[1]))
        thread.join()
    assert [line[0] for line in lines[:2]] == ["request", "response"]
    return lines[2:], b"".join(got)


BYE = b"\x88\x05\x0f\xa0bye"  # a close frame with code 4000


def test_a_message_comes_in_fragments_and_after_the_head_at_once():
    lines, _ = heard(b"\x01\x02on", b"\x89\x01!", b"\x80\x01e", b"\x82\x01\xff", BYE)

    assert lines == [
        ("message", "0", False, b"one", True),
        ("message", "0", False, b"\xff", False),
        ("closed", "0", "websocket closed by server, code 4000: bye"),
    ]


def test_a_ping_is_answered():
    _, got = heard(b"\x89\x01!", BYE)

    assert got[:2] == b"\x8a\x81"  # a pong of one byte, masked


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x01\xff", 1007),
        (b"\x83\x00", 1002),
        (b"\x80\x01e", 1002),
        (b"\x81\x7f\x00\x00\x00\x00\x10\x00\x00\x00", 1009),
    ],
    ids=["no UTF-8", "unknown opcode", "continues nothing", "too large"],
)
def test_what_is_no_message_ends_it(frame, code):
    lines, _ = heard(frame)

    assert lines == [("closed", "0", f"websocket closed by server, code {code}")]


def test_a_connection_that_is_cut_has_no_code_of_its_own():
    lines, _ = heard(b"\x81\x01a", ends=True)

    assert [line[0] for line in lines] == ["message", "closed"]
    assert lines[-1][2] == "websocket closed by server, code 1006"


def test_a_server_that_does_not_agree_to_the_end_is_left(monkeypatch):
    monkeypatch.setattr("recorder.fleet.load.sockets._CLOSING", 0.05)

    lines, got = heard(closes=True)

    assert lines == [("closed", "0", "websocket closed by client, code 1006")]
    assert got[:1] == b"\x88"


@pytest.mark.parametrize(("target", "protocols"), [("/a b", ()), ("/a", ("v 1",)), ("/a\r\nX: y", ())])
def test_what_is_no_request_is_not_sent(target, protocols):
    def run():
        with wired("http://127.0.0.1:9") as wire, pytest.raises(Unsent):
            opened(wire, Sending("s1", "GET", target), (), protocols)

    in_hub(run)


def test_a_session_whose_websocket_is_refused_is_polled():
    server = BayeuxServer()
    server.on["/service/x"] = lambda message: server.push("/a", 1)
    shake = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["websocket"]}
    publish = {"channel": "/service/x", "data": {}}
    upgrade = (("Upgrade", "websocket"),)
    steps = (
        step(0, Act.HANDSHAKE, "GET", "/cometd", message=shake, connection="b1", headers=upgrade),
        step(1, Act.PUBLISH, "POST", "/cometd", message=publish, connection="b1"),
    )

    async def refusing(request):
        return web.Response(status=403) if request.method == "GET" else await server(request)

    script = Script(*map(out, steps), events=1)
    played(refusing, script, plan(*steps, connections=(Connection("b1", "s1", "bayeux", "/cometd", is_socket=True),)))

    assert script.said == [("lost", "b1", "the server refused a WebSocket (403); it is polled")]
    assert script.events == [("b1", "/a", 1)]
    assert {poll["connectionType"] for poll in server.sent_on("/meta/connect")} == {"long-polling"}


def test_a_session_changes_to_a_websocket_after_its_handshake():
    server = BayeuxServer()
    server.on["/service/x"] = lambda message: server.push("/a", 1)
    publish = {"channel": "/service/x", "data": {}}
    steps = (
        step(0, Act.HANDSHAKE, "POST", "/cometd", message={"channel": "/meta/handshake"}, connection="b1"),
        step(1, Act.PUBLISH, "POST", "/cometd", message=publish, connection="b1"),
    )
    script = Script(*map(out, steps), events=1)

    played(server, script, plan(*steps, connections=(Connection("b1", "s1", "bayeux", "/cometd", is_socket=True),)))

    assert script.events == [("b1", "/a", 1)]
    assert {poll["connectionType"] for poll in server.sent_on("/meta/connect")} == {"websocket"}
