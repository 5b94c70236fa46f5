"""Read the blocks of a page of the documentation.

A block of a page is run as it stands. Comments that no reader sees say what is special about the block below them:

    <!-- not run: needs a GWS -->     the block is not run, for this reason
    <!-- name: record -->             a script finds the block by this name; so it does by ```sh run=record
    <!-- Ctrl-C -->                   the servers that run are interrupted before the block
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SHELL = frozenset({"console", "sh", "bash", "indented"})
SHOWN = frozenset({"text", "diff", "mermaid", "magic", "ini"})  # nothing to run, and nobody else's syntax to check

_BLOCK = re.compile(
    r"(?P<comments>(?:^<!-- [^\n]* -->\n\n?)*)"
    r"(?:^```(?P<language>\w+)(?P<words>[^\n]*)\n(?P<fenced>.*?)^```$"
    r"|(?P<indented>(?<=\n\n)(?:^ {4}[^\n]*\n(?:\n(?= {4}))?)+))",
    re.DOTALL | re.MULTILINE,
)
_COMMENT = re.compile(r"^<!-- (not run|name|Ctrl-C)(?:: (.*?))? -->$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page.

    Attributes:
        language: The word after the fence, or "indented".
        text: The lines of the block.
        name: The name of the block, "" if it has none.
        skipped: Why it is not run; "" if it is.
        ends: Whether servers are interrupted before it.
    """

    language: str
    text: str
    name: str
    skipped: str
    ends: bool


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page from the top down."""
    for found in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        told = dict(_COMMENT.findall(found["comments"]))
        indented = found["indented"]
        text = found["fenced"] if indented is None else re.sub(r"^ {4}", "", indented, flags=re.MULTILINE)
        name = told.get("name") or (found["words"] or "").strip().removeprefix("run=")
        yield Block(found["language"] or "indented", text, name, told.get("not run", ""), "Ctrl-C" in told)


def named(page: Path, name: str) -> Block:
    """Return the block of a page that has a name."""
    (found,) = [block for block in blocks(page) if block.name == name]
    return found


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a block, and what the page shows of its output; `…` stands for anything."""

    line: str
    shown: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        """The exit code that the page tells in a comment, else 0."""
        told = re.search(r"# exit code (\d+)", self.line)
        return int(told[1]) if told else 0

    @property
    def serves(self) -> bool:
        """Whether the command goes on until it is interrupted."""
        words = re.sub(r"^(?:\w+=(?:\$\(.*?\)|\S)+ )*", "", self.line)
        ends = " -- " in words or "--exit-when-done" in words or "--to " in words
        return re.match(r"(?:recorder (?:replay|record|view)|mitmdump)(?: |$)", words) is not None and not ends


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a block; in a console they stand after `$ `, and their output below them."""
    if block.language == "console":
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            line, *shown = part.splitlines()
            yield Command(line, tuple(words for words in shown if words.strip() not in {"", "…"}))
    else:
        begun = ""
        for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
            begun += line
            if _is_open(begun):
                begun += "\n"
                continue
            if begun.strip() and not begun.startswith("#"):
                yield Command(begun)
            begun = ""


def _is_open(line: str) -> bool:
    """Return whether a quotation goes on in the next line."""
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return True
    return False
