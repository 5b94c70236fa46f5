"""Every command on a system like Windows, as tests/system/windows plays one, against the same command here."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from recorder.cassette.reader import open_cassette
from recorder.cli.group import _make_safe
from recorder.cli.guide.commands import NAMES
from tests.lab.processes import Server, serving
from tests.system.commands import COMMANDS

pytestmark = pytest.mark.timeout(300)  # each test starts some processes, and a busy machine is slow at that
ROOT = Path(__file__).parents[2]
CASSETTE = ROOT / "cassettes" / "preview-session.cassette"
CTRL_BREAK = signal.SIGUSR1  # as tests/system/windows plays it
HERE = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
WINDOWS = HERE | {
    "PYTHONPATH": os.pathsep.join([str(ROOT / "tests/system/windows"), HERE["PYTHONPATH"]]),
    "PYTHONWARNDEFAULTENCODING": "1",  # text in the code page of a system would differ from one to the next
}
SUITE = """
from urllib.request import urlopen

def test_me(standin):
    assert urlopen(standin.url + "/api/v2/me").status == 200
"""
# these serve, record or follow until they are ended; the tests below run them
SERVING = {"demo", "explore", "record", "replay", "verify", "drive", "tail", "view"}


def folder_in(parent: Path, name: str) -> Path:
    folder = parent / name
    (folder / "folder").mkdir(parents=True)
    shutil.copy(CASSETTE, folder / "s.cassette")
    shutil.copy(ROOT / "tests/cassettes/v0.1/sealed.cassette", folder / "old.cassette")
    (folder / "torn.cassette").write_bytes(CASSETTE.read_bytes()[:9000])
    return folder


def printed(by: subprocess.Popen[bytes], folder: Path) -> list[dict[str, object]]:
    out, _ = by.communicate()
    lines = out.decode().replace(str(folder), "FOLDER").splitlines()
    fingerprint = re.compile(r"(SHA-256 |spki-list=)[\w:+/=]+")  # of a certificate that is made anew
    return [json.loads(fingerprint.sub("", line)) for line in lines]


@pytest.mark.once
def test_a_command_is_explored(tmp_path: Path) -> None:
    shutil.copy(CASSETTE, tmp_path / "s.cassette")
    words = [sys.executable, "-m", "recorder", "explore", "s.cassette", "--schedules", "2"]
    late = "import time; time.sleep(60)"

    ends, hangs = (
        subprocess.run([*words, *more], capture_output=True, text=True, check=False, cwd=tmp_path, env=WINDOWS)
        for more in (["--", sys.executable, "-c", "pass"], ["--max-time", "0.5", "--", sys.executable, "-c", late])
    )

    assert (ends.returncode, hangs.returncode) == (1, 1)
    assert ends.stdout.startswith("no order was tried: the client got none of the recorded answers"), ends.stderr
    assert "it did not end within 0.5 s" in hangs.stderr


@pytest.mark.once
def test_every_command_does_on_windows_what_it_does_here(tmp_path: Path) -> None:
    folders = [folder_in(tmp_path, name) for name in ("here", "there")]
    runs = [
        subprocess.Popen([sys.executable, "-m", "tests.system.commands", folder], env=env, stdout=subprocess.PIPE)
        for folder, env in zip(folders, (HERE, WINDOWS), strict=True)
    ]

    here, there = (printed(run, folder) for run, folder in zip(runs, folders, strict=True))

    assert [run.returncode for run in runs] == [0, 0]
    assert here[0] == {"not imported": []}
    assert [row["failed"] for row in here[1:-1]] == [""] * len(COMMANDS.strip().splitlines())
    assert [row for row in there if row not in here] == []
    assert len(there) == len(here)


def test_all_commands_are_run() -> None:
    assert {line.split()[0] for line in COMMANDS.strip().splitlines()} | SERVING >= set(NAMES)


def on_windows(*arguments: str | Path) -> AbstractContextManager[Server]:
    return serving([sys.executable, "-m", "recorder", *map(str, arguments)], ready="listening on ", env=WINDOWS)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "recorder", *map(str, arguments)]
    return subprocess.run(command, env=WINDOWS, capture_output=True, check=False)


def asked(server: Server, path: str) -> int:
    with urllib.request.urlopen(f"{server.url}{path}", timeout=60) as answer:
        return int(answer.status)


@pytest.mark.once
def test_a_growing_recording_can_be_read_and_is_locked_and_ctrl_break_ends_it(tmp_path: Path) -> None:
    live, log = tmp_path / "live.cassette", tmp_path / "log"
    with (
        on_windows("replay", CASSETTE, "--rate", "instant", "--log", log) as upstream,
        on_windows("record", upstream.url, "-o", live, "--seal") as recorder,
    ):
        assert asked(recorder, "/api/v2/me") == 200
        read, again = run("doctor", live), run("record", upstream.url, "-o", live, "--force")
        recorder.process.send_signal(CTRL_BREAK)
        recorder.process.wait()

    with open_cassette(live) as cassette:
        assert cassette.is_sealed
    assert read.returncode in (0, 1), read.stderr
    assert b"another recorder is writing it" in again.stderr
    assert (recorder.code, recorder.stderr.count("Traceback")) == (0, 0)
    assert "1 requests" in recorder.stderr or "1 request" in recorder.stderr
    assert (upstream.code, upstream.stderr) == (0, "recorder: not asked for: triple 1, 2, 3, 4, 5, 6\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live.cassette", "log"]


@pytest.mark.once
def test_an_agent_is_recorded_and_replayed() -> None:
    done = run("demo")

    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr.decode()
    assert b"events before their cause: 0" in done.stdout
    assert b"\r\n" not in done.stdout


@pytest.mark.once
def test_a_suite_records_and_plays(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SUITE, encoding="utf-8")
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(tmp_path)]
    with on_windows("replay", CASSETTE, "--rate", "instant") as upstream:
        mode = ("--cassette-mode", "once", "--cassette-upstream", upstream.url)
        recorded = subprocess.run([*suite, *mode], env=WINDOWS, cwd=tmp_path, capture_output=True, check=False)
    played = subprocess.run(suite, env=WINDOWS, cwd=tmp_path, capture_output=True, check=False)

    assert (recorded.returncode, played.returncode) == (0, 0), recorded.stdout.decode() + played.stdout.decode()
    assert [path.name for path in (tmp_path / "cassettes").rglob("*.cassette")] != []


def test_what_a_code_page_lacks_is_printed_as_its_escape(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="cp1252") as stream:
        _make_safe(stream)
        stream.write("1 → 2")

    assert (tmp_path / "out").read_bytes() == b"1 \\u2192 2"
