"""JSON made small: what is unpacked is what was packed, and what repeats stands there once."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.views.document import pack

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=30,
)


class Numeral(str):
    """A number that is kept as it is written."""

    __slots__ = ()


def unpack(text: str) -> Any:
    """As page/src/data/unpack.js does it."""
    packed = json.loads(text)
    known: list[Any] = []

    def read(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        kind, *rest = value
        if kind == -2:
            return known[rest[0]]
        if kind == -3:
            return Numeral(rest[0])
        items = [read(item) for item in rest]
        return items if kind == -1 else dict(zip(packed["shapes"][kind], items, strict=True))

    for value in packed["pool"]:
        known.append(read(value))  # noqa: PERF401  # each may name those before it
    return read(packed["value"])


def numerals_read(value: Any) -> Any:
    if isinstance(value, Numeral):
        return json.loads(value)
    if isinstance(value, list):
        return [numerals_read(item) for item in value]
    return {name: numerals_read(item) for name, item in value.items()} if isinstance(value, dict) else value


@given(VALUES)
def test_any_value_comes_back(value: Any) -> None:
    assert json.dumps(numerals_read(unpack(pack(value)))) == json.dumps(value)


@given(VALUES)
def test_a_value_that_stands_there_twice_comes_back_twice(value: Any) -> None:
    twice = [value, {"again": value, "more": [value]}]

    assert numerals_read(unpack(pack(twice))) == twice


def test_what_repeats_stands_there_once() -> None:
    event = {"record": {"campaignName": "Preview Campaign", "callingList": "Calling List 1"}}

    packed = pack([event, event, {"record": event["record"], "of": "another"}])

    assert packed.count("Calling List 1") == 1
    assert packed.count("callingList") == 1


@pytest.mark.parametrize("number", [2**53 + 1, -(10**30), 1.0, -0.0, 1e-9, 5e21, 123456789012345678])
def test_a_number_javascript_would_show_otherwise_is_kept_as_it_is_written(number: float) -> None:
    assert unpack(pack(number)) == Numeral(json.dumps(number))


@pytest.mark.parametrize("number", [0, -7, 134, 0.25, 2**53])
def test_other_numbers_stand_for_themselves(number: float) -> None:
    assert json.loads(pack(number))["value"] == number


def test_what_python_takes_for_json_and_others_do_not_is_kept_as_text() -> None:
    assert unpack(pack([math.nan, math.inf])) == ["NaN", "Infinity"]


def test_equal_values_of_other_types_are_not_mixed_up() -> None:
    assert json.dumps(numerals_read(unpack(pack([1, True, 1.0, "1", [], {}])))) == '[1, true, 1.0, "1", [], {}]'


def test_half_a_surrogate_pair_does_not_break_the_file() -> None:
    assert unpack(pack("a\ud800b")) == "a?b"


def test_as_many_levels_as_the_readers_here_take_are_packed() -> None:
    deep: Any = "x"
    for _ in range(110):
        deep = [{"inner": deep}]

    assert unpack(pack(deep)) == deep
