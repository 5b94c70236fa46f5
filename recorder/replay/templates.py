"""A recorded JSON value as text, cut at the values a client may have minted: what is sent often is written once.

Writing a value into a template gives the very text that rewriting the JSON and encoding it would give.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field

from ..correlate.dialect import as_key
from ..model import JSON
from .bindings import Seen, runs

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def encode(value: JSON) -> str:
    """A JSON value as compact text; it may hold half a surrogate pair, which has no UTF-8."""
    return _ENCODER.encode(value)


@dataclass(frozen=True, slots=True)
class Hole:
    """A member whose value may be a client's: `text` is the recorded value as JSON."""

    name: str
    value: JSON
    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """A JSON text in pieces.

    Attributes:
        pieces: Text, and between it the holes.
        literal: The text alone, and the runs of the strings and numbers in it.

    """

    pieces: tuple[str | Hole, ...]
    literal: Seen


def template(value: JSON, names: Collection[str]) -> Template:
    """The template of a value with holes for the scalar members of these names."""
    builder = _Builder(names)
    builder.write(value)
    pieces = builder.finished()
    literal = "".join(piece for piece in pieces if isinstance(piece, str))
    return Template(pieces, Seen(literal, frozenset(runs("\n".join(builder.leaves)))))


@dataclass(slots=True)
class _Builder:
    names: Collection[str]
    leaves: list[str] = field(default_factory=list)
    _pieces: list[str | Hole] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)

    def write(self, value: JSON) -> None:
        if isinstance(value, dict):
            opening = "{"
            for name, item in value.items():
                self._text.append(f"{opening}{encode(name)}:")
                self._member(name, item)
                opening = ","
            self._text.append("{}" if opening == "{" else "}")
        elif isinstance(value, list):
            opening = "["
            for item in value:
                self._text.append(opening)
                self.write(item)
                opening = ","
            self._text.append("[]" if opening == "[" else "]")
        else:
            self._text.append(encode(value))
            self.leaves.append(str(value))

    def finished(self) -> tuple[str | Hole, ...]:
        self._close()
        return tuple(self._pieces)

    def _member(self, name: str, value: JSON) -> None:
        if name in self.names and as_key(value) is not None:
            self._close()
            self._pieces.append(Hole(name, value, encode(value)))
        else:
            self.write(value)

    def _close(self) -> None:
        if self._text:
            self._pieces.append("".join(self._text))
            self._text = []
