from __future__ import annotations

import tracemalloc
from dataclasses import fields, replace
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette import codec
from recorder.cassette.codec import (
    decode,
    decode_header,
    decode_row,
    encode,
    encode_header,
    encode_row,
    encode_value,
    reframe,
)
from recorder.cassette.frames import Frame, frame, unframe
from recorder.cassette.packing import MAX_HEADERS
from recorder.errors import CassetteError
from recorder.model import MAX_TEXT, Header, Part, Record, Request, Response, Row, RowEvent
from tests.cassette.records import ANY_TEXT, HEADER, NUMBERS, ONE_OF_EACH, RECORDS, WIRE_TEXT


def test_what_cannot_be_packed_leaves_nothing_behind() -> None:
    before = encode_value(codec.UNSOLICITED, [1, "a"])

    assert b"\xed" in encode_value(codec.UNSOLICITED, ["of a surrogate \ud800"])
    with pytest.raises(OverflowError):
        encode_value(codec.UNSOLICITED, ["long", 1 << 70])
    assert len(encode_value(codec.UNSOLICITED, ["x" * (2 << 20)])) > 2 << 20
    assert encode_value(codec.UNSOLICITED, [1, "a"]) == before


REQUEST = {"n": 0, "t": 1, "x": 2, "c": "conn", "m": "POST", "u": "/a", "h": [["Accept", "*/*"]], "b": "{}"}

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(0, 9), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.one_of(
    VALUES,
    st.fixed_dictionaries({}, optional={key: VALUES | st.just(value) for key, value in REQUEST.items()}),
)


def only(data: bytes) -> Frame:
    (found,) = unframe(data)
    return found


def framed(body: Any, kind: int = 2, offset: int = 0) -> Frame:
    return replace(only(frame(kind, msgpack.packb(body))), offset=offset)


def decoded(body: Any, kind: int = 2) -> Record | None:
    return decode(framed(body, kind), path="s.cassette")


# Records


@pytest.mark.parametrize("record", ONE_OF_EACH)
def test_a_record_of_each_kind_comes_back(record: Record) -> None:
    assert decode(only(encode(record)), path="s.cassette") == record


@given(RECORDS)
def test_any_record_comes_back(record: Record) -> None:
    assert decode(only(encode(record)), path="s.cassette") == record


@given(RECORDS)
def test_what_was_encoded_is_msgpack_that_any_strict_reader_takes(record: Record) -> None:
    (kind, length, body, _) = msgpack.unpackb(encode(record), raw=False, strict_map_key=True)

    assert kind in codec.FACTS
    assert length > 0
    assert body["n"] == record.seq


def test_a_record_is_encoded_the_same_each_time() -> None:
    assert [encode(record) for record in ONE_OF_EACH] == [encode(replace(record)) for record in ONE_OF_EACH]


@pytest.mark.parametrize("body", [b"", b"{}", "é😀".encode(), b"\x00", b'{"big":123456789012345678901234567890}'])
def test_text_is_kept_as_text(body: bytes) -> None:
    stored = msgpack.unpackb(only(encode(replace(ONE_OF_EACH[0], body=body))).body)

    assert stored["b"] == body.decode()


@pytest.mark.parametrize("body", [b"\xff", b"\xed\xa0\x80", b"\xc3", b"gzip\x1f\x8b"])
def test_what_is_no_text_is_kept_as_bytes(body: bytes) -> None:
    stored = msgpack.unpackb(only(encode(replace(ONE_OF_EACH[0], body=body))).body)

    assert stored["b"] == body


@given(WIRE_TEXT)
def test_any_target_of_the_wire_comes_back(target: str) -> None:
    found = decode(only(encode(replace(ONE_OF_EACH[0], target=target))), path="s.cassette")

    assert isinstance(found, Request)
    assert found.target == target


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
def test_a_number_over_64_bits_is_refused_and_not_written_wrong(number: int) -> None:
    with pytest.raises(OverflowError):
        encode(replace(ONE_OF_EACH[0], t=number))


def test_more_headers_than_a_reader_takes_are_not_written() -> None:
    most = (("a", ""),) * MAX_HEADERS
    fitting, more = replace(ONE_OF_EACH[1], headers=most), replace(ONE_OF_EACH[1], headers=(*most, ("a", "")))

    assert decode(only(encode(fitting)), path="s.cassette") == fitting
    with pytest.raises(ValueError, match="at most 4096 headers, this record has 4097"):
        encode(more)


