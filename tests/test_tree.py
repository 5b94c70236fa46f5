"""The tree tests itself: small modules, each with its tests, and nothing of one machine in any file."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(p for folder in ("recorder", "addons") for p in (ROOT / folder).rglob("*.py"))
TESTED_AS_A_WHOLE = {
    # the fronts and commands: run as real processes by tests/integration and tests/cli
    "recorder/__main__.py", "recorder/client.py", "recorder/capture/mitm/proxy.py", "recorder/replay/server/app.py",
    "addons/contentview.py", "addons/record.py", "addons/replay.py",
    # run in suites of their own by all of tests/plugin
    "recorder/pytest_plugin.py",
}  # fmt: skip
DATA = {"recorder/errors.py", "recorder/model.py"}  # nothing in them runs


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_has_at_most_400_lines_and_its_functions_50(path: Path) -> None:
    text = path.read_text()
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert len(text.splitlines()) <= 400
    assert [f.name for f in functions if f.end_lineno is not None and f.end_lineno - f.lineno >= 50] == []


@pytest.mark.parametrize("path", [p for p in MODULES if p.name != "__init__.py"], ids=name)
def test_a_module_has_its_test_file(path: Path) -> None:
    own = (
        ROOT / "tests" / path.relative_to(ROOT / "recorder").with_name(f"test_{path.name}")
        if "recorder" in path.parts
        else None
    )

    if name(path) in TESTED_AS_A_WHOLE | DATA or name(path).startswith("recorder/cli/"):
        return
    assert own is not None
    assert own.is_file()


def test_no_file_names_a_machine_path_or_a_registry_host() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    forbidden = re.compile(
        rb"/(?:root|work|farm|home)/[a-z]|registry\.npm" + rb"js|files\.python" + rb"hosted|\bpypi\." + rb"org"
    )

    found = [f for f in files if (ROOT / f).is_file() and forbidden.search((ROOT / f).read_bytes())]

    assert found == []


def test_lock_files_have_no_resolved_addresses() -> None:
    locks = [lock for folder in ("tests", "benchmarks") for lock in (ROOT / folder).glob("*/package-lock.json")]

    assert len(locks) >= 4
    assert [name(lock) for lock in locks if '"resolved"' in lock.read_text()] == []
