"""Multipart bodies: each part by its own name and type, all other bytes as they are."""

from __future__ import annotations

import base64
import quopri
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.formats import multipart
from recorder.redaction.bodies.change import Unread
from tests.costs import assert_cheap
from tests.redaction.bodies.changes import finder, hashed

pytestmark = pytest.mark.once

FORM = "multipart/form-data; boundary=b1"
JSON = "Content-Type: application/json"


def body(*parts: tuple[str, str], mark: str = "b1", end: str = "\r\n") -> str:
    lines = [line for head, content in parts for line in (f"--{mark}", head.replace("\r\n", end), "", content)]
    return end.join([*lines, f"--{mark}--", ""])


def field(name: str, content: str, more: str = "") -> tuple[str, str]:
    return f'Content-Disposition: form-data; name="{name}"{more}', content


@given(
    st.binary(max_size=40) | st.lists(st.sampled_from([b"--b1", b"--", b"\r\n", b"\n", b"a: b", b"x"])).map(b"".join)
)
def test_a_split_loses_no_byte(content: bytes) -> None:
    whole = multipart.split(content, b"b1")

    if whole is not None:
        parts = b"".join(part.head + part.content for part in whole.parts)
        assert whole.before + parts + whole.end + whole.after == content


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize(
    "media",
    [
        FORM,
        'multipart/form-data; boundary="b1"',
        "Multipart/Form-Data; charset=utf-8; Boundary=b1",
        "",
        "multipart/form-data; boundary=other",
        "text/plain",
    ],
)
def test_fields_go_by_their_names_whatever_the_type_says(media: str, end: str) -> None:
    found = hashed(body(field("password", "a b"), field("note", "c d"), field("user[email]", "x"), end=end), media)

    assert found == body(field("password", "#"), field("note", "c d"), field("user[email]", "#"), end=end)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (field("j", '{"password":"x"}', f"\r\n{JSON}"), '{"password":"#"}'),
        (field("j", '{"password":"x","n":1}'), '{"password":"#","n":1}'),
        (field("x", "<a><password>y</password></a>", "\r\nContent-Type: text/xml"), "<a><password>#</password></a>"),
        (field("x", "<a><password>y</password></a>"), "<a><password>#</password></a>"),
        (("Content-Type: application/x-www-form-urlencoded", "a=1&password=x"), "a=1&password=#"),
        (field("note", "password: hunter2x", "\r\nContent-Type: text/plain"), "password: #"),
        (("Content-Disposition: form-data;\r\n name=password", "x"), "#"),
        (("content-disposition:form-data;name=password", "x"), "#"),
        (field("userData", "true"), "true"),
        (field("state", "READY"), "READY"),
        (field("password", ""), ""),
    ],
)
def test_a_part_is_read_by_its_own_type(part: tuple[str, str], expected: str) -> None:
    assert hashed(body(part), FORM) == body((part[0], expected))


def test_parts_may_have_parts() -> None:
    def nested(value: str) -> str:
        inner = body(field("password", value), mark="b2")
        return body(field("files", inner, "\r\nContent-Type: multipart/mixed; boundary=b2"), field("pwd", value))

    assert hashed(nested("x"), FORM) == nested("#")


def test_texts_around_the_parts_are_searched() -> None:
    found = hashed(f"password: hunter2x\r\n{body(field('a', 'b'))}sent by ada@acme.com", FORM)

    assert found == f"password: #\r\n{body(field('a', 'b'))}sent by #"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('; filename="of ada@acme.com.txt"', '; filename="of #"'),
        ("; filename*=UTF-8''of%20ada%40acme.com", "; filename*=UTF-8''of%20%23"),
        ("\r\nX-Secret: hunter2x", "\r\nX-Secret: #"),
        ("\r\nContent-ID: <ada@acme.com>", "\r\nContent-ID: <#>"),
    ],
)
def test_headers_of_a_part_are_searched(head: str, expected: str) -> None:
    assert hashed(body(field("a", "b", head)), FORM) == body(field("a", "b", expected))


def test_the_name_of_a_part_stays_even_if_it_is_a_value() -> None:
    part = field("ada@acme.com", "x")

    assert hashed(body(part), FORM) == body(part)


@pytest.mark.parametrize("name", ["password", "j"])
@pytest.mark.parametrize("encoding", ["base64", "BASE64", "quoted-printable"])
def test_a_transfer_encoding_is_undone_and_done_again(encoding: str, name: str) -> None:
    def encoded(text: str) -> str:
        data = text.encode()
        return (base64.b64encode(data) if encoding.lower() == "base64" else quopri.encodestring(data)).decode()

    more = f"\r\nContent-Transfer-Encoding: {encoding}" + (f"\r\n{JSON}" if name == "j" else "")
    old, new = (
        ("hünter=2", "#") if name == "password" else ('{"password":"hünter=2","a":"ä="}', '{"password":"#","a":"ä="}')
    )

    assert hashed(body(field(name, encoded(old), more)), FORM) == body(field(name, encoded(new), more))


def test_lines_of_base64_stay_as_long() -> None:
    more = "\r\nContent-Transfer-Encoding: base64\r\n" + JSON

    def lines(value: str) -> str:
        return base64.encodebytes(f'{{"a":"{"x" * 99}","password":"{value}"}}'.encode()).decode()

    assert hashed(body(field("a", lines("hunter2x"), more)), FORM) == body(field("a", lines("#"), more))


def test_an_encoding_that_is_none_is_read_as_it_is() -> None:
    more = "\r\nContent-Transfer-Encoding: base64"

    assert hashed(body(field("password", "?a", more)), FORM).count("?a") == 0


@pytest.mark.parametrize("kind", ["application/octet-stream", ""])
def test_a_part_that_is_no_text_is_not_kept_and_counted(kind: str) -> None:
    more = '; filename="a.bin"' + (f"\r\nContent-Type: {kind}" if kind else "")
    found = finder()

    made = found.body(body(field("password", "x"), field("f", "\0\1\2", more)).encode(), (("Content-Type", FORM),))

    assert made.decode() == body(field("password", "#"), field("f", "", more))
    assert found.unlooked == {(kind, Unread.DROPPED): 1}


def test_no_value_is_left_wherever_a_body_is_cut_off() -> None:
    whole = body(field("note", "a"), field("password", "hunter2x"))

    assert all("hu" not in hashed(whole[:end], FORM) for end in range(len(whole)))


@pytest.mark.parametrize(
    "unit",
    [
        "--b1\r\n",
        "--b1--",
        "\r\n--",
        "--",
        "\r\n",
        ": ",
        "a: \r\n ",
        ';name="',
        ';name="\\',
        ";filename=",
        "Content-",
        "'",
        "=",
    ],
)
def test_a_hostile_body_takes_linear_time(unit: str) -> None:
    content = unit * (100_000 // len(unit))

    for text in (f"--b1\r\n{content}", f"--b1\r\nContent-Disposition: form-data; {content}\r\n\r\nx"):
        assert_cheap(partial(finder().body, text.encode(), (("Content-Type", FORM),)), below=2)
    assert_cheap(lambda: multipart.boundary(f"multipart/form-data; {content}", content.encode()), below=1)


def test_bodies_inside_one_another_are_read_up_to_a_depth() -> None:
    deep = "".join(
        f"--{number}\r\nContent-Type: multipart/mixed; boundary={number + 1}\r\n\r\n" for number in range(3000)
    )

    found = hashed(f"{deep}password: hunter2x", "multipart/mixed; boundary=0")

    assert found == f"{deep}password: #"