# What other programs may have written


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", None),
        ("n", True),
        ("n", "0"),
        ("n", 1.0),
        ("t", None),
        ("x", -1.5),
        ("c", 7),
        ("m", ["POST"]),
        ("u", None),
        ("u", b"\xff"),
        ("h", {}),
        ("h", ["Accept"]),
        ("h", [["Accept"]]),
        ("h", [["Accept", "*/*", ""]]),
        ("h", [["Accept", None]]),
        ("h", [["Accept", b"\xff"]]),
        ("b", None),
        ("b", 17),
        ("b", {}),
    ],
)
def test_a_field_that_is_not_what_the_format_says_is_refused_with_its_place(field: str, value: Any) -> None:
    with pytest.raises(CassetteError, match=rf"^s\.cassette, byte 40: field '{field}' .*written by another program"):
        decode(framed(REQUEST | {field: value}, offset=40), path="s.cassette")


@pytest.mark.parametrize("field", REQUEST)
def test_a_field_that_is_missing_is_refused(field: str) -> None:
    with pytest.raises(CassetteError, match=f"field '{field}' is"):
        decoded({key: value for key, value in REQUEST.items() if key != field})


def test_a_field_that_is_not_known_is_skipped() -> None:
    assert decoded(REQUEST | {"zz": [1, {"later": None}]}) == decoded(REQUEST)


@pytest.mark.parametrize("body", [None, 7, "text", [], [REQUEST]])
def test_a_body_that_is_no_map_is_refused(body: Any) -> None:
    with pytest.raises(CassetteError, match="the body is no map"):
        decoded(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x81",
        b"\x80\x80",
        b"\x81\xa1n",
        b"\xa2\xff\xff",
        b"\x81\x01\x02",
        b"\x81\xc0\x02",
        b"\xd6\xff\x00\x00\x00\x00",
        b"\x81\xa1n\xc7\x01\x05\x00",
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 100_000,
    ],
)
def test_a_body_that_is_no_msgpack_of_ours_is_refused(body: bytes) -> None:
    with pytest.raises(CassetteError, match=r"^s\.cassette, byte 0: the frame's body is no msgpack"):
        decode(only(frame(2, body)), path="s.cassette")


@pytest.mark.parametrize("claim", [b"\xdd\x00\x01\x00\x00", b"\xdc\x10\x01", b"\xdc\xff\xff", b"\xdf\x00\x00\x00\x41"])
def test_claims_within_claims_cost_little_memory(claim: bytes) -> None:
    found = only(frame(2, claim * 1000))
    tracemalloc.start()
    try:
        with pytest.raises(CassetteError):
            decode(found, path="s.cassette")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 50_000_000


@given(BODIES, st.integers(0, 0x7F))
def test_any_body_gives_a_record_or_our_error(body: Any, kind: int) -> None:
    try:
        found = decoded(body, kind)
    except CassetteError:
        return
    assert found is None or decode(only(encode(found)), path="s.cassette") == found


@given(st.binary(), st.integers(2, 6))
def test_any_bytes_in_a_frame_give_a_record_or_our_error(body: bytes, kind: int) -> None:
    with pytest.raises(CassetteError):
        decode(only(frame(kind, body)), path="s.cassette")


# Types that came later


@pytest.mark.parametrize("kind", [0x00, 0x01, 0x08, 0x20, 0x3E])
def test_an_unknown_type_that_matters_is_refused(kind: int) -> None:
    with pytest.raises(CassetteError, match=f"frame type {kind} is unknown .*upgrade"):
        decoded(REQUEST, kind)


@pytest.mark.parametrize("kind", [0x50, 0x7F])
def test_an_unknown_type_that_does_not_matter_is_skipped_unread(kind: int) -> None:
    assert decode(only(frame(kind, b"\xc1")), path="s.cassette") is None


# The header


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(CassetteError, match="unknown profile 'weird'"):
        decode_header(only(encode_header(replace(HEADER, profile="weird"))), path="s.cassette")


@given(
    st.builds(
        Header, NUMBERS, ANY_TEXT, ANY_TEXT, ANY_TEXT, st.just(2), st.sampled_from(codec.PROFILES), ANY_TEXT, ANY_TEXT
    )
)
def test_any_header_comes_back(header: Header) -> None:
    assert decode_header(only(encode_header(header)), path="s.cassette") == header


