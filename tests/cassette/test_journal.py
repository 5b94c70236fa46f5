from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.frames import frame
from recorder.cassette.journal import End, Journal, create, resume
from recorder.cassette.reader import read
from recorder.errors import CassetteError, UsageError
from tests.cassette.records import HEADER, ONE_OF_EACH

EMPTY = encode_header(HEADER)
FRAMES = [encode(record) for record in ONE_OF_EACH]
WHOLE = EMPTY + b"".join(FRAMES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.cassette"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    opened = create(path, HEADER)
    yield opened
    opened.close()


# Beginning


def test_a_journal_begins_with_its_header_at_once(path: Path, journal: Journal) -> None:
    assert path.read_bytes() == EMPTY
    assert journal.size == len(EMPTY)


def test_what_is_appended_is_in_the_file_at_once(path: Path, journal: Journal) -> None:
    journal.append(FRAMES[:3])
    journal.append(FRAMES[3:])

    assert path.read_bytes() == WHOLE
    assert journal.size == len(WHOLE)


def test_many_large_frames_are_written_whole(path: Path, journal: Journal) -> None:
    records = [replace(ONE_OF_EACH[1], seq=n, body=bytes([n]) * 700_000) for n in range(5)]

    journal.append([encode(record) for record in records])

    assert read(path).records == tuple(records)


def test_a_journal_may_be_closed_twice(path: Path) -> None:
    journal = create(path, HEADER)
    journal.close()
    journal.close()

    assert read(path).header == HEADER


def test_an_existing_file_is_not_overwritten(path: Path) -> None:
    path.write_bytes(b"precious")

    with pytest.raises(UsageError, match=r"s\.cassette: exists already; choose another name, or --force"):
        create(path, HEADER)
    assert path.read_bytes() == b"precious"


def test_an_existing_file_is_overwritten_by_force(path: Path) -> None:
    path.write_bytes(b"long and no longer precious " * 100)

    create(path, HEADER, force=True).close()

    assert path.read_bytes() == EMPTY


def test_force_does_not_take_a_file_that_is_being_written(path: Path, journal: Journal) -> None:
    journal.append(FRAMES)

    with pytest.raises(UsageError, match="another recorder is writing it"):
        create(path, HEADER, force=True)
    assert path.read_bytes() == WHOLE


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    create(tmp_path / "new" / "folder" / "s.cassette", HEADER).close()

    assert (tmp_path / "new" / "folder" / "s.cassette").read_bytes() == EMPTY


@pytest.mark.parametrize("private", [False, True])
def test_a_recording_in_the_clear_is_for_its_owner_alone(path: Path, private: bool) -> None:
    create(path, HEADER, private=private).close()

    assert bool(path.stat().st_mode & 0o077) is not private


@pytest.mark.parametrize("target", [".", "/dev/full"])
def test_what_is_no_file_is_not_written(tmp_path: Path, target: str) -> None:
    with pytest.raises(UsageError, match=r"is a folder|is not a regular file"):
        create(tmp_path / target, HEADER, force=True)


# The limit stays with the process that sets it, therefore a child
_WRITE_UP_TO_A_LIMIT = f"""
import resource, sys
from pathlib import Path
from recorder.cassette.journal import create
from tests.cassette.records import HEADER

journal = create(Path(sys.argv[1]), HEADER)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
written = 0
try:
    while True:
        journal.append([{FRAMES[0]!r}])
        written += 1
except OSError as exc:
    print(written, journal.size, exc.strerror)
"""


def test_a_disk_that_fills_up_tells_why_and_keeps_whole_frames_only(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_UP_TO_A_LIMIT, str(path)], capture_output=True, text=True, check=True
    )

    written, size, reason = done.stdout.split(maxsplit=2)
    assert reason == "File too large\n"
    assert path.stat().st_size == int(size) == len(EMPTY) + int(written) * len(FRAMES[0])


# Going on


def test_a_journal_goes_on_where_it_ended(path: Path) -> None:
    path.write_bytes(EMPTY + b"".join(FRAMES[:3]))

    journal, end = resume(path)
    journal.append(FRAMES[3:])
    journal.close()

    assert end == End(HEADER, seq=3, exchange=2, t=3, size=len(EMPTY + b"".join(FRAMES[:3])))
    assert read(path).records == ONE_OF_EACH


def test_a_journal_without_records_goes_on_from_nothing(path: Path) -> None:
    path.write_bytes(EMPTY)

    journal, end = resume(path)
    journal.close()

    assert end == End(HEADER, seq=0, exchange=0, t=0, size=len(EMPTY))


@pytest.mark.parametrize("cut", range(1, len(FRAMES[3]), 5))
def test_a_torn_tail_is_cut_off_before_a_journal_goes_on(path: Path, cut: int) -> None:
    path.write_bytes(EMPTY + b"".join(FRAMES[:3]) + FRAMES[3][:cut])

    journal, end = resume(path)
    journal.append(FRAMES[3:])
    journal.close()

    assert end.seq == 3
    assert path.read_bytes() == WHOLE


@pytest.mark.parametrize("data", [b"", b"not a cassette", EMPTY + b"\x00" * 50, EMPTY + FRAMES[1]])
def test_a_damaged_file_does_not_go_on_and_stays_as_it_is(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    with pytest.raises(CassetteError):
        resume(path)
    assert path.read_bytes() == data


def test_a_sealed_cassette_does_not_go_on(path: Path) -> None:
    sealed = encode_header(replace(HEADER, profile="sealed")) + frame(0x3F, b"\xc4\x00")
    path.write_bytes(sealed)

    with pytest.raises(UsageError, match="is sealed, no record can be added"):
        resume(path)
    assert path.read_bytes() == sealed


def test_a_journal_that_is_being_written_does_not_go_on_elsewhere(path: Path, journal: Journal) -> None:
    with pytest.raises(UsageError, match="another recorder is writing it"):
        resume(path)


def test_a_journal_may_be_read_while_it_is_written(path: Path, journal: Journal) -> None:
    journal.append(FRAMES[:2])

    assert read(path).records == ONE_OF_EACH[:2]


def test_what_only_looks_like_a_torn_tail_is_not_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "damaged.cassette"
    journal = create(path, HEADER)
    journal.append([encode(record) for record in ONE_OF_EACH])
    journal.close()
    content = bytearray(path.read_bytes())
    second = len(encode_header(HEADER)) + len(encode(ONE_OF_EACH[0]))
    content[second + 4] ^= 0x01  # in the length of the second record: it seems to go on behind the end of the file
    path.write_bytes(content)

    with pytest.raises(CassetteError, match="intact records follow"):
        resume(path)

    assert path.read_bytes() == content
