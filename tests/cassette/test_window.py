from __future__ import annotations

from io import BytesIO
from itertools import accumulate
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette import frames
from recorder.cassette.frames import Frame, Window, frame, read_frame
from recorder.errors import CassetteError

BODIES = [b"a" * length for length in (3, 0, 25, 8)]
OFFSETS = [0, *accumulate(len(body) + 12 for body in BODIES)]
CONTENT = b"".join(frame(2, body) for body in BODIES)


class Counting(BytesIO):
    """A file that counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


def alone(content: bytes, offset: int) -> Frame | str:
    file = BytesIO(content)
    file.seek(offset)
    try:
        return read_frame(file, offset, len(content), path="a")
    except CassetteError as exc:
        return str(exc)


def in_window(found: Window, offset: int) -> Frame | str:
    try:
        return found.frame(offset)
    except CassetteError as exc:
        return str(exc)


@given(st.lists(st.sampled_from(OFFSETS[:-1]), max_size=30), st.integers(12, 100), st.integers(0, 60))
def test_frames_are_found_in_any_order(asked: list[int], ahead: int, near: int) -> None:
    with patch.multiple(frames, _AHEAD=ahead, _NEAR=near):
        found = Window(BytesIO(CONTENT), len(CONTENT), "a")

        assert [in_window(found, offset) for offset in asked] == [alone(CONTENT, offset) for offset in asked]


@pytest.mark.parametrize("place", range(len(CONTENT)))
def test_a_damaged_frame_is_the_error_that_it_is_alone(place: int) -> None:
    damaged = CONTENT[:place] + bytes([CONTENT[place] ^ 1]) + CONTENT[place + 1 :]
    found = Window(BytesIO(damaged), len(damaged), "a")

    assert [in_window(found, at) for at in OFFSETS[:-1]] == [alone(damaged, at) for at in OFFSETS[:-1]]


@pytest.mark.parametrize("size", range(1, len(CONTENT)))
def test_a_cut_frame_is_the_error_that_it_is_alone(size: int) -> None:
    cut, offsets = CONTENT[:size], [at for at in OFFSETS if at < size]
    found = Window(BytesIO(cut), size, "a")

    assert [in_window(found, at) for at in offsets] == [alone(cut, at) for at in offsets]


def test_frames_that_follow_each_other_are_read_at_once() -> None:
    file = Counting(frame(2, bytes(10)) * 100)
    found = Window(file, 2200, "a")

    assert [found.frame(offset).offset for offset in range(0, 2200, 22)] == list(range(0, 2200, 22))
    assert file.reads == 1


def test_a_frame_far_off_is_read_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_NEAR", 50)
    file = Counting(frame(2, bytes(10)) * 100)

    Window(file, 2200, "a").frame(22 * 90)

    assert (file.reads, file.tell()) == (2, 22 * 91)
