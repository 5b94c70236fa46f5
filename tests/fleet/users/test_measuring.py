"""What is counted of a session: acks, terminal events, sessions, and failures with their reasons."""

from __future__ import annotations

import pytest

from recorder.drive.engine.driver import OnMissing, Patience
from recorder.drive.engine.plan import Act, Plan
from recorder.fleet.users.counts import Counts, Fault
from recorder.fleet.users.measuring import Measuring, Operations, Reasons

from ...drive.engine.simulated import Script, driver, event
from .played import Entries, played


def calls(count: int = 1) -> Script:
    """A client places calls; each causes an event that rings and one that ends."""
    script = Script()
    script.client("s1", "c1")
    for number in range(count):
        data = {"ref": f"ref-000{number}"}
        step = script.step("s1", 3.0 * number, data, fresh=("ref",), n=number + 1)
        script.answer(step, 3.0 * number + 0.1)
        script.event("c1", step, 3.0 * number + 0.5, "/rings", data)
        script.event("c1", step, 3.0 * number + 1.0, "/ends", data)
    return script


def test_an_operation_has_an_ack_and_a_terminal_event_and_a_session_is_one_entry():
    done = played(calls().plan(), server={"delays": {0: 0.1, 1: 0.2, 2: 0.7}})

    assert done.entries.failures == []
    assert done.entries.passes == {
        ("ack", "Op0"): [100],
        ("events", "Op0"): [700],
        ("session", "desk"): [1200],  # with the time it waits for surplus events
    }
    assert (done.counts.begun, done.counts.complete, done.counts.is_clean) == (1, 1, True)


def test_the_terminal_event_is_the_last_one_whatever_its_order():
    done = played(calls().plan(), server={"delays": {0: 0.9, 1: 0.8, 2: 0.3}})

    assert done.entries.passes["events", "Op0"] == [800]
    assert done.entries.passes["ack", "Op0"] == [900]


def test_each_lost_event_is_a_failure_of_its_operation():
    done = played(
        calls().plan(), server={"dropped": frozenset({1, 2})}, patience=Patience(2.0), on_missing=OnMissing.SKIP
    )

    assert [one[:3] for one in done.entries.failures] == [
        ("events", "Op0", None), ("events", "Op0", None), ("session", "desk", 3500),
    ]  # fmt: skip
    assert done.entries.failures[0][3].startswith(
        "lost: triple 1 Op0, event /rings: event /rings of triple 1 did not come within 2 s"
    )
    assert done.counts.faults == {"lost": 2}
    assert (done.counts.complete, done.counts.broken, done.counts.is_clean) == (0, 1, False)


def test_an_event_that_comes_twice_is_a_failure_of_its_row_alone():
    done = played(calls().plan(), server={"doubled": frozenset({2})})

    assert [one[:2] for one in done.entries.failures] == [("stray", "/ends"), ("session", "desk")]
    assert done.entries.passes["events", "Op0"] == [10]
    assert done.counts.faults == {"doubled": 1}


def test_a_refused_operation_is_a_failure_of_its_ack_and_its_events_are_not_lost():
    done = played(calls().plan(), server={"refused": frozenset({0})})

    assert [one[:3] for one in done.entries.failures] == [("ack", "Op0", 10), ("session", "desk", 510)]
    assert "refused: triple 1 Op0, answer: step 0 Op0 was refused (status 409)" in done.entries.failures[0][3]
    assert done.counts.faults == {"refused": 1}
    assert not done.counts.cut


def test_an_answer_that_does_not_come_is_told_with_its_reason():
    done = played(calls().plan(), server={"dropped": frozenset({0})}, on_missing=OnMissing.SEND)

    assert done.entries.failures[0][:2] == ("ack", "Op0")
    assert "did not come: connection reset" in done.entries.failures[0][3]
    assert done.counts.faults == {"unanswered": 1}


