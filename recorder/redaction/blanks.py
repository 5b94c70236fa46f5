"""Put blanks in place of the values that a policy names.

The blanks show which places a policy names; what is left without them is what a scan must search.
"""

from __future__ import annotations

import re

from ..model import Record
from .forms import in_base64
from .leaves import Leaf, changed_leaves
from .pseudonyms import Kind

# A mark must not be part of a word, else it would join the text beside it to one word, and must exist in Latin-1,
# because a body that is not UTF-8 is written back as Latin-1. A number needs a JSON number as its blank, and each kind
# another one, so that `changes` can read the kind from the blank.
BLANKS = {Kind.SECRET: "¤", Kind.PERSONAL: "¶", Kind.ID: "§"}
_NUMBERS = {Kind.SECRET: "0", Kind.PERSONAL: "-0", Kind.ID: "0.0"}
_MARKS = "".join(BLANKS.values())
# A blank as it is written: plainly, escaped in JSON or XML, percent-encoded once or more often.
_SEEN = {
    kind: re.compile(rf"{mark}|u00{ord(mark):x}|&#{ord(mark)};|%(?:25)*{ord(mark):x}", re.IGNORECASE)
    for kind, mark in BLANKS.items()
}
_DEEPEST = 3  # encodings within encodings


def blank(kind: Kind, value: str, *, number: bool = False) -> str:
    """Return the blank for a value of one kind; return a value that is a blank already unchanged."""
    if not value.strip(_MARKS) or (number and value in _NUMBERS.values()):
        return value
    return _NUMBERS[kind] if number else BLANKS[kind]


def changes(before: Record, after: Record) -> list[tuple[Leaf, Kind]]:
    """Return the places where `after`, the blanked form of `before`, has new blanks.

    Each place is a leaf of `before` with the kind of the blank, repeated for each blank in that leaf.
    """
    return [one for pair in changed_leaves(before, after) for one in blanks_in(*pair)]


def blanks_in(was: Leaf, now: Leaf) -> list[tuple[Leaf, Kind]]:
    """Return a leaf with the kind of each new blank in its blanked form."""
    numbers = [(was, kind) for kind, text in _NUMBERS.items() if now.text == text]
    return numbers or [(was, kind) for kind in BLANKS for _ in range(_count(kind, now.text) - _count(kind, was.text))]


def _count(kind: Kind, text: str, depth: int = 0) -> int:
    """Return the number of blanks of a kind in a text, also of those in texts that are encoded in it."""
    count = len(_SEEN[kind].findall(text))

    def inner(plain: str) -> str:
        nonlocal count
        count += _count(kind, plain, depth + 1)
        return plain

    if depth < _DEEPEST:
        in_base64(text, inner)
    return count
