"""The measurement of sessions that left runs, and they cost what was promised."""

from __future__ import annotations

from benchmarks.left import MOST, TIMEOUT, Leaving


def test_sessions_come_vanish_and_are_let_go() -> None:
    leaving = Leaving()
    for _ in range(5):
        leaving.session()

    leaving.standin.let_go(1.0, TIMEOUT)
    gone = leaving.standin.let_go(1.0 + TIMEOUT, TIMEOUT)

    assert gone == ["p1", "p2", "p3", "p4", "p5"]
    assert leaving.standin.missed == 0
    assert MOST == 4096
