"""Find the word that was meant, and write texts as TOML does.

A dialect may come with a cassette of anybody, so the search has limits.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from difflib import get_close_matches

_MOST, _LONGEST = 300, 64  # words, and characters of a word, that are compared


def near(word: str, known: Collection[str], least: float = 0.6) -> str | None:
    """Return the known word that is most like another one, None if none is.

    Args:
        word: The word as it was written.
        known: The words that have a meaning.
        least: How much of both must be alike, from 0 to 1.
    """
    if len(known) > _MOST or len(word) > _LONGEST:
        return None
    found = get_close_matches(word, [one for one in known if len(one) <= _LONGEST], 1, least)
    return found[0] if found else None


def named(known: Iterable[str]) -> str:
    """Return words as a list for a reader; "none" for no words."""
    words = sorted(known)
    return ", ".join(words[:_LONGEST]) + (" …" if len(words) > _LONGEST else "") or "none"


def quoted(text: str) -> str:
    """Return a text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False)


def listed(texts: Iterable[str]) -> str:
    """Return a list of texts as TOML writes it."""
    return f"[{', '.join(map(quoted, texts))}]"
