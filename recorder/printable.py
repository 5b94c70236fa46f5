"""Escape text from untrusted sources, so that it cannot control a terminal or break a line."""

from __future__ import annotations

import json
import re
from typing import Any

_STEERING = re.compile(r"[^\x20-\x7e\n]")


def printable(text: str) -> str:
    """Return the text on one line, with every non-printable character escaped as in Python."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """Return a value as JSON text, with non-printable characters escaped so that the text is safe on a terminal."""
    return _STEERING.sub(_escaped, json.dumps(value, indent=indent, ensure_ascii=False))


def _escaped(char: re.Match[str]) -> str:
    return char[0] if char[0].isprintable() else json.dumps(char[0])[1:-1]
