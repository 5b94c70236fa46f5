"""The tree tests itself: rooms of a few modules, each with its tests, and nothing of one machine in any file."""

from __future__ import annotations

import ast
import gc
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
MODULES = sorted(p for folder in ("recorder", "addons") for p in (ROOT / folder).rglob("*.py"))
PACKAGES = sorted({p.parent for p in MODULES if "recorder" in p.relative_to(ROOT).parts and p.name != "__init__.py"})
TESTED_ELSEWHERE = {  # by whole processes, in tests/cli and tests/integration
    "recorder/cli/commands": "tests/cli",
    "recorder/cli/driving": "tests/cli",
    "recorder/cli/exploring": "tests/cli",
    "recorder/cli/recording": "tests/cli",
}
FLAT = 14  # modules in a folder; `cli/commands` has one for each command


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(text: str) -> ast.Module:
    """Parse with the collector off.

    Python 3.11 counts the depth of a syntax tree for the whole process: a finalizer that formats a traceback meanwhile
    (it parses too) makes the parser raise SystemError, see python/cpython#106905.
    """
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        gc.enable()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_has_at_most_600_lines_and_its_functions_50(path: Path) -> None:
    text = path.read_text()
    functions = [n for n in ast.walk(parsed(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert len(text.splitlines()) <= 600
    assert [f.name for f in functions if f.end_lineno is not None and f.end_lineno - f.lineno >= 50] == []


@pytest.mark.parametrize("folder", PACKAGES, ids=name)
def test_a_package_has_its_tests_in_the_same_place(folder: Path) -> None:
    tests = ROOT / TESTED_ELSEWHERE.get(name(folder), f"tests/{folder.relative_to(ROOT / 'recorder').as_posix()}")

    assert sorted(tests.glob("test_*.py")) != []


@pytest.mark.parametrize("folder", [p for p in PACKAGES if p.name != "commands"], ids=name)
def test_a_folder_is_no_heap(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= FLAT


def test_files_are_written_in_one_place() -> None:
    """A command that opens its output by itself can destroy what it reads."""
    writes = re.compile(
        r"\.write_(?:text|bytes)\(|\bopen\([^)]*\"[wax+]b?\"|\bO_(?:CREAT|TRUNC)\b|\bos\.(?:replace|rename)\("
    )
    modules = [p for p in MODULES if name(p) != "recorder/output.py" and writes.search(p.read_text())]

    assert [name(p) for p in modules if p.is_relative_to(ROOT / "recorder")] == []


def test_no_file_names_a_machine_path_or_a_registry_host() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    forbidden = re.compile(
        rb"/(?:root|work|farm|home)/[a-z]|registry\.npm" + rb"js|files\.python" + rb"hosted|\bpypi\." + rb"org"
    )

    found = [f for f in files if (ROOT / f).is_file() and forbidden.search((ROOT / f).read_bytes())]

    assert found == []


def test_lock_files_have_no_resolved_addresses() -> None:
    locks = [
        lock for folder in ("tests", "benchmarks", "packages") for lock in (ROOT / folder).glob("*/package-lock.json")
    ]

    assert len(locks) >= 5
    assert [name(lock) for lock in locks if '"resolved"' in lock.read_text()] == []
