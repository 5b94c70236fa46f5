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


def test_what_changes_something_waits_until_other_clients_are_there():
    """Nothing shows in the recording that the request of one has to do with the event of the other."""
    wire = Wire()
    ann, bob = (wire.desk(headers=(("Cookie", f"JSESSIONID={name}"),)) for name in "ab")
    bob.polls()
    ann.asks(get_me())
    ann.asks(preview("r1"))
    ann.asks(preview("r2"))
    bob.hears({"channel": "/calls", "data": {"text": "rings"}})

    plan = planned(wire)

    assert waits(plan, titled(plan, "GET /api/v2/me"), Why.OTHER) == []
    assert waits(plan, titled(plan, "GetPreviewRecord"), Why.OTHER) == ["answer to subscribe /**"]
    assert waits(plan, titled(plan, "GetPreviewRecord", 1), Why.OTHER) == []  # it waits for the one before


def test_a_stream_and_a_websocket_of_other_clients_are_there_too():
    wire = Wire()
    ann = wire.desk(headers=(("Cookie", "JSESSIONID=a"),))
    stream = wire.streams("/stream", headers=(("Cookie", "JSESSIONID=b"),))
    socket = wire.upgrades("/socket", headers=(("Cookie", "JSESSIONID=c"),))
    ann.asks(preview("r1"))
    wire.sends(stream, {"text": "rings"})
    wire.says(socket, {"text": "rings"})

    plan = planned(wire)

    waited = waits(plan, titled(plan, "GetPreviewRecord"), Why.OTHER)
    assert waited == ["answer to GET /stream", "answer to GET /socket"]


def test_a_second_window_of_another_client_is_waited_for():
    wire = Wire()
    ann, *bobs = (wire.desk(headers=(("Cookie", f"JSESSIONID={name}"),)) for name in "abb")
    for bob in bobs:
        bob.polls()
    ann.asks(preview("r1"))
    for bob in bobs:
        bob.hears({"channel": "/calls", "data": {"text": "rings"}})

    plan = planned(wire)

    (told,) = [plan.told[one.told] for one in titled(plan, "GetPreviewRecord").causes if one.why is Why.OTHER]
    assert told.connection == bobs[1].client_id


def test_who_is_gone_is_not_waited_for_again_and_again():
    wire = Wire()
    gone = wire.desk(headers=(("Cookie", "JSESSIONID=a"),))
    gone.asks(preview("r0"))
    wire.wait(1)
    here = wire.desk(headers=(("Cookie", "JSESSIONID=b"),))
    here.asks(preview("r1"))

    plan = planned(wire)

    assert waits(plan, titled(plan, "GetPreviewRecord", 1), Why.OTHER) == []
