"""The examples, run as their READMEs say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.processes import RECORDER

EXAMPLES = Path(__file__).parents[2] / "examples"
WITH_RECORDER = os.environ | {"PATH": f"{Path(RECORDER).parent}:{os.environ['PATH']}"}


def run(*command: str, cwd: Path) -> str:
    told = subprocess.run(command, cwd=cwd, env=WITH_RECORDER, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.mark.once
def test_the_python_desktop_passes_its_tests() -> None:
    told = run(sys.executable, "-m", "pytest", "examples/desktop", cwd=EXAMPLES.parent)

    assert re.search(r"=+ 5 passed in ", told)  # and no warnings


@pytest.mark.node
@pytest.mark.once
def test_the_javascript_desktop_passes_its_tests() -> None:
    told = run("node", "--test", "--test-reporter=tap", cwd=EXAMPLES / "desktop-js")

    assert re.findall(r"^# (tests|pass) (\d+)$", told, re.MULTILINE) == [("tests", "4"), ("pass", "4")]
