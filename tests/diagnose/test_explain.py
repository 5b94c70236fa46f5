"""What the rules saw when an event came, told from the facts alone."""

from __future__ import annotations

from recorder.diagnose.explain import attempts_before, judged, polls_lost_to
from recorder.dialect.definition import load
from tests.wire import Wire, chained, complete, done, record_event, state_event

GWS = load()


def test_the_others_are_those_that_were_open_and_each_says_why_not() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(1), done(1))
    wire.wait(61)
    desk.post(complete(7))
    desk.post(chained(8, "r8"))
    desk.post(chained(7))
    desk.hears(record_event("ChainedRecord", 7))
    event = wire.recording().triples[-1].events[0].event

    found = judged(wire.records, GWS, [(event.seq, event.index)])[event.seq, event.index]

    assert [(other.operation, other.objections) for other in found.others] == [
        ("CompleteRecord", ("CompleteRecord never causes ChainedRecord",)),
        ("GetChainedRecord", ("its reference is 'r8', the event's none", "its handle is '8', the event's '7'")),
    ]
    assert (found.over, found.session, found.keys["handle"]) == (1, "s1", "7")


def test_an_operation_of_another_session_says_so() -> None:
    wire = Wire()
    cookies = ((("Cookie", "JSESSIONID=a"),), (("Cookie", "JSESSIONID=b"),))
    one, two = (wire.desk(headers=headers) for headers in cookies)
    one.post(chained(7))
    two.hears(done(7))
    (pushed,) = wire.recording().unsolicited

    found = judged(wire.records, GWS, [(pushed.event.seq, pushed.event.index)]).popitem()[1]

    assert found.link is None
    assert found.others[0].objections == ("it belongs to session s1, the event went to s2",)


def test_a_second_attempt_knows_the_first() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7)))
    desk.asks(chained(7), done(7))
    recording = wire.recording()
    (triple,) = recording.triples

    assert attempts_before(triple, recording) == [triple.request.seq - 3]


def test_no_record_is_read_behind_the_last_event() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7), done(7))
    event = wire.recording().triples[0].events[0].event
    desk.asks(chained(8), done(8))
    read: list[int] = []

    found = judged((read.append(r.seq) or r for r in wire.records), GWS, [(event.seq, event.index)])

    assert len(found) == 1
    assert read[-1] == event.seq + 1


def test_polls_that_were_lost_before_the_end_or_with_no_end_may_have_cost_events() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    desk.loses_poll()  # before its request
    desk.asks(chained(7, "r1"), record_event("ChainedRecord", 7, "r1"), done(7, "r1"))
    desk.polls()
    desk.loses_poll()  # after its end
    desk.asks(chained(8, "r2"), state_event())
    desk.polls()
    desk.loses_poll()
    recording = wire.recording()
    first, second = recording.triples

    assert len(recording.lost_polls) == 3
    assert polls_lost_to(first, recording) == []
    assert polls_lost_to(second, recording) == [recording.lost_polls[-1][1]]
