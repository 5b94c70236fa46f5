"""A recording tells a fact once for each place."""

from __future__ import annotations

from recorder.capture.telling import Told


def test_a_fact_is_told_the_first_time_it_is_met_at_a_place() -> None:
    told = Told()

    assert [told.is_first("certificate", host) for host in ("a", "a", "b", "a")] == [True, False, True, False]
    assert told.again() == ["certificate at a: 3 times"]


def test_what_is_remembered_is_bounded() -> None:
    told = Told()
    first = sum(told.is_first("certificate", f"host-{number}") for number in range(5000))

    assert first == 1001
    assert told.again() == ["certificate: 4000 times"]
