"""WebSocket messages that are compressed, of any size."""

from __future__ import annotations

import pytest

pytest.importorskip("wsproto")  # comes with the extra `record`

from wsproto import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message
from wsproto.extensions import PerMessageDeflate

from recorder.capture.mitm.protocol.inflate import Inflate


def talk(*messages: bytes, limit: int) -> list[int]:
    """What a peer gets of compressed messages: the size of each, or the code by which the socket ends."""
    sends, takes = PerMessageDeflate(), Inflate()
    takes.limit = limit
    for extension in (sends, takes):
        extension.finalize("permessage-deflate")
    client, server = Connection(ConnectionType.CLIENT, [sends]), Connection(ConnectionType.SERVER, [takes])
    for message in messages:
        server.receive_data(client.send(BytesMessage(message)))
    sizes, size = [], 0
    for event in server.events():
        if isinstance(event, Message):
            size += len(event.data)
            if event.message_finished:
                sizes.append(size)
                size = 0
        if isinstance(event, CloseConnection):
            sizes.append(event.code)
    return sizes


def test_messages_up_to_the_limit_pass_one_after_the_other() -> None:
    assert talk(bytes(1000), b"", bytes(999), limit=1000) == [1000, 0, 999]


def test_a_message_over_the_limit_ends_the_socket() -> None:
    assert talk(b"fine", bytes(1 << 20), limit=1000) == [4, 1009]
