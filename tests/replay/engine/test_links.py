"""A replay leads no client to a recorded server: in no answer, event, reply or miss, however it is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from recorder.model import Headers, Recording
from recorder.replay.engine.faults import Faults, parse
from tests.answers import publish, recorded
from tests.replay.engine.test_publishes import Answers
from tests.replay.engine.test_refusals import CONNECT, HANDSHAKE, Live, Recorded
from tests.replay.stage import Desk, Stage
from tests.wire import Ask, Message, Wire, chained, done, get_me, state_event

HERE: Headers = (("Host", "desk:9"),)
UPSTREAM = "http://gws.example"  # of each wire
REDIRECT = "/login?next=http%3A%2F%2F{}%2Fx"


def all_said(desk: Desk) -> str:
    return "\n".join(f"{reply.headers}\n{reply.body.decode()}" for reply in desk.replies.values())


def answering(content: Any, headers: Headers = (), host: Headers = ()) -> Recording:
    wire = Wire()
    wire.respond(wire.desk().post(get_me(), host or None), content, headers=headers)
    return wire.recording()


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        ({"uri": f"{UPSTREAM}/x", f"{UPSTREAM}/y": "//gws.example/z", "inner": json.dumps({"u": UPSTREAM})}, ()),
        (b"<r xmlns='urn:a'><serverUrl>https://gws.example/services</serverUrl></r>", (("Content-Type", "text/xml"),)),
        (f'cb({{"u":"{UPSTREAM}"}})'.replace("/", r"\/").encode(), ()),
        (f"data: {UPSTREAM}/a\n\n".encode(), ()),
        (f"see {UPSTREAM}".encode("utf-16"), ()),
        (b"{}", (("Link", f'<{UPSTREAM}/2>; rel="next"'), ("Refresh", f"0;url={UPSTREAM}"))),
        (b"{}", (("Set-Cookie", f"next={UPSTREAM}/x; Path=/"), ("Set-Cookie", "n=http%3A%2F%2Fgws.example"))),
        (b"{}", (("Alt-Svc", 'h2="gws.example:443"'),)),
    ],
)
def test_an_answer_leads_to_the_stand_in(content: Any, headers: Headers) -> None:
    desk = Stage(answering(content, headers)).desk(HERE)

    answer = desk.answer(get_me())

    said = f"{answer.headers}{answer.body.replace(bytes(1), b'')!r}"
    assert answer.status == 200
    assert "gws" not in said
    assert "desk" in said or headers[0][0] == "Alt-Svc"


def test_each_client_is_led_back_the_way_it_came() -> None:
    stage = Stage(answering({"uri": f"{UPSTREAM}/x", "push": "wss://gws.example/p"}))

    plain = stage.desk(HERE).answer(get_me())
    behind_tls = stage.desk((("Host", "front.example"), ("X-Forwarded-Proto", "https"))).answer(get_me())
    nameless = stage.desk().answer(get_me())

    assert json.loads(plain.body) == {"uri": "http://desk:9/x", "push": "ws://desk:9/p"}
    assert json.loads(behind_tls.body) == {"uri": "https://front.example/x", "push": "wss://front.example/p"}
    assert json.loads(nameless.body)["uri"] == "http://stand-in.invalid/x"


def test_a_recording_without_an_upstream_knows_its_hosts() -> None:
    made = answering({"uri": "https://api.example/x", "own": "http://gws:81/y"}, host=(("Host", "api.example"),))
    made = replace(made, header=replace(made.header, upstream="regular"))

    answer = Stage(made).desk(HERE).answer(get_me())

    assert json.loads(answer.body) == {"uri": "http://desk:9/x", "own": "http://gws:81/y"}


def test_events_lead_to_the_stand_in_asked_for_or_not() -> None:
    wire = Wire()
    told = wire.desk()
    told.hears(state_event(f"see {UPSTREAM}/after-subscription"))
    told.asks(chained(7, "r1"), done(7, "r1", uri=f"{UPSTREAM}/event", push="ws://gws.example/p"))
    wire.respond(told.post(get_me()), {})
    told.hears(state_event(f"see {UPSTREAM}/after-exchange"))
    desk = Stage(wire.recording()).desk(HERE)
    desk.listens()

    desk.posts(chained(7, "live"))
    desk.posts(get_me())

    assert len(desk.events) == 3
    assert "gws" not in all_said(desk)
    assert all_said(desk).count("http://desk:9/") == 3


def test_events_lead_to_the_stand_in_under_faults() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1", uri=f"{UPSTREAM}/event"))
    made = wire.recording()
    stage = Stage(made, faults=Faults([parse("duplicate event ChainedRecordsDataEnd")], made))
    desk = stage.desk(HERE)
    desk.listens()

    desk.posts(chained(7, "live"))

    assert all_said(desk).count("http://desk:9/event") == 2
    assert "gws" not in all_said(desk)


def test_replies_of_the_push_server_lead_to_the_stand_in() -> None:
    wire = Wire()
    told = Recorded(wire)
    told.shakes_hands(ext={"server": f"{UPSTREAM}/a"})
    told.says(CONNECT, {"ext": {"server": f"{UPSTREAM}/b"}})
    told.works(7)
    told.says(CONNECT, {"successful": False, "error": f"403:see {UPSTREAM}:Denied", "advice": {"reconnect": "none"}})
    live = Live(Stage(wire.recording()), HERE)

    live.says(HANDSHAKE)
    live.says(CONNECT)
    live.says("/meta/subscribe", subscription="/**")
    live.desk.posts(chained(7, "live"))
    ended = [live.polls() for _ in range(3)]

    assert any(not one["successful"] for one in ended)
    assert "gws" not in all_said(live.desk)
    assert all_said(live.desk).count("http://desk:9") >= 3


def test_a_miss_leads_nowhere_either() -> None:
    wire = Wire()
    wire.ack(wire.desk().post(Ask("/api/v2/hooks", {"url": f"{UPSTREAM}/x", "n": 1})))
    desk = Stage(wire.recording()).desk(HERE)

    answer = desk.answer(Ask("/api/v2/hooks", {"url": "http://desk:9/x", "n": 2}))

    assert answer.status == 470
    assert b"body.n differs" in answer.body
    assert b"url" not in answer.body
    assert "gws" not in all_said(desk)


@pytest.mark.parametrize("host", ["gws.example", "GWS.example%3A80"])
def test_a_client_that_follows_a_link_asks_for_what_was_recorded(host: str) -> None:
    wire = Wire()
    told = wire.desk()
    wire.respond(told.post(get_me()), b"", status=302, headers=(("Location", REDIRECT.format(host)),))
    wire.respond(told.post(Ask(REDIRECT.format(host), b"", method="GET")), b"in")
    wire.respond(told.post(Ask("/hooks", {"url": f"{UPSTREAM}/h"})), b"hooked")
    desk = Stage(wire.recording()).desk(HERE)

    location = dict(desk.answer(get_me()).headers)["Location"]

    assert location == REDIRECT.format("desk%3A9")
    assert desk.answer(Ask(location, b"", method="GET")).body == b"in"
    assert desk.answer(Ask("/hooks", {"url": "http://desk:9/h"})).body == b"hooked"


def test_an_echo_of_a_publish_is_what_the_client_published() -> None:
    desk = Answers(recorded()).desk(HERE)
    desk.listens()

    desk.bayeux(publish(desk, "http://desk:9/live", 1))

    assert [event["data"]["requestId"] for event in desk.events] == ["http://desk:9/live"]


# what leads out of a replay


def found(content: Any, headers: Headers = (), *events: Message) -> dict[str, int]:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(get_me()), content, headers=headers)
    desk.asks(chained(7, "r1"), *events)
    return dict(Stage(wire.recording()).standin.foreign.unknown)


@pytest.mark.parametrize(
    ("content", "hosts"),
    [
        ({"a": "https://cdn.example.org/x", "b": ["http://gws.example/y"]}, {"cdn.example.org"}),
        (b'<a href="//cdn.example.org/x"> http://gws.example:81/', {"cdn.example.org", "gws.example:81"}),
        ("http%3A%2F%2Fcdn.example.org%2Fx", {"cdn.example.org"}),
        (b"<r xmlns=\"http://ns.example/a\" xmlns:b='http://ns.example/b'>http://a.example</r>", {"a.example"}),
        (b'<!DOCTYPE html PUBLIC "-//W3C//DTD" "http://dtd.example/x.dtd"><html>', set()),
        (b'<r xsi:schemaLocation="http://ns.example/a http://ns.example/a.xsd"/>', set()),
        ({"$schema": "http://ns.example/s", "t": "http://www.w3.org/2001/XMLSchema"}, set()),
        ({"code": "//TODO: a//b", "b": "x://y.example"}, set()),
    ],
)
def test_hosts_that_are_not_in_the_recording_are_found(content: Any, hosts: set[str]) -> None:
    assert found(content).keys() == hosts


def test_answers_and_events_that_name_a_host_are_counted() -> None:
    event = done(7, "r1", uri="http://b.example/1", other="http://b.example/2")

    assert found({"a": "http://b.example/ http://b.example/"}, (("Location", "https://a.example/"),), event) == {
        "a.example": 1,
        "b.example": 2,
    }


def test_headers_that_only_allow_hosts_lead_nowhere() -> None:
    assert found({}, (("Content-Security-Policy", "img-src https://a.example"),)) == {}


def test_the_first_hosts_are_told_and_the_others_counted() -> None:
    hosts = " ".join(f"http://h{n:02}.example/" for n in range(12))
    told = list(Stage(answering({"a": hosts})).standin.foreign.lines())

    assert len(told) == 1
    assert told[0].startswith("links to hosts that are not in the recording: h00.example (1 answer), h01.example")
    assert "h09.example (1 answer) and 2 more; a client that follows them leaves the replay" in told[0]


def test_a_recorded_server_in_a_binary_body_is_told() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(get_me()), b"\x00\x01http://gws.example/x")
    wire.records[-1] = replace(wire.records[-1], headers=(("Content-Type", "application/octet-stream"),))

    (told,) = Stage(wire.recording()).standin.foreign.lines()

    assert "binary bodies" in told
    assert "gws.example (1 answer)" in told


def test_nothing_is_told_where_no_link_leads_out() -> None:
    assert list(Stage(answering({"a": f"{UPSTREAM}/x"})).standin.foreign.lines()) == []
