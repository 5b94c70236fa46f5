"""The callbacks that every reader of a body calls for what it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Protocol

from ...printable import counted
from ..policy import Place


class Unread(Enum):
    """Why values in a body may have been missed."""

    PATTERNS = "patterns"  # no reader knows its form; it is text, and was searched by patterns
    KEPT = "kept"  # it is no text, and the policy keeps its media type
    DROPPED = "dropped"  # it is no text, and is not kept


class Change(Protocol):
    """The callbacks of a reader; each returns the text to write in place of its argument."""

    @property
    def empty(self) -> AbstractSet[str]:
        """The texts known to hold no value; a reader need not pass them to the methods below."""

    @property
    def wants_names(self) -> bool:
        """True if readers are to call `name`; a change that only replaces values does not need it."""

    def name(self, name: str, place: Place) -> None:
        """Take the name of a member, element, attribute or field; names are never replaced."""

    def value(self, content: str, place: Place) -> str:
        """Return what to write in place of a string at a place."""

    def number(self, digits: str, place: Place) -> str:
        """Return what to write in place of a number at a place, given as its text."""

    def text(self, text: str) -> str:
        """Return what to write in place of a text that no name describes."""

    def fields(self, text: str, place: Place) -> str:
        """Return what to write in place of form fields, `name=value&…`, at a place."""

    def unread(self, kind: str, why: Unread) -> None:
        """Take the media type of a body that no reader looks through, and what becomes of it."""


def told(unlooked: Counter[tuple[str, Unread]]) -> list[str]:
    """Return a line for each media type of which bodies were not looked through, and what became of them."""
    return [
        f"{counted(count, 'body', 'bodies')} of type {kind or 'unknown'} "
        f"{'was' if count == 1 else 'were'} {_BECAME[why][count > 1]}"
        for (kind, why), count in sorted(unlooked.items(), key=lambda item: (item[0][1].value, item[0][0]))
    ]


_BECAME = {
    Unread.PATTERNS: ("searched by patterns only", "searched by patterns only"),
    Unread.KEPT: ("not searched, and is kept unchanged", "not searched, and are kept unchanged"),
    Unread.DROPPED: ("not searched, so it is not kept", "not searched, so they are not kept"),
}
