"""The plan of a drive: what is sent, what each step waits for, and where its values come from."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.api.cassette import Cassette
from recorder.cassette.reader import open_cassette
from recorder.dialect.carried import dialect_of
from recorder.dialect.definition import load
from recorder.drive.engine.plan import Act, Plan, Why
from recorder.drive.engine.planning import plan_of
from recorder.library.sealing import seal
from recorder.redaction.joins import of_cassette
from tests.costs import assert_grows
from tests.drive.engine.plans import acts, check, hole, planned, sources, titled, waits, with_drive
from tests.wire import (
    Ask,
    Wire,
    chained,
    complete,
    done,
    get_me,
    operation,
    preview,
    record_event,
)

CASSETTES = sorted(
    path
    for folder in ("cassettes", "tests/cassettes")
    for path in (Path(__file__).parents[3] / folder).rglob("*.cassette")
)
TRACED = "x-request-id"


def of_file(path: Path) -> Plan:
    with Cassette(path) as cassette:
        recording = cassette.recording()
        policy = of_cassette(cassette.header, described=True)
        return plan_of(recording, cassette.records(), dialect_of(cassette.header), policy)


def called(headers: tuple[tuple[str, str], ...] = ()) -> tuple[Wire, Plan]:
    """A desktop that takes a record and completes it."""
    wire = Wire()
    desk = wire.desk(headers=headers)
    desk.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1"))
    desk.asks(chained(1001, "r2"), record_event("ChainedRecord", 1001, "r2"), done(1001, "r2"))
    return wire, planned(wire)


def test_polls_are_no_steps():
    _, plan = called()

    assert acts(plan) == [Act.HANDSHAKE, Act.SUBSCRIBE, Act.CALL, Act.CALL]
    assert [step.title for step in plan.steps[2:]] == ["GetPreviewRecord", "GetChainedRecord"]
    assert plan.steps[0].message == {
        "channel": "/meta/handshake",
        "version": "1.0",
        "supportedConnectionTypes": ["long-polling"],
    }


def test_a_step_waits_for_its_turn_and_for_what_its_client_was_told():
    _, plan = called()
    step = titled(plan, "GetChainedRecord")

    assert waits(plan, step, Why.TURN) == ["GetPreviewRecord"]
    assert waits(plan, step) == ["GetPreviewRecord", "answer to GetPreviewRecord", "PreviewRecord"]
    assert plan.told[step.answer or 0].response is not None


def test_an_answer_that_came_after_is_not_waited_for():
    wire = Wire()
    desk = wire.desk()
    first = desk.post(get_me())
    second = desk.post(Ask("/api/v2/devices", b"", method="GET"))
    wire.ack(first)
    wire.ack(second)

    plan = planned(wire)

    assert waits(plan, titled(plan, "GET /api/v2/devices")) == ["GET /api/v2/me"]


def test_a_handle_comes_out_of_an_event_and_a_reference_is_made_anew():
    _, plan = called()
    step = titled(plan, "GetChainedRecord")

    assert sources(plan, step, "handle") == ["PreviewRecord"]
    assert hole(step, "reference").is_fresh
    assert hole(step, "reference").recorded == "r2"
    assert [cause.names for cause in step.causes if cause.why is Why.VALUE] == [("handle",)]


def test_a_value_that_the_client_sent_first_is_its_own():
    wire = Wire()
    desk = wire.desk()
    desk.asks(
        preview("r1", campaign="Winter2026"), record_event("PreviewRecord", 1001, "r1", campaignName="Winter2026")
    )
    desk.asks(preview("r2", campaign="Winter2026"))

    plan = planned(wire)

    assert [one.name for one in titled(plan, "GetPreviewRecord", 1).holes] == ["reference"]


@pytest.mark.parametrize("own", [{"state": "Ready"}, {"active": True}, {"total": 7}, {"when": "2026-11-29"}])
def test_equal_kinds_are_equal_by_chance(own):
    wire = Wire()
    desk = wire.desk()
    desk.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1", **own, day="2026-11-29"))
    desk.asks(Ask("/api/v2/me", own))

    plan = planned(wire)

    names = [one.name for one in titled(plan, "POST /api/v2/me").holes]
    assert names == (["when"] if "when" in own else [])


def test_a_value_is_found_inside_a_longer_text():
    wire = Wire()
    desk = wire.desk()
    post = desk.post(Ask("/api/v2/channels", {}))
    wire.respond(
        post, {"connectUri": "wss://gws.example/channels/streaming-1-6efc?x=1"}, headers=(("Location", "/q/94f0"),)
    )
    desk.asks(Ask("/api/v2/channels/streaming-1-6efc/subscriptions?code=94f0", [{"id": "topic of streaming-1-6efc"}]))

    plan = planned(wire)
    step = plan.steps[-1]

    assert [one.recorded for one in step.holes] == ["streaming-1-6efc", "94f0", "streaming-1-6efc"]
    assert [one.place for one in step.holes] == [("path", 4), ("query", "code", 0), ("member", 0, "id")]
    assert (step.holes[2].start, step.holes[2].end) == (9, 25)
    assert step.holes[0].sources[0].word is not None


def test_a_token_is_learned_under_another_name_each_time():
    wire = Wire()
    wire.respond(wire.request("POST", "/login", b"{}"), {"token": "58febca5fec2"})
    desk = wire.desk(headers=(("X-Shop-Key", "58febca5fec2"),))
    desk.asks(get_me())
    desk.asks(get_me())

    plan = planned(wire)

    for number in range(2):
        assert sources(plan, titled(plan, "GET /api/v2/me", number), "x-shop-key") == ["answer to POST /login"]


@pytest.mark.parametrize("told", [{"order": {"id": 17}}, {"orderId": "17"}, {"id": 17}, {"orders": [{"id": 17}]}])
@pytest.mark.parametrize(
    "ask",
    [Ask("/orders/17/items", b"", "GET"), Ask("/labels", {"order": {"id": 17}}), Ask("/labels", {"order_id": 17})],
)
def test_a_short_id_is_known_by_the_kind_of_thing(told, ask):
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(Ask("/orders", {"count": 3})), {"total": 17} | told)
    desk.asks(ask)
    desk.asks(Ask("/customers/17", {"age": 17, "customer_id": 17}))

    plan = planned(wire)

    assert [(one.recorded, len(one.sources)) for one in plan.steps[3].holes] == [("17", 1)]
    assert plan.steps[4].holes == ()


XML = b"<call><handle>h-1001</handle><device>d-77</device></call>"
BODIES = {
    "form": (b"handle=h-1001&device=d-77", "application/x-www-form-urlencoded"),
    "lines": (b'{"handle":"h-1001"}\n{"device":"d-77"}\n', "application/x-ndjson"),
    "xml": (XML, "application/xml"),
    "multipart": (
        (
            b'--b\r\nContent-Disposition: form-data; name="handle"\r\n\r\nh-1001\r\n'
            b'--b\r\nContent-Disposition: form-data; name="device"\r\n\r\nd-77\r\n--b--\r\n'
        ),
        "multipart/form-data; boundary=b",
    ),
    "inside": (b'{"text":"{\\"handle\\":\\"h-1001\\",\\"device\\":\\"d-77\\"}"}', "application/json"),
}


@pytest.mark.parametrize(("content", "media"), BODIES.values(), ids=BODIES)
def test_values_are_found_in_each_form_of_a_body(content, media):
    wire = Wire()
    desk = wire.desk()
    desk.asks(get_me(), record_event("PreviewRecord", None) | {"data": {"handle": "h-1001", "device": "d-77"}})
    wire.request("POST", "/api/v2/calls", content, (("Content-Type", media),))

    step = planned(wire).steps[-1]

    assert [one.recorded for one in step.holes] == ["h-1001", "d-77"]
    assert all(one.sources for one in step.holes)


@pytest.mark.parametrize(("content", "media"), BODIES.values(), ids=BODIES)
def test_values_are_learned_from_each_form_of_a_body(content, media):
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(get_me()), content, headers=(("Content-Type", media),))
    wire.records[-1] = type(wire.records[-1])(  # one Content-Type alone
        *(getattr(wire.records[-1], name) for name in ("seq", "t", "exchange", "status")),
        (("Content-Type", media),),
        content,
    )
    desk.asks(Ask("/api/v2/calls", {"handle": "h-1001", "device": "d-77"}))

    step = planned(wire).steps[-1]

    assert [one.recorded for one in step.holes] == ["h-1001", "d-77"]


def test_a_chain_of_ten():
    wire = Wire()
    desk = wire.desk()
    desk.asks(preview("r0"), record_event("PreviewRecord", 5000, "r0"))
    for n in range(10):
        desk.asks(chained(5000 + n, f"r{n + 1}"), done(5001 + n, f"r{n + 1}"))

    plan = planned(wire)

    for n in range(10):
        step = titled(plan, "GetChainedRecord", n)
        (source, *_) = hole(step, "handle").sources
        before = plan.told[source.told]
        assert before.step == step.number - 1
        assert before.event is not None


def two_agents() -> Plan:
    """The transfer of one agent rings at another, who takes the record."""
    wire = Wire()
    ann = wire.desk(headers=(("Cookie", "JSESSIONID=a"),))
    bob = wire.desk(headers=(("Cookie", "JSESSIONID=b"),))
    ann.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1"))
    ann.polls()
    bob.polls()
    asked = ann.post(chained(1001, "r2"))
    wire.wait(0.1)
    bob.hears(record_event("ChainedRecord", 7777, "r2"))
    ann.hears(done(1001, "r2"))
    wire.ack(asked)
    bob.asks(complete(7777, "r2"), record_event("RecordProcessedAcknowledge", 7777, "r2"))
    return planned(wire)


def test_a_value_goes_from_one_session_to_another():
    plan = two_agents()
    step = titled(plan, "CompleteRecord")

    assert step.client == "s2"
    assert sources(plan, step, "handle") == ["ChainedRecord"]
    assert sources(plan, step, "reference") == ["ChainedRecord"]
    assert not hole(step, "reference").is_fresh


def test_two_clients_that_count_mint_the_same_by_chance():
    wire = Wire()
    ann, bob = (wire.desk(headers=(("Cookie", f"JSESSIONID={name}"),)) for name in "ab")
    bob.polls()
    ann.asks(preview("1"), record_event("PreviewRecord", 1001, "1"))
    bob.hears(record_event("PreviewRecord", 1001, "1"))
    bob.asks(preview("1"), record_event("PreviewRecord", 1002, "1"))

    plan = planned(wire)

    assert hole(titled(plan, "GetPreviewRecord", 1), "reference").is_fresh


def test_a_special_value_that_was_told_is_no_own_one():
    wire = Wire()
    ann, bob = (wire.desk(headers=(("Cookie", f"JSESSIONID={name}"),)) for name in "ab")
    bob.polls()
    ann.asks(preview("4c1f-77"), record_event("PreviewRecord", 1001, "4c1f-77"))
    bob.hears(record_event("PreviewRecord", 1001, "4c1f-77"))
    bob.asks(operation("/api/v2/me", "Watch", "4c1f-77"))

    plan = planned(wire)

    assert sources(plan, titled(plan, "Watch"), "reference") == ["PreviewRecord"]


def test_a_step_whose_event_another_client_hears_waits_for_that_client():
    plan = two_agents()

    assert waits(plan, titled(plan, "GetChainedRecord"), Why.OTHER) == ["subscribe /**", "answer to subscribe /**"]


def test_a_client_waits_for_those_that_were_gone():
    wire = Wire()
    first = wire.desk(headers=(("Cookie", "JSESSIONID=a"),))
    first.asks(preview("r1"))
    wire.wait(5)
    wire.desk(headers=(("Cookie", "JSESSIONID=b"),))

    plan = planned(wire)

    assert waits(plan, titled(plan, "handshake", 1), Why.OTHER) == ["GetPreviewRecord", "answer to GetPreviewRecord"]


def test_what_a_lost_session_made_a_client_do_again_is_no_step():
    wire = Wire()
    desk = wire.desk(headers=(("Cookie", "JSESSIONID=a"),))
    poll = desk.polls()
    lost = {"channel": "/meta/connect", "successful": False, "error": "402::Unknown client"}
    wire.respond(poll, [lost | {"advice": {"reconnect": "handshake"}}])
    desk._poll, desk.client_id = None, "other"
    desk.shakes_hands()
    desk.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1"))

    plan = planned(wire)

    assert acts(plan) == [Act.HANDSHAKE, Act.SUBSCRIBE, Act.CALL]
    assert {one.connection for one in plan.told if one.event is not None} == {"client1"}
    assert len(plan.connections) == 1
    assert any("lost its session" in note for note in plan.notes)


def test_a_request_that_was_sent_again_is_one_step():
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7, "r1")))
    wire.wait(3)
    desk.asks(chained(7, "r1"), done(7, "r1"))

    plan = planned(wire)
    step = titled(plan, "GetChainedRecord")

    assert acts(plan).count(Act.CALL) == 1
    assert step.t == 0
    assert step.answer is not None
    assert any("without an answer" in note for note in plan.notes)


def test_an_aborted_request_has_no_answer_to_wait_for():
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(get_me()))
    desk.asks(preview("r1"))

    plan = planned(wire)

    assert titled(plan, "GET /api/v2/me").answer is None
    assert waits(plan, titled(plan, "GetPreviewRecord")) == ["GET /api/v2/me"]


def test_preflights_are_left_out():
    wire = Wire()
    desk = wire.desk()
    wire.respond(wire.request("OPTIONS", "/api/v2/me", b"", (("Access-Control-Request-Method", "POST"),)), b"")
    desk.asks(get_me())

    plan = planned(wire)

    assert [step.title for step in plan.steps][2:] == ["GET /api/v2/me"]
    assert any("preflights" in note for note in plan.notes)


def test_a_stream_its_second_part_and_its_end():
    wire = Wire()
    first = wire.streams()
    wire.sends(first, {"order": "o-1001"}, id="1")
    wire.sends(first, b": beat\n\n")
    wire.ends(first)
    again = wire.streams(headers=(("Last-Event-ID", "1"),))
    wire.ack(wire.request("POST", "/api/orders/o-1001", b"{}"))
    wire.fail(again)

    plan = planned(wire)

    assert acts(plan) == [Act.STREAM, Act.CALL, Act.CLOSE]
    assert {step.connection for step in plan.steps if step.act is not Act.CALL} == {"stream-1"}
    assert [one.is_awaited for one in plan.told if one.event is not None] == [True, False]
    assert plan.steps[1].holes[0].recorded == "o-1001"
    assert plan.connections["stream-1"].protocol == "sse"


def test_a_plain_websocket():
    wire = Wire()
    socket = wire.upgrades("/socket?token=t0ken", headers=(("Sec-WebSocket-Protocol", "v1, v2"),), subprotocol="v1")
    wire.says(socket, {"type": "hello", "id": "c-77"})
    wire.says(socket, {"type": "join", "id": "c-77"}, from_client=True)
    wire.closes(socket, who="client")

    plan = planned(wire)

    assert acts(plan) == [Act.SOCKET, Act.MESSAGE, Act.CLOSE]
    assert plan.steps[1].payload == b'{"type":"join","id":"c-77"}'
    assert sources(plan, plan.steps[1], "id") == ["hello"]
    assert hole(plan.steps[0], "token").is_credential
    assert plan.connections["stream-1"].subprotocols == ("v1", "v2")


def test_publishes_have_their_replies():
    wire = Wire()
    desk = wire.desk()
    told = {"channel": "/chat", "data": {"text": "hi", "room": "room-4711"}}
    desk.hears(told)
    publish = {"channel": "/chat", "id": "9", "clientId": "client1", "data": {"text": "ho", "room": "room-4711"}}
    wire.respond(desk.bayeux(publish), [{"channel": "/chat", "id": "9", "successful": True}])

    plan = planned(wire)
    step = plan.steps[-1]

    assert step.act is Act.PUBLISH
    assert step.message == {"channel": "/chat", "data": publish["data"]}
    assert hole(step, "room").place == ("member", "data", "room")
    assert plan.told[step.answer or 0].reply is not None


def test_what_a_dialect_names_does_not_wait():
    dialect = with_drive('unwaited = ["GET /api/v2/me"]')
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(Ask("/api/v2/a", {})))
    desk.asks(get_me())
    desk.asks(Ask("/api/v2/b", {}))

    plan = planned(wire, dialect)

    assert waits(plan, titled(plan, "GET /api/v2/me")) == ["POST /api/v2/a"]
    assert waits(plan, titled(plan, "POST /api/v2/b")) == ["GET /api/v2/me", "answer to POST /api/v2/a"]


def test_headers_by_which_requests_are_traced_are_made_anew():
    _, plan = called((("X-Request-Id", "4f1c-77"), ("Authorization", "Basic YTpi"), ("User-Agent", "desk 1001")))
    step = titled(plan, "GetChainedRecord")

    assert hole(step, TRACED).is_fresh
    assert hole(step, "authorization").recorded == "YTpi"
    assert hole(step, "authorization").is_credential
    assert "user-agent" not in [one.name for one in step.holes]


def test_each_message_of_bayeux_has_the_credentials_of_its_request():
    _, plan = called((("Authorization", "Basic YTpi"),))

    assert [hole(step, "authorization").recorded for step in plan.steps] == ["YTpi"] * 4


def test_cookies_that_no_answer_set():
    wire = Wire()
    desk = wire.desk(headers=(("Cookie", "lang=de; JSESSIONID=a"),), cookies=(("Set-Cookie", "ROUTE=7; Path=/"),))
    desk.headers = (("Cookie", "lang=de; JSESSIONID=a; ROUTE=7"),)
    desk.asks(get_me())

    client = planned(wire).clients["s1"]

    assert {one.name: one.recorded for one in client.cookies} == {"lang": "de", "JSESSIONID": "a"}
    assert all(one.is_credential and one.place == ("cookie", one.name) for one in client.cookies)


def test_a_session_that_began_before_the_capture_begins_with_a_handshake():
    wire = Wire()
    publish = {"channel": "/chat", "id": "9", "clientId": "early", "data": {}}
    for _ in range(2):
        wire.respond(wire.request("POST", "/cometd", json.dumps([publish]).encode()), [])

    plan = planned(wire)

    assert acts(plan) == [Act.HANDSHAKE, Act.PUBLISH, Act.PUBLISH]
    assert plan.steps[0].answer is None
    assert {step.connection for step in plan.steps} == plan.connections.keys() == {"early"}
    assert any("before the capture" in note for note in plan.notes)


def test_what_such_a_session_hears_it_had_subscribed_to():
    wire = Wire()
    for number in range(3):
        poll = wire.request("POST", "/cometd", json.dumps([{"channel": "/meta/connect", "clientId": "early"}]).encode())
        event = {"channel": f"/calls/{number // 2}", "data": {}}
        wire.respond(poll, [event, {"channel": "/meta/connect", "successful": True}])

    plan = planned(wire)

    assert [step.title for step in plan.steps] == ["handshake", "subscribe /calls/0", "subscribe /calls/1"]
    assert [one.step for one in plan.told] == [1, 1, 2]


def test_a_token_of_a_cookie_is_shown_in_a_header():
    """As Angular does with XSRF-TOKEN."""
    wire = Wire()
    cookie = ("Set-Cookie", "XSRF-TOKEN=9f-77c1; Path=/; Secure")
    wire.respond(wire.request("GET", "/login", b""), {}, headers=(cookie,))
    wire.ack(wire.request("POST", "/calls", b"{}", (("X-XSRF-TOKEN", "9f-77c1"), ("Cookie", "XSRF-TOKEN=9f-77c1"))))

    plan = planned(wire)

    assert sources(plan, plan.steps[1], "x-xsrf-token") == ["answer to GET /login"]
    assert [client.cookies for client in plan.clients.values()] == [()]


def test_a_token_in_the_extension_of_a_handshake():
    wire = Wire()
    wire.respond(wire.request("POST", "/login", b"{}"), {"access_token": "tok-4f1c"})
    ext = {"ack": True, "authentication": {"token": "tok-4f1c"}}
    shake = {"channel": "/meta/handshake", "id": "1", "version": "1.0", "ext": ext, "advice": {"timeout": 60000}}
    reply = {"channel": "/meta/handshake", "id": "1", "successful": True, "clientId": "c1", "ext": {"ack": True}}
    wire.respond(wire.request("POST", "/cometd/handshake", json.dumps([shake]).encode()), [reply])

    plan = planned(wire)
    step = plan.steps[1]

    assert hole(step, "token").place == ("member", "ext", "authentication", "token")
    assert sources(plan, step, "token") == ["answer to POST /login"]
    assert hole(step, "token").is_credential
    assert (plan.connections["c1"].target, plan.connections["c1"].acknowledges) == ("/cometd", True)


def test_two_windows_of_a_client_are_two_connections():
    wire = Wire()
    cookie = (("Cookie", "JSESSIONID=a"),)
    first, second = wire.desk(headers=cookie), wire.desk(headers=cookie)
    for desk in (first, second):
        desk.polls()
    asked = first.post(preview("r1"))
    for desk in (first, second):
        desk.hears(record_event("PreviewRecord", 1001, "r1"))
    wire.ack(asked)
    first.asks(chained(1001, "r2"))

    plan = planned(wire)

    assert plan.clients["s1"].connections == ("client1", "client2")
    assert [one.connection for one in plan.told if one.event is not None] == ["client1", "client2"]
    assert waits(plan, titled(plan, "GetChainedRecord"), Why.ORDER, Why.VALUE).count("PreviewRecord") == 2


def reloaded(*, hears_again: bool = False, is_ended: bool = False) -> Plan:
    """The page of a desktop is loaded again in mid-session: it shakes hands anew."""
    wire = Wire()
    cookie = (("Cookie", "JSESSIONID=a"),)
    first = wire.desk(headers=cookie)
    first.asks(preview("r1"), record_event("PreviewRecord", 1001, "r1"))
    held = first.polls()
    if is_ended:
        ended = {"channel": "/meta/connect", "successful": True, "advice": {"reconnect": "none"}}
        wire.respond(held, [{"channel": "/meta/disconnect", "successful": True}, ended])
    wire.wait(1)
    second = wire.desk(headers=cookie)
    if hears_again:
        first.hears(record_event("PreviewRecord", 1002, "r1"))
    second.asks(chained(1001, "r2"), done(1001, "r2"))
    return planned(wire)


@pytest.mark.parametrize("is_ended", [False, True])
def test_a_page_that_is_loaded_again_replaces_its_session(is_ended):
    plan = reloaded(is_ended=is_ended)

    assert acts(plan).count(Act.HANDSHAKE) == 2
    assert [one.replaces for one in plan.connections.values()] == ["", "client1"]
    assert {one.name: one.connection for one in plan.told if one.name}["ChainedRecordsDataEnd"] == "client2"


def test_a_session_that_goes_on_is_not_replaced():
    plan = reloaded(hears_again=True)

    assert [one.replaces for one in plan.connections.values()] == ["", ""]


def test_a_refused_handshake_belongs_to_the_next_one():
    wire = Wire()
    shake = {"channel": "/meta/handshake", "id": "1", "version": "1.0"}
    refused = wire.request("POST", "/api/v2/notifications", json.dumps([shake]).encode())
    wire.respond(refused, [{"channel": "/meta/handshake", "id": "1", "successful": False, "error": "403::no"}])
    wire.desk()

    plan = planned(wire)

    assert [step.connection for step in plan.steps[:2]] == ["client1", "client1"]
    assert [plan.told[step.answer or 0].is_accepted for step in plan.steps[:2]] == [False, True]


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_each_plan_of_a_cassette_holds(path):
    plan = of_file(path)

    check(plan)
    assert plan.steps


def test_a_sealed_cassette_has_the_plan_of_its_journal(tmp_path):
    journal = next(path for path in CASSETTES if path.stem == "preview-session")
    with open_cassette(journal) as cassette:
        assert cassette.header is not None
    sealed = tmp_path / "sealed.cassette"
    seal(journal, sealed)

    assert of_file(sealed) == of_file(journal)


SAID = st.tuples(
    st.sampled_from(["ask", "fail", "event", "other", "get", "again", "publish"]),
    st.integers(1000, 1004),
    st.integers(0, 1),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(SAID, max_size=25))
def test_no_plan_has_a_circle(said):
    wire = Wire()
    desks = [wire.desk(headers=(("Cookie", f"JSESSIONID={n}"),)) for n in range(2)]
    for number, (what, handle, who) in enumerate(said):
        desk = desks[who]
        wire.wait(0.1)
        match what:
            case "ask":
                desk.asks(chained(handle, f"r{number}"), done(handle + 1, f"r{number}"))
            case "fail":
                wire.fail(desk.post(chained(handle, f"r{number}")))
            case "event":
                desk.hears(record_event("PreviewRecord", handle))
            case "other":
                desks[1 - who].polls()
                asked = desk.post(chained(handle, f"r{number}"))
                desks[1 - who].hears(done(handle, f"r{number}"))
                wire.ack(asked)
            case "get":
                wire.respond(desk.post(Ask(f"/api/v2/records/{handle}", b"", "GET")), {"id": f"x-{handle + 1}"})
            case "again":
                desk.asks(complete(handle, f"r{handle}"))
            case _:
                wire.respond(desk.bayeux({"channel": "/chat", "id": "1", "data": {"id": handle}}), [])

    plan = planned(wire)

    check(plan)
    assert planned(wire) == plan


def planning(count: int) -> Callable[[], Plan]:
    """Return what makes the plan of so many triples."""
    wire = Wire()
    desks = [wire.desk(headers=(("Cookie", f"JSESSIONID={n}"),)) for n in range(5)]
    for n in range(count):
        desks[n % 5].asks(chained(100_000 + n, f"r{n}"), done(100_005 + n, f"r{n}"))
    act = partial(plan_of, wire.recording(), wire.records, load())
    assert len(act().steps) == count + 10
    return act


def test_the_cost_is_linear():
    assert_grows(planning(100), planning(400), at_most=4 * 2.5)


def test_requests_to_other_hosts_are_told_of():
    wire = Wire()
    for host in ("gws.example", "login.example", "login.example"):
        wire.ack(wire.request("GET", "/x", b"", (("Host", host),)))

    assert planned(wire).notes == ("2: requests to other hosts (login.example) are sent to the server under test, too",)
