"""Bayeux: whatever clients say, each request gets one answer, and each answer can be sent."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from recorder.bayeux.json_bodies import guard_of, load_json, located
from recorder.bayeux.messages import callback_of, join, parse, parse_request
from recorder.bayeux.outbox import Queued
from recorder.bayeux.server import BayeuxServer
from recorder.bayeux.session import CALLBACK_POLLING, LONG_POLLING, WEBSOCKET, Answer
from tests.fuzz.drawing import Draw

CHANNELS = (
    "/meta/connect", "/meta/handshake", "/meta/subscribe", "/meta/unsubscribe", "/meta/disconnect", "/meta/x", "/",
    "/v2/me/outbound", "/service/x", "/\ud800", "//", "",
)  # fmt: skip
FIELDS = (
    "clientId", "id", "advice", "ext", "subscription", "data", "connectionType", "supportedConnectionTypes",
    "version", "successful", "timeout", "interval", "ack", "timesync", "tc", "l", "o", "replay", "minimumVersion",
)  # fmt: skip
TOKENS = (
    *(json.dumps(channel).encode() for channel in CHANNELS), *(b'"%s":' % name.encode() for name in FIELDS),
    b"message=", b"%5B%7B%22channel%22", b"/*", b"*/", b"for(;;);", b"\xef\xbb\xbf", b"[[", b"1e999", b'"\\ud800"',
    b"\x00",
)  # fmt: skip
FOR_EVER = 1e9  # seconds; no poll is held until then


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    numbers = count(1)
    server = BayeuxServer(lambda: f"c{next(numbers)}", 30.0)
    answers = server.receive(0, [{"channel": "/meta/handshake"}], 0.0)
    asked_for = 1
    if draw.byte() % 2:
        messages = _read(draw)
        if messages is not None:
            answers += server.receive(1, messages, 1.0)
            asked_for = 2
    else:
        while draw.left and asked_for < 30:
            messages = [_message(draw) for _ in range(1 + draw.below(3))]
            transport = draw.pick((LONG_POLLING, WEBSOCKET, CALLBACK_POLLING))
            answers += server.receive(asked_for, messages, float(asked_for), transport)
            answers += _meanwhile(server, draw, float(asked_for))
            asked_for += 1
    _are_sound([*answers, *server.flush(FOR_EVER)], asked_for)


def _read(draw: Draw) -> list[dict[str, Any]] | None:
    kind = draw.pick(("application/json", "text/plain; charset=utf-16", "application/x-www-form-urlencoded", "\t"))
    headers, target = (("Content-Type", kind),), draw.pick(("/", "/?message=[]", "/?jsonp=a&message=%5B%7B%7D"))
    body = draw.rest()
    callback_of("GET", target + body[:99].decode("latin-1"))
    try:
        load_json(body, headers)
    except ValueError:
        assert parse(body, headers) is None
    else:
        located(body, headers)
        guard_of(body, headers)
    return parse_request(target, body, headers)


def _message(draw: Draw) -> dict[str, Any]:
    found = {draw.pick(FIELDS): draw.value(FIELDS, 2) for _ in range(draw.below(4))}
    if draw.byte() < 200:
        found["clientId"] = draw.pick(("c1", "c2", "c3"))
    return found | {"channel": draw.pick(CHANNELS)}


def _meanwhile(server: BayeuxServer, draw: Draw, now: float) -> list[Answer]:
    match draw.below(5):
        case 0:
            server.push("c1", Queued('{"channel":"/x","data":1}'))
        case 1:
            return server.flush(now)
        case 2:
            return server.forget(draw.pick(("c1", "c2")))
        case 3:
            server.sent(round(now))
    return []


def _are_sound(answers: list[Answer], asked_for: int) -> None:
    assert sorted(answer.request for answer in answers) == list(range(asked_for))
    assert {answer.status for answer in answers} <= {200, 400, 500}
    for answer in answers:
        if answer.texts is not None:
            json.loads(join(answer.texts))
