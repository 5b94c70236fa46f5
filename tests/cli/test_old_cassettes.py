"""Cassettes that version 0.1 wrote stay readable by every command: for ever, so no file of it is ever made anew.

The three forms in tests/cassettes/v0.1 were written by commit cddfe22, of its shipped preview session:
`recorder slice preview-session.cassette --triples 1-99 -o journal.cassette`, then `recorder seal`, and
`recorder seal --archive`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from recorder.cli import main
from tests.lab.processes import RECORDER, serving

OLD = Path(__file__).parents[1] / "cassettes" / "v0.1"
FORMS = ("journal", "sealed", "archive")
OPERATIONS = [
    "StartPreviewSession", "GetPreviewRecord", "GetChainedRecord",
    "UpdateRecord", "CompleteRecord", "EndPreviewSession",
]  # fmt: skip
READING = {  # command and exit code
    "ls FILE --json": 0,
    "ls FILE --all --json": 0,
    "show FILE 3 --json": 0,
    "grep op:Get* FILE --json": 0,
    "stats FILE --json": 0,
    "timeline FILE --json": 0,
    "explain FILE 3 --json": 0,
    "doctor FILE --json": 0,
    "scan FILE --json": 7,
    "redact FILE --dry-run --json": 0,
    "diff FILE FILE --json": 0,
    "textconv FILE": 0,
}
WRITING = (
    "seal FILE -o OUT", "seal FILE --archive -o OUT", "recorrelate FILE --rules gws-outbound -o OUT",
    "slice FILE --triples 2-3 -o OUT", "merge FILE FILE -o OUT", "redact FILE -o OUT", "recover FILE -o OUT",
    "migrate FILE -o OUT", "report FILE -o OUT",
    *(f"convert FILE --to {form} -o OUT" for form in ("har", "mermaid", "perfetto", "jsonl", "curl", "pytest")),
)  # fmt: skip


def run(command: str, form: str, out: Path = Path("unused")) -> Any:
    words = [{"FILE": str(OLD / f"{form}.cassette"), "OUT": str(out)}.get(word, word) for word in command.split()]
    return CliRunner().invoke(main, words, catch_exceptions=False)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", READING)
def test_a_command_that_reads_takes_it(command: str, form: str) -> None:
    result = run(command, form)

    assert result.exit_code == READING[command], result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", WRITING)
def test_a_command_that_writes_takes_it(command: str, form: str, tmp_path: Path) -> None:
    result = run(command, form, tmp_path / "out")

    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out").stat().st_size > 0


def test_what_passes_is_followed() -> None:
    told = [json.loads(line) for line in run("tail FILE --jsonl", "journal").stdout.splitlines()]

    assert [line["operation"] for line in told if line.get("operation")] == OPERATIONS


def test_the_three_forms_hold_the_same() -> None:
    listed = [json.loads(run("ls FILE --json", form).stdout) for form in FORMS]

    assert [triple["operation"] for triple in listed[0]] == OPERATIONS
    assert listed[0] == listed[1] == listed[2]


@pytest.mark.parametrize("form", FORMS)
def test_it_is_replayed(form: str) -> None:
    command = [RECORDER, "replay", str(OLD / f"{form}.cassette"), "--listen", "127.0.0.1:0", "--json"]
    with serving(command, ready="listening on ") as server:
        pass

    assert server.code == 0
    assert json.loads(server.stdout.splitlines()[-1])["unplayed"] == [1, 2, 3, 4, 5, 6]
