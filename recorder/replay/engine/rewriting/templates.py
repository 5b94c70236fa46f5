"""A recorded JSON value as text, cut at the values a client may have minted: what is sent often is written once.

Writing a value into a template gives the very text that rewriting the JSON and encoding it would give.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import TypeAlias

from ....model import JSON
from ..matching.bindings import ScannedText

Bare: TypeAlias = Callable[[str, JSON], tuple[tuple[str, str], ...]]

_MARK = "\ue000"  # stands in no text that is not made to confuse us
_ESCAPED = re.compile(r"\\(?:u[0-9a-f]{4}|.)")  # characters that are no letters
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def encode(value: JSON) -> str:
    """A JSON value as compact text; it may hold half a surrogate pair, which has no UTF-8."""
    return encode_basestring(value) if isinstance(value, str) else _ENCODER.encode(value)


@dataclass(frozen=True, slots=True)
class Slot:
    """A member whose value may be a client's.

    Attributes:
        value: The recorded one.
        bare: What it may be: keys, and values as they are compared.
        seen: The value as text.

    """

    value: JSON
    bare: tuple[tuple[str, str], ...]
    seen: ScannedText


@dataclass(frozen=True, slots=True)
class Template:
    """A JSON text in pieces.

    Attributes:
        pieces: All of the text.
        holes: The pieces, by their places, that are recorded values of a client.
        literal: The text beside them, without what JSON escapes.
        frame: Texts before and after it that are nobody's; they are in the pieces.

    """

    pieces: tuple[str, ...]
    holes: tuple[tuple[int, Slot], ...]
    literal: ScannedText
    frame: tuple[str, str] = ("", "")

    def framed(self, text: str) -> str:
        """A text in place of what the pieces say."""
        before, after = self.frame
        return f"{before}{text}{after}"


def template(value: JSON, bare: Bare, frame: tuple[str, str] = ("", "")) -> Template:
    """The template of a value with holes for the members of which `bare` says what they may be."""
    mark = _MARK
    while mark in encode(value):
        mark += _MARK
    holes: list[Slot] = []
    pieces = encode(_cut(value, bare, mark, holes)).split(f'"{mark}"')
    seen = ScannedText.of(_ESCAPED.sub(" ", " ".join(pieces)))
    whole = [pieces[0]]
    for hole, piece in zip(holes, pieces[1:], strict=True):
        whole += [encode(hole.value), piece]
    whole[0] = frame[0] + whole[0]
    whole[-1] += frame[1]
    return Template(tuple(whole), tuple(zip(range(1, len(whole), 2), holes, strict=True)), seen, frame)


def _cut(value: JSON, bare: Bare, mark: str, holes: list[Slot]) -> JSON:
    """The value with a mark in place of what goes into a hole."""
    if isinstance(value, dict):
        cut = {}
        for name, item in value.items():
            if isinstance(item, dict | list):
                cut[name] = _cut(item, bare, mark, holes)
            elif found := bare(name, item):
                cut[name] = mark
                holes.append(Slot(item, found, ScannedText.of(str(item))))
            else:
                cut[name] = item
        return cut
    return [_cut(item, bare, mark, holes) for item in value] if isinstance(value, list) else value
