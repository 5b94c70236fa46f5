"""Find the values inside a text: members of JSON, fields of a form, texts and attributes of XML.

A site is where a value is written, so that a new one can be written there and nothing else changes. A parser of a
library gives the values without their places.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from ....redaction.bodies.json_tokens import NUMBER_RE, STRING_RE
from ....requests.masks import BODY, FORM, MEMBER, Address
from .spelling import Spelling, decoded

_JSON_TOKEN = re.compile(rf"{STRING_RE}|({NUMBER_RE})(?![\w.])|([{{\[])|([}}\]])|,|[A-Za-z-]++", re.DOTALL)
_STRING, _NUMBER, _OPENS, _CLOSES = 1, 2, 3, 4
_XML = re.compile(r"\ufeff?\s*+<(?:[?!]|[A-Za-z_:])")
_NAME_RE = r"[^\s<>/=\"'!?][^\s<>/=\"']*+"
_XML_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|\Z)"
    r"|<[!?][^>]*+>?"
    rf"|</(?P<end>{_NAME_RE})[^>]*+>?"
    rf"|<(?P<start>{_NAME_RE})(?P<attributes>(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)>"
    r"|(?P<text>[^<]++)|<",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rf"({_NAME_RE})\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
# Form data inside another text: a single `a=b` is more often a text of its own, such as a filter.
_FIELDS = re.compile(r"[\w.%+*\[\]-]++=[\w.%+*~!'(),:@/$-]*+(?:&[\w.%+*\[\]-]++=[\w.%+*~!'(),:@/$-]*+)++", re.ASCII)
_SPACE = "\ufeff \t\r\n"
_OPEN = ("{", "[")
_DEEPEST = 100  # elements of XML inside one another


class Structure(Enum):
    """The form of a text that has values inside."""

    JSON = "JSON"
    FIELDS = "form"
    XML = "XML"


class Site(NamedTuple):
    """A value in a text.

    Attributes:
        address: Its place, by the names around it.
        start: Where it begins in the text, as written.
        end: Where it ends.
        spelling: How it is written.
    """

    address: Address
    start: int
    end: int
    spelling: Spelling


class _Frame:
    """An object or array of JSON, and the name or index of its current value."""

    __slots__ = ("at", "is_object", "wants_name")

    def __init__(self, *, is_object: bool) -> None:
        self.is_object = is_object
        self.wants_name = is_object
        self.at: str | int = "" if is_object else 0


class _Element:
    """An open element of XML, with how many of each name are in it."""

    __slots__ = ("address", "children", "name", "texts")

    def __init__(self, name: str, address: Address) -> None:
        self.name = name
        self.address = address
        self.children: dict[str, int] = {}
        self.texts = 0

    def number(self, name: str) -> int:
        """Return the number of one more child among those of its name."""
        number = self.children[name] = self.children.get(name, -1) + 1
        return number


def structure_of(text: str) -> Structure | None:
    """Return the form of a text inside a body, or of one that is no form data; None if it has no values inside."""
    first = text[:1]
    if first in _SPACE:
        first = text.lstrip(_SPACE)[:1]
    if first in _OPEN:
        try:
            json.loads(text.lstrip("\ufeff"), strict=False)
        except (ValueError, RecursionError):
            return None
        return Structure.JSON
    if first == "<":
        return Structure.XML if _XML.match(text) and ("</" in text or "/>" in text) else None
    return Structure.FIELDS if "&" in text and _FIELDS.fullmatch(text) else None


def sites_of(text: str, structure: Structure) -> Iterator[Site]:
    """Yield the values in a text; of JSON strings and numbers alone, of XML no empty texts."""
    match structure:
        case Structure.JSON:
            yield from json_sites(text)
        case Structure.FIELDS:
            yield from field_sites(text, FORM)
        case Structure.XML:
            yield from _xml_sites(text)


def json_sites(text: str, start: int = 0, end: int | None = None, outer: Address = (MEMBER,)) -> Iterator[Site]:
    """Yield the strings and numbers of a JSON text between two places; members of one name all have one address."""
    frames: list[_Frame] = []
    for token in _JSON_TOKEN.finditer(text, start, len(text) if end is None else end):
        frame = frames[-1] if frames else None
        kind = token.lastindex
        if kind == _OPENS:
            frames.append(_Frame(is_object=token[0] == "{"))
        elif kind == _CLOSES:
            if frames:
                frames.pop()
        elif kind == _STRING and frame is not None and frame.wants_name:
            frame.at, frame.wants_name = decoded(Spelling.JSON, token[1]), False
        elif kind in (_STRING, _NUMBER):
            place = tuple(inner.at for inner in frames)
            yield Site((*outer, *place), *token.span(kind), Spelling.JSON if kind == _STRING else Spelling.NUMBER)
        elif token[0] == "," and frame is not None:
            frame.wants_name = frame.is_object
            if isinstance(frame.at, int):
                frame.at += 1


def field_sites(text: str, kind: str) -> Iterator[Site]:
    """Yield the values of form data or of a query; `kind` begins their addresses.

    Names and numbers are those of `requests.masks.parameters_of`.
    """
    seen: dict[str, int] = {}
    start = 0
    for pair in text.split("&"):
        written, equals, value = pair.partition("=")
        has_name = bool(equals and value.strip("="))
        name = decoded(Spelling.PLUS, written) if has_name else ""
        number = seen[name] = seen.get(name, -1) + 1
        yield Site(
            (kind, name, number), start + (len(written) + 1 if has_name else 0), start + len(pair), Spelling.PLUS
        )
        start += len(pair) + 1


def _xml_sites(text: str) -> Iterator[Site]:
    """Yield the texts and attributes of a document, which need not be well formed.

    The address of a text names the elements around it, each with its number among those of its name; an attribute
    follows its element as `@name`, a further text of one element as `#number`.
    """
    opened = [_Element("", (BODY,))]
    for token in _XML_TOKEN.finditer(text):
        around = opened[-1]
        if token["start"] is not None:
            name = _local(token["start"])
            element = _Element(name, (*around.address, name, around.number(name)))
            yield from _attributes(token, element.address)
            if not token["attributes"].endswith("/") and len(opened) < _DEEPEST:
                opened.append(element)
        elif token["end"] is not None:
            _close(opened, _local(token["end"]))
        else:
            group = "text" if token["text"] is not None else "cdata"
            inner = (token[group] or "").strip()
            if not inner or (len(opened) == 1 and group == "text"):
                continue
            start = text.index(inner, token.start(group))
            place = around.address if around.texts == 0 else (*around.address, f"#{around.texts}")
            around.texts += 1
            yield Site(place, start, start + len(inner), Spelling.MARKUP if group == "text" else Spelling.CDATA)


def _attributes(token: re.Match[str], outer: Address) -> Iterator[Site]:
    for found in _ATTRIBUTE.finditer(token.string, *token.span("attributes")):
        group = 2 if found[2] is not None else 3
        if found[group] and not found[1].startswith("xmlns"):
            yield Site((*outer, f"@{_local(found[1])}"), *found.span(group), Spelling.QUOTED)


def _close(opened: list[_Element], name: str) -> None:
    for depth in range(len(opened) - 1, 0, -1):
        if opened[depth].name == name:
            del opened[depth:]
            return


def _local(name: str) -> str:
    return name.rpartition(":")[2]
