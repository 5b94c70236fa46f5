"""A live value takes the place of the recorded one everywhere it is meant, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.replay.engine.rewriting.rewriter import Rewriter
from recorder.requests.bindings import ABSENT, Bindings
from tests.wire import DEVICE, chained, done, record_event, twin

GWS = load()
LIVE = "0d4c6a0e-live-4f2c-8b39-device000001"


def bound(**pairs: tuple[str, Any]) -> Rewriter:
    """A rewriter with one binding a key: recorded and live value."""
    bindings = Bindings()
    for key, (recorded, live) in pairs.items():
        bindings.bind(key, recorded, live)
    return Rewriter(GWS, bindings)


# Bindings


def test_a_pair_is_bound_once() -> None:
    bindings = Bindings()
    bindings.bind("device", "d1", "live1")
    bindings.bind("device", "d1", "live2")

    assert Rewriter(GWS, bindings).value({"deviceId": "d1"}) == {"deviceId": "live1"}


def test_bindings_are_one_to_one() -> None:
    bindings = Bindings()
    bindings.bind("device", "d1", "live1")

    assert bindings.allows("device", "d1", "live1")
    assert bindings.allows("device", "d2", "live2")
    assert not bindings.allows("device", "d1", "live2")
    assert not bindings.allows("device", "d2", "live1")


def test_bindings_of_another_key_do_not_count() -> None:
    bindings = Bindings()
    bindings.bind("reference", "7", "8")

    assert bindings.allows("device", "7", "9")


def test_bindings_of_two_scopes_add_up_and_stay_as_they_were() -> None:
    mine, session = Bindings(), Bindings()
    mine.bind("reference", "r1", "live")
    session.bind("device", "d1", "live1")

    both = Rewriter(GWS, mine, session)

    assert both.value({"referenceId": "r1", "deviceId": "d1"}) == {"referenceId": "live", "deviceId": "live1"}
    assert session.allows("reference", "r1", "other")


# referenceId


@pytest.mark.parametrize("live", ["live-1", 32, 0, "32"])
def test_a_reference_is_replaced_with_the_live_json_type(live: Any) -> None:
    rewritten = bound(reference=("r1", live)).value(done(7, "r1"))

    assert rewritten["data"]["referenceId"] == live
    assert type(rewritten["data"]["referenceId"]) is type(live)


@pytest.mark.parametrize(("recorded", "live"), [(32, "32"), ("32", 32)])
def test_the_same_reference_of_another_json_type_is_replaced_too(recorded: Any, live: Any) -> None:
    rewritten = bound(reference=("32", live)).value({"referenceId": recorded})

    assert rewritten == {"referenceId": live}
    assert type(rewritten["referenceId"]) is type(live)


def test_a_reference_the_live_client_did_not_send_is_left_out() -> None:
    assert "referenceId" not in bound(reference=("r1", ABSENT)).value(done(7, "r1"))["data"]


def test_another_reference_stays() -> None:
    assert bound(reference=("r1", "live")).value(done(7, "r2")) == done(7, "r2")


def test_the_inner_reference_is_replaced_under_its_own_name() -> None:
    event = bound(inner_reference=("1", 99)).value(twin("X", GSW_REFERENCE_ID=1))

    assert event["data"]["userData"]["GSW_REFERENCE_ID"] == 99
    assert event["data"]["userData"]["GSW_CHAIN_ID"] == 1


def test_a_short_reference_does_not_touch_a_handle_or_a_chain_that_looks_like_it() -> None:
    event = record_event("ChainedRecord", 7, "7", chainId="7", GSW_CHAIN_ID=7, note="7", batch=[7, "7"])

    rewritten = bound(reference=("7", "live")).value(event)

    assert rewritten == event | {"data": event["data"] | {"referenceId": "live"}}


def test_a_long_reference_is_replaced_inside_other_texts() -> None:
    text = {"uri": "http://gws/api/v2/requests/123456789?full=1", "log": "request 123456789 done"}

    assert bound(reference=("123456789", "live")).value(text) == {
        "uri": "http://gws/api/v2/requests/live?full=1",
        "log": "request live done",
    }


def test_a_long_reference_the_live_client_did_not_send_is_cut_out_of_other_texts() -> None:
    assert bound(reference=("123456789", ABSENT)).text("/requests/123456789?full=1") == "/requests/?full=1"


@pytest.mark.parametrize("text", ["+1123456789", "1234567890", "a123456789", "b-123456789", "123456789_c"])
def test_a_long_reference_inside_a_longer_word_is_something_else(text: str) -> None:
    assert bound(reference=("123456789", "live")).value({"phone": text}) == {"phone": text}


def test_values_are_not_replaced_twice() -> None:
    bindings = Bindings()
    bindings.bind("device", "device-aaaa", "device-bbbb")
    bindings.bind("device", "device-bbbb", "device-aaaa")

    rewriter = Rewriter(GWS, bindings)

    assert rewriter.text("device-aaaa/device-bbbb") == "device-bbbb/device-aaaa"
    assert rewriter.value({"deviceId": "device-aaaa"}) == {"deviceId": "device-bbbb"}


def test_a_text_with_control_characters_comes_through() -> None:
    assert bound(device=(DEVICE, LIVE)).text("\x000\x00 \x001\x00") == "\x000\x00 \x001\x00"


def test_a_value_with_the_signs_of_a_pattern_is_a_plain_value() -> None:
    assert bound(reference=("a.b*c(d)[e]", r"\1\g<0>")).text("ref=a.b*c(d)[e];") == r"ref=\1\g<0>;"


# Devices


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        ({"devicePath": f"/devices/{DEVICE}"}, {"devicePath": f"/devices/{LIVE}"}),
        ({"deviceId": DEVICE}, {"deviceId": LIVE}),
        ({"deviceId": f"/api/v2/devices/{DEVICE}"}, {"deviceId": f"/api/v2/devices/{LIVE}"}),
        ({"deviceUri": f"http://gws/api/v2/devices/{DEVICE}"}, {"deviceUri": f"http://gws/api/v2/devices/{LIVE}"}),
        ({"uri": f"http://gws/devices/{DEVICE}?a=1#x"}, {"uri": f"http://gws/devices/{LIVE}?a=1#x"}),
        ({"next": f"/go?to=%2Fdevices%2F{DEVICE}"}, {"next": f"/go?to=%2Fdevices%2F{LIVE}"}),
        ({"devices": [{"id": DEVICE}, DEVICE]}, {"devices": [{"id": LIVE}, LIVE]}),
    ],
)
def test_a_device_is_replaced_as_an_id_as_a_path_and_in_urls(recorded: Any, live: Any) -> None:
    assert bound(device=(DEVICE, LIVE)).value(recorded) == live


def test_a_short_device_is_replaced_under_its_names_only() -> None:
    value = {"deviceId": "d1", "devicePath": "/devices/d1", "name": "d1", "agent": "/agents/d1"}

    assert bound(device=("d1", "d2")).value(value) == value | {"deviceId": "d2", "devicePath": "/devices/d2"}


def test_a_device_that_is_the_recorded_one_changes_nothing() -> None:
    assert bound(device=("5001", "5001")).value({"deviceId": 5001}) == {"deviceId": 5001}


def test_names_of_members_are_left_alone() -> None:
    assert bound(device=(DEVICE, LIVE)).value({DEVICE: 1}) == {DEVICE: 1}


# The recorded server's address


# Whole values


def test_the_recorded_value_is_left_alone() -> None:
    recorded = record_event("ChainedRecord", 7, "r1")

    bound(reference=("r1", "live"), device=(DEVICE, LIVE)).value(recorded)

    assert recorded == record_event("ChainedRecord", 7, "r1")


def test_without_bindings_nothing_changes() -> None:
    assert not Rewriter(GWS, Bindings()).touches(b'{"referenceId":"r1"}')
    assert bound(reference=("r1", "live")).touches(b'{"referenceId":"r1"}')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(DEVICE) | st.just(7),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["referenceId", "deviceId", "x"]), inner),
)


@given(JSON)
def test_the_way_back_leads_to_the_recorded_value(value: Any) -> None:
    there, back = bound(device=(DEVICE, LIVE)), bound(device=(LIVE, DEVICE))

    assert back.value(there.value(value)) == value


@given(JSON)
def test_no_recorded_device_is_left(value: Any) -> None:
    assert DEVICE not in str(bound(device=(DEVICE, LIVE)).value(value))


def test_a_request_is_no_different_from_an_event() -> None:
    assert bound(device=(DEVICE, LIVE)).value(chained().content)["devicePath"] == f"/devices/{LIVE}"
