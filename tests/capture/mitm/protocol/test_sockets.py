"""A WebSocket message without an end closes its socket; mitmproxy would collect it for ever."""

from __future__ import annotations

import pytest

pytest.importorskip("mitmproxy")  # an extra: the suite runs without it too

from wsproto import ConnectionType
from wsproto.events import CloseConnection, TextMessage
from wsproto.frame_protocol import CloseReason

from recorder.capture.mitm.protocol.sockets import Bounded
from tests.lab.raw import frame


class Small(Bounded):
    limit = 10


@pytest.fixture
def side() -> Small:
    return Small(ConnectionType.CLIENT, [], conn=None)


@pytest.mark.parametrize(
    "frames",
    [
        [(0x81, b"x" * 11)],
        [(0x01, b"x" * 6), (0x80, b"x" * 5)],
        [(0x81, b"x" * 10), (0x81, b"x" * 11)],
        [(0x01, b"x" * 11)],
    ],
)
def test_a_message_over_the_limit_closes_the_socket(side: Small, frames: list[tuple[int, bytes]]) -> None:
    side.receive_data(b"".join(frame(first, payload, masked=False) for first, payload in frames))

    *_, last = side.events()

    assert isinstance(last, CloseConnection)
    assert last.code == CloseReason.MESSAGE_TOO_BIG


@pytest.mark.parametrize("frames", [[(0x81, b"x" * 10)] * 3, [(0x01, b"x" * 5), (0x80, b"x" * 5), (0x81, b"x")]])
def test_messages_up_to_the_limit_pass(side: Small, frames: list[tuple[int, bytes]]) -> None:
    side.receive_data(b"".join(frame(first, payload, masked=False) for first, payload in frames))

    assert {type(event) for event in side.events()} == {TextMessage}
