"""Each message that docs/howto/troubleshooting.md explains is one of the code."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.blocks import DOCS, ROOT

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("messages")]  # one worker parses the code

PAGE = (DOCS / "howto" / "troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^### `(.*)`$", PAGE, re.MULTILINE)


@cache
def texts() -> tuple[str, ...]:
    """All texts of the code, with `…` for what is put in."""
    found = []
    for path in (ROOT / "recorder").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append("".join(p.value if isinstance(p, ast.Constant) else "…" for p in node.values))
    return tuple(found)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_one_of_the_code(message: str) -> None:
    parts = [part.strip(" ;:…") for part in message.split("…") if part.strip(" ;:…")]
    like = re.compile(".*".join(map(re.escape, parts)), re.DOTALL)

    assert any(like.search(text) for text in texts()), f"no text of the code is like {message!r}; change the page"


def test_there_are_messages() -> None:
    assert len(MESSAGES) >= 20
