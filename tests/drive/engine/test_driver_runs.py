"""Made-up recordings driven against a server that mints handles of its own, and that tells things as it likes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import thread_time

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.drive.engine.driver import OnMissing, Patience
from recorder.drive.engine.plan import Answer, Cause, Found, Plan, Why
from tests.costs import MOST_RUNS

from .simulated import SECOND, Run, Script, Server, body_of, driver, event

CLIENTS = ("s1", "s2", "s3")


@dataclass(frozen=True)
class World:
    """A recording, and what the server does otherwise."""

    plan: Plan
    delays: dict[int, float]
    rate: float


@st.composite
def worlds(draw) -> World:
    """Draw clients with one or two windows, which call, hear of each other's calls, and use what they heard."""
    script = Script()
    clients = CLIENTS[: draw(st.integers(1, 3))]
    windows = {name: [f"{name}-w{number}" for number in range(draw(st.integers(1, 2)))] for name in clients}
    for name in clients:
        script.client(name, *windows[name])
    known: dict[str, list[tuple[int, str]]] = {name: [] for name in clients}
    t = 0.0
    for number in range(draw(st.integers(1, 9))):
        client = draw(st.sampled_from(clients))
        t += draw(st.sampled_from((0.0, 0.05, 1.0, 20.0)))
        body, learned = {"ref": f"ref-{number:04d}"}, {}
        if known[client] and draw(st.booleans()):
            for which, (told, handle) in enumerate(
                draw(st.lists(st.sampled_from(known[client]), max_size=2, unique=True))
            ):
                body[f"h{which}"] = handle
                learned[f"h{which}"] = [(told, "handle")]
        step = script.step(client, t, body, learned=learned, fresh=("ref",), n=number + 1)
        told = [("answer", None)] if draw(st.integers(0, 5)) else []
        heard = draw(st.lists(st.sampled_from([w for name in clients for w in windows[name]]), max_size=3))
        told += [("event", window) for window in heard]
        for kind, window in draw(st.permutations(told)):
            t += draw(st.sampled_from((0.0, 0.02, 0.4)))
            handle = f"handle-{len(script.told):04d}"
            if kind == "answer":
                known[client].append((script.answer(step, t, {"handle": handle}), handle))
            else:
                data = {"ref": f"ref-{number:04d}", "handle": handle}
                receiver = script.connections[window].client
                place = sum(one.step == step and one.connection == window for one in script.told)
                channel = draw(st.sampled_from((f"/calls/{'abc'[place]}", f"/{'abc'[place]}/ref-{number:04d}")))
                known[receiver].append((script.event(window, step, t, channel, data), handle))
    delays = {told.number: draw(st.sampled_from((0.0, 0.01, 0.3, 2.0))) for told in script.told}
    return World(script.plan(), delays, draw(st.sampled_from((0.5, 1.0, 20.0, math.inf))))


def played(world: World, on_missing=OnMissing.STOP, *, cuts=None, lag=0.0, **server) -> Run:
    player = driver(world.plan, rate=world.rate, on_missing=on_missing, patience=Patience(5.0, 3.0))
    return Run(player, Server(world.plan, world.delays, **server), cuts or {}, lag).play()


def check_order(run: Run, plan: Plan, missing: frozenset[int] = frozenset()) -> None:
    """Check that each step left at most once, in the order of its client, and nothing before what it waits for."""
    left = dict(reversed([(number, at) for at, number in run.sent]))
    assert len(left) == len(run.sent)
    for client in plan.clients:
        numbers = [number for _, number in run.sent if plan.steps[number].client == client]
        assert numbers == sorted(numbers)
    for number, at in left.items():
        for cause in plan.steps[number].causes:
            if cause.told is not None and cause.told not in missing:
                assert run.came[cause.told] <= at


@settings(max_examples=30, deadline=None)
@given(worlds())
def test_a_server_that_tells_all_is_driven_to_the_end_without_a_finding(world):
    run = played(world)
    state = run.driver.state(run.ended)

    assert run.driver.findings == []
    assert [number for number, _ in sorted(run.server.received)] == list(range(len(world.plan.steps)))
    assert (state.is_over, state.has_stalled, state.left_out, state.waits) == (True, False, 0, ())
    assert (state.answered, state.heard) == (state.answers, state.events)
    check_order(run, world.plan)
    assert all(one.seq == number for number, one in state.paired.items())


@settings(max_examples=30, deadline=None)
@given(worlds())
def test_think_times_are_at_least_the_recorded_ones(world):
    run = played(world)
    left = {number: at for at, number in run.sent}
    before: dict[str, int] = {}
    for step in world.plan.steps:
        causes = list(step.causes)
        if step.client in before:
            causes.append(Cause(before[step.client], None, world.plan.steps[before[step.client]].t, Why.TURN))
        before[step.client] = step.number
        live = [left[one.step] if one.told is None else run.came[one.told] for one in causes]
        if causes:
            think = (step.t - max(one.t for one in causes)) / SECOND / world.rate
            assert left[step.number] >= max(live) + max(0.0, think) - 1e-6


@settings(max_examples=20, deadline=None)
@given(worlds())
def test_two_runs_are_equal(world):
    first, second = played(world), played(world)

    assert first.sent == second.sent
    assert first.server.received == second.server.received
    assert first.driver.bindings == second.driver.bindings
    assert first.driver.findings == second.driver.findings


