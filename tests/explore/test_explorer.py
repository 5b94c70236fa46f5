"""A search finds the order that a client does not bear, makes it small and says it in words. Runs are simulated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.errors import UsageError
from recorder.explore.explorer import Explorer
from recorder.explore.outcome import Result, Verdict
from recorder.explore.placed import placed
from recorder.explore.words import Words
from recorder.replay.engine.orders.deviations import Deviation, Disturbance, Kind
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.played import Act, Order
from recorder.replay.engine.orders.schedule import Schedule, to_text
from tests.explore.desk import GWS, Desktop, asked_late, changed_late, is_before, listed, recorded, schedule, searched
from tests.wire import Ask, Wire, chained, done

RECORDING = recorded()
ITEMS = placed(RECORDING, GWS)
HASTY = Desktop(ITEMS)
PATIENT = Desktop.patient(ITEMS)
ALL = frozenset(Disturbance)


def explorer(**own: object) -> Explorer:
    return Explorer(RECORDING, GWS, **own)


def never_fails(order: Order) -> bool:
    return True


def ack_first(order: Order) -> bool:
    return not is_before(order, "event 2.1", "ack 2")


def both_acks_first(order: Order) -> bool:
    return ack_first(order) or not is_before(order, "event 3.1", "ack 3")


def found(bears: Callable[[Order], bool], desktop: Desktop = HASTY, **own: object) -> Result:
    return searched(explorer(**own), desktop, bears)[0]


def test_the_recorded_order_comes_first() -> None:
    search = explorer()

    trial = search.next()

    assert trial is not None
    assert (trial.schedule, trial.why, trial.number) == (Schedule(), "recorded order", 1)


def test_a_client_that_bears_all_orders_passes_with_what_was_seen() -> None:
    result, log = searched(explorer(schedules=200), HASTY, never_fails)

    assert (result.verdict, result.runs, len(log)) == (Verdict.PASSED, 200, 200)
    assert result.coverage == "29 of 29 pairs of neighbours seen in both orders"
    assert result.says.startswith("no failure in 200 schedules: the recorded order, ")
    assert result.schedule is None
    assert result.is_over


def test_a_client_that_waits_is_told_as_the_reason_for_pairs_that_cannot_be_reversed() -> None:
    result = found(never_fails, PATIENT)

    assert "cannot be: the client itself waits" in result.coverage
    assert is_before(PATIENT.run(schedule("ack 2 before event 1.2")), "event 1.2", "ack 2")


def test_the_smallest_deviation_is_found_confirmed_and_told() -> None:
    result, log = searched(explorer(), HASTY, ack_first)

    assert result.verdict is Verdict.FAILED
    assert result.schedule == schedule("event 2.1 before ack 2")
    assert log[-3:] == [*["confirming: event 2.1 before ack 2"] * 2, "confirming: the recorded order"]
    first, times, cause = result.says.splitlines()
    assert first == (
        "fails if ChainedRecord on /v2/me/outbound (event 2.1) arrives before the ack of GetChainedRecord (triple 2); "
        f"1 deviation; replay it with --schedule {result.schedule.id}"
    )
    assert times == "In the recording event 2.1 came 20 ms after ack 2; in the failing run 1 ms before it."
    assert cause.startswith("The client seems to count on the ack of GetChainedRecord coming first. An event may ")
    assert result.ran.says.startswith("AssertionError: no record")


def test_two_deviations_that_fail_together_only_are_both_found() -> None:
    result = found(both_acks_first)

    assert result.schedule == schedule("event 2.1 before ack 2", "event 3.1 before ack 3")
    assert "; 2 deviations; " in result.says
    assert "(triple 2), and if RecordProcessedAcknowledge (event 3.1) arrives before" in result.says


def test_the_file_of_a_result_has_the_order_of_the_failing_run() -> None:
    result = found(ack_first)

    kept = result.kept(["a.cassette"], "test_it")

    assert (kept.schedule, kept.cassettes, kept.test, kept.says) == (
        result.schedule, ("a.cassette",), "test_it", result.says,
    )  # fmt: skip
    names = [name for name, _ in kept.played]
    assert names.index("event 2.1") < names.index("ack 2")
    assert len(kept.answers) == len(names)
    assert "AssertionError" not in to_text(kept)  # what a test says may hold live values


def test_the_file_of_a_cure_has_the_order_that_passes() -> None:
    result = found(lambda order: is_before(order, "event 2.2", "event 2.1"))

    kept = result.kept()

    names = [name for name, _ in kept.played]
    assert kept.schedule == result.passes_with
    assert names.index("event 2.2") < names.index("event 2.1")


def test_what_the_client_did_not_get_in_the_recorded_order_is_left_out() -> None:
    search = explorer()
    acts = tuple(Act(name, 0.0) for name in ("request 2", "ack 2", "event 2.1"))
    search.next()

    search.ran(True, "", Order(acts))
    found: set[Item] = set()
    while (trial := search.next()) is not None:
        found |= {item for one in trial.schedule.deviations for item in (one.item, one.other) if item}
        search.ran(True, "", Order(acts, frozenset(trial.schedule.deviations)))

    assert found == {Item(2), Item(2, 1)}
    assert search.result.says.startswith(
        "no failure in 6 schedules: all 4 with up to 2 deviations (late ones alone), and 2"
    )


def test_a_recorded_order_that_fails_names_the_one_difference_that_passes() -> None:
    result, log = searched(explorer(), HASTY, lambda order: is_before(order, "event 2.2", "event 2.1"))

    assert (result.verdict, result.schedule) == (Verdict.RECORDED_FAILS, None)
    assert result.passes_with == schedule("event 2.2 before event 2.1")
    assert result.says.splitlines()[0] == (
        "fails in the recorded order, and passes if ChainedRecord on /me/internal (event 2.2) arrives before "
        "ChainedRecord on /v2/me/outbound (event 2.1); 1 deviation; replay it with --schedule "
        f"{result.passes_with.id}"
    )
    assert log[:2] == ["recorded order: the recorded order", "confirming: the recorded order"]
    assert log[-1] == "confirming: event 2.2 before event 2.1"


def test_a_test_that_always_fails_ends_soon_and_blames_no_order() -> None:
    result = found(lambda order: False, schedules=1000)

    assert result.verdict is Verdict.RECORDED_FAILS
    assert result.passes_with is None
    assert result.runs <= 252
    assert "hardly the order that it fails by" in result.says


def test_a_client_that_fails_now_and_then_is_unsteady() -> None:
    failures = iter([True] * 8 + [False] + [True] * 200)

    result = found(lambda order: next(failures))

    assert result.verdict is Verdict.UNSTEADY
    assert result.runs == 201, "the search went on; one run was made again"
    told, cause, rest, _ = result.says.splitlines()
    assert told.startswith("fails now and then: 1 of 2 runs failed if RecordProcessedAcknowledge (event 3.1) arrives ")
    assert told.endswith(f"; replay it with --schedule {result.schedule.id}")
    assert "real time" in cause
    assert rest.startswith("no schedule fails each time, in 201 runs: the recorded order, ")


def test_a_race_behind_a_failure_by_chance_is_found_and_both_are_told() -> None:
    chance = iter([True] * 2 + [False])

    result, log = searched(explorer(), HASTY, lambda order: next(chance, True) and both_acks_first(order))

    assert result.verdict is Verdict.FAILED
    assert result.schedule == schedule("event 2.1 before ack 2", "event 3.1 before ack 3")
    assert log[2].removeprefix("one deviation: ") == log[3].removeprefix("confirming: ")
    assert log[-6:-2] == ["confirming: event 2.1 before ack 2; event 3.1 before ack 3"] * 4, "twice as many"
    first, *_, by_chance, cause = result.says.splitlines()
    assert first.startswith("fails if ")
    assert by_chance.startswith("fails now and then: 1 of 2 runs failed if ")
    assert by_chance.endswith(f"; replay it with --schedule '{log[2].removeprefix('one deviation: ')}'")
    assert "real time" in cause


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("chance", [0.1, 0.3, 0.5])
def test_a_client_that_fails_at_random_ends_soon_and_blames_no_order(chance: float, seed: int) -> None:
    random = Random(f"{seed} {chance}")

    result = found(lambda order: random.random() > chance, schedules=1000)

    assert result.verdict in {Verdict.UNSTEADY, Verdict.RECORDED_FAILS}
    assert result.runs < 300


def gives_up(order: Order) -> bool:
    """A client that waits no longer than a stand-in does that waits for the client."""
    return not order.unmet


def test_an_order_that_does_not_come_about_is_not_told_as_the_cause() -> None:
    result, log = searched(explorer(schedules=60), PATIENT, gives_up)

    assert result.verdict is Verdict.UNSTEADY
    assert len([line for line in log if line.startswith(("shrinking", "confirming"))]) < 10
    told, cause, rest, _ = result.says.splitlines()
    assert told.startswith("fails while the stand-in waits for an order that does not come about: ")
    assert f" runs, first if {Words(ITEMS).clauses(result.schedule)}; replay it with --schedule " in told
    assert cause.startswith("The client seems to give up within half a second, ")
    assert rest.startswith(f"no schedule fails each time, in {result.runs} runs: ")


def test_a_race_of_a_client_that_gives_up_soon_is_found_by_what_came_about() -> None:
    bears = Desktop.patient(ITEMS)

    result = found(lambda order: gives_up(order) and ack_first(order), bears)

    assert result.verdict is Verdict.FAILED
    assert result.schedule == schedule("event 2.1 before ack 2")
    assert result.says.splitlines()[0].startswith(
        "fails if ChainedRecord on /v2/me/outbound (event 2.1) arrives before"
    )


def test_a_late_item_that_a_client_did_not_wait_for_is_the_cause() -> None:
    def run(of: Schedule) -> Order:
        order = HASTY.run(of)
        late = [one for one in of.deviations if one.kind is Kind.LATE and one.item == Item(2, 3)]
        acts = tuple(act for act in order.acts if not late or act.name != "event 2.3")
        return replace(order, acts=acts, met=order.met - {*late}, unmet=order.unmet | {*late})

    search = explorer()
    while (trial := search.next()) is not None:
        order = run(trial.schedule)
        search.ran("event 2.3" in {act.name for act in order.acts}, "", order)

    assert search.result.verdict is Verdict.FAILED
    assert [one.kind for one in search.result.schedule.deviations] == [Kind.LATE]


def test_a_search_broken_off_after_a_failure_by_chance_tells_it() -> None:
    search, chance = explorer(), iter([True, False])
    for _ in range(5):
        trial = search.next()
        search.ran(next(chance, True), "", HASTY.run(trial.schedule))

    result = search.result

    assert (result.verdict, result.runs, result.is_over) == (Verdict.UNSTEADY, 5, False)
    assert "1 of 2 runs failed" in result.says
    assert "no schedule fails each time, in 5 runs; the search was broken off" in result.says


def test_a_recorded_order_that_fails_later_is_unsteady() -> None:
    late = {"runs": 0}

    def bears(order: Order) -> bool:
        late["runs"] += 1
        return late["runs"] <= 5

    result = found(bears)

    assert result.verdict is Verdict.UNSTEADY
    assert ", and the recorded order failed later, too; " in result.says


def test_a_recorded_order_that_fails_once_is_unsteady() -> None:
    first = iter([False])

    result = found(lambda order: next(first, True))

    assert (result.verdict, result.runs) == (Verdict.UNSTEADY, 2)


def test_a_search_that_is_broken_off_tells_what_it_saw() -> None:
    search = explorer()
    for _ in range(5):
        trial = search.next()
        search.ran(True, "", HASTY.run(trial.schedule))

    result = search.result

    assert (result.verdict, result.runs, result.is_over) == (Verdict.PASSED, 5, False)
    assert "no failure in 5 runs; the search was broken off\n4 of 29 pairs" in result.says


def test_a_search_that_is_broken_off_while_it_shrinks_has_the_failure() -> None:
    search, confirmed = explorer(), 0
    while confirmed < 2:  # once before it shrinks
        confirmed += search.next().why == "confirming"
        order = HASTY.run(search.next().schedule)
        search.ran(both_acks_first(order), "", order)

    result = search.result

    assert (result.verdict, result.is_over) == (Verdict.FAILED, False)
    assert len(result.schedule.deviations) == 2


def test_no_schedule_needs_more_than_was_asked_for() -> None:
    assert found(never_fails, schedules=1).runs == 1
    assert found(never_fails, schedules=37).runs == 37


@pytest.mark.parametrize(("own", "told"), [({"schedules": 0}, "1 or more"), ({"delay": -1.0}, "0 to 3600")])
def test_numbers_that_make_no_search_are_refused(own: dict, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        explorer(**own)


def test_an_outcome_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(UsageError, match="call next"):
        explorer().ran(True, "", Order())


def test_late_items_are_few_and_last_of_the_single_ones() -> None:
    _, log = searched(explorer(schedules=60), HASTY, never_fails)

    single = [line for line in log if line.startswith("one deviation")]
    late = [line for line in single if line.endswith("late")]
    assert 0 < len(late) <= 4
    assert single[-len(late) :] == late


def test_a_delay_is_shrunk_to_about_the_time_that_the_client_bears() -> None:
    def bears(order: Order) -> bool:
        return all(one.kind is not Kind.LATE or one.seconds < 0.3 or not one.item.is_ack for one in order.met)

    result = found(bears)

    assert result.schedule == schedule("ack 1 500ms late")
    assert "(triple 1) comes 500 ms later than recorded" in result.says


def test_trouble_comes_only_where_it_is_asked_for() -> None:
    _, without = searched(explorer(), HASTY, never_fails)
    _, with_polls = searched(explorer(disturb={Disturbance.POLL}), HASTY, never_fails)
    _, with_all = searched(explorer(disturb=ALL, schedules=600), HASTY, never_fails)

    kinds = ("lost poll", "lost session", "twice", "cut websocket")
    assert [any(kind in line for line in without) for kind in kinds] == [False] * 4
    assert [any(kind in line for line in with_polls) for kind in kinds] == [True, False, False, False]
    assert [any(kind in line for line in with_all) for kind in kinds] == [True] * 4
    assert any("after a lost session" in line and "in a reply" in line for line in with_all)


@given(st.integers(0, 2**32), st.sampled_from([frozenset(), ALL]), st.booleans())
@settings(max_examples=10, deadline=None)
def test_the_same_seed_gives_the_same_schedules_and_the_same_bytes(seed: int, disturb: frozenset, waits: bool) -> None:
    desktop = PATIENT if waits else HASTY

    one, other = (
        searched(explorer(seed=seed, disturb=disturb, schedules=120), desktop, both_acks_first) for _ in range(2)
    )

    assert one == other
    assert to_text(one[0].kept(["x"], "t")) == to_text(other[0].kept(["x"], "t"))


def test_another_seed_draws_other_schedules() -> None:
    logs = [searched(explorer(seed=seed), HASTY, never_fails)[1] for seed in (1, 2)]

    assert logs[0] != logs[1]
    assert logs[0][:100] == logs[1][:100]


@given(st.integers(0, 1000), st.sampled_from([60, 200, 400]), st.sampled_from([frozenset(), ALL]))
@settings(max_examples=8, deadline=None)
def test_no_schedule_is_drawn_twice_and_the_budget_is_kept(seed: int, most: int, disturb: frozenset) -> None:
    result, log = searched(explorer(seed=seed, schedules=most, disturb=disturb), HASTY, never_fails)

    schedules = [line.partition(": ")[2] for line in log]
    assert len(set(schedules)) == len(schedules) == result.runs <= most


SINGLES = [
    "event 1.1 before ack 1", "event 2.1 before ack 2", "event 2.2 before event 2.1", "event 3.1 before ack 3",
    "ack 3 before ack 2", "event 2.3 with event 2.2", "event u1 apart from event 2.3", "event u1 before event 2.3",
]  # fmt: skip


@given(st.sets(st.sampled_from(SINGLES), min_size=1, max_size=2))
@settings(max_examples=15, deadline=None)
def test_any_cause_of_up_to_two_deviations_is_found_with_no_more(texts: set[str]) -> None:
    """A monotone fault: more deviations beside its cause fail, too."""
    cause = frozenset(map(Deviation.parse, texts))

    result = found(lambda order: not cause <= order.met, schedules=350)

    if result.verdict is Verdict.FAILED:
        assert frozenset(result.schedule.deviations) == cause
    else:  # the two exclude each other
        assert not cause <= HASTY.run(Schedule.of(cause)).met or len(cause) == 2


@given(st.sets(st.sampled_from(SINGLES), min_size=1, max_size=2), st.sampled_from(SINGLES))
@settings(max_examples=15, deadline=None)
def test_a_cause_that_something_else_heals_is_found_as_well(texts: set[str], healing: str) -> None:
    """A fault that is not monotone: with one more deviation it passes again."""
    cause, heals = frozenset(map(Deviation.parse, texts)), Deviation.parse(healing)

    result = found(lambda order: not (cause <= order.met and heals not in order.met), schedules=350)

    assert result.verdict is (Verdict.PASSED if heals in cause else result.verdict)
    assert result.schedule is None or frozenset(result.schedule.deviations) == cause


def test_a_client_that_fails_at_once_shows_the_order_though_the_rest_never_came() -> None:
    """It asks for no more, so the stand-in cannot tell that the ack came before the event."""

    def run(of: Schedule) -> tuple[bool, Order]:
        order = PATIENT.run(of)
        names = [act.name for act in order.acts]
        if "ack 2" in names and "event 1.2" not in names[: names.index("ack 2")]:
            return False, Order(order.acts[: names.index("ack 2") + 1], order.met, order.unmet)
        if schedule("event 2.1 before ack 2") == of:  # what a stand-in says that looks at pairs alone
            return False, Order(tuple(act for act in order.acts if act.name != "ack 2"), unmet=order.met)
        return True, order

    search = explorer()
    while (trial := search.next()) is not None:
        passed, order = run(trial.schedule)
        search.ran(passed, "", order)

    assert search.result.schedule == schedule("event 2.1 before ack 2")
    assert "in the failing run it came, and ack 2 did not." in search.result.says


def test_a_run_that_confirms_is_given_the_order_that_failed() -> None:
    search, orders = explorer(), []
    while (trial := search.next()) is not None:
        order = HASTY.run(trial.schedule)
        orders.append((trial.why, bool(trial.schedule.deviations), trial.kept.played))
        search.ran(ack_first(order), "", order)

    failing = search.result.kept().played
    assert orders[-3:] == [("confirming", True, failing), ("confirming", True, failing), ("confirming", False, ())]
    assert [why for why, _, played in orders[:-3] if played] == ["confirming"], "before it is shrunk"


def test_a_client_that_gets_nothing_has_no_other_order() -> None:
    search = explorer()
    search.next()
    search.ran(True, "", Order())

    assert search.next() is None
    assert search.result.verdict is Verdict.EMPTY
    assert search.result.says == (
        "no order was tried: the client got none of the recorded answers and events\n"
        "It may talk to another server: it should use the URL of the stand-in."
    )


@pytest.mark.parametrize(
    ("asked", "came", "says"),
    [
        ({"poll"}, (), ["No poll was lost: "]),
        ({"poll", "duplicate"}, ("event 2.1 in a lost poll",), ["No event came twice: "]),
        ({"poll", "duplicate"}, ("event 2.1 in a lost poll", "event 2.1 twice"), []),
        ({"handshake", "fallback"}, (), ["No session was lost: ", "No WebSocket was cut: "]),
        (set(), (), []),
    ],
)
def test_trouble_that_did_not_come_about_is_told(asked: set[str], came: tuple[str, ...], says: list[str]) -> None:
    search = explorer(schedules=30, disturb=[Disturbance(name) for name in asked])
    met = frozenset(map(Deviation.parse, came))
    while (trial := search.next()) is not None:
        search.ran(True, "", replace(HASTY.run(trial.schedule), met=met))

    assert [one[: one.index(": ") + 2] for one in search.result.says.splitlines()[2:]] == says


def test_a_client_that_fails_before_it_got_anything_is_not_run_again_and_again() -> None:
    result = found(lambda order: False, Desktop(()))

    assert (result.verdict, result.runs) == (Verdict.RECORDED_FAILS, 2)
    assert result.says == (
        "fails in the recorded order: nothing that this search can change makes it pass, so it is hardly the order "
        "that it fails by"
    )


def test_a_recording_with_many_items_costs_as_long_as_what_the_client_gets() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(300):
        desk.asks(chained(number, f"r{number}"), done(number, f"r{number}"))
    search = Explorer(wire.recording(), GWS, schedules=20)
    search.next()

    search.ran(True, "", Order((Act("request 7", 0.0), Act("ack 7", 0.1), Act("event 7.1", 0.2))))

    assert str(search.result.coverage) == "0 of 1 pair of neighbours seen in both orders"


def test_a_client_that_got_more_than_a_search_looks_at_is_told_so() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(1001):
        desk.asks(chained(number, f"r{number}"), done(number, f"r{number}"))
    recording = wire.recording()
    search = Explorer(recording, GWS, schedules=2)
    acts = tuple(Act(f"{what} {n}{part}", 0.0) for n in range(1, 1002) for what, part in (("ack", ""), ("event", ".1")))
    while search.next() is not None:
        search.ran(True, "", Order(acts))

    assert search.result.says.endswith("The client got more: only 2000 answers and events were looked at.")


def list_first(order: Order) -> bool:
    return not is_before(order, "event u1", "answer p1")


def test_a_list_that_overwrites_what_an_event_said_is_found() -> None:
    recording = listed()
    result, _ = searched(Explorer(recording, GWS), Desktop(placed(recording, GWS)), list_first)

    assert (result.verdict, result.schedule) == (Verdict.FAILED, schedule("event u1 before answer p1"))
    assert "fails if the event on /v2/me/devices (event u1) arrives before the answer to GET /api/v2/calls/17" in (
        result.says
    )
    assert result.runs <= 15


@pytest.mark.parametrize("name", ["request p1", "request p2", "answer p1"])
def test_a_client_that_sent_requests_alone_that_are_no_operations_is_searched(name: str) -> None:
    recording = listed()
    desktop = Desktop(placed(recording, GWS))

    def stops(of: Schedule) -> Order:
        order = desktop.run(of)
        names = [act.name for act in order.acts]
        return replace(order, acts=order.acts[: names.index(name) + 1])

    explorer = Explorer(recording, GWS, schedules=20)
    while (trial := explorer.next()) is not None:
        explorer.ran(passed=False, says="AssertionError", order=stops(trial.schedule))

    assert (explorer.result.verdict, explorer.result.passes_with) == (Verdict.RECORDED_FAILS, None)


@pytest.mark.parametrize(("paths", "most"), [(["/state"] * 80, 12), ([f"/{n * 'x'}" for n in range(1, 80)], 18)])
def test_a_client_that_sends_plain_requests_one_by_one_costs_few_runs(paths: list[str], most: int) -> None:
    wire = Wire()
    desk = wire.desk()
    for path in paths:
        request = desk.post(Ask(path, b"", "GET"))
        wire.wait(0.01)
        wire.ack(request)
    acts = [Act(f"{kind} p{n}", 0.0) for n in range(1, len(paths) + 1) for kind in ("request", "answer")]
    search = Explorer(wire.recording(), GWS)

    while (trial := search.next()) is not None:
        late = {one for one in trial.schedule.deviations if one.kind is Kind.LATE}
        search.ran(True, "", Order(tuple(acts), frozenset(late), frozenset(trial.schedule.deviations) - late))

    result = search.result
    assert (result.verdict, result.runs <= most) == (Verdict.PASSED, True), (result.runs, result.says)
    assert "cannot be: the client itself waits for the first before it asks for the second" in result.coverage
    assert "of the same kind not tried: those that were did not come about" in result.coverage


def test_few_deviations_whose_like_did_not_come_about_are_tried_all_the_same() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    for number in (1, 2):
        request = desk.post(Ask("/calls", b"", "GET"))
        wire.wait(0.01)
        wire.ack(request)
        wire.wait(0.1)
        desk.asks(chained(number, f"r{number}"), done(number, f"r{number}"))
    recording = wire.recording()
    desktop = Desktop(placed(recording, GWS), waits={1: frozenset({Item(0, plain=1)}), -2: frozenset({Item(1, 1)})})

    result, log = searched(Explorer(recording, GWS), desktop, never_fails)

    assert "one deviation: ack 1 before answer p1" in log, "it waits for the first list"
    assert "one deviation: ack 2 before answer p2" in log, "and not for the second one"
    assert result.says.startswith("no failure in 200 schedules: all 53 with up to 2 deviations (late ones alone)")


def asking_late() -> tuple[Explorer, Desktop]:
    """A search with a client that asks for a list when its operation is acked."""
    recording = asked_late()
    items = placed(recording, GWS)
    return Explorer(recording, GWS), Desktop(items, waits={-1: frozenset({Item(1)})})


def test_a_client_that_fails_with_a_stale_answer_alone_is_told_with_a_warning() -> None:
    explorer, desktop = asking_late()
    result, log = searched(explorer, desktop, lambda order: not is_before(order, "event 1.1", "request p1"))

    assert (result.verdict, result.schedule) == (Verdict.FAILED, schedule("event 1.1 before ack 1"))
    assert (
        "The client may be right: ChainedRecord (event 1.1) came before it asked for GET /api/v2/calls. The recorded "
        "answer (answer p1) does not know of that event; a server would have given a newer one."
    ) in result.says
    assert len(log) < 80


def test_a_client_that_fails_without_a_stale_answer_too_is_told_so() -> None:
    explorer, desktop = asking_late()
    result, log = searched(explorer, desktop, lambda order: not is_before(order, "event 1.1", "answer p1"))

    assert (result.verdict, result.schedule) == (Verdict.FAILED, schedule("event 1.1 before answer p1"))
    assert "may be right" not in result.says
    assert any(line.startswith("one deviation: event 1.1 before ack 1") for line in log), "was not tried first"


def test_a_client_that_shows_a_list_without_its_own_change_is_told_with_a_warning() -> None:
    recording = changed_late()
    desktop = Desktop(
        placed(recording, GWS), waits={-3: frozenset({Item(0, plain=1)}), -4: frozenset({Item(0, plain=2)})}
    )
    result, _ = searched(
        Explorer(recording, GWS), desktop, lambda order: not is_before(order, "answer p4", "request p3")
    )

    assert result.verdict is Verdict.FAILED
    assert (
        "The client may be right: the answer to PUT /calls/5 (answer p4) came before it asked for GET /calls. The "
        "recorded answer (answer p3) does not know of what that request changed; a server would have given a newer one."
    ) in result.says


def test_an_answer_that_the_client_gets_stale_in_the_recorded_order_is_no_doubt() -> None:
    recording = asked_late()
    items = placed(recording, GWS)
    slow = Desktop(items, waits={-1: frozenset({Item(1), Item(1, 2)})})
    result, _ = searched(Explorer(recording, GWS), slow, lambda order: not is_before(order, "event 1.1", "ack 1"))

    assert (result.verdict, result.schedule) == (Verdict.FAILED, schedule("event 1.1 before ack 1"))
    assert "may be right" not in result.says
