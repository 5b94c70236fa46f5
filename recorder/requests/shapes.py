"""Compare the shapes of pseudonyms and values: a pseudonym keeps the class of each character of its value."""

from __future__ import annotations

import re

_MAIL, _AT, _FREE_CODE = "@example.com", "-at-", "999"
# How many characters more than its value a pseudonym has: that of a telephone number (999), or of an e-mail address.
LONGER = (0, len(_FREE_CODE), len(_AT) + len(_MAIL) - 1)
_HEX = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BLOCK = 64  # letters beyond ASCII have pseudonyms from their block of Unicode


def may_be(pseudonym: str, value: str) -> bool:
    """Return whether a value has the shape of those that a pseudonym may stand for."""
    if len(pseudonym) - len(value) not in LONGER:
        return False
    shapes = {_shape(pseudonym)}
    if pseudonym.endswith(_MAIL) and _AT in pseudonym:
        return value.count("@") == 1 and _shape(value.replace("@", _AT)) == _shape(pseudonym.removesuffix(_MAIL))
    called = _without_code(pseudonym)
    if called is not None:
        shapes.add(_shape(called))
    return bool(value) and _shape(value) in shapes


def are_of_one_value(pseudonym: str, other: str, value: str) -> bool:
    """Return whether two pseudonyms may stand for one value, which was replaced as being of two kinds.

    As a personal value a telephone number gets a country code, as an id a path keeps all but its last part.
    """
    if _FREE_CODE in pseudonym + other:
        called = {_shape(one) for one in map(_without_code, (pseudonym, other)) if one is not None}
        plain = {_shape(one) for one in (pseudonym, other) if _without_code(one) is None}
        return len(called) == 1 and called == plain
    before, slash, _ = value.rpartition("/")
    kept = [one.startswith(before + slash) for one in (pseudonym, other)]
    return bool(before) and any(kept) and not all(kept) and _shape(pseudonym) == _shape(other)


def _without_code(pseudonym: str) -> str | None:
    """Return the pseudonym of a telephone number without its country code; None for any other pseudonym."""
    before, code, after = pseudonym.partition(_FREE_CODE)
    return before + after if code and not any(map(str.isdigit, before)) else None


def _shape(text: str) -> str:
    """Return a text with one character for each class of characters that pseudonyms keep."""
    if _HEX.fullmatch(text):
        return "".join("-" if char == "-" else "h" for char in text)
    return "".join(map(_class, text))


def _class(char: str) -> str:
    if not char.isalnum():
        return char
    if char.isascii():
        return "0" if char.isdigit() else "a" if char.islower() else "A"
    return chr(ord(char) // _BLOCK * _BLOCK)
