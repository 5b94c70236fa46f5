from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette import codec
from recorder.cassette.blocks import RAW, compress, decompress, inside
from recorder.cassette.codec import encode, encode_value
from recorder.cassette.frames import Frame, unframe
from recorder.errors import CassetteError
from tests.cassette.records import ONE_OF_EACH

FRAMES = [encode(record) for record in ONE_OF_EACH]
RAWS = b"".join(FRAMES)


def block(raw: bytes) -> Frame:
    """What `compress` makes, as it is read again."""
    packed = compress(raw)
    assert packed is not None
    (found,) = unframe(packed)
    return found


def saying(size: object, packed: object) -> Frame:
    """A block that says what it likes."""
    (found,) = unframe(encode_value(codec.BLOCK, [size, packed]))
    return found


def packed(raw: bytes) -> bytes:
    value = codec.decode_value(block(raw), path="")
    return bytes(value[1])


@given(st.binary(min_size=1, max_size=5000))
def test_what_was_compressed_comes_back(raw: bytes) -> None:
    assert decompress(block(raw), path="s.cassette") == raw


def test_the_frames_of_a_block_come_back_at_the_place_of_the_block() -> None:
    found = block(RAWS)

    assert list(inside(Frame(77, found.kind, found.body), path="s.cassette")) == [
        Frame(77, frame.kind, frame.body) for data in FRAMES for frame in unframe(data)
    ]


@pytest.mark.parametrize("raw", [bytes(RAW), b"x" * (2 << 20), RAWS * 1000])
def test_what_would_be_taken_for_a_bomb_is_not_compressed(raw: bytes) -> None:
    assert compress(raw) is None


@pytest.mark.parametrize("size", [0, -1, len(RAWS) - 1, len(RAWS) + 1, 1 << 20, 2**63, 2**64 - 1, None, True, 1.5, "9"])
def test_a_block_that_does_not_hold_what_it_says_is_refused(size: object) -> None:
    with pytest.raises(CassetteError, match=r"^s\.cassette, byte 0: a (?:compressed )?block "):
        decompress(saying(size, packed(RAWS)), path="s.cassette")


@pytest.mark.parametrize("content", [b"", b"\x00", b"no zstd at all", None, "text", 7, packed(RAWS)[:-1]])
def test_a_block_that_cannot_be_decompressed_is_refused(content: object) -> None:
    with pytest.raises(CassetteError, match=r"^s\.cassette, byte 0: a (?:compressed )?block "):
        decompress(saying(len(RAWS), content), path="s.cassette")


@pytest.mark.parametrize("value", [None, 7, [], [1], [1, b"", 2], {"a": 1}, "text"])
def test_a_block_of_another_shape_is_refused(value: object) -> None:
    (found,) = unframe(encode_value(codec.BLOCK, value))

    with pytest.raises(CassetteError, match="a compressed block declares no valid size"):
        decompress(found, path="s.cassette")


def test_bytes_behind_the_compressed_ones_are_not_looked_at() -> None:
    assert decompress(saying(len(RAWS), packed(RAWS) + b"more"), path="s.cassette") == RAWS


@pytest.mark.parametrize("cut", range(1, len(FRAMES[0])))
def test_half_a_frame_in_a_block_is_damage_and_comes_after_the_whole_ones(cut: int) -> None:
    frames = inside(block(FRAMES[1] + FRAMES[0][:cut]), path="s.cassette")

    assert next(frames).kind == codec.RESPONSE
    with pytest.raises(CassetteError, match="in a compressed block: "):
        next(frames)


def test_a_frame_that_is_no_block_stands_for_itself() -> None:
    (found,) = unframe(FRAMES[0])

    assert list(inside(found, path="s.cassette")) == [found]
