"""Rows of fixed width come out as they went in, in the order by which they are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.model import Anchor, AnchorKind
from recorder.requests.index.rows import (
    EVENT,
    REQUESTS,
    SUMMARY,
    WIDTH,
    AnchorRow,
    MemoryTable,
    RequestRow,
    after_place,
    chunks,
    followed_in,
    path_digest,
    summary_in,
)

KIND = 21  # byte of a row of an anchor: the kind of what it follows
NUMBERS = st.integers(0, 2**32 - 1)
SMALL = st.integers(0, 2**16 - 1)
KEYS = st.binary(min_size=16, max_size=16)
ROWS = st.builds(RequestRow, KEYS, NUMBERS, NUMBERS, KEYS, NUMBERS, SMALL, SMALL, st.binary(min_size=8, max_size=8))
TIMES = st.integers(-(2**60), 2**60)
ANCHORS = st.builds(
    Anchor,
    st.sampled_from(AnchorKind),
    st.tuples(TIMES, NUMBERS),
    TIMES,
    st.just("/a"),
    NUMBERS,
    SMALL,
    st.none() | st.integers(0, 2**31),
    st.booleans(),
    st.sampled_from([(), ("id-1", "id-2")]),
    st.sampled_from([1.0, 0.9, 0.7]),
)


@given(st.lists(ROWS))
def test_rows_of_requests_are_sorted_as_their_values_are(rows: list[RequestRow]) -> None:
    packed = sorted(row.packed() for row in rows)

    assert [RequestRow.of(row) for row in packed] == sorted(rows)


@given(ANCHORS, st.booleans(), st.booleans())
def test_an_anchor_comes_out_as_it_went_in(anchor: Anchor, copy: bool, ignored: bool) -> None:  # drawn
    row = AnchorRow(after_place(3), EVENT, 7, anchor, copy, ignored)

    assert AnchorRow.of(row.packed(1), ["", "/a"], {"7": anchor.repeats}) == row


@given(st.lists(ROWS, max_size=20), ROWS)
def test_a_table_in_memory_finds_rows_by_their_begin(rows: list[RequestRow], other: RequestRow) -> None:
    packed = sorted(row.packed() for row in (*rows, other))
    table = MemoryTable(WIDTH[REQUESTS], packed)

    assert list(table.starting(other.key)) == [row for row in packed if row.startswith(other.key)]
    assert list(table.starting(b"")) == packed
    assert table.read(0, len(table)) == b"".join(packed)


@given(st.dictionaries(st.text(), st.lists(st.text())))
def test_a_summary_of_any_length_comes_out_as_it_went_in(summary: dict[str, list[str]]) -> None:
    assert summary_in(MemoryTable(WIDTH[SUMMARY], chunks(summary))) == summary


def test_a_path_is_told_from_others_but_for_the_segments_of_a_mask() -> None:
    mask = (("path", 2), ("member", "a"))

    assert path_digest("/notes/one/lines", mask) == path_digest("/notes/two/lines", mask)
    assert path_digest("/notes/one/lines", mask) != path_digest("/notes/one/other", mask)
    assert path_digest("/notes/one") != path_digest("/notes/two")


@given(st.lists(ANCHORS, max_size=5), st.integers(0, 255))
def test_what_follows_operations_is_told_whatever_kind_another_row_names(anchors: list[Anchor], kind: int) -> None:
    rows = [AnchorRow(after_place(3), EVENT, at, anchor).packed(1) for at, anchor in enumerate(anchors)]
    other = bytearray(AnchorRow(after_place(3), EVENT, 9, Anchor(AnchorKind.START, (0, 0), 0)).packed(0))
    other[KIND] = kind
    expected = [(EVENT, at, one.number) for at, one in enumerate(anchors) if one.kind is AnchorKind.OPERATION]

    found = list(followed_in(b"".join([*rows, bytes(other)])))

    assert [one for one in found if one[1] != 9] == expected


@pytest.mark.parametrize("text", [b"{", b"\xff", b"[1]", b'{"a":1}}'])
def test_a_damaged_summary_is_an_empty_one(text: bytes) -> None:
    assert summary_in(MemoryTable(WIDTH[SUMMARY], [text.ljust(WIDTH[SUMMARY])])) == {}
