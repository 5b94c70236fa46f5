"""The shapes of a plan."""

from __future__ import annotations

import pytest

from recorder.drive.engine.plan import Act, Step
from recorder.model import Request


@pytest.mark.parametrize(
    ("act", "operation", "message", "title"),
    [
        (Act.CALL, "GetChainedRecord", None, "GetChainedRecord"),
        (Act.CALL, None, None, "GET /api/v2/me"),
        (Act.HANDSHAKE, None, {"channel": "/meta/handshake"}, "handshake"),
        (Act.SUBSCRIBE, None, {"channel": "/meta/subscribe", "subscription": "/a"}, "subscribe /a"),
        (Act.PUBLISH, None, {"channel": "/chat", "data": 1}, "publish /chat"),
    ],
)
def test_a_step_has_a_title(act, operation, message, title):
    request = Request(0, 0, 0, "c", "GET", "/api/v2/me?fields=*", (), b"")
    assert Step(0, act, "s1", "", (0, 0), 0, 0, operation, request, message).title == title