@settings(max_examples=30, deadline=None)
@given(worlds(), st.data())
def test_what_does_not_come_is_found_once_and_at_its_place(world, data):
    numbers = [told.number for told in world.plan.told]
    dropped = frozenset(data.draw(st.sets(st.sampled_from(numbers), max_size=3))) if numbers else frozenset()
    on_missing = data.draw(st.sampled_from((OnMissing.SKIP, OnMissing.SEND)))
    run = played(world, on_missing, dropped=dropped)
    state = run.driver.state(run.ended)

    missing = [one.told for one in run.driver.findings if one.found in (Found.MISSING_EVENT, Found.MISSING_ANSWER)]
    left = {number for _, number in run.sent}
    expected = [number for number in sorted(dropped) if world.plan.told[number].step in left]
    assert sorted(missing) == expected
    others = [one for one in run.driver.findings if one.told not in missing]
    assert {one.found for one in others} <= {Found.LEFT_OUT}
    assert state.is_over
    assert not state.has_stalled
    assert state.sent + state.left_out == state.steps
    check_order(run, world.plan, missing=frozenset(range(len(numbers))) - run.came.keys())


@settings(max_examples=30, deadline=None)
@given(worlds(), st.data())
def test_a_stopped_run_sends_nothing_after_the_first_that_is_missing(world, data):
    numbers = [told.number for told in world.plan.told]
    dropped = frozenset(data.draw(st.sets(st.sampled_from(numbers), max_size=2))) if numbers else frozenset()
    run = played(world, dropped=dropped)
    state = run.driver.state(run.ended)

    assert state.is_over
    assert state.has_stalled == (state.sent < state.steps)
    assert not state.has_stalled or run.driver.findings
    assert not state.has_stalled or state.waits
    check_order(run, world.plan)


@settings(max_examples=30, deadline=None)
@given(worlds(), st.data())
def test_each_doubled_event_is_found_and_nothing_else(world, data):
    numbers = [told.number for told in world.plan.told if told.event is not None]
    doubled = frozenset(data.draw(st.sets(st.sampled_from(numbers), max_size=3))) if numbers else frozenset()
    run = played(world, doubled=doubled)

    assert sorted((one.told, one.found) for one in run.driver.findings) == [
        (number, Found.UNEXPECTED) for number in sorted(doubled)
    ]
    assert len(run.sent) == len(world.plan.steps)


@settings(max_examples=30, deadline=None)
@given(worlds(), st.data())
def test_a_refused_step_is_found_and_its_events_are_not_waited_for(world, data):
    steps = [step.number for step in world.plan.steps if step.answer is not None]
    refused = frozenset(data.draw(st.sets(st.sampled_from(steps), max_size=2))) if steps else frozenset()
    run = played(world, OnMissing.SEND, refused=refused)

    found = {one.step for one in run.driver.findings if one.found is Found.REFUSED}
    assert found == refused & {number for _, number in run.sent}
    assert {one.found for one in run.driver.findings} <= {Found.REFUSED, Found.NO_VALUE, Found.LEFT_OUT}
    assert run.driver.state(run.ended).is_over


@settings(max_examples=30, deadline=None)
@given(worlds(), st.data())
def test_a_lost_connection_ends_in_findings_and_never_in_a_hang(world, data):
    numbers = [told.number for told in world.plan.told if told.event is not None]
    picked = data.draw(st.dictionaries(st.sampled_from(numbers), st.booleans(), max_size=2)) if numbers else {}
    on_missing = data.draw(st.sampled_from(list(OnMissing)))
    run = played(world, on_missing, cuts=picked)

    state = run.driver.state(run.ended)
    kinds = {one.found for one in run.driver.findings}
    assert state.is_over
    assert kinds <= {Found.LOST, Found.FAILED, Found.MISSING_EVENT, Found.LEFT_OUT}
    assert kinds or not run.lost
    assert state.has_stalled or state.heard == state.events - len(run.lost) - unheard(run)
    check_order(run, world.plan, missing=frozenset(range(len(world.plan.told))) - run.came.keys())


def unheard(run: Run) -> int:
    """Count the events of steps that were left out."""
    left = {number for _, number in run.sent}
    return sum(told.event is not None and told.step not in left for told in run.driver._plan.told)


@settings(max_examples=20, deadline=None)
@given(worlds(), st.sampled_from((0.001, 0.7)))
def test_a_late_front_finds_nothing_missing_that_came_in_time(world, lag):
    run = played(world, lag=lag)

    assert run.driver.findings == []
    assert len(run.sent) == len(world.plan.steps)


def test_no_call_takes_longer_for_what_was_done_before():
    """The last of 4,000 steps cost about what the first do."""
    script = Script()
    script.client("s1", "c1")
    for number in range(4000):
        learned = {"h": [(2 * number - 1, "handle")]} if number else {}
        body = {"ref": f"ref-{number:04d}", "h": f"handle-{number - 1:04d}"}
        script.step("s1", number, body, learned=learned, fresh=("ref",), n=number + 1)
        script.answer(number, number + 0.1)
        script.event(
            "c1", number, number + 0.2, "/calls", {"ref": f"ref-{number:04d}", "handle": f"handle-{number:04d}"}
        )
    assert any(growth(driver(script.plan(), rate=math.inf)) < 3 for _ in range(MOST_RUNS))


def growth(player):
    """Return how many times what the first steps cost the last ones do, by the middle of 500."""
    player.start(0.0)
    spent = []
    for number in range(4000):
        begin = thread_time()
        [outgoing] = player.due(float(number))
        player.answered(number, Answer(200), float(number))
        ref = body_of(outgoing)["ref"]
        player.heard("c1", event("/calls", {"ref": ref, "handle": f"live-{number:04d}"}), float(number))
        player.state(float(number))
        spent.append(thread_time() - begin)

    return sorted(spent[-500:])[250] / sorted(spent[:500])[250]
