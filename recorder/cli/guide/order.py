"""Explain arguments in the wrong order by the command line that was meant."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from .commands import MEANT, NAMES
from .nearest import did_you_mean

_WITH_OTHERS = frozenset({"explain", "grep", "show", "timeline"})  # commands with an argument that is no file


def no_command(word: str, rest: Sequence[str], known: Sequence[str] = NAMES, path: str = "recorder") -> str:
    """Return why a word is no command, and what to write instead.

    Args:
        word: The word in the place of a command.
        rest: The words behind it.
        known: The names of the commands.
        path: The words before it.
    """
    name = next((one for one in rest if one in known), None)
    if name is not None and _is_file(word):
        behind = list(rest)
        behind.remove(name)
        return f"{word!r} is a file; write the command first: {_line(path, name, word, *behind)}"
    if _is_file(word):
        return f"{word!r} is a file, and there is no command before it; e.g. {_line(path, _example(known), word)}"
    meant = MEANT.get(word) if tuple(known) == NAMES else None
    return f"no such command {word!r}{f'; did you mean {meant}?' if meant else did_you_mean(word, known)}"


def _example(known: Sequence[str]) -> str:
    """Return the command of an example: `ls` where it is known."""
    return "ls" if "ls" in known else known[0]


def option_before_command(option: str, words: Sequence[str]) -> str | None:
    """Return the command line that was meant by an option before the command; None without a command."""
    name = next((one for one in words if one in NAMES), None)
    if name is None:
        return None
    behind = list(words)
    behind.remove(name)
    return f"no such option {option} of recorder; write the command first: {_line('recorder', name, *behind)}"


def swapped(path: str, missing: str, words: Sequence[str]) -> str | None:
    """Return the command line that was meant if an argument stands in the place of the file of a command.

    Args:
        path: The command, e.g. `recorder show`.
        missing: The word in the place of the file, which is no file.
        words: All words behind the command.
    """
    if path.rpartition(" ")[2] not in _WITH_OTHERS:
        return None
    files = [word for word in words if _is_file(word)]
    if len(files) != 1 or missing not in words or missing in files:
        return None
    others = [word for word in words if word not in (files[0], missing)]
    if path.endswith(" grep"):
        return f"write the filter before the files: {_line(path, missing, files[0], *others)}"
    return f"write the file first: {_line(path, files[0], missing, *others)}"


def _is_file(word: str) -> bool:
    return not word.startswith("-") and (word.endswith(".cassette") or Path(word).is_file())


def _line(path: str, *words: str) -> str:
    return f"{path} {shlex.join(words)}"
