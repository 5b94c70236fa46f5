"""Split a JSON text into tokens, as far as it looks like JSON."""

from __future__ import annotations

import json
import re

STRING_RE = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_WORD_RE = r'([^\s{}\[\]:,"][^{}\[\]:,"]*+)'
# Four alternatives: a member, whose value may be missing; a value; a closing bracket; a string without an end.
TOKEN = re.compile(
    rf"{STRING_RE}\s*+:\s*+(?:{STRING_RE}|([{{\[])|{_WORD_RE})?+"
    rf'|{STRING_RE}|([{{\[])|{_WORD_RE}|([}}\]])|(".*+)',
    re.DOTALL,
)
# Group numbers. Up to MEMBER the token is a member, and its last group is the value, if there is one.
NAME, MEMBER, CLOSES, REST = 1, 4, 8, 9
STRINGS, OPENS = (2, 5), (3, 6)
NUMBER_RE = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
NUMBER = re.compile(NUMBER_RE)
LITERALS = ("true", "false", "null")


def content(string: str) -> str:
    """Return what a string of JSON says, given without its quotes; a string with a wrong escape stays as it is."""
    if "\\" not in string:
        return string
    try:
        return str(json.loads(f'"{string}"', strict=False))
    except ValueError:
        return string
