"""Known changes give exactly the differences they are, alone, all at once, and in a session with other ids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recorder.dialect.definition import shipped
from recorder.diff.differences import Difference, Latency, What, differences
from recorder.errors import UsageError
from recorder.library.latency import offset_ms
from recorder.model import Recording
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from recorder.requests.bindings import ABSENT
from tests.answers import DIALECT, publish, result, yes
from tests.diff.edits import (
    DEVICE,
    Edit,
    again,
    in_turn,
    json_of,
    later,
    recording,
    status_of,
    swapped,
    without,
)
from tests.wire import HEADER, Wire, campaign_event, chained, done, preview, state_event

GWS = shipped("gws-outbound")
LIMIT = Latency(ms=200)
NOTE = {"channel": "/v2/me/outbound", "data": {"notificationType": "Remark", "referenceId": "desk-4", "text": "new"}}
PREVIEWED = recording().triples[1]
OFFSET = offset_ms(PREVIEWED.events[1], PREVIEWED)
THIRD_DEVICE = "99999999-2222-4333-8444-555555555555"

KNOWN: dict[str, tuple[Edit, int | None, Difference]] = {
    "a request field is added": (
        json_of(33, lambda body: body | {"callResult": "Busy"}),
        4,
        Difference(What.FIELD_ADDED, "request.body.callResult", new="Busy"),
    ),
    "a request field is removed": (
        json_of(33, lambda body: {k: v for k, v in body.items() if k != "timeZone"}),
        4,
        Difference(What.FIELD_REMOVED, "request.body.timeZone", old="EST"),
    ),
    "a request field is changed": (
        json_of(39, lambda body: body | {"callResult": "Busy"}),
        5,
        Difference(What.FIELD_CHANGED, "request.body.callResult", "Answer", "Busy"),
    ),
    "a request field has another type": (
        json_of(13, lambda body: body | {"applicationId": "134"}),
        2,
        Difference(What.FIELD_TYPED, "request.body.applicationId", 134, "134"),
    ),
    "an ack has another status": (status_of(42, 202), 5, Difference(What.STATUS, "ack.status", 200, 202)),
    "an ack has another body": (
        json_of(16, lambda body: body | {"statusCode": 7}),
        2,
        Difference(What.FIELD_CHANGED, "ack.body.statusCode", 0, 7),
    ),
    "an event is new": (
        json_of(37, lambda messages: [NOTE, *messages]),
        4,
        Difference(What.EVENT_NEW, "events[1]", new=NOTE),
    ),
    "events have another order": (swapped(27, 29), 3, Difference(What.EVENT_MOVED, "events[3]", 3, 4)),
    "an event field is changed": (
        json_of(40, lambda messages: [_with(messages[0], "messageType", "Other"), *messages[1:]]),
        5,
        Difference(What.FIELD_CHANGED, "events[0].data.messageType", "OutboundRecordMessage", "Other"),
    ),
    "an event comes over another channel": (
        json_of(34, lambda messages: [messages[0] | {"channel": "/v3/me/outbound"}, *messages[1:]]),
        4,
        Difference(What.CHANNEL, "events[0].channel", "/v2/me/outbound", "/v3/me/outbound"),
    ),
    "an event comes later": (
        later(17, 500),
        2,
        Difference(What.LATENCY, "events[1].offset_ms", OFFSET, round(OFFSET + 500, 3)),
    ),
    "an id stands for two": (
        json_of(46, lambda messages: [_with_device(messages[0]), *messages[1:]]),
        6,
        Difference(
            What.RENAMED, "events[0].data.campaign.devicePath", f"/devices/{DEVICE}", f"/devices/{THIRD_DEVICE}"
        ),
    ),
    "a triple is missing": (
        in_turn(without(9, 12), json_of(10, lambda messages: messages[1:])),
        1,
        Difference(What.TRIPLE_MISSING, "", old="StartPreviewSession"),
    ),
}  # fmt: skip
LEFT_OUT = (json_of(23, lambda messages: messages[1:]), 3, "events[1]")


def _with(message: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    return message | {"data": message["data"] | {name: value}}


def _with_device(message: dict[str, Any]) -> dict[str, Any]:
    campaign = message["data"]["campaign"] | {"devicePath": f"/devices/{THIRD_DEVICE}"}
    return _with(message, "campaign", campaign)


def found(old: Recording, new: Recording, **options: Any) -> list[tuple[int | None, Difference]]:
    """The differences, each with the number of its triple in the old recording."""
    changes = differences(old, new, GWS, **options)
    return [(c.old and c.old.n, difference) for c in changes for difference in c.differences]


@pytest.mark.parametrize(("edit", "n", "difference"), KNOWN.values(), ids=KNOWN)
def test_a_known_change_is_exactly_one_difference(edit: Edit, n: int, difference: Difference) -> None:
    assert found(recording(), recording(edit), latency=LIMIT) == [(n, difference)]


def test_an_event_that_is_missing_is_exactly_one_difference() -> None:
    edit, n, where = LEFT_OUT

    ((number, difference),) = found(recording(), recording(edit))

    assert (number, difference.what, difference.where) == (n, What.EVENT_MISSING, where)
    assert (difference.old["channel"], difference.new) == ("/me/internal", ABSENT)


def test_all_of_them_at_once_are_each_of_them() -> None:
    edits = [edit for edit, _, _ in KNOWN.values()]

    all_at_once = found(recording(), recording(*edits, LEFT_OUT[0]), latency=LIMIT)

    missing = [difference for _, difference in all_at_once if difference.what is What.EVENT_MISSING]
    moved = next(difference for _, difference in all_at_once if difference.what is What.EVENT_MOVED)
    others = [pair for pair in all_at_once if pair[1] not in (*missing, moved)]
    expected = [(n, d) for _, n, d in KNOWN.values() if d.what is not What.EVENT_MOVED]
    assert [difference.where for difference in missing] == [LEFT_OUT[2]]
    assert (moved.where, moved.old, moved.new) == ("events[3]", 3, 3)  # one event fewer stands before it
    assert sorted(map(repr, others)) == sorted(map(repr, expected))


def test_the_other_way_round_a_triple_that_is_missing_is_new() -> None:
    edit, _, _ = KNOWN["a triple is missing"]

    assert found(recording(edit), recording()) == [(None, Difference(What.TRIPLE_NEW, "", new="StartPreviewSession"))]


def test_triples_that_changed_places_are_one_that_moved() -> None:
    changed_places = in_turn(swapped(33, 39), swapped(34, 40), swapped(37, 43))

    assert found(recording(), recording(changed_places)) == [(4, Difference(What.TRIPLE_MOVED, "n", 4, 5))]


def test_the_session_recorded_again_has_no_difference() -> None:
    assert found(recording(), recording(again)) == []


@pytest.mark.parametrize(
    "name", ["a request field is added", "an ack has another body", "events have another order", "a triple is missing"]
)
def test_a_change_is_found_among_other_ids_too(name: str) -> None:
    edit, n, difference = KNOWN[name]

    assert found(recording(), recording(edit, again)) == [(n, difference)]


def test_an_id_that_was_used_again_stands_for_two() -> None:
    def session(*references: str) -> Recording:
        wire = Wire()
        desk = wire.desk()
        for handle, reference in enumerate(references):
            desk.asks(chained(handle, reference), done(handle, reference))
        return wire.recording()

    ((n, difference),) = found(session("one", "two"), session("x", "x"))

    assert (n, difference.what, difference.where) == (2, What.RENAMED, "request.body.referenceId")
    assert found(session("one", "two"), session("x", "y")) == []


def test_an_id_of_another_json_type_is_the_same() -> None:
    def session(reference: Any) -> Recording:
        wire = Wire()
        wire.desk().asks(chained(7, reference), done(7, reference))
        return wire.recording()

    assert found(session(32), session("r1")) == []


def test_a_missing_ack_is_told_with_the_reason() -> None:
    def session(*, fails: bool) -> Recording:
        wire = Wire()
        exchange = wire.desk().post(chained(7, "r"))
        if fails:
            wire.fail(exchange)
        else:
            wire.ack(exchange)
        return wire.recording()

    assert found(session(fails=False), session(fails=True)) == [
        (1, Difference(What.ACK_MISSING, "ack", 200, "Client disconnected."))
    ]
    assert [d.what for _, d in found(session(fails=True), session(fails=False))] == [What.ACK_NEW]


def test_two_desktops_that_come_in_another_order_are_no_difference() -> None:
    def session(*order: str) -> Recording:
        wire = Wire()
        desks = {name: wire.desk(headers=(("Cookie", f"JSESSIONID=cookie-of-{name}"),)) for name in order}
        desks["a"].asks(chained(7, "r1"), done(7, "r1"))
        desks["b"].asks(preview("r2", "Campaign2"), campaign_event("PreviewRecord", "r2"))
        return wire.recording()

    assert found(session("a", "b"), session("b", "a")) == []


def test_events_nobody_asked_for_are_compared_but_not_their_order() -> None:
    def session(*states: str) -> Recording:
        wire = Wire()
        wire.desk().hears(*map(state_event, states))
        return wire.recording()

    assert found(session("Ready", "NotReady"), session("NotReady", "Ready")) == []
    ((_, difference),) = found(session("Ready"), session("Ready", "Busy"))
    assert (difference.what, difference.where) == (What.EVENT_NEW, "unsolicited[1]")


def test_a_key_that_is_called_an_id_may_be_renamed_in_the_url_too() -> None:
    def session(handle: int) -> Recording:
        wire = Wire()
        wire.desk().asks(chained(handle, "r"), done(handle, "r"))
        return wire.recording()

    old, new = session(7), session(1001)

    assert len(found(old, new)) == 2
    assert list(differences(old, new, replace(GWS, minted=(*GWS.minted, "handle")))) == []


# Redacted recordings


def redacted(key: bytes, *, called: str = "4155550101", **own: Any) -> Recording:
    """A session with personal values in named fields, in text, and in a number, as it is kept under a key."""
    wire = Wire()
    desk = wire.desk(headers=(("Authorization", "Basic YWdlbnQ6c2VjcmV0"),))
    own = {"phoneNumber": "4155550101", "note": "call (415) 555-2671", "customer": {"pin": 48151623}} | own
    desk.asks(chained(7, "r", **own), done(7, "r", phoneNumber=called, comment="4155550101 was called"))
    redactor = Redactor(load("gws"), key)
    wire.records = [redactor.redact(record) for record in wire.records]
    recording = wire.recording()
    return replace(recording, header=replace(HEADER, redaction="gws"))


def test_pseudonyms_under_another_key_are_no_difference() -> None:
    assert found(redacted(b"1" * 32), redacted(b"2" * 32), policy=load("gws")) == []


def test_a_pseudonym_that_stands_for_two_is_told() -> None:
    changed = redacted(b"2" * 32, called="4155550102")

    ((_, difference),) = found(redacted(b"1" * 32), changed, policy=load("gws"))

    assert (difference.what, difference.where) == (What.RENAMED, "events[0].data.record.phoneNumber")


def test_under_one_key_a_changed_value_is_a_changed_pseudonym() -> None:
    changed = redacted(b"1" * 32, customer={"pin": 48151624})

    ((_, difference),) = found(redacted(b"1" * 32), changed, policy=load("gws"))

    assert (difference.what, difference.where) == (What.FIELD_CHANGED, "request.body.customer.pin")


def test_a_change_beside_pseudonyms_is_told_where_it_is() -> None:
    changed = redacted(b"2" * 32, note="please call (415) 555-2671", state=1)

    assert [(d.what, d.where) for _, d in found(redacted(b"1" * 32), changed, policy=load("gws"))] == [
        (What.FIELD_CHANGED, "request.body.note"),
        (What.FIELD_ADDED, "request.body.state"),
    ]


# Thresholds


@pytest.mark.parametrize(
    ("text", "old", "change", "exceeded"),
    [
        ("50%", 100, 51, True),
        ("50%", 100, -51, True),
        ("50%", 100, 50, False),
        ("200ms", 1, 201, True),
        ("0ms", 5, 0, False),
    ],
)
def test_a_threshold_is_a_share_or_milliseconds(text: str, old: float, change: float, exceeded: bool) -> None:
    assert Latency.parse(text).exceeded(old, change) is exceeded


@pytest.mark.parametrize("text", ["", "50", "-5%", "5 %", "1s", "nan%", "٣%", "9999999999%"])
def test_what_is_no_threshold_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a latency threshold"):
        Latency.parse(text)


def test_publishes_differ_in_their_data_alone() -> None:
    volatile = replace(DIALECT, volatile=("data.sentAt",))
    recordings = []
    for reference, n, sent_at in (("r-11111111", 1, 100), ("q-22222222", 2, 200)):
        wire = Wire()
        desk = wire.desk(f"client-{reference}")
        sent = publish(desk, reference, data={"requestId": reference, "n": n, "sentAt": sent_at})
        wire.respond(desk.bayeux(sent), [yes(sent, clientId=desk.client_id)])
        desk.hears(result(reference))
        recordings.append(wire.recording(volatile))

    old, new = recordings
    (changed,) = differences(old, new, volatile)

    assert changed.differences == (Difference(What.FIELD_CHANGED, "request.body.n", 1, 2),)
