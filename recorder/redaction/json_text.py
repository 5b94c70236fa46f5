"""Changes values in a JSON text and leaves every other byte of it as it is: white space, numbers, escapes, order.

A parser and a writer would not: JSON as people send it has numbers, duplicate names and escapes that do not come back.
What is not JSON is walked through as far as it looks like it; it is never made worse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Set as AbstractSet
from typing import Protocol

from .policy import Place, Policy, Rule

_STRING_RE, _WORD_RE = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', r'([^\s{}\[\]:,"][^{}\[\]:,"]*+)'
# a member, of which the value may be missing; a value; what closes; a string without an end
_TOKEN = re.compile(
    rf"{_STRING_RE}\s*+:\s*+(?:{_STRING_RE}|([{{\[])|{_WORD_RE})?+"
    rf'|{_STRING_RE}|([{{\[])|{_WORD_RE}|([}}\]])|(".*+)',
    re.DOTALL,
)
_NAME, _MEMBER, _CLOSES, _REST = 1, 4, 8, 9  # groups; a member ends with its value, if it has one
_STRINGS, _OPENS = (2, 5), (3, 6)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ASCII, _UNICODE = json.JSONEncoder().encode, json.JSONEncoder(ensure_ascii=False).encode
_DEEPEST = 1000  # levels that are kept apart: a stranger may nest without end
_LITERALS = ("true", "false", "null")


class Change(Protocol):
    """What becomes of values; each gives back what is to stand in its place."""

    @property
    def empty(self) -> AbstractSet[str]:
        """Texts that were looked at and hold nothing: most are."""

    def value(self, content: str, rule: Rule) -> str:
        """A string."""

    def number(self, digits: str, rule: Rule) -> str:
        """A number, as it is written."""

    def text(self, text: str) -> str:
        """The name of a member, or what is no JSON."""


def changed(text: str, change: Change, policy: Policy) -> str:  # noqa: PLR0912  # one pass, and the hottest loop
    """A JSON text with its values changed."""
    pieces: list[str] = []
    last = deeper = 0
    outer: list[Place] = []
    place = here = policy.root()  # an object or array, and what comes next in it: arrays have no names
    rule, empty = here.rule, change.empty
    for token in _TOKEN.finditer(text):
        kind = token.lastindex or 0
        if kind <= _MEMBER:
            old = _content(token[1])
            here = place.inner.get(old) or policy.inside(place, old)
            rule = here.rule
            if old not in empty and (new := change.text(old)) != old:
                pieces += [text[last : token.start()], _quoted(new, is_ascii=text.isascii())]
                last = token.end(1) + 1
        if kind in _STRINGS:
            old = _content(token[kind])
            if rule.kept or (rule.kind is None and old in empty) or (new := change.value(old, rule)) == old:
                continue
            pieces += [text[last : token.start(kind) - 1], _quoted(new, is_ascii=text.isascii())]
            last = token.end()
        elif kind in _OPENS:
            if len(outer) < _DEEPEST:
                outer.append(place)
                place = here
            else:
                deeper += 1
        elif kind == _CLOSES:
            if deeper:
                deeper -= 1
            else:
                here = place = outer.pop() if outer else place
            rule = here.rule
        elif kind != _NAME and (not rule.kept or kind == _REST):
            old = token[kind]
            new = _word(old, rule, change)
            if new != old:
                pieces += [text[last : token.start(kind)], new]
                last = token.end()
    return "".join([*pieces, text[last:]]) if pieces else text


def _word(word: str, rule: Rule, change: Change) -> str:
    """What stands in the place of a number, or of something else that is no string."""
    bare = word.rstrip()
    if bare in _LITERALS:
        return word
    if _NUMBER.fullmatch(bare):
        return change.number(bare, rule) + word[len(bare) :]
    if word[0] == '"':  # cut off in the middle of a value
        return '"' + (change.text(word[1:]) if rule.kept else change.value(word[1:], rule))
    return change.text(word)


def _content(string: str) -> str:
    if "\\" not in string:
        return string
    try:
        return str(json.loads(f'"{string}"', strict=False))
    except ValueError:
        return string


def _quoted(text: str, *, is_ascii: bool) -> str:
    """A string; in a text without other letters, or where UTF-8 has none for half a surrogate pair, with escapes."""
    return _ASCII(text) if is_ascii or _SURROGATE.search(text) else _UNICODE(text)
