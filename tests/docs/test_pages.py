"""The blocks of each page, as they stand, in an empty folder with the wheel: written, run, or parsed."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, ROOT, SHELL, SHOWN, Block, blocks
from tests.docs.terminal import Terminal, pattern, terminal

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("pages"), pytest.mark.timeout(300)]

# Pages of which somebody else types every block.
WHOLE = {
    "docs/tutorials/investigate.md": "tests/newcomers/play.py",
    "docs/tutorials/test.md": "tests/newcomers/play.py",
}
# Pages whose fenced blocks a test of their own runs: with servers, browsers or clients that only it has.
ELSEWHERE = {
    "docs/api.md": "tests/integration/test_wheel.py",
    "docs/browsers.md": "tests/integration/test_browsers.py",
    "docs/dialects.md": "tests/integration/test_dialect_page.py",
    "docs/drive.md": "tests/integration/test_drive_page.py",
    "docs/inspection.md": "tests/cli/test_captures.py",
    "docs/pytest.md": "tests/integration/test_pytest_page.py",
    "docs/store.md": "tests/cli/test_urls.py",
    **WHOLE,
}
OUTSIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/desktop/README.md", "examples/desktop-js/README.md")
PAGES = [ROOT / name for name in OUTSIDE] + sorted(DOCS.rglob("*.md"))
MOST_SKIPPED = 52  # blocks that are not run, of all pages; each has its reason


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def is_run(page: Path, block: Block) -> bool:
    """Return whether the block is for this test: neither left out nor run by another one."""
    elsewhere = name(page) in WHOLE or (name(page) in ELSEWHERE and block.language != "indented")
    return not (block.skipped or elsewhere or block.language in SHOWN)


RUN = [page for page in PAGES if any(is_run(page, block) for block in blocks(page))]


@pytest.mark.parametrize("page", RUN, ids=name)
def test_each_block_does_what_the_page_says(page: Path, tmp_path: Path, wheel_bin: Path) -> None:
    with terminal(tmp_path / "empty", wheel_bin, PIP_NO_INDEX="1") as typed:
        for block in blocks(page):
            if is_run(page, block):
                does(typed, block)


def does(typed: Terminal, block: Block) -> None:
    """Run a block, write the file that it is, or parse it."""
    names_a_file = re.match(r"#+ [\w./-]+\.\w+$", block.text.splitlines()[0])
    if block.language in SHELL or names_a_file:
        typed.does(block)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "json":
        json.loads(block.text)
    else:
        assert block.language == "yaml", f"how is a block of {block.language} run?"


@pytest.mark.parametrize("page", sorted(ELSEWHERE))
def test_a_page_that_is_run_elsewhere_is_named_there(page: str) -> None:
    test = (ROOT / ELSEWHERE[page]).read_text(encoding="utf-8")

    assert Path(page).name in test or "tests.cli.captures" in test


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    skipped = [f"{name(page)}: {block.skipped}" for page in PAGES for block in blocks(page) if block.skipped]

    assert len(skipped) <= MOST_SKIPPED, "\n".join(skipped)
    assert all(len(line.partition(": ")[2]) > 5 for line in skipped)


def test_no_block_is_lost() -> None:
    """Each fence of a page belongs to a block."""
    fences = {name(page): page.read_text(encoding="utf-8").count("\n```") for page in PAGES}
    found = {name(page): 2 * sum(block.language != "indented" for block in blocks(page)) for page in PAGES}

    assert found == fences


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("1 passed in …", "1 passed in 0.31s"),
        ("1  Start  200 in 56 ms  Started +5", "1   Start    200 in 1234.5 ms  Started +12"),
        ("listening on http://127.0.0.1:8090", "listening on http://127.0.0.1:45123"),
    ],
)
def test_times_ports_and_widths_may_differ(shown: str, printed: str) -> None:
    assert pattern(shown).fullmatch(printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [("1  Start  complete", "1  Start  acked"), ("triple 3", "triple 4"), ("sound", "not sound")],
)
def test_words_and_numbers_may_not(shown: str, printed: str) -> None:
    assert not pattern(shown).fullmatch(printed)
