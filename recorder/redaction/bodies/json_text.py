"""Change values in a JSON text and leave each other byte as it is: white space, numbers, escapes, order.

Parsing and writing the JSON would not do that: some numbers, duplicate names and escapes are lost on the way. A text
that is not valid JSON, such as one that was cut off, is read as far as it looks like JSON.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from io import StringIO

from ...dialect.paths import KEYS, VALUES
from ..policy import KEPT, NO_RULE, Place, Policy
from .change import Change
from .json_shapes import Pieces, Replaced, string_of, written
from .json_tokens import CLOSES, LITERALS, MEMBER, NAME, NUMBER, OPENS, REST, STRINGS, TOKEN, content

_SURROGATE = re.compile("[\ud800-\udfff]")
_ASCII, _UNICODE = json.JSONEncoder().encode, json.JSONEncoder(ensure_ascii=False).encode
_DEEPEST = 1000  # levels whose rules are tracked; a limit, because a body from outside may be nested without end
_KEY = re.compile(r"/?(?:[^\W\d]|[$@])[\w$.:@/-]{0,99}|\d{1,4}")  # a text that is a name, and no value
_OTHERS = 2  # most other members of a plain pair
_TYPE = re.compile(r"[A-Za-z]\w{0,19}", re.ASCII)


def changed(text: str, change: Change, policy: Policy, place: Place) -> str:
    """Return a JSON text with its values changed, each by its place inside `place`; names stay as they are."""
    known = policy.shapes.split(text, policy, place) if not change.wants_names else None
    replaced = None if known is None else known[1].replaced
    if known is None or replaced is None:
        return by_token(text, change, policy, place)
    pieces = known[0]
    new = made(pieces, replaced, change, is_ascii=text.isascii())
    return text if new is pieces else "".join(new)


def made(pieces: Pieces, replaced: Replaced, change: Change, *, is_ascii: bool) -> Pieces:
    """Return the pieces of a text of a known shape with its values changed; `pieces` itself if none is.

    Args:
        pieces: The pieces.
        replaced: Where the values are.
        change: Says what to write in place of each value.
        is_ascii: Whether to escape all other characters.

    """
    new, empty = pieces, change.empty
    for number, here in replaced:
        piece = pieces[number]
        old = string_of(piece)
        if old is None:
            digits = piece[1:].lstrip()
            made = change.number(digits, here)
            if made == digits:
                continue
        elif (here.rule.kind is None and old in empty) or (made := change.value(old, here)) == old:
            continue
        else:
            made = _quoted(made, is_ascii=is_ascii)
        if new is pieces:
            new = pieces.copy()
        new[number] = written(piece, made)
    return new


def by_token(text: str, change: Change, policy: Policy, place: Place) -> str:  # noqa: PLR0912  # one pass, the hottest loop
    """Return a JSON text with its values changed, token by token."""
    made = StringIO()  # no list: a text of 16 MB may have a million pieces
    last = deeper = 0
    outer: list[tuple[Place, _Pair | None, Place]] = []
    # `place` is the enclosing object or array, `here` its current member; an array element has the place of its array.
    here, rule, empty, wants_names = place, place.rule, change.empty, change.wants_names
    pairs = _pairs(text) if "alue" in text or "ALUE" in text or "\\u" in text else {}
    pair: _Pair | None = None  # the enclosing object, if it is one
    named = place  # the place that its key names
    for token in TOKEN.finditer(text):
        kind = token.lastindex or 0
        if kind <= MEMBER:
            old = content(token[1])
            here = place.inner.get(old) or policy.inside(place, old)
            if pair is not None:
                here = pair.place(old, token[2], here, named)
            rule = here.rule
            if wants_names:
                change.name(old if here is not KEPT else f"{old}: {token[2]}", here)
        if kind in STRINGS:
            old = content(token[kind])
            if rule.kept or (rule.kind is None and old in empty) or (new := change.value(old, here)) == old:
                continue
            made.write(text[last : token.start(kind) - 1] + _quoted(new, is_ascii=text.isascii()))
            last = token.end()
        elif kind in OPENS:
            if len(outer) < _DEEPEST:
                outer.append((place, pair, named))
                pair, place = pairs.get(token.start(kind)), here
                named = policy.walk(here, pair.key or "") if pair is not None else here
            else:
                deeper += 1
        elif kind == CLOSES:
            if deeper:
                deeper -= 1
            else:
                place, pair, named = outer.pop() if outer else (place, None, place)
                here = place
            rule = here.rule
        elif kind != NAME and (not rule.kept or kind == REST):
            old = token[kind]
            new = _word(old, here, change)
            if new != old:
                made.write(text[last : token.start(kind)] + new)
                last = token.end()
    return made.getvalue() + text[last:] if last else text


@dataclass(slots=True)
class _Pair:
    """An object that may be a pair such as `{"key": "phone", "value": "…"}`, whose value goes by its key.

    Attributes:
        in_list: It stands in an array.
        keys: Its members that may be the key.
        has_value: It has a value.
        others: Number of its other members, apart from the type.

    """

    in_list: bool
    keys: dict[str, str] = field(default_factory=dict)
    has_value: bool = False
    others: int = 0

    @property
    def key(self) -> str | None:
        """The name that its value goes by; None if it is no pair."""
        keys = ((name, self.keys[name]) for name in KEYS if name in self.keys) if self.has_value else ()
        key = next((key for name, key in keys if _is_key(name, key)), None)
        return None if key is None else key.strip("/").replace("/", ".")

    @property
    def is_plain(self) -> bool:
        """True for an object that is a pair and nothing else: then its key is a name and describes nobody."""
        return self.in_list and self.others <= _OTHERS

    def take(self, name: str, text: str | None) -> None:
        """Take a member; `text` is its value if that is a string."""
        if name in VALUES:
            self.has_value = True
        elif name in KEYS and text is not None:
            self.keys[name] = content(text)
        else:
            self.others += name != "type"

    def place(self, name: str, text: str | None, own: Place, named: Place) -> Place:
        """Return the place of a member: that of its key for the value; key and type of a plain pair stay."""
        lower = name.lower()
        if lower in VALUES:
            return named if own.rule.kind is None or named.rule != NO_RULE else own
        if self.is_plain and text is not None:
            is_key = lower in KEYS and _is_key(lower, content(text))
            return KEPT if is_key or (lower == "type" and _TYPE.fullmatch(text)) else own
        return own


def _is_key(name: str, text: str) -> bool:
    """Return whether a member that may name the value beside it does; "name" may be that of a person, "key" is none."""
    return _KEY.fullmatch(text.replace(" ", "_") if name == "key" else text) is not None


def _pairs(text: str) -> dict[int, _Pair]:
    """Return the pairs in a text by the index of the opening bracket.

    The value may come before its key, hence a pass of its own.
    """
    found: dict[int, _Pair] = {}
    opened: list[_Pair | None] = [None]  # None for an array
    starts = [0]  # of `opened`
    for token in TOKEN.finditer(text):
        kind = token.lastindex or 0
        here = opened[-1]
        if kind <= MEMBER and here is not None:
            here.take(content(token[1]).lower(), token[2])
        if kind in OPENS:
            is_array = token[kind] == "["
            opened.append(None if is_array else _Pair(here is None))
            starts.append(token.start(kind))
        elif kind == CLOSES and len(opened) > 1:
            pair, start = opened.pop(), starts.pop()
            if pair is not None and pair.key is not None:
                found[start] = pair
    # objects without an end, as in a text that was cut off
    rest = zip(opened, starts, strict=True)
    return found | {start: pair for pair, start in rest if pair is not None and pair.key is not None}


def _word(word: str, place: Place, change: Change) -> str:
    """Return what to write in place of a number, a literal, an unfinished string, or a part that is not JSON."""
    bare = word.rstrip()
    if bare in LITERALS:
        return word
    if NUMBER.fullmatch(bare):
        return change.number(bare, place) + word[len(bare) :]
    if word[0] == '"':  # the text was cut off inside this string
        return '"' + (change.text(word[1:]) if place.rule.kept else change.value(word[1:], place))
    return change.text(word)


def _quoted(text: str, *, is_ascii: bool) -> str:
    """Return a text as a JSON string.

    Non-ASCII characters are escaped where the document has none, and where the text has half a surrogate pair, which
    UTF-8 cannot encode.
    """
    return _ASCII(text) if is_ascii or _SURROGATE.search(text) else _UNICODE(text)
