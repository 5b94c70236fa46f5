"""Twelve drifts of a server: each is found in its tier with its path, exactly once, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from recorder.drive.engine.plan import Finding, Found
from recorder.model import Recording
from recorder.verify.judged import Judged, Rule, Tier
from recorder.verify.judging import judge
from tests.costs import assert_grows
from tests.verify.desks import GWS, Drift, pair
from tests.wire import Wire, chained, done, record_event, twin

ERROR, WARNING, INFO = Tier.ERROR, Tier.WARNING, Tier.INFO
CHAINED = "GetChainedRecord"


def at(name: str, change: Callable[[Any], Any]) -> Drift:
    """A drift of one message."""
    return lambda one, message: change(message) if one == name else message


def within(*path: str | int, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A change of the member or element at the end of a path; the container of it is given to `change`."""

    def changed(message: Any) -> Any:
        inside = message
        for part in path:
            inside = inside[part]
        change(inside)
        return message

    return changed


def gone(name: str) -> Callable[[Any], Any]:
    return lambda inside: inside.pop(name)


def called(name: str, other: str) -> Callable[[Any], Any]:
    return lambda inside: inside.update({other: inside.pop(name)})


def put(name: str | int, value: Any) -> Callable[[Any], Any]:
    return lambda inside: inside.__setitem__(name, value)


