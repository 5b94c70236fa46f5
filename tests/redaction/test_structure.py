"""A redacted body has the names and the types of the one it was made from, in every form."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given

from recorder.formats.multipart import split
from recorder.model import Response
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.redaction.drawn import DOCUMENTS, EVENTS, MARKUP, PAIRS, PARAMETERS, PARTS

pytestmark = pytest.mark.once


def redacted(body: bytes) -> bytes:
    """Return a body redacted after all its texts were seen once, so that each name was seen as a value too."""
    redactor = Redactor(load(), bytes(range(32)))
    redactor.redact(
        Response(0, 0, 0, 200, (), b'{"userData": ["GSW_REFERENCE_ID", "recordHandle", "phoneNumber", "referenceId"]}')
    )
    found = [redactor.redact(Response(0, 0, 0, 200, (), body)) for _ in range(2)][1]
    assert isinstance(found, Response)
    return found.body


def shape(value: Any) -> Any:
    """Return the names and types in a JSON value; a string with JSON in it stays as such a string."""
    match value:
        case dict():
            return {name: shape(inner) for name, inner in value.items()}
        case list():
            return [shape(inner) for inner in value]
        case bool() | None:
            return value
        case int() | float():
            return "number"
        case str() if value[:1] in ("{", "["):
            try:
                return "JSON", shape(json.loads(value))
            except ValueError:
                return "string"
    return "string"


def keys(value: Any) -> Any:
    """Return the keys of lists of keys and values, in their order."""
    match value:
        case dict():
            return [value.get("key"), value.get("type"), *map(keys, value.values())]
        case list():
            return [keys(inner) for inner in value]
    return None


def elements(document: bytes) -> Any:
    def inside(element: ET.Element) -> Any:
        named = {name: element.attrib.get(name) for name in ("name", "key")} if element.tag == "param" else {}
        key = element.text if element.tag == "key" else None
        return element.tag, sorted(element.attrib), named, key, [inside(inner) for inner in element]

    return inside(ET.fromstring(document.replace(b"<r>", b'<r xmlns:n="urn:n">', 1)))


@given(DOCUMENTS)
def test_json_keeps_its_names_and_types(value: Any) -> None:
    assert shape(json.loads(redacted(json.dumps(value).encode()))) == shape(value)


@given(PAIRS)
def test_lists_of_keys_and_values_keep_their_keys(value: Any) -> None:
    found = json.loads(redacted(json.dumps(value).encode()))

    assert (shape(found), keys(found)) == (shape(value), keys(value))


@given(MARKUP)
def test_xml_keeps_its_elements_and_attributes(text: str) -> None:
    assert elements(redacted(text.encode())) == elements(text.encode())


@given(EVENTS)
def test_an_event_stream_keeps_its_lines_and_the_names_in_them(text: str) -> None:
    old, new = text.split("\n"), redacted(text.encode()).decode().split("\n")

    assert [line.partition(":")[0] for line in new] == [line.partition(":")[0] for line in old]
    assert shape(json.loads(new[1][5:])) == shape(json.loads(old[1][5:]))


@given(PARAMETERS)
def test_a_form_keeps_the_names_of_its_fields(text: str) -> None:
    new = redacted(text.encode()).decode()

    assert [name for name, _ in parse_qsl(new, keep_blank_values=True)] == [
        name for name, _ in parse_qsl(text, keep_blank_values=True)
    ]


@given(PARTS)
def test_a_multipart_body_keeps_the_heads_of_its_parts(body: bytes) -> None:
    old, new = split(body, b"b"), split(redacted(body), b"b")

    assert old is not None
    assert new is not None
    assert [part.head for part in new.parts] == [part.head for part in old.parts]
    assert (new.before, new.end, new.after) == (old.before, old.end, old.after)
