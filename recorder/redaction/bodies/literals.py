"""Change string and number literals in scripts and GraphQL documents, each by the name it is assigned to.

    window.user = {phone: '…', tags: ["…"]}          mutation { login(user: "…", password: "…") { token } }

The text is split into names, literals and brackets, not parsed; what is between them is searched as any text.
"""

from __future__ import annotations

import re

from ..policy import Place, Policy
from .change import Change

_COMMENT = r"/\*(?:[^*]|\*(?!/))*+\*/"
_DOUBLE, _SINGLE, _TEMPLATE = r'[^"\\\n]|\\.', r"[^'\\\n]|\\.", r"[^`\\]|\\."
GRAPHQL = re.compile(
    r"[\s,\ufeff]*+(?:#[^\n]*+\n[\s,]*+)*+"
    r"(?:(?:query|mutation|subscription)\b[^{}\"]{0,2000}\{|fragment\s++\w++\s++on\s)"
)
SCRIPT = re.compile(
    rf"\s*+(?:{_COMMENT}\s*+|//[^\n]*+\n\s*+)*+"
    r"(?:(?:var|let|const)\s++[\w$]++\s*+=|(?:window|self|globalThis|document)\b|\(?(?:async\s++)?function\b"
    r"|[\"']use strict[\"']|[\w$.]++\s*+(?:=(?!=)\s*+[\[{\"']|\())"
)
_TOKEN = re.compile(
    rf"(?P<comment>{_COMMENT}|(?<![:\\])//[^\n]*+)"
    r'|"""(?P<block>(?:[^"\\]|"(?!"")|\\.)*+)"""'
    rf"|(?:(?P<name>[A-Za-z_$][\w$-]*+)|\"(?P<double_name>(?:{_DOUBLE})*+)\"|'(?P<single_name>(?:{_SINGLE})*+)')"
    r"\s*+(?::|=(?![=>]))\s*+"
    rf"|\"(?P<double>(?:{_DOUBLE})*+)\"|'(?P<single>(?:{_SINGLE})*+)'|`(?P<template>(?:{_TEMPLATE})*+)`"
    r"|(?<![\w$.])(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w$.])"
    r"|(?P<opens>[\[{(])|(?P<closes>[\]})])|(?P<ends>[,;\n])",
    re.DOTALL,
)
_LITERALS = frozenset(("block", "double", "single", "template"))
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_DEEPEST = 1000


def changed(text: str, change: Change, policy: Policy, place: Place) -> str:
    """Return a script or GraphQL document with its literals changed; names and all other code stay.

    Args:
        text: The document.
        change: Says what to write in place of each value.
        policy: Knows the places inside a place.
        place: The place of the document itself.

    """
    pieces: list[str] = []
    outer: list[Place] = []
    here, last = place, 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup or ""
        if kind in _LITERALS or kind == "number":
            old = token[kind]
            new = change.number(old, here) if kind == "number" else _literal(old, kind, here, change)
            if new != old:
                pieces += [change.text(text[last : token.start(kind)]), new]
                last = token.end(kind)
        elif kind == "comment":
            pieces += [change.text(text[last : token.start()]), change.text(token[0])]
            last = token.end()
        elif kind.endswith("name"):
            here = policy.walk(place, _unescaped(token[kind]))
            if change.wants_names:
                change.name(token[kind], here)
        elif kind == "opens" and len(outer) < _DEEPEST:
            outer.append(place)
            place = here
        elif kind == "closes" and outer:
            here = place = outer.pop()
        elif kind == "ends" and token[0] != "\n":
            here = place
    return "".join([*pieces, change.text(text[last:])])


def _literal(text: str, kind: str, place: Place, change: Change) -> str:
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
