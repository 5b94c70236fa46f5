"""Sessions of desktops as they go on by the hour, written by hand: no recording of a lab has them."""

from __future__ import annotations

from collections.abc import Callable

from tests.wire import (
    Ask,
    Wire,
    body,
    campaign_event,
    chained,
    complete,
    done,
    get_me,
    preview,
    record_event,
    state_event,
)

COOKIE = (("Cookie", "JSESSIONID=a"),)
OTHER = (("Cookie", "JSESSIONID=b"),)
RECORDS = "/api/v2/me/outbound-records"


def two_windows() -> Wire:
    """A desktop with two windows: both hear everything, the second one asks."""
    wire = Wire()
    first, second = wire.desk(headers=COOKIE), wire.desk(headers=COOKIE)
    for ask, event in (
        (preview("r1"), record_event("PreviewRecord", 1001, "r1")),
        (complete(1001, "r2"), record_event("RecordProcessedAcknowledge", 1001, "r2")),
    ):
        first.polls()
        second.polls()
        asked = second.post(ask)
        wire.wait(0.1)
        wire.ack(asked)
        wire.wait(0.1)
        first.hears(event)
        second.hears(event)
        wire.wait(1)
    return wire


def a_page_that_is_loaded_again() -> Wire:
    """A page is loaded again in mid-session: its session is left, a new one begins, and goes on with the record."""
    wire = Wire()
    first = wire.desk(headers=COOKIE)
    first.asks(get_me())
    first.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1"))
    first.polls()
    wire.wait(3)
    first.loses_poll()
    wire.wait(0.3)
    second = wire.desk(headers=COOKIE)
    second.asks(get_me())
    second.asks(chained(1001, "r2"), record_event("ChainedRecord", 1001, "r2"), done(1001, "r2"))
    return wire


def an_idle_hour() -> Wire:
    """An agent is away: polls are held to their end, a keep-alive goes each minute; then the record is completed."""
    wire = Wire()
    desk = wire.desk(headers=COOKIE)
    desk.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1"))
    for number in range(30):
        desk.polls()
        wire.wait(30)
        desk.hears()
        if number % 2:
            asked = desk.post(Ask(f"/api/v2/ping?timestamp={1_795_871_414_096 + number * 30_000}", b"", method="GET"))
            wire.wait(0.05)
            wire.respond(asked, {"statusCode": 0})
    desk.asks(complete(1001, "r2"), record_event("RecordProcessedAcknowledge", 1001, "r2"))
    return wire


def a_preview_that_somebody_else_takes() -> Wire:
    """A record is shown to two agents; the first who asks gets it, and the other one hears that it is gone."""
    wire = Wire()
    for user, (_, value) in (("ann", *COOKIE), ("bob", *OTHER)):
        asked = wire.request("POST", "/api/login", body({"user": user}))
        wire.wait(0.1)
        wire.respond(asked, {"statusCode": 0}, headers=(("Set-Cookie", f"{value}; Path=/"),))
    ann, bob = wire.desk(headers=COOKIE), wire.desk(headers=OTHER)
    ann.polls()
    bob.polls()
    wire.wait(1)
    for desk in (ann, bob):
        desk.hears(record_event("PreviewRecord", 1001))
        desk.polls()
    wire.wait(2)
    asked = bob.post(complete(1001, "r1"))
    wire.wait(0.1)
    wire.ack(asked)
    wire.wait(0.1)
    bob.hears(record_event("RecordProcessedAcknowledge", 1001, "r1"))
    ann.hears(record_event("RecordCancel", 1001))
    wire.wait(1)
    ann.asks(preview("r2"), record_event("PreviewRecord", 1002, "r2"))
    return wire


def events_that_nobody_asked_for() -> Wire:
    """A campaign is unloaded and a device changes its state by themselves, once each, in the middle of a call."""
    wire = Wire()
    desk = wire.desk(headers=COOKIE)
    desk.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1"))
    desk.polls()
    wire.wait(20)
    desk.hears(state_event("NotReady"), campaign_event("CampaignUnloaded"))
    wire.wait(5)
    desk.asks(complete(1001, "r2"), record_event("RecordProcessedAcknowledge", 1001, "r2"))
    return wire


