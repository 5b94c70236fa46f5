"""Bodies of any form are read and changed by their leaves."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.drive.engine.texts.leaves import INSIDE, changed_body, of_body
from recorder.drive.engine.texts.spelling import Edit
from recorder.model import Headers
from tests.costs import assert_grows

PARTS = (("Content-Type", "multipart/form-data; boundary=b"),)


def test_texts_inside_texts_are_read_three_levels_deep() -> None:
    body = b'{"a":"b=1&c=%7B%22d%22%3A%22e%3D1%26f%3D%255B1%255D%22%7D"}'

    found = {leaf.address: leaf.text for leaf in of_body(body, ())}

    first = ("member", "a", INSIDE, "form")
    third = (*first, "c", 0, INSIDE, "member", "d", INSIDE, "form")
    assert found == {(*first, "b", 0): "1", (*third, "e", 0): "1", (*third, "f", 0): "[1]"}


def test_a_number_keeps_its_spelling() -> None:
    texts = [leaf.text for leaf in of_body(b'{"a":1.50,"b":-0,"c":0,"d":1e3,"e":12345678901234567890}', ())]

    assert texts == ["1.50", "-0", "0", "1e3", "12345678901234567890"]


def test_lines_that_are_no_json_are_one_text() -> None:
    body = b"[INFO] 007\n[007]\n"

    assert [leaf.text for leaf in of_body(body, ())] == [body.decode()]


def test_lines_of_json_sequences_are_numbered() -> None:
    body = b'\x1e{"a":1}\n\n\x1e{"a":2}\r\n'

    assert {leaf.address: leaf.text for leaf in of_body(body, ())} == {("member", 0, "a"): "1", ("member", 1, "a"): "2"}


def test_a_part_in_a_transfer_encoding_is_changed_inside() -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    body = head + b"MTAwMQ==\r\n--b--\r\n"

    made = changed_body(body, PARTS, {("form", "a", 0): [Edit(0, 4, "2002")]})

    assert made == head + b"MjAwMg==\r\n--b--\r\n"


def test_half_a_character_at_the_end_stays() -> None:
    body = '{"a":"1"} '.encode("utf-16-le") + b"\x20"

    assert changed_body(body, (), {("member", "a"): [Edit(0, 1, "2")]}) == body.replace(b"1", b"2")


@pytest.mark.parametrize(
    "place", [("member", "b"), ("member", "a", INSIDE, "member", "x"), ("form", "a", 0), ("body",)]
)
def test_an_edit_of_a_leaf_that_is_not_there_changes_nothing(place: tuple[str | int, ...]) -> None:
    edits = {place: [Edit(0, 1, "2")]}

    assert changed_body(b'{"a":"1"}', (), edits) == b'{"a":"1"}'
    assert changed_body(b"\x00\x01", (), edits) == b"\x00\x01"
    assert changed_body(b"", (), edits) == b""


@given(st.binary(max_size=60), st.sampled_from([(), PARTS, (("Content-Type", "text/xml; charset=utf-16"),)]))
def test_any_body_is_read(body: bytes, headers: Headers) -> None:
    leaves = list(of_body(body, headers))

    edits = {leaf.address: [Edit(0, len(leaf.text), leaf.text)] for leaf in leaves}
    again = {leaf.address: leaf.text for leaf in of_body(changed_body(body, headers, edits), headers)}
    assert again == {leaf.address: leaf.text for leaf in leaves}


@pytest.mark.parametrize(
    "unit", [b'<a "', b"<a b='", b"<![CDATA[", b"<!--", b"[", b'{"', b"a=&", b"a=%C3", b'{"a":1}\n', b'"\\', b"&amp"]
)
def test_reading_takes_time_in_proportion(unit: bytes) -> None:
    def read(body: bytes) -> None:
        list(of_body(body, ()))

    begin = b"<x/></x>" if unit[:1] in b"<&" else b""
    small, large = begin + unit * 2_000, begin + unit * 16_000

    assert_grows(partial(read, small), partial(read, large), at_most=40)
