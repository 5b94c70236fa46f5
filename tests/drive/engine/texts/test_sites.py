"""The values in a text have places that say the names around them."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.drive.engine.texts.sites import Structure, field_sites, sites_of, structure_of
from recorder.drive.engine.texts.spelling import decoded
from recorder.model import JSON
from recorder.requests.masks import Address, parameters_of

PIECES = [*"ab1&=%+<>/\"'{}[]:,\\ \n;#-", "%41", "%C3", "a=b", "<a>", "</a>", "<![CDATA[", "]]>"]
TEXTS = st.lists(st.sampled_from(PIECES)).map("".join)


def found(text: str, structure: Structure) -> dict[Address, str]:
    return {site.address: decoded(site.spelling, text[site.start : site.end]) for site in sites_of(text, structure)}


@pytest.mark.parametrize(
    ("text", "structure"),
    [
        ('{"a":1}', Structure.JSON),
        ('\ufeff ["a"]', Structure.JSON),
        ("{a}", None),
        ("[info] x", None),
        ("[" * 100_000, None),
        ('"a"', None),
        ("<a/>", Structure.XML),
        ("<a>b</a>", Structure.XML),
        ("<3 you", None),
        ("<a", None),
        ("a=b&c=d", Structure.FIELDS),
        ("a=b", None),
        ("a&b", None),
        ("if a=b & c=d", None),
        ("", None),
    ],
)
def test_a_text_in_a_text_is_known_by_its_form(text: str, structure: Structure | None) -> None:
    assert structure_of(text) is structure


def test_the_elements_of_xml_are_numbered_by_name() -> None:
    text = (
        "<?xml version='1.0'?><!DOCTYPE a><s:a xmlns:s='u' s:k='&lt;1'><b>x</b><c/><b>y<i/>z</b>"
        "<![CDATA[<q>]]><!-- n --><d e = \"2\" f='' g=3 /></s:a> tail"
    )

    assert found(text, Structure.XML) == {
        ("body", "a", 0, "@k"): "<1",
        ("body", "a", 0, "b", 0): "x",
        ("body", "a", 0, "b", 1): "y",
        ("body", "a", 0, "b", 1, "#1"): "z",
        ("body", "a", 0): "<q>",
        ("body", "a", 0, "d", 0, "@e"): "2",
    }


def test_xml_that_is_not_well_formed_is_read_as_far_as_it_goes() -> None:
    assert found("<a><b>x</c>y</a></a>z<d>w", Structure.XML) == {
        ("body", "a", 0, "b", 0): "x",
        ("body", "a", 0, "b", 0, "#1"): "y",
        ("body", "d", 0): "w",
    }


def test_deep_xml_is_read_as_far_as_it_goes() -> None:
    text = "<a>" * 200 + "x" + "</a>" * 200

    assert list(found(text, Structure.XML).values()) == ["x"]


@given(TEXTS)
def test_fields_have_the_names_and_values_of_masks(text: str) -> None:
    sites = [
        (*site.address[1:], decoded(site.spelling, text[site.start : site.end])) for site in field_sites(text, "q")
    ]

    assert sites == list(parameters_of(text))


def leaves(value: JSON, place: Address) -> dict[Address, str]:
    match value:
        case dict():
            inner = (leaves(item, (*place, name)) for name, item in value.items())
        case list():
            inner = (leaves(item, (*place, number)) for number, item in enumerate(value))
        case str():
            return {place: value}
        case bool() | None:
            return {}
        case _:
            return {place: json.dumps(value)}
    return {address: text for one in inner for address, text in one.items()}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_json_has_the_leaves_that_json_reads(value: JSON, indent: int | None, is_ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)

    assert found(text, Structure.JSON) == leaves(value, ("member",))


NAMES = st.sampled_from(["a", "b", "c"])
ELEMENTS = st.recursive(
    st.tuples(NAMES, st.dictionaries(NAMES, st.text("x<&\"'é", min_size=1)), st.text("x<&é"), st.just(())),
    lambda inner: st.tuples(NAMES, st.just({}), st.just(""), st.lists(inner, max_size=3)),
    max_leaves=6,
)


def element(built: tuple[str, dict[str, str], str, list[JSON]]) -> ET.Element:
    name, attributes, text, children = built
    made = ET.Element(name, attributes)
    made.text = text
    made.extend(map(element, children))
    return made


@given(ELEMENTS)
def test_xml_has_the_texts_that_expat_reads(built: tuple[str, dict[str, str], str, list[JSON]]) -> None:
    tree = element(built)

    text = ET.tostring(tree, encoding="unicode")

    values = [one for node in tree.iter() for one in (*node.attrib.values(), node.text or "") if one]
    assert list(found(text, Structure.XML).values()) == values
