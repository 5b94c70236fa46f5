"""Requests that are odd, but were recorded, are answered; what is refused before it is matched is a miss."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.model import Headers
from recorder.replay.engine.http import HttpRequest, subprotocol
from tests.replay.stage import START, Stage
from tests.wire import URL, Ask, Wire, chained, done

EMPTY = (200, b"[]")


def stage(*plain: Ask) -> Stage:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), done(7, "r1"))
    for ask in plain:
        wire.respond(desk.post(ask), {"statusCode": 0}, status=405)
    return Stage(wire.recording())


def asked(playing: Stage, method: str, target: str, content: bytes, *, on_socket: bool = False) -> tuple[int, bytes]:
    playing.standin.receive(HttpRequest(1, "c", method, target, (), content, on_socket), START)
    (reply,) = playing.standin.replies(START)
    return reply.status, reply.body


@pytest.mark.parametrize("content", [b"[]", b" [ ] \n", b"[\t]"])
@pytest.mark.parametrize("on_socket", [True, False])
def test_an_empty_array_is_answered_by_one(content: bytes, on_socket: bool) -> None:
    playing = stage()

    assert asked(playing, "POST", f"{URL}/connect", content, on_socket=on_socket) == EMPTY
    assert playing.misses == []


def test_an_empty_array_in_a_form_or_a_query_is_answered_by_one() -> None:
    assert asked(stage(), "POST", URL, b"message=%5B%5D") == EMPTY
    assert asked(stage(), "GET", f"{URL}?message=[]&jsonp=f", b"") == (200, b"f([])")


@pytest.mark.parametrize("content", [b"{}", b"[[]]", b"[1]", b"hello", b"", b"\xff"])
def test_what_is_no_message_on_a_socket_is_a_miss(content: bytes) -> None:
    playing = stage()

    assert asked(playing, "POST", URL, content, on_socket=True)[0] == 400
    assert playing.misses == [
        f"a message on the WebSocket {URL} was refused before it was matched: 400, not Bayeux messages"
    ]


def test_too_many_messages_are_a_miss() -> None:
    playing = stage()
    many = b"[%b]" % b",".join([b'{"channel":"/meta/connect"}'] * 1001)

    assert asked(playing, "POST", URL, many)[0] == 413
    assert playing.misses == [f"POST {URL} was refused before it was matched: 413, too many Bayeux messages"]


def test_what_was_recorded_on_the_path_of_bayeux_is_answered() -> None:
    playing = stage(Ask(URL, b"", "GET"))

    assert asked(playing, "GET", URL, b"") == (405, b'{"statusCode":0}')
    assert playing.misses == []


@pytest.mark.parametrize(
    ("offered", "recorded", "chosen"),
    [
        ([], ["bayeux"], None),
        (["bayeux"], [], "bayeux"),
        (["a, bayeux"], ["bayeux"], "bayeux"),
        (["a", "bayeux"], ["bayeux", "b"], "bayeux"),
        (["a, b"], ["bayeux"], "a"),
        (["a,b"], [], "a"),
        (['"a", b'], [], "b"),
        ([" ,, "], [], None),
        (["a\r\nX:y"], [], None),
    ],
)
def test_the_recorded_subprotocol_is_chosen_else_the_first_offered(
    offered: list[str], recorded: list[str], chosen: str | None
) -> None:
    headers: Headers = tuple(("sec-websocket-protocol", value) for value in offered)

    assert subprotocol(headers, recorded) == (() if chosen is None else (("Sec-WebSocket-Protocol", chosen),))


def test_what_the_recorded_server_chose_is_known() -> None:
    wire = Wire()
    socket = wire.request("GET", URL, b"", (("Upgrade", "websocket"), ("Sec-WebSocket-Protocol", "a, bayeux")))
    wire.respond(socket, b"", status=101, headers=(("Sec-WebSocket-Protocol", "bayeux"),))
    playing = Stage(replace(wire.recording()))
    upgrade = HttpRequest(1, "c", "GET", URL, (("Sec-WebSocket-Protocol", "a, bayeux"),), b"")

    assert ("Sec-WebSocket-Protocol", "bayeux") in playing.standin.upgrade(upgrade)
