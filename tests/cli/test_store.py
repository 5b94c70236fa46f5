"""`recorder store`: cassettes go into a store and come back, and what does not fit is told in one line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recorder.cli import main
from tests.fleet.suite.places import CASSETTES, cassette, counted_s3
from tests.lab.s3 import BUCKET

PREVIEW = "tests/cassettes/preview-session.cassette"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two cassettes and an empty cache, as the working directory."""
    monkeypatch.setenv("RECORDER_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    (folder / "tests" / "cassettes").mkdir(parents=True)
    for path in CASSETTES.glob("*.cassette"):
        shutil.copy(path, folder / "tests" / "cassettes")
    monkeypatch.chdir(folder)
    return folder


def store(*words: str) -> Result:
    return CliRunner().invoke(main, ["store", *words], prog_name="recorder")


def told(code: int, *words: str) -> str:
    """Run a command that ends with this exit code, and with one line on stderr alone; return the line."""
    result = store(*words)

    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr.removeprefix("recorder: ").rstrip("\n")


def test_each_content_is_uploaded_once_to_s3() -> None:
    shutil.copy(PREVIEW, "tests/cassettes/again.cassette")
    url = f"s3://{BUCKET}/suite"

    with counted_s3() as server:
        first = told(0, "push", "tests", url)
        put = [line for line in server.requests if line.startswith("PUT ")]
        server.requests.clear()
        again = told(0, "push", "tests", url)
        asked = {line.partition(" ")[0] for line in server.requests}
        checked = told(0, "check", url)

    assert re.fullmatch(
        r"3 cassettes: 2 uploaded \(\d+ bytes\), 1 there already; cassettes.lock: 3 lines changed", first
    )
    assert len(put) == 2
    assert again == "3 cassettes: 0 uploaded (0 bytes), 3 there already; cassettes.lock: 0 lines changed"
    assert asked == {"HEAD"}
    assert checked == "3 cassettes: 0 problems"


def test_what_was_pushed_comes_back(root: Path) -> None:
    content = Path(PREVIEW).read_bytes()
    told(0, "push", "tests", "shelf")
    shutil.rmtree(root / "tests")

    assert told(0, "pull", "shelf", PREVIEW) == "1 cassette: 1 file written"
    assert Path(PREVIEW).read_bytes() == content
    assert told(0, "pull", "shelf", "tests") == "2 cassettes: 1 file written"
    assert told(0, "pull", "shelf") == "2 cassettes: 0 files written"


def test_the_cache_alone_is_filled_for_tests_that_run_offline(root: Path) -> None:
    told(0, "push", "tests", "shelf")
    shutil.rmtree(root / "tests")

    assert told(0, "pull", "shelf", "--cache") == "2 cassettes in the cache"
    assert not (root / "tests").exists()
    shutil.rmtree(root / "shelf")
    assert told(0, "pull", "shelf") == "2 cassettes: 2 files written"


def test_the_root_may_be_another_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "tests")

    told(0, "push", ".", "../shelf", "--root", "..")

    assert (root / "cassettes.lock").exists()
    assert told(0, "check", "../shelf", "--root", "..") == "2 cassettes: 0 problems"
    assert told(0, "pull", "../shelf", "cassettes", "--root", "..") == "2 cassettes: 0 files written"


def test_a_file_that_was_recorded_anew_is_left_alone_and_told() -> None:
    told(0, "push", "tests", "shelf")
    own = cassette(Path(PREVIEW), "http://mine").read_bytes()

    pulled, checked = store("pull", "shelf"), store("check", "shelf")

    assert (pulled.exit_code, checked.exit_code) == (1, 1)
    assert f"{PREVIEW}: left alone, it has other bytes than cassettes.lock says; push it, or" in pulled.stderr
    assert checked.stdout.startswith(f"{PREVIEW}: the file here has other bytes than cassettes.lock says; push it")
    assert Path(PREVIEW).read_bytes() == own
    assert told(0, "pull", "shelf", "--force") == "2 cassettes: 1 file written"


def test_what_the_store_lacks_is_a_finding(root: Path) -> None:
    told(0, "push", "tests", "shelf")
    shutil.rmtree(root / "shelf")

    result = store("check", "shelf")

    assert result.exit_code == 1
    assert f"{PREVIEW}: is not in the store; push it where its file is\n" in result.stdout
    assert result.stderr == "recorder: 2 cassettes: 2 problems\n"


def test_a_cassette_in_the_clear_is_warned_of() -> None:
    result = store("push", PREVIEW, "shelf")

    assert result.exit_code == 0
    assert "is in the clear" not in result.stderr
    told_of = store("push", str(clear()), "shelf")
    assert "warning: tests/clear.cassette: is in the clear, with all its secrets" in told_of.stderr


def clear() -> Path:
    from dataclasses import replace

    from recorder.cassette.codec import encode, encode_header
    from recorder.cassette.reader import read

    found = read(Path(PREVIEW))
    header = encode_header(replace(found.header, redaction="none"))
    Path("tests/clear.cassette").write_bytes(header + b"".join(map(encode, found.records)))
    return Path("tests/clear.cassette")


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        (5, ["push", "empty", "shelf"], "empty: no cassettes in or below it"),
        (4, ["push", "empty/none", "shelf"], "empty/none: is empty, not a cassette"),
        (4, ["push", "text", "shelf"], "not a cassette"),
        (2, ["push", "missing", "shelf"], "'missing' does not exist"),
        (2, ["push", "tests", "nope://team"], "nope://team: cannot be opened: Protocol not known: nope"),
        (4, ["push", "tests", "text"], "cannot be "),
        (2, ["push", "../outside.cassette", "shelf"], "is not below"),
        (2, ["push", "shelf"], "Missing argument"),
        (
            2,
            ["pull", "shelf"],
            "cassettes.lock: does not exist; `recorder store push FOLDER URL` writes it, --root names",
        ),
        (2, ["check", "shelf"], "cassettes.lock: does not exist"),
        (2, ["psuh"], "did you mean push?"),
    ],
)
def test_what_cannot_be_done_is_one_line(code: int, words: list[str], expected: str, root: Path) -> None:
    (root / "empty").mkdir()
    (root / "text").write_text("text")
    shutil.copy(PREVIEW, root.parent / "outside.cassette")
    if words[1:2] == ["empty/none"]:
        (root / "empty" / "none").touch()

    assert expected in told(code, *words)
    assert not (root / "cassettes.lock").exists()


def test_what_cannot_be_fetched_is_one_line(root: Path) -> None:
    told(0, "push", "tests", "shelf")

    assert "there is no" in told(4, "pull", "other", "--cache")
    assert "http://…@127.0.0.1:9/x: the store cannot be reached (" in told(4, "pull", "http://ann:secret@127.0.0.1:9/x")
    assert "http://127.0.0.1:9/x: the store cannot be reached (" in told(4, "check", "http://127.0.0.1:9/x")
    assert told(5, "pull", "shelf", "tests/other.cassette").startswith("tests/other.cassette: cassettes.lock has no ")
    (root / "cassettes.lock").write_text("<<<<<<< HEAD\n")
    assert "line 1: a conflict of git is not resolved" in told(2, "pull", "shelf")


@pytest.mark.parametrize("command", ["push", "pull", "check"])
def test_each_has_help_with_an_example(command: str) -> None:
    result = store(command, "--help")

    assert result.exit_code == 0
    assert f"\n  Example:  recorder store {command} " in result.stdout
