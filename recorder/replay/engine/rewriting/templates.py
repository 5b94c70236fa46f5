"""A recorded JSON value as text, cut at the values a client may have minted: what is sent often is written once.

Writing a value into a template gives the very text that rewriting the JSON and encoding it would give.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import NamedTuple, TypeAlias

from ....model import JSON
from ..matching.bindings import ScannedText
from ..matching.request import MintedId

Texts: TypeAlias = Sequence[str | None]
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


class Stencil(NamedTuple):
    """A JSON text in which nothing is a client's but the ids of one operation.

    Attributes:
        pieces: The text before, between and behind them.
        numbers: Which of the ids, by `RequestReader.fresh`, stands behind each piece but the last.

    """

    pieces: tuple[str, ...]
    numbers: tuple[int, ...]

    def filled(self, texts: Texts) -> str | None:
        """The text with the ids of a client, which come as JSON; None where one of them is missing."""
        pieces, numbers = self
        if not numbers:
            return pieces[0]
        whole = pieces[0]
        for place, number in enumerate(numbers, 1):  # there is one, most often
            text = texts[number]
            if text is None:
                return None  # the member is left out, with its comma
            whole += text + pieces[place]
        return whole


def stencil(made: Template, minted: Sequence[MintedId]) -> Stencil | None:
    """A template as a stencil; None where more than that may have to be rewritten: an address, or an id elsewhere."""
    ids = {(one.key, one.bare) for one in minted}
    if len(ids) < len(minted):
        return None  # the client may send two where the recorded one sent the same
    pieces, numbers = [made.pieces[0]], []
    texts = [made.literal]
    for place, hole in made.holes:
        number = _only(hole, minted)
        if number is not None:
            numbers.append(number)
            pieces.append("")
        elif ids.isdisjoint(hole.bare):
            pieces[-1] += made.pieces[place]
            texts.append(hole.seen)
        else:
            return None
        pieces[-1] += made.pieces[place + 1]
    if any(text.has_address or any(one.run in text.runs for one in minted) for text in texts):
        return None
    return Stencil(tuple(pieces), tuple(numbers))


def _only(hole: Slot, minted: Sequence[MintedId]) -> int | None:
    """Which id alone a hole is for, written as in the request."""
    for one in minted:
        if hole.bare == ((one.key, one.bare),) and repr(hole.value) == repr(one.value) and str(one.value) == one.bare:
            return one.number
    return None


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
