"""The stand-in gives its own advice: the hosts a recorded server named would lead a client to a real one."""

from __future__ import annotations

from typing import Any

from tests.replay.stage import Stage
from tests.wire import Wire, chained, done


def test_hosts_of_the_recorded_server_are_never_sent() -> None:
    hosts: dict[str, Any] = {"advice": {"reconnect": "retry", "timeout": 30000, "hosts": ["gws2.example"]}}
    wire = Wire()
    told = wire.desk()
    for channel in ("/meta/handshake", "/meta/connect", "/meta/subscribe", "/chat"):
        asked = told.bayeux({"channel": channel, "clientId": told.client_id, "subscription": "/**"})
        wire.respond(asked, [{"channel": channel, "successful": True, "clientId": told.client_id} | hosts])
    told.asks(chained(7, "r1"), done(7, "r1"))

    stage = Stage(wire.recording())
    desk = stage.desk()
    desk.posts(chained(7, "live"))
    for channel in ("/meta/connect", "/meta/subscribe", "/meta/unsubscribe", "/meta/handshake", "/meta/disconnect"):
        desk.bayeux(
            {"channel": channel, "clientId": desk.client_id, "subscription": "/x", "connectionType": "long-polling"}
        )

    assert "ChainedRecordsDataEnd" in desk.said
    assert len(desk.replies) > 8
    assert not any(b"hosts" in reply.body or b"gws2" in reply.body for reply in desk.replies.values())
