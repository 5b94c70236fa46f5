from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.frames import frame
from recorder.cassette.reader import read
from recorder.cassette.repair.recover import LOST, recover
from recorder.errors import CassetteError, UsageError
from recorder.model import Note
from tests.cassette.records import HEADER, ONE_OF_EACH

FRAMES = [encode_header(HEADER), *map(encode, ONE_OF_EACH)]
WHOLE = b"".join(FRAMES)
ENDS = [sum(map(len, FRAMES[: place + 1])) for place in range(len(FRAMES))]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "torn.cassette"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "clean.cassette"


def test_a_sound_file_is_copied_byte_for_byte(source: Path, target: Path) -> None:
    source.write_bytes(WHOLE)

    done = recover(source, target)

    assert target.read_bytes() == source.read_bytes() == WHOLE
    assert (done.kept, done.lost, done.skipped, done.header_lost) == (len(ONE_OF_EACH), 0, 0, False)


@pytest.mark.parametrize("size", range(ENDS[0], len(WHOLE), 5))
def test_a_torn_tail_is_cut_and_counted(source: Path, target: Path, size: int) -> None:
    source.write_bytes(WHOLE[:size])
    end = max(end for end in ENDS if end <= size)

    done = recover(source, target)

    assert target.read_bytes() == WHOLE[:end]
    assert (done.kept, done.skipped) == (ENDS.index(end), size - end)


@pytest.mark.parametrize("place", range(ENDS[3], ENDS[4]))
def test_a_record_that_is_damaged_costs_that_record_and_leaves_a_note(source: Path, target: Path, place: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[place] ^= 0xFF
    source.write_bytes(damaged)

    done = recover(source, target)

    records = read(target).records
    assert records[:3] + records[4:] == ONE_OF_EACH[:3] + ONE_OF_EACH[4:]
    assert isinstance(records[3], Note)
    assert records[3].kind == LOST
    assert (done.kept, done.lost, done.skipped) == (len(ONE_OF_EACH) - 1, 1, len(FRAMES[4]))


def test_a_damaged_header_costs_the_header_alone(source: Path, target: Path) -> None:
    source.write_bytes(b"\x00" + WHOLE[1:])

    done = recover(source, target)

    assert read(target).records == ONE_OF_EACH
    assert done.header_lost


def test_what_a_recorded_body_holds_is_no_record_of_this_capture(source: Path, target: Path) -> None:
    download = Note(8, 9, "n", "text")
    inner = frame(0x02, b"\x00") + encode(Note(9, 9, "stowaway", "text"))
    source.write_bytes(WHOLE + encode(download)[:-1] + b"\x00" + frame(0x7F, inner))

    recover(source, target)

    assert not any(isinstance(r, Note) and r.kind == "stowaway" for r in read(target).records)


@pytest.mark.parametrize("data", [b"", b"not a cassette", b"\x00" * 1000, b"\x94" * 1000, FRAMES[1][:-1]])
def test_what_is_no_cassette_is_not_recovered(source: Path, target: Path, data: bytes) -> None:
    source.write_bytes(data)

    with pytest.raises(CassetteError, match=r"torn\.cassette"):
        recover(source, target)
    assert not target.exists()


def test_a_file_that_is_not_there_is_told(source: Path, target: Path) -> None:
    with pytest.raises(CassetteError, match="No such file"):
        recover(source, target)


def test_an_existing_file_is_not_overwritten(source: Path, target: Path) -> None:
    source.write_bytes(WHOLE[:-1])
    target.write_bytes(b"precious")

    with pytest.raises(UsageError, match="exists already"):
        recover(source, target)
    assert target.read_bytes() == b"precious"


def test_an_existing_file_is_overwritten_by_force(source: Path, target: Path) -> None:
    source.write_bytes(WHOLE)
    target.write_bytes(b"old")

    recover(source, target, force=True)

    assert target.read_bytes() == WHOLE


def test_the_only_copy_is_never_written_over(source: Path) -> None:
    source.write_bytes(WHOLE[:-1])

    with pytest.raises(UsageError, match="is the damaged file itself"):
        recover(source, source, force=True)
    assert source.read_bytes() == WHOLE[:-1]


# The limit stays with the process that sets it, therefore a child
_RECOVER_UP_TO_A_LIMIT = """
import resource, sys
from pathlib import Path
from recorder.cassette.repair.recover import recover
from recorder.errors import OutputError

resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
try:
    recover(Path(sys.argv[1]), Path(sys.argv[2]))
except OutputError as exc:
    print(exc)
"""


def test_a_disk_that_fills_up_is_told_by_its_reason(source: Path, target: Path) -> None:
    source.write_bytes(WHOLE)

    done = subprocess.run(
        [sys.executable, "-c", _RECOVER_UP_TO_A_LIMIT, str(source), str(target)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{target}: cannot be written: File too large; nothing was changed\n"
    assert source.read_bytes() == WHOLE
