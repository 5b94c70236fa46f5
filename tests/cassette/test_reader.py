from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette import codec
from recorder.cassette.blocks import compress
from recorder.cassette.codec import encode, encode_header, encode_value
from recorder.cassette.frames import frame
from recorder.cassette.reader import Cassette, open_cassette, parse, read
from recorder.errors import CassetteError, TornTail
from recorder.model import Record
from tests.cassette.records import HEADER, ONE_OF_EACH, RECORDS, numbered

FRAMES = [encode_header(HEADER), *map(encode, ONE_OF_EACH)]
WHOLE = b"".join(FRAMES)
ENDS = [sum(map(len, FRAMES[: place + 1])) for place in range(len(FRAMES))]  # bytes up to the end of each frame
EMPTY = FRAMES[0]
SEALED = encode_header(replace(HEADER, profile="sealed"))
END = encode_value(codec.END, b"")


def intact(size: int) -> tuple[Record, ...]:
    """The records whose frames end within the first `size` bytes."""
    return ONE_OF_EACH[: sum(end <= size for end in ENDS) - 1]


def parsed(data: bytes) -> Cassette | CassetteError:
    """The two outcomes of reading."""
    try:
        return parse(data)
    except CassetteError as exc:
        return exc


def is_told(place: int, flip: int) -> bool:
    """Whether a reader sees that a byte was changed, and gives at most what stands before it."""
    damaged = bytearray(WHOLE)
    damaged[place] ^= flip
    found = parsed(bytes(damaged))
    if isinstance(found, CassetteError):
        return found.offset is None or found.offset <= place
    return found.torn is not None and found.header == HEADER and found.records == intact(place)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.cassette"


# Reading


def test_a_cassette_is_read_as_it_was_written(path: Path) -> None:
    path.write_bytes(WHOLE)

    assert read(path) == Cassette(HEADER, ONE_OF_EACH, torn=None)


@given(st.lists(RECORDS, max_size=5).map(numbered))
def test_any_records_come_back(records: tuple[Record, ...]) -> None:
    assert parse(EMPTY + b"".join(map(encode, records))).records == records


def test_a_cassette_without_records_is_a_cassette() -> None:
    assert parse(EMPTY) == Cassette(HEADER, (), torn=None)


def test_frames_that_may_be_skipped_are() -> None:
    later = frame(0x7F, b"whatever comes later")

    assert parse(later.join(FRAMES) + later).records == ONE_OF_EACH


def test_any_msgpack_reader_walks_the_file(path: Path) -> None:
    path.write_bytes(WHOLE)

    with path.open("rb") as file:
        walked = [(kind, body) for kind, _, body, _ in msgpack.Unpacker(file, max_buffer_size=64 << 20)]

    assert [kind for kind, _ in walked] == [1, 2, 3, 2, 3, 5, 5, 4, 2, 3, 7, 7, 7, 5, 6]
    assert walked[0][1]["cassette"] == 2
    assert walked[1][1]["u"] == "/api/v2/me/outbound-records/7?a=%20"
    assert walked[4][1]["b"] == b"\xff\x00 not text"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty, not a cassette"),
        (b"\x00", "not a cassette"),
        (b"not a cassette at all, but text", "not a cassette"),
        (b"{" * 100, "not a cassette"),
        (FRAMES[1], "its first frame is no header"),
        (EMPTY[:-1], "does not begin with a cassette header"),
        (EMPTY[:3], "does not begin with a cassette header"),
        (encode_header(replace(HEADER, format=3)) + FRAMES[1], "written in format 3"),
    ],
)
def test_other_files_are_no_cassettes_and_no_empty_ones(data: bytes, problem: str) -> None:
    with pytest.raises(CassetteError, match=rf"^<bytes>.*{problem}") as caught:
        parse(data)
    assert not isinstance(caught.value, TornTail)


def test_a_file_that_is_not_there_is_told_by_name(path: Path) -> None:
    with pytest.raises(CassetteError, match=r"s\.cassette: No such file"):
        read(path)


def test_a_folder_is_no_cassette(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="directory"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("frames", "problem", "place"),
    [
        ([FRAMES[0], *FRAMES[2:]], "record 0 is missing, record 1 is in its place", 0),
        ([*FRAMES[:3], *FRAMES[4:]], "record 2 is missing, record 3 is in its place", 2),
        ([*FRAMES[:3], FRAMES[2]], "record 2 is missing, record 1 is in its place", 2),
        ([FRAMES[0], FRAMES[2], FRAMES[1]], "record 0 is missing, record 1 is in its place", 0),
        ([*FRAMES, FRAMES[0]], "frame type 1 is unknown", len(ONE_OF_EACH)),
    ],
)
def test_a_record_out_of_its_place_is_damage(frames: list[bytes], problem: str, place: int) -> None:
    with pytest.raises(CassetteError, match=f"byte {ENDS[place]}: {problem}"):
        parse(b"".join(frames))


# Record by record


