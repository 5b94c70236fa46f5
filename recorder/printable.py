"""Make text for people.

Untrusted text is escaped, so that it cannot control a terminal or break a line. The words behind a count fit it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_UNSEEN = re.compile(r"[^\x20-\x7e\n\t]")
_STEERING = re.compile(r"[^\x20-\x7e\n]")


def printable(text: str) -> str:
    """Return the text on one line, with every non-printable character escaped as in Python."""
    if text.isprintable():  # a hundred times as fast as the loop
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shown(text: str) -> str:
    """Return a text of several lines, with other non-printable characters than tabs escaped as in TOML."""
    return _UNSEEN.sub(lambda char: char[0] if char[0].isprintable() else _named(ord(char[0])), text)


def shortened(text: str, most: int) -> str:
    """Return the beginning of a text of which `printable` makes so many characters at most, with … where it is cut."""
    length = 0
    for place, char in enumerate(text):  # not longer than `most`
        length += len(printable(char))
        if length > most:
            return f"{text[:place]}…"
    return text


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """Return a value as JSON text, with non-printable characters escaped so that the text is safe on a terminal."""
    return _STEERING.sub(_escaped, json.dumps(value, indent=indent, ensure_ascii=False))


def counted(number: int, one: str, more: str = "") -> str:
    """Return a number with the words that fit it.

    Args:
        number: The number.
        one: The words behind 1, e.g. `body is`.
        more: The words behind any other number, e.g. `bodies are`; "" adds an s to `one`.
    """
    return f"{number} {one if number == 1 else more or f'{one}s'}"


class Count(int):
    """A number for templates: `{count:body is|bodies are}` is formatted by `counted`."""

    def __format__(self, spec: str) -> str:
        """Return the number with its words; without words, as any number."""
        if "|" not in spec:
            return super().__format__(spec)
        one, more = spec.split("|")
        return counted(self, one, more)


def _escaped(char: re.Match[str]) -> str:
    return char[0] if char[0].isprintable() else json.dumps(char[0])[1:-1]


def _named(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def name_of(function: Callable[..., object]) -> str:
    """Return the name of a function in messages: its module and qualified name."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', type(function).__module__)}.{name}"
