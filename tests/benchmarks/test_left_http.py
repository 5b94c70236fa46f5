"""The measurement of sessions that left over HTTP runs: the clients get their events, and memory is read."""

from __future__ import annotations

from pathlib import Path

from benchmarks.left_http import measured, recorded, replaying


def test_clients_of_a_real_stand_in_come_and_vanish(tmp_path: Path) -> None:
    recorded(tmp_path / "s.cassette")

    with replaying(tmp_path / "s.cassette") as standin:
        taken, spent = measured(standin, 3, 3)
        resident = standin.resident

    assert resident > 1 << 20
    assert (taken >= 0, spent >= 0) == (True, True)
