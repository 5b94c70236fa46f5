"""Events that are one and the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.model import JSON, Event
from recorder.verify.pushed import likened
from tests.verify.desks import GWS

LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
)


def event(data: JSON, channel: str = "/a") -> Event:
    return Event(0, 0, 1, 1, "c", channel, data)


@given(VALUES)
def test_an_event_is_like_itself_alone(data: JSON) -> None:
    one, other = event(data), event(json.loads(json.dumps(data)))

    assert likened(one, GWS) == likened(other, GWS)
    assert likened(one, GWS) != likened(replace(other, data=[data]), GWS)
    assert likened(one, GWS) != likened(replace(other, channel="/b"), GWS)


@pytest.mark.parametrize(
    ("one", "other", "is_like"),
    [
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True),
        ({"a": "2026-01-01T10:00:00Z"}, {"a": "2026-01-02T11:00:00Z"}, True),
        ({"a": 1_700_000_000}, {"a": 1_700_000_999_000}, True),
        ({"a": 1}, {"a": 2}, False),
        ([1, 2], [2, 1], False),
        ({}, [], False),
        ({"a": None}, {}, False),
    ],
)
def test_what_is_like_an_event(one: JSON, other: JSON, is_like: bool) -> None:  # a parameter of a test
    assert (likened(event(one), GWS) == likened(event(other), GWS)) == is_like
