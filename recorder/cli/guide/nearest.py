"""Find the word, or the file, that the user meant."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

_SUFFIX = ".cassette"


def near(word: str, known: Collection[str]) -> str | None:
    """Return the known word that is most like another one; None if no known word is like it."""
    from ...dialect.mistakes.words import near as nearest

    return nearest(word, known)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return the end of a message, with the known word that is most like another one; "" without such a word."""
    found = near(word, known)
    return f"; did you mean {found}?" if found else ""


def near_file(path: Path) -> Path | None:
    """Return the file in the folder of a missing file whose name is most like the name of the missing one."""
    try:
        there = [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".") and entry.is_file()]
    except OSError:
        return None
    by_stem = {name.removesuffix(_SUFFIX): name for name in there}
    found = near(path.name.removesuffix(_SUFFIX), by_stem)
    return path.with_name(by_stem[found]) if found else None
