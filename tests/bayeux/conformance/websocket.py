from __future__ import annotations

import json
from typing import Any

from tests.bayeux.conformance.bench import Bench
from tests.bayeux.conformance.rows import Section, outline
from tests.lab.byhand import Socket

SECTION = Section("WebSocket")
row = SECTION.row


def opened(bench: Bench) -> Socket:
    """A session on a WebSocket, past its first connect and subscribed."""
    socket = bench.desk.opens_socket()
    socket.tells(bench.desk.handshake())
    bench.desk.client_id = socket.hears("/meta/handshake")["clientId"]
    socket.frames.clear()
    socket.tells(bench.desk.connect(timeout=0, kind="websocket"))
    socket.hears("/meta/connect")
    socket.tells(bench.desk.subscription("/v2/**"))
    socket.hears("/meta/subscribe")
    socket.frames.clear()
    return socket


def until_reply(socket: Socket, channel: str, *fields: str) -> str:
    """The frames up to the reply on a channel, or to the end of the socket."""
    told = []
    while True:
        frame = socket.frame_or_end()
        told.append(f"closed {frame}" if isinstance(frame, int) else outline(frame, *fields))
        if isinstance(frame, int) or any(message["channel"] == channel for message in frame):
            return " | ".join(told)


@row("a WebSocket is opened", "101", cometd="400")
def _(bench: Bench) -> str:
    try:
        bench.desk.opens_socket()
    except ConnectionRefusedError as exc:
        return str(exc)
    return "101"


@row("a handshake", 'handshake ok advice={"interval": 0, "reconnect": "retry", "timeout": 30000}', cometd=None)
def _(bench: Bench) -> str:
    socket = bench.desk.opens_socket()
    socket.tells(bench.desk.handshake())
    return outline(socket.frame(), "advice")


@row(
    "the first connect, without `advice.timeout`, and a subscribe after it: which is answered first",
    "connect ok | subscribe ok",
    cometd=None,
    faye="subscribe ok",
)
def _(bench: Bench) -> str:
    socket = bench.desk.opens_socket()
    socket.tells(bench.desk.handshake())
    bench.desk.client_id = socket.hears("/meta/handshake")["clientId"]
    socket.frames.clear()
    socket.tells(bench.desk.connect(kind="websocket"))
    socket.tells(bench.desk.subscription("/a"))
    return until_reply(socket, "/meta/subscribe")


@row("a later connect, and a subscribe after it", "subscribe ok", cometd=None)
def _(bench: Bench) -> str:
    socket = opened(bench)
    socket.tells(bench.desk.connect(kind="websocket"))
    socket.tells(bench.desk.subscription("/a"))
    return until_reply(socket, "/meta/subscribe")


@row(
    "an event while a connect is held",
    "event 1, connect ok | unsubscribe ok",
    cometd=None,
    faye="event 1 | unsubscribe ok",
    java="event 1 | unsubscribe ok",
)
def _(bench: Bench) -> str:
    socket = opened(bench)
    socket.tells(bench.desk.connect(kind="websocket"))
    socket.tells(bench.desk.subscription("/a"))
    socket.hears("/meta/subscribe")
    socket.frames.clear()
    bench.pushes(1)
    socket.tells(bench.desk.message("/meta/unsubscribe", subscription="/a"))
    return until_reply(socket, "/meta/unsubscribe")


@row(
    "an event while no connect is held; then a publish",
    "event 1, publish ok",
    cometd=None,
    faye="event 1 | publish ok",
    java="event 1 | publish ok",
)
def _(bench: Bench) -> str:
    socket = opened(bench)
    bench.pushes(1)
    socket.tells(bench.desk.message("/a", data={}))
    return until_reply(socket, "/a")


@row("several messages in one frame", "subscribe ok, publish ok, subscribe ok", cometd=None)
def _(bench: Bench) -> str:
    socket = opened(bench)
    desk = bench.desk
    socket.tells(desk.subscription("/a"), desk.message("/service/a", data={}), desk.subscription("/b"))
    return outline(socket.frame())


@row("a single object, no array", "handshake ok", cometd=None)
def _(bench: Bench) -> str:
    socket = bench.desk.opens_socket()
    socket.sends(json.dumps(bench.desk.handshake()))
    return outline(socket.frame())


@row(
    "a handshake in one frame with another message",
    "closed 1008",
    cometd=None,
    faye="handshake ok, subscribe 402",
    java="closed 1011",
)
def _(bench: Bench) -> str:
    socket = bench.desk.opens_socket()
    return ended_or_told(socket, [bench.desk.handshake(), bench.desk.subscription("/a")])


@row(
    "an unknown clientId: connect",
    'connect 402 advice={"interval": 0, "reconnect": "handshake"}',
    cometd=None,
    faye='connect 401 advice={"reconnect": "handshake"}',
)
def _(bench: Bench) -> str:
    socket = bench.desk.opens_socket()
    bench.desk.client_id = "nobody"
    socket.tells(bench.desk.connect(kind="websocket"))
    return outline(socket.frame(), "advice")


@row("`[]`", "[]", cometd=None, java="closed 1011")
def _(bench: Bench) -> str:
    return ended_or_told(bench.desk.opens_socket(), [])


@row(
    "what is not JSON: the code the socket ends with",
    "closed 1008",
    cometd=None,
    faye="handshake ok",
    java="closed 1011",
)
def _(bench: Bench) -> str:
    socket = bench.desk.opens_socket()
    socket.sends("hello")
    return ended_or_told(socket, [bench.desk.handshake()])


@row(
    "disconnect while a connect is held",
    'connect ok advice={"reconnect": "none"} | disconnect ok advice=-',
    cometd=None,
    faye="disconnect ok advice=-",
)
def _(bench: Bench) -> str:
    socket = opened(bench)
    socket.tells(bench.desk.connect(kind="websocket"))
    socket.tells(bench.desk.message("/meta/disconnect"))
    return until_reply(socket, "/meta/disconnect", "advice")


def ended_or_told(socket: Socket, messages: list[Any]) -> str:
    """What is answered, or the code the socket ends with."""
    socket.tells(*messages)
    found = socket.frame_or_end()
    return f"closed {found}" if isinstance(found, int) else outline(found)
