"""Rows of fixed width come out as they went in, in the order by which they are found."""

from __future__ import annotations

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
    path_digest,
    summary_in,
)

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
