"""`recorder edit`: a cassette as text, in an editor or in files."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recorder.cassette.reader import read
from recorder.cli import main
from recorder.library.sealing import seal
from recorder.model import Response

CASSETTES = Path(__file__).parents[2] / "cassettes"
PREVIEW = CASSETTES / "preview-session.cassette"


def run(*words: object, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["edit", *map(str, words)], input=text, prog_name="recorder")


def refused(result: Result, *words: str) -> None:
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert all(word in result.stderr.splitlines()[-1] for word in words), result.stderr


@pytest.fixture
def sealed(tmp_path: Path) -> bytes:
    """The sealed form of the cassette."""
    seal(PREVIEW, tmp_path / "sealed.cassette")
    return (tmp_path / "sealed.cassette").read_bytes()


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that runs a script of sed on the file."""
    script = tmp_path / "script.sed"
    program = tmp_path / "editor"
    program.write_text(f'#!/bin/sh\nexec sed -i -f {script} "$1"\n')
    program.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(program))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # else it is the first TMPDIR of the process
    return script


def test_a_text_without_a_change_gives_the_sealed_cassette(tmp_path: Path, sealed: bytes) -> None:
    written = run(PREVIEW, "--to", tmp_path / "new" / "a.toml")
    made = run("--from", tmp_path / "new" / "a.toml", "-o", tmp_path / "b" / "a.cassette")

    assert (written.exit_code, made.exit_code) == (0, 0), written.stderr + made.stderr
    assert "recorder edit --from" in written.stderr
    assert made.stderr.endswith("records, sealed\n")
    assert (tmp_path / "b" / "a.cassette").read_bytes() == sealed


def test_a_text_goes_through_stdout_and_stdin(tmp_path: Path, sealed: bytes) -> None:
    text = run(PREVIEW, "--to", "-").stdout

    assert run("--from", "-", "-o", tmp_path / "a.cassette", text=text).exit_code == 0
    assert (tmp_path / "a.cassette").read_bytes() == sealed


def test_an_editor_changes_a_cassette(editor: Path, tmp_path: Path) -> None:
    editor.write_text("s/^status = 200$/status = 503/\n")

    result = run(PREVIEW, "-o", tmp_path / "a.cassette")

    assert result.exit_code == 0, result.stderr
    statuses = {record.status for record in read(tmp_path / "a.cassette").records if isinstance(record, Response)}
    assert statuses == {503}
    assert not list(tmp_path.glob("recorder-edit-*"))


def test_an_editor_that_changes_nothing_writes_nothing(editor: Path, tmp_path: Path) -> None:
    editor.write_text("")

    result = run(PREVIEW, "-o", tmp_path / "a.cassette")

    assert (result.exit_code, result.stderr) == (0, "recorder: nothing was changed, and nothing is written\n")
    assert not (tmp_path / "a.cassette").exists()


def test_a_text_with_a_mistake_is_kept_and_can_be_corrected(editor: Path, tmp_path: Path) -> None:
    editor.write_text("s/^status = 200$/status = fine/\n")

    result = run(PREVIEW, "-o", tmp_path / "a.cassette")

    kept = next(tmp_path.glob("recorder-edit-*/preview-session.toml"))
    refused(result, f"{kept}:", "record: Invalid value")
    assert f"recorder edit --from {kept} -o {tmp_path / 'a.cassette'}" in result.stderr
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not (tmp_path / "a.cassette").exists()
    kept.write_text(kept.read_text().replace("= fine", "= 200"))
    assert run("--from", kept, "-o", tmp_path / "a.cassette").exit_code == 0


def test_an_editor_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "false")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # else it is the first TMPDIR of the process

    refused(run(PREVIEW, "-o", tmp_path / "a.cassette"), "set VISUAL or EDITOR")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ('rm "$1"', "the editor left no text"),
        ('rm "$1"; mkdir "$1"', "the editor left no text"),
        ('echo >>"$1"; touch "{new}"', "exists already"),
        ('echo >>"$1"; exit 3', "set VISUAL or EDITOR"),
        ("exit '", "no command"),
    ],
)
def test_what_goes_wrong_in_an_editor_is_told_and_loses_no_text(
    script: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "a.cassette"
    program = tmp_path / "editor"
    program.write_text("#!/bin/sh\n" + script.replace("{new}", str(new)) + "\n")
    program.chmod(0o755)
    monkeypatch.setenv("VISUAL", "exit '" if script == "exit '" else str(program))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # else it is the first TMPDIR of the process

    result = run(PREVIEW, "-o", new)

    refused(result, told)
    kept = [path for path in tmp_path.glob("recorder-edit-*/*.toml") if path.is_file()]
    assert len(kept) == (not script.startswith("rm"))
    assert all(f"recorder edit --from {path} -o {new}" in result.stderr for path in kept)


def test_a_text_is_told_of_when_the_user_interrupts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, editor: Path
) -> None:
    def interrupted(filename: str) -> None:
        Path(filename).write_text("changed")
        raise KeyboardInterrupt

    monkeypatch.setattr("click.edit", interrupted)
    result = run(PREVIEW, "-o", tmp_path / "a.cassette")

    (kept,) = tmp_path.glob("recorder-edit-*/*.toml")
    assert result.exit_code != 0
    assert f"recorder edit --from {kept} -o {tmp_path / 'a.cassette'}" in result.stderr


def test_without_a_terminal_no_editor_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    refused(run(PREVIEW, "-o", tmp_path / "a.cassette"), "there is no terminal for an editor")


def test_a_cassette_is_replaced_only_by_force(editor: Path, tmp_path: Path) -> None:
    editor.write_text("s/^status = 200$/status = 503/\n")
    (tmp_path / "a.cassette").write_bytes(PREVIEW.read_bytes())

    refused(run(tmp_path / "a.cassette"), "--force to replace the old one")
    refused(run(PREVIEW, "-o", tmp_path / "a.cassette"), "exists already")
    assert run(tmp_path / "a.cassette", "--force").exit_code == 0
    assert (tmp_path / "a.cassette").read_bytes() != PREVIEW.read_bytes()


def test_all_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    text = run(PREVIEW, "--to", "-").stdout.replace("status = 200", "status = true")

    result = run("--from", "-", "-o", tmp_path / "a.cassette", text=text)

    refused(result, "stdin:", "status: is a whole number")
    assert len(result.stderr.splitlines()) == 20


def test_what_is_odd_about_the_session_is_told(tmp_path: Path) -> None:
    text = run(PREVIEW, "--to", "-").stdout.replace("exchange = 3\n", "exchange = 2\n")

    result = run("--from", "-", "-o", tmp_path / "a.cassette", text=text)

    assert result.exit_code == 0
    assert "recorder: warning: " in result.stderr


def test_a_text_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"[cassette]\n\xff\n")

    refused(run("--from", tmp_path / "a.toml", "-o", tmp_path / "b"), "a.toml:2: text: byte 0xff is not UTF-8")
    refused(run("--from", tmp_path / "no.toml", "-o", tmp_path / "b"), "does not exist")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give the new cassette"),
        (["-o", "new"], "name the cassette to edit"),
        (["--to", "-"], "name the cassette to edit"),
        (["--force"], "give the new cassette"),
        ([PREVIEW, "--to", "-", "-o", "new"], "give one of both"),
        ([PREVIEW, "--to", "-", "--from", "-"], "give one of both"),
        ([PREVIEW, "--to", PREVIEW, "--force"], "the command reads this file"),
    ],
)
def test_options_that_make_no_sense(words: list[object], told: str) -> None:
    refused(run(*words), told)
