"""The exit code of a verdict stays the same when the reader of stdout hangs up, or stdout fails."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from recorder import StandIn
from recorder.cassette.codec import encode, encode_header
from recorder.cli import main
from tests.cli.test_cassettes import PREVIEW, SMALL
from tests.lab.processes import RECORDER
from tests.wire import HEADER, Wire, preview

POLICY = "name = {name}\n[headers]\nkeep = []\n[fields]\nsecret = []\n"


def in_the_clear(*phones: str) -> bytes:
    """Return a cassette that was not redacted, with a finding for each telephone number."""
    wire = Wire()
    desk = wire.desk()
    for phone in phones:
        wire.ack(desk.post(preview(phoneNumber=phone)))
    return encode_header(replace(HEADER, redaction="none")) + b"".join(map(encode, wire.records))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cassettes with and without findings, and policies with and without mistakes."""
    damaged = bytearray(SMALL.read_bytes())
    damaged[3000] ^= 1
    contents = {
        "found.cassette": in_the_clear("+49 351 4555-0"),
        "many.cassette": in_the_clear(*(f"+49 351 4555-{n}" for n in range(50))),
        "clean.cassette": encode_header(HEADER),
        "damaged.cassette": bytes(damaged),
        "small.cassette": SMALL.read_bytes(),
        "preview.cassette": PREVIEW.read_bytes(),
        "right.toml": POLICY.format(name='"right"').encode(),
        "wrong.toml": POLICY.format(name="1").encode(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def code(words: str, out: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command whose stdout is this descriptor; return its exit code."""
    with os.fdopen(out, "w", encoding="utf-8") as stdout, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        with pytest.raises(SystemExit) as ended:
            main(words.split(), prog_name="recorder")
    return int(ended.value.code or 0)


VERDICTS = [
    ("scan found.cassette", 7),
    ("scan clean.cassette found.cassette preview.cassette", 7),
    ("scan found.cassette --json", 7),
    ("scan found.cassette --format sarif", 7),
    ("scan damaged.cassette found.cassette --json", 4),
    ("scan found.cassette damaged.cassette", 4),
    ("doctor damaged.cassette", 4),
    ("doctor damaged.cassette --json", 4),
    ("diff small.cassette preview.cassette", 1),
    ("diff small.cassette preview.cassette --json", 1),
    ("diff small.cassette preview.cassette --jsonl", 1),
    ("policy check right.toml right.toml wrong.toml", 1),
    ("dialect check wrong.toml", 1),
    ("explore small.cassette --schedule recorded -- false", 1),
    ("ls damaged.cassette small.cassette", 4),
]
SUCCESSES = [
    "scan clean.cassette --json",
    "doctor small.cassette",
    "policy check right.toml",
    "ls small.cassette",
    "explore small.cassette --schedule recorded -- true",
    "explore small.cassette --schedule recorded --json -- true",
]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("words", "wanted"), VERDICTS)
def test_a_reader_that_hung_up_does_not_change_a_verdict(
    words: str, wanted: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    assert code(words, writing, monkeypatch) == wanted
    assert "Traceback" not in capsys.readouterr().err
    assert "pipe" not in capsys.readouterr().err.lower()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("words", SUCCESSES)
def test_a_reader_that_hung_up_is_no_failure(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    assert code(words, writing, monkeypatch) == 0


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("words", "wanted"), [*VERDICTS[:-1], *((words, 4) for words in SUCCESSES)])
def test_a_full_disk_fails_a_success_and_changes_no_verdict(
    words: str, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code(words, os.open("/dev/full", os.O_WRONLY), monkeypatch) == wanted


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", ["verify", "drive"])
def test_a_full_disk_fails_a_run_against_a_server(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDER_HEADER_AUTHORIZATION", "Basic YWdlbnQ6c2VjcmV0")
    codes = []
    for place in (os.devnull, "/dev/full"):
        with StandIn(PREVIEW, rate="instant") as stand_in:
            words = f"{command} preview.cassette --to {stand_in.url} --allow-all --rate instant --json"
            codes.append(code(words, os.open(place, os.O_WRONLY), monkeypatch))

    assert codes == [0, 4]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("end", ["| head -1", "| grep -q record", ">&-", "> /dev/full"])
def test_a_shell_sees_the_verdict(end: str) -> None:
    line = f"set -o pipefail; {RECORDER} scan found.cassette many.cassette {end}"

    told = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)

    assert told.returncode == 7
    assert "secrets or personal values in 2 of 2 files" in told.stderr
