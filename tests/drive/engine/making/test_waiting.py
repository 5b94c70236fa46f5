"""Other clients that a step waits for."""

from __future__ import annotations

from recorder.drive.engine.plan import Why
from tests.drive.engine.plans import planned, titled, waits
from tests.wire import Ask, Wire, get_me, preview


def test_of_clients_that_were_gone_one_after_the_other_the_last_counts():
    wire = Wire()
    for number in range(4):
        desk = wire.desk(headers=(("Cookie", f"JSESSIONID={number}"),))
        desk.asks(preview(f"r{number}"))
        wire.wait(1)

    plan = planned(wire)

    for number in range(1, 4):
        begin = next(step for step in plan.steps if step.client == f"s{number + 1}")
        clients = [plan.steps[one.step].client for one in begin.causes if one.step is not None]
        assert clients == [f"s{number}"]


def test_clients_side_by_side_do_not_wait_for_each_other():
    wire = Wire()
    desks = [wire.desk(headers=(("Cookie", f"JSESSIONID={number}"),)) for number in range(3)]
    for _ in range(3):
        for desk in desks:
            desk.asks(get_me())

    plan = planned(wire)

    assert [step.title for step in plan.steps if any(one.why is Why.OTHER for one in step.causes)] == []


def test_an_event_that_names_what_another_client_sent_ties_them():
    """The dialect knows nothing of these operations: the number in the event is what tells."""
    wire = Wire()
    ann, bob = (wire.desk(headers=(("Cookie", f"JSESSIONID={name}"),)) for name in "ab")
    bob.polls()
    ann.asks(Ask("/conference", {"room": "room-4711"}))
    bob.hears({"channel": "/calls", "data": {"text": "join room-4711"}})
    bob.asks(Ask("/join", {"room": "room-4711"}))

    plan = planned(wire)

    assert waits(plan, titled(plan, "POST /conference"), Why.OTHER) == ["subscribe /**", "answer to subscribe /**"]
    (told,) = [one for one in plan.told if one.name == "/calls"]
    assert told.step == titled(plan, "POST /conference").number
    assert waits(plan, titled(plan, "POST /join"), Why.ORDER)[-1] == "/calls"