def test_a_header_of_format_1_is_written_as_it_was() -> None:
    old = replace(HEADER, format=1)

    assert encode_header(old)[7:18] == b"\x86\xa8cassette\x01"
    assert decode_header(only(encode_header(old)), path="s.cassette") == old


@pytest.mark.parametrize("field", ["dialect_text", "policy_text"])
def test_a_text_that_is_too_long_is_neither_written_nor_read(field: str) -> None:
    fits, longer = "é" * (MAX_TEXT // 2), "é" * (MAX_TEXT // 2) + "!"
    body = {"cassette": 2, "dialect": "", "profile": "journal", "redaction": "", "started": 0, "upstream": ""}
    texts = {"dialect_text": "", "policy_text": ""}

    assert decode_header(only(encode_header(replace(HEADER, **{field: fits}))), path="s.cassette")
    with pytest.raises(ValueError, match="at most 131072 bytes"):
        encode_header(replace(HEADER, **{field: longer}))
    with pytest.raises(CassetteError, match=f"{field}.*131072") as caught:
        decode_header(framed(body | texts | {field: longer}, 1), path="s.cassette")
    assert caught.value.offset is None


@pytest.mark.parametrize(
    "value",
    [None, 1, [], [1], ["a", None], {"a": "b"}, [["a"]]],
    ids=["nil", "int", "none", "ints", "nil in it", "map", "nested"],
)
def test_a_key_that_is_neither_text_nor_texts_is_refused(value: object) -> None:
    body: dict[str, object] = {
        "ack": None,
        "ev": [],
        "fail": None,
        "keys": {"id": value},
        "n": 1,
        "op": None,
        "req": 0,
        "s": None,
        "st": "",
    }

    with pytest.raises(CassetteError, match="keys of a triple"):
        codec.decode_row(framed(body, codec.TRIPLE), path="s.cassette")


@given(st.dictionaries(st.text(), ANY_TEXT | st.lists(ANY_TEXT, min_size=2).map(tuple)))
def test_any_keys_come_back(keys: dict[str, str | tuple[str, ...]]) -> None:
    row = Row(1, "X", keys, None, "acked", 0, None, None, ())

    assert codec.decode_row(only(codec.encode_row(row)), path="s.cassette") == row


def test_the_first_bytes_of_a_file_tell_what_it_is() -> None:
    start = encode_header(HEADER)

    assert start[:3] == b"\x94\x01\xce"
    assert start[7:18] == b"\x88\xa8cassette\x02"


def test_a_newer_format_is_refused_with_what_to_do() -> None:
    newer = encode_header(replace(HEADER, format=3))

    with pytest.raises(CassetteError, match=r"written in format 3, this version reads up to 2 \(upgrade"):
        decode_header(only(newer), path="s.cassette")


def test_a_newer_format_is_recognised_whatever_else_its_header_holds() -> None:
    with pytest.raises(CassetteError, match="written in format 9"):
        decode_header(framed({"cassette": 9, "what": "ever"}, 1), path="s.cassette")


@pytest.mark.parametrize(
    "header",
    [HEADER, replace(HEADER, fitted="gws-outbound"), replace(HEADER, part=Part("5d41", 2, 7, 3))],
)
def test_a_header_comes_back(header: Header) -> None:
    assert decode_header(only(encode_header(header)), path="s.cassette") == header


@pytest.mark.parametrize("version", [0, -1])
def test_a_format_that_never_was_is_refused(version: int) -> None:
    with pytest.raises(CassetteError, match=f"format {version}"):
        decode_header(only(encode_header(replace(HEADER, format=version))), path="s.cassette")


@pytest.mark.parametrize(
    "part",
    [{}, {"number": 0}, {"after": -1}, {"repeated": "3"}, {"capture": None}, {"more": 1}],
)
def test_a_part_that_is_none_is_left_out(part: dict[str, object]) -> None:
    """It only says which files belong together, so a header that says nonsense is read like one that says nothing."""
    whole = {"after": 7, "capture": "5d41", "number": 2, "repeated": 3}
    body = msgpack.unpackb(only(encode_header(HEADER)).body) | {"part": whole | part if part else {}}
    expected = Part("5d41", 2, 7, 3) if "more" in part else None

    assert decode_header(only(frame(0x01, msgpack.packb(body))), path="s.cassette").part == expected


def test_a_record_is_no_header() -> None:
    with pytest.raises(CassetteError, match=r"not a cassette .*its first frame is no header"):
        decode_header(only(encode(ONE_OF_EACH[0])), path="s.cassette")


@pytest.mark.parametrize(
    "missing",
    ["cassette", *(one.name for one in fields(Header) if one.name not in ("format", "file", "fitted", "part"))],
)
def test_a_header_without_one_of_its_fields_is_refused(missing: str) -> None:
    body = msgpack.unpackb(only(encode_header(HEADER)).body)
    del body[missing]

    with pytest.raises(CassetteError, match=f"field '{missing}' is missing"):
        decode_header(framed(body, 1), path="s.cassette")


def test_a_response_does_not_pass_for_a_request() -> None:
    stored = encode(Response(0, 0, 0, 200, (), b""))

    with pytest.raises(CassetteError, match="field 'c' is missing"):
        decode(replace(only(stored), kind=2), path="s.cassette")


# Derived triples

EVENT = RowEvent(5, 0, "/v2/me/outbound", "PreviewRecord", "referenceId", 1000, "it names r1", (1, 2))
ROW = Row(3, "GetPreviewRecord", {"handle": "7", "application": "134"}, "s1", "complete", 4, 6, None, (EVENT,))
TEXT = st.text()
ROWS = st.builds(
    Row,
    st.integers(0, codec.MAX_TRIPLES - 1),
    TEXT | st.none(),
    st.dictionaries(TEXT, TEXT, max_size=4),
    TEXT | st.none(),
    TEXT,
    NUMBERS,
    NUMBERS | st.none(),
    NUMBERS | st.none(),
    st.lists(
        st.builds(RowEvent, NUMBERS, NUMBERS, TEXT, TEXT, TEXT, NUMBERS, TEXT, st.lists(NUMBERS).map(tuple)), max_size=3
    ).map(tuple),
)


@given(ROWS)
def test_any_triple_comes_back(row: Row) -> None:
    assert decode_row(only(encode_row(row)), path="s.cassette") == row


def test_a_triple_is_encoded_the_same_whatever_the_order_of_its_keys() -> None:
    turned = replace(ROW, keys={"application": "134", "handle": "7"})

    assert encode_row(ROW) == encode_row(turned)


def test_an_exchange_that_is_no_operation_has_a_type_of_its_own() -> None:
    assert only(encode_row(ROW)).kind != only(encode_row(replace(ROW, n=0))).kind


def test_a_triple_is_no_record() -> None:
    assert decode(only(encode_row(ROW)), path="s.cassette") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ev", None),
        ("ev", [[]]),
        ("ev", [7]),
        ("ev", [[5, 0, "/a", "n", "r", 1.0, "w", []]]),
        ("keys", {"handle": 7}),
        ("keys", []),
        ("n", None),
        ("op", 7),
        ("st", None),
        ("req", None),
        ("ack", "6"),
    ],
)
def test_a_triple_that_is_not_what_the_format_says_is_refused(field: str, value: Any) -> None:
    body = msgpack.unpackb(only(encode_row(ROW)).body) | {field: value}

    with pytest.raises(CassetteError, match=r"s\.cassette"):
        decode_row(framed(body, 0x10), path="s.cassette")


