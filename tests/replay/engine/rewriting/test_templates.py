"""What is written from a template is what rewriting the value and encoding it gives."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.replay.engine.rewriting.rewriter import Rewriter, bare_values, keys_of_names
from recorder.replay.engine.rewriting.templates import encode, template
from recorder.requests.bindings import ABSENT, HIDDEN, Bindings
from tests.wire import DEVICE, done

GWS = load()
BARE = partial(bare_values, GWS, keys_of_names(GWS))
WORDS = [
    "r1",
    "reference-0001",
    DEVICE,
    "+15550100001",
    "4711",
    4711,
    7,
    "http://gws/x",
    "%2Freference-0001",
    "é",
    '"\\\n',
]
LEAVES = st.one_of(
    st.sampled_from(WORDS), st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=3)
)
NAMES = st.sampled_from(["referenceId", "deviceId", "GSW_REFERENCE_ID", "note", DEVICE, ""])
VALUES = st.recursive(
    st.one_of(LEAVES, st.lists(st.sampled_from(["see", "/", *map(str, WORDS)])).map(" ".join)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
)


@st.composite
def rewriters(draw: st.DrawFn) -> Rewriter:
    scopes = Bindings(), Bindings()
    for key in ("reference", "inner_reference", "device", HIDDEN):
        for recorded in draw(st.lists(st.sampled_from([str(word) for word in WORDS]), max_size=3)):
            live: Any = draw(st.sampled_from(["live", "live-reference", 9, recorded, ABSENT, "0123456789"]))
            scopes[draw(st.integers(0, 1))].bind(key, recorded, live)
    return Rewriter(GWS, *scopes)


@given(VALUES, rewriters())
def test_writing_into_a_template_is_rewriting_the_value(value: Any, rewriter: Rewriter) -> None:
    expected = encode(rewriter.value(value))

    assert rewriter.encoded(template(value, BARE), value) == expected
    assert rewriter.encoded(template(value, BARE, ("r1:", ";r1")), value) == f"r1:{expected};r1"


def test_the_values_a_client_may_have_minted_are_holes() -> None:
    made = template(done(7, "r1"), BARE)

    assert {(made.pieces[place], hole.bare) for place, hole in made.holes} == {
        ('"r1"', (("reference", "r1"),)),
        (f'"/devices/{DEVICE}"', (("device", DEVICE),)),
    }
    assert "r1" not in made.literal.runs


def test_a_value_without_holes_is_one_text() -> None:
    assert template({"a": [1, {}, []]}, BARE).pieces == ('{"a":[1,{},[]]}',)
