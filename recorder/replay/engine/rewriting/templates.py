"""Keep recorded JSON values as text with holes for a client's values: encoding takes longer than filling in.

A filled template is exactly the text of the rewritten value; a property test holds the two to each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import TypeAlias

from ....dialect.paths import Pair, pair_of
from ....model import JSON
from ....requests.bindings import ScannedText
from ....requests.request import MintedId

Bare: TypeAlias = Callable[[tuple[str, ...], JSON], tuple[tuple[str, str], ...]]

_MARK = "\ue000"  # stands in no text that is not made to confuse us
_ESCAPED = re.compile(r"\\(?:u[0-9a-f]{4}|.)")  # characters that are no letters
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def encode(value: JSON) -> str:
    """Encode a JSON value as compact text; the text may hold half a surrogate pair, which has no UTF-8."""
    return encode_basestring(value) if isinstance(value, str) else _ENCODER.encode(value)


@dataclass(frozen=True, slots=True)
class Slot:
    """A member whose value may be a client's.

    Attributes:
        value: The recorded value.
        bare: The keys it may be of, each with the value as compared.
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
        numbered: Places of the operation's own ids in the pieces, with their numbers (`MintedId.number`).
        holes: Places of other values in the pieces that may be a client's.
        literal: The text beside the holes, without what JSON escapes.
        names_own: An id of the operation may stand elsewhere than in the numbered holes.
        frame: Fixed texts before and after the value; they are in the pieces.

    """

    pieces: tuple[str, ...]
    numbered: tuple[tuple[int, int], ...]
    holes: tuple[tuple[int, Slot], ...]
    literal: ScannedText
    names_own: bool
    frame: tuple[str, str] = ("", "")

    def framed(self, text: str) -> str:
        """Return a text of the value with the frame around it."""
        before, after = self.frame
        return f"{before}{text}{after}"


def template(
    value: JSON, bare: Bare, frame: tuple[str, str] = ("", ""), minted: Sequence[MintedId] | None = None
) -> Template:
    """Build the template of a value.

    Args:
        value: What was recorded.
        bare: Says of a member what its value may be: keys, and values as they are compared.
        frame: Texts to put before and after it.
        minted: Ids of the operation that caused it; None where they are not known.

    """
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
    numbers = [_number(hole, minted or ()) for hole in holes]
    places = range(1, len(whole), 2)
    numbered = tuple((place, number) for place, number in zip(places, numbers, strict=True) if number is not None)
    others = tuple((place, hole) for place, hole, number in zip(places, holes, numbers, strict=True) if number is None)
    names_own = minted is None or _names(minted, seen, others)
    return Template(tuple(whole), numbered, others, seen, names_own, frame)


def _number(hole: Slot, minted: Sequence[MintedId]) -> int | None:
    """Return the number of the id that a hole is for; None where it may be for another value too.

    Ids of one text may be of two keys: where a client kept the first and changed the second, the text is bound once.
    """
    if len({one.bare for one in minted}) < len(minted):
        return None
    for one in minted:
        if hole.bare == ((one.key, one.bare),) and repr(hole.value) == repr(one.value) and str(one.value) == one.bare:
            return one.number
    return None


def _names(minted: Sequence[MintedId], literal: ScannedText, others: Sequence[tuple[int, Slot]]) -> bool:
    ids = {(one.key, one.bare) for one in minted}
    if any(not ids.isdisjoint(hole.bare) for _, hole in others):
        return True
    return any(one.run in text.runs for one in minted for text in (literal, *(hole.seen for _, hole in others)))


def names_at(pair: Pair | None, name: str) -> tuple[str, ...]:
    """Return the names under which a member of an object stands: its own, and the key if it is the value of a pair."""
    return (name,) if pair is None or pair.member != name else (name, pair.names[-1])


def _cut(value: JSON, bare: Bare, mark: str, holes: list[Slot], names: tuple[str, ...] = ()) -> JSON:
    """Return the value with a mark in place of each hole; `names` are those of the elements of a list."""

    def inner(item: JSON, own: tuple[str, ...]) -> JSON:
        if isinstance(item, dict | list):
            return _cut(item, bare, mark, holes, own)
        found = bare(own, item)
        if found:
            holes.append(Slot(item, found, ScannedText.of(str(item))))
        return mark if found else item

    if isinstance(value, dict):
        pair = pair_of(value)
        return {name: inner(item, names_at(pair, name)) for name, item in value.items()}
    return [inner(item, names) for item in value] if isinstance(value, list) else value
