"""`recorder catalogue` builds tables of many cassettes, and says what it did."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.cli.saying import counting
from tests.cli.test_cassettes import fails, run
from tests.cli.test_json import problems
from tests.cli.test_progress import Terminal
from tests.fleet.catalogue.tables import REDACTED, made, rows, written

CLEAR = REDACTED.__class__(REDACTED.started, REDACTED.upstream, REDACTED.dialect, "none")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    made(tmp_path / "records/a.cassette"), made(tmp_path / "records/b.cassette", 8)
    return tmp_path / "records"


def test_a_build_says_what_it_did_and_what_the_catalogue_holds(records: Path, tmp_path: Path) -> None:
    built = run("catalogue", "build", records, "-o", tmp_path / "out", "--jobs", "1")
    again = run("catalogue", "build", records, "-o", tmp_path / "out", "--jobs", "1")

    assert (built.exit_code, built.stderr) == (0, "")
    first, second = built.stdout.splitlines()
    assert first == f"{tmp_path / 'out'}: 2 read, 0 unchanged, 0 gone"
    assert second.startswith("12 triples, ")
    assert again.stdout.splitlines() == [f"{tmp_path / 'out'}: 0 read, 2 unchanged, 0 gone", second]


def test_its_json_is_as_the_schemas_say(records: Path, tmp_path: Path) -> None:
    (records / "c.cassette").write_bytes(b"none")
    written(records / "d.cassette", [], CLEAR)

    built = run("catalogue", "build", records, "-o", tmp_path / "out", "--jobs", "1", "--json")
    shown = run("catalogue", "show", tmp_path / "out", "--json")

    assert problems("catalogue-build", json.loads(built.stdout)) == []
    assert problems("catalogue-show", json.loads(shown.stdout)) == []
    told = json.loads(built.stdout)
    assert ([one["cassette"] for one in told["unreadable"]], told["clear"]) == (
        [str(records / "c.cassette")],
        [str(records / "d.cassette")],
    )


def test_an_unreadable_cassette_is_told_and_the_others_are_there(records: Path, tmp_path: Path) -> None:
    (records / "c.cassette").write_bytes(b"none")

    built = run("catalogue", "build", records, "-o", tmp_path / "out", "--jobs", "1")

    assert built.exit_code == 4
    assert built.stderr.startswith(f"recorder: {records / 'c.cassette'}: not a cassette (")
    assert "3 read" in built.stdout
    assert len(rows(tmp_path / "out", "triples")) == 12


def test_a_cassette_in_the_clear_is_left_out_and_told(records: Path, tmp_path: Path) -> None:
    written(records / "c.cassette", [], CLEAR)

    left = run("catalogue", "build", records, "-o", tmp_path / "out", "--jobs", "1")
    taken = run("catalogue", "build", records, "-o", tmp_path / "out", "--jobs", "1", "--clear-text")

    assert left.exit_code == 1
    assert "1 cassette was left out" in left.stderr
    assert "--clear-text takes them in" in left.stderr
    assert (taken.exit_code, taken.stderr) == (0, "")


def test_a_new_process_for_each_job_makes_the_same(records: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "recorder", "catalogue", "build", str(records), "--jobs", "2", "-o"]

    told = subprocess.run([*command, str(tmp_path / "two")], capture_output=True, text=True, check=True)
    run("catalogue", "build", records, "-o", tmp_path / "one", "--jobs", "1")

    assert told.stderr == ""
    assert rows(tmp_path / "two", "events") == rows(tmp_path / "one", "events")


def test_one_row_is_one_row(records: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    one = min(records.iterdir())

    built = run("catalogue", "build", one, "-o", out, "--jobs", "1")
    shown = run("catalogue", "show", out)

    assert "1 cassette in " in built.stdout
    assert " 1 row in 1 file, " in shown.stdout
    assert " 0 rows in 0 files, " in shown.stdout


def test_mistakes_are_told_in_one_line(records: Path, tmp_path: Path) -> None:
    out = "-o", tmp_path / "out"

    fails(5, "no cassette matches", by=run("catalogue", "build", tmp_path / "none/*.cassette", *out))
    fails(2, "there is no such file", by=run("catalogue", "build", tmp_path / "none.cassette", *out))
    fails(2, "Missing option", by=run("catalogue", "build", records))
    fails(2, "holds no catalogue", by=run("catalogue", "show", tmp_path))
    fails(2, "cannot be opened", by=run("catalogue", "build", "nope://x/*.cassette", *out))
    (tmp_path / "file").write_text("")
    fails(4, "cannot be written", by=run("catalogue", "build", records, "-o", tmp_path / "file", "--jobs", "1"))


def test_show_prints_the_tables(records: Path, tmp_path: Path) -> None:
    run("catalogue", "build", records, "-o", tmp_path / "out", "--jobs", "1")

    lines = run("catalogue", "show", tmp_path / "out").stdout.splitlines()

    assert lines[0] == f"{tmp_path / 'out'}: build 1, version 1 of the tables"
    assert [line.split()[:3] for line in lines[1:3]] == [["triples", "12", "rows"], ["events", "34", "rows"]]


@pytest.mark.parametrize(
    ("missing", "options"), [("pyarrow", ""), ("distributed", "--scheduler tcp://127.0.0.1:9")], ids=str
)
def test_a_missing_library_is_told(missing: str, options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "a.cassette")
    monkeypatch.setitem(sys.modules, missing, None)

    told = run("catalogue", "build", tmp_path, "-o", tmp_path / "out", "--jobs", "1", *options.split())

    fails(2, f"needs {missing}: pip install 'outbound-recorder[", by=told)
    assert not (tmp_path / "out").exists()


def test_a_terminal_shows_how_many_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    seconds = iter([0.0, 0.5, 2.0, 2.0, 2.2])

    with counting("catalogue: reads", "cassette", lambda: next(seconds)) as shown:
        shown(1, 9)
        shown(2, 9)
        shown(3, 9)

    line = "\r\x1b[Krecorder: catalogue: reads: 2 of 9 cassettes"
    assert terminal.getvalue() == f"{line}\r\x1b[K"


def test_a_copy_of_a_catalogue_is_one(records: Path, tmp_path: Path) -> None:
    run("catalogue", "build", records, "-o", tmp_path / "out", "--jobs", "1")
    shutil.copytree(tmp_path / "out", tmp_path / "copy")

    assert rows(tmp_path / "copy", "triples") == rows(tmp_path / "out", "triples")


@pytest.mark.parametrize(
    "words", [("catalogue", "show"), ("catalogue", "build", "none/*", "-o"), ("query", "slowest", "--catalogue")]
)
def test_a_catalogue_is_told_without_the_secrets_of_its_url(words: tuple[str, ...]) -> None:
    done = run(*words, "https://user:hunter2@127.0.0.1:1/cat?sig=hunter2")

    assert done.exit_code in (2, 4, 5)
    assert "hunter2" not in done.output + done.stderr
