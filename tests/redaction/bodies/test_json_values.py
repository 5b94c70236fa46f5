"""What is learnt from parsed JSON must be what is learnt from its text, in the same order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.redaction.bodies import json_text, json_values
from recorder.redaction.finder import Finder, same
from recorder.redaction.known import Known
from recorder.redaction.policy import Policy, load, parse
from tests.redaction.bodies.test_json_text import POLICY, SCALARS, Upside

PLAIN = st.sampled_from(["a", "id", "password", "userdata", "user", "name", "ü", "key", "valued"])
PAIRS = PLAIN | st.sampled_from(["value", "VALUES", "Value"])


def objects(names: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    inner: st.SearchStrategy[Any] = st.recursive(
        SCALARS | st.sampled_from(["password", "Ada Example-1", 10**30, 1e16, -0.5]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
        max_leaves=12,
    )
    return st.dictionaries(names, inner, max_size=4)


def both_ways(value: Any, policy: Policy) -> tuple[list[Any], list[Any]]:
    by_value, by_text = Upside(), Upside()
    json_values.read(value, by_value, policy, policy.root())
    json_text.by_token(json.dumps(value), by_text, policy, policy.root())
    return by_value.seen, by_text.seen


@pytest.fixture(scope="module")
def policy() -> Policy:
    return parse(POLICY, path="policy.toml")


@given(objects(PLAIN))
def test_values_are_read_by_their_places_in_the_order_of_the_text(policy: Policy, value: dict[str, Any]) -> None:
    mine, expected = both_ways(value, policy)

    assert mine == [one for one in expected if not one[1].kept]


@given(objects(PAIRS))
def test_where_an_object_may_be_a_pair_the_text_is_read(policy: Policy, value: dict[str, Any]) -> None:
    mine, expected = both_ways(value, policy)
    plain = [one for one in expected if not one[1].kept]
    before = len(mine) - len(expected)  # the values before that object were read twice

    assert mine == plain or (mine[before:] == expected and mine[:before] == plain[:before])


@pytest.mark.parametrize(
    "value",
    [
        {"userData": [{"key": "phone", "value": "+1 415 555 2671"}], "note": "+1 415 555 2671"},
        {"all": [{"key": "phoneNumber", "value": "Ada Example-1"}], "note": "Ada Example-1"},
        {"all": [{"Key": "phoneNumber", "VALUE": "Ada Example-1"}], "note": "Ada Example-1"},
        {"userData": {"a": "Ada Example-1"}, "note": "said Ada Example-1 and Ada Example-2"},
        {"email": "ada@acme.example", "inner": '{"password":"of a text"}', "list": ["of a text", 7]},
        {"ssn": 123456789, "count": 123456789, "ratio": float("inf"), "none": None, "is": True},
        {"authorization": "Bearer b2YgYSB0ZXh0OnRoYXQgaXMgZW5jb2RlZA==", "note": "that is encoded"},
        {},
    ],
)
def test_the_same_is_learnt(value: dict[str, Any]) -> None:
    known = [Known(), Known()]
    by_value, by_text = (Finder(load(), same, one) for one in known)

    for _ in range(3):  # shapes are known from the second text on
        by_value.read(value)
        by_text.body(json.dumps(value).encode())

    assert list(known[0]._values.items()) == list(known[1]._values.items())
    assert by_value.empty == by_text.empty
