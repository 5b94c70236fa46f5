from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.formats.streamed import EVENTS, Units, streamed_media, units_of
from recorder.model import Headers

LINES, SEQUENCE = "application/x-ndjson", "application/json-seq"
EVENT_TEXT = st.text("ad:\r\n é", max_size=20).map(str.encode)


def fed(media: str, *pieces: bytes) -> list[list[bytes]]:
    units = Units(media)
    return [units.feed(piece) for piece in pieces]


@pytest.mark.parametrize(
    ("headers", "media"),
    [
        ((("content-TYPE", "Text/Event-Stream; charset=utf-8"),), EVENTS),
        ((("Content-Type", "application/x-ndjson"),), LINES),
        ((("Content-Type", "application/json"),), None),
        ((("Accept", EVENTS),), None),
    ],
)
def test_a_streamed_body_is_told_by_its_media_type(headers: Headers, media: str | None) -> None:
    assert streamed_media(headers) == media


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\r\n\n", b"\n\r\n"])
def test_an_event_ends_at_its_blank_line_however_lines_end(end: bytes) -> None:
    one, two = b"data: 1" + end, b"data: 2" + end

    assert fed(EVENTS, one + two) == [[one, two]]


def test_an_event_waits_for_its_end() -> None:
    assert fed(EVENTS, b"data: 1\r", b"\n", b"\r\nda", b"ta: 2\n", b"\n") == [
        [], [], [b"data: 1\r\n\r\n"], [], [b"data: 2\n\n"]
    ]  # fmt: skip


def test_a_comment_before_an_event_does_not_wait() -> None:
    assert fed(EVENTS, b":\n", b": pi", b"ng\r\n", b"id: 1\n: inside\n", b"data: 1\n\n") == [
        [b":\n"], [], [b": ping\r\n"], [], [b"id: 1\n: inside\ndata: 1\n\n"]
    ]  # fmt: skip


def test_lines_end_at_line_feeds() -> None:
    assert fed(LINES, b'{"a":1}\n{"a"', b":2}\r\n") == [[b'{"a":1}\n'], [b'{"a":2}\r\n']]


def test_a_text_of_a_sequence_may_have_several_lines() -> None:
    assert fed(SEQUENCE, b'\x1e{"a":\n', b"1}\n", b"\x1e12", b"\x1e3\n") == [
        [], [b'\x1e{"a":\n1}\n'], [], [b"\x1e12", b"\x1e3\n"]
    ]  # fmt: skip


@given(st.lists(EVENT_TEXT, max_size=8), st.sampled_from([EVENTS, LINES, SEQUENCE]))
def test_no_byte_is_lost_or_moved(pieces: list[bytes], media: str) -> None:
    units = Units(media)

    found = [unit for piece in pieces for unit in units.feed(piece)]

    assert b"".join(found) + units.rest() == b"".join(pieces)
    assert units.lost == 0


@given(st.lists(st.sampled_from([b"data: 1", b"id: \xc3\xa9", b": c", b""]), max_size=9), st.data())
def test_events_are_the_same_however_the_body_was_cut(lines: list[bytes], data: st.DataObject) -> None:
    body = b"".join(line + data.draw(st.sampled_from([b"\n", b"\r\n"])) for line in lines)
    cut = data.draw(st.integers(0, len(body)))

    assert [
        unit.strip(b"\r\n") for found in fed(EVENTS, body[:cut], body[cut:]) for unit in found if unit.strip(b"\r\n:")
    ] == [unit.strip(b"\r\n") for found in fed(EVENTS, body) for unit in found if unit.strip(b"\r\n:")]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_without_an_end_is_not_kept_and_the_next_one_is(size: int) -> None:
    body = b"data: " + b"x" * 100 + b"\n\ndata: 2\n\n"
    units = Units(EVENTS, 50)

    found = [unit for at in range(0, len(body), size) for unit in units.feed(body[at : at + size])]

    whole = [b"data: " + b"x" * 100 + b"\n\n"] if size == 1000 else []
    assert found == [*whole, b"data: 2\n\n"]
    assert units.lost == (0 if whole else 108)


def test_what_is_left_of_an_event_without_an_end_is_counted() -> None:
    units = Units(EVENTS, 50)

    units.feed(bytes(60))

    assert (units.rest(), units.lost) == (b"", 60)


def test_a_whole_body_ends_with_its_rest() -> None:
    assert units_of(b'{"a":1}\n{"a":', LINES) == [b'{"a":1}\n', b'{"a":']


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text()), max_size=5), st.integers(1, 9))
def test_texts_of_a_sequence_come_back(values: list[dict[str, object]], size: int) -> None:
    texts = [b"\x1e" + json.dumps(value, indent=1).encode() + b"\n" for value in values]
    body, units = b"".join(texts), Units(SEQUENCE)

    found = [unit for at in range(0, len(body), size) for unit in units.feed(body[at : at + size])]

    assert found == texts
