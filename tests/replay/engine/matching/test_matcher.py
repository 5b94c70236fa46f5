"""A live request is a recorded one when nothing differs that counts; else the differences say why not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.replay.engine.matching.difference import Difference
from recorder.replay.engine.matching.matcher import Matcher, describe
from recorder.replay.engine.rewriting.rewriter import bound
from recorder.requests.bindings import ABSENT, Bindings
from recorder.requests.request import ParsedRequest
from tests.wire import DEVICE, Ask, Wire, body, chained, complete, get_me, operation, preview

GWS = load()
NONE = Bindings()


def matcher_of(*asks: Ask) -> Matcher:
    """A matcher that knows these requests; those that are no operations come last."""
    wire = Wire()
    desk = wire.desk()
    for ask in asks:
        wire.ack(desk.post(ask))
    return Matcher(wire.recording(), GWS)


def call(matcher: Matcher, ask: Ask) -> ParsedRequest:
    return matcher.call(ask.method, ask.target, ask.body)


def fits(matcher: Matcher, place: int, live: Ask, session: Bindings) -> bool:
    return matcher.fits(matcher.entries[place], call(matcher, live), session)


def bind(matcher: Matcher, place: int, live: Ask, session: Bindings) -> list[Bindings]:
    """What is bound then: of the operation, and of the session."""
    entry, (read, fresh) = matcher.entries[place], matcher.read(live.method, live.target, live.body)
    matcher.bind(entry, read, session)
    own = bound(GWS, entry.minted, fresh)
    return [session] if own is None else [own, session]


def found(recorded: Ask, live: Ask, session: Bindings = NONE) -> list[str]:
    """The differences between two requests."""
    matcher = matcher_of(recorded)
    return [str(difference) for difference in matcher.differences(0, call(matcher, live), session)]


def candidates(recorded: Ask, live: Ask) -> list[int]:
    matcher = matcher_of(recorded)
    return matcher.candidates(call(matcher, live))


# What a request is


def test_a_call_is_read_from_method_target_and_body() -> None:
    read = matcher_of().call("POST", "/api/v2/me/outbound-campaigns/Pull%20Preview?b=2&a=&b=1", chained().body)

    assert (read.method, read.path) == ("POST", "/api/v2/me/outbound-campaigns/Pull Preview")
    assert read.query == (("a", ""), ("b", "1"), ("b", "2"))
    assert read.operation == "GetChainedRecord"


@pytest.mark.parametrize("target", ["//[", "//host/path", "*", "", "/%", "/%ff?%ff"])
def test_any_target_can_be_read(target: str) -> None:
    assert matcher_of(get_me()).candidates(matcher_of().call("GET", target, b"")) == []


def test_a_call_is_shown_by_method_path_and_operation() -> None:
    assert str(call(matcher_of(), chained())) == "POST /api/v2/me/outbound-records/7 (GetChainedRecord)"
    assert str(call(matcher_of(), get_me())) == "GET /api/v2/me"


def test_what_would_break_a_line_is_shown_escaped() -> None:
    read = matcher_of().call("POST", "/a%0d%0ab%1b[1m", b'{"operationName": "x\\ny\\ud800"}')

    assert str(read) == r"POST /a\r\nb\x1b[1m (x\ny\ud800)"


def test_a_recorded_request_is_described_by_its_number() -> None:
    matcher = matcher_of(chained(), get_me())

    assert describe(matcher.triples[0], matcher.parsed[0]) == f"triple 1, {matcher.parsed[0]}"
    assert describe(matcher.triples[1], matcher.parsed[1]) == "GET /api/v2/me"


# What may differ


@pytest.mark.parametrize(
    "live",
    [
        chained(7, "r1"),
        chained(7, "live"),
        chained(7, 32),
        chained(7),
        chained(7, "r1", referenceId=None),
        chained(7, "r1", devicePath="/devices/live"),
        chained(7, "r1", timestamp=1433915532),
        Ask("/api/v2/me/outbound-records/%37", chained(7, "r1").content),
        Ask(chained().target, dict(reversed(list(chained(7, "r1").content.items())))),
        Ask(chained().target, json.dumps(chained(7, "r1").content, indent=2).encode()),
        Ask(chained().target, b"\n" + chained(7, "r1").body),
    ],
)
def test_ids_the_client_mints_volatile_fields_and_the_way_it_is_written_do_not_count(live: Ask) -> None:
    assert found(chained(7, "r1"), live) == []
    assert candidates(chained(7, "r1"), live) == [0]


def test_the_order_of_a_query_does_not_count() -> None:
    assert found(Ask("/api/v2/me?a=1&b=2", b"", "GET"), Ask("/api/v2/me?b=2&a=1", b"", "GET")) == []


def test_a_reference_only_the_live_request_has_does_not_count() -> None:
    assert found(chained(7), chained(7, "live")) == []


# What must not


@pytest.mark.parametrize(
    ("live", "difference"),
    [
        (chained(8), 'path differs: recorded "/api/v2/me/outbound-records/7", live "/api/v2/me/outbound-records/8"'),
        (Ask(chained().target, chained().content, "PUT"), 'method differs: recorded "POST", live "PUT"'),
        (Ask(chained().target + "?a=1", chained().content), 'query.a differs: recorded nothing, live "1"'),
        (chained(campaignName="C2"), 'body.campaignName differs: recorded "Campaign1", live "C2"'),
        (chained(applicationId="134"), 'body.applicationId differs: recorded 134, live "134"'),
        (chained(applicationId=134.0), "body.applicationId differs: recorded 134, live 134.0"),
        (chained(data={"metrics": 1}), 'body.data differs: recorded nothing, live {"metrics": 1}'),
        (chained(extra=[1]), "body.extra differs: recorded nothing, live [1]"),
        (chained().without("applicationId"), "body.applicationId differs: recorded 134, live nothing"),
        (chained().without("devicePath"), f'body.devicePath differs: recorded "/devices/{DEVICE}", live nothing'),
    ],
)
def test_all_else_counts_and_is_named(live: Ask, difference: str) -> None:
    assert found(chained(), live) == [difference]


def test_another_operation_is_named_before_its_fields() -> None:
    assert found(chained(), complete())[0] == 'operation differs: recorded "GetChainedRecord", live "CompleteRecord"'


def test_a_field_inside_another_is_named_by_its_path() -> None:
    recorded, live = (chained(otherFields={"a": [{"b": value}]}) for value in (True, 1))

    assert found(recorded, live) == ["body.otherFields.a[0].b differs: recorded true, live 1"]


def test_a_list_of_another_length_is_shown_whole() -> None:
    assert found(chained(n=[1, 2]), chained(n=[1])) == ["body.n differs: recorded [1, 2], live [1]"]


@pytest.mark.parametrize(
    "content", [b'{"operationName": "GetChainedRecord",}', b"operationName=GetChainedRecord", b"[1]"]
)
def test_a_live_body_that_is_no_json_object_is_the_difference(content: bytes) -> None:
    differences = found(chained(), Ask(chained().target, content))

    assert len(differences) == 1
    assert differences[0].startswith('body (live: no JSON object) differs: recorded "{')
    assert differences[0].endswith(f"live {json.dumps(content.decode())}")


def test_bodies_that_are_no_json_are_compared_as_bytes() -> None:
    assert found(Ask("/x", b"\xff"), Ask("/x", b"\xff")) == []
    assert found(Ask("/x", b"a 1"), Ask("/x", b"a 2")) == ['body differs: recorded "a 1", live "a 2"']


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"'])
def test_odd_json_matches_itself(value: str) -> None:
    ask = Ask("/api/v2/me", b'{"operationName": "X", "ratio": %s}' % value.encode())

    assert found(ask, ask) == []
    assert candidates(ask, ask) == [0]


def test_a_long_value_is_cut_in_the_text() -> None:
    (difference,) = found(chained(), chained(note="x" * 500))

    assert len(difference) < 200
    assert difference.endswith("...")


def test_a_difference_says_nothing_where_there_is_nothing() -> None:
    assert str(Difference("body.x", ABSENT, 1)) == "body.x differs: recorded nothing, live 1"


# Devices


def test_a_device_that_stands_for_another_one_already_is_a_difference() -> None:
    session = Bindings()
    session.bind("device", "other", "live")

    assert found(chained(), chained(devicePath="/devices/live"), session) == [
        f'body.devicePath differs: recorded "/devices/{DEVICE}", live "/devices/live"'
    ]


def test_a_recorded_device_that_another_one_stands_for_already_is_a_difference() -> None:
    session = Bindings()
    session.bind("device", DEVICE, "live")

    assert found(chained(), chained(devicePath="/devices/live"), session) == []
    assert len(found(chained(), chained(), session)) == 1


# Values the client mints


def minted(recorded: Ask, live: Ask) -> list[tuple[str, str, Any]]:
    """What is bound, of the operation and then of the session."""
    scopes = bind(matcher_of(recorded), 0, live, Bindings())
    pairs = [(key, (recorded, live)) for scope in scopes for (key, recorded), live in scope.live.items()]
    return [(key, own, other) for key, (own, other) in pairs]


def test_what_is_bound_for_good_is_so_for_the_next_request_too() -> None:
    matcher, session = matcher_of(chained(7), chained(8)), Bindings()
    bind(matcher, 0, chained(7, devicePath="/devices/live"), session)

    assert fits(matcher, 1, chained(8, devicePath="/devices/live"), session)
    assert not fits(matcher, 1, chained(8, devicePath="/devices/other"), session)
    assert bind(matcher, 1, chained(8, devicePath="/devices/live"), session) == [session]
    assert session.live == {("device", DEVICE): "live"}


def test_minted_values_are_paired_with_the_live_type_and_devices_by_their_bare_id() -> None:
    assert minted(chained(7, "r1"), chained(7, 32, devicePath="/devices/live")) == [
        ("reference", "r1", 32),
        ("device", DEVICE, "live"),
    ]


def test_an_id_the_live_client_did_not_send_is_paired_with_nothing() -> None:
    assert minted(chained(7, "r1"), chained(7))[0] == ("reference", "r1", ABSENT)


def test_an_id_that_was_not_recorded_is_paired_with_none() -> None:
    assert minted(chained(7), chained(7, "live")) == [("device", DEVICE, DEVICE)]


def test_an_id_that_is_the_recorded_one_needs_no_pair_but_its_type_counts() -> None:
    assert minted(chained(7, "32"), chained(7, "32")) == [("device", DEVICE, DEVICE)]
    assert minted(chained(7, "32"), chained(7, 32))[0] == ("reference", "32", 32)


# Exact ones


def exact(recorded: Ask, live: Ask) -> bool:
    matcher = matcher_of(recorded)
    return matcher.is_exact(0, call(matcher, live))


def test_volatile_fields_and_devices_tell_an_exact_match() -> None:
    assert exact(chained(timestamp=1), chained(timestamp=1))
    assert not exact(chained(timestamp=1), chained(timestamp=2))
    assert not exact(chained(), chained(devicePath="/devices/live"))


def test_an_id_of_one_operation_tells_nothing_because_clients_count_from_anywhere() -> None:
    assert exact(chained(7, "1"), chained(7, "2"))


# The nearest


def nearest(live: Ask, *recorded: Ask, played: tuple[int, ...] = ()) -> tuple[int, str] | None:
    matcher = matcher_of(*recorded)
    answer = matcher.nearest(call(matcher, live), NONE, played)
    return answer and (answer[0], str(answer[1][0]).partition(" differs")[0] if answer[1] else "")


def test_nothing_is_nearest_in_an_empty_recording() -> None:
    assert nearest(chained()) is None


def test_the_nearest_differs_least() -> None:
    assert nearest(chained(7, n=1), chained(7, n=2, m=2), chained(7, n=2)) == (1, "body.n")


def test_the_same_operation_is_nearer_than_another_one_with_fewer_differences() -> None:
    assert nearest(chained(7, a=1, b=1, c=1), complete(7, a=1, b=1, c=1), chained(7)) == (1, "body.a")


def test_the_same_path_is_nearer_than_another_one() -> None:
    assert nearest(chained(8, n=1), chained(7, n=1), chained(8)) == (1, "body.n")


def test_of_equally_near_ones_the_first_that_was_not_played() -> None:
    assert nearest(chained(9), chained(7), chained(8)) == (0, "path")
    assert nearest(chained(9), chained(7), chained(8), played=(0,)) == (1, "path")


def test_one_that_was_played_is_nearest_when_nothing_differs() -> None:
    assert nearest(chained(7), chained(7), chained(8), played=(0,)) == (0, "")


def test_a_body_that_cannot_be_read_does_not_lead_to_another_path() -> None:
    assert nearest(Ask(chained().target, b"{"), get_me(), chained()) == (0, "body (live: no JSON object)")


def test_a_wrong_method_does_not_lead_to_another_path() -> None:
    assert nearest(Ask(chained().target, b"", "GET"), chained(), get_me()) == (0, "method")


# The index and the differences agree

VALUES = st.sampled_from([0, 1, 1.0, True, None, "", "1", [], [1], {}, {"a": 1}, {"a": True}, float("nan"), DEVICE])
FIELDS = st.sampled_from(["operationName", "referenceId", "devicePath", "deviceId", "timestamp", "userData", "x"])
BODIES = st.dictionaries(FIELDS, VALUES, max_size=3).map(body) | st.sampled_from([b"", b"[1]", b"x", b"{"])
ASKS = st.builds(Ask, st.sampled_from(["/a", "/b", "/a?x=1", "/a?x="]), BODIES, st.sampled_from(["POST", "GET"]))


@given(ASKS, ASKS)
def test_the_index_hides_no_match_and_shows_only_what_differs_in_a_device(recorded: Ask, live: Ask) -> None:
    matcher = matcher_of(recorded)
    differences = matcher.differences(0, call(matcher, live), NONE)

    indexed = matcher.candidates(call(matcher, live)) == [0]

    assert indexed == all(d.where in ("body.devicePath", "body.deviceId") for d in differences)


@given(ASKS)
def test_a_request_matches_itself(ask: Ask) -> None:
    assert found(ask, ask) == []
    assert exact(ask, ask)


def test_campaigns_in_urls_are_part_of_the_path() -> None:
    assert found(preview(campaign="A"), preview(campaign="B"))[0].startswith("path differs")


def test_an_operation_may_have_an_inner_reference_that_does_not_count() -> None:
    recorded, live = (operation("/x", "SendUserEvent", userData={"GSW_REFERENCE_ID": n, "a": 1}) for n in (1, 2))

    assert found(recorded, live) == []
    assert minted(recorded, live)[0] == ("inner_reference", "1", 2)
