"""A client that fails in the recorded order at each of its steps is cured step by step. Runs are simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.explore.explorer import Explorer
from recorder.explore.outcome import Result, Verdict
from recorder.explore.placed import placed
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Deviation, Kind
from recorder.replay.engine.orders.played import Order
from recorder.replay.engine.orders.schedule import Schedule, to_text
from tests.explore.desk import GWS, Desktop, is_before, schedule
from tests.wire import Wire, chained, record_event, state_event, twin

ACK, EVENT, ANY, NEVER = "ack", "event", "any", "never"  # what a step of a client needs to come first

FAILS = "fails in the recorded order"
OVERTAKEN = "An event may overtake the ack of its own request: the two come in answers to different requests."


def replay(result: Result) -> str:
    return f"replay it with --schedule {result.passes_with.id}"


def recorded(firsts: Sequence[str]) -> Recording:
    """One operation after the other, each with its event before its ack or after it."""
    wire = Wire()
    desk = wire.desk()
    for number, first in enumerate(firsts, 1):
        event = record_event("ChainedRecord", number, f"r{number}")
        post = desk.post(chained(number, f"r{number}"))
        wire.wait(0.01)
        for step in (ACK, EVENT) if first == ACK else (EVENT, ACK):
            if step == ACK:
                wire.ack(post)
            else:
                desk.hears(event)
            wire.wait(0.01)
    return wire.recording()


@dataclass
class Steps:
    """A client that stops at its first step that did not get what it needs first."""

    desktop: Desktop
    needs: Sequence[str]

    def run(self, of: Schedule) -> tuple[bool, Order]:
        order = self.desktop.run(of)
        for number, need in enumerate(self.needs, 1):
            if need == NEVER or (
                need != ANY and is_before(order, f"ack {number}", f"event {number}.1") is not (need == ACK)
            ):
                later = {f"request {n}" for n in range(number + 1, len(self.needs) + 1)}
                end = next((place for place, act in enumerate(order.acts) if act.name in later), len(order.acts))
                return False, replace(order, acts=order.acts[:end])
        return True, order


def searched(
    recording: Recording, run: Callable[[Schedule], tuple[bool, Order]], **own: object
) -> tuple[Result, list[str]]:
    explorer, log = Explorer(recording, GWS, **own), []
    while (trial := explorer.next()) is not None:
        passed, order = run(trial.schedule)
        log.append(f"{trial.why}: {trial.schedule}")
        explorer.ran(passed, "", order)
    return explorer.result, log


def cured(firsts: Sequence[str], needs: Sequence[str], **own: object) -> tuple[Result, list[str]]:
    recording = recorded(firsts)
    return searched(recording, Steps(desk(recording), needs).run, **own)


def desk(recording: Recording) -> Desktop:
    """A client that sends the next operation when all of the one before is there."""
    return Desktop.patient(placed(recording, GWS))


def cure_of(firsts: Sequence[str], needs: Sequence[str]) -> Schedule:
    texts = {ACK: "ack {0} before event {0}.1", EVENT: "event {0}.1 before ack {0}"}
    steps = enumerate(zip(firsts, needs, strict=True), 1)
    return schedule(*(texts[need].format(n) for n, (first, need) in steps if need not in (ANY, first)))


def test_a_client_that_needs_each_ack_first_is_told_so_as_one_relation() -> None:
    result, log = cured([EVENT] * 6, [ACK] * 6)

    assert (result.verdict, result.schedule, result.is_over) == (Verdict.RECORDED_FAILS, None, True)
    assert result.passes_with == cure_of([EVENT] * 6, [ACK] * 6)
    assert result.says.splitlines() == [
        f"{FAILS}, and passes if in each operation the ack arrives before its events; 6 deviations; {replay(result)}",
        "Each of these deviations is needed: without any one of them it fails.",
        f"The client seems to count on the ack of each operation coming first. {OVERTAKEN}",
    ]
    assert result.runs <= 15
    assert log[2].startswith("relation: ack 1 before event 1.1; ack 2 before")


def test_a_client_that_needs_the_events_first_is_told_so() -> None:
    result, _ = cured([ACK] * 3, [EVENT] * 3)

    assert "passes if in each operation the events arrive before their ack; 3 deviations" in result.says
    assert result.says.endswith(
        "The client seems to need the events of each operation before its ack, which may come first."
    )


def test_the_operations_are_named_where_not_all_need_it() -> None:
    result, _ = cured([EVENT] * 4, [ACK, ANY, ACK, ACK])

    assert "in 3 of 4 operations (triples 1, 3 and 4) the ack arrives before its events; 3 deviations" in result.says


def test_one_deviation_is_told_with_its_times_and_cause() -> None:
    result, _ = cured([EVENT] * 3, [ANY, ACK, ANY])

    assert result.passes_with == schedule("ack 2 before event 2.1")
    assert result.says.splitlines()[1:] == [
        "This is the smallest difference that makes it pass.",
        "In the recording ack 2 came 10 ms after event 2.1; in the run that passes 1 ms before it.",
        f"The client seems to count on the ack of GetChainedRecord coming first. {OVERTAKEN}",
    ]


@given(st.lists(st.tuples(st.sampled_from([ACK, EVENT]), st.sampled_from([ACK, EVENT, ANY])), min_size=1, max_size=7))
@settings(max_examples=40, deadline=None)
def test_any_steps_are_cured_with_the_fewest_deviations(steps: list[tuple[str, str]]) -> None:
    firsts, needs = [first for first, _ in steps], [need for _, need in steps]
    wanted = cure_of(firsts, needs)

    result, log = cured(firsts, needs, delay=0.0)

    if wanted.deviations:
        assert result.passes_with == wanted
        assert f"; {len(wanted.deviations)} deviation" in result.says
        assert result.runs <= 200 + 40
        assert len({line.partition(": ")[2] for line in log}) == len(log) - 2  # the recorded order, and the cure
    else:
        assert result.verdict is not Verdict.RECORDED_FAILS


@given(st.lists(st.sampled_from([ACK, EVENT]), min_size=2, max_size=5), st.integers(0, 4))
@settings(max_examples=20, deadline=None)
def test_a_step_that_never_passes_is_told_with_what_brings_the_client_there(firsts: list[str], at: int) -> None:
    needs = [EVENT if first == ACK else ACK for first in firsts]
    needs[at % len(needs)] = NEVER

    result, _ = cured(firsts, needs, schedules=100, delay=0.0)

    assert (result.verdict, result.passes_with) == (Verdict.RECORDED_FAILS, None)
    assert result.runs <= 102
    assert "hardly the order" in result.says or "more schedules would try others" in result.says
    assert ("It comes further, up to GetChainedRecord, if " in result.says) is (at % len(needs) > 0)


def lists(count: int) -> Recording:
    """One list after the other is asked for, and an event overtakes each answer."""
    wire = Wire()
    desktop = wire.desk()
    for number in range(1, count + 1):
        desktop.polls()
        exchange = wire.request("GET", f"/api/v2/lists/{number}", b"")
        wire.wait(0.01)
        desktop.hears(state_event(f"State{number}"))
        wire.wait(0.01)
        wire.respond(exchange, {})
        wire.wait(0.01)
    return wire.recording()


def cured_of_lists(count: int, never: int = 0) -> Result:
    """What is told of a client that asks for the next list only where the answer with the last one came first."""
    recording = lists(count)
    simulated = desk(recording)

    def run(of: Schedule) -> tuple[bool, Order]:
        order = simulated.run(of)
        for number in range(1, count + 1):
            if number == never or not is_before(order, f"answer p{number}", f"event u{number}"):
                names = [act.name for act in order.acts]
                end = names.index(f"request p{number + 1}") if number < count else len(names)
                return False, replace(order, acts=order.acts[:end])
        return True, order

    return searched(recording, run, schedules=100, delay=0.0)[0]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_client_whose_requests_are_no_operations_is_cured_step_by_step(count: int) -> None:
    result = cured_of_lists(count)

    assert result.passes_with == schedule(*(f"answer p{n} before event u{n}" for n in range(1, count + 1)))
    assert result.runs <= 10 * count


def test_how_far_a_client_comes_is_told_by_requests_that_are_no_operations_too() -> None:
    result = cured_of_lists(4, never=3)

    assert (result.verdict, result.passes_with) == (Verdict.RECORDED_FAILS, None)
    assert "It comes further, up to GET /api/v2/lists/3, if " in result.says


def test_a_client_that_looks_at_the_end_needs_the_relation_as_a_whole() -> None:
    wire = Wire()
    desktop = wire.desk()
    for number in range(1, 5):
        desktop.asks(
            chained(number, f"r{number}"),
            record_event("ChainedRecord", number, f"r{number}"),
            twin("ChainedRecord", number),
        )
    recording = wire.recording()
    simulated = desk(recording)

    def run(of: Schedule) -> tuple[bool, Order]:
        order = simulated.run(of)
        return all(is_before(order, f"event {n}.2", f"event {n}.1") for n in range(1, 5)), order

    result, _ = searched(recording, run)

    assert result.passes_with == schedule(*(f"event {n}.2 before event {n}.1" for n in range(1, 5)))
    assert "; 4 deviations; " in result.says


def test_what_bears_only_events_apart_is_told_so() -> None:
    wire = Wire()
    desktop = wire.desk()
    post = desktop.post(chained(1, "r1"))
    wire.ack(post)
    desktop.hears(*(record_event("ChainedRecord", 1, "r1", chainId=n) for n in range(4)))
    recording = wire.recording()
    simulated = desk(recording)

    def run(of: Schedule) -> tuple[bool, Order]:
        order = simulated.run(of)
        return sum(one.kind is Kind.APART for one in order.met) == 3, order

    result, _ = searched(recording, run)

    assert "passes if in 3 places an event comes in a later answer of the server than the one before" in result.says
    assert "read one event of an answer only" in result.says


def test_a_search_that_is_broken_off_has_the_failure_of_the_recorded_order() -> None:
    recording = recorded([EVENT] * 4)
    client = Steps(desk(recording), [ACK, ACK, ACK, NEVER])
    explorer = Explorer(recording, GWS)
    told = []
    for _ in range(4):
        passed, order = client.run(explorer.next().schedule)
        explorer.ran(passed, "", order)
        told.append(explorer.result)

    assert {(one.verdict, one.is_over) for one in told} == {(Verdict.RECORDED_FAILS, False)}
    assert told[0].says == "fails in the recorded order; the search was broken off"
    assert told[3].says.startswith(
        "fails in the recorded order, and in the 2 other orders that were tried; the search was"
    )
    assert told[3].ran is not None


def test_a_search_that_is_broken_off_while_it_shrinks_has_what_passes() -> None:
    recording = recorded([EVENT] * 4)
    client = Steps(desk(recording), [ACK] * 4)
    explorer = Explorer(recording, GWS)
    while (trial := explorer.next()).why != "shrinking":
        explorer.ran(*client.run(trial.schedule)[:1], "", client.run(trial.schedule)[1])

    result = explorer.result

    assert (result.verdict, result.is_over, len(result.passes_with.deviations)) == (Verdict.RECORDED_FAILS, False, 4)
    assert "4 deviations (the search was broken off before there were fewer); replay it" in result.says
    assert "is needed" not in result.says


def test_a_pass_that_does_not_come_again_is_told_so() -> None:
    recording = recorded([EVENT] * 2)
    client = Steps(desk(recording), [ACK, ACK])
    left = iter([True])

    def run(of: Schedule) -> tuple[bool, Order]:
        passed, order = client.run(of)
        return passed and next(left, False), order

    result, _ = searched(recording, run)

    assert (result.verdict, result.passes_with) == (Verdict.RECORDED_FAILS, None)
    assert "none makes it pass each time" in result.says
    assert (
        "It passed once, and then failed, if in" in result.says
        or "It passed once, and then failed, if the" in result.says
    )


def test_the_coverage_is_that_of_all_runs() -> None:
    result, _ = cured([EVENT] * 3, [ACK] * 3)

    assert result.coverage.startswith("3 of ")
    assert cured([EVENT] * 3, [NEVER] * 3, schedules=1)[0].coverage == "0 of 1 pair of neighbours seen in both orders"


@pytest.mark.parametrize("most", [1, 2, 3, 10, 30])
def test_the_budget_is_kept(most: int) -> None:
    result, _ = cured([EVENT, ACK] * 3, [NEVER, ACK] * 3, schedules=most)

    assert result.runs <= most + 1
    if most == 1:
        assert result.says == "fails in the recorded order"


def test_the_run_that_confirms_is_given_the_order_that_passed() -> None:
    recording = recorded([EVENT] * 3)
    client = Steps(desk(recording), [ACK] * 3)
    explorer, last = Explorer(recording, GWS), None
    while (trial := explorer.next()) is not None:
        last = trial
        passed, order = client.run(trial.schedule)
        explorer.ran(passed, "", order)

    assert (last.why, last.kept.played) == ("confirming", explorer.result.kept().played)


@given(st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_equal_clients_get_equal_results(seed: int) -> None:
    one, other = (cured([EVENT, ACK] * 3, [ACK, EVENT] * 3, seed=seed) for _ in range(2))

    assert one == other
    assert to_text(one[0].kept(["x"], "t")) == to_text(other[0].kept(["x"], "t"))


def test_a_relation_that_helps_at_first_does_not_stand_in_the_way() -> None:
    """Acks first bring it to step 4, which needs the recorded order; step 5 needs its event first."""
    firsts, needs = [EVENT, EVENT, EVENT, EVENT, ACK], [ACK, ACK, ACK, EVENT, EVENT]

    result, _ = cured(firsts, needs)

    assert result.passes_with == cure_of(firsts, needs)
    assert Deviation.parse("ack 4 before event 4.1") not in result.passes_with.deviations


def test_a_client_that_fails_only_if_all_its_operations_differ_is_found() -> None:
    """It bears any four acks behind their events, and not all five."""
    recording = recorded([ACK] * 5)
    simulated = desk(recording)

    def run(of: Schedule) -> tuple[bool, Order]:
        order = simulated.run(of)
        return sum(is_before(order, f"event {n}.1", f"ack {n}") for n in range(1, 6)) < 5, order

    result, log = searched(recording, run)

    assert result.verdict is Verdict.FAILED
    assert len(result.schedule.deviations) == 5
    assert result.says.startswith("fails if in each operation the events arrive before their ack; 5 deviations; replay")
    first = next(place for place, line in enumerate(log) if line.startswith("relation"))
    assert any(line.startswith("one deviation") for line in log[:first])
    assert not any(line.startswith("two deviations") for line in log[:first])
