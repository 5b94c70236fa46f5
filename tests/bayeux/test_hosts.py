from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.bayeux.hosts import redirected
from recorder.bayeux.messages import encode, parse
from tests.costs import assert_cheap
from tests.wrappings import WRAPPINGS

PROXY = "localhost:8091"


def advice(hosts: Any = ("a.example", "b.example:8080")) -> dict[str, Any]:
    told = {"reconnect": "handshake", "hosts": hosts, "interval": 0}
    return {"channel": "/meta/connect", "successful": False, "advice": told, "id": "3"}


def test_the_hosts_of_an_advice_become_the_proxy() -> None:
    (message,) = json.loads(redirected(encode([advice()]), PROXY) or b"")

    assert message == advice([PROXY])


def test_all_other_bytes_stay_as_they_are() -> None:
    body = b'\r\n[ {"data":1e999,"data":"\\u00e9\xc3\xa9\\ud800","channel":"/x"}, %s ]\n'
    reply = b'{"channel" : "/meta/connect","advice" :\t{ "hosts" : %s , "x":[1.0]} , "id":"1"}'

    told = redirected(body % (reply % b'[\n"a" , "b"]'), PROXY)

    assert told == body % (reply % b'["localhost:8091"]')


@pytest.mark.parametrize("wrapping", [name for name in WRAPPINGS if name != "UTF-16 and half a character"])
def test_hosts_are_found_in_every_wrapping_and_charset(wrapping: str) -> None:
    told = b'[{"channel":"/meta/connect","advice":{"hosts":%s},"ext":"\xc3\xbc"}]'

    made = redirected(WRAPPINGS[wrapping](told % b'["a.example"]'), PROXY)

    assert made == WRAPPINGS[wrapping](told % b'["localhost:8091"]')


def test_hosts_are_found_in_the_charset_of_the_media_type() -> None:
    headers = (("Content-Type", "application/json;charset=Shift_JIS"),)
    told = '[{"channel":"/meta/connect","advice":{"hosts":%s},"ext":"表"}]'

    made = redirected((told % '["a.example"]').encode("shift_jis"), PROXY, headers)

    assert made == (told % '["localhost:8091"]').encode("shift_jis")


@pytest.mark.parametrize("wrapped", [b"/**/cb1([%s]);", b"cb1(%s)", b"%s", b" [%s]", b"[%s,%s]"])
def test_hosts_are_found_however_messages_are_wrapped(wrapped: bytes) -> None:
    message = b'{"channel":"/meta/handshake","advice":{"hosts":%s}}'
    told = wrapped.replace(b"%s", message)

    assert redirected(told.replace(b"%s", b'["a"]'), PROXY) == told.replace(b"%s", b'["localhost:8091"]')


@pytest.mark.parametrize(
    "body",
    [
        encode([{"channel": "/x", "data": {"advice": {"hosts": ["a"]}, "hosts": ["a"]}}]),
        encode([{"channel": "/x", "hosts": ["a"]}]),
        encode([{"channel": "/meta/connect", "advice": {"reconnect": "retry"}, "data": "hosts"}]),
        encode([{"channel": "/meta/connect", "advice": {"ext": {"hosts": ["a"]}}}]),
        encode([{"channel": "/meta/connect", "advice": ["hosts"]}]),
        encode([advice("a"), advice(None), advice({"a": ["b"]})]),
        b'{"advice":{"hosts":["a"]}}',
        b'[{"channel":"/meta/connect","advice":{"hosts":["a"]}}',
        b'"hosts"',
        b"",
    ],
)
def test_other_hosts_are_none_of_our_business(body: bytes) -> None:
    assert redirected(body, PROXY) is None


def test_a_host_may_be_any_text() -> None:
    (message,) = json.loads(redirected(encode([advice()]), '[::1]:80"\u2028') or b"")

    assert message["advice"]["hosts"] == ['[::1]:80"\u2028']


def test_a_long_list_takes_linear_time() -> None:
    body = encode([advice(["a"] * 1000)] * 500)

    assert redirected(body, PROXY) == encode([advice([PROXY])] * 500)


def test_many_lists_in_a_long_body_take_linear_time() -> None:
    body = encode([*[advice()] * 10_000, {"channel": "/x", "data": "x" * 4_000_000}])

    changed = redirected(body, PROXY)

    assert changed == encode([*[advice([PROXY])] * 10_000, {"channel": "/x", "data": "x" * 4_000_000}])
    assert_cheap(lambda: redirected(body, PROXY), below=2)  # it takes 0.3 s; with a copy of the body for each list 5 s


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("hosts"), inner, max_size=3),
    max_leaves=8,
)
advices = st.fixed_dictionaries({}, optional={"hosts": st.lists(st.text(), max_size=3) | values, "reconnect": values})
messages = st.fixed_dictionaries(
    {"channel": st.sampled_from(["/meta/connect", "/x"])},
    optional={"advice": advices | values, "data": values, "hosts": values},
)


def with_proxy(message: dict[str, Any]) -> dict[str, Any]:
    told = message.get("advice")
    named = isinstance(told, dict) and isinstance(told.get("hosts"), list)
    return message | {"advice": told | {"hosts": [PROXY]}} if named else message


@given(st.lists(messages, min_size=1, max_size=4), st.booleans(), st.sampled_from([None, 1]))
def test_only_hosts_in_advice_change_whatever_the_messages_hold(
    told: list[dict[str, Any]], ascii_only: bool, indent: int | None
) -> None:
    body = json.dumps(told, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")

    changed = redirected(body, PROXY)

    assert parse(changed or body) == list(map(with_proxy, told))
    assert (changed is None) == all(with_proxy(m) == m and with_proxy(m) is m for m in told)


@given(st.binary() | st.binary().map(lambda b: b'[{"channel":"/x","advice":{"hosts":' + b + b"}}]"))
def test_any_body_is_left_alone_or_still_holds_messages(body: bytes) -> None:
    changed = redirected(body, PROXY)

    assert changed is None or parse(changed) is not None