def test_a_record_is_no_triple() -> None:
    with pytest.raises(CassetteError):
        decode_row(only(encode(ONE_OF_EACH[0])), path="s.cassette")


@given(VALUES)
def test_any_body_gives_a_triple_or_our_error(body: Any) -> None:
    with pytest.raises(CassetteError):
        decode_row(framed(body, 0x10), path="s.cassette")


@given(VALUES, st.integers(0, 0x7F))
def test_a_frame_of_any_value_can_be_written_again(value: Any, kind: int) -> None:
    written = encode_value(kind, value)

    assert reframe(only(written)) == written


def test_a_summary_may_name_many_sessions() -> None:
    sessions = {f"s{n}": [n, n] for n in range(1000)}

    (found,) = unframe(codec.encode_value(codec.SUMMARY, {"sessions": sessions}))

    assert codec.decode_value(found, path="p") == {"sessions": sessions}


def test_a_triple_of_more_events_than_a_reader_may_take_is_not_written() -> None:
    most = (600_000 - 100) // 11
    assert (
        len(decode_row(only(encode_row(replace(ROW, events=(replace(EVENT, rivals=()),) * most))), path="").events)
        == most
    )

    with pytest.raises(CassetteError, match=r"triple 3 \(record \d+\) has 54537 events, more than a sealed"):
        encode_row(replace(ROW, events=(replace(EVENT, rivals=()),) * (most + 1)))
