"""Nothing that may change something is sent unless the user allowed it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.drive.engine.allowing import Allowed, Need, needs, option
from recorder.drive.engine.fill import filled
from recorder.drive.engine.plan import CHANNEL, Act, Hole, Outgoing, Plan, Step
from recorder.errors import UsageError

from .steps import FORM_TYPE, call, message, socket_message

HANDSHAKE = message(Act.HANDSHAKE, {"channel": "/meta/handshake"})
NOTHING = Allowed()
ALL = Allowed(everything=True)


def publish(channel: str) -> Step:
    return message(Act.PUBLISH, {"channel": channel, "data": {}})


@pytest.mark.parametrize(
    "step",
    [
        call("GET", "/a"),
        call("GET", "/a?method=POST", headers=(("X-Requested-With", "XMLHttpRequest"),)),
        call("GET", "/a", headers=(("X-HTTP-Method-Override", "get"),)),
        replace(call("GET", "/feed"), act=Act.SOCKET),
        replace(call("GET", "/feed"), act=Act.STREAM),
        replace(call("POST", "/feed"), act=Act.CLOSE),
        message(Act.HANDSHAKE, {"channel": "/meta/handshake"}),
        message(Act.SUBSCRIBE, {"channel": "/meta/subscribe", "subscription": "/a"}),
        message(Act.UNSUBSCRIBE, {"channel": "/meta/unsubscribe", "subscription": "/a"}),
        message(Act.DISCONNECT, {"channel": "/meta/disconnect"}),
    ],
)
def test_what_only_reads_needs_no_word(step: Step) -> None:
    assert NOTHING.permits(step)
    assert option(step) == ""


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        (call("POST", "/a?b=1"), ["POST /a"]),
        (call("get", "/a"), ["get /a"]),
        (call("GeT", "/a"), ["GeT /a"]),
        (call(" GET", "/a"), [" GET /a"]),
        (call("HEAD", "/a"), ["HEAD /a"]),
        (call("OPTIONS", "/a"), ["OPTIONS /a"]),
        (call("GET", "/a", headers=(("X-HTTP-Method-Override", "DELETE"),)), ["DELETE /a"]),
        (call("GET", "/a", headers=(("x-http-method", " delete "),)), ["DELETE /a"]),
        (call("GET", "/a", headers=(("X_Method_Override", "PUT"),)), ["PUT /a"]),
        (call("GET", "/a", headers=(("X-HTTP-Method-Override", ""),)), [" /a"]),
        (call("GET", "/a?_method=delete"), ["DELETE /a"]),
        (call("GET", "/a?%5Fmethod=delete"), ["DELETE /a"]),
        (call("POST", "/a", b"_method=PATCH&x=1", FORM_TYPE), ["POST /a", "PATCH /a"]),
        (call("POST", "/a", b'{"_method":"DELETE"}'), ["POST /a", "DELETE /a"]),
        (call("POST", "/a", headers=(("X-HTTP-Method-Override", "GET"),)), ["POST /a"]),
        (call("PUBLISH", "/a"), ["HTTP PUBLISH /a"]),
        (call("MESSAGE", "/a"), ["HTTP MESSAGE /a"]),
        (replace(call("POST", "/feed"), act=Act.STREAM), ["POST /feed"]),
        (socket_message(b"x"), ["MESSAGE /feed"]),
        (publish("/service/a"), ["PUBLISH /service/a"]),
        (publish("/meta/subscribe"), ["PUBLISH /meta/subscribe"]),
        (message(Act.SUBSCRIBE, {"channel": "/service/a"}), ["PUBLISH /service/a"]),
        (message(Act.HANDSHAKE, {"channel": ["/meta/handshake"]}), ["PUBLISH "]),
        (message(Act.DISCONNECT, {}), ["PUBLISH "]),
        (message(Act.DISCONNECT, {"channel": "/meta"}), ["PUBLISH /meta"]),
    ],
)
def test_everything_else_needs_the_word_of_the_user(step: Step, wanted: list[str]) -> None:
    assert [f"{need.method} {need.path}" for need in needs(step)] == wanted
    assert not NOTHING.permits(step)
    assert ALL.permits(step)


@pytest.mark.parametrize(
    ("given", "step"),
    [
        ("Hold", call("POST", "/a", operation="Hold")),
        ("Hold", replace(publish("/a"), operation="Hold")),
        ("Get*", call("POST", "/a", operation="Get*")),
        ("POST /a", call("POST", "/a?x=1")),
        ("POST  /a ", call("POST", "/a")),
        ("POST /calls/*/hold", call("POST", "/calls/10%2F01/hold")),
        ("POST /calls/1*", call("POST", "/calls/1001")),
        ("POST /calls/**", call("POST", "/calls/1/2/3")),
        ("POST /a%20b", call("POST", "/a b")),
        ("POST /a/../b", call("POST", "/a/../b")),
        ("PUBLISH /service/*", publish("/service/a")),
        ("MESSAGE /feed", socket_message(b"x")),
        ("get /a", call("get", "/a")),
        ("DELETE /a", call("GET", "/a", headers=(("X-HTTP-Method-Override", "DELETE"),))),
    ],
)
def test_what_the_user_allowed_is_sent(given: str, step: Step) -> None:
    assert Allowed([given]).permits(step)


@pytest.mark.parametrize(
    ("given", "step"),
    [
        ("Hold", call("POST", "/a", operation="hold")),
        ("Hold", call("POST", "/a")),
        ("*", call("POST", "/a", operation="Hold")),
        ("Ho*", call("POST", "/a", operation="Hold")),
        ("Hold", call("POST", "/a", operation="H*")),
        ("GET /a", call("POST", "/a")),
        ("GET /a", call("POST", "/a", operation="GET /a")),
        ("GET /a", call("get", "/a")),
        ("* /a", call("POST", "/a")),
        ("POST", call("POST", "/a")),
        ("POST *", call("POST", "/a")),
        ("post /a", call("POST", "/a")),
        ("POST /a", call("post", "/a")),
        ("POST /a", call("POST", "/a/b")),
        ("POST /a", call("POST", "/A")),
        ("POST /a", call("POST", "//a")),
        ("POST /*", call("POST", "/a/b")),
        ("POST /a.b", call("POST", "/aXb")),
        ("POST /calls/*/hold", call("POST", "/calls/../hold")),
        ("POST /calls/**", call("POST", "/calls/%2e%2E/admin")),
        ("POST /calls/**", call("POST", "/calls/..;x=1/admin")),
        ("POST /calls/*", call("POST", "/calls/..#")),
        ("POST /calls/*", call("POST", "/calls/..%2fadmin")),
        ("POST /calls/*", call("POST", "/calls/..\\admin")),
        ("POST /calls/x*", call("POST", "/calls#/x")),
        ("POST /cometd", replace(HANDSHAKE, request=call("POST", "/cometd?_method=DELETE").request)),
        ("POST /a", call("POST", "/a", headers=(("X-HTTP-Method-Override", "DELETE"),))),
        ("POST /a", call("POST", "/a?_method=DELETE")),
        ("GET /a", call("GET", "/a", headers=(("X-HTTP-Method-Override", "DELETE"),))),
        ("MESSAGE /a", call("POST", "/a")),
        ("MESSAGE /a", call("MESSAGE", "/a")),
        ("PUBLISH /a", call("PUBLISH", "/a")),
        ("POST /feed", socket_message(b"x")),
        ("GET /feed", socket_message(b"x")),
        ("POST /cometd", publish("/service/a")),
        ("PUBLISH /service/a", publish("/service/b")),
        ("PUBLISH /service/*", publish("/service/a/b")),
        ("PUBLISH /**", message(Act.DISCONNECT, {})),
    ],
)
def test_what_the_user_did_not_allow_is_not_sent(given: str, step: Step) -> None:
    assert not Allowed([given]).permits(step)


@pytest.mark.parametrize("given", ["", "  "])
def test_an_empty_name_is_a_mistake(given: str) -> None:
    with pytest.raises(UsageError, match="an empty name allows nothing"):
        Allowed([given])


def test_refused_steps_are_told_in_their_order() -> None:
    steps = (call("POST", "/b"), call("GET", "/a"), call("POST", "/a", operation="Hold"))

    assert Allowed(["Hold"]).refused(Plan(steps, (), {}, {}, "")) == [steps[0]]


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (call("POST", "/a b?x=1"), "--allow 'POST /a b'"),
        (call("POST", "/a", operation="Hold"), "--allow Hold"),
        (call("POST", "/a", operation="Hold It"), "--allow 'Hold It'"),
        (call("POST", "/a", operation="GET /x"), "--allow 'POST /a'"),
        (call("POST", "/a?_method=PUT"), "--allow 'POST /a' --allow 'PUT /a'"),
        (call("PUBLISH", "/a"), "--allow-all"),
        (call("GET", "/a?_method="), ""),
        (call("GET", "/a", headers=(("X-HTTP-Method-Override", ""),)), "--allow-all"),
        (publish("/service/it's"), "--allow 'PUBLISH /service/it'\"'\"'s'"),
    ],
)
def test_the_option_that_allows_a_step(step: Step, text: str) -> None:
    assert option(step) == text


def sent(step: Step, place: tuple[str | int, ...], value: str) -> Outgoing:
    hole = Hole(place, 0, 4, "1001", "id")
    return filled(replace(step, holes=(hole,)), lambda _: value)


@pytest.mark.parametrize("value", ["..", ".", "", "..;x", "../../admin", "x/../admin", "..\\admin"])
def test_a_live_value_leads_a_request_to_no_other_place(value: str) -> None:
    out = sent(call("POST", "/calls/1001/hold", operation="Hold"), ("path", 2), value)

    assert not ALL.permits_sent(out)
    assert not Allowed(["Hold"]).permits_sent(out)


def test_a_live_value_stays_within_its_segment() -> None:
    out = sent(call("POST", "/calls/1001/hold", operation="Hold"), ("path", 2), "a/admin?x=1#")

    assert Allowed(["Hold"]).permits_sent(out)
    assert unquote(out.target.split("/")[2]) == "a/admin?x=1#"


@pytest.mark.parametrize("value", ["a/b", "*", "**", ""])
def test_a_live_value_leads_a_message_to_no_other_channel(value: str) -> None:
    out = sent(publish("/calls/1001"), (CHANNEL, 2), value)

    assert not ALL.permits_sent(out)


def test_a_live_value_makes_no_meta_message_of_a_publish() -> None:
    out = sent(publish("/1001/connect"), (CHANNEL, 1), "meta")

    assert not ALL.permits_sent(out)


def test_a_live_value_makes_no_write_of_a_read() -> None:
    step = call("GET", "/a?_method=GET")
    hole = Hole(("query", "_method", 0), 0, 3, "GET", "m")

    out = filled(replace(step, holes=(hole,)), lambda _: "DELETE")

    assert NOTHING.permits(step)
    assert not NOTHING.permits_sent(out)
    assert not Allowed(["GET /a"]).permits_sent(out)


def test_a_header_of_the_user_makes_no_write_of_a_read() -> None:
    out = filled(call("GET", "/a"), lambda _: None, (("X-HTTP-Method-Override", "DELETE"),))

    assert not NOTHING.permits_sent(out)


def test_what_is_allowed_is_sent_with_live_values() -> None:
    assert Allowed(["POST /calls/1001"]).permits_sent(sent(call("POST", "/calls/1001"), ("path", 2), "2002"))
    assert Allowed(["PUBLISH /a/*"]).permits_sent(sent(publish("/a/1001"), (CHANNEL, 2), "2002"))
    assert NOTHING.permits_sent(sent(call("GET", "/calls/1001"), ("path", 2), "2002"))


METHODS = st.sampled_from(["GET", "get", "POST", "DELETE", "HEAD", "MESSAGE", "PUBLISH"])
PATHS = st.sampled_from(["/", "/a", "/a/b", "/a/../b", "/a/%2e%2e", "//", "/a?_method=PUT", "/*", "/a/**"])
GIVEN = st.lists(st.sampled_from(["Op", "*", "GET /**", "GET /a", "MESSAGE /**", "PUBLISH /**", "get", "O*", "* /**"]))


@given(GIVEN, METHODS, PATHS, st.sampled_from([None, "Op", "op", "*", "O*"]))
def test_no_write_passes_by_words_for_other_things(
    given_names: list[str], method: str, target: str, operation: str | None
) -> None:
    step = call(method, target, operation=operation)

    is_named = operation in given_names
    assert Allowed(given_names).permits(step) == (is_named or not needs(step))
    assert (needs(step) == []) == (method == "GET" and "_method" not in target)


def test_a_need_is_a_method_and_a_path() -> None:
    assert needs(call("POST", "/a")) == [Need("POST", "/a")]


def test_words_that_allow_nothing_are_told() -> None:
    whole = Plan((call("POST", "/a", operation="Hold"), call("GET", "/b", operation="Get")), (), {}, {}, "")

    unused = Allowed(["Hold", "Hodl", "Get", "POST /*", "POST /b", "GET /b"]).unused(whole)

    assert unused == ["Get", "Hodl", "POST /b", "GET /b"]
