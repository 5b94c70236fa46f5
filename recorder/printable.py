"""Text of strangers for a terminal: what would steer it or break a line is shown, and has no effect."""

from __future__ import annotations

import json
import re
from typing import Any

_STEERING = re.compile(r"[^\x20-\x7e\n]")


def printable(text: str) -> str:
    """Text without the characters that would steer a terminal or break a line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """A value as JSON for programs, escaped so far that it can be looked at in a terminal."""
    return _STEERING.sub(_escaped, json.dumps(value, indent=indent, ensure_ascii=False))


def _escaped(char: re.Match[str]) -> str:
    return char[0] if char[0].isprintable() else json.dumps(char[0])[1:-1]
