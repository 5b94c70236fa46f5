"""The callbacks that every reader of a body calls for what it finds."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Protocol

from ..policy import Place


class Unread(Enum):
    """Why values in a body may have been missed."""

    PATTERNS = "searched by patterns only"
    KEPT = "kept, and not looked through"
    DROPPED = "not looked through, so not kept"


class Change(Protocol):
    """The callbacks of a reader; each returns the text to write in place of its argument."""

    @property
    def empty(self) -> AbstractSet[str]:
        """The texts known to hold no value; a reader need not pass them to the methods below."""

    @property
    def wants_names(self) -> bool:
        """Whether readers call `name`; a change that only replaces values does not need it."""

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
