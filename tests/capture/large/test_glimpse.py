"""Of a large body those who watch a capture see what tells how its sessions go."""

from __future__ import annotations

import json

from recorder.bayeux.messages import carried
from recorder.capture.large.glimpse import HEAVY, glimpse
from recorder.model import Request, Response

JSON = (("Content-Type", "application/json"),)


def event(number: int) -> dict[str, object]:
    return {"channel": "/v2/out", "data": {"phone": f"+49 151 {number:08d}", "text": "hunter2hunter2"}, "id": number}


def answer(messages: list[object]) -> Response:
    return Response(0, 0, 0, 200, JSON, json.dumps(messages).encode())


def test_a_small_body_is_seen_whole() -> None:
    record = answer([event(1)])

    assert glimpse(record) is record


def test_of_a_large_body_its_first_messages_and_all_on_meta_channels_are_seen() -> None:
    last = {"channel": "/meta/connect", "successful": True}
    record = answer([*(event(n) for n in range(5_000)), last])
    assert len(record.body) > HEAVY

    seen = glimpse(record)

    messages = carried(seen) or []
    assert messages[0] == event(0)
    assert messages[-1] == last
    assert len(seen.body) < HEAVY


def test_of_a_large_body_without_messages_nothing_is_seen() -> None:
    body = b'{"statusCode":0,"channel":[' + b"1," * HEAVY + b"1]}"

    assert glimpse(Request(0, 0, 0, "c", "POST", "/", JSON, body)).body == b""
