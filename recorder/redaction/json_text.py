"""Change values in a JSON text and leave each other byte as it is: white space, numbers, escapes, order.

Parsing and writing the JSON would not do that: some numbers, duplicate names and escapes are lost on the way. A text
that is not valid JSON, such as one that was cut off, is read as far as it looks like JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Set as AbstractSet
from typing import Protocol

from .policy import Place, Policy, Rule

_STRING_RE, _WORD_RE = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', r'([^\s{}\[\]:,"][^{}\[\]:,"]*+)'
# Four alternatives: a member, whose value may be missing; a value; a closing bracket; a string without an end.
_TOKEN = re.compile(
    rf"{_STRING_RE}\s*+:\s*+(?:{_STRING_RE}|([{{\[])|{_WORD_RE})?+"
    rf'|{_STRING_RE}|([{{\[])|{_WORD_RE}|([}}\]])|(".*+)',
    re.DOTALL,
)
# Group numbers. Up to _MEMBER the token is a member, and its last group is the value, if there is one.
_NAME, _MEMBER, _CLOSES, _REST = 1, 4, 8, 9
_STRINGS, _OPENS = (2, 5), (3, 6)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ASCII, _UNICODE = json.JSONEncoder().encode, json.JSONEncoder(ensure_ascii=False).encode
_DEEPEST = 1000  # levels whose rules are tracked; a limit, because a body from outside may be nested without end
_LITERALS = ("true", "false", "null")


class Change(Protocol):
    """The callbacks of `changed`; each returns the text to write in place of its argument."""

    @property
    def empty(self) -> AbstractSet[str]:
        """The texts known to hold no value; `changed` does not pass them to the methods below."""

    def value(self, content: str, rule: Rule) -> str:
        """Return what to write in place of a string; `rule` is what the policy says of its place."""

    def number(self, digits: str, rule: Rule) -> str:
        """Return what to write in place of a number, given as its text."""

    def text(self, text: str) -> str:
        """Return what to write in place of a member's name, or of a part that is not JSON."""


def changed(text: str, change: Change, policy: Policy) -> str:  # noqa: PLR0912  # one pass, and the hottest loop
    """Return a JSON text with its strings, numbers and names changed, each by the rule of its place."""
    pieces: list[str] = []
    last = deeper = 0
    outer: list[Place] = []
    # `place` is the enclosing object or array, `here` its current member; an array element has the place of its array.
    place = here = policy.root()
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
    """Return what to write in place of a number, a literal, an unfinished string, or a part that is not JSON."""
    bare = word.rstrip()
    if bare in _LITERALS:
        return word
    if _NUMBER.fullmatch(bare):
        return change.number(bare, rule) + word[len(bare) :]
    if word[0] == '"':  # the text was cut off inside this string
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
    """Return a text as a JSON string.

    Non-ASCII characters are escaped where the document has none, and where the text has half a surrogate pair, which
    UTF-8 cannot encode.
    """
    return _ASCII(text) if is_ascii or _SURROGATE.search(text) else _UNICODE(text)
