"""Split a text into words, so that a value inside a longer text has a place: `1001` in `/devices/1001?active=true`."""

from __future__ import annotations

import re
from functools import lru_cache

from .plan import Word

# Letters, digits and what stands inside ids, versions and host names; a full stop or a dash at an end is punctuation.
_WORD = re.compile(r"\w(?:[\w.~-]*\w)?")


_DIGIT = re.compile(r"\d")
_TEXTS = 20_000  # that are remembered: most are met several times


@lru_cache(_TEXTS)
def has_digit(text: str) -> bool:
    """Return whether a text has a digit, as ids have and words have not."""
    return _DIGIT.search(text) is not None


def bare(name: str) -> str:
    """Return a name without what names of one thing differ in: case, hyphens and underscores."""
    return name.replace("_", "").replace("-", "").lower()


def split(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text begin and end."""
    return [found.span() for found in _WORD.finditer(text)]


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return _WORD.findall(text)


def word_of(text: str, start: int, end: int) -> Word | None:
    """Return the place of the word from `start` to `end`; None if no word is there, or if it is the whole text."""
    spans = split(text)
    if (start, end) not in spans or end - start == len(text):
        return None
    return Word(spans.index((start, end)), len(spans))


def word_at(text: str, word: Word) -> str | None:
    """Return the word at a place; None if the text has too few.

    A text with another number of words than the recorded one has more or fewer of them somewhere in the middle, such as
    segments of a path: a word is counted from the end that it was nearer to.
    """
    spans = split(text)
    number = word.number
    if len(spans) != word.count and number >= word.count / 2:
        number += len(spans) - word.count
    if not 0 <= number < len(spans):
        return None
    start, end = spans[number]
    return text[start:end]
