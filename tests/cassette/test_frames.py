from __future__ import annotations

import struct
import tracemalloc
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette import frames
from recorder.cassette.frames import MAX_BODY, OVERHEAD, Frame, encoded, frame, read_frame, unframe
from recorder.errors import CassetteError, TornTail


def header(kind: int = 2, length: int = 0, first: int = 0x94, mark: int = 0xCE) -> bytes:
    return struct.pack(">BBBI", first, kind, mark, length)


def with_checksum(covered: bytes, mark: int = 0xCE) -> bytes:
    return covered + struct.pack(">BI", mark, zlib.crc32(covered))


def until_damage(data: bytes) -> tuple[list[Frame], CassetteError | None]:
    found: list[Frame] = []
    try:
        for one in unframe(data):
            found.append(one)  # noqa: PERF402  # what came before the error is kept
    except CassetteError as exc:
        return found, exc
    return found, None


def test_a_frame_is_a_msgpack_array_of_fixed_layout() -> None:
    assert frame(2, b"\x07") == bytes.fromhex("94 02 ce 00000001 07 ce f5eaaf6d")


@given(st.lists(st.tuples(st.integers(0, 0x7F), st.binary()), max_size=5))
def test_frames_come_back_with_their_offsets(frames: list[tuple[int, bytes]]) -> None:
    written = [frame(kind, body) for kind, body in frames]

    found = list(unframe(b"".join(written)))

    offsets = [sum(map(len, written[:place])) for place in range(len(written))]
    assert found == [Frame(offset, kind, body) for offset, (kind, body) in zip(offsets, frames, strict=True)]


def test_nothing_holds_no_frames() -> None:
    assert list(unframe(b"")) == []


@pytest.mark.parametrize("kind", [-1, 128, 256])
def test_a_kind_that_is_no_positive_fixint_is_not_written(kind: int) -> None:
    with pytest.raises(ValueError, match=r"frame type -?\d+ is not 0\.\.127"):
        frame(kind, b"")


def test_a_body_over_the_limit_is_not_written() -> None:
    with pytest.raises(ValueError, match="at most 67108864 bytes, this body has 67108865"):
        frame(2, bytes(MAX_BODY + 1))


@pytest.mark.parametrize("cut", range(1, OVERHEAD + 3))
def test_a_cut_frame_is_a_torn_tail_behind_the_good_ones(cut: int) -> None:
    good, torn = frame(2, b"good"), frame(3, b"\x93\x01\x02\x03")[:-1]
    frames = unframe(good + torn[:cut], path="s.cassette")

    assert next(frames) == Frame(0, 2, b"good")
    with pytest.raises(TornTail, match=rf"^s\.cassette, byte {len(good)}: ends inside a frame") as caught:
        next(frames)
    assert (caught.value.path, caught.value.offset) == ("s.cassette", len(good))


@pytest.mark.parametrize(
    "damaged",
    [
        header(first=0x93) + bytes(9),
        header(mark=0xCF) + bytes(9),
        header(kind=0x80) + bytes(9),
        with_checksum(header(length=1) + b"x")[:-1] + b"\x00",
        with_checksum(header(length=1) + b"x", mark=0xCD),
        b"\x00" * 20,
        b"\x94" * 20,
        b"\xff" * 20,
    ],
)
def test_damage_is_told_with_its_place(damaged: bytes) -> None:
    good = frame(2, b"good")
    frames = unframe(good + damaged, path="s.cassette")
    next(frames)

    with pytest.raises(CassetteError, match=rf"^s\.cassette, byte {len(good)}: ") as caught:
        next(frames)
    assert not isinstance(caught.value, TornTail)


@pytest.mark.parametrize("length", [MAX_BODY + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_hostile_length_is_refused_before_anything_is_allocated(length: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CassetteError, match="not the start of a frame"):
            list(unframe(header(length=length) + bytes(100)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


def test_a_length_up_to_the_limit_that_is_not_there_is_a_torn_tail_and_costs_nothing() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TornTail):
            list(unframe(header(length=MAX_BODY) + bytes(100)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


@given(
    st.binary(max_size=100) | st.lists(st.sampled_from([b"\x94", b"\x02", b"\xce", b"\0\0\0\1", b"x"])).map(b"".join)
)
def test_any_bytes_give_frames_or_our_error(data: bytes) -> None:
    found, damage = until_damage(data)

    intact = b"".join(frame(one.kind, one.body) for one in found)
    assert data.startswith(intact)
    assert (damage.offset if damage else len(data)) == len(intact)


@pytest.mark.parametrize("read", [1, 5, 13, 64, 1000])
def test_frames_of_this_process_are_told_apart_however_they_are_read(
    read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_AHEAD", read)
    written = [frame(kind, b"x" * size) for kind, size in [(2, 0), (3, 70), (4, 1), (5, 200), (6, 0)]]

    assert list(encoded(BytesIO(b"".join(written)))) == written


@pytest.mark.parametrize("left", range(len(frame(1, b"body"))))
def test_a_file_that_another_process_cut_meanwhile_is_told(left: int) -> None:
    whole = frame(1, b"body")

    with pytest.raises(CassetteError, match="byte 0: became shorter while it was read"):
        read_frame(BytesIO(whole[:left]), 0, len(whole), path="s")
