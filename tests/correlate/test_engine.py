"""From records to triples. The numbered cases are those of the domain report, section 4.2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.codec import encode_row
from recorder.correlate.engine import KEEP, Correlator
from recorder.dialect.definition import load
from recorder.library.index.rows import row_of
from recorder.model import Headers, Link, Note, Recording, State, Triple, Unsolicited
from tests.wire import (
    HEADER,
    Ask,
    Message,
    Wire,
    body,
    campaign_event,
    chained,
    complete,
    done,
    error_event,
    get_me,
    operation,
    preview,
    record_event,
    start_session,
    state_event,
    twin,
)

SEED = json.loads((Path(__file__).parents[1] / "lab" / "seed.json").read_text())
END = "ChainedRecordsDataEnd"


def cookie(value: str) -> Headers:
    return (("Cookie", f"JSESSIONID={value}"),)


def names(triple: Triple) -> list[str]:
    """The events of a triple by name and rule."""
    return [f"{link.name} {link.rule}" for link in triple.events]


def orphans(recording: Recording) -> list[str]:
    return [pushed.name for pushed in recording.unsolicited]


def only(recording: Recording) -> Triple:
    (triple,) = recording.triples
    return triple


def feed(correlator: Correlator, wire: Wire, start: int) -> list[Link]:
    """Feed it what is on the wire from some place on."""
    return [link for record in wire.records[start:] for link in correlator.feed(record)]


def fed(wire: Wire, keep: int = KEEP) -> Correlator:
    correlator = Correlator(load(), keep=keep)
    feed(correlator, wire, 0)
    return correlator


# The exchange of the API page


def test_the_seed_is_one_complete_triple() -> None:
    wire = Wire()
    desk = wire.desk()
    poll = desk.polls()
    post = wire.request("POST", SEED["request"]["path"], body(SEED["request"]["body"]))
    wire.respond(post, SEED["ack"]["body"])
    wire.respond(poll, SEED["cometd_response"])

    triple = only(wire.recording())

    assert (triple.n, triple.operation, triple.session, triple.state) == (1, "GetChainedRecord", "s1", State.COMPLETE)
    assert triple.keys["handle"] == "7"
    assert triple.keys["reference"] == "123456789"
    assert names(triple) == [f"{END} reference", f"{END} twin"]
    assert [link.event.data for link in triple.events] == [m["data"] for m in SEED["cometd_response"][:2]]


# The order of events and ack


def test_case_01_events_after_the_ack_in_one_poll() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    wire.ack(desk.post(chained(7, "r1")))
    desk.hears(record_event("ChainedRecord", 7, "r1"), done(7, "r1"))

    triple = only(wire.recording())

    assert triple.state is State.COMPLETE
    assert names(triple) == ["ChainedRecord reference", f"{END} reference"]


def test_case_02_events_over_two_polls_are_one_triple_and_keep_their_groups() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), record_event("ChainedRecord", 7, "r1"), done(7, "r1"))

    triple = only(wire.recording())

    assert triple.state is State.COMPLETE
    assert len({link.event.seq for link in triple.events}) == 2
    assert [link.event.index for link in triple.events] == [0, 0]


def test_case_03_all_events_before_the_ack() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), record_event("ChainedRecord", 7, "r1"), done(7, "r1"), early=2)

    triple = only(wire.recording())

    assert triple.state is State.COMPLETE
    assert triple.ack is not None
    assert [link.event.seq < triple.ack.seq for link in triple.events] == [True, True]


def test_case_04_the_first_event_before_the_ack_and_the_last_one_after_it() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), record_event("ChainedRecord", 7, "r1"), done(7, "r1"), early=1)

    triple = only(wire.recording())

    assert triple.state is State.COMPLETE
    assert triple.ack is not None
    assert [link.event.seq < triple.ack.seq for link in triple.events] == [True, False]


def test_case_05_no_chained_record_at_all() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))

    triple = only(wire.recording())

    assert (triple.state, names(triple)) == (State.COMPLETE, [f"{END} reference"])


def test_case_06_three_chained_records_with_their_twins_are_eight_events() -> None:
    wire = Wire()
    record, its_twin = record_event("ChainedRecord", 7, "r1"), twin("ChainedRecord")
    wire.desk().asks(chained(7, "r1"), *[record, its_twin] * 3, done(7, "r1"), twin(END))

    triple = only(wire.recording())

    assert triple.state is State.COMPLETE
    assert names(triple) == [*["ChainedRecord reference", "ChainedRecord twin"] * 3, f"{END} reference", f"{END} twin"]


@pytest.mark.parametrize("reference", ["r1", None])
def test_case_07_an_event_after_the_terminal_one_is_still_attached(reference: str | None) -> None:
    wire = Wire()
    wire.desk().asks(chained(7, reference), done(7, reference), record_event("ChainedRecord", 7, reference))

    triple = only(wire.recording())

    assert triple.state is State.COMPLETE
    assert [link.name for link in triple.events] == [END, "ChainedRecord"]


def test_case_07_an_event_without_an_id_is_not_attached_after_the_grace() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7), done(7))
    wire.wait(2.1)
    desk.hears(record_event("ChainedRecord", 7))

    recording = wire.recording()

    assert [link.name for link in only(recording).events] == [END]
    assert orphans(recording) == ["ChainedRecord"]


def test_case_07_another_operation_that_stays_open_does_not_prolong_the_grace() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(8)))
    desk.asks(chained(7), done(7))
    wire.wait(2.1)
    desk.hears(record_event("ChainedRecord", 7))

    assert orphans(wire.recording()) == ["ChainedRecord"]


def test_case_08_a_twin_after_the_terminal_event_in_the_next_poll() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"), twin(END))

    assert names(only(wire.recording())) == [f"{END} reference", f"{END} twin"]


def test_case_08_a_twin_before_its_original_is_attached_too() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), twin(END), done(7, "r1"))

    triple = only(wire.recording())

    assert triple.state is State.COMPLETE
    assert names(triple) == [f"{END} tuple", f"{END} reference"]


# Ids


def test_case_09_a_request_without_an_id_is_joined_by_handle_campaign_and_device() -> None:
    wire = Wire()
    wire.desk().asks(chained(7), record_event("ChainedRecord", 7), twin("ChainedRecord"), done(7), twin(END))

    triple = only(wire.recording())

    assert triple.state is State.COMPLETE
    assert names(triple) == ["ChainedRecord tuple", "ChainedRecord twin", f"{END} tuple", f"{END} twin"]
    assert [link.confidence for link in triple.events] == [0.9] * 4


def test_case_10_the_id_of_the_ack_is_used_where_the_request_had_none() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(operation("/api/v2/workbins/5", "Subscribe")), referenceId=12)
    desk.hears({"channel": "/v2/me/workbins", "data": {"referenceId": 12, "notificationType": "WorkbinContent"}})

    triple = only(wire.recording())

    assert triple.keys["reference"] == "12"
    assert names(triple) == ["WorkbinContent reference"]


def test_case_10_events_that_came_before_the_ack_that_brings_their_id_find_their_request() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.hears(record_event("ChainedRecord", 7, 32))  # before the request: not its own
    post = desk.post(chained(7))
    desk.hears(record_event("ChainedRecord", 7, 32), done(7, 32), twin(END))
    desk.post(chained(7))  # after the events: not its own either
    told = wire.links()
    wire.ack(post, referenceId=32)

    recording = wire.recording()

    assert told == []  # until the ack tells
    assert names(recording.triples[0]) == ["ChainedRecord reference", f"{END} reference", f"{END} twin"]
    assert recording.triples[0].state is State.COMPLETE
    assert orphans(recording) == ["ChainedRecord"]


def test_case_10_the_id_of_the_request_wins_over_the_id_of_the_ack() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(7, "r1")), referenceId=12)

    assert only(wire.recording()).keys["reference"] == "r1"


@pytest.mark.parametrize(("asked", "pushed"), [(32, "32"), ("32", 32), (0, "0"), ("0", 0)])
def test_case_11_ids_are_compared_as_strings_and_0_is_one(asked: Any, pushed: Any) -> None:
    wire = Wire()
    wire.desk().asks(chained(7, referenceId=asked), done(7, pushed))

    assert names(only(wire.recording())) == [f"{END} reference"]


@pytest.mark.parametrize("nothing", ["", None])
def test_case_11_an_empty_id_and_null_are_none(nothing: Any) -> None:
    wire = Wire()
    empty = done(7)
    empty["data"]["referenceId"] = nothing
    wire.desk().asks(chained(7, referenceId=nothing), empty)

    triple = only(wire.recording())

    assert "reference" not in triple.keys
    assert names(triple) == [f"{END} tuple"]


def test_case_12_two_requests_on_one_handle_are_told_apart_by_id_and_their_twins_by_order() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(7, "r1")))
    wire.ack(desk.post(chained(7, "r2")))
    desk.hears(done(7, "r2"), done(7, "r1"), twin(END, GSW_CHAIN_ID=2), twin(END, GSW_CHAIN_ID=1))

    first, second = wire.recording().triples

    assert names(first) == names(second) == [f"{END} reference", f"{END} twin"]
    assert first.events[1].event.data["userData"]["GSW_CHAIN_ID"] == 1
    assert second.events[1].event.data["userData"]["GSW_CHAIN_ID"] == 2


def test_a_twin_that_never_came_does_not_shift_the_twins_of_later_requests() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(complete(7, "r1"), record_event("RecordProcessedAcknowledge", 7, "r1"))
    wire.wait(10)
    desk.asks(
        complete(7, "r2"), record_event("RecordProcessedAcknowledge", 7, "r2"), twin("RecordProcessedAcknowledge")
    )

    first, second = wire.recording().triples

    assert names(first) == ["RecordProcessedAcknowledge reference"]
    assert names(second) == ["RecordProcessedAcknowledge reference", "RecordProcessedAcknowledge twin"]


def test_a_twin_with_an_id_of_its_own_leaves_none_behind_that_awaits_it() -> None:
    wire = Wire()
    desk = wire.desk()
    first, second = chained(7, "r1", userData={"GSW_REFERENCE_ID": 1}), chained(7, "r2")
    wire.ack(desk.post(first))
    wire.ack(desk.post(second))
    desk.hears(record_event("ChainedRecord", 7, "r1"), twin("ChainedRecord", GSW_REFERENCE_ID=1))
    desk.hears(record_event("ChainedRecord", 7, "r2"), twin("ChainedRecord"))

    assert [names(triple) for triple in wire.recording().triples] == [
        ["ChainedRecord reference", "ChainedRecord inner_reference"],
        ["ChainedRecord reference", "ChainedRecord twin"],
    ]


def test_case_13_two_equal_requests_without_ids_are_served_in_order_and_the_doubt_is_kept() -> None:
    wire = Wire()
    desk = wire.desk()
    posts = [desk.post(chained(7)), desk.post(chained(7))]
    wire.ack(posts[0])
    wire.ack(posts[1])
    desk.hears(done(7, GSW=1), done(7, GSW=2))

    first, second = wire.recording().triples

    assert [link.event.data["record"]["GSW"] for link in (*first.events, *second.events)] == [1, 2]
    assert (first.events[0].confidence, first.events[0].rivals) == (0.5, (second.request.seq,))
    assert (second.events[0].confidence, second.events[0].rivals) == (0.7, (first.request.seq,))


def test_case_14_an_id_used_again_makes_two_triples() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), record_event("ChainedRecord", 7, "r1"), done(7, "r1"))
    desk.asks(chained(7, "r1"), done(7, "r1"))

    first, second = wire.recording().triples

    assert names(first) == ["ChainedRecord reference", f"{END} reference"]
    assert names(second) == [f"{END} reference"]
    assert second.events[0].rivals == ()


def test_case_14_an_id_used_again_after_an_error_belongs_to_the_second_request() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(chained(7, "r1")), {"statusCode": 4}, status=500)
    desk.asks(chained(7, "r1"), done(7, "r1"))

    first, second = wire.recording().triples

    assert (first.state, names(first)) == (State.FAILED, [])
    assert (second.state, names(second)) == (State.COMPLETE, [f"{END} reference"])


@pytest.mark.parametrize(
    "headers", [(cookie("a"), cookie("b")), ((("Authorization", "A"),), (("Authorization", "B"),))]
)
def test_case_15_the_same_id_from_two_agents_is_split_by_session(headers: tuple[Headers, Headers]) -> None:
    wire = Wire()
    desks = wire.desk("alice", headers[0]), wire.desk("bob", headers[1])
    posts = [desk.post(chained(7, "1")) for desk in desks]
    desks[1].hears(done(7, "1", who="bob"))
    desks[0].hears(done(7, "1", who="alice"))
    wire.ack(posts[0])
    wire.ack(posts[1])

    triples = wire.recording().triples

    assert [(t.session, t.events[0].event.client_id) for t in triples] == [("s1", "alice"), ("s2", "bob")]
    assert [t.events[0].confidence for t in triples] == [1.0, 1.0]


def test_case_15_without_cookies_the_agents_are_told_apart_by_their_devices() -> None:
    wire = Wire()
    alice, bob = wire.desk("alice"), wire.desk("bob")
    wire.ack(alice.post(chained(7, "1", devicePath="/devices/d1")))
    wire.ack(bob.post(chained(7, "1", devicePath="/devices/d2")))
    bob.hears(done(7, "1", devicePath="/devices/d2"))
    alice.hears(done(7, "1", devicePath="/devices/d1"))

    triples = wire.recording().triples

    assert [(t.keys["device"], t.session, t.events[0].event.client_id) for t in triples] == [
        ("d1", "s1", "alice"),
        ("d2", "s2", "bob"),
    ]


def test_case_16_two_agents_on_one_handle_are_told_apart_by_device() -> None:
    wire = Wire()
    alice, bob = wire.desk("alice"), wire.desk("bob")
    wire.ack(alice.post(chained(7, devicePath="/devices/d1")))
    wire.ack(bob.post(chained(7, devicePath="/devices/d2")))
    bob.hears(done(7, devicePath="/devices/d2"))
    alice.hears(done(7, devicePath="/devices/d1"))

    assert [(t.session, names(t)) for t in wire.recording().triples] == [
        ("s1", [f"{END} tuple"]),
        ("s2", [f"{END} tuple"]),
    ]


def test_case_17_a_do_not_call_by_number_is_joined_by_the_number() -> None:
    wire = Wire()
    desk = wire.desk()
    do_not_call = operation("/api/v2/me/outbound-records", "DoNotCallRecord", phoneNumber="555-0101")
    wire.ack(desk.post(do_not_call))
    wire.ack(desk.post(do_not_call.but(phoneNumber="555-0102")))
    desk.hears(record_event("DoNotCallAcknowledge", None, phoneNumber="555-0102"))

    first, second = wire.recording().triples

    assert (first.state, names(first)) == (State.ACKED, [])
    assert (second.state, names(second)) == (State.COMPLETE, ["DoNotCallAcknowledge tuple"])


def test_case_17_an_added_record_is_joined_by_campaign_and_device() -> None:
    wire = Wire()
    add = operation("/api/v2/me/outbound-records", "AddRecord", callingList="CallingList1", phoneNumber="555-0101")
    wire.desk().asks(add, record_event("AddRecordAcknowledge", None))

    assert names(only(wire.recording())) == ["AddRecordAcknowledge tuple"]


def test_case_18_a_campaign_in_the_url_is_compared_decoded() -> None:
    wire = Wire()
    ask = operation("/api/v2/me/outbound-campaigns/Pull%20Preview%20Campaign", "StartPreviewSession").without(
        "campaignName"
    )
    wire.desk().asks(ask, campaign_event("PreviewSessionStarted", campaign="Pull Preview Campaign"))

    triple = only(wire.recording())

    assert (triple.state, names(triple)) == (State.COMPLETE, ["PreviewSessionStarted tuple"])


# Errors


def test_case_19_an_error_event_before_the_error_ack_belongs_to_the_failed_triple() -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(chained(7, "r1"))
    desk.hears(error_event())
    wire.respond(post, {"statusCode": 4, "statusMessage": "Device '5001' is not registered."}, status=500)

    triple = only(wire.recording())

    assert (triple.state, names(triple)) == (State.FAILED, ["/v2/me/devices error"])
    assert triple.events[0].confidence == 0.7


def test_case_19_an_error_event_of_another_device_is_nobodys() -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(chained(7, "r1"))
    desk.hears(error_event("d2"))
    wire.respond(post, {"statusCode": 4}, status=500)

    assert orphans(wire.recording()) == ["/v2/me/devices"]


def test_case_19_with_several_in_flight_the_refusal_tells_whose_error_event_it_was() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.request("GET", "/api/v2/me", b"")
    first, second = desk.post(chained(7)), desk.post(complete(8))
    desk.hears(error_event())
    wire.ack(first)
    wire.respond(second, {"statusCode": 4}, 500)

    triples = wire.recording().triples

    assert [names(triple) for triple in triples] == [[], ["/v2/me/devices error"]]
    assert wire.recording().unsolicited == ()


def test_case_20_http_200_with_a_partial_success_is_not_ok() -> None:
    wire = Wire()
    partial = {"statusCode": 7, "failed": [{"statusCode": 4}], "succeeded": [{"statusCode": 0}]}
    wire.respond(wire.desk().post(start_session()), partial)

    assert only(wire.recording()).state is State.FAILED


def test_case_21_a_text_that_refuses_is_kept_as_it_is() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(chained(7, "r1")), b"Missing or invalid Csrf token", status=403)

    triple = only(wire.recording())

    assert triple.state is State.FAILED
    assert triple.ack is not None
    assert triple.ack.body == b"Missing or invalid Csrf token"


def test_case_22_a_request_the_client_gave_up_keeps_its_events() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7, "r1")))
    desk.hears(done(7, "r1"))

    triple = only(wire.recording())

    assert (triple.state, names(triple)) == (State.UNACKED, [f"{END} reference"])
    assert triple.failure is not None
    assert triple.failure.reason == "Client disconnected."


def test_a_request_the_client_gave_up_without_events_is_aborted() -> None:
    wire = Wire()
    wire.fail(wire.desk().post(chained(7, "r1")))

    assert only(wire.recording()).state is State.ABORTED


def test_case_23_events_lost_with_an_aborted_poll_leave_the_triple_without_its_end() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    wire.ack(desk.post(chained(7, "r1")))
    desk.loses_poll()
    desk.hears(record_event("ChainedRecord", 7, "r1"))

    assert only(wire.recording()).state is State.ACKED


# Where events are seen


def test_case_24_what_was_not_acknowledged_and_comes_again_is_stored_once() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.post(chained(7, "r1"))
    events = [record_event("ChainedRecord", 7, "r1"), done(7, "r1")]
    for acknowledged, batch in [(1, 2), (1, 3), (1, 4)]:  # as the lab's server does it: two answers got lost
        connect = {"channel": "/meta/connect", "clientId": "client1", "ext": {"ack": acknowledged}}
        poll = desk.bayeux(connect)
        wire.respond(poll, [*events, {"channel": "/meta/connect", "successful": True, "ext": {"ack": batch}}])

    assert names(only(wire.recording())) == ["ChainedRecord reference", f"{END} reference"]
    assert wire.recording().unsolicited == ()


def test_case_25_two_equal_events_are_two() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), *[record_event("ChainedRecord", 7, "r1")] * 2, done(7, "r1"))

    assert names(only(wire.recording())) == [*["ChainedRecord reference"] * 2, f"{END} reference"]


@pytest.mark.parametrize("channel", ["/meta/subscribe", "/chat"])
def test_case_26_events_in_the_reply_to_a_publish_or_a_subscription(channel: str) -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(7, "r1")))
    asked = desk.bayeux({"channel": channel, "clientId": "client1", "subscription": "/x", "data": "hello"})
    wire.respond(asked, [done(7, "r1"), {"channel": channel, "successful": True, "subscription": "/x"}])

    assert names(only(wire.recording())) == [f"{END} reference"]


def test_case_26_events_in_the_reply_to_a_handshake() -> None:
    wire = Wire()
    desk = wire.desk("first", cookie("a"))
    wire.ack(desk.post(chained(7, "r1")))
    asked = desk.bayeux({"channel": "/meta/handshake"})
    reply = {"channel": "/meta/handshake", "successful": True, "clientId": "second", "x-messages": 1}
    wire.respond(asked, [reply, done(7, "r1")])

    triple = only(wire.recording())

    assert names(triple) == [f"{END} reference"]
    assert (triple.session, triple.events[0].event.client_id) == ("s1", "second")


@pytest.mark.parametrize("faye", [True, False])
def test_case_27_the_order_of_faye_and_the_order_of_java(*, faye: bool) -> None:
    wire = Wire()
    desk = wire.desk()
    poll = desk.polls()
    wire.ack(desk.post(chained(7, "r1")))
    event, reply = done(7, "r1") | {"id": "9"}, {"channel": "/meta/connect", "successful": True, "clientId": "client1"}
    wire.respond(poll, [reply, event] if faye else [event, reply])

    assert names(only(wire.recording())) == [f"{END} reference"]


def websocket(wire: Wire) -> int:
    """A session over a WebSocket, upgraded with the cookie `a`."""
    socket = wire.request("GET", "/api/v2/notifications", b"", cookie("a"))
    wire.respond(socket, b"", status=101)
    wire.frame(socket, {"channel": "/meta/handshake"}, from_client=True)
    wire.frame(socket, {"channel": "/meta/handshake", "successful": True, "clientId": "ws"}, from_client=False)
    return socket


def test_case_28_events_on_a_websocket_belong_to_requests_over_http() -> None:
    wire = Wire()
    socket = websocket(wire)
    wire.ack(wire.request("POST", chained(7).target, chained(7, "r1").body, cookie("a")))
    wire.frame(socket, done(7, "r1"), from_client=False)

    recording = wire.recording()

    assert (only(recording).state, names(only(recording))) == (State.COMPLETE, [f"{END} reference"])
    assert recording.plain == ()


def test_case_28_a_websocket_is_the_session_of_the_cookies_it_was_opened_with() -> None:
    wire = Wire()
    wire.desk("other", cookie("b"))
    websocket(wire)
    wire.ack(wire.request("POST", "/api/v2/me", start_session().body, cookie("a")))

    assert only(wire.recording()).session == "s2"


def test_case_30_a_triple_spans_a_new_handshake() -> None:
    wire = Wire()
    desk = wire.desk("first", cookie("a"))
    wire.desk("other", cookie("b"))
    wire.ack(desk.post(chained(7)))
    poll = desk.polls()
    refusal = {"channel": "/meta/connect", "successful": False, "error": "402::session_unknown"}
    wire.respond(poll, [refusal | {"advice": {"reconnect": "handshake", "interval": 0}}])
    again = wire.desk("second", cookie("a"))
    again.hears(done(7))

    triple = only(wire.recording())

    assert (triple.session, names(triple)) == ("s1", [f"{END} tuple"])


@pytest.mark.parametrize(
    "pushed",
    [
        record_event("PreviewRecord", 8),
        record_event("StatusChanged", None, id="f3b1-uuid", state="ReadyToCall"),
        campaign_event("CampaignStarted"),
        state_event(),
        {"channel": "/v2/me/calls", "data": None},
        {"channel": "/v2/me/calls", "data": "text"},
        {"channel": "/v2/me/calls", "data": [1]},
    ],
)
def test_case_33_what_nobody_asked_for_is_not_attached_to_an_open_request(pushed: Message) -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), pushed, done(7, "r1"))

    recording = wire.recording()

    assert names(only(recording)) == [f"{END} reference"]
    assert [(u.session, u.event.channel) for u in recording.unsolicited] == [("s1", pushed["channel"])]


def test_case_35_the_reply_to_a_publish_is_no_event_on_its_channel() -> None:
    wire = Wire()
    desk = wire.desk()
    asked = desk.bayeux({"channel": "/chat", "clientId": "client1", "data": "hello"})
    wire.respond(asked, [{"channel": "/chat", "data": "hello"}, {"channel": "/chat", "successful": True, "id": "6"}])

    assert [u.event.data for u in wire.recording().unsolicited] == ["hello"]


def test_case_36_what_was_open_at_the_end_is_kept() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.post(chained(7, "r1"))
    desk.post(chained(8, "r2"))
    desk.hears(done(8, "r2"))
    desk.polls()

    first, second = wire.recording().triples

    assert (first.state, first.ack, first.failure) == (State.ABORTED, None, None)
    assert second.state is State.UNACKED


def test_case_37_the_handle_of_the_url_wins_and_may_be_any_text() -> None:
    wire = Wire()
    handle = "0c1d8c9c-4d6b-4a1e-bb1f-push"
    wire.desk().asks(chained(handle, recordHandle=8), record_event(END, 8), record_event(END, handle))

    recording = wire.recording()

    assert only(recording).keys["handle"] == handle
    assert [link.event.data["record"]["recordHandle"] for link in only(recording).events] == [handle]


def test_case_38_metrics_that_differ_do_not_part_twins() -> None:
    wire = Wire()
    its_twin = twin(END)
    its_twin["data"]["metrics"] = {"eventProcessing": {"serverProcessingTimeTotalMs": -1}}
    wire.desk().asks(chained(7, "r1"), done(7, "r1", metrics={"serverProcessingTimeTotalMs": 6}), its_twin)

    assert names(only(wire.recording())) == [f"{END} reference", f"{END} twin"]


def test_case_39_a_request_the_client_sent_again_is_two_triples() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(7, "r1")))
    desk.asks(chained(7, "r1"), done(7, "r1"), done(7, "r1"))

    assert [t.state for t in wire.recording().triples] == [State.COMPLETE, State.COMPLETE]


def test_case_39_a_request_that_got_no_answer_and_was_sent_again_is_one_triple() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7, "r1")))
    desk.asks(chained(7, "r1"), done(7, "r1"))

    triple = only(wire.recording())

    assert (triple.n, triple.state, names(triple)) == (1, State.COMPLETE, [f"{END} reference"])


def test_case_39_an_error_event_after_a_second_attempt_is_about_that_one() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7, "r1")))
    desk.post(chained(7, "r1"))
    desk.hears(error_event())

    recording = wire.recording()

    assert names(only(recording)) == ["/v2/me/devices error"]


@pytest.mark.parametrize("second", [chained(7, "r2"), chained(8, "r1"), chained(7, "r1").without("campaignName")])
def test_case_39_another_request_after_one_that_failed_is_another_triple(second: Ask) -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7, "r1")))
    wire.ack(desk.post(second))

    assert [t.state for t in wire.recording().triples] == [State.ABORTED, State.ACKED]


def test_case_39_a_first_attempt_whose_events_came_is_a_triple_of_its_own() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7, "r1")))
    desk.hears(done(7, "r1"))
    desk.asks(chained(7, "r1"), done(7, "r1"))

    assert [t.state for t in wire.recording().triples] == [State.UNACKED, State.COMPLETE]


def test_case_39_a_request_that_comes_again_long_after_is_another_one() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7, "r1")))
    wire.wait(61)
    desk.asks(chained(7, "r1"), done(7, "r1"))

    assert [t.state for t in wire.recording().triples] == [State.ABORTED, State.COMPLETE]


@pytest.mark.parametrize(
    "content",
    [
        '{"operationName":"GetChainedRecord","campaignName":"Überweisung\u2028","referenceId":"r1"}'.encode(),
        b'{"operationName":"x","operationName":"GetChainedRecord","referenceId":"r1"}',
        b'{"operationName":"GetChainedRecord","ratio":NaN,"referenceId":"r1"}',
        b'{"operationName":"GetChainedRecord","name":"\\ud800","referenceId":"r1"}',
        b'{"operationName":"GetChainedRecord","big":1e999,"referenceId":"r1"}',
    ],
)
def test_case_40_odd_json_is_understood_and_its_bytes_are_kept(content: bytes) -> None:
    wire = Wire()
    wire.desk().asks(Ask("/api/v2/me/outbound-records/7", content), done(7, "r1"))

    triple = only(wire.recording())

    assert triple.request.body == content
    assert (triple.operation, names(triple)) == ("GetChainedRecord", [f"{END} reference"])


# What is doubtful says so


def test_a_push_after_a_refusal_is_nobodys_and_so_is_its_twin() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(preview()), {"statusCode": 4}, 500)
    wire.wait(1)
    desk.hears(record_event("PreviewRecord", 8), twin("PreviewRecord", 8))

    assert orphans(wire.recording()) == ["PreviewRecord", "PreviewRecord"]


def test_a_guess_does_not_end_an_operation() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.post(preview())
    desk.post(preview())
    desk.hears(record_event("PreviewRecord", 8), record_event("PreviewRecord", 9))

    first, second = wire.recording().triples

    assert (first.events[0].confidence, first.events[0].rivals) == (0.5, (second.request.seq,))
    assert (second.events[0].confidence, second.events[0].rivals) == (0.7, (first.request.seq,))


def test_a_twin_that_came_before_its_original_follows_it() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.post(preview("r1"))
    desk.post(preview("r2"))
    desk.hears(twin("PreviewRecord", 8), record_event("PreviewRecord", 8, "r2"))
    desk.hears(record_event("PreviewRecord", 9, "r1"), twin("PreviewRecord", 9))

    first, second = wire.recording().triples

    assert names(first) == ["PreviewRecord reference", "PreviewRecord twin"]
    assert names(second) == ["PreviewRecord twin", "PreviewRecord reference"]


def test_a_twin_that_came_before_a_request_does_not_follow_its_original_there() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.post(chained(7, "r1"))
    desk.hears(twin("ChainedRecord", 7))
    desk.post(chained(8, "r2"))
    desk.hears(record_event("ChainedRecord", 7, "r2"))

    first, second = wire.recording().triples

    assert [link.event.channel for link in first.events] == ["/me/internal"]
    assert [link.event.channel for link in second.events] == ["/v2/me/outbound"]


def test_an_event_and_its_twin_that_come_twice_are_all_the_operations() -> None:
    wire = Wire()
    again = (record_event("RecordProcessedAcknowledge"), twin("RecordProcessedAcknowledge"))
    wire.desk().asks(complete(7), *again, *again)

    rules = [(link.rule, link.confidence) for link in only(wire.recording()).events]

    assert rules == [("tuple", 0.9), ("twin", 0.9), ("tuple", 0.7), ("twin", 0.7)]


# Operations nobody described


def test_an_unknown_operation_is_kept_and_joined_by_its_id() -> None:
    wire = Wire()
    wire.desk().asks(
        operation("/api/v2/me/outbound-records/7", "AcceptRecord", "r1"), record_event("Accepted", 7, "r1")
    )

    triple = only(wire.recording())

    assert (triple.operation, triple.state) == ("AcceptRecord", State.ACKED)
    assert names(triple) == ["Accepted reference"]


def test_an_unknown_operation_without_an_id_is_joined_by_its_handle() -> None:
    wire = Wire()
    wire.desk().asks(operation("/api/v2/me/outbound-records/7", "AcceptRecord"), record_event("Accepted", 7))

    assert names(only(wire.recording())) == ["Accepted tuple"]


def test_an_operation_whose_inner_id_is_echoed_is_joined_by_it() -> None:
    wire = Wire()
    ask = operation("/internal-api/operations", "SendUserEvent", userData={"GSW_REFERENCE_ID": 1})
    wire.desk().asks(ask, twin("CampaignStatusResponse", GSW_REFERENCE_ID="1"))

    assert names(only(wire.recording())) == ["CampaignStatusResponse inner_reference"]


def test_an_ack_that_brings_an_id_does_not_make_its_operation_a_rival_of_itself() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(operation("/x", "SendUserEvent", userData={"GSW_REFERENCE_ID": 1})), referenceId=12)
    desk.hears(twin("CampaignStatusResponse", GSW_REFERENCE_ID=1))

    (link,) = only(wire.recording()).events

    assert (link.rule, link.confidence, link.rivals) == ("inner_reference", 1.0, ())


def test_an_operation_that_causes_no_events_is_complete_with_its_ack() -> None:
    wire = Wire()
    wire.ack(wire.desk().post(start_session()))

    assert only(wire.recording()).state is State.COMPLETE


# Sessions


def test_what_is_no_operation_and_no_bayeux_is_plain() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(get_me()), {"statusCode": 0, "user": {}})

    recording = wire.recording()

    assert recording.triples == ()
    assert [(p.n, p.operation, p.state, p.session) for p in recording.plain] == [(0, None, State.COMPLETE, "s1")]


def test_rest_before_the_handshake_is_joined_by_the_cookie_its_answer_set() -> None:
    wire = Wire()
    me, start = wire.request("GET", "/api/v2/me", b""), wire.request("POST", "/api/v2/me", start_session().body)
    wire.respond(me, {"statusCode": 0}, headers=(("Set-Cookie", "JSESSIONID=b; Path=/"),))
    wire.ack(start)
    wire.desk("alice", cookie("a"))
    wire.desk("bob", cookie("b"))

    recording = wire.recording()

    assert recording.plain[0].session == "s2"
    assert recording.triples[0].session is None


def test_rest_before_the_handshake_belongs_to_the_only_session_there_is() -> None:
    wire = Wire()
    wire.ack(wire.request("POST", "/api/v2/me", start_session().body))
    wire.desk()

    assert only(wire.recording()).session == "s1"


def test_an_id_ties_a_rest_client_to_its_session_for_good() -> None:
    wire = Wire()
    alice, bob = wire.desk("alice"), wire.desk("bob")
    rest: Headers = (("Authorization", "Basic Ym9i"),)
    wire.ack(bob.post(chained(7, "r1"), rest))
    bob.hears(done(7, "r1"))
    wire.ack(bob.post(chained(8), rest))
    alice.hears(done(8))
    bob.hears(done(8))

    recording = wire.recording()

    assert [triple.session for triple in recording.triples] == ["s2", "s2"]
    assert [pushed.session for pushed in recording.unsolicited] == ["s1"]


def test_a_rest_client_without_cookies_is_known_by_its_device() -> None:
    wire = Wire()
    one, two = wire.desk(), wire.desk()
    one.hears(record_event("StatusChanged", None, devicePath="/devices/d1"))
    two.hears(record_event("StatusChanged", None, devicePath="/devices/d2"))
    wire.ack(wire.request("POST", "/api/v2/me/outbound-records/7", chained(7, devicePath="/devices/d2").body))

    assert only(wire.recording()).session == "s2"


def test_a_device_that_two_sessions_hear_of_tells_nothing() -> None:
    wire = Wire()
    one, two = wire.desk(), wire.desk()
    one.hears(record_event("StatusChanged", None))
    two.hears(record_event("StatusChanged", None))
    wire.ack(wire.request("POST", "/api/v2/me/outbound-records/7", chained(7).body))

    assert only(wire.recording()).session is None


def test_a_look_in_between_decides_nothing() -> None:
    wire = Wire()
    post = wire.request("POST", "/api/v2/me", start_session().body)
    wire.respond(post, {"statusCode": 0}, headers=(("Set-Cookie", "JSESSIONID=b"),))
    wire.desk("alice", cookie("a"))
    correlator = fed(wire)
    looked = correlator.finish(HEADER)
    before = len(wire.records)
    wire.desk("bob", cookie("b"))
    feed(correlator, wire, before)

    assert only(looked).session == "s1"
    assert only(correlator.finish(HEADER)).session == "s2"


def test_a_capture_that_began_in_the_middle_of_a_session_still_has_triples() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.records.clear()
    desk.asks(chained(7, "r1"), done(7, "r1"))

    recording = wire.recording()

    assert (only(recording).state, only(recording).session) == (State.COMPLETE, None)
    assert recording.session_starts == {}


def test_the_start_of_a_session_and_the_time_a_poll_is_held_are_told() -> None:
    wire = Wire()
    wire.wait(1.5)
    wire.desk()

    recording = wire.recording()

    assert recording.session_starts == {"s1": (1, 1_500_000_000)}
    assert recording.poll_timeout == 30.0


def test_notes_are_no_traffic() -> None:
    wire = Wire()
    wire.records.append(Note(0, 0, "close", "Ctrl-C"))

    assert wire.recording().triples == ()


# Handing out what is final, so that a long capture needs no more memory than a short one


def three() -> Wire:
    wire = Wire()
    desk = wire.desk()
    for handle in (7, 8, 9):
        wire.respond(desk.post(get_me()), {})
        desk.asks(chained(handle, f"r{handle}"), done(handle, f"r{handle}"), state_event(str(handle)))
    return wire


def test_final_triples_are_handed_out_once_and_the_rest_at_the_end() -> None:
    wire = three()
    correlator = fed(wire, keep=1)

    final = list(correlator.triples())
    again = list(correlator.triples())
    rest = correlator.finish(HEADER).triples

    assert [t.n for t in final] == [1, 2]
    assert again == []
    assert (*final, *rest) == wire.recording().triples


def test_what_is_final_is_announced_until_it_was_handed_out() -> None:
    correlator = Correlator(load(), keep=1)
    for record in three().records:
        correlator.feed(record)
        announced = correlator.has_final

        assert announced == any([*correlator.triples(), *correlator.plain(), *correlator.unsolicited()])
        assert not correlator.has_final


@pytest.mark.parametrize("kind", ["triples", "plain", "unsolicited"])
def test_each_kind_that_is_final_is_announced(kind: str) -> None:
    correlator = fed(three(), keep=1)
    for other in {"triples", "plain", "unsolicited"} - {kind}:
        list(getattr(correlator, other)())

    assert correlator.has_final
    assert list(getattr(correlator, kind)())


def test_a_triple_that_was_over_long_ago_is_handed_out_like_any_other() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), done(7, "r1"))
    wire.wait(61)
    desk.asks(chained(8), done(8))
    correlator = fed(wire, keep=1)

    assert [t.n for t in correlator.triples()] == [1]
    assert [t.n for t in correlator.finish(HEADER).triples] == [2]


def test_final_plain_exchanges_and_unsolicited_events_are_handed_out_once() -> None:
    wire = three()
    correlator = fed(wire, keep=1)

    plain, pushed = list(correlator.plain()), list(correlator.unsolicited())
    rest = correlator.finish(HEADER)

    assert (len(plain), len(pushed)) == (2, 2)
    assert (*plain, *rest.plain) == wire.recording().plain
    assert (*pushed, *rest.unsolicited) == wire.recording().unsolicited


@pytest.mark.parametrize("late", [done(7, "r1"), twin("ChainedRecord"), record_event("ChainedRecord", 7, "r1")])
def test_an_event_that_comes_after_its_triple_was_handed_out_is_unsolicited(late: Message) -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), *[record_event("ChainedRecord", 7, "r1")] * 2)
    desk.asks(chained(8, "r2"))
    correlator = fed(wire, keep=1)
    before = len(wire.records)
    desk.hears(late)
    told = feed(correlator, wire, before)

    assert told == []
    assert len(correlator.finish(HEADER).unsolicited) == 1


def test_an_event_of_a_triple_that_was_not_handed_out_finds_it_still() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), record_event("ChainedRecord", 7, "r1"), done(7, "r1"))
    desk.asks(chained(7, "r1"), *[record_event("ChainedRecord", 7, "r1")] * 2)
    correlator = fed(wire, keep=1)
    list(correlator.triples())
    before = len(wire.records)
    desk.hears(done(7, "r1"), twin("ChainedRecord"))
    told = feed(correlator, wire, before)

    assert [link.rule for link in told] == ["reference", "twin"]
    assert len(only(correlator.finish(HEADER)).events) == 4


def test_an_inner_id_that_is_used_again_finds_the_request_that_was_not_handed_out() -> None:
    wire = Wire()
    desk = wire.desk()
    ask = operation("/internal-api/operations", "SendUserEvent", userData={"GSW_REFERENCE_ID": 1})
    desk.asks(ask)
    desk.asks(ask)
    correlator = fed(wire, keep=1)
    list(correlator.triples())
    before = len(wire.records)
    desk.hears(twin("CampaignStatusResponse", GSW_REFERENCE_ID=1))
    told = feed(correlator, wire, before)

    assert [link.rule for link in told] == ["inner_reference"]
    assert only(correlator.finish(HEADER)).events == tuple(told)


def test_the_upgrade_to_a_websocket_is_never_handed_out() -> None:
    wire = Wire()
    websocket(wire)
    wire.request("GET", "/api/v2/me", b"")

    correlator = fed(wire, keep=1)

    assert (list(correlator.plain()), len(correlator.finish(HEADER).plain)) == ([], 1)


# Properties


EVENTS = st.sampled_from(
    [
        done(7, "r1"), done(7), done(8, "r2"), record_event("ChainedRecord", 7), record_event("ChainedRecord", 7, "r2"),
        twin("ChainedRecord"), twin(END), twin(END, 8), error_event(), state_event(), campaign_event("CampaignStarted"),
    ]
)  # fmt: skip
ASKS = st.sampled_from([chained(7, "r1"), chained(7), chained(8, "r2"), preview(), start_session(), get_me()])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("post"), ASKS),
        st.tuples(st.just("hears"), st.lists(EVENTS, max_size=4)),
        st.tuples(st.sampled_from(["ack", "refuse", "abort"]), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 2.5, 61.0])),
    ),
    max_size=20,
)


def played(steps: list[tuple[str, Any]]) -> Wire:
    """A conversation of one desk; acks go to the open requests by place."""
    wire = Wire()
    desk = wire.desk()
    waiting: list[int] = []
    for what, value in steps:
        if what == "post":
            waiting.append(desk.post(value))
        elif what == "hears":
            desk.hears(*value)
        elif what == "wait":
            wire.wait(value)
        elif value < len(waiting):
            exchange = waiting.pop(value)
            answers: dict[str, Any] = {"ack": wire.ack, "abort": wire.fail}
            answers.get(what, lambda e: wire.respond(e, {"statusCode": 4}, 500))(exchange)
    return wire


@given(STEPS)
def test_links_told_while_feeding_are_those_of_the_recording(steps: list[tuple[str, Any]]) -> None:
    wire = played(steps)

    told = {where(link): link for link in wire.links()}.values()  # of one that moved, the last is told
    kept = [link for triple in wire.recording().triples for link in triple.events]

    assert sorted(told, key=where) == sorted(kept, key=where)


@given(STEPS)
def test_every_event_is_linked_once_or_unsolicited(steps: list[tuple[str, Any]]) -> None:
    recording = played(steps).recording()

    pushed = sum(len(events) for what, events in steps if what == "hears")
    linked = [where(link) for triple in recording.triples for link in triple.events]
    alone = [(u.event.seq, u.event.index) for u in recording.unsolicited]
    assert len({*linked, *alone}) == len([*linked, *alone]) == pushed


@given(STEPS)
def test_no_event_is_before_its_request(steps: list[tuple[str, Any]]) -> None:
    recording = played(steps).recording()

    assert all(t.request.seq < link.event.seq for t in recording.triples for link in t.events)


@given(STEPS, st.integers(0, 100))
def test_a_link_once_made_is_never_taken_back(steps: list[tuple[str, Any]], end: int) -> None:
    wire = played(steps)
    links = wire.links()
    del wire.records[end:]

    assert wire.links() == links[: len(wire.links())]


def where(link: Link) -> tuple[int, int]:
    return link.event.seq, link.event.index


@given(STEPS, st.lists(st.booleans(), min_size=1), st.integers(0, 4))
def test_links_and_stored_bytes_do_not_depend_on_when_they_are_asked_for(
    steps: list[tuple[str, Any]], pattern: list[bool], keep: int
) -> None:
    wire = played(steps)
    at_once, batched = fed(wire, keep), Correlator(load(), keep=keep)
    triples: list[Triple] = []
    plain: list[Triple] = []
    unsolicited: list[Unsolicited] = []
    for place, record in enumerate(wire.records):
        batched.feed(record)
        if pattern[place % len(pattern)]:
            triples += batched.triples()
            plain += batched.plain()
            unsolicited += batched.unsolicited()
            batched.finish(HEADER)
    rest = batched.finish(HEADER)

    whole = at_once.finish(HEADER)
    assert (*triples, *rest.triples) == whole.triples
    assert (*plain, *rest.plain) == whole.plain
    assert (*unsolicited, *rest.unsolicited) == whole.unsolicited
    stored = [[encode_row(row_of(t)) for t in found] for found in (whole.triples, (*triples, *rest.triples))]
    assert stored[0] == stored[1]


def test_hosts_and_origins_of_strangers_are_not_kept() -> None:
    """A page that is open while a session is recorded can send any request to the recorder."""
    wire = Wire()
    desk = wire.desk()
    evil = (("Host", "evil.example"), ("Origin", "http://evil.example"), ("Referer", "http://evil.example/"))
    wire.ack(wire.request("GET", "/nothere", b"", evil))
    wire.respond(desk.post(chained(7), evil), {}, status=403)
    wire.fail(desk.post(chained(8), evil))

    assert wire.recording().addressed == set()


def test_the_hosts_and_origins_of_the_session_are_kept_without_their_paths() -> None:
    wire = Wire()
    desk = wire.desk(headers=(("HOST", "push.example"), ("Origin", "https://desk.example")))
    wire.ack(desk.post(chained(7), (("Host", "gws.example:8090"), ("Referer", "https://desk.example/app?a=1"))))
    wire.ack(desk.post(chained(8), (("Host", "gws.example:8090"), ("Referer", "https://desk.example/app?a=2"))))

    assert wire.recording().addressed == {
        ("host", "push.example"),
        ("origin", "https://desk.example"),
        ("host", "gws.example:8090"),
        ("referer", "https://desk.example"),
    }
