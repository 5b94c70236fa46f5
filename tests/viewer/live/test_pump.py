"""What happens reaches the log; nothing that happens in the thread of the page holds up who tells it."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from recorder.viewer.live import pump as pumps
from recorder.viewer.live.log import Log
from recorder.viewer.live.pump import Pump, state


class Counting:
    """A feed that keeps what it gets; it waits for `gate`, and breaks at the thing "bad"."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.new: list[str] = []
        self.gate = Event()
        self.gate.set()

    def feed(self, thing: str) -> None:
        assert self.gate.wait(30)
        if thing == "bad":
            raise ValueError("bad")
        self.got.append(thing)
        self.new.append(thing)

    def take(self) -> dict[str, Any]:
        new, self.new = self.new, []
        return {"new": new}


def made() -> tuple[Pump[str], Counting]:
    feed = Counting()
    log = Log(lambda: {"got": [*feed.got]})
    return Pump(feed.feed, lambda: False, feed.take, log), feed


def test_all_that_was_put_before_the_end_is_told() -> None:
    pump, feed = made()
    pump.start()
    for number in range(200):
        pump.put(str(number))

    pump.end({"state": {"phase": "ended"}}, 30)

    assert feed.got == [str(number) for number in range(200)]
    last = pump.log.since(0, 0)
    assert last is not None
    assert pump.log.since(last[0]["id"], 0) is None


def test_a_thread_that_is_stuck_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pumps, "MOST", 100)
    pump, feed = made()
    feed.gate.clear()
    pump.start()

    for number in range(1_000):
        pump.put(str(number))
    pump.end({}, 0.001)

    assert pump.lost >= 800
    feed.gate.set()


def test_bytes_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pumps, "MOST_BYTES", 100)
    pump, feed = made()
    for number in range(10):
        pump.put(str(number), 30)

    pump.start()
    pump.end({}, 30)

    assert (feed.got, pump.lost) == (["0", "1", "2"], 7)


def test_a_fault_of_the_page_is_told_on_it_and_ends_nothing_else() -> None:
    pump, feed = made()
    pump.start()
    pump.put("good")
    pump.put("bad")
    pump.put("never")

    pump.end({"state": {"phase": "ended"}}, 30)
    pump.put("more")

    assert feed.got == ["good"]
    assert "ValueError('bad')" in pump.broken


def test_the_state_of_a_delta_takes_more_facts() -> None:
    assert state({"add": [1], "state": {"now": 1}}, {"lost": 2}) == {"add": [1], "state": {"now": 1, "lost": 2}}
    assert state({}, {"lost": 2}) == {"state": {"lost": 2}}
