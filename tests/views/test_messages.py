"""Bayeux messages for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.views.messages import pretty
from tests.wire import body, done


def heading(message: dict[str, object]) -> str:
    shown = pretty(body(message))
    assert shown is not None
    return shown.splitlines()[0]


def test_an_event_is_marked_and_its_json_is_indented() -> None:
    assert pretty(body([{"channel": "/a", "data": {"b": [1]}}, {"channel": "/meta/connect", "successful": True}])) == (
        "# ● EVENT  /a\n"
        '{\n  "channel": "/a",\n  "data": {\n    "b": [\n      1\n    ]\n  }\n}\n'
        "\n"
        "# reply    /meta/connect  successful\n"
        '{\n  "channel": "/meta/connect",\n  "successful": true\n}\n'
    )


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (done(7), "# ● EVENT  /v2/me/outbound"),
        ({"channel": "/meta/connect", "clientId": "c"}, "# request  /meta/connect"),
        ({"channel": "/service/x", "clientId": "c", "data": {}}, "# request  /service/x"),
        ({"channel": "/meta/connect", "successful": False, "error": "402::x"},
         "# reply    /meta/connect  refused: 402::x"),
        ({"channel": "/meta/connect", "successful": False}, "# reply    /meta/connect  refused: no reason given"),
        ({"channel": "/\x1b[2J\u202e"}, r"# ● EVENT  /\x1b[2J\u202e"),
    ],
)  # fmt: skip
def test_each_message_says_what_it_is(message: dict[str, object], said: str) -> None:
    assert heading(message) == said


def test_messages_of_callback_polling_are_in_the_url() -> None:
    shown = pretty(b"", '/cometd?jsonp=f&message=[{"channel":"/meta/connect"}]')

    assert shown is not None
    assert shown.startswith("# request  /meta/connect\n")


@pytest.mark.parametrize("content", [b"", b"hello", b"{}", b"[]", b'{"statusCode":0}', b"\xff"])
def test_what_is_no_message_is_none(content: bytes) -> None:
    assert pretty(content) is None


@given(st.text())
def test_nothing_in_it_steers_a_terminal(text: str) -> None:
    shown = pretty(body({"channel": f"/{text}", "data": text}))

    assert shown is None or all(line.isprintable() for line in shown.split("\n"))
