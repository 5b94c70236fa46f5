"""Changes values in a JSON text and leaves every other byte of it as it is: white space, numbers, escapes, order.

A parser and a writer would not: JSON as people send it has numbers, duplicate names and escapes that do not come back.
What is not JSON is walked through as far as it looks like it; it is never made worse.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Protocol

from .policy import NO_RULE, Policy, Rule

_TOKEN = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"|([{}\[\]:,])|([^\s{}\[\]:,"]+)|(".*)', re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_LONGEST = 400  # characters of a path: rules look at its end, and a stranger may nest without end


class Change(Protocol):
    """What becomes of values; each gives back what is to stand in its place."""

    def value(self, content: str, rule: Rule) -> str:
        """A string."""

    def number(self, digits: str, rule: Rule) -> str:
        """A number, as it is written."""

    def text(self, text: str) -> str:
        """The name of a member, or what is no JSON."""


@dataclass(slots=True)
class _Level:
    path: str
    rule: Rule
    is_object: bool
    name: str = ""
    awaits_name: bool = False

    @property
    def inner(self) -> str:
        """The path of what comes next in it; arrays have no names."""
        if not self.is_object:
            return self.path
        return f"{self.path}.{self.name}"[-_LONGEST:] if self.path else self.name


def changed(text: str, change: Change, policy: Policy, rule: Rule = NO_RULE) -> str:
    """A JSON text with its values changed; `rule` goes for those that no other one fits."""
    pieces: list[str] = []
    last = 0
    levels = [_Level("", rule, is_object=False)]
    for token in _TOKEN.finditer(text):
        mark = token[2]
        if mark is not None:
            _step(mark, levels, policy)
            continue
        new = _replaced(token, levels[-1], change, policy)
        if new is not None:
            pieces += [text[last : token.start()], new]
            last = token.end()
    return "".join([*pieces, text[last:]]) if pieces else text


def _replaced(token: re.Match[str], level: _Level, change: Change, policy: Policy) -> str | None:
    """What stands in the place of a string, a name, a number or anything else; None where it stays."""
    string, _, word, rest = token.groups()
    if string is not None:
        content = _content(string)
        if level.awaits_name:
            level.name, level.awaits_name = content, False
            new = change.text(content)
        else:
            new = change.value(content, policy.rule(level.inner, level.rule))
        return None if new == content else _quoted(new)
    if word in ("true", "false", "null"):
        return None
    if word is not None and _NUMBER.fullmatch(word):
        new = change.number(word, policy.rule(level.inner, level.rule))
    else:
        new = change.text(token[0])
    return None if new == (word or rest) else new


def _step(mark: str, levels: list[_Level], policy: Policy) -> None:
    level = levels[-1]
    if mark in "{[":
        path = level.inner
        rule = policy.rule(path, level.rule) if path else level.rule
        levels.append(_Level(path, rule, is_object=mark == "{", awaits_name=mark == "{"))
    elif mark in "}]":
        if len(levels) > 1:
            levels.pop()
    elif mark == ",":
        level.awaits_name = level.is_object


def _content(string: str) -> str:
    if "\\" not in string:
        return string
    try:
        return str(json.loads(f'"{string}"', strict=False))
    except ValueError:
        return string


def _quoted(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair has no UTF-8, but an escape
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)
