from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from recorder.cassette import codec
from recorder.cassette.blocks import compress
from recorder.cassette.codec import ARCHIVE, SEALED, encode, encode_header
from recorder.cassette.frames import frame, unframe
from recorder.cassette.repair.recover import LOST
from recorder.cassette.sealed import SealedWriter
from recorder.diagnose.check import Checked
from recorder.errors import CassetteError
from recorder.model import Note, Record
from tests.cassette.records import HEADER, ONE_OF_EACH

FRAMES = [encode_header(HEADER), *map(encode, ONE_OF_EACH)]
WHOLE = b"".join(FRAMES)
AT = [sum(map(len, FRAMES[:place])) for place in range(len(FRAMES))]
LONG = b"a body that is long enough to be named the second time " * 3
TWINS = (
    replace(ONE_OF_EACH[1], seq=0, body=LONG),
    replace(ONE_OF_EACH[1], seq=1, body=LONG),
    replace(ONE_OF_EACH[1], seq=2, body=LONG * 2),
    replace(ONE_OF_EACH[1], seq=3, body=LONG * 2),
)


def sealed(records: tuple[Record, ...] = ONE_OF_EACH, profile: str = SEALED) -> bytes:
    file = BytesIO()
    with closing(SealedWriter(file, replace(HEADER, profile=profile))) as writer:
        for record in records:
            writer.fact(record)
        writer.finish([], {})
    return file.getvalue()


@pytest.fixture
def checked(tmp_path: Path) -> Callable[[bytes], tuple[list[Record], list[tuple[str, str, str]]]]:
    """The records of some bytes, and the findings: level, kind and place."""

    def checked(data: bytes) -> tuple[list[Record], list[tuple[str, str, str]]]:
        (tmp_path / "s.cassette").write_bytes(data)
        walk = Checked(tmp_path / "s.cassette")
        return list(walk.records()), [(f.level.value, f.kind, f.where) for f in walk.findings]

    return checked


Check = Callable[[bytes], tuple[list[Record], list[tuple[str, str, str]]]]


@pytest.mark.parametrize("data", [WHOLE, sealed(), sealed(profile=ARCHIVE)])
def test_a_sound_file_has_no_findings(data: bytes, checked: Check) -> None:
    assert checked(data) == (list(ONE_OF_EACH), [])


@pytest.mark.parametrize("cut", [1, 5, len(FRAMES[-1]) - 1])
def test_a_torn_tail_is_found(cut: int, checked: Check) -> None:
    assert checked(WHOLE[:-cut]) == (list(ONE_OF_EACH[:-1]), [("damage", "torn-tail", f"byte {AT[-1]}")])


def test_a_damaged_frame_and_the_gap_it_leaves_are_found(checked: Check) -> None:
    data = bytearray(WHOLE)
    data[AT[3] + 10] ^= 1

    records, findings = checked(bytes(data))

    assert records == [*ONE_OF_EACH[:2], *ONE_OF_EACH[3:]]
    assert findings == [("damage", "damaged", f"byte {AT[3]}"), ("damage", "gap", f"byte {AT[4]}")]


def test_several_missing_records_are_one_gap(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"".join([*FRAMES[:2], *FRAMES[5:]]))
    walk = Checked(tmp_path / "s")
    list(walk.records())

    assert [finding.text for finding in walk.findings] == ["record 1 to 3 missing before record 4"]


def test_a_record_that_comes_again_is_out_of_order_and_not_handed_out(checked: Check) -> None:
    records, findings = checked(WHOLE + FRAMES[2])

    assert (records, findings) == (list(ONE_OF_EACH), [("problem", "out-of-order", f"byte {len(WHOLE)}")])


def test_a_record_nobody_understands_is_unreadable(checked: Check) -> None:
    assert checked(FRAMES[0] + frame(3, b"\xc1") + FRAMES[1])[1] == [("damage", "unreadable", f"byte {AT[1]}")]


def test_records_that_a_recovery_lost_are_remarked(checked: Check) -> None:
    assert checked(FRAMES[0] + encode(Note(0, 0, LOST, "gone")))[1] == [("remark", "lost", "notes")]


def test_a_sealed_file_without_its_end_is_cut_off(checked: Check) -> None:
    data = sealed()
    *_, end = unframe(data)

    assert checked(data[: end.offset])[1] == [("damage", "cut-off", "end")]


def test_what_stands_behind_the_end_is_found(checked: Check) -> None:
    assert ("damage", "cut-off", "end") in checked(sealed() + FRAMES[1])[1]


def test_a_frame_that_is_gone_from_a_sealed_file_does_not_fit_its_checksum(checked: Check) -> None:
    frames = [codec.reframe(found) for found in unframe(sealed()) if found.kind != codec.SUMMARY]

    assert checked(b"".join(frames))[1] == [("damage", "checksum", "end")]


@pytest.mark.parametrize("archive", [False, True])
def test_a_body_that_is_lost_costs_the_records_that_name_it_and_no_other(archive: bool, checked: Check) -> None:
    frames = [codec.reframe(found) for found in unframe(sealed(TWINS))]
    if archive:
        header = encode_header(replace(HEADER, profile=ARCHIVE))
        data = header + (compress(b"".join(frames[2:5])) or b"") + frames[-1]
    else:
        data = b"".join([frames[0], *frames[2:]])

    records, findings = checked(data)

    assert records == [TWINS[2], TWINS[3]]
    assert ("damage", "gap") in [found[:2] for found in findings]
    assert [found[1] for found in findings].count("unreadable") == 1


@pytest.mark.parametrize("data", [b"", b"nothing", b"\x00" * 999, b"\x94" * 999])
def test_what_is_no_cassette_is_damaged_or_refused(data: bytes, checked: Check) -> None:
    try:
        _, findings = checked(data)
    except CassetteError as exc:
        assert "is empty" in str(exc)  # noqa: PT017  # one of two outcomes
    else:
        assert findings[0][0] == "damage"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="No such file"):
        list(Checked(tmp_path / "none").records())