def test_records_are_had_one_by_one_up_to_the_damage(path: Path) -> None:
    path.write_bytes(b"".join(FRAMES[:3]) + b"damage" * 20)

    with open_cassette(path) as cassette:
        records = cassette.records()
        first_two = (next(records), next(records))
        with pytest.raises(CassetteError, match=f"byte {ENDS[2]}: not the start of a frame"):
            next(records)

    assert cassette.header == HEADER
    assert first_two == ONE_OF_EACH[:2]


def test_a_torn_tail_is_known_when_all_was_read(path: Path) -> None:
    path.write_bytes(WHOLE[:-1])

    with open_cassette(path) as cassette:
        before = cassette.torn
        records = tuple(cassette.records())

    assert before is None
    assert records == ONE_OF_EACH[:-1]
    assert cassette.torn is not None


# Sealed files


def test_facts_in_a_block_are_read_in_their_place() -> None:
    block = compress(b"".join(FRAMES[2:6]))

    assert parse(SEALED + FRAMES[1] + block + b"".join(FRAMES[6:]) + END).records == ONE_OF_EACH


def test_a_body_that_is_named_is_read_from_the_record_it_stands_in() -> None:
    first = replace(ONE_OF_EACH[0], body=b"the same long body " * 10)
    second = replace(first, seq=1)

    found = parse(SEALED + encode(first) + encode(second, same_body_as=0) + END)

    assert found.records == (first, second)


@pytest.mark.parametrize("named", [1, 2, -1, 2**63])
def test_a_body_that_is_named_and_not_there_is_damage(named: int) -> None:
    first = replace(ONE_OF_EACH[0], body=b"the same long body " * 10)

    with pytest.raises(CassetteError, match=f"a record names the body of record {named}, which is not available"):
        parse(SEALED + encode(first) + encode(replace(first, seq=1), same_body_as=named) + END)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"".join(FRAMES[1:]), "its end frame is missing"),
        (FRAMES[1] + END[:-1], "is sealed, but cut off"),
        (FRAMES[1][:-1], "is sealed, but cut off"),
        (END + FRAMES[1], "has data after its end frame"),
    ],
)
def test_a_sealed_file_without_its_end_is_damaged_and_not_torn(data: bytes, problem: str) -> None:
    with pytest.raises(CassetteError, match=problem) as caught:
        parse(SEALED + data)
    assert not isinstance(caught.value, TornTail)


@pytest.mark.parametrize("raw", [FRAMES[1][:-1], FRAMES[1] + FRAMES[2][:5], b"no frames", b"\x00"])
def test_a_block_with_half_a_frame_is_damage_where_the_block_stands(raw: bytes) -> None:
    with pytest.raises(CassetteError, match=f"byte {len(EMPTY)}: ") as caught:
        parse(EMPTY + compress(raw) + FRAMES[1])
    assert not isinstance(caught.value, TornTail)


# Damage


@pytest.mark.parametrize("size", range(ENDS[0], len(WHOLE)))
def test_a_cut_anywhere_keeps_all_that_stands_before_it(size: int) -> None:
    found = parse(WHOLE[:size])

    assert found.records == intact(size)
    assert (found.torn.offset if found.torn else size) == max(end for end in ENDS if end <= size)


@pytest.mark.parametrize("size", range(1, ENDS[0]))
def test_a_cut_in_the_header_leaves_no_cassette(size: int) -> None:
    with pytest.raises(CassetteError, match="not a cassette"):
        parse(WHOLE[:size])


@pytest.mark.parametrize("place", range(len(WHOLE)))
def test_a_flip_anywhere_never_gives_a_wrong_record(place: int) -> None:
    outcomes = {flip: is_told(place, flip) for flip in (1, 2, 4, 8, 16, 32, 64, 128, 255)}

    assert all(outcomes.values()), outcomes


@pytest.mark.parametrize("tail", [b"\x00" * 100, b"\x94" * 100, b"\xff" * 100, b"\x94\x02\xce\x00\x00\x00\x07" * 20])
@pytest.mark.parametrize("size", range(ENDS[0], len(WHOLE), 7))
def test_debris_behind_a_cut_never_gives_a_wrong_record(size: int, tail: bytes) -> None:
    outcome = parsed(WHOLE[:size] + tail)

    assert outcome.offset in ENDS if isinstance(outcome, CassetteError) else outcome.records == intact(size)


@given(st.binary(max_size=200), st.sampled_from([b"", EMPTY, WHOLE]))
def test_any_bytes_give_a_cassette_or_our_error(data: bytes, before: bytes) -> None:
    outcome = parsed(before + data)

    assert isinstance(outcome, CassetteError) or outcome.records in (ONE_OF_EACH, ())


@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)), RECORDS)
def test_two_cassettes_spliced_anywhere_give_what_stands_before_the_seam(cut: int, resume: int, other: Record) -> None:
    second = EMPTY + encode(replace(other, seq=0)) + WHOLE[len(EMPTY) :]

    outcome = parsed(WHOLE[:cut] + second[resume:])

    kept = () if isinstance(outcome, CassetteError) else outcome.records
    assert kept[: len(intact(cut))] == intact(cut)[: len(kept)]
