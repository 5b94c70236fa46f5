"""docs/pytest.md, followed to the letter: each fenced block is written or run, from the top down, in one project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.test_cassettes import PREVIEW, run
from tests.lab.processes import RECORDER, recorder

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
UPSTREAM = "http://gws.example:8090"


@dataclass(frozen=True, slots=True)
class Command:
    """A line after `$ `, and what the page shows of its output; `…` stands for anything."""

    line: str
    shown: list[str]

    @property
    def code(self) -> int:
        told = re.search(r"# exit code (\d+)$", self.line)
        return int(told[1]) if told else 0

    def run(self, folder: Path, upstream: str) -> None:
        path = {"PATH": f"{Path(RECORDER).parent}:{os.environ['PATH']}"}
        # hypothesis' own plugin is no part of this and takes a second of each run
        environment = os.environ | path | {"COLUMNS": "80", "PYTEST_ADDOPTS": "-p no:hypothesispytest"}
        shell = ["bash", "-c", self.line.replace(UPSTREAM, upstream)]
        done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False)

        assert done.returncode == self.code, (self.line, done.stdout, done.stderr)
        lines = iter(done.stdout.splitlines())
        for shown in self.shown:  # in this order, with others between
            pattern = ".*".join(map(re.escape, shown.split("…")))
            assert any(re.fullmatch(pattern, line) for line in lines), (self.line, shown, done.stdout)


def commands(block: str) -> Iterator[Command]:
    for text in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, *shown = text.splitlines()
        yield Command(line, [words for words in shown if words != "…"])


def written(block: str, folder: Path) -> None:
    """The first line of a file says how it is called."""
    name = block.splitlines()[0].removeprefix("# ")
    assert re.fullmatch(r"[\w.]+\.(py|toml)", name), name
    (folder / name).write_text(block, encoding="utf-8")


@pytest.mark.once
def test_each_block_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "desktop" / "desktop.py", tmp_path)
    (tmp_path / "cassettes").mkdir()
    told = run("redact", PREVIEW, "-o", tmp_path / "cassettes" / PREVIEW.name)  # as recorders leave it
    assert told.exit_code == 0
    count = 0

    with recorder("replay", PREVIEW, "--rate", "instant") as upstream:
        for language, block in BLOCK.findall(PAGE):
            if language == "console":
                for command in commands(block):
                    command.run(tmp_path, upstream.url)
                    count += 1
            else:
                written(block, tmp_path)

    assert count == PAGE.count("\n$ ") >= 8
