"""Cut the leaves of a request out that hold remembered values, so that the rest can be looked up and compared.

A leaf is a segment of the path, the value of a parameter, a string or number in a JSON body, or a whole other body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import unquote, unquote_plus

from ..dialect.paths import parse_json
from ..formats.charsets import decoded
from ..model import JSON

PATH, QUERY, FORM, MEMBER, BODY = "path", "query", "form", "member", "body"
BLANK, ZERO = "•", 0
_FORM_TEXT = re.compile(r"[\w.%+*\[\]-]++=(?!=?$)\S*+", re.ASCII)
_ABSENT: Final = object()

# The kind of a leaf and its place: the number of a segment, the name of a parameter and which one of that name it is,
# or the names and indices of a member.
Address: TypeAlias = tuple[str | int, ...]
Mask: TypeAlias = tuple[Address, ...]


class Cut(NamedTuple):
    """A request without the leaves of a mask.

    Attributes:
        target: Path and query.
        body: The body; JSON is written anew.
        texts: The texts of the leaves, decoded, in the order of the mask; None for a leaf that the request lacks.
    """

    target: str
    body: bytes
    texts: tuple[str | None, ...]


def cut(mask: Mask, target: str, body: bytes) -> Cut:
    """Return a request without the leaves of a mask."""
    path, question, query = target.partition("?")
    segments, parameters = path.split("/"), query.split("&")
    rest = _Body(body)
    texts: list[str | None] = []
    for kind, *place in mask:
        match kind, place:
            case "path", [int(number)]:
                is_there = number < len(segments)
                texts.append(unquote(segments[number]) if is_there else None)
                if is_there:
                    segments[number] = BLANK
            case "query", [str(name), int(number)]:
                texts.append(_cut_parameter(parameters, name, number))
            case _:
                texts.append(rest.cut(str(kind), place))
    return Cut("/".join(segments) + question + "&".join(parameters), rest.written(), tuple(texts))


def path_of(mask: Mask) -> Mask:
    """Return the part of a mask that is in the path."""
    return tuple(address for address in mask if address[0] == PATH)


def named(address: Address, root: str) -> str:
    """Return the place of a leaf as differences show it, e.g. `body.comment`; `root` is the name of the body."""
    kind, *place = address
    if kind in (PATH, QUERY):
        return f"{kind}.{place[0]}" if kind == QUERY and place[0] else str(kind)
    if kind == MEMBER:
        return root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return f"{root}.{place[0]}" if place and place[0] else root


def parameters_of(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield the name, the number among those of its name, and the decoded value of each parameter.

    A parameter without a name, such as a token that is the whole query, is called "".
    """
    seen: dict[str, int] = {}
    for pair in text.split("&"):
        name, value = _split(pair)
        number = seen[name] = seen.get(name, -1) + 1
        yield name, number, value


def is_form(text: str) -> bool:
    """Return whether a body is form data."""
    return _FORM_TEXT.fullmatch(text) is not None


def _split(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    return (unquote_plus(name), unquote_plus(value)) if equals and value.strip("=") else ("", unquote_plus(pair))


def _cut_parameter(pairs: list[str], name: str, number: int) -> str | None:
    """Put a blank in place of the value of a parameter; return the decoded value, None if it is not there."""
    for place, (other, count, value) in enumerate(parameters_of("&".join(pairs))):
        if (other, count) == (name, number):
            pairs[place] = f"{pairs[place].partition('=')[0]}={BLANK}" if name else BLANK
            return value
    return None


class _Body:
    """A body whose leaves are cut out."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._json: JSON = None
        self._pairs: list[str] | None = None

    def cut(self, kind: str, place: list[str | int]) -> str | None:
        """Put a blank in place of a leaf and return its text; None, and a blank body, if the body has another form."""
        if kind == MEMBER:
            if self._json is None:
                self._json = parse_json(self._body)
            if self._json is not None:
                return _cut_member(self._json, place)
        elif kind == FORM:
            if self._pairs is None and is_form(text := decoded(self._body)[0]):
                self._pairs = text.split("&")
            if self._pairs is not None:
                return _cut_parameter(self._pairs, str(place[0]), int(place[1]))
        elif self._body and parse_json(self._body) is None:
            text, self._body = decoded(self._body)[0], BLANK.encode()
            return text
        self._body = BLANK.encode() if self._body else b""
        return None

    def written(self) -> bytes:
        """Return the body as it is now."""
        if self._json is not None:
            return json.dumps(self._json).encode()
        return self._body if self._pairs is None else "&".join(self._pairs).encode()


def _cut_member(value: JSON, place: list[str | int]) -> str | None:
    """Put a blank of the same type in place of a member of a JSON value; return the text of a string or number."""
    *outer, last = place
    for part in outer:
        value = _inside(value, part)
    old = _inside(value, last)
    match old:
        case str():
            value[last] = BLANK
            return old
        case int() | float() if not isinstance(old, bool):
            value[last] = ZERO
            return json.dumps(old)
        case dict() | list():
            value[last] = type(old)()
    return None


def _inside(value: JSON, part: str | int) -> JSON:
    if isinstance(value, dict) and isinstance(part, str):
        return value.get(part, _ABSENT)
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else _ABSENT
