"""Conversations with a stand-in, without sockets: what leaves, when, with whose ids, and what never does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recorder.model import Headers, Recording
from recorder.replay.engine.faults import Faults, parse
from recorder.replay.engine.http import HttpRequest
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from tests.replay.stage import Desk, Stage
from tests.wire import (
    DEVICE,
    URL,
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

END = "ChainedRecordsDataEnd"
RECORDED = "123456789"
LIVE_DEVICE = "0d4c6a0e-live-4f2c-8b39-device000001"


def one(ask: Ask, *events: Message, early: int = 0) -> Recording:
    """One triple, its parts 100 ms apart."""
    wire = Wire()
    wire.desk().asks(ask, *events, early=early)
    return wire.recording()


def chain(reference: Any = RECORDED, early: int = 0) -> Recording:
    """One chained record with its end, each with its twin."""
    return one(
        chained(7, reference),
        record_event("ChainedRecord", 7, reference),
        twin("ChainedRecord"),
        done(7, reference),
        twin(END),
        early=early,
    )


def two_sessions() -> Recording:
    """Alice and Bob, each with something pushed at the start and a triple of their own."""
    wire = Wire()
    alice = wire.desk("alice", (("Cookie", "JSESSIONID=a"),))
    bob = wire.desk("bob", (("Cookie", "JSESSIONID=b"),))
    alice.hears(state_event("alice"))
    bob.hears(state_event("bob"))
    for desk, handle in ((alice, 7), (bob, 8)):
        wire.respond(desk.post(get_me()), {"user": desk.client_id})
        desk.asks(chained(handle, RECORDED), done(handle, RECORDED))
        desk.asks(preview("r2"), record_event("PreviewRecord", handle, "r2"))
    return wire.recording()


def states(desk: Desk) -> list[str]:
    return [e["data"]["devices"][0]["userState"]["state"] for e in desk.events if "devices" in e["data"]]


# By cause


def test_nothing_is_pushed_before_its_cause() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    desk.listens()
    stage.wait(25)

    assert desk.heard == []


def test_a_request_brings_its_ack_and_then_its_events() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "live"))

    assert desk.said == ["ack 200", "ChainedRecord", "ChainedRecord twin", END, f"{END} twin"]


def test_the_ack_is_the_recorded_one() -> None:
    reply = Stage(chain()).desk().answer(chained(7, "live"))

    assert (reply.status, reply.body) == (200, b'{"statusCode":0}')
    assert ("Content-Type", "application/json;charset=UTF-8") in reply.headers


def test_the_seed_events_come_as_they_were_recorded() -> None:
    wire = Wire()
    events = (done(7, RECORDED), twin(END))
    wire.desk().asks(chained(7, RECORDED), *events)
    stage = Stage(wire.recording())
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, RECORDED))

    assert desk.events == list(events)


@pytest.mark.parametrize(
    ("rate", "times"),
    [(1, [0.1, 0.2, 0.3]), (0.5, [0.2, 0.4, 0.6]), (100, [0.001, 0.002, 0.003]), (INSTANT, [0, 0, 0])],
)
def test_the_recorded_pace_is_kept_or_made_faster(rate: float, times: list[float]) -> None:
    stage = Stage(one(chained(7), record_event("ChainedRecord"), done()), rate)
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7))
    stage.wait(1)

    assert desk.heard == list(zip(times, ["ack 200", "ChainedRecord", END], strict=True))


def test_think_time_moves_all_that_follows() -> None:
    stage = Stage(chain(), rate=1)
    desk = stage.desk()
    desk.listens()
    stage.wait(20)
    desk.posts(chained(7, "live"))
    stage.wait(1)

    assert desk.heard[0] == (20.1, "ack 200")
    assert desk.heard[-1] == (20.5, f"{END} twin")


def test_between_two_triples_the_recorded_order_holds_where_both_are_due() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(7)))
    wire.ack(desk.post(chained(8)))
    desk.hears(done(8), record_event("ChainedRecord", 7), done(7))
    stage = Stage(wire.recording())
    live = stage.desk()
    live.posts(chained(7))
    live.posts(chained(8))
    live.polls()

    assert [e["data"]["record"]["recordHandle"] for e in live.events] == [7, 7, 8]


def test_requests_may_come_in_another_order_than_recorded() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7), done(7))
    desk.asks(chained(8), done(8))
    stage = Stage(wire.recording())
    live = stage.desk()
    live.listens()
    live.posts(chained(8))
    live.posts(chained(7))

    assert [e["data"]["record"]["recordHandle"] for e in live.events] == [8, 7]


# Polls


def test_an_idle_poll_is_held_and_answered_empty_at_the_recorded_timeout() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    number = desk.polls()
    stage.wait(29.999)
    held = dict(desk.replies)
    stage.wait(0.001)

    assert number not in held
    assert json.loads(desk.replies[number].body) == [{"channel": "/meta/connect", "successful": True}]
    assert desk.heard == [(30.0, "idle")]


def test_events_wait_for_the_next_poll() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    desk.posts(chained(7, "live"))
    before = desk.said
    desk.polls()

    assert before == ["ack 200"]
    assert desk.said == ["ack 200", "ChainedRecord", "ChainedRecord twin", END, f"{END} twin"]


def test_events_that_are_due_together_leave_together() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    poll = desk.polls()
    desk.posts(chained(7, "live"))

    assert [message["channel"] for message in json.loads(desk.replies[poll].body)] == [
        *["/v2/me/outbound", "/me/internal"] * 2,
        "/meta/connect",
    ]


def test_an_aborted_poll_keeps_its_events_for_the_next() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    desk.posts(chained(7, "live"))
    standin, number = stage.standin, 1000
    connect = body([{"channel": "/meta/connect", "clientId": desk.client_id}])
    standin.receive(HttpRequest(number, "c", "POST", URL, (), connect), stage.now)
    (lost,) = standin.replies(stage.now)
    stage.abort(number)
    desk.polls()

    assert lost.body.count(b"GSW_USER_EVENT") == 2
    assert desk.said[1:] == ["ChainedRecord", "ChainedRecord twin", END, f"{END} twin"]


def test_a_poll_aborted_while_it_is_held_loses_nothing() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    stage.abort(desk.polls())
    desk.posts(chained(7, "live"))
    desk.polls()

    assert desk.said[1:] == ["ChainedRecord", "ChainedRecord twin", END, f"{END} twin"]


def test_a_second_poll_ends_the_first_with_an_error() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    first, second = desk.polls(), desk.polls()
    desk.posts(chained(7, "live"))

    assert (desk.replies[first].status, desk.replies[first].body) == (500, b"")
    assert desk.replies[second].status == 200
    assert len(desk.events) == 4


def test_a_batch_is_not_held() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    connect = {"channel": "/meta/connect", "clientId": desk.client_id}
    number = desk.bayeux(connect, {"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/x"})

    assert number in desk.replies


def test_a_disconnect_wakes_the_held_poll_and_ends_the_session() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    poll = desk.polls()
    number = desk.disconnects()
    refused = desk.polls()

    assert list(desk.replies)[-3:] == [poll, number, refused]
    assert json.loads(desk.replies[number].body)[-1] == {"channel": "/meta/disconnect", "successful": True}
    assert json.loads(desk.replies[refused].body)[0]["error"].startswith("402")


def test_a_request_after_the_disconnect_is_answered_and_its_events_are_dropped() -> None:
    stage = Stage(chain(early=1))
    desk = stage.desk()
    desk.disconnects()
    desk.posts(chained(7, "live"))
    stage.wait(1.0)

    assert desk.said == ["ack 200"]


def test_what_is_no_bayeux_on_the_bayeux_path_is_refused() -> None:
    desk = Stage(chain()).desk()

    assert desk.replies[desk.sends("POST", f"{URL}/connect", b"hello")].status == 400
    assert desk.stage.misses == [f"POST {URL}/connect was refused before it was matched: 400, not Bayeux messages"]


# Events before the ack


def test_events_recorded_before_the_ack_leave_before_it() -> None:
    stage = Stage(chain(early=2))
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "live"))

    assert desk.said == ["ChainedRecord", "ChainedRecord twin", "ack 200", END, f"{END} twin"]


@pytest.mark.parametrize("rate", [1, 100, INSTANT])
def test_the_order_inside_a_triple_is_the_recorded_one_at_any_pace(rate: float) -> None:
    stage = Stage(chain(early=2), rate)
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "live"))
    stage.wait(1)

    assert desk.said == ["ChainedRecord", "ChainedRecord twin", "ack 200", END, f"{END} twin"]


def test_the_ack_waits_one_second_at_most_when_nobody_polls() -> None:
    stage = Stage(chain(early=2))
    desk = stage.desk()
    desk.posts(chained(7, "live"))
    stage.wait(5)

    assert desk.heard == [(1.0, "ack 200")]


def test_the_ack_leaves_as_soon_as_the_events_were_fetched() -> None:
    stage = Stage(chain(early=2))
    desk = stage.desk()
    desk.posts(chained(7, "live"))
    stage.wait(0.4)
    desk.polls()

    assert desk.heard == [(0.4, "ChainedRecord"), (0.4, "ChainedRecord twin"), (0.4, "ack 200")]


def test_the_events_of_others_do_not_hold_an_ack() -> None:
    stage = Stage(chain(early=2))
    idle, busy = stage.desk(), stage.desk()
    idle.posts(chained(7, "idle"))
    busy.listens()
    busy.posts(chained(7, "busy"))

    assert "ack 200" in busy.said
    assert idle.said == []


# The client's own ids


@pytest.mark.parametrize("live", ["live-1", 32, 0, "7", RECORDED])
def test_the_live_reference_is_in_every_event_with_its_json_type(live: Any) -> None:
    stage = Stage(chain())
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, live))

    assert [repr(reference) for reference in desk.references] == [repr(live), "'none'", repr(live), "'none'"]


@pytest.mark.parametrize("live", [chained(7), chained(7, referenceId=None), chained(7, referenceId="")])
def test_without_a_live_reference_the_events_have_none(live: Ask) -> None:
    stage = Stage(chain())
    desk = stage.desk()
    desk.listens()
    desk.posts(live)

    assert desk.references == ["none"] * 4


def test_a_reference_nobody_recorded_is_not_added() -> None:
    stage = Stage(chain(reference=None))
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "live"))

    assert desk.references == ["none"] * 4


@pytest.mark.parametrize("live", ["live-1", 32])
def test_the_live_reference_is_in_the_ack(live: Any) -> None:
    wire = Wire()
    wire.ack(wire.desk().post(chained(7, RECORDED)), referenceId=RECORDED)

    assert json.loads(Stage(wire.recording()).desk().answer(chained(7, live)).body) == {
        "statusCode": 0,
        "referenceId": live,
    }


def test_an_id_the_server_made_is_replayed_as_it_was() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(operation("/api/v2/workbins/5", "Subscribe")), referenceId=12)
    desk.hears({"channel": "/v2/me/workbins", "data": {"referenceId": 12, "messageType": "WorkbinContent"}})
    live = Stage(wire.recording()).desk()
    live.listens()
    reply = live.answer(operation("/api/v2/workbins/5", "Subscribe", "live"))

    assert json.loads(reply.body)["referenceId"] == 12
    assert live.references == [12]


def test_a_short_reference_does_not_corrupt_handles_and_chains() -> None:
    stage = Stage(one(chained(7, "7"), done(7, "7", chainId="7"), twin(END, GSW_CHAIN_ID="7")))
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "live"))

    assert desk.events == [done(7, "live", chainId="7"), twin(END, GSW_CHAIN_ID="7")]


def test_the_live_device_is_in_ids_paths_and_urls() -> None:
    uri = "http://gws.example/api/v2/devices/{}?fields=*"
    stage = Stage(one(chained(7, "r1"), done(7, "r1", uri=uri.format(DEVICE)), twin(END), error_event()))
    desk = stage.desk(headers=(("Host", "gws.example"),))
    desk.listens()
    desk.posts(chained(7, "r1", devicePath=f"/devices/{LIVE_DEVICE}"))

    assert desk.events[:2] == [
        done(7, "r1", devicePath=f"/devices/{LIVE_DEVICE}", uri=uri.format(LIVE_DEVICE)),
        twin(END, device=LIVE_DEVICE),
    ]


def test_a_device_holds_for_the_whole_session() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7), done(7))
    wire.respond(desk.post(get_me()), {"devices": [{"id": DEVICE}]})
    desk.asks(complete(7), state_event())
    stage = Stage(wire.recording())
    live = stage.desk()
    live.listens()
    live.posts(chained(7, devicePath=f"/devices/{LIVE_DEVICE}"))
    me = live.answer(get_me())
    live.posts(complete(7, devicePath=f"/devices/{LIVE_DEVICE}"))

    assert json.loads(me.body) == {"devices": [{"id": LIVE_DEVICE}]}
    assert live.events[-1]["data"]["devices"][0]["id"] == LIVE_DEVICE


def test_a_second_live_device_for_one_recorded_device_is_a_miss() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7), done(7))
    desk.asks(complete(7))
    stage = Stage(wire.recording())
    live = stage.desk()
    live.answer(chained(7, devicePath="/devices/live"))
    live.answer(complete(7, devicePath="/devices/other"))

    assert "body.devicePath differs" in stage.misses[0]


def test_the_same_live_reference_twice_is_two_operations() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), done(7, "r1", n=1))
    desk.asks(chained(7, "r2"), done(7, "r2", n=2))
    stage = Stage(wire.recording())
    live = stage.desk()
    live.listens()
    live.posts(chained(7, "same"))
    live.posts(chained(7, "same"))

    assert [(e["data"]["referenceId"], e["data"]["record"]["n"]) for e in live.events] == [("same", 1), ("same", 2)]


def test_references_that_are_recorded_ones_of_other_operations_stay_in_place() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "2"), done(7, "2", n=1))
    desk.asks(chained(7, "3"), done(7, "3", n=2))
    stage = Stage(wire.recording())
    live = stage.desk()
    live.listens()
    live.posts(chained(7, "3"))
    live.posts(chained(7, "4"))

    assert [(e["data"]["referenceId"], e["data"]["record"]["n"]) for e in live.events] == [("3", 1), ("4", 2)]


def test_addresses_of_the_recorded_server_lead_to_the_stand_in_under_the_name_the_client_uses() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(get_me()), {"uri": "http://gws.example/api/v2/me"})
    desk.asks(chained(7, "r1"), done(7, "r1", uri="http://gws.example/api/v2/records/7"))
    live = Stage(wire.recording()).desk(headers=(("Host", "localhost:8090"),))
    live.listens()
    me = live.answer(get_me())
    live.posts(chained(7, "r1"))

    assert json.loads(me.body) == {"uri": "http://localhost:8090/api/v2/me"}
    assert live.events[0]["data"]["record"]["uri"] == "http://localhost:8090/api/v2/records/7"


def test_a_lone_surrogate_in_an_ack_does_not_break_the_replay() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(chained(7, RECORDED)), b'{"referenceId":"123456789","name":"\\ud800"}')

    assert json.loads(Stage(wire.recording()).desk().answer(chained(7, "live")).body) == {
        "referenceId": "live",
        "name": "\ud800",
    }


def test_an_ack_without_bound_values_is_replayed_byte_for_byte() -> None:
    wire = Wire()
    odd = b'{ "statusCode" : 0, "a":1, "a":2, "n": NaN }'
    wire.respond(wire.desk().post(chained(7, RECORDED)), odd)

    assert Stage(wire.recording()).desk().answer(chained(7, "live")).body == odd


# Misses


@pytest.mark.parametrize(
    ("live", "cause"),
    [
        (Ask("/api/v2/me/records/7", chained(7).content), "path differs"),
        (chained(8), 'handle "8" is in no recorded GetChainedRecord; there is "7"'),
        (Ask(chained(7).target, chained(7).content, "PUT"), "method differs"),
        (Ask(chained(7).target, b"", "DELETE"), "method differs"),
        (operation(chained(7).target, "RejectRecord"), "operation differs"),
        (operation("/api/v2/me", "Unheard"), "operation differs"),
        (chained(7, campaignName="Campaign2"), "body.campaignName differs"),
        (chained(7, more=1), "body.more differs"),
        (Ask(chained(7).target, b"{"), "body (live: no JSON object) differs"),
        (Ask("//[", b""), "path differs"),
    ],
)
def test_the_first_line_of_a_miss_names_the_cause(live: Ask, cause: str) -> None:
    stage = Stage(chain())
    reply = stage.desk().answer(live)

    first = reply.body.decode().splitlines()[0]
    assert reply.status == 470
    assert cause in first
    assert ("X-Recorder-Miss", first) in reply.headers
    assert stage.misses == [first]


def test_what_was_played_already_is_a_miss() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    desk.answer(chained(7, "live-1"))
    reply = desk.answer(chained(7, "live-2"))

    assert reply.status == 470
    assert "played already: triple 1" in stage.misses[0]


def test_a_miss_causes_no_events() -> None:
    stage = Stage(chain())
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(8, "live"))
    stage.wait(10)

    assert desk.said == ["ack 470"]


def test_a_miss_can_be_written_as_one_header_line_of_any_request() -> None:
    stage = Stage(chain())
    reply = stage.desk().answer(Ask("/caf%c3%a9%0d%0aSet-Cookie:%20x" + "y" * 20_000, b'{"operationName":"\\ud800"}'))

    header = dict(reply.headers)["X-Recorder-Miss"]
    assert header.isascii()
    assert header.isprintable()
    assert len(header) < 8000
    assert "Set-Cookie" not in dict(reply.headers)


def test_a_body_nested_too_deep_to_walk_is_a_miss() -> None:
    deep = b'{"operationName":"x","a":' + b'{"a":' * 900 + b"1" + b"}" * 901

    assert Stage(chain()).desk().answer(Ask("/x", deep)).status == 470


def test_a_plain_get_may_be_had_again() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(get_me()), {"user": "agent"})
    desk = Stage(wire.recording()).desk()

    assert [desk.answer(get_me()).body for _ in range(3)] == [b'{"user":"agent"}'] * 3


def test_what_nobody_asked_for_yet_is_told() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7), done(7))
    wire.respond(desk.post(get_me()), {})
    desk.asks(chained(8), done(8))
    stage = Stage(wire.recording())
    stage.desk().answer(chained(8))

    assert stage.standin.unplayed == (1,)


def test_an_empty_recording_can_be_stood_in_for() -> None:
    stage = Stage(Wire().recording())
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7))
    stage.wait(30)

    assert desk.heard == [(0.0, "ack 470"), (30.0, "idle")]
    assert stage.misses[0].endswith("the cassette holds no request at all")


# Several sessions


AGENT1: Headers = (("Authorization", "Basic YWdlbnQx"),)
AGENT2: Headers = (("Authorization", "Basic YWdlbnQy"),)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"cookies": True}, {"cookies": True}),
        ({"cookies": False, "headers": AGENT1}, {"cookies": False, "headers": AGENT2}),
        ({"cookies": False, "connection": "a"}, {"cookies": False, "connection": "b"}),
        ({"cookies": True, "headers": AGENT1}, {"cookies": True, "headers": AGENT1}),
        ({"cookies": True, "headers": AGENT1}, {"cookies": False, "headers": AGENT2}),
    ],
)
def test_two_live_sessions_never_see_each_other(first: dict[str, Any], second: dict[str, Any]) -> None:
    stage = Stage(chain())
    one, two = stage.desk(**first), stage.desk(**second)
    one.listens()
    two.listens()
    two.posts(chained(7, "two"))
    after_two = one.said
    one.posts(chained(7, "one"))

    assert after_two == []
    assert one.said == two.said == ["ack 200", "ChainedRecord", "ChainedRecord twin", END, f"{END} twin"]
    assert (set(one.references), set(two.references)) == ({"one", "none"}, {"two", "none"})
    assert stage.misses == []


def test_when_nothing_tells_whose_a_request_is_it_is_a_miss() -> None:
    stage = Stage(chain())
    desks = [stage.desk(cookies=False), stage.desk(cookies=False)]
    reply = desks[0].answer(chained(7, "live"))

    assert reply.status == 470
    assert "2 sessions are live, and this request does not show its own" in stage.misses[0]


def test_a_second_run_after_a_disconnect_plays_from_the_start() -> None:
    stage = Stage(chain())
    first = stage.desk(cookies=False)
    first.answer(chained(7, "first"))
    first.disconnects()
    second = stage.desk(cookies=False)
    second.listens()
    second.posts(chained(7, "second"))

    assert second.said == ["ack 200", "ChainedRecord", "ChainedRecord twin", END, f"{END} twin"]


def test_a_second_login_after_a_disconnect_plays_from_the_start() -> None:
    wire = Wire()
    wire.ack(wire.request("POST", "/api/v2/me", start_session().body))
    wire.desk().asks(chained(7, RECORDED), done(7, RECORDED))
    stage = Stage(wire.recording())

    def whole_session() -> list[int]:
        desk = stage.stranger(AGENT1, cookies=False)
        login = desk.answer(start_session()).status
        desk.handshakes()
        work = desk.answer(chained(7, "live")).status
        desk.disconnects()
        return [login, work]

    assert [whole_session(), whole_session()] == [[200, 200], [200, 200]]


def test_the_session_cookies_are_minted_anew_for_each_session() -> None:
    wire = Wire()
    cookies = (("Set-Cookie", "JSESSIONID=recorded; Path=/; HttpOnly"), ("Set-Cookie", "AWSELB=lb1"))
    wire.respond(wire.desk().post(get_me()), {}, headers=cookies)
    stage = Stage(wire.recording())
    one, two = stage.desk(), stage.desk()
    replies = [one.answer(get_me()), two.answer(get_me())]

    set_cookies = [[value for name, value in reply.headers if name == "Set-Cookie"] for reply in replies]
    assert set_cookies == [
        [f"JSESSIONID={desk.jar['BAYEUX_BROWSER']}; Path=/; HttpOnly", "AWSELB=lb1"] for desk in (one, two)
    ]
    assert one.jar["BAYEUX_BROWSER"] != two.jar["BAYEUX_BROWSER"]


def test_headers_of_the_recorded_connection_are_left_out() -> None:
    wire = Wire()
    headers = (("Content-Length", "99"), ("Transfer-Encoding", "chunked"), ("Date", "x"), ("X-CSRF-TOKEN", "t"))
    wire.respond(wire.desk().post(get_me()), {}, headers=headers)

    names = [name for name, _ in Stage(wire.recording()).desk().answer(get_me()).headers]

    assert names == ["Content-Type", "X-CSRF-TOKEN"]


# REST before the handshake


def test_rest_before_the_handshake_goes_on_after_it() -> None:
    wire = Wire()
    wire.respond(wire.request("GET", "/api/v2/me", b""), {"user": "agent"})
    desk = wire.desk()
    desk.asks(start_session())
    desk.asks(chained(7, RECORDED), done(7, RECORDED))
    stage = Stage(wire.recording())
    live = stage.stranger()
    live.posts(get_me())
    live.posts(start_session())
    live.handshakes()
    live.listens()
    live.posts(chained(7, "live"))

    assert live.said == ["ack 200", END]
    assert [set(playhead.played) for playhead in stage.standin._playheads] == [{0, 1, 2}]


def test_events_that_came_due_before_the_handshake_are_kept() -> None:
    stage = Stage(chain())
    desk = stage.stranger()
    desk.posts(chained(7, "live"))
    desk.handshakes()
    desk.listens()

    assert {event["data"].get("referenceId", "live") for event in desk.events} == {"live"}
    assert len(desk.events) == 4


def test_early_events_without_a_session_hold_the_ack_one_second_at_most() -> None:
    stage = Stage(chain(early=2))
    desk = stage.stranger()
    desk.posts(chained(7, "live"))
    stage.wait(2)

    assert desk.heard == [(1.0, "ack 200")]


def test_two_that_begin_with_rest_are_two() -> None:
    wire = Wire()
    wire.ack(wire.request("POST", "/api/v2/me", start_session().body))
    wire.desk().asks(chained(7, RECORDED), done(7, RECORDED))
    stage = Stage(wire.recording())
    desks = [stage.stranger(AGENT1, cookies=False), stage.stranger(AGENT2, cookies=False)]
    logins = [desk.answer(start_session()).status for desk in desks]
    desks[0].handshakes()
    desks[1].handshakes()
    desks[0].listens()
    desks[1].listens()
    desks[1].posts(chained(7, "second"))
    desks[0].posts(chained(7, "first"))

    assert logins == [200, 200]
    assert [desk.references for desk in desks] == [["first"], ["second"]]


# Recordings of several sessions


def test_a_client_follows_the_recorded_session_whose_request_it_makes() -> None:
    stage = Stage(two_sessions())
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(8, "live"))
    desk.posts(preview("live"))

    assert states(desk) == ["bob"]
    assert [e["data"]["record"]["recordHandle"] for e in desk.events if "record" in e["data"]] == [8, 8]


def test_a_request_that_every_session_made_tells_nothing() -> None:
    stage = Stage(two_sessions())
    desk = stage.desk()
    desk.listens()
    desk.posts(get_me())
    before = states(desk)
    desk.posts(chained(8, "live"))

    assert before == []
    assert states(desk) == ["bob"]


def test_a_client_may_go_on_with_what_another_session_recorded() -> None:
    stage = Stage(two_sessions())
    desk = stage.desk()

    assert [desk.answer(ask).status for ask in (chained(7, "x"), chained(8, "y"), preview("z"), preview("z"))] == [
        200
    ] * 4


def test_two_clients_follow_two_recorded_sessions() -> None:
    stage = Stage(two_sessions())
    bob, alice = stage.desk(), stage.desk()
    bob.listens()
    alice.listens()
    bob.posts(chained(8, "b"))
    alice.posts(chained(7, "a"))

    assert (states(alice), states(bob)) == (["alice"], ["bob"])


# What nobody asked for


def pushed_at_start() -> Wire:
    wire = Wire()
    desk = wire.desk()
    wire.wait(0.3)
    desk.hears(state_event("Ready"))
    wire.wait(0.2)
    desk.hears(campaign_event("CampaignStarted"))
    return wire


def test_what_was_pushed_at_the_start_comes_after_the_client_subscribed() -> None:
    stage = Stage(pushed_at_start().recording(), rate=1)
    desk = stage.stranger()
    handshake = desk.bayeux({"channel": "/meta/handshake"})
    desk.client_id = json.loads(desk.replies[handshake].body)[0]["clientId"]
    desk.polls()
    stage.wait(10)
    before = desk.said
    desk.bayeux({"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/**"})
    desk.listens()
    stage.wait(1)

    assert before == ["idle"]
    assert desk.heard[1:] == [(10.3, "DeviceStateChangeMessage"), (10.5, "CampaignStarted")]


def test_what_was_pushed_at_the_start_comes_to_a_client_that_only_polls_if_the_recorded_one_did() -> None:
    wire = pushed_at_start()
    wire.records = [record for record in wire.records if b"/meta/subscribe" not in getattr(record, "body", b"")]
    stage = Stage(wire.recording(), rate=1)
    desk = stage.stranger()
    handshake = desk.bayeux({"channel": "/meta/handshake"})
    desk.client_id = json.loads(desk.replies[handshake].body)[0]["clientId"]
    desk.polls()
    desk.listens()
    stage.wait(1)

    assert desk.heard[1:] == [(0.3, "DeviceStateChangeMessage"), (0.5, "CampaignStarted")]


def test_what_was_pushed_at_the_start_comes_once_to_each_client() -> None:
    stage = Stage(pushed_at_start().recording())
    one, two = stage.desk(), stage.desk()
    one.listens()
    two.listens()
    one.bayeux({"channel": "/meta/subscribe", "clientId": one.client_id, "subscription": "/more"})

    assert one.said == two.said == ["DeviceStateChangeMessage", "CampaignStarted"]


def test_what_was_pushed_at_the_start_of_a_capture_without_a_handshake_comes_too() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.records.clear()
    desk.hears(state_event())
    desk.asks(chained(7), done(7))
    stage = Stage(wire.recording())
    live = stage.desk()
    live.listens()
    before = live.said[:]
    live.posts(chained(7))

    assert before == ["DeviceStateChangeMessage"]
    assert live.said == ["DeviceStateChangeMessage", "ack 200", END]


def test_what_was_pushed_after_a_triple_comes_after_it() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7), done(7))
    wire.wait(5)
    desk.hears(campaign_event("CampaignStopped"))
    stage = Stage(wire.recording(), rate=1)
    live = stage.desk()
    live.listens()
    stage.wait(20)
    live.posts(chained(7))
    stage.wait(9)

    assert live.heard == [(20.1, "ack 200"), (20.2, END), (25.2, "CampaignStopped")]


# Triples without an answer


def test_a_request_that_was_aborted_when_recorded_does_not_hang_the_client() -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(chained(7, RECORDED))
    wire.wait(0.5)
    wire.fail(post, "Client disconnected.")
    desk.hears(done(7, RECORDED))
    stage = Stage(wire.recording(), rate=1)
    live = stage.desk()
    live.listens()
    number = live.posts(chained(7, "live"))
    stage.wait(1)

    assert live.heard == [(0.5, "ack 504"), (0.5, END)]
    assert live.replies[number].body == b"recorded without an answer: Client disconnected.\n"


def test_a_request_that_was_open_at_the_end_of_the_capture_does_not_hang_the_client() -> None:
    wire = Wire()
    wire.desk().post(chained(7, RECORDED))
    reply = Stage(wire.recording()).desk().answer(chained(7, "live"))

    assert reply.status == 504
    assert b"the capture ended before its answer came" in reply.body


def test_a_request_the_live_client_gives_up_is_not_answered_but_its_events_come() -> None:
    stage = Stage(chain(), rate=1)
    desk = stage.desk()
    desk.listens()
    stage.abort(desk.posts(chained(7, "live")))
    stage.wait(1)

    assert desk.said == ["ChainedRecord", "ChainedRecord twin", END, f"{END} twin"]


def test_a_request_that_is_given_up_takes_no_other_with_it() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7))
    desk.asks(chained(8))
    stage = Stage(wire.recording(), rate=1)
    live = stage.desk()
    kept, given_up = live.posts(chained(7)), live.posts(chained(8))
    stage.abort(given_up)
    stage.wait(1)

    assert live.replies[kept].status == 200
    assert given_up not in live.replies


def test_an_error_is_replayed_as_it_was() -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(chained(7, RECORDED))
    desk.hears(error_event())
    wire.respond(post, b"Missing or invalid Csrf token", status=403)
    stage = Stage(wire.recording())
    live = stage.desk()
    live.listens()
    number = live.posts(chained(7, "live"))

    assert live.said == ["ErrorMessage", "ack 403"]
    assert live.replies[number].body == b"Missing or invalid Csrf token"


# The front's questions


def test_there_is_a_deadline_only_while_something_can_come_by_itself() -> None:
    stage = Stage(chain(), rate=1)
    standin = stage.standin
    idle = standin.deadline()
    desk = stage.desk()
    desk.posts(chained(7, "live"))

    assert idle is None
    assert standin.deadline() == pytest.approx(stage.now + 0.1)


def test_a_reply_has_the_number_of_its_request() -> None:
    standin = ReplayEngine(chain(), Stage(chain()).standin._dialect, new_id=lambda: "id")
    standin.receive(HttpRequest(41, "c", "POST", "/x", (), b""), 0.0)

    assert [reply.number for reply in standin.replies(0.0)] == [41]


# Faults, as they are wired; what each does is told in test_faults.py


def faulty(recording: Recording, *texts: str, rate: float = 1) -> Stage:
    return Stage(recording, rate=rate, faults=Faults([parse(text) for text in texts], recording))


def test_a_failed_request_causes_nothing_and_the_next_attempt_gets_all() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, RECORDED), done(7, RECORDED))
    desk.hears(campaign_event("CampaignStopped"))
    stage = faulty(wire.recording(), "http 503 GetChainedRecord")
    live = stage.desk()
    live.listens()
    for name in ("one", "two"):
        live.posts(chained(7, name))
        stage.wait(1)

    assert live.said == ["ack 503", "ack 200", END, "CampaignStopped"]
    assert live.references == ["two", "none"]
    assert stage.standin.unplayed == ()
    assert stage.standin.report()["faults"] == [{"fault": "http 503 GetChainedRecord", "hit": 1}]


def test_nothing_is_left_of_events_that_are_all_dropped() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, RECORDED), done(7, RECORDED))
    desk.hears(campaign_event("CampaignStopped"))
    stage = faulty(wire.recording(), "drop event CampaignStopped")
    live = stage.desk()
    live.listens()
    live.posts(chained(7, "live"))
    stage.wait(1)
    live.disconnects()

    assert stage.standin.next_due is None
    assert stage.standin.is_over


def test_who_waits_for_an_answer_that_does_not_come_is_parked_until_it_gives_up() -> None:
    stage = faulty(chain(), "no answer GetChainedRecord")
    live = stage.desk()
    number = live.posts(chained(7, "live"))
    stage.wait(5)

    assert live.said == []
    assert stage.standin.is_parked
    stage.abort(number)
    assert not stage.standin.is_parked


def test_a_session_is_forgotten_though_nobody_waits_for_the_ack() -> None:
    stage = faulty(chain(), "unknown-client after GetChainedRecord")
    live = stage.desk()
    stage.abort(live.posts(chained(7, "live")))
    stage.wait(5)
    number = live.polls()

    assert b"402::session_unknown" in live.replies[number].body


# Too much


def test_a_body_of_more_than_a_thousand_messages_is_refused() -> None:
    stage = Stage(chain())
    stranger = stage.stranger()

    number = stranger.bayeux(*[{"channel": "/x"}] * 1001)

    assert stranger.replies[number].status == 413


def test_of_endless_misses_the_first_are_kept_and_all_are_counted() -> None:
    stage = Stage(chain())
    desk = stage.desk()

    statuses = {desk.answer(operation(f"/nowhere/{number}", "None")).status for number in range(1100)}

    assert statuses == {470}
    assert stage.standin.missed == 1100
    assert len(stage.standin.misses) == 1000
