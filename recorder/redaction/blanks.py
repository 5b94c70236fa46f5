"""Blanks in the places of values: with them one sees which places a policy names, and what is left without them."""

from __future__ import annotations

import re

from ..model import Record
from .leaves import Leaf, leaves
from .pseudonyms import Kind

# No character of a word, and one that Latin-1 has too; as numbers, different ones that say nothing
BLANKS = {Kind.SECRET: "¤", Kind.PERSONAL: "¶", Kind.ID: "§"}
_NUMBERS = {Kind.SECRET: "0", Kind.PERSONAL: "-0", Kind.ID: "0.0"}
_MARKS = "".join(BLANKS.values())


def blank(kind: Kind, value: str, *, number: bool = False) -> str:
    """What stands in the place of a value; what is blank already stays."""
    if not value.strip(_MARKS) or (number and value in _NUMBERS.values()):
        return value
    return _NUMBERS[kind] if number else BLANKS[kind]


def changes(before: Record, after: Record) -> list[tuple[Leaf, Kind]]:
    """The places of a record in which there are blanks now, as they were, once for each blank."""
    if before == after:
        return []
    old, new = leaves(before), leaves(after)
    if [leaf.where for leaf in old] != [leaf.where for leaf in new]:  # a name was blanked too, or it is hardly JSON
        old, new = _whole(before), _whole(after)
    found: list[tuple[Leaf, Kind]] = []
    for was, now in zip(old, new, strict=True):
        if was.text == now.text:
            continue
        numbers = [(was, kind) for kind, text in _NUMBERS.items() if now.text == text]
        added = ((was, kind) for kind, mark in BLANKS.items() for _ in range(_added(mark, was.text, now.text)))
        found += numbers or added
    return found


def place(where: str) -> str:
    """A place without the numbers in it: one for all elements of an array."""
    return re.sub(r"\[\d+\]", "[]", where)


def _added(mark: str, before: str, after: str) -> int:
    return max(0, after.count(mark) - before.count(mark))


def _whole(record: Record) -> list[Leaf]:
    """Its texts, not taken apart."""
    headers = [Leaf("header", f"{name}: {value}") for name, value in getattr(record, "headers", ())]
    body = getattr(record, "body", b"").decode("utf-8", "replace")
    return [Leaf("path", getattr(record, "target", "")), *headers, Leaf("body", body)]
