"""An event that followed a publish carries the values of the live publish."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.replay.engine.rewriting.published import republished

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


def test_a_value_that_the_event_repeats_under_its_name_is_the_live_one() -> None:
    recorded, live = {"requestId": "r-1", "n": 1}, {"requestId": "q-1", "n": 1}

    assert republished({"requestId": "r-1", "answer": 2}, recorded, live) == {"requestId": "q-1", "answer": 2}


def test_an_equal_value_under_another_name_stays() -> None:
    assert republished({"count": 1, "id": 1}, {"id": 1}, {"id": 7}) == {"count": 1, "id": 7}


def test_a_value_of_another_type_stays() -> None:
    assert republished({"id": [True, "1", 1]}, {"id": 1}, {"id": 7}) == {"id": [True, "1", 7]}


def test_it_is_found_at_any_depth() -> None:
    recorded, live = {"head": {"ids": ["a", "b"]}}, {"head": {"ids": ["x", "y"]}}

    assert republished({"done": [{"ids": "b"}]}, recorded, live) == {"done": [{"ids": "y"}]}


def test_a_value_that_was_replaced_by_two_others_stays() -> None:
    recorded, live = {"one": {"id": 1}, "two": {"id": 1}}, {"one": {"id": 7}, "two": {"id": 8}}

    assert republished({"id": 1}, recorded, live) == {"id": 1}


@given(JSON, JSON)
def test_equal_publishes_change_nothing(event: object, published: object) -> None:
    assert republished(event, published, published) is event


@given(JSON, JSON, JSON)
def test_any_values_will_do(event: object, recorded: object, live: object) -> None:
    republished(event, recorded, live)
