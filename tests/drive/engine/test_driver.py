"""What leaves when, and what is found if something does not come as recorded."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from recorder.dialect.definition import Dialect
from recorder.drive.engine.driver import OnMissing, Patience
from recorder.drive.engine.plan import HEADER, Act, Answer, Cause, Found, Hole, Odd, Why
from recorder.drive.engine.values import Values

from .simulated import Run, Script, Server, body_of, driver, event, sent


def ring() -> Script:
    """A client places a call, hears of it under a handle, and asks for the record of that handle."""
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0, {"ref": "ref-0001"}, fresh=("ref",))
    script.answer(0, 1.1)
    script.event("c1", 0, 1.5, "/calls", {"ref": "ref-0001", "handle": "handle-0001"})
    script.step("s1", 3.5, {"handle": "handle-0001"}, learned={"handle": [(1, "handle")]})
    script.answer(1, 3.6)
    return script


def found(player) -> list[Found]:
    return [one.found for one in player.findings]


def test_a_step_leaves_its_think_time_after_the_last_of_its_causes():
    player = driver(ring().plan())
    player.start(100.0)
    assert sent(player.due(100.0)) == [0]
    player.answered(0, Answer(200), 100.1)
    assert player.due(100.1) == []
    player.heard("c1", event("/calls", {"ref": "fresh-0001", "handle": "live-0007"}), 100.2)

    assert player.deadline() == pytest.approx(102.2)
    assert player.due(102.1) == []
    [outgoing] = player.due(player.deadline())
    assert body_of(outgoing) == {"handle": "live-0007"}
    assert player.bindings == [("ref-0001", "fresh-0001"), ("handle-0001", "live-0007")]


@pytest.mark.parametrize(("rate", "leaves"), [(0.5, 104.2), (20.0, 100.3), (math.inf, 100.21)])
def test_the_rate_shortens_think_times(rate, leaves):
    player = driver(ring().plan(), rate=rate)
    player.start(100.0)
    player.due(100.0)
    player.answered(0, Answer(200), 100.1)
    player.heard("c1", event("/calls", {"ref": "fresh-0001", "handle": "live-0007"}), 100.2)

    assert player.deadline() <= leaves
    assert sent(player.due(leaves + 1e-9)) == [1]


def test_no_rate_lets_a_step_leave_before_its_causes():
    player = driver(ring().plan(), rate=math.inf)
    player.start(100.0)
    player.due(100.0)
    player.answered(0, Answer(200), 100.1)

    assert player.due(104.0) == []


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan])
def test_a_rate_is_positive(rate):
    with pytest.raises(ValueError, match="not positive"):
        driver(ring().plan(), rate=rate)


def test_a_step_that_waits_for_what_comes_after_it_is_a_mistake_of_the_plan():
    script = ring()
    script.step("s1", 9.0, causes=[Cause(3, None, 0, Why.TURN)])
    script.step("s1", 9.0)

    with pytest.raises(ValueError, match="step 2 waits for step 3"):
        driver(script.plan())


def test_an_event_before_the_ack_counts():
    player = driver(ring().plan(), rate=math.inf)
    player.start(0.0)
    player.due(0.0)
    player.heard("c1", event("/calls", {"ref": "fresh-0001", "handle": "live-0007"}), 0.1)
    assert player.due(0.1) == []
    player.answered(0, Answer(200), 0.2)

    assert sent(player.due(0.2)) == [1]
    assert player.findings == []


def test_a_session_that_begins_later_begins_later():
    script = Script()
    script.client("s1")
    script.client("s2")
    script.step("s1", 10.0)
    script.step("s2", 14.0)
    player = driver(script.plan(), rate=2.0)
    player.start(50.0)

    assert sent(player.due(50.0)) == [0]
    assert player.deadline() == 52.0
    assert sent(player.due(52.0)) == [1]


def test_an_instant_drive_keeps_the_order_of_the_recording():
    script = Script()
    script.client("s1")
    script.client("s2")
    for client in ("s1", "s2", "s1", "s2"):
        script.step(client, len(script.steps))
    player = driver(script.plan(), rate=math.inf)
    player.start(0.0)

    assert sent(player.due(0.0)) == [0, 1, 2, 3]


def test_a_run_ends_after_the_last_of_all_and_a_while():
    player = driver(ring().plan(), settle=0.5)
    run = Run(player, Server(player._plan)).play()

    assert run.ended == pytest.approx(max(run.came.values()) + 0.5)
    state = player.state(run.ended)
    assert (state.sent, state.answered, state.heard, state.is_over, state.has_stalled) == (2, 2, 1, True, False)
    assert (state.steps, state.answers, state.events, state.left_out, state.waits) == (2, 2, 1, 0, ())
    assert {number: one.seq for number, one in state.paired.items()} == {1: 1}
    assert player.deadline() is None
    assert player.due(1e9) == []


def test_a_state_says_what_a_client_waits_for():
    player = driver(ring().plan())
    assert player.deadline() is None
    player.start(0.0)
    assert player.state(0.0).waits == ("step 0 Op0 leaves in 0 s",)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)
    assert player.state(0.0).waits == ("step 1 Op1 waits for event /calls after step 0 Op0 (value handle)",)


# What does not come.


@pytest.mark.parametrize(
    ("on_missing", "kinds", "is_stalled"),
    [
        (OnMissing.STOP, [Found.MISSING_EVENT], True),
        (OnMissing.SKIP, [Found.MISSING_EVENT, Found.LEFT_OUT], False),
        (OnMissing.SEND, [Found.MISSING_EVENT, Found.LEFT_OUT], False),
    ],
)
def test_an_event_that_does_not_come_is_found(on_missing, kinds, is_stalled):
    player = driver(ring().plan(), on_missing=on_missing)
    run = Run(player, Server(player._plan, dropped=frozenset({1}))).play()

    assert found(player) == kinds
    assert sent_steps(run) == [0]
    assert player.state(run.ended).has_stalled is is_stalled
    assert player.findings[0].at == pytest.approx(5.0)
    assert player.findings[0].text == (
        "event /calls after step 0 Op0 did not come within 5 s; it was recorded 0.5 s after step 0 Op0; "
        "step 1 Op1 waits for it"
    )


def sent_steps(run) -> list[int]:
    return [number for _, number in run.sent]


def test_a_stopped_run_says_what_it_waited_for():
    player = driver(ring().plan())
    run = Run(player, Server(player._plan, dropped=frozenset({1}))).play()

    assert player.state(run.ended).waits == ("step 1 Op1 waits for event /calls after step 0 Op0 (value handle)",)


def test_patience_grows_with_the_recorded_latency_and_not_with_the_rate():
    player = driver(ring_with_late_event().plan(), rate=20.0, patience=Patience(2.0, 3.0))
    Run(player, Server(player._plan, dropped=frozenset({1}))).play()

    assert player.findings[0].at == pytest.approx(30.0)


def ring_with_late_event() -> Script:
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0)
    script.answer(0, 1.1)
    script.event("c1", 0, 11.0, "/calls", {})
    return script


@pytest.mark.parametrize(
    ("n", "since", "waits"), [(7, 11.0, 30.0), (0, 11.0, 30.0), (7, 601.0, 1800.0), (0, 601.0, 660.0)]
)
def test_an_event_that_no_request_caused_is_not_waited_for_without_end(n, since, waits):
    script = ring_with_late_event()
    script.told[1] = replace(script.told[1], n=n, t=int(since * 1e9))
    player = driver(script.plan(), patience=Patience(2.0, 3.0, 60.0))
    Run(player, Server(player._plan, dropped=frozenset({1}))).play()

    assert player.findings[0].at == pytest.approx(waits)


def test_what_nobody_waits_for_is_missing_but_stalls_nothing():
    player = driver(ring_with_late_event().plan())
    run = Run(player, Server(player._plan, dropped=frozenset({1}))).play()

    assert found(player) == [Found.MISSING_EVENT]
    assert not player.state(run.ended).has_stalled


def test_patience_begins_when_the_cause_has_left():
    script = ring()
    script.client("s2", "c2")
    script.step("s2", 100.0)
    script.event("c2", 2, 100.1, "/later", {})
    player = driver(script.plan())
    run = Run(player, Server(player._plan)).play()

    assert player.findings == []
    assert run.ended > 199.0


def rings_elsewhere(n: int) -> Script:
    """A client listens; long after, another one places a call that rings there."""
    script = Script()
    script.client("s1", "c1")
    script.client("s2", "c2")
    script.step("s2", 0.0)
    script.answer(0, 0.1)
    script.step("s1", 50.0, n=n)
    script.event("c2", 0 if not n else 1, 50.5, "/rings", {}, n=n)
    return script


@pytest.mark.parametrize("n", [0, 7])
def test_patience_for_an_event_without_a_triple_begins_with_the_last_step_of_all_before_it(n):
    late = driver(rings_elsewhere(n).plan(), rate=0.5, patience=Patience(2.0, 1.0))
    run = Run(late, Server(late._plan)).play()
    lost = driver(rings_elsewhere(n).plan(), rate=0.5, patience=Patience(2.0, 1.0))
    Run(lost, Server(lost._plan, dropped=frozenset({1}))).play()

    assert (late.findings, run.ended > 99.0) == ([], True)
    [finding] = lost.findings
    assert finding.found is Found.MISSING_EVENT
    assert finding.at == pytest.approx(102.0, abs=0.5)


def test_patience_for_an_event_of_a_triple_does_not_wait_for_other_clients():
    script = Script()
    script.client("s1", "c1")
    script.client("s2")
    script.step("s2", 0.0)
    script.step("s2", 60.0)
    script.step("s1", 70.0, n=7)
    script.event("c1", 2, 70.5, "/calls", {})
    script.steps[2] = replace(script.steps[2], causes=(Cause(0, None, 60_000_000_000, Why.OTHER),))
    player = driver(script.plan(), patience=Patience(2.0, 1.0))
    Run(player, Server(player._plan, dropped=frozenset({0}))).play()

    assert player.findings[0].at == pytest.approx(12.0)


def test_what_comes_before_all_steps_is_waited_for_from_the_begin():
    script = Script()
    script.client("s1", "c1")
    script.event("c1", None, 0.1, "/calls", {})
    player = driver(script.plan())
    Run(player, Server(player._plan)).play()

    assert found(player) == [Found.MISSING_EVENT]


def test_patience_ends_also_if_the_step_before_an_event_was_left_out():
    script = rings_elsewhere(0)
    hole = Hole((HEADER, "x-user", 0), 0, 1, "u", "x-user", is_hidden=True)
    script.steps[1] = replace(script.steps[1], holes=(hole,))
    player = driver(script.plan(), on_missing=OnMissing.SKIP)
    Run(player, Server(player._plan, dropped=frozenset({1}))).play()

    assert found(player) == [Found.LEFT_OUT, Found.MISSING_EVENT]


def test_skipping_leaves_out_those_that_need_values_of_what_was_left_out():
    player = driver(chained().plan(), on_missing=OnMissing.SKIP)
    run = Run(player, Server(player._plan, dropped=frozenset({0}))).play()

    assert sent_steps(run) == [0, 3]
    assert found(player) == [Found.MISSING_ANSWER, Found.LEFT_OUT, Found.LEFT_OUT]
    assert [one.text for one in player.findings[1:]] == [
        "step 1 Op1 was not sent: it waited for the answer to step 0 Op0, which did not come",
        "step 2 Op2 was not sent: the value handle comes from the answer to step 1 Op1, which did not come",
    ]


def chained() -> Script:
    """Each step but the last takes a value from the answer to the one before."""
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0, n=1)
    script.answer(0, 1.1, {"handle": "handle-0000"})
    script.step("s1", 2.0, {"handle": "handle-0000"}, learned={"handle": [(0, "handle")]}, n=2)
    script.answer(1, 2.1, {"handle": "handle-0001"})
    script.step("s1", 3.0, {"handle": "handle-0001"}, learned={"handle": [(1, "handle")]}, n=3)
    script.answer(2, 3.1)
    script.step("s1", 4.0, n=4)
    script.answer(3, 4.1)
    return script


def test_sending_leaves_out_only_what_lacks_a_value():
    player = driver(chained().plan(), on_missing=OnMissing.SEND)
    run = Run(player, Server(player._plan, dropped=frozenset({1}))).play()

    assert sent_steps(run) == [0, 1, 3]
    assert found(player) == [Found.MISSING_ANSWER, Found.LEFT_OUT]
    assert player.findings[0].text == (
        "the answer to step 1 Op1 did not come: connection reset; it was recorded 0.1 s after step 1 Op1; "
        "step 2 Op2 waits for it"
    )
    assert player.findings[0].where == "triple 2 Op1, answer"


def test_a_step_without_answer_in_the_recording_waits_for_none():
    script = Script()
    script.client("s1")
    script.step("s1", 1.0)
    script.step("s1", 2.0)
    player = driver(script.plan())
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(None, failure="reset"), 0.5)

    assert sent(player.due(1.0)) == [1]
    assert player.findings == []


def test_a_recorded_refusal_is_waited_for_like_any_answer():
    script = Script()
    script.client("s1")
    script.step("s1", 1.0)
    script.answer(0, 1.1, {"handle": "handle-0000"}, status=404, is_accepted=False)
    script.step("s1", 2.0, {"handle": "handle-0000"}, learned={"handle": [(0, "handle")]})
    player = driver(script.plan())
    run = Run(player, Server(player._plan)).play()

    assert sent_steps(run) == [0, 1]
    assert player.findings == []


def test_what_was_refused_and_is_accepted_is_found():
    script = Script()
    script.client("s1")
    script.step("s1", 1.0, n=7)
    script.answer(0, 1.1, status=404, is_accepted=False)
    player = driver(script.plan())
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)

    [finding] = player.findings
    assert (finding.found, finding.n, finding.where) == (Found.ACCEPTED, 7, "triple 7 Op0, answer")
    assert finding.text == "step 0 Op0 was accepted (status 200); the recorded server refused it (status 404)"


@pytest.mark.parametrize(("on_missing", "is_stalled"), [(OnMissing.SKIP, False), (OnMissing.STOP, True)])
def test_events_of_what_is_refused_are_not_waited_for(on_missing, is_stalled):
    script = ring()
    script.step("s1", 5.0)
    player = driver(script.plan(), on_missing=on_missing)
    run = Run(player, Server(player._plan, refused=frozenset({0}))).play()

    assert run.ended < 105.0
    assert found(player) == [Found.REFUSED, Found.LEFT_OUT]
    assert (
        player.findings[0].text == "step 0 Op0 was refused (status 409); the recorded server accepted it (status 200)"
    )
    assert sent_steps(run) == ([0] if is_stalled else [0, 2])
    assert player.state(run.ended).has_stalled is is_stalled


def test_a_refused_begin_leaves_out_what_its_connection_carries():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0, act=Act.HANDSHAKE, connection="c1")
    script.answer(0, 1.1)
    script.event("c1", 0, 1.2, "/hello", {}, n=0)
    script.step("s1", 2.0, act=Act.PUBLISH, connection="c1")
    script.answer(1, 2.1)
    script.step("s1", 3.0, act=Act.DISCONNECT, connection="c1")
    script.answer(2, 3.1)
    player = driver(script.plan(), on_missing=OnMissing.SEND)
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(403, reply={"successful": False, "error": "403:abc:denied"}), 0.1)
    assert player.due(10.0) == []
    assert player.due(11.0) == []

    assert [one.text for one in player.findings] == [
        "step 0 Op0 was refused (error 403 denied); the recorded server accepted it (status 200)",
        "step 1 Op1 was not sent: its connection is gone (it was refused)",
    ]
    assert player.state(11.0).left_out == 2


def test_a_value_that_its_source_lacks_is_found_and_the_step_never_sent():
    player = driver(ring().plan(), on_missing=OnMissing.SEND)
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)
    player.heard("c1", event("/calls", {"ref": "fresh-0001"}), 0.2)
    assert player.due(9.0) == []

    assert [(one.found, one.told) for one in player.findings] == [(Found.NO_VALUE, 1), (Found.LEFT_OUT, None)]
    assert player.findings[0].text == (
        "event /calls after step 0 Op0 came without a value at body.handle, which step 1 Op1 sends as handle"
    )


def test_a_value_comes_from_an_older_source_if_the_latest_lacks_it():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0)
    script.answer(0, 1.1, {"handle": "handle-0001"})
    script.event("c1", 0, 1.5, "/calls", {"handle": "handle-0001"})
    script.step("s1", 3.5, {"handle": "handle-0001"}, learned={"handle": [(1, "handle"), (0, "handle")]})
    player = driver(script.plan(), rate=math.inf)
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200, (), b'{"handle": "live-0001"}'), 0.1)
    player.heard("c1", event("/calls", {}), 0.2)

    assert [body_of(one) for one in player.due(0.3)] == [{"handle": "live-0001"}]
    assert player.findings == []


def test_a_value_of_the_user_stands_in_for_one_that_no_source_told():
    player = driver(
        ring().plan(), on_missing=OnMissing.SEND, values=Values.parse('[keys]\nhandle = "4711"', "v.toml", {})
    )
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)

    player.due(6.0)
    assert [body_of(one) for one in player.due(9.0)] == [{"handle": "4711"}]


def test_a_pseudonym_without_a_value_is_never_sent():
    script = ring()
    hole = Hole((HEADER, "authorization", 0), 7, 11, "user", "authorization", is_hidden=True, is_credential=True)
    script.steps[0] = replace(script.steps[0], holes=(hole,))
    player = driver(script.plan())
    player.start(0.0)

    assert player.due(0.0) == []
    assert [one.text for one in player.findings] == [
        "step 0 Op0 was not sent: the recorded value authorization is a pseudonym, and no other one was given"
    ]
    assert player.state(0.0).has_stalled


def test_a_header_of_the_user_stands_in_for_a_pseudonym():
    script = ring()
    hole = Hole((HEADER, "authorization", 0), 7, 11, "user", "authorization", is_hidden=True, is_credential=True)
    script.steps[0] = replace(script.steps[0], holes=(hole,))
    values = Values.parse('[headers]\nAuthorization = "Bearer t"', "v.toml", {})
    player = driver(script.plan(), values=values)
    player.start(0.0)

    assert [one.headers for one in player.due(0.0)] == [(("Authorization", "Bearer t"),)]


def test_an_event_that_comes_too_late_is_no_surplus_and_gives_its_value():
    script = ring()
    script.step("s1", 9.0, {"handle": "handle-0001"}, learned={"handle": [(1, "handle")]})
    player = driver(script.plan(), on_missing=OnMissing.SEND)
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)
    player.due(6.0)
    player.due(8.1)
    player.heard("c1", event("/calls", {"ref": "fresh-0001", "handle": "live-0007"}), 8.2)

    assert sent(player.due(20.0)) == [2]
    assert found(player) == [Found.MISSING_EVENT, Found.LEFT_OUT]


def test_patience_begins_when_the_bytes_of_a_step_leave():
    player = driver(ring().plan(), patience=Patience(2.0, 1.0), on_missing=OnMissing.SKIP)
    player.slack = 60.0
    player.start(0.0)
    player.due(0.0)
    player.due(9.0)
    player.left(0, 9.5)
    player.due(11.4)
    assert player.findings == []

    player.due(11.5)

    assert [(one.found, one.told) for one in player.findings][:2] == [
        (Found.MISSING_ANSWER, 0), (Found.MISSING_EVENT, 1),
    ]  # fmt: skip


# Surplus.


def test_a_doubled_event_after_the_end_is_found_while_the_run_settles():
    player = driver(ring().plan(), rate=math.inf)
    run = Run(player, Server(player._plan, doubled=frozenset({1}), delays={1: 0.3})).play()

    assert [(one.found, one.told) for one in player.findings] == [(Found.UNEXPECTED, 1)]
    assert player.findings[0].text == (
        "event /calls came once more: an equal one came before, as event /calls after step 0 Op0; it was recorded once"
    )
    assert player.findings[0].odd is Odd.DOUBLED
    assert sent_steps(run) == [0, 1]


@pytest.mark.parametrize(
    ("told", "odd", "text"),
    [
        ({"ref": "foreign-7"}, Odd.WRONG_ID, "its ref is an id that this client neither made up nor was told for it"),
        ({"note": "none"}, Odd.EARLY, "the next one was recorded after step 1 Op1, which has not been sent"),
    ],
)
def test_an_event_of_somebody_else_is_told_from_one_before_its_cause(told, odd, text):
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 0.0)
    script.step("s1", 9.0, {"ref": "ref-0001"}, fresh=("ref",), n=1)
    script.event("c1", 1, 9.5, "/calls", {"ref": "ref-0001"}, n=1)
    player = driver(script.plan())
    player.start(0.0)
    player.due(0.0)

    player.heard("c1", event("/calls", told), 0.2)

    assert [(one.found, one.odd) for one in player.findings] == [(Found.UNEXPECTED, odd)]
    assert player.findings[0].text.endswith(text)


def test_an_event_that_was_never_recorded_is_found():
    player = driver(ring().plan())
    player.start(0.0)
    player.due(0.0)
    player.heard("c1", event("/other", {}), 0.2)

    assert [(one.found, one.where) for one in player.findings] == [(Found.UNEXPECTED, "session s1, connection c1")]


def news() -> Script:
    """A client with an event that followed its second call by chance."""
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0)
    script.answer(0, 1.1, {"handle": "handle-0001"})
    script.step("s1", 3.0, {"handle": "handle-0001"}, learned={"handle": [(0, "handle")]})
    script.event("c1", 1, 3.5, "/news", {"text": "a"}, n=0)
    return script


def test_an_event_that_followed_a_step_by_chance_may_come_before_it():
    player = driver(news().plan())
    player.start(0.0)
    player.due(0.0)
    player.heard("c1", event("/news", {"text": "a"}), 0.1)
    player.answered(0, Answer(200, (), b'{"handle": "live-0001"}'), 0.2)
    player.due(3.0)

    assert player.findings == []
    assert player.state(3.0).heard == 1


def test_an_event_that_followed_a_step_by_chance_may_come_without_it():
    player = driver(news().plan(), on_missing=OnMissing.SEND)
    player.start(0.0)
    player.due(0.0)
    player.heard("c1", event("/news", {"text": "a"}), 0.1)
    player.answered(0, Answer(200, (), b"{}"), 0.2)
    player.due(3.0)
    player.heard("c1", event("/news", {"text": "b"}), 3.1)

    assert found(player) == [Found.NO_VALUE, Found.LEFT_OUT, Found.UNEXPECTED]


def test_an_event_that_was_held_for_nothing_is_found_at_the_end():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0)
    script.step("s1", 3.0, {"handle": "handle-0001"}, fresh=("handle",))
    script.event("c1", 1, 3.5, "/news", {"handle": "handle-0001"}, n=0)
    player = driver(script.plan(), rate=math.inf)
    player.next_step()
    player.start(0.0)
    player.due(0.0)
    player.heard("c1", event("/news", {"handle": "other-0001"}), 0.1)
    player.go_on()
    player.due(0.2)
    player.heard("c1", event("/news", {"handle": "fresh-0001"}), 0.3)
    player.due(0.8)

    assert [(one.found, one.text) for one in player.findings] == [
        (Found.UNEXPECTED, "event /news came where none was recorded")
    ]


def test_an_event_tells_after_which_step_it_was_recorded():
    script = ring()
    script.event("c1", 1, 3.7, "/calls/ended", {})
    player = driver(script.plan())
    player.start(0.0)
    player.due(0.0)
    player.heard("c1", event("/calls/ended", {}), 0.1)

    assert player.findings[0].text == (
        "event /calls/ended came where none was recorded; "
        "the next one was recorded after step 1 Op1, which has not been sent"
    )


def test_heartbeats_come_as_often_as_they_like():
    script = ring()
    script.event("c1", None, 2.0, "/beat", {}, is_awaited=False)
    player = driver(script.plan())
    player.start(0.0)
    player.due(0.0)
    for _ in range(3):
        player.heard("c1", event("/beat", {}), 0.2)

    assert player.findings == []


def test_nothing_is_found_after_the_end():
    player = driver(ring().plan(), rate=math.inf)
    run = Run(player, Server(player._plan)).play()
    player.heard("c1", event("/other", {}), run.ended + 1)
    player.answered(1, Answer(500), run.ended + 1)
    player.lost("c1", "reset", run.ended + 1)
    player.gone("c1", "reset", run.ended + 1)

    assert player.findings == []


# Connections.


def test_events_that_a_lost_connection_lost_are_missing():
    player = driver(ring().plan())
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)
    player.lost("c1", "reset by peer", 0.2)
    player.due(player.deadline())

    assert found(player) == [Found.LOST, Found.MISSING_EVENT]
    assert player.findings[0].where == "session s1, connection c1"
    assert "its connection was lost meanwhile (reset by peer)" in player.findings[1].text
    assert player.state(6.0).has_stalled


def test_a_connection_that_does_not_come_back_is_found_once():
    script = ring()
    script.event("c1", 1, 4.0, "/calls", {})
    script.event("c1", 1, 5.0, "/calls", {})
    player = driver(script.plan(), on_missing=OnMissing.SEND)
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)
    player.heard("c1", event("/calls", {"ref": "fresh-0001", "handle": "live-0007"}), 0.2)
    player.gone("c1", "404", 0.3)
    player.gone("c1", "404", 0.4)
    player.due(5.0)
    player.answered(1, Answer(200), 5.1)
    player.due(6.0)

    assert found(player) == [Found.FAILED]
    assert player.findings[0].text == (
        "the connection was lost (404) and did not come back; "
        "2 recorded events cannot come by it, and 0 steps cannot be sent"
    )
    assert player.state(6.0).is_over


def test_steps_of_a_connection_that_was_not_begun_are_left_out():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0, act=Act.HANDSHAKE, connection="c1")
    script.answer(0, 1.1)
    script.step("s1", 1.2, act=Act.SUBSCRIBE, connection="c1")
    script.answer(1, 1.3)
    script.event("c1", 1, 1.4, "/a", {}, n=0)
    script.step("s1", 1.5)
    player = driver(script.plan(), on_missing=OnMissing.SEND, rate=math.inf)
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(None, failure="connection refused"), 0.1)

    assert sent(player.due(0.1)) == [2]
    assert found(player) == [Found.MISSING_ANSWER, Found.LEFT_OUT]
    player.due(0.6)
    assert player.state(0.6).is_over


def test_a_message_that_could_not_be_sent_is_found():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0, act=Act.MESSAGE, connection="c1", payload=b"{}")
    player = driver(script.plan())
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(None, failure="the WebSocket is closed"), 0.1)

    assert [(one.found, one.text) for one in player.findings] == [
        (Found.FAILED, "step 0 Op0 could not be sent: the WebSocket is closed")
    ]


def test_a_connection_may_go_when_all_has_come_by_it():
    player = driver(ring().plan(), rate=math.inf)
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)
    player.heard("c1", event("/calls", {"ref": "fresh-0001", "handle": "live-0007"}), 0.2)
    player.gone("c1", "closed by the server", 0.3)

    assert player.findings == []


def test_a_connection_that_its_client_ended_is_not_lost():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0, act=Act.DISCONNECT, connection="c1")
    script.step("s1", 9.0)
    player = driver(script.plan())
    player.start(0.0)
    player.due(0.0)
    player.lost("c1", "closed", 0.3)
    player.gone("c1", "closed", 0.3)

    assert player.findings == []


# Dialects.

GWS = Dialect.load("gws-outbound")


def test_an_answer_that_says_no_in_its_body_is_refused():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0, n=3)
    script.answer(0, 1.1, {"statusCode": 0})
    player = driver(script.plan(), dialect=GWS)
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200, (("Content-Type", "application/json"),), b'{"statusCode": 9}'), 0.1)

    assert found(player) == [Found.REFUSED]
    assert player.findings[0].text == (
        "step 0 Op0 was refused (status 200, with a code of a refusal in its body); "
        "the recorded server accepted it (status 200)"
    )


def test_what_the_dialect_ignores_is_no_surplus():
    player = driver(ring().plan(), dialect=Dialect.load("genesys-cloud"))
    player.start(0.0)
    player.due(0.0)
    player.heard("c1", event("channel.metadata", {"topicName": "channel.metadata"}), 0.2)

    assert player.findings == []


def test_keys_of_an_answer_tell_which_of_two_events_is_missing():
    script = Script()
    script.client("s1", "c1")
    for number in (0, 1):
        script.step("s1", number, n=number + 1)
        script.answer(number, number + 0.1, {"statusCode": 0, "referenceId": f"made-up-{number}"})
    for number in (0, 1):
        data = {"notificationType": "PreviewRecord", "referenceId": f"made-up-{number}"}
        told = script.event("c1", number, 2.0 + number, "/v2/me/outbound", data)
        keys = GWS.keys_of_event(script.told[told].event)
        script.told[told] = replace(script.told[told], name="PreviewRecord", keys=keys)
    player = driver(script.plan(), dialect=GWS, rate=math.inf)
    player.start(0.0)
    for number in (0, 1):
        player.due(0.1)
        player.answered(number, Answer(200, (), b'{"statusCode": 0, "referenceId": "live-%d"}' % number), 0.1)
    player.heard("c1", event("/v2/me/outbound", {"notificationType": "PreviewRecord", "referenceId": "live-1"}), 0.2)
    player.due(60.0)
    player.due(61.0)

    assert [(one.found, one.n, one.where) for one in player.findings] == [
        (Found.MISSING_EVENT, 1, "triple 1 Op0, event PreviewRecord")
    ]


# Stepping.


def test_steps_leave_one_by_one():
    player = driver(ring().plan(), rate=math.inf)
    assert player.next_step().number == 0
    player.start(0.0)
    assert sent(player.due(0.0)) == [0]
    assert not player.is_at_rest()
    player.answered(0, Answer(200), 0.1)
    player.heard("c1", event("/calls", {"ref": "fresh-0001", "handle": "live-0007"}), 0.2)
    assert player.due(0.3) == []
    assert player.is_at_rest()
    assert player.next_step().number == 1
    assert sent(player.due(0.4)) == [1]
    assert player.next_step() is None
    player.answered(1, Answer(200), 0.5)
    assert player.is_at_rest()


def test_a_driver_that_waits_for_the_next_call_is_paused_though_it_has_no_deadline():
    player = driver(ring().plan(), rate=math.inf)
    assert not player.is_paused
    player.next_step()
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)
    player.heard("c1", event("/calls", {"ref": "fresh-0001", "handle": "live-0007"}), 0.2)
    player.due(0.3)

    assert (player.deadline(), player.is_paused) == (None, True)

    player.go_on()
    assert not player.is_paused


def test_a_run_goes_on_after_steps():
    player = driver(ring().plan(), rate=math.inf)
    player.next_step()
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)
    player.heard("c1", event("/calls", {"ref": "fresh-0001", "handle": "live-0007"}), 0.2)
    player.due(0.3)
    player.go_on()

    assert sent(player.due(0.4)) == [1]


# Mistakes of a front.


def test_an_answer_to_what_was_not_sent_is_a_mistake():
    player = driver(ring().plan())
    player.start(0.0)
    with pytest.raises(ValueError, match="step 1 Op1 was not sent"):
        player.answered(1, Answer(200), 0.0)


def test_a_drive_begins_once():
    player = driver(ring().plan())
    player.start(0.0)
    with pytest.raises(ValueError, match="has begun"):
        player.start(1.0)


def test_only_the_first_answer_counts():
    player = driver(ring().plan())
    player.start(0.0)
    player.due(0.0)
    player.answered(0, Answer(200), 0.1)
    player.answered(0, Answer(500), 0.2)

    assert player.findings == []
    assert player.state(0.2).answered == 1


@pytest.mark.parametrize("said", ["who is ann@example.com?", "no " + "x" * 5_000_000])
def test_what_a_server_says_shows_no_value_and_is_cut(said):
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0, act=Act.HANDSHAKE, connection="c1")
    script.answer(0, 1.1)
    values = Values.parse('[pseudonyms]\nann = "ann@example.com"', "v.toml", {})
    player = driver(script.plan(), on_missing=OnMissing.SEND, values=values)
    player.start(0.0)
    player.due(0.0)

    player.lost("c1", said, 0.1)
    player.answered(0, Answer(403, reply={"successful": False, "error": f"403:abc:{said}"}), 0.1)

    texts = [one.text for one in player.findings]
    assert len(texts) == 2
    assert all("ann@example.com" not in text and len(text) <= 1_001 for text in texts)


def test_a_flood_of_events_is_told_of_in_part():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 1.0, act=Act.HANDSHAKE, connection="c1")
    script.answer(0, 1.1)
    player = driver(script.plan())
    player.start(0.0)
    player.due(0.0)

    for number in range(1_000):
        player.heard("c1", event("/flood", {"n": number}), 0.1)
    player.answered(0, Answer(200), 0.2)
    player.due(10.0)

    assert [one.found for one in player.findings] == [Found.UNEXPECTED] * 201
    assert player.findings[-1].text.endswith("further events that were not recorded are not told")
