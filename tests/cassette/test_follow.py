"""A journal is read while it grows: each record once, when it is whole."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.journal import Following, create, is_written
from recorder.cassette.reader import read
from recorder.errors import CassetteError, UsageError
from recorder.model import Note, Record
from tests.wire import HEADER

RECORDS: list[Record] = [Note(seq, seq, "mark", "x" * seq) for seq in range(5)]
DATA = encode_header(HEADER) + b"".join(map(encode, RECORDS))


@given(st.lists(st.integers(0, len(DATA))))
def test_wherever_it_is_looked_at_each_record_comes_once_and_in_order(cuts: list[int]) -> None:
    file = BytesIO()
    following = Following(file, "s")
    found: list[Record] = []
    for cut in [*sorted(cuts), len(DATA)]:
        file.seek(0)
        file.write(DATA[:cut])
        found += following.new()

    assert (found, following.header) == (RECORDS, HEADER)
    assert list(following.new()) == []


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"hello, this is no cassette", "not a cassette"),
        (encode_header(HEADER) + b"x" * 30, "not the start of a frame"),
        (encode_header(HEADER) + encode(RECORDS[1]), "record 0 is missing"),
    ],
)
def test_what_is_damaged_is_told(data: bytes, problem: str) -> None:
    with pytest.raises(CassetteError, match=problem):
        list(Following(BytesIO(data), "s").new())


def test_a_file_that_was_cut_is_told() -> None:
    file = BytesIO(DATA)
    following = Following(file, "s")
    list(following.new())
    file.truncate(10)

    with pytest.raises(CassetteError, match="became shorter"):
        list(following.new())


def test_a_sealed_cassette_is_refused() -> None:
    sealed = Path(__file__).parents[1] / "vectors" / "v1" / "sealed.cassette"

    with sealed.open("rb") as file, pytest.raises(UsageError, match="is sealed"):
        list(Following(file, "s").new())


def test_what_a_newer_recorder_added_is_passed_over() -> None:
    ancillary = Path(__file__).parents[1] / "vectors" / "v1" / "ancillary.cassette"

    with ancillary.open("rb") as file:
        assert tuple(Following(file, "s").new()) == read(ancillary).records


def test_whether_somebody_writes_a_journal(tmp_path: Path) -> None:
    journal = create(tmp_path / "s", HEADER)
    with (tmp_path / "s").open("rb") as file:
        while_open = is_written(file)
        journal.close()

        assert (while_open, is_written(file)) == (True, False)
