"""The commands of docs/dialects.md as they stand there, on a recording of an API that no shipped dialect knows."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"
RECORDING = Path(__file__).parents[1] / "cassettes" / "labs" / "parcels.cassette"

pytestmark = pytest.mark.once


def block(tag: str) -> str:
    """The commands of the page that have a tag."""
    _, found, rest = PAGE.read_text().partition(f"```sh run={tag}\n")
    assert found
    return rest.partition("```")[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copyfile(RECORDING, tmp_path / "desk.cassette")
    (tmp_path / "recorder").write_text(f'#!/bin/sh\nexec {sys.executable} -m recorder "$@"\n')
    (tmp_path / "recorder").chmod(0o755)
    return tmp_path


def env(folder: Path) -> dict[str, str]:
    root = str(PAGE.parents[1])
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": root}


def run(folder: Path, tag: str) -> str:
    """What a block of commands prints."""
    asked = ["sh", "-ec", block(tag)]
    ended = subprocess.run(asked, cwd=folder, env=env(folder), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode in {0, 5 if tag == "look" else 0}, ended.stderr
    return ended.stdout + ended.stderr


def test_an_unknown_api_is_learned_by_the_commands_of_the_page(folder: Path) -> None:
    listed = run(folder, "look")
    assert "CreateOrder" not in listed
    assert "holds 74 exchanges and 148 events" in listed
    assert "0 explained before" in run(folder, "suggest")
    told = run(folder, "check")
    assert "no mistakes" in told
    assert "OrderAccepted" in told
    assert "reference" in run(folder, "explain")

    asked = ["sh", "-ec", f"exec {block('replay')}"]
    process = subprocess.Popen(
        asked, cwd=folder, env=env(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        assert any("listening" in line for line in process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0
