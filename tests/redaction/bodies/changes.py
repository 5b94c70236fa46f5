"""Changes that show what a reader finds."""

from __future__ import annotations

from dataclasses import dataclass, field

from recorder.redaction.bodies.change import Unread
from recorder.redaction.finder import Finder
from recorder.redaction.known import Known
from recorder.redaction.policy import Place, load
from recorder.redaction.pseudonyms import Kind


@dataclass
class Seen:
    """Changes nothing and keeps what it is called with."""

    names: list[str] = field(default_factory=list)
    values: list[tuple[str, str]] = field(default_factory=list)  # path and value
    texts: list[str] = field(default_factory=list)
    empty: frozenset[str] = frozenset()
    wants_names: bool = True

    def name(self, name: str, place: Place) -> None:
        self.names.append(name)

    def value(self, content: str, place: Place) -> str:
        self.values.append((place.path, content))
        return content

    def number(self, digits: str, place: Place) -> str:
        return self.value(digits, place)

    def text(self, text: str) -> str:
        self.texts.append(text)
        return text

    def fields(self, text: str, place: Place) -> str:
        return self.value(text, place)

    def unread(self, kind: str, why: Unread) -> None:
        raise AssertionError((kind, why))


def hashed(body: str | bytes, media: str = "") -> str:
    """Return a body with `#` (0 for a number) in place of each value that the default policy names."""
    content = body.encode() if isinstance(body, str) else body
    return finder().body(content, (("Content-Type", media),) if media else ()).decode("utf-8", "surrogateescape")


def finder() -> Finder:
    """Return a finder that puts `#` in place of values."""
    return Finder(load(), _hash, Known())


def _hash(kind: Kind, value: str, *, number: bool = False) -> str:
    return "0" if number else "#"
