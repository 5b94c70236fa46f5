"""The page's source: its filter is that of the command line, and what is committed is what it builds to."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "recorder" / "views" / "page"
VECTORS = json.loads((Path(__file__).parent / "filter-vectors.json").read_text())


def node(*arguments: str | Path, given: str = "") -> str:
    done = subprocess.run(["node", *arguments], input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.node
@pytest.mark.once
def test_the_filter_of_the_page_gives_the_answers_of_the_command_line() -> None:
    vectors = [*VECTORS["expressions"], *VECTORS["mistakes"]]
    asked = {"keys": VECTORS["keys"], "triples": VECTORS["triples"], "asked": [v["expression"] for v in vectors]}

    answers: list[Any] = json.loads(node(Path(__file__).parent / "vectors.js", given=json.dumps(asked)))

    expected = [v["fits"] if "fits" in v else {"column": v["column"]} for v in vectors]
    told = [(v["expression"], answer) for v, answer in zip(vectors, answers, strict=True)]
    assert told == [(v["expression"], answer) for v, answer in zip(vectors, expected, strict=True)]


@pytest.mark.bundler
@pytest.mark.once
def test_what_is_committed_is_what_the_source_builds_to(tmp_path: Path) -> None:
    node(PAGE / "build.js", tmp_path)

    built = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert built == {path.name: path.read_text("utf-8") for path in (PAGE / "built").iterdir()}


MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
ASKING = re.compile(r"fetch\(|XMLHttp|EventSource|WebSocket\(|sendBeacon|\bimport\(")


def test_the_source_makes_no_markup_of_text() -> None:
    found = [path.name for path in (PAGE / "src").rglob("*.*") if MARKUP.search(path.read_text("utf-8"))]

    assert found == []


def test_only_the_source_of_the_viewer_asks_anybody() -> None:
    found = [path.name for path in (PAGE / "src").rglob("*.*") if ASKING.search(path.read_text("utf-8"))]

    assert found == ["server.js"]


@pytest.mark.parametrize("built", ["page.js"])
def test_the_page_of_a_report_has_nothing_that_asks(built: str) -> None:
    assert ASKING.search((PAGE / "built" / built).read_text("utf-8")) is None


def test_its_files_are_small() -> None:
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in (PAGE / "src").rglob("*.js")}

    assert max(lengths.values()) <= 300


def test_its_lock_file_has_no_resolved_addresses() -> None:
    assert '"resolved"' not in (PAGE / "package-lock.json").read_text()