def watched(plan: Plan) -> tuple[Measuring, Entries]:
    made, entries = driver(plan, rate=1.0), Entries()
    made.start(0.0)
    made.due(0.0)
    watch = Measuring(plan, Operations.of(plan), made, sink=entries, counts=Counts(), label="desk", began=0.0)
    return watch, entries


@pytest.mark.parametrize(("data", "fault"), [({"ref": "foreign-1"}, Fault.WRONG_ID), ({"note": "none"}, Fault.EARLY)])
def test_an_event_before_its_cause_or_of_somebody_else_has_a_row_of_its_own(data, fault):
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 0.0)
    step = script.step("s1", 9.0, {"ref": "ref-0001"}, fresh=("ref",), n=1)
    script.event("c1", step, 9.5, "/rings", {"ref": "ref-0001"})
    watch, entries = watched(script.plan())

    watch._driver.heard("c1", event("/rings", data), 0.1)
    watch.heard(None, 0.1)

    assert [one[:3] for one in entries.failures] == [("stray", "other events", None)]
    assert entries.failures[0][3].startswith(f"{fault.value}: session s1, connection c1: event /rings came where none")
    assert watch._counts.faults == {fault.value: 1}


def test_a_connection_that_is_made_again_is_no_fault():
    watch, entries = watched(calls().plan())

    watch._driver.lost("c1", "reset", 0.1)
    watch.heard(None, 0.2)

    assert entries.failures == []
    assert (watch._counts.reconnected, watch._counts.is_clean) == (1, True)


def test_what_the_end_of_the_run_cuts_off_is_counted_apart_and_is_no_failure():
    done = played(calls(2).plan(), is_cut_off=True)

    assert (done.entries.failures, dict(done.entries.passes)) == ([], {})
    assert done.counts.cut == {"ack Op0": 1, "events Op0": 1}
    assert (done.counts.cut_off, done.counts.complete, done.counts.is_clean) == (1, 0, True)


def test_a_step_that_leaves_while_a_session_is_cut_off_is_counted_too():
    done = played(calls(2).plan(), is_cut_off=True)

    done.watch.left(done.driver._plan.steps[1], 100.6)

    assert done.counts.cut == {"ack Op0": 1, "events Op0": 1, "ack Op1": 1, "events Op1": 1}


def test_a_session_ends_once():
    done = played(calls().plan())

    done.watch.ended(900.0, is_cut_off=True)

    assert (done.counts.complete, done.counts.cut_off) == (1, 0)


def test_a_session_that_cannot_begin_is_told_with_its_reason():
    watch, entries = watched(calls().plan())

    watch.failed(0.5, "http://127.0.0.1:1 cannot be reached")

    assert entries.failures == [("session", "desk", 500, "failed: http://127.0.0.1:1 cannot be reached")]
    assert (watch._counts.broken, watch._counts.faults) == (1, {"failed": 1})


def test_a_reason_has_recorded_values_in_place_of_those_of_one_session():
    script = Script()
    script.client("s1", "c1")
    step = script.step("s1", 0.0, {"ref": "ref-0001"}, fresh=("ref",), n=1)
    script.event("c1", step, 0.5, "/rings/ref-0001", {"ref": "ref-0001"})
    watch, entries = watched(script.plan())

    watch._driver.heard("c1", event("/other/fresh-0001", {}), 0.1)
    watch.heard(None, 0.1)

    assert "event /other/ref-0001 came where none was recorded" in entries.failures[0][3]


def test_a_message_without_an_answer_has_no_ack():
    script = Script()
    script.client("s1", "c1")
    step = script.step("s1", 0.0, act=Act.CALL, n=1)
    script.event("c1", step, 0.5, "/rings", {})

    assert set(played(script.plan()).entries.passes) == {("events", "Op0"), ("session", "desk")}


def test_there_are_not_more_reasons_than_people_read():
    reasons = Reasons(2)

    assert [reasons.short(f"lost: {one}") for one in ("a", "b", "c", "a")] == [
        "lost: a", "lost: b", "lost: (one of more than 2 reasons)", "lost: a",
    ]  # fmt: skip
