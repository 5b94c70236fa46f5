from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.bayeux.json_bodies import load_json
from recorder.bayeux.messages import Message, encode, is_event, parse, parse_request
from tests.costs import assert_cheap

CONNECT: Message = {"channel": "/meta/connect", "clientId": "c1", "connectionType": "long-polling"}
PUBLISH: Message = {"channel": "/chat", "clientId": "c1", "data": {"text": "hé & = + %"}}
URL = "/api/v2/notifications"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
MESSAGES = st.lists(
    st.builds(lambda channel, fields: fields | {"channel": "/" + channel}, st.text(), st.dictionaries(st.text(), JSON)),
    min_size=1,
    max_size=4,
)
BODIES = st.one_of(
    st.binary(),
    st.text('[]{}(),:;"\\/*a1 \n').map(str.encode),
    MESSAGES.map(encode),
    MESSAGES.map(lambda messages: b"message=" + quote(encode(messages)).encode()),
    JSON.map(lambda value: json.dumps(value).encode("utf-16")),
)


def test_an_array_of_messages_is_read_in_order() -> None:
    assert parse(json.dumps([CONNECT, PUBLISH]).encode()) == [CONNECT, PUBLISH]


def test_a_single_message_without_array_is_read() -> None:
    assert parse(json.dumps(CONNECT).encode()) == [CONNECT]


def test_white_space_around_messages_is_ignored() -> None:
    assert parse(b" \r\n" + encode([CONNECT]) + b"\n") == [CONNECT]


@pytest.mark.parametrize(
    "wrapped",
    [
        b'/**/cb1([{"channel":"/a"}]);',
        b'cb1([{"channel":"/a"}])',
        b'jQuery.cb_$1 ( [{"channel":"/a"}] ) ; \n',
        b'cb({"channel":"/a"});',
    ],
)
def test_messages_are_taken_out_of_a_jsonp_answer(wrapped: bytes) -> None:
    assert parse(wrapped) == [{"channel": "/a"}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[[]]",
        b"null",
        b"17",
        b'"/meta/connect"',
        b"not json",
        b"[not json]",
        b'[{"channel":"/a"}',
        b'{"channel":7}',
        b'{"channel":null}',
        b'{"channel":"no slash"}',
        b'{"operationName":"GetChainedRecord"}',
        b'[{"channel":"/a"},{"operationName":"GetChainedRecord"}]',
        b'[{"channel":"/a"},"b"]',
        b"cb1()",
        b"cb1(7)",
        b'\xff[{"channel":"/a"}]',
        b'[{"channel":"/a","id":' + b"9" * 5000 + b"}]",
    ],
)
def test_other_bodies_hold_no_messages(body: bytes) -> None:
    assert parse(body) is None


@pytest.mark.parametrize("bracket", [b"[", b'{"channel":'])
def test_bottomless_nesting_holds_no_messages(bracket: bytes) -> None:
    assert parse(bracket * 200_000) is None


def test_a_long_gap_in_a_script_is_read_in_linear_time() -> None:
    script = b"cb()" + b" " * 1_000_000 + b"x"

    assert parse(script) is None
    assert_cheap(lambda: parse(script), below=1)


def test_a_request_body_is_read_whatever_its_url() -> None:
    assert parse_request("/anything/else", encode([CONNECT])) == [CONNECT]


@pytest.mark.parametrize(
    "form",
    [
        urlencode({"message": encode([CONNECT, PUBLISH])}),
        urlencode([("message", encode([CONNECT])), ("message", encode([PUBLISH]))]),
        urlencode([("message", json.dumps(CONNECT)), ("message", json.dumps(PUBLISH))]),
        urlencode([("jsonp", "cb1"), ("message", encode([CONNECT, PUBLISH]))]),
    ],
)
def test_messages_are_taken_out_of_a_form(form: str) -> None:
    assert parse_request(URL, form.encode()) == [CONNECT, PUBLISH]


@pytest.mark.parametrize(
    "query",
    [
        urlencode({"message": encode([CONNECT]), "jsonp": "cb1"}),
        urlencode({"jsonp": "cb1", "message": encode([CONNECT])}),
        "message=" + quote(json.dumps(CONNECT)),
    ],
)
def test_messages_are_taken_out_of_a_query(query: str) -> None:
    assert parse_request(f"{URL}?{query}", b"") == [CONNECT]


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (URL, b"message="),
        (URL, b"message=%5B%5D"),
        (URL, b"message=%FF"),
        (URL, b"text=message%3D"),
        (URL, b'{"text":"&message=[{\\"channel\\":\\"/a\\"}]&"}'),
        (URL, b'--boundary\r\n&message=%5B%7B"channel":"/a"%7D%5D'),
        (URL + "?message=hello", b""),
        (URL + "?message", b""),
        (URL + "?message=" + quote('[{"channel":"/a"}]') + "&message=no", b""),
        ("//[host?message=1", b""),
        (URL + "?message=[\udcff", b""),
        ("?message=" + quote('[{"channel":"\ud800"}]', errors="surrogatepass"), b""),
        ("", b""),
    ],
)
def test_other_requests_hold_no_messages(target: str, body: bytes) -> None:
    assert parse_request(target, body) is None


@given(st.text(st.characters(codec=None)) | st.text("[]?message=/%&#"), BODIES)
def test_any_request_holds_messages_or_none(target: str, body: bytes) -> None:
    found = parse_request(target, body)

    assert found is None or all(message["channel"].startswith("/") for message in found)


@settings(max_examples=50)  # building them takes the time
@given(MESSAGES)
def test_messages_come_back_as_they_were_encoded(messages: list[Message]) -> None:
    assert parse(encode(messages)) == messages


def test_half_a_surrogate_pair_leaves_as_valid_utf8() -> None:
    message = {"channel": "/a", "data": "half \ud83d, é"}

    sent = encode([message])

    assert sent.decode() == '[{"channel":"/a","data":"half \\ud83d, é"}]'
    assert parse(sent) == [message]


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"channel": "/v2/me/outbound", "data": {}}, True),
        ({"channel": "/v2/me/outbound", "data": {}, "id": "7", "clientId": "c1"}, True),
        ({"channel": "/v2/me/outbound"}, True),
        ({"channel": "/v2/me/outbound", "successful": True, "id": "7"}, False),
        ({"channel": "/v2/me/outbound", "successful": False, "error": "402::session_unknown"}, False),
        ({"channel": "/meta/connect", "successful": True}, False),
        ({"channel": "/meta/connect", "data": {}}, False),
    ],
)
def test_an_event_is_told_from_a_reply(message: Message, *, event: bool) -> None:
    assert is_event(message) is event


def test_a_body_of_more_values_than_anybody_sends_is_not_parsed() -> None:
    body = b"[" + b"{}," * 1_000_000 + b"{}]"

    with pytest.raises(ValueError, match="too many values"):
        load_json(body)


@given(BODIES)
def test_a_body_that_the_standard_library_reads_is_read_alike(body: bytes) -> None:
    with suppress(ValueError):  # of what it does not read, more may be read here
        expected = repr(json.loads(body))
        assert repr(load_json(body)) == expected


SCALARS = st.none() | st.booleans() | st.integers() | st.text()


@given(
    st.permutations(["id", "channel", "successful"]).flatmap(
        lambda names: st.fixed_dictionaries(dict.fromkeys(names, SCALARS), optional={"ext": SCALARS})
    )
)
def test_a_reply_that_says_no_more_than_most_is_the_json_it_would_be(message: Message) -> None:
    assert encode([message]) == json.dumps([message], separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "backslashreplace"
    )
