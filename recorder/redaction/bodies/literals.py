"""Change string and number literals in scripts and GraphQL documents, each by the name it is assigned to.

    window.user = {phone: '…', tags: ["…"]}          mutation { login(user: "…", password: "…") { token } }

The text is split into names, literals and brackets, not parsed; what is between them is searched as any text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..policy import KEPT, Place, Policy
from .change import Change

# Each of these may be cut off, at the end of the text or of its line; otherwise a text of many that have no end would
# be searched to its end for each.
_COMMENT = r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)"
_DOUBLE, _SINGLE, _TEMPLATE = r'[^"\\\n]|\\.?', r"[^'\\\n]|\\.?", r"[^`\\]|\\.?"
GRAPHQL = re.compile(
    r"[\s,\ufeff]*+(?:#[^\n]*+\n[\s,]*+)*+"
    r"(?:(?:query|mutation|subscription)\b[^{}]{0,2000}\{|fragment\s++\w++\s++on\s)"
)
SCRIPT = re.compile(
    rf"\s*+(?:{_COMMENT}\s*+|//[^\n]*+\n\s*+)*+"
    r"(?:(?:var|let|const)\s++[\w$]++\s*+=|(?:window|self|globalThis|document)\b|\(?(?:async\s++)?function\b"
    r"|[\"']use strict[\"']|[\w$.]++\s*+(?:=(?!=)\s*+[\[{\"']|\())"
)
_TOKEN = re.compile(
    rf"(?P<comment>{_COMMENT}|(?<![:\\])//[^\n]*+)"
    r'|"""(?P<block>(?:[^"\\]|"(?!"")|\\.?)*+)(?:"""|\Z)'
    rf"|(?:(?P<name>(?<![\w$-])[A-Za-z_$][\w$-]*+)|\"(?P<double_name>(?:{_DOUBLE})*+)\"|'(?P<single_name>(?:{_SINGLE})*+)')"
    r"\s*+(?::|=(?![=>]))\s*+"
    rf"|\"(?P<double>(?:{_DOUBLE})*+)(?:\"|(?=\n)|\Z)|'(?P<single>(?:{_SINGLE})*+)(?:'|(?=\n)|\Z)"
    rf"|`(?P<template>(?:{_TEMPLATE})*+)(?:`|\Z)"
    r"|(?<![\w$.])(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w$.])"
    r"|(?P<opens>[\[{(])|(?P<closes>[\]})])|(?P<ends>[,;\n])",
    re.DOTALL,
)
_LITERALS = frozenset(("block", "double", "single", "template"))
_NAMES = frozenset(("name", "double_name", "single_name"))
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_CODE = re.compile(r"(\$\{[^{}]*+\})")
_VARIABLE = re.compile(r"(\$\w++\s*+:[\s\[]*+\w++)")  # of GraphQL, with its type: $password: String!
_DEEPEST = 1000
# Pairs of key and value, in either order: {key: "phone", type: "str", value: "…"}.
_KEYS, _VALUES, _LONGEST_KEY = ("key", "name"), ("value", "values"), 6
_KEY = re.compile(r"[\"']([A-Za-z_$@][\w$.:@/-]{0,99})[\"']", re.ASCII)
_TYPE_RE = r"\s*+,?\s*+(?:[\"']?type[\"']?\s*+:\s*+[\"']?\w++[\"']?\s*+,?\s*+)?+[\"']?"
_MEMBER, _NEAR = re.compile(r"[\w$.-]+"), 40  # characters before a name that are looked at
_SECOND = re.compile(r"\s*+,\s*+[\"'`]")
_KEY_FIRST = re.compile(rf"{_KEY.pattern}{_TYPE_RE}values?[\"']?\s*+:", re.ASCII | re.IGNORECASE)
_KEY_LAST = re.compile(
    rf"(?:\"(?:{_DOUBLE})*+\"|'(?:{_SINGLE})*+'|[\w.-]++){_TYPE_RE}(?:key|name)[\"']?\s*+:\s*+{_KEY.pattern}",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)


def changed(text: str, change: Change, policy: Policy, place: Place) -> str:
    """Return a script or GraphQL document with its literals changed; names and all other code stay.

    Args:
        text: The document.
        change: Says what to write in place of each value.
        policy: Knows the places inside a place.
        place: The place of the document itself.

    """
    pieces: list[str] = []
    last = 0
    names = _Names(policy, place)
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup or ""
        if kind in _LITERALS or kind == "number":
            old = token[kind]
            new = change.number(old, names.here) if kind == "number" else _literal(old, kind, names.here, change)
            names.take_literal(token, kind)
            if new != old:
                pieces += [_code(text[last : token.start(kind)], change), new]
                last = token.end(kind)
        elif kind == "comment":
            pieces += [_code(text[last : token.start()], change), change.text(token[0])]
            last = token.end()
        else:
            names.take(token, kind)
            if kind in _NAMES:
                if change.wants_names:
                    change.name(token[kind], names.here)
                elif (kind == "name" or _is_member(token, kind)) and change.text(token[kind]) != token[kind]:
                    # a name that is a value elsewhere stays; other names are left to the text around them
                    pieces += [_code(text[last : token.start(kind)], change), token[kind]]
                    last = token.end(kind)
    return "".join([*pieces, _code(text[last:], change)])


@dataclass(slots=True)
class _Names:
    """The place of the next literal, followed through names and brackets.

    Attributes:
        policy: Knows the places inside a place.
        around: The place of the enclosing bracket.
        here: The place of the next literal.
        key: The key of the enclosing object, if it is a pair such as `{key: "phone", value: "…"}`.

    """

    policy: Policy
    around: Place
    here: Place = field(init=False)
    key: str | None = None
    _outer: list[tuple[Place, str | None]] = field(default_factory=list)
    _argument: Place | None = None  # the place of the next argument of a call
    _typed: int = -1  # where a type may stand: after `name:`

    def __post_init__(self) -> None:
        self.here = self.around

    def take(self, token: re.Match[str], kind: str) -> None:
        """Take a name, a bracket, or an end of an expression."""
        if kind in _NAMES:
            is_type = token.start() == self._typed and "=" in token[0]  # GraphQL: $password: String = "…"
            self._typed = token.end() if ":" in token[0] else -1
            if not is_type:
                name = token[kind]
                self._name((_unescaped(name) if "\\" in name else name).lstrip("$"), token)
        elif kind == "opens" and len(self._outer) < _DEEPEST:
            self._outer.append((self.around, self.key))
            self.around, self.key = self.here, None
        elif kind == "closes" and self._outer:
            self.around, self.key = self._outer.pop()
            self.here = self.around
        elif kind == "ends" and token[0] != "\n":
            self.here, self._argument = self._argument or self.around, None

    def take_literal(self, token: re.Match[str], kind: str) -> None:
        """Take a literal, which names the next one in a call with two: setItem("token", "…")."""
        text, start = token.string, token.start()
        before = text[start - 1 : start]
        if before != "(" and not before.isspace():  # as nearly all are
            return
        is_first = kind in ("double", "single") and text[max(0, start - 9) : start].rstrip()[-1:] == "("
        if is_first and _KEY.match(text, token.start()) and _SECOND.match(text, token.end()):
            self._argument = self.policy.walk(self.around, token[kind])

    def _name(self, name: str, token: re.Match[str]) -> None:
        self.here = self.policy.walk(self.around, name)
        if len(name) > _LONGEST_KEY:
            return
        text, end = token.string, token.end()
        if name.lower() in _KEYS and (found := _KEY_FIRST.match(text, end) or (self.key and _KEY.match(text, end))):
            self.key, self.here = found[1], KEPT
        elif name.lower() in _VALUES:
            if self.key is None and (found := _KEY_LAST.match(text, end)):
                self.key = found[1]
            if self.key is not None:
                self.here = self.policy.walk(self.around, self.key)


def _is_member(token: re.Match[str], kind: str) -> bool:
    """Return whether a string before a colon is the name of a member, and not a case of `a ? "b" : "c"`."""
    before = token.string[max(0, token.start() - _NEAR) : token.start()].rstrip()
    return before[-1:] in ("{", ",") and _MEMBER.fullmatch(token[kind]) is not None


def _code(text: str, change: Change) -> str:
    """Return the text between literals with the values found in it replaced, except types of variables."""
    pieces = _VARIABLE.split(text)
    return "".join(piece if number % 2 else change.text(piece) for number, piece in enumerate(pieces))


def _literal(text: str, kind: str, place: Place, change: Change) -> str:
    if kind != "template":
        return _plain_literal(text, kind, place, change)
    pieces = _CODE.split(text)  # the code in a template stays
    return "".join(
        piece if number % 2 else _plain_literal(piece, kind, place, change) for number, piece in enumerate(pieces)
    )


def _plain_literal(text: str, kind: str, place: Place, change: Change) -> str:
    if not text:
        return text
    old = _unescaped(text) if "\\" in text else text
    new = change.value(old, place) if old else old
    if new == old:
        return text
    quote = {"block": '"', "double": '"', "single": "'", "template": "`"}[kind]
    return (
        new.replace("\\", "\\\\")
        .replace(quote, "\\" + quote)
        .replace("\n", "\n" if kind in ("block", "template") else "\\n")
    )


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        one = found[1]
        return chr(int(one[1:], 16)) if len(one) > 1 else _PLAIN_ESCAPES.get(one, one)

    return _ESCAPED.sub(plain, text) if "\\" in text else text
