"""A session somebody would look at: a pause, a late event, a refusal, a lost request, an event nobody asked for."""

from __future__ import annotations

from tests.wire import (
    Desk,
    Message,
    Wire,
    chained,
    complete,
    done,
    get_me,
    preview,
    record_event,
    state_event,
    twin,
)


def late_session() -> Wire:
    """Two desktops on one wire; the event of triple 3 comes after three seconds."""
    wire = Wire()
    first, second = (_desk(wire, cookie) for cookie in ("JSESSIONID=a", "JSESSIONID=b"))
    wire.respond(first.post(get_me()), {"statusCode": 0})
    wire.wait(0.2)
    first.asks(preview("r-701"), record_event("PreviewRecord", 7, "r-701"), twin("PreviewRecord"), ms=60)
    first.polls()
    wire.wait(0.2)
    second.asks(chained(8, "r-801"), record_event("ChainedRecord", 8, "r-801"), done(8, "r-801"), ms=45)
    second.polls()
    wire.wait(42)
    _late(wire, first, done(7, "r-702"), twin("ChainedRecordsDataEnd", 7))
    wire.wait(0.3)
    wire.respond(second.post(complete(9, "r-802")), {"statusCode": 5, "statusMessage": "no such record"}, 500)
    wire.wait(0.3)
    second.hears(state_event())
    second.polls()
    wire.wait(0.2)
    lost = first.post(complete(7, "r-703"))
    wire.wait(0.5)
    first.loses_poll()
    wire.fail(lost)
    wire.wait(0.2)
    first.asks(complete(7, "r-704"), record_event("RecordProcessedAcknowledge", 7, "r-704"), ms=50)
    first.polls()
    wire.wait(0.1)
    return wire


def _desk(wire: Wire, cookie: str) -> Desk:
    desk = wire.desk(cookies=(("Set-Cookie", cookie),))
    desk.headers = (("Cookie", cookie), ("User-Agent", "Workspace/9.0"))
    desk.polls()
    wire.wait(0.1)
    return desk


def _late(wire: Wire, desk: Desk, *events: Message) -> None:
    post = desk.post(chained(7, "r-702"))
    wire.wait(0.025)
    wire.ack(post)
    wire.wait(3.2)
    desk.hears(*events)
    desk.polls()