def ids_inside_texts() -> Wire:
    """The handle comes inside a URL and inside a text; the request has it inside texts too."""
    wire = Wire()
    desk = wire.desk(headers=COOKIE)
    uri = "http://gws.example/api/v2/me/outbound-records/rec-77a1"
    desk.asks(preview("r1"), record_event("PreviewRecord", None, "r1", uri=uri, note="call 0c2f-4d1e now"))
    desk.asks(Ask(f"{RECORDS}/rec-77a1/notes", {"operationName": "AddNote", "text": "done: rec-77a1 (call 0c2f-4d1e)"}))
    return wire


def ids_with_leading_zeros() -> Wire:
    """Handles are numbers with leading zeros, as text; the path has them too, and a number that is alike is none."""
    wire = Wire()
    desk = wire.desk(headers=COOKIE)
    desk.asks(preview("r1"), record_event("PreviewRecord", "000471", "r1"))
    desk.asks(complete("000471", "r2", dialingAttempts=471), record_event("RecordProcessedAcknowledge", "000471", "r2"))
    return wire


def a_callback_in_an_hour() -> Wire:
    """A callback is planned by the clock of the agent; the event brings the time back, and a request repeats it."""
    wire = Wire()
    desk = wire.desk(headers=COOKIE)
    at = "2026-11-28T14:10:15.000Z"
    desk.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1"))
    own = {"operationName": "RescheduleRecord", "dateTime": at, "callbackType": "Personal", "referenceId": "r2"}
    event = record_event("RecordRescheduleAcknowledge", 1001, "r2", dateTime=at)
    desk.asks(Ask(f"{RECORDS}/1001", own), event)
    desk.asks(Ask(f"{RECORDS}/1001", own | {"operationName": "CancelReschedule", "referenceId": "r3"}))
    return wire


def a_window_that_is_closed() -> Wire:
    """A second window is opened and closed again; the first one goes on alone."""
    wire = Wire()
    first, second = wire.desk(headers=COOKIE), wire.desk(headers=COOKIE)
    first.polls()
    second.hears()
    farewell = {"channel": "/meta/disconnect", "clientId": second.client_id}
    wire.respond(second.bayeux(farewell), [{"channel": "/meta/disconnect", "successful": True}])
    wire.wait(1)
    first.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1"))
    return wire


def a_double_click() -> Wire:
    """Two equal requests leave before the first one is answered; the server refuses the second."""
    wire = Wire()
    desk = wire.desk(headers=COOKIE)
    desk.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1"))
    desk.polls()
    first, second = desk.post(complete(1001, "r2")), desk.post(complete(1001, "r3"))
    wire.wait(0.1)
    wire.ack(first)
    wire.respond(second, {"statusCode": 12, "statusMessage": "no such record"})
    desk.hears(record_event("RecordProcessedAcknowledge", 1001, "r2"))
    return wire


def a_shift_that_ends_and_begins() -> Wire:
    """An agent logs out and in again, under another session cookie."""
    wire = Wire()
    for number, value in enumerate(("a", "b")):
        asked = wire.request("POST", "/api/login", body({"user": "ann"}))
        wire.wait(0.1)
        wire.respond(asked, {"statusCode": 0}, headers=(("Set-Cookie", f"JSESSIONID={value}; Path=/"),))
        cookie = (("Cookie", f"JSESSIONID={value}"),)
        desk = wire.desk(headers=cookie)
        desk.asks(preview(f"r{number}"), record_event("PreviewRecord", 1001 + number, f"r{number}"))
        desk.asks(complete(1001 + number, f"q{number}"))
        asked = wire.request("POST", "/api/logout", b"{}", cookie)
        wire.wait(0.1)
        wire.ack(asked)
        desk.loses_poll()
        wire.wait(60)
    return wire


SESSIONS: dict[str, Callable[[], Wire]] = {
    one.__name__: one
    for one in (
        two_windows,
        a_page_that_is_loaded_again,
        an_idle_hour,
        a_preview_that_somebody_else_takes,
        events_that_nobody_asked_for,
        ids_inside_texts,
        ids_with_leading_zeros,
        a_callback_in_an_hour,
        a_window_that_is_closed,
        a_double_click,
        a_shift_that_ends_and_begins,
    )
}
