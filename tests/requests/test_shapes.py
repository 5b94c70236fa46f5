"""A pseudonym shows the shape of its value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.redaction.pseudonyms import Kind, Pseudonyms
from recorder.requests.shapes import are_of_one_value, may_be

MADE = Pseudonyms(b"k" * 32)
PHONE = "+49 351 4555-0123"


@given(st.text(min_size=1), st.sampled_from(Kind))
def test_a_value_may_have_its_pseudonym(value: str, kind: Kind) -> None:
    assert may_be(MADE.of(kind, value), value)


@pytest.mark.parametrize(
    "value",
    [
        "ada.l@acme.example",
        PHONE,
        "c259da54-7c22-4a43-9440-77a92facc86b",
        "7B3F9E4A5C1D4A6F8B2C",
        "-12.50",
        "Zoë 7",
        "7",
    ],
)
@pytest.mark.parametrize("kind", Kind)
def test_known_shapes_are_kept(value: str, kind: Kind) -> None:
    assert may_be(MADE.of(kind, value), value)


@pytest.mark.parametrize(
    "value", ["", "Offer-2026-7", "offer-2026-77", "Offer 2026 77", "Offer-2026-7x", "Zffër-2026-77"]
)
def test_another_shape_is_told(value: str) -> None:
    assert not may_be("Offer-2026-77", value)


def test_hex_digits_are_of_one_class() -> None:
    assert may_be("4711471147114711", "deadbeefdeadbeef")


def test_a_value_of_two_kinds_has_two_pseudonyms() -> None:
    secret, personal = MADE.of(Kind.SECRET, PHONE), MADE.of(Kind.PERSONAL, PHONE)

    assert are_of_one_value(secret, personal, PHONE)
    assert are_of_one_value(personal, secret, PHONE)
    assert are_of_one_value(MADE.of(Kind.SECRET, "a/b/c77"), MADE.of(Kind.ID, "a/b/c77"), "a/b/c77")


def test_two_values_of_a_kind_are_told_apart() -> None:
    other = "+49 351 4555-0124"

    assert not are_of_one_value(MADE.of(Kind.PERSONAL, PHONE), MADE.of(Kind.PERSONAL, other), PHONE)
    assert not are_of_one_value(MADE.of(Kind.SECRET, PHONE), MADE.of(Kind.SECRET, other), PHONE)
    assert not are_of_one_value("Offer-2026-77", "Offer-2026-78", "Offer-2026-79")
    assert not are_of_one_value("a/b/c77", "a/b/c78", "a/b/c79")