def body(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return within(1, change=change)


def event(*path: str | int, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return within("data", *path, change=change)


ATTEMPT = ("record", "attempts", 1, "result", "by")
PATH = "events[0].data.record"
DEEP = "events[0].data.record.attempts[1].result.by"
ACK = f"{CHAINED} ack"

DRIFTS: dict[str, tuple[Drift, Tier, Rule, str]] = {
    "a field of an ack is gone": (at(ACK, body(gone("statusCode"))), ERROR, Rule.GONE, "ack.body.statusCode"),
    "a field of an ack is gone, deep": (
        at(ACK, body(lambda b: b["took"].pop("ms"))),
        ERROR,
        Rule.GONE,
        "ack.body.took.ms",
    ),
    "a field of an event is gone": (
        at("chained 1", event("record", change=gone("guid"))),
        ERROR,
        Rule.GONE,
        f"{PATH}.guid",
    ),
    "a field of an event is gone, at the top": (
        at("chained 1", event(change=gone("seq"))),
        ERROR,
        Rule.GONE,
        "events[0].data.seq",
    ),
    "a field in a list is gone": (
        at("chained 1", event(*ATTEMPT, change=gone("agent"))),
        ERROR,
        Rule.GONE,
        f"{DEEP}.agent",
    ),
    "the key of an event is gone": (
        at("chained 1", event(change=gone("referenceId"))),
        ERROR,
        Rule.GONE,
        "events[0].data.referenceId",
    ),
    "a field is renamed": (
        at("chained 1", event("record", change=called("guid", "uuid"))),
        ERROR,
        Rule.RENAMED,
        f"{PATH}.guid",
    ),
    "a field is renamed, in a list": (
        at("chained 1", event(*ATTEMPT, change=called("agent", "agentId"))),
        ERROR,
        Rule.RENAMED,
        f"{DEEP}.agent",
    ),
    "the key of an event is renamed": (
        at("chained 1", event("record", change=called("recordHandle", "handle"))),
        ERROR,
        Rule.RENAMED,
        f"{PATH}.recordHandle",
    ),
    "the reference is renamed": (
        at("chained 1", event(change=called("referenceId", "ref"))),
        ERROR,
        Rule.RENAMED,
        "events[0].data.referenceId",
    ),
    "a field of an ack is renamed": (
        at(ACK, body(called("statusCode", "status_code"))),
        ERROR,
        Rule.RENAMED,
        "ack.body.statusCode",
    ),
    "a field is new": (
        at("chained 1", event("record", change=put("vip", value=True))),
        INFO,
        Rule.ADDED,
        f"{PATH}.vip",
    ),
    "a field of an ack is new": (at(ACK, body(put("hint", "x"))), WARNING, Rule.REQUIRED, "ack.body.hint"),
    "a type": (
        at("chained 1", event("record", change=put("applicationId", "134"))),
        ERROR,
        Rule.TYPE,
        f"{PATH}.applicationId",
    ),
    "a type, in a list": (
        at("chained 1", event(*ATTEMPT, change=put("agent", ["a"]))),
        ERROR,
        Rule.TYPE,
        f"{DEEP}.agent",
    ),
    "the type of a handle": (
        at("chained 1", event("record", change=lambda r: r.update(recordHandle=int(r["recordHandle"])))),
        ERROR,
        Rule.TYPE,
        f"{PATH}.recordHandle",
    ),
    "the type of an ack's field": (at(ACK, body(put("took", 5))), ERROR, Rule.TYPE, "ack.body.took"),
    "a value is null": (
        at("chained 1", event("record", change=put("guid", None))),
        WARNING,
        Rule.EMPTY,
        f"{PATH}.guid",
    ),
    "a word": (
        at("chained 1", event(*ATTEMPT[:-1], change=put("code", "Wrong"))),
        WARNING,
        Rule.WORD,
        "events[0].data.record.attempts[1].result.code",
    ),
    "a status": (at(ACK, lambda ack: (202, ack[1])), WARNING, Rule.STATUS, "ack.status"),
    "an extra event": (
        at("chained 1", lambda one: [one, one | {"data": one["data"] | {"notificationType": "RecordCancel"}}]),
        WARNING,
        Rule.SURPLUS,
        "events[1]",
    ),
    "a missing event": (at("chained 1", lambda _: []), ERROR, Rule.MISSING, "events[0]"),
    "a missing terminal event": (at("end 1", lambda _: []), ERROR, Rule.MISSING, "events[1]"),
    "a doubled event": (at("chained 1", lambda one: [one, one]), ERROR, Rule.DOUBLED, "events[1]"),
    "a doubled terminal event": (at("end 1", lambda one: [one, one]), ERROR, Rule.DOUBLED, "events[2]"),
    "an event of another kind": (
        at("chained 1", event(change=put("notificationType", "RecordCancel"))),
        ERROR,
        Rule.KIND,
        "events[0].data.notificationType",
    ),
    "another order": (
        lambda name, m: m[::-1] if name == "order" and m[:1] and m[0][0] == "chained 1" else m,
        ERROR,
        Rule.ORDER,
        "events[0]",
    ),
    "refused by status": (
        at(ACK, lambda _: (403, {"statusCode": 5, "statusMessage": "no"})),
        ERROR,
        Rule.REFUSED,
        "ack.status",
    ),
    "refused by code": (
        at(ACK, lambda ack: (200, {"statusCode": 5, "statusMessage": "no"})),
        ERROR,
        Rule.REFUSED,
        "ack.body.statusCode",
    ),
    "another channel": (
        at("chained 1", lambda one: one | {"channel": "/v3/me/outbound"}),
        ERROR,
        Rule.CHANNEL,
        "events[0].channel",
    ),
    "another record": (
        at("chained 1", event("record", change=put("recordHandle", "1"))),
        ERROR,
        Rule.ID,
        f"{PATH}.recordHandle",
    ),
    "unasked: gone": (
        at("state", event("devices", 0, change=gone("userState"))),
        ERROR,
        Rule.GONE,
        "unsolicited[0].data.devices[0].userState",
    ),
    "unasked: missing": (
        at("state", lambda one: one if "NotReady" in str(one) else []),
        ERROR,
        Rule.MISSING,
        "unsolicited[0]",
    ),
    "unasked: doubled": (at("state", lambda one: [one, one]), ERROR, Rule.DOUBLED, "unsolicited[0]"),
    "unasked: another channel": (
        at("state", lambda one: one | {"channel": "/v3/me"}),
        ERROR,
        Rule.CHANNEL,
        "unsolicited[0].channel",
    ),
}


def told(found: list[Judged]) -> list[tuple[Tier, Rule, str]]:
    """All that is no other value: each run has other GUIDs, counters and times."""
    return [(one.tier, one.rule, one.where) for one in found if one.rule is not Rule.VALUE]


@pytest.mark.parametrize(("drift", "tier", "rule", "where"), DRIFTS.values(), ids=DRIFTS)
def test_a_drift_is_found_once(drift: Drift, tier: Tier, rule: Rule, where: str) -> None:
    old, new, bindings = pair(drift)

    found = judge(old, new, GWS, bindings=bindings)

    assert told(found) == [(tier, rule, where)]


@pytest.mark.parametrize("seed", range(10))
def test_a_server_that_did_not_drift_gives_no_error_and_no_warning(seed: int) -> None:
    old, new, bindings = pair(seed=seed)

    found = judge(old, new, GWS, bindings=bindings)

    assert told(found) == []
    assert {one.tier for one in found} <= {INFO}


@pytest.mark.parametrize("times", [1, 2, 3])
def test_what_is_one_drift_is_one_finding_with_all_its_places(times: int) -> None:
    names = [f"chained {number}" for number in range(times)]
    drop = event("record", change=gone("guid"))
    old, new, bindings = pair(lambda name, message: drop(message) if name in names else message)

    (found,) = [one for one in judge(old, new, GWS, bindings=bindings) if one.tier is ERROR]

    assert [place.n for place in found.places] == [2, 5, 8][:times]
    assert (found.operation, found.part, found.pattern) == (
        CHAINED,
        "ChainedRecord",
        "events[ChainedRecord].data.record.guid",
    )


def test_a_field_that_is_new_in_each_of_three_messages_looks_required() -> None:
    add = event("record", change=put("vip", value=True))
    every = pair(lambda name, message: add(message) if name.startswith("chained") else message)
    some = pair(lambda name, message: add(message) if name in ("chained 0", "chained 1") else message)

    assert told(judge(*every[:2], GWS, bindings=every[2])) == [(WARNING, Rule.REQUIRED, f"{PATH}.vip")]
    assert told(judge(*some[:2], GWS, bindings=some[2])) == [(INFO, Rule.ADDED, f"{PATH}.vip")]


def test_a_field_that_the_recording_has_only_here_and_there_may_be_gone() -> None:
    drop = event("record", change=gone("guid"))
    _, old, _ = pair(at("chained 2", drop))
    _, new, _ = pair(lambda name, message: drop(message) if name in ("chained 1", "chained 2") else message)

    assert told(judge(old, new, GWS)) == [(INFO, Rule.OPTIONAL, f"{PATH}.guid")]


def test_a_refusal_and_what_follows_from_it_is_one_error() -> None:
    """A handle that did not come: what needs it was left out."""
    old, new, bindings = pair(at(ACK, lambda _: (500, {"statusCode": 4})))
    left = Finding(Found.LEFT_OUT, 9, 9, "triple 9 CompleteRecord", "no value for handle", 1.0)
    refused = Finding(Found.REFUSED, 2, 2, "triple 2 GetChainedRecord", "status 500", 0.5)

    found = judge(old, new, GWS, bindings=bindings, findings=[refused, left])

    assert told(found) == [(ERROR, Rule.REFUSED, "ack.status"), (INFO, Rule.UNSENT, "")]
    assert [place.n for place in found[0].places] == [2, 5, 8]


@pytest.mark.parametrize("is_refused", [True, False])
def test_without_a_session_its_refusal_is_the_error_and_missing_events_follow(is_refused: bool) -> None:
    old, new, bindings = pair()
    deaf = replace(new, triples=tuple(replace(one, events=()) for one in new.triples), unsolicited=())
    refused = Finding(Found.REFUSED, 0, 0, "step 0 handshake, answer", "step 0 handshake was refused", 0.1)

    found = judge(old, deaf, GWS, bindings=bindings, findings=[refused] if is_refused else [])

    errors = {one.rule for one in found if one.tier is ERROR}
    assert errors == ({Rule.REFUSED} if is_refused else {Rule.MISSING})


@pytest.mark.parametrize(
    ("kind", "tier", "rule"),
    [
        (Found.REFUSED, ERROR, Rule.REFUSED),
        (Found.MISSING_ANSWER, ERROR, Rule.ANSWER),
        (Found.FAILED, ERROR, Rule.FAILED),
        (Found.LEFT_OUT, ERROR, Rule.UNSENT),
        (Found.NO_VALUE, ERROR, Rule.GONE),
        (Found.MISSING_EVENT, WARNING, Rule.LATE),
        (Found.LOST, INFO, Rule.LOST),
    ],
)
def test_what_the_driver_alone_knows_is_told(kind: Found, tier: Tier, rule: Rule) -> None:
    """Such as a refused subscription, which is in no triple."""
    old, new, bindings = pair()
    finding = Finding(kind, 1, 0, "subscribe /v2/me/outbound", "what happened", 0.5)

    found = judge(old, new, GWS, bindings=bindings, findings=[finding])

    assert told(found) == [(tier, rule, "")]
    assert [one.text for one in found if one.operation == "subscribe /v2/me/outbound"] == ["what happened"]


@pytest.mark.parametrize("kind", [Found.UNEXPECTED, Found.ACCEPTED])
def test_what_differs_in_nothing_is_not_told_by_the_driver_either(kind: Found) -> None:
    old, new, bindings = pair()

    assert told(judge(old, new, GWS, bindings=bindings, findings=[Finding(kind, 1, 2, "", "", 0.5)])) == []


def test_a_missing_event_that_the_driver_missed_too_is_one_finding() -> None:
    old, new, bindings = pair(at("chained 1", lambda _: []))
    missed = Finding(Found.MISSING_EVENT, 7, 5, "triple 5 GetChainedRecord, event ChainedRecord", "did not come", 6.0)

    found = judge(old, new, GWS, bindings=bindings, findings=[missed])

    assert told(found) == [(ERROR, Rule.MISSING, "events[0]")]
    assert [one.text for one in found if one.tier is ERROR] == ["did not come over /v2/me/outbound"]


def stopped(*, at_event: str) -> tuple[Any, Any, list[tuple[str, str]]]:
    """A run that stopped in the fifth triple."""
    old, new, bindings = pair(at(at_event, lambda _: []))
    cut = [triple for triple in new.triples if triple.n <= 5]
    return old, replace(new, triples=tuple(cut), unsolicited=new.unsolicited[:1]), bindings


def test_of_a_run_that_stopped_only_what_it_waited_for_counts() -> None:
    old, new, bindings = stopped(at_event="end 1")
    missed = Finding(Found.MISSING_EVENT, 7, 5, "triple 5", "did not come", 6.0)

    found = judge(old, new, GWS, bindings=bindings, findings=[missed], has_stalled=True)

    assert told(found) == [(ERROR, Rule.MISSING, "events[1]")]


def test_an_operation_that_nobody_left_out_and_nobody_sent_is_an_error() -> None:
    old, new, bindings = pair()
    less = replace(new, triples=new.triples[:-1])

    assert told(judge(old, less, GWS, bindings=bindings)) == [(ERROR, Rule.UNSENT, "")]
    assert told(judge(less, new, GWS)) == [(INFO, Rule.MORE, "")]


def test_what_was_refused_and_is_accepted_is_told_only() -> None:
    old, new, bindings = pair(at(ACK, lambda _: (500, {"statusCode": 4})))

    found = judge(new, old, GWS, bindings=[(live, recorded) for recorded, live in bindings])

    assert told(found) == [(INFO, Rule.ACCEPTED, "ack")]


def test_preflights_are_no_difference() -> None:
    old, new, bindings = pair()
    (plain,) = new.plain
    preflight = replace(plain, request=replace(plain.request, method="OPTIONS"))

    assert told(judge(old, replace(new, plain=(plain, preflight)), GWS, bindings=bindings)) == []
    assert told(judge(replace(old, plain=(*old.plain, preflight)), new, GWS, bindings=bindings)) == []


def test_heartbeats_are_no_difference() -> None:
    ignoring = replace(GWS, ignore={"data.messageType": frozenset({"DeviceStateChangeMessage"})})
    recordings = [pair(at("state", drift)) for drift in (lambda one: one, lambda one: [], lambda one: [one, one])]

    for _, new, bindings in recordings:
        assert told(judge(recordings[0][0], new, ignoring, bindings=bindings)) == []


def test_an_event_that_the_driver_took_for_another_one_is_neither_missing_nor_late() -> None:
    old, new, bindings = pair()
    missed = Finding(Found.MISSING_EVENT, 2, 2, "triple 2", "did not come", 6.0)
    surplus = Finding(Found.UNEXPECTED, None, 0, "session s1", "came where none was recorded", 1.0)

    assert told(judge(old, new, GWS, bindings=bindings, findings=[surplus, missed])) == []


def test_a_bound_value_that_redaction_hides_is_no_error() -> None:
    """The drive knows the live number; the live cassette holds a pseudonym in its place."""
    old, new, bindings = pair()
    phones = [link.event.data["record"]["phoneNumber"] for item in old.triples for link in item.events]

    found = judge(old, new, GWS, bindings=[*bindings, *((phone, f"0{phone}") for phone in phones)])

    assert told(found) == []


def test_an_answer_that_came_after_the_patience_is_late() -> None:
    old, new, bindings = pair()
    missed = Finding(Found.MISSING_ANSWER, 2, 2, "triple 2 GetChainedRecord, answer", "did not come", 6.0)

    assert told(judge(old, new, GWS, bindings=bindings, findings=[missed])) == [(WARNING, Rule.LATE, "")]


def twins(*, drops: str = "", adds: str = "") -> Recording:
    """Events that come over two channels under one name, as another message on each."""
    wire = Wire()
    desk = wire.desk()
    for handle in range(1, 4):
        events = [record_event("ChainedRecord", handle, f"r{handle}"), twin("ChainedRecord", handle)]
        events[0]["data"].pop(drops, None)
        events[0]["data"] |= {adds: 1} if adds else {}
        desk.asks(chained(handle, f"r{handle}"), *events, done(handle, f"r{handle}"))
    return wire.recording()


def test_a_twin_over_another_channel_makes_no_field_optional_and_hides_none() -> None:
    assert told(judge(twins(), twins(drops="messageType"), GWS)) == [(ERROR, Rule.GONE, "events[0].data.messageType")]
    assert told(judge(twins(), twins(adds="priority"), GWS)) == [(WARNING, Rule.REQUIRED, "events[0].data.priority")]


@pytest.mark.parametrize(
    ("name", "tier"), [("recordHandle", ERROR), ("parentHandle", WARNING)], ids=["in a key", "elsewhere"]
)
@pytest.mark.parametrize("handle", ["4711", "17"])
def test_another_value_in_place_of_a_bound_one_counts_by_its_place_and_length(
    name: str, tier: Tier, handle: str
) -> None:
    """Order 17 is not customer 17, but 4711 is 4711."""

    def records(own: str, seen: str) -> Recording:
        wire = Wire()
        event = record_event("ChainedRecord", "1", "r", own=own)
        event["data"]["record"][name] = seen
        wire.desk().asks(chained("1", "r"), event, done("1", "r"))
        return wire.recording()

    found = judge(records(handle, handle), records("9999", "8555"), GWS, bindings=[(handle, "9999")])

    assert [one.tier for one in found] == [tier if handle == "4711" else INFO]


@pytest.mark.parametrize(
    ("place", "tier"), [("data", ERROR), ("elsewhere", WARNING)], ids=["at its key", "under another name"]
)
def test_the_reference_of_another_request_is_an_error_at_its_key(place: str, tier: Tier) -> None:
    def asked(first: str, second: str, seen: str) -> Recording:
        wire = Wire()
        desk = wire.desk()
        event = record_event("ChainedRecord", 2, second)
        event["data"] |= {"referenceId": seen} if place == "data" else {"of": {"referenceId": seen}}
        desk.asks(chained(1, first), done(1, first))
        desk.asks(chained(2, second), event, done(2, second))
        return wire.recording()

    old, new = asked("desk-0001", "desk-0002", "desk-0002"), asked("live-0001", "live-0002", "live-0003")

    assert [one.tier for one in judge(old, new, GWS)] == [tier]


def flood(events: int) -> Callable[[], list[Judged]]:
    """Return what judges a server that says so many things, each of them twice."""
    old, new, bindings = pair(at("state", lambda one: [one | {"data": {"flood": n}} for n in range(events)] + [one]))
    return lambda: judge(old, new, GWS, bindings=bindings)


def test_a_flood_of_events_is_judged_in_time() -> None:
    many = flood(8_000)

    assert sum(len(one.places) for one in many() if one.rule is Rule.DOUBLED) == 2 * 8_000
    assert_grows(flood(500), many, at_most=16 * 6, floor=0.02)  # by the square of them it takes 256 times as long
