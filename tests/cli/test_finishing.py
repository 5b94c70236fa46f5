"""`recorder record --seal`: the closed cassette is sealed, or stays the journal it was."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from benchmarks.growth import make
from recorder.cassette.reader import open_cassette
from recorder.cli.recording.finishing import Finishing


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    make(tmp_path / "s.cassette", 3)
    return tmp_path / "s.cassette"


def is_sealed(path: Path) -> bool:
    with open_cassette(path) as cassette:
        return cassette.is_sealed


def test_a_closed_cassette_is_sealed_in_its_place(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = journal.stat().st_size

    assert Finishing(journal, is_left=False).seal() == 0

    assert is_sealed(journal)
    assert capsys.readouterr().err == (
        f"recorder: {journal}: sealed, {before} bytes before, {journal.stat().st_size} now\n"
    )


def test_after_a_second_signal_it_stays_as_it_is(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = journal.read_bytes()

    assert Finishing(journal, is_left=True).seal() == 0

    assert journal.read_bytes() == before
    assert capsys.readouterr().err == f"recorder: {journal}: is not sealed; recorder seal {journal} seals it\n"


def test_if_the_hosts_were_left_in_it_is_not_sealed_either(journal: Path) -> None:
    finishing = Finishing(journal, is_left=False)

    def interrupted() -> list[str]:
        raise KeyboardInterrupt

    finishing.sift(interrupted)

    assert finishing.seal() == 0
    assert not is_sealed(journal)


def test_a_full_disk_leaves_the_journal_whole(
    journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    before = journal.read_bytes()

    code = Finishing(journal, is_left=False).seal()

    said = capsys.readouterr().err
    assert code != 0
    assert journal.read_bytes() == before
    assert [path.name for path in journal.parent.iterdir()] == ["s.cassette"]
    assert "No space left on device" in said
    assert f"the recording is whole, but not sealed; recorder seal {journal} seals it" in said


@pytest.mark.parametrize("at", ["open", "fsync"])
def test_a_signal_while_it_is_sealed_leaves_the_journal_whole(
    at: str, journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = getattr(os, at)

    def interrupted(*given: object) -> object:
        if at == "open" and not str(given[0]).endswith(".part"):
            return real(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, at, interrupted)
    before = journal.read_bytes()

    assert Finishing(journal, is_left=False).seal() == 0

    assert journal.read_bytes() == before
    assert [path.name for path in journal.parent.iterdir()] == ["s.cassette"]
    assert "interrupted: is whole, but not sealed; recorder seal" in capsys.readouterr().err


def test_a_signal_after_the_last_step_leaves_it_sealed(
    journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = os.replace

    def interrupted(old: str, new: str) -> None:
        real(old, new)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)

    assert Finishing(journal, is_left=False).seal() == 0

    assert is_sealed(journal)
    assert "sealed, " in capsys.readouterr().err
