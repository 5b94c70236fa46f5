"""The npm package: its own tests in their runners, its types, and what is in it."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.integration.test_examples import WITH_RECORDER

PACKAGE = Path(__file__).parents[2] / "packages" / "outbound-recorder-standin"
# a dozen stand-ins, three runners and a compiler: minutes on a busy machine
pytestmark = [pytest.mark.npm, pytest.mark.once, pytest.mark.timeout(600)]


def run(*command: str) -> str:
    told = subprocess.run(command, cwd=PACKAGE, env=WITH_RECORDER, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.mark.parametrize("name", ["standin", "explore", "runners"])
def test_its_tests_pass(name: str) -> None:
    told = run("node", "--test", "--test-reporter=tap", f"test/{name}.test.js")

    assert "\n# fail 0\n" in told
    assert "\n# skipped 0\n" in told


def test_its_types_are_those_of_its_users_programs() -> None:
    run("node", "node_modules/typescript/bin/tsc", "-p", ".")


def test_a_package_holds_what_its_users_need_and_no_more() -> None:
    npm = shutil.which("npm")
    assert npm is not None
    (packed,) = json.loads(run(npm, "pack", "--dry-run", "--json"))
    described = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
    entries = {
        path.removeprefix("./")
        for each in described["exports"].values()
        if isinstance(each, dict)
        for path in each.values()
    }

    files = {file["path"] for file in packed["files"]}
    assert files - entries == {
        "LICENSE",
        "README.md",
        "package.json",
        "src/finding.js",
        "src/keeper.js",
        "src/misses.js",
    }
    assert entries - files == set()
    assert "dependencies" not in described
    assert described["version"] == version("outbound-recorder")
