"""The bench of held polls, small: what it says of lost and doubled events is so."""

from __future__ import annotations

import pytest

from benchmarks import polls
from benchmarks.polls import Kind, release
from benchmarks.polls_wire import EVENTS

pytestmark = pytest.mark.once


@pytest.mark.parametrize("kind", ["standin", "bare"])
def test_each_client_gets_the_same_bytes_once(kind: Kind) -> None:
    with polls._room() as core:
        found = release(kind, 50, core)

    assert (found.lost, found.doubled) == (0, 0)
    assert len(found.latencies) == 50
    assert found.at(0.5) <= found.at(0.99)


def test_what_differs_from_what_was_to_come_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "PUSHED", b"[]")

    with polls._room() as core:
        found = release("standin", 5, core)

    assert found.lost == 5 * len(EVENTS)
