"""Requests by their transport, and replies in the form that it wants."""

from __future__ import annotations

import json

import pytest

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
    replies = Responses()
    replies.expect(incoming())

    replies.messages(1, [{"channel": "/a"}], (("Set-Cookie", "a=b"),))

    headers = (("Content-Type", "application/json;charset=UTF-8"), ("Set-Cookie", "a=b"))
    assert replies.take() == [HttpResponse(1, 200, headers, b'[{"channel":"/a"}]')]


def test_messages_for_a_script_are_a_call() -> None:
    replies = Responses()
    replies.expect(incoming("GET", f"{BAYEUX}?message=[]&jsonp=cometd._c1"))

    replies.messages(1, [{"channel": "/a"}])

    headers = (("Content-Type", "text/javascript;charset=UTF-8"),)
    assert replies.take() == [HttpResponse(1, 200, headers, b'cometd._c1([{"channel":"/a"}])')]


def test_line_ends_that_only_json_knows_not_end_no_script() -> None:
    replies = Responses()
    replies.expect(incoming("GET", f"{BAYEUX}?message=[]&jsonp=cb"))

    replies.messages(1, [{"channel": "/a", "data": "\u2028\u2029"}])

    (reply,) = replies.take()
    assert "\u2028" not in reply.body.decode()
    assert json.loads(reply.body[3:-1])[0]["data"] == "\u2028\u2029"


def test_a_request_that_was_given_up_leaves_nothing() -> None:
    replies = Responses()
    replies.expect(incoming("GET", f"{BAYEUX}?message=[]&jsonp=cb"))

    replies.drop(1)

    assert replies == Responses()
