"""Counts of several processes are added up."""

from __future__ import annotations

import pytest

from recorder.drive.engine.plan import Finding, Found, Odd
from recorder.fleet.users.counts import Counts, Fault, fault_of


def counts() -> Counts:
    made = Counts(begun=5, complete=2, cut_off=1, broken=1, reconnected=1)
    made.faults.update({"lost": 2})
    made.cut.update({"ack GetRecord": 1})
    return made


def test_counts_of_two_workers_add_up_and_are_sent_once():
    one, other, all_of_them = counts(), counts(), Counts()

    all_of_them.add(one.take()).add(other.take()).add(one.take())

    assert (all_of_them.begun, all_of_them.cut_off, all_of_them.faults, all_of_them.cut) == (
        10, 2, {"lost": 4}, {"ack GetRecord": 2},
    )  # fmt: skip
    assert one == Counts()


def test_counts_are_told_in_sentences():
    sessions = "2 as recorded, 1 cut off by the end of the run, 1 other than recorded"
    assert counts().lines() == [
        f"5 sessions: {sessions}, 1 running, or of a worker that was lost",
        "0 early, 0 wrong id, 2 lost, 0 doubled",
        "cut off, and no failures: 1 ack GetRecord",
        "1 connection lost, and made again",
    ]
    assert Counts().lines() == [
        "0 sessions: 0 as recorded, 0 cut off by the end of the run", "0 early, 0 wrong id, 0 lost, 0 doubled",
    ]  # fmt: skip


def test_counts_are_a_table_too():
    rows = list(counts().rows())

    assert rows[:5] == [
        ("sessions", "begun", 5), ("sessions", "complete", 2), ("sessions", "cut off", 1), ("sessions", "broken", 1),
        ("sessions", "reconnected", 1),
    ]  # fmt: skip
    assert ("faults", "lost", 2) in rows
    assert ("faults", "early", 0) in rows
    assert rows[-1] == ("cut off", "ack GetRecord", 1)


@pytest.mark.parametrize("found", list(Found))
def test_each_finding_but_a_recovered_connection_is_a_fault(found):
    fault = fault_of(Finding(found, None, 0, "", "", 0.0))

    assert (fault is None) is (found is Found.LOST)


@pytest.mark.parametrize("odd", list(Odd))
def test_each_way_of_being_unexpected_is_a_fault_of_its_own(odd):
    fault = fault_of(Finding(Found.UNEXPECTED, None, 0, "", "", 0.0, odd=odd))

    assert fault in {Fault.EARLY, Fault.WRONG_ID, Fault.DOUBLED, Fault.UNKNOWN}
