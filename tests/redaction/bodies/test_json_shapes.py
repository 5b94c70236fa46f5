"""Texts of a known shape must be read as they are token by token, whatever stands in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.model import Response
from recorder.redaction.bodies import json_text
from recorder.redaction.leaves import leaves
from recorder.redaction.policy import Policy, parse, without_rules
from tests.redaction.bodies.test_json_text import POLICY, SCALARS, Upside

NAMES = st.sampled_from(["a", "id", "password", "userdata", "value", "name", "a:", 'b"', "ü", "key"])
STRUCTURES: st.SearchStrategy[Any] = st.recursive(
    st.just(None), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)
GARBAGE = st.text('{}[]:," \\ab1.-\n\0', max_size=40)
SPACES = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")])


@st.composite
def alike(draw: st.DrawFn) -> list[str]:
    """Draw texts that differ in their scalars alone."""
    structure, separators = draw(STRUCTURES), draw(SPACES)

    def filled(one: Any) -> Any:
        match one:
            case dict():
                return {name: filled(inner) for name, inner in one.items()}
            case list():
                return [filled(inner) for inner in one]
            case _:
                return draw(SCALARS | st.sampled_from(["phone", "a:", "0", '":"']))

    return [json.dumps(filled(structure), separators=separators, ensure_ascii=draw(st.booleans())) for _ in range(4)]


@st.composite
def spoiled(draw: st.DrawFn) -> list[str]:
    """Draw texts of which some parts are no JSON, each of them three times and with other values."""
    pieces = draw(st.lists(GARBAGE | st.sampled_from(['{"a":', '"b":', "}", ",", '"c" "d"']), min_size=1, max_size=5))
    values = st.sampled_from(['"x"', '"é:"', "1", "-0.5e3", '"\\u00e4"', ':"y"', "12 "])
    return ["".join([part for piece in pieces for part in (piece, draw(values))]) for _ in range(3)] * 2


def token_by_token(texts: list[str], policy: Policy) -> tuple[list[str], list[Any]]:
    """Return the changed texts, and what the change was asked, without a memory of shapes."""
    change = Upside()
    return [json_text.by_token(text, change, policy, policy.root()) for text in texts], change.seen


def by_shape(texts: list[str], policy: Policy) -> tuple[list[str], list[Any]]:
    change = Upside()
    return [json_text.changed(text, change, policy, policy.root()) for text in texts], change.seen


@given(alike() | spoiled())
def test_texts_of_one_shape_are_changed_as_token_by_token(texts: list[str]) -> None:
    policy = parse(POLICY, path="test.toml")
    expected, asked = token_by_token(texts, policy)

    made, seen = by_shape(texts, policy)

    assert made == expected
    kept = [one for one in asked if not one[1].kept]
    assert [one for one in seen if not one[1].kept] == kept


@given(alike() | spoiled())
def test_texts_of_one_shape_have_the_same_leaves(texts: list[str]) -> None:
    bodies = [Response(0, 0, 0, 200, (), f"[{text}]".encode("utf-8", "surrogatepass")) for text in texts]
    without_rules.cache_clear()
    alone = []
    for body in bodies:
        without_rules.cache_clear()  # nothing is known of any shape
        alone.append(leaves(body))

    without_rules.cache_clear()

    assert [leaves(body) for body in bodies + bodies] == alone + alone


def test_shape_is_known_when_it_comes_again() -> None:
    policy = parse(POLICY, path="test.toml")
    texts = [f'{{"id":{n},"password":"p{n}"}}' for n in range(3)]

    known = [policy.shapes.split(text, policy, policy.root()) is not None for text in texts]

    assert known == [False, True, True]


@pytest.mark.parametrize(
    "text",
    [
        '{"key":"phone","value":"1"}',
        '{"a:":"b"}',
        '{"a":1 2}',
        '{"a":"x"',
        '{"a":"x" "b"}',
        '{"a":tru}',
        '{"x":"a":"b"}',
        '["a:1,b"]',
    ],
)
def test_text_whose_places_could_differ_has_no_shape(text: str) -> None:
    policy = parse(POLICY, path="test.toml")

    assert [policy.shapes.split(text, policy, policy.root()) for _ in range(3)] == [None, None, None]


def test_value_that_all_texts_share_is_replaced_too() -> None:
    policy = parse(POLICY, path="test.toml")
    texts = ['{"password":["pw",1],"x":"a"}'] * 3

    made, _ = by_shape(texts, policy)

    assert made == token_by_token(texts, policy)[0]
    assert '"pw"' not in made[-1]
