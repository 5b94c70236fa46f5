"""The same value gives the same pseudonym in its own shape, and no two share one."""

from __future__ import annotations

import os
import re
import string
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.redaction.pseudonyms import Kind, Pseudonyms

KEY = b"a key of sixteen"
MANY = 1_000_000 if os.environ.get("EVERY_VALUE") else 20_000
KINDS = st.sampled_from(Kind)


def pseudonym(kind: Kind, value: str, key: bytes = KEY) -> str:
    return Pseudonyms(key).of(kind, value)


def shape(text: str) -> str:
    """Letters by case, digits, and all else as it is."""
    classes = [(string.ascii_lowercase, "a"), (string.ascii_uppercase, "A"), (string.digits, "9")]
    return "".join(next((name for chars, name in classes if char in chars), char) for char in text)


@given(KINDS, st.text())
def test_the_same_value_gives_the_same_pseudonym(kind: Kind, value: str) -> None:
    assert pseudonym(kind, value) == pseudonym(kind, value)


@given(st.text(string.ascii_letters + string.digits, min_size=8, max_size=60))
def test_another_key_gives_another_pseudonym(value: str) -> None:
    assert pseudonym(Kind.SECRET, value) != pseudonym(Kind.SECRET, value, b"another key, yes")


@given(KINDS, st.text(string.ascii_letters + string.digits, min_size=1))
def test_nothing_is_its_own_pseudonym(kind: Kind, value: str) -> None:
    if value.strip("0"):  # a zero has nothing to become
        assert pseudonym(kind, value) != value


@given(st.text(string.printable))
def test_a_secret_keeps_its_shape(value: str) -> None:
    if "@" not in value and not re.fullmatch(r"[0-9a-fA-F]{16,}", value):
        assert shape(pseudonym(Kind.SECRET, value)) == shape(value)


@given(KINDS, st.uuids())
def test_a_uuid_gives_a_uuid_of_its_version(kind: Kind, value: UUID) -> None:
    made = UUID(pseudonym(kind, str(value)))

    assert (made.version, made.variant) == (value.version, value.variant)
    assert made != value


@given(st.integers())
def test_an_integer_gives_one_of_its_width(value: int) -> None:
    made = pseudonym(Kind.ID, str(value))

    assert len(str(int(made))) == len(str(value))
    assert (int(made) < 0) == (value < 0)


@pytest.mark.parametrize("phone", ["+1 415 555 2671", "(415) 555-2671", "4155552671", "555-0101", "0351/4555-0"])
def test_a_telephone_number_gives_one_that_cannot_be_called(phone: str) -> None:
    made = pseudonym(Kind.PERSONAL, phone)

    assert re.fullmatch(r"[+(]?999.*", made)
    assert shape(made.replace("999", "", 1)) == shape(phone)


def test_a_date_is_no_telephone_number() -> None:
    assert shape(pseudonym(Kind.PERSONAL, "1980-05-17")) == "9999-99-99"


@given(KINDS, st.emails())
def test_an_address_gives_one_at_a_domain_that_is_nobodys(kind: Kind, address: str) -> None:
    assert pseudonym(kind, address).endswith("@example.com")


def test_addresses_of_one_person_at_two_places_stay_two() -> None:
    made = {pseudonym(Kind.PERSONAL, address) for address in ("ada@a.example", "ada@b.example", "bea@a.example")}

    assert len(made) == 3


@pytest.mark.parametrize("text", ["Müller", "Ελένη", "Мария", "王小明", "José Ñuñez"])
def test_names_in_other_scripts_stay_in_them(text: str) -> None:
    made = pseudonym(Kind.PERSONAL, text)

    assert [ord(char) // 64 for char in made if ord(char) > 127] == [
        ord(char) // 64 for char in text if ord(char) > 127
    ]
    assert made != text


@pytest.mark.parametrize("kind", Kind)
def test_all_values_of_a_small_range_have_pseudonyms_of_their_own(kind: Kind) -> None:
    pseudonyms = Pseudonyms(KEY)
    values = [str(number) for number in range(10, 1000)] + [f"{a}{b}" for a in "abc" for b in string.ascii_letters]

    made = [pseudonyms.of(kind, value) for value in values]

    assert len(set(made)) == len(values)
    assert not any(one == other for one, other in zip(made, values, strict=True))


@pytest.mark.once
@pytest.mark.parametrize(
    ("kind", "form"),
    [(Kind.ID, "{:07}"), (Kind.PERSONAL, "+1 415 {:07}"), (Kind.PERSONAL, "u{}@a.example"), (Kind.SECRET, "t{:x}")],
    ids=["id", "phone", "address", "token"],
)
def test_no_two_of_many_values_share_a_pseudonym(kind: Kind, form: str) -> None:
    pseudonyms = Pseudonyms(KEY)

    made = {pseudonyms.of(kind, form.format(1_000_000 + number)) for number in range(MANY)}

    assert len(made) == MANY
