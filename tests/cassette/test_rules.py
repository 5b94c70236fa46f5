"""A journal whose dialect is found after the first records says it there, and each reader takes it."""

from __future__ import annotations

from dataclasses import replace
from errno import ENOSPC
from io import BytesIO
from pathlib import Path
from unittest.mock import Mock

import pytest

from recorder.cassette.codec import RULES_WITHIN, encode, encode_header, encode_rules
from recorder.cassette.journal import Following, Journal, create, resume
from recorder.cassette.reader import open_cassette, parse, read
from recorder.cassette.repair.recover import recover
from recorder.cassette.writer import Writer
from recorder.errors import CaptureError
from recorder.model import Note
from tests.cassette.records import HEADER, ONE_OF_EACH

FRAMES = [encode(record) for record in ONE_OF_EACH]
RULED = replace(HEADER, dialect="mine", dialect_text='name = "mine"\n', fitted=HEADER.dialect)
RULES = encode_rules(RULED.dialect, RULED.dialect_text)
AWAITS = encode_header(HEADER, rules_follow=True)
SAID = AWAITS + FRAMES[0] + RULES + b"".join(FRAMES[1:])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.cassette"


def test_what_the_writer_says_later_is_in_the_header_that_readers_get(path: Path) -> None:
    writer = Writer(create(path, HEADER, rules_follow=True))
    writer.put(FRAMES[0])
    writer.rules(RULED.dialect, RULED.dialect_text)
    writer.put(FRAMES[1])
    writer.close()

    found = read(path)

    assert (found.header, found.records) == (RULED, ONE_OF_EACH[:2])


def test_a_writer_that_has_finished_says_a_dialect_at_the_end(path: Path) -> None:
    writer = Writer(create(path, HEADER, rules_follow=True))
    writer.put(FRAMES[0])
    writer.finish()
    writer.rules(RULED.dialect, RULED.dialect_text)
    writer.close()

    found = read(path)

    assert (found.header, found.records) == (RULED, ONE_OF_EACH[:1])


def test_a_writer_that_has_finished_tells_that_the_disk_is_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(create(path, HEADER, rules_follow=True))
    writer.put(FRAMES[0])
    writer.flush()
    writer.finish()
    monkeypatch.setattr(Journal, "append", Mock(side_effect=OSError(ENOSPC, "No space left on device")))

    with pytest.raises(CaptureError, match="No space left on device; 1 record is safe"):
        writer.rules(RULED.dialect, RULED.dialect_text)
    with pytest.raises(CaptureError):
        writer.close()
    assert read(path).header == HEADER


def test_a_header_that_awaits_a_dialect_holds_its_own_until_then() -> None:
    assert parse(AWAITS).header == parse(AWAITS + FRAMES[0]).header == HEADER


@pytest.mark.parametrize("cut", range(len(AWAITS), len(SAID) + 1, 7))
def test_a_journal_that_is_cut_anywhere_has_one_of_both_headers(cut: int) -> None:
    found = parse(SAID[:cut])

    assert found.header == (RULED if cut >= len(AWAITS + FRAMES[0] + RULES) else HEADER)


def test_a_journal_that_says_the_dialect_of_its_header_was_fitted_to_it() -> None:
    said = AWAITS + encode_rules(HEADER.dialect, "") + FRAMES[0]

    assert parse(said).header == HEADER


def test_only_the_first_frames_are_searched(path: Path) -> None:
    notes = [encode(Note(n, n, "", "")) for n in range(RULES_WITHIN)]

    assert parse(AWAITS + b"".join(notes[:-1]) + RULES).header == RULED
    assert parse(AWAITS + b"".join(notes) + RULES).header == HEADER


def test_a_dialect_that_was_not_announced_does_not_count() -> None:
    assert parse(encode_header(HEADER) + RULES).header == HEADER


def test_a_writer_refuses_a_dialect_that_no_reader_would_find(path: Path) -> None:
    unannounced = Writer(create(path, HEADER))
    with pytest.raises(ValueError, match="does not announce"):
        unannounced.rules("mine", "")
    unannounced.close()
    late = Writer(create(path.with_name("late"), HEADER, rules_follow=True))
    for number in range(RULES_WITHIN):
        late.put(encode(Note(number, number, "", "")))
    with pytest.raises(ValueError, match="among the first 4000 frames"):
        late.rules("mine", "")
    late.close()


def test_who_follows_a_journal_sees_the_dialect_when_it_is_said() -> None:
    file = BytesIO(AWAITS + FRAMES[0])
    following = Following(file, "s")

    first = list(following.new())
    before = following.header
    file.seek(0)
    file.write(SAID)
    rest = list(following.new())

    assert (before, following.header) == (HEADER, RULED)
    assert tuple(first + rest) == ONE_OF_EACH


def test_a_journal_goes_on_under_the_dialect_it_said(path: Path) -> None:
    path.write_bytes(SAID)

    journal, end = resume(path)
    journal.append([encode(Note(end.seq, end.t, "", ""))])
    journal.close()

    assert (end.header, read(path).header) == (RULED, RULED)


@pytest.mark.parametrize("damaged", [0, 1])
def test_recovery_writes_the_dialect_into_the_header(path: Path, damaged: int) -> None:
    path.write_bytes(b"\x00" * damaged + SAID)
    target = path.with_name("good")

    recover(path, target)

    with open_cassette(target) as cassette:
        assert cassette.header == RULED
