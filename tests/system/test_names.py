"""What one system lacks is used in recorder/system alone, or after a look whether it is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.system.windows import absent

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for folder in ("recorder", "addons") for path in (ROOT / folder).rglob("*.py"))
OUTSIDE = [path for path in MODULES if not path.is_relative_to(ROOT / "recorder/system")]
LOOPS = frozenset({"add_signal_handler", "remove_signal_handler", "add_reader", "remove_reader", "add_writer"})
WITH_LOOPS = {"recorder/replay/server/limits.py"}  # has another way for the loop of Windows


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> set[str]:
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) if not node.level}


def used(tree: ast.AST, module: str, names: frozenset[str]) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module
        if node.attr in names
    }


@pytest.mark.parametrize("path", OUTSIDE, ids=name)
def test_no_module_needs_what_windows_lacks(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    looked_for = set(re.findall(r'hasattr\(\w+, "(\w+)"\)', text)) | (
        {"SIGALRM", "ITIMER_REAL"} if "setitimer" in text else set()
    )

    assert imported(tree) & absent.MODULES == set()
    assert used(tree, "os", absent.OS) - looked_for == set()
    assert used(tree, "signal", absent.SIGNAL) - looked_for == set()
    assert name(path) in WITH_LOOPS or not any(f".{call}(" in text for call in LOOPS)


@pytest.mark.parametrize("path", sorted(set(MODULES) - set(OUTSIDE)), ids=name)
def test_modules_that_windows_lacks_are_imported_where_that_may_fail(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        found
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        and any(isinstance(h.type, ast.Name) and h.type.id == "ImportError" for h in node.handlers)
        for part in node.body
        for found in imported(part)
    }

    assert imported(tree) & absent.MODULES - guarded == set()
