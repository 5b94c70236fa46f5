from __future__ import annotations

import os
import time
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.frames import Frame, frame
from recorder.cassette.repair.salvage import Damage, FileBytes, intact, salvage
from recorder.errors import CassetteError

GOOD = [frame(kind, bytes([kind]) * kind * 10) for kind in (1, 2, 3)]
WHOLE = b"".join(GOOD)
SECOND, THIRD = len(GOOD[0]), len(GOOD[0]) + len(GOOD[1])


def found(data: bytes) -> list[tuple[str, int]]:
    return [(type(piece).__name__, piece.offset) for piece in salvage(data)]


def test_a_sound_file_is_its_frames() -> None:
    assert list(salvage(WHOLE)) == [
        Frame(0, 1, b"\x01" * 10), Frame(SECOND, 2, b"\x02" * 20), Frame(THIRD, 3, b"\x03" * 30),
    ]  # fmt: skip


def test_nothing_holds_nothing() -> None:
    assert list(salvage(b"")) == []


@pytest.mark.parametrize("place", range(SECOND, THIRD))
@pytest.mark.parametrize("flip", [1, 0x80, 0xFF])
def test_a_damaged_frame_costs_that_frame_alone(place: int, flip: int) -> None:
    data = bytearray(WHOLE)
    data[place] ^= flip

    assert list(salvage(bytes(data)))[1] == Damage(SECOND, THIRD - SECOND)
    assert found(bytes(data)) == [("Frame", 0), ("Damage", SECOND), ("Frame", THIRD)]


@pytest.mark.parametrize("cut", range(THIRD + 1, len(WHOLE)))
def test_a_torn_tail_is_damage_up_to_the_end(cut: int) -> None:
    assert list(salvage(WHOLE[:cut]))[2:] == [Damage(THIRD, cut - THIRD)]


@pytest.mark.parametrize("lost", range(1, THIRD - SECOND))
def test_bytes_that_are_missing_cost_the_frame_they_are_missing_in(lost: int) -> None:
    assert found(WHOLE[:SECOND] + WHOLE[SECOND + lost :])[-1] == ("Frame", THIRD - lost)


def test_frames_in_a_damaged_frame_are_not_taken_for_frames_of_the_file() -> None:
    outer = bytearray(frame(5, frame(6, b"inner") * 3))
    outer[-1] ^= 1

    assert found(GOOD[0] + bytes(outer) + GOOD[1]) == [
        ("Frame", 0), ("Damage", SECOND), ("Frame", SECOND + len(outer)),
    ]  # fmt: skip


@given(
    st.lists(
        st.binary(max_size=9)
        | st.sampled_from([*GOOD, b"\x94\x02\xce", b"\x94\x02\xce\0\0\0\x00", b"\x94\x02\xce\0\0\0\xff", b"\x94"])
    ).map(b"".join)
)
def test_the_pieces_of_any_bytes_cover_them_and_every_frame_is_intact(data: bytes) -> None:
    offset = 0
    for piece in salvage(data):
        assert piece.offset == offset
        size = piece.size if isinstance(piece, Damage) else len(frame(piece.kind, piece.body))
        assert isinstance(piece, Damage) or data[offset : offset + size] == frame(piece.kind, piece.body)
        offset += size
    assert offset == len(data)


@pytest.mark.parametrize("declared", [0, 1, 0xFF, 0xFFFF, 0x0FFFFF])
def test_a_file_made_to_be_slow_is_given_up_and_not_waited_for(declared: int) -> None:
    data = (b"\x94\x02\xce" + declared.to_bytes(4, "big")) * 60_000
    start = time.monotonic()
    try:
        pieces = list(salvage(data))
    except CassetteError as exc:
        assert "is too damaged to be searched" in str(exc)  # noqa: PT017  # one of two outcomes
    else:
        assert pieces == [Damage(0, len(data))]
    assert time.monotonic() - start < 20


def test_intact_frames_behind_what_was_given_up_are_not_kept_back_in_silence() -> None:
    # each looks like a frame of half the file, and is none
    data = (b"\x94\x02\xce" + (2 << 20).to_bytes(4, "big")) * 600_000 + GOOD[0]

    with pytest.raises(CassetteError, match="is too damaged to be searched"):
        list(salvage(data))


@pytest.mark.parametrize("offset", [-1, 1, len(WHOLE) - 1, len(WHOLE), 10**9])
def test_where_no_frame_begins_none_is_intact(offset: int) -> None:
    assert intact(WHOLE, offset % (1 << 40) if offset < 0 else offset) is None


def test_a_file_is_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_bytes(WHOLE)

    with FileBytes(path) as data:
        assert [piece.offset for piece in salvage(data)] == [0, SECOND, THIRD]


def test_what_was_searched_leaves_the_memory_and_nothing_is_lost(tmp_path: Path) -> None:
    data = b"".join(frame(2, bytes([n]) * 9_000) for n in range(20))
    path = tmp_path / "s"
    path.write_bytes(data[:30_000] + b"damage" + data[30_001:])

    with patch("recorder.cassette.repair.salvage._WINDOW", 64), FileBytes(path) as data_there:
        assert list(salvage(data_there)) == list(salvage(path.read_bytes()))


def test_a_file_that_becomes_shorter_while_it_is_searched_ends_in_an_error(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_bytes(b"".join(frame(2, bytes([n]) * 9_000) for n in range(200)))

    with FileBytes(path) as data:
        pieces = salvage(data)
        assert next(pieces).offset == 0
        os.truncate(path, 1_500_000)
        with pytest.raises(CassetteError, match="byte 1500000: became shorter while it was read"):
            list(pieces)


@pytest.mark.parametrize("window", [16, 64, 1000])
def test_a_frame_is_found_across_the_edge_of_what_is_in_memory(window: int, tmp_path: Path) -> None:
    path = tmp_path / "s"
    for before in range(1, 40):
        path.write_bytes(b"?" * before + GOOD[0] + b"??" + GOOD[1])
        with patch("recorder.cassette.repair.salvage._WINDOW", window), FileBytes(path) as data:
            assert [type(piece).__name__ for piece in salvage(data)] == ["Damage", "Frame", "Damage", "Frame"]
