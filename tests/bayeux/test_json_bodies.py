"""JSON is found in whatever stands around it, and put back there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.bayeux import json_bodies
from recorder.bayeux.json_bodies import guard_of, load_json, located, with_json
from recorder.bayeux.messages import parse, parse_request
from tests.costs import assert_cheap
from tests.wrappings import CALLS, GUARDS, WRAPPINGS

VALUE = [{"channel": "/a", "id": "1", "data": {"text": "é)]}*/;\U0001f600", "n": [1.5, None, {}]}}]
TEXT = json.dumps(VALUE, ensure_ascii=False).encode()


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_json_is_read_in_every_wrapping(wrapping: str) -> None:
    assert load_json(WRAPPINGS[wrapping](TEXT)) == VALUE


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_an_object_is_read_in_every_wrapping(wrapping: str) -> None:
    assert load_json(WRAPPINGS[wrapping](b'{"a":{}}')) == {"a": {}}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_bayeux_messages_are_read_in_every_wrapping_of_a_request_and_an_answer(wrapping: str) -> None:
    assert parse(WRAPPINGS[wrapping](TEXT)) == VALUE
    assert parse_request("/any", WRAPPINGS[wrapping](TEXT)) == VALUE


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_other_json_takes_the_place_and_all_around_it_stays(wrapping: str) -> None:
    wrap = WRAPPINGS[wrapping]
    tail = b"\n" if wrapping == "UTF-16 and half a character" else b""  # what is no character is left out

    assert with_json(wrap(TEXT), '["ü"]'.encode()) + tail == wrap('["ü"]'.encode())


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("iso-8859-1", "latin-1"),
        ("windows-1251", "windows-1251"),
        ("Shift_JIS", "shift_jis"),
        ('"utf-16"', "utf-16-be"),
        ("utf-16le", "utf-16-le"),
        ("UTF-32", "utf-32-le"),
        ("gb18030", "gb18030"),
    ],
)
def test_the_charset_of_the_media_type_counts(charset: str, codec: str) -> None:
    word = {"windows-1251": "жы", "shift_jis": "ソ表", "gb18030": "中文"}.get(codec, "éü")
    body = json.dumps([{"channel": "/a", "data": word}], ensure_ascii=False).encode(codec)
    headers = (("content-type", f"application/json; Charset={charset}"),)

    assert parse(body, headers) == [{"channel": "/a", "data": word}]
    assert with_json(body, json.dumps([word]).encode(), headers).decode(codec) == json.dumps([word])


def test_utf8_counts_before_a_charset_that_is_declared_by_mistake() -> None:
    assert load_json('["é"]'.encode(), (("Content-Type", "application/json;charset=ISO-8859-1"),)) == ["é"]


@pytest.mark.parametrize(
    "body",
    [
        b"while(1);",
        b"while(1)[1]",
        b"/*[1]",
        b"[1]*/",
        b"cb([1]",
        b"[1])",
        b"cb[1]",
        b"/*[1])",
        b"cb([1]*/",
        b"a b([1])",
        b"<html>[1]</html>",
        b")]}',",
        b"{}&&",
        b"while(1);[1][2]",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xff\xfe[",
        b"\xff[1]",
        b"",
    ],
)
def test_what_only_looks_like_json_is_none(body: bytes) -> None:
    with pytest.raises(ValueError):  # each parser words it in its own way
        load_json(body)


@pytest.mark.parametrize("body", [b"{}", b" {} ", b"[]", b'{"a":1}'])
def test_empty_json_is_no_guard(body: bytes) -> None:
    assert load_json(body) == json.loads(body)
    assert guard_of(body) is None


@pytest.mark.parametrize("before", [b"while(1);" * 40_000, b" " * 400_000, b"{}&&" * 100_000, b"a" * 400_000])
def test_what_stands_before_is_read_in_linear_time(before: bytes) -> None:
    def act() -> None:
        with pytest.raises(ValueError):  # each parser words it in its own way
            load_json(before + b"x\0\\channel")

    assert_cheap(act, below=1)


def test_depth_and_number_are_limited_in_every_wrapping() -> None:
    with pytest.raises(ValueError, match="too deeply"):
        load_json(b"while(1);" + b"[" * 200_000)
    with pytest.raises(ValueError, match="too deeply"):
        load_json(("\ufeff" + "[" * 120 + "]" * 120).encode("utf-16"))


@given(
    st.binary(max_size=80)
    | st.text("[]{}()/*;,&:1 \"'\ufeffwhile", max_size=30).map(lambda text: text.encode("utf-16"))
)
def test_any_body_is_json_or_not(body: bytes) -> None:
    found = located(body)

    assert found is None or json.loads(found.text) == found.value or found.value != found.value  # NaN


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_is_told_from_what_it_guards(name: str) -> None:
    before, after = GUARDS[name]

    assert guard_of(WRAPPINGS[name](TEXT)) == (before.lstrip(), after.rstrip())


@pytest.mark.parametrize("name", [*CALLS, "white space", "UTF-8 with a mark", "UTF-16 big"])
def test_a_call_a_mark_and_white_space_are_no_guard(name: str) -> None:
    assert guard_of(WRAPPINGS[name](TEXT)) is None


def outcome(body: bytes) -> str:
    """Return what a body is read as, with the types of its values and the sign of zeros, or that it is no JSON."""
    try:
        return repr(load_json(body))
    except ValueError:
        return "no JSON"


def by_the_standard_library(body: bytes) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_bodies, "_STRICT", Refusing)
        return outcome(body)


class Refusing:
    """In place of the fast decoder: it refuses everything, so that all is read by the standard library."""

    @staticmethod
    def decode(body: bytes) -> None:
        raise ValueError(body)


NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["1e400", "-0", "-0.0", "2.2250738585072011e-308", "9007199254740993", "18446744073709551616"]),
).map(str)
WORDS = st.one_of(
    st.text().map(json.dumps), st.sampled_from(['"\\ud800"', '"\\ud83d\\ude00"', "null", "true", "false"])
)
NAMES = st.one_of(st.text(max_size=3).map(json.dumps), st.just('"twice"'))
VALUES = st.recursive(
    st.one_of(NUMBERS, WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]"),
        st.lists(st.tuples(NAMES, inner).map(":".join), max_size=4).map(lambda items: f"{{{' ,'.join(items)}}}"),
    ),
    max_leaves=12,
)
BREAKS = st.tuples(st.integers(0, 200), st.binary(max_size=3))


@given(VALUES.map("[{}]".format), st.lists(BREAKS, max_size=2), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_the_fast_decoder_reads_what_the_standard_library_reads(
    text: str, breaks: list[tuple[int, bytes]], codec: str
) -> None:
    body = text.encode(codec, "surrogatepass")
    for place, put in breaks:
        body = body[:place] + put + body[place + 1 :]

    assert outcome(body) == by_the_standard_library(body)


@pytest.mark.parametrize(
    "text",
    [
        "18446744073709551616", "-9223372036854775809", "1" * 5000, "1e400", "-1e400", "1e-400", "-0", "-0.0", "01",
        "0.1000000000000000055511151231257827021181583404541015625", "NaN", "-Infinity", "nul", "1,", "[", "{}]", "1.",
        '"\\ud800"', '"\\ude00\\ud83d"', '"\ud800"', '"\t"', '"\\x"', "1]\0", "\xa01", "\ufeff", "/**/1",
        '{"a":1,"b":2,"a":3}', '{"a":1,}',
    ],
    ids=ascii,
)  # fmt: skip
def test_the_fast_decoder_reads_what_is_hard_as_the_standard_library_reads_it(text: str) -> None:
    body = f"[{text}]".encode("utf-8", "surrogatepass")

    assert outcome(body) == by_the_standard_library(body)


@pytest.mark.parametrize("depth", [99, 100, 101, 500, 2000, 100_000])
def test_the_fast_decoder_is_refused_as_deep_values_are(depth: int) -> None:
    body = b"[" * depth + b"]" * depth

    assert outcome(body) == by_the_standard_library(body)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_a_hundred_levels_are_read_and_no_more(opening: bytes, closing: bytes) -> None:
    inner = b"[]"

    assert load_json(opening * 99 + inner + closing * 99)
    with pytest.raises(ValueError, match="too deeply"):
        load_json(opening * 100 + inner + closing * 100)
