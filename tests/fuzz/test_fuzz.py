"""The fuzzers, for a few seconds from a fixed seed; `make fuzz` runs them for longer."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from . import __main__ as driver
from . import harnesses, running
from .drawing import Draw
from .guarding import Hang, told
from .mutating import LARGEST, mutated

pytestmark = pytest.mark.once


def breaks(data: bytes) -> None:
    """A harness with a finding: an input with two letters, in that order."""
    assert not (b"a" in data and b"z" in data[data.index(b"a") :])


def hangs(data: bytes) -> None:
    while data:
        pass


def broken(monkeypatch: pytest.MonkeyPatch, **own: object) -> None:
    monkeypatch.setattr(harnesses, "load", lambda _: types.SimpleNamespace(**own))


def test_some_seconds_of_hostile_input_find_nothing(tmp_path: Path) -> None:
    # children, so that the memory they may need is their own
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--seconds", "6", "--seed", "7", "--jobs", "2", "--no-atheris",
         "--only", "standin,cassettes,frames", "--findings", tmp_path / "found"],  # others: test_corpus
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "inputs, 0 findings" in done.stdout


def test_a_finding_is_made_small_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(monkeypatch, TestOneInput=breaks)
    suspect = running.kept(tmp_path, b"12a34" * 30 + b"z567")

    assert running.reduce("any", suspect) == 1

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"az"]
    assert "AssertionError" in capsys.readouterr().out


def test_what_is_no_finding_without_atheris_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken(monkeypatch, TestOneInput=breaks)

    assert running.reduce("any", running.kept(tmp_path, b"za")) == 0


def test_a_process_that_dies_leaves_its_last_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken(monkeypatch, TestOneInput=breaks)
    monkeypatch.setattr(running, "corpus", lambda _: [b"az", b"xx"])

    running.by_seed("any", 0, 1, running.Notebook(tmp_path))

    assert running.left_in(tmp_path) == (3, b"")
    assert sorted(path.read_bytes() for path in tmp_path.glob("[0-9a-f]" * 16)) == [b"az"]


def test_an_input_that_takes_too_long_is_a_finding() -> None:
    found = told(hangs, b"x", 0.02)

    assert found is not None
    assert found.kind == "slow"
    assert Hang.__name__ in found.text


def test_findings_end_the_run_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def attack(seconds: float, seed: int, report: Callable[[str], None]) -> int:
        report(f"a fault in {seconds} s")
        return seed

    broken(monkeypatch, attack=attack)
    monkeypatch.setattr(sys, "argv", ["fuzz", "--only", "standin", "--seconds", "3", "--seed", "5"])

    with pytest.raises(SystemExit) as ended:
        driver.main()

    assert ended.value.code == 1
    assert "a fault in 3.0 s\n5 inputs, 1 findings\n" in capsys.readouterr().out


def test_inputs_are_changed_as_the_seed_says_and_stay_small() -> None:
    first, again, other = (
        [mutated(b"ab" * 30000, [b"x"], [b"token"], Random(seed)) for _ in range(3)] for seed in (1, 1, 2)
    )

    assert first == again != other
    assert max(map(len, first)) <= LARGEST


def test_choices_run_out_at_the_first_and_pieces_are_the_whole() -> None:
    draw = Draw(b"\x01\x02\x09")

    assert (draw.pick("abc"), draw.pick("abc"), draw.below(5), draw.pick("abc"), draw.left) == ("b", "c", 4, "a", 0)
    assert b"".join(Draw(b"\x04\x03\x01\x02\x05").pieces(b"0123456789")) == b"0123456789"
