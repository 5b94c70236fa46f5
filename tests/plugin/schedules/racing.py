"""Desktops with a race and without: each asks for a chained record, and waits for its ack and its two events."""

from __future__ import annotations

from tests.lab.byhand import Desk
from tests.plugin.desktop import request


def waits_for_all(url: str) -> None:
    """A desktop that bears any order."""
    _asks(url, is_hasty=False)


def assumes_the_ack_first(url: str) -> None:
    """A desktop that fails if an event comes before the ack."""
    _asks(url, is_hasty=True)


def _asks(url: str, *, is_hasty: bool) -> None:
    desk = Desk(url, "agent1:secret").connected()
    try:
        poll = desk.polls()
        _, body = request("GetChainedRecord", "mine-1")
        sent = desk.posts("/api/v2/me/outbound-records/7", body)
        heard = poll.events()
        if is_hasty:
            assert sent.is_answered, "an event came before the ack"
        while len(heard) < 2:
            heard += desk.polls().events()
        assert sent.answer().status == 200, sent.answer().body.decode()
        desk.tells(desk.message("/meta/disconnect")).answer()
    finally:
        desk.leaves()
