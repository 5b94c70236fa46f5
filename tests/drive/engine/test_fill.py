"""Live values are put into recorded requests of all forms, and each other byte stays."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.drive.engine.fill import filled
from recorder.drive.engine.plan import HEADER, Act, Hole, Outgoing, Step
from recorder.drive.engine.reading import sent_leaves
from recorder.model import JSON, Headers

from .bodies import BODIES, MEDIA, PARTS, PARTS_TYPE, TARGETS, TEXT_TYPE
from .steps import FORM_TYPE, JSON_TYPE, XML_TYPE, call, message, socket_message, with_holes


def sent(step: Step, old: str = "1001", new: str = "2002") -> Outgoing:
    """Fill each leaf that is `old`."""
    return filled(with_holes(step, lambda text: text == old), lambda _: new)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/calls/1001/hold", "/calls/2002/hold"),
        ("/calls/1001?a=1001&b=x+y&a=1001", "/calls/2002?a=2002&b=x+y&a=2002"),
        ("/%63alls/1001?%61=1%30%301&flag&x=%7B%22id%22%3A%20%221001%22%7D", None),
        ("//1001//?", "//2002//?"),
        ("/a?1001", "/a?2002"),
        ("/a?x==1001=", "/a?x==1001="),
    ],
)
def test_paths_and_queries(target: str, expected: str | None) -> None:
    encoded = "/%63alls/2002?%61=2002&flag&x=%7B%22id%22%3A%20%222002%22%7D"

    assert sent(call("GET", target)).target == (expected or encoded)


def test_a_value_is_percent_encoded_as_its_place_needs() -> None:
    out = sent(call("GET", "/calls/1001?a=1001"), new="a/b ?&#ü")

    assert out.target == "/calls/a%2Fb%20%3F%26%23%C3%BC?a=a%2Fb+%3F%26%23%C3%BC"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{ "id" : "1001",\n\t"n": 12345678901234567890123 }', b'{ "id" : "2002",\n\t"n": 12345678901234567890123 }'),
        (b'{"id":"1001","e": 1.50E+2,"z":-0.0 }', b'{"id":"2002","e": 1.50E+2,"z":-0.0 }'),
        (b'{"id":1001,"s":"\\u00e9\\/\\ud83d\\ude00"}', b'{"id":2002,"s":"\\u00e9\\/\\ud83d\\ude00"}'),
        (b'{"id":"old","id":"1001"}', b'{"id":"old","id":"2002"}'),
        (b'{"id":"1001","id":"1001"}', b'{"id":"2002","id":"2002"}'),
        (b'{"\\u0069d":"1\\u00301"}', b'{"\\u0069d":"1\\u00301"}'),
        (b'[[["1001"]],{"a":[1001, true, null, {}]}]', b'[[["2002"]],{"a":[2002, true, null, {}]}]'),
        (b'while(1);{"id":"1001"}', b'while(1);{"id":"2002"}'),
        (b'42["hold",{"id":"1001"}]', b'42["hold",{"id":"2002"}]'),
        (b'{"id":"1001"}\r\n{"id":"1001"}\n', b'{"id":"2002"}\r\n{"id":"2002"}\n'),
        (b'{"in":"{\\"id\\": \\"1001\\"}"}', b'{"in":"{\\"id\\": \\"2002\\"}"}'),
        (b'{"in":"a=1&b=1001"}', b'{"in":"a=1&b=2002"}'),
        (b'\xef\xbb\xbf{"id":"1001"}', b'\xef\xbb\xbf{"id":"2002"}'),
        ('{"id":"1001"}'.encode("utf-16"), '{"id":"2002"}'.encode("utf-16")),
        (b'{"id":"1001","x":"\xff"}', b'{"id":"2002","x":"\xff"}'),
    ],
)  # fmt: skip
def test_json(body: bytes, expected: bytes) -> None:
    assert sent(call(body=body, headers=JSON_TYPE)).body == expected


def test_a_number_stays_a_number_if_it_can() -> None:
    step = call(body=b'{"id":1001}', headers=JSON_TYPE)

    assert sent(step, new="9007199254740993").body == b'{"id":9007199254740993}'
    assert sent(step, new="c-7").body == b'{"id":"c-7"}'


def test_a_text_stays_a_text() -> None:
    assert sent(call(body=b'{"id":"1001"}'), new="7").body == b'{"id":"7"}'


def test_json_in_a_text_is_escaped_twice() -> None:
    out = sent(call(body=b'{"in":"{\\"id\\": \\"1001\\"}"}'), new='a"b')

    assert json.loads(json.loads(out.body)["in"]) == {"id": 'a"b'}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"a=1001&a=x%20y&b=1001&&c", b"a=2002&a=x%20y&b=2002&&c"),
        (b"user%5Bid%5D=1001", b"user%5Bid%5D=2002"),
        (b"a=%7B%22id%22%3A1001%7D", b"a=%7B%22id%22%3A2002%7D"),
    ],
)
def test_forms(body: bytes, expected: bytes) -> None:
    assert sent(call(body=body, headers=FORM_TYPE)).body == expected


def test_multipart() -> None:
    expected = PARTS.replace(b"\r\n1001\r\n", b"\r\n2002\r\n").replace(b'"1001"', b'"2002"')

    assert sent(call(body=PARTS, headers=PARTS_TYPE)).body == expected


def test_a_boundary_that_no_header_names() -> None:
    body = PARTS.removeprefix(b"preamble\r\n")

    assert b"\r\n2002\r\n" in sent(call(body=body)).body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<a x='1001' y=\"1001\"> 1001 </a>", b"<a x='2002' y=\"2002\"> 2002 </a>"),
        (b"<?xml version='1.0'?><!-- 1001 --><a>1001</a>", b"<?xml version='1.0'?><!-- 1001 --><a>2002</a>"),
        (b"<s:a xmlns:s='1001'><s:b/><b>1001</b></s:a>", b"<s:a xmlns:s='1001'><s:b/><b>2002</b></s:a>"),
        (b"<a><![CDATA[1001]]></a>", b"<a><![CDATA[2002]]></a>"),
        (b"<a>&#49;001</a>", b"<a>2002</a>"),
        (b"<a><b>1001</a>", b"<a><b>2002</a>"),
    ],
)  # fmt: skip
def test_xml(body: bytes, expected: bytes) -> None:
    assert sent(call(body=body, headers=XML_TYPE)).body == expected


def test_xml_is_escaped_and_written_in_its_charset() -> None:
    body = "<?xml version='1.0' encoding='iso-8859-1'?><a b='1001'>1001 é</a>".encode("latin-1")
    step = with_holes(call(body=body), lambda text: text == "1001")

    out = filled(step, lambda _: "<'é€")

    assert out.body == body.replace(b"'1001'", b"'&lt;&#39;\xe9&#8364;'")


def test_a_word_of_a_text_in_another_charset() -> None:
    step = call(body="ä: 1001, ö".encode("latin-1"), headers=TEXT_TYPE)
    hole = Hole(("body",), 3, 7, "1001", "id")

    assert filled(replace(step, holes=(hole,)), lambda _: "2ü").body == "ä: 2ü, ö".encode("latin-1")


def test_a_part_of_a_header() -> None:
    step = call(headers=(("Authorization", "Bearer old"), ("Cookie", "a=b"), ("Host", "x"), ("X-A", "1")))
    hole = Hole((HEADER, "authorization", 0), 7, 10, "old", "authorization")

    out = filled(replace(step, holes=(hole,)), lambda _: "new\r\nX-Evil: 1")

    assert out.headers == (("Authorization", "Bearer new%0D%0AX-Evil: 1"), ("X-A", "1"))


def test_given_headers_stand_for_recorded_ones_or_are_added() -> None:
    step = with_holes(call(headers=(("authorization", "Bearer old"), ("X-A", "1"))))

    out = filled(step, lambda hole: hole.recorded, (("Authorization", "Bearer real"), ("X-New", "2")))

    assert out.headers == (("authorization", "Bearer real"), ("X-A", "1"), ("X-New", "2"))


def test_a_digest_of_another_body_is_not_sent() -> None:
    step = call(body=b'{"id":"1001"}', headers=(("Content-MD5", "x"), ("X-A", "1")))

    assert sent(step).headers == (("X-A", "1"),)
    assert filled(step, lambda _: None).headers == (("Content-MD5", "x"), ("X-A", "1"))


def test_messages_of_bayeux() -> None:
    content: dict[str, JSON] = {
        "channel": "/calls/1001",
        "data": {"id": "1001", "n": 1001, "in": '{"id":1001}', "l": [1, {"x": "1001"}], "b": True},
    }

    out = sent(message(Act.PUBLISH, content))

    assert out.message == {
        "channel": "/calls/2002",
        "data": {"id": "2002", "n": 2002, "in": '{"id":2002}', "l": [1, {"x": "2002"}], "b": True},
    }
    assert content["channel"] == "/calls/1001"


@pytest.mark.parametrize("subscription", ["/v2/1001/events", ["1001", "/b"]])
def test_subscriptions(subscription: JSON) -> None:
    out = sent(message(Act.SUBSCRIBE, {"channel": "/meta/subscribe", "subscription": subscription}))

    assert out.message is not None
    assert out.message["channel"] == "/meta/subscribe"
    assert "2002" in json.dumps(out.message["subscription"])


def test_messages_on_a_websocket() -> None:
    assert sent(socket_message(b'{"id": "1001"}')).body == b'{"id": "2002"}'


PLACES = ("path", "query", "form", "member")  # another text as a whole body may be another form of body


@given(TARGETS, BODIES, MEDIA)
def test_filling_with_the_recorded_values_gives_the_recorded_bytes(target: str, body: bytes, media: tuple[()]) -> None:
    step = with_holes(call("POST", target, body, media))

    out = filled(step, lambda hole: hole.recorded)

    assert (out.target, out.body) == (target, body)


@pytest.mark.parametrize("media", [(), (("Content-Type", "application/x-www-form-urlencoded"),)])
@pytest.mark.parametrize(("body", "leaves"), [(b"\xfe\xff", 0), (b"\xfe\xff\x00a", 1), (b"\xef\xbb\xbfab", 1)])
def test_a_byte_order_mark_is_no_part_of_a_value(media: Headers, body: bytes, leaves: int) -> None:
    step = call("POST", "/", body, media)
    texts = [leaf for leaf in sent_leaves(step) if leaf.address[0] in {"body", "form"}]
    holes = tuple(Hole(leaf.address, 0, len(leaf.text), leaf.text, "x") for leaf in texts)

    out = filled(replace(step, holes=holes), lambda _: "zz")

    assert len(texts) == leaves
    assert all(not leaf.text.startswith("\ufeff") for leaf in texts)
    assert out.body[:2] == body[:2]


@given(TARGETS, BODIES, MEDIA, st.data())
def test_what_was_filled_is_read_again(target: str, body: bytes, media: tuple[()], data: st.DataObject) -> None:
    """One leaf gets another value; all other leaves stay."""
    step = call("POST", target, body, media)
    before = {leaf.address: leaf.text for leaf in sent_leaves(step) if leaf.address[0] in PLACES}
    if not before:
        return
    address = data.draw(st.sampled_from(sorted(before, key=repr)))
    value = data.draw(st.text(st.sampled_from("xyz09-é"), min_size=1))
    hole = Hole(address, 0, len(before[address]), before[address], "x")

    out = filled(replace(step, holes=(hole,)), lambda _: value)

    sent = replace(step, request=replace(step.request, target=out.target, body=out.body))
    after = {leaf.address: leaf.text for leaf in sent_leaves(sent) if leaf.address[0] in PLACES}
    assert after == before | {address: value}


@pytest.mark.parametrize(
    "place",
    [("member", "b"), ("member", "l", 7), ("member", "l", "x"), ("member", "t"), ("channel", 9), ("query", "a", 0)],
)
def test_a_hole_that_is_not_there_changes_nothing(place: tuple[str | int, ...]) -> None:
    step = message(Act.PUBLISH, {"channel": "/a", "l": [1], "t": True})

    out = filled(replace(step, holes=(Hole(place, 0, 1, "1", "x"),)), lambda _: "2")

    assert out.message == step.message


def test_a_message_without_content_stays_without() -> None:
    step = replace(message(Act.PUBLISH, {}), message=None)

    assert filled(step, lambda _: None).message is None


def test_the_headers_of_a_handshake_are_filled() -> None:
    step = message(Act.HANDSHAKE, {"channel": "/meta/handshake", "ext": {"id": "1001"}})
    headers = (("Authorization", "Basic 1001"), ("X-Id", "1001"))
    step = replace(step, request=replace(step.request, target="/cometd/1001?id=1001", headers=headers))

    out = sent(step)

    assert out.target == "/cometd/1001?id=2002"
    assert out.headers == (("Authorization", "Basic 1001"), ("X-Id", "2002"))
    assert out.message == {"channel": "/meta/handshake", "ext": {"id": "2002"}}
