"""What goes over the wire in the bench of held polls: a session's requests, and what a released poll brings."""

from __future__ import annotations

from typing import Any

from recorder.bayeux.messages import encode
from tests.wire import Message, record_event, state_event

BAYEUX = "/api/v2/notifications"
EVENTS: list[Message] = [
    state_event("Ready"),
    record_event("RecordProcessed", phoneNumber="555-0101", userData={"GSW_CHAIN_ID": 1}),
]
REPLY: Message = {"id": "4", "channel": "/meta/connect", "successful": True}
PUSHED = encode([*EVENTS, REPLY])
HANDSHAKE = encode(
    [{"id": "1", "channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}]
)


def said(client_id: str, number: int, channel: str, **own: Any) -> bytes:
    """A message of a session."""
    return encode([{"id": str(number), "channel": channel, "clientId": client_id} | own])
