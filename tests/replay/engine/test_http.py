"""Requests by their transport, and replies in the form that it wants."""

from __future__ import annotations

import json

import pytest

from recorder.bayeux.messages import to_text
from recorder.bayeux.server import BayeuxServer
from recorder.bayeux.session import Answer
from recorder.replay.engine.http import HttpRequest, HttpResponse, Responses

BAYEUX = "/api/v2/notifications"


def incoming(method: str = "POST", target: str = BAYEUX, *, on_socket: bool = False) -> HttpRequest:
    return HttpRequest(1, "c", method, target, (), b"", on_socket=on_socket)


@pytest.mark.parametrize(
    ("request_", "transport"),
    [
        (incoming(), "long-polling"),
        (incoming("GET", f"{BAYEUX}?jsonp=a.b&message=[]"), "callback-polling"),
        (incoming("GET", f"{BAYEUX}?jsonp=alert(1)&message=[]"), None),
        (incoming("GET", f"{BAYEUX}?jsonp=&message=[]"), None),
        (incoming("GET", f"{BAYEUX}?jsonp={'a' * 65}&message=[]"), None),
        (incoming("GET", f"{BAYEUX}?message=[]"), None),
        (incoming("PUT"), None),
        (incoming("GET", on_socket=True), "websocket"),
    ],
)
def test_a_transport_is_told_by_the_request(request_: HttpRequest, transport: str | None) -> None:
    assert request_.transport == transport


def test_messages_are_an_array() -> None:
    responses = Responses()

    responses.answer(Answer(1, ['{"channel":"/a"}']), (("Set-Cookie", "a=b"),))

    headers = (("Content-Type", "application/json;charset=UTF-8"), ("Set-Cookie", "a=b"))
    assert responses.take() == [HttpResponse(1, 200, headers, b'[{"channel":"/a"}]')]


def test_messages_for_a_script_are_a_call() -> None:
    asked = incoming("GET", f"{BAYEUX}?message=[]&jsonp=cometd._c1")
    responses = Responses()

    responses.answer(Answer(1, ['{"channel":"/a"}'], callback=asked.callback))

    headers = (("Content-Type", "text/javascript;charset=UTF-8"),)
    assert responses.take() == [HttpResponse(1, 200, headers, b'cometd._c1([{"channel":"/a"}])')]


def test_line_ends_that_only_json_knows_not_end_no_script() -> None:
    responses = Responses()

    responses.answer(Answer(1, [to_text({"channel": "/a", "data": "\u2028\u2029"})], callback="cb"))

    (response,) = responses.take()
    assert "\u2028" not in response.body.decode()
    assert json.loads(response.body[3:-1])[0]["data"] == "\u2028\u2029"


def test_each_request_of_a_client_is_answered_under_its_own_callback() -> None:
    bayeux = BayeuxServer(lambda: "c1", 30.0)
    bayeux.receive(1, [{"channel": "/meta/handshake"}], 0.0)
    connect = {"channel": "/meta/connect", "clientId": "c1"}
    bayeux.receive(2, [connect], 0.0)
    bayeux.receive(3, [connect], 0.0, "callback-polling", "given_up")
    bayeux.abort(3)

    bayeux.receive(4, [connect], 0.0, "callback-polling", "held")

    assert [(answer.request, answer.callback) for answer in bayeux.flush(60.0)] == [(4, "held")]
