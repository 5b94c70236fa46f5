"""The same value gives the same pseudonym in its own shape, and no two share one."""

from __future__ import annotations

import json
import os
import re
import statistics
import string
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.redaction import pseudonyms
from recorder.redaction.pseudonyms import Kind, Pseudonyms, is_phone, plan_of, typed

KEY = b"a key of sixteen"
MANY = 1_000_000 if os.environ.get("EVERY_VALUE") else 20_000
KINDS = st.sampled_from(Kind)


# Cassettes that share a key share their pseudonyms: a line here never changes.
VECTORS_KEY = bytes(range(32))
VECTORS = [
    (Kind.SECRET, "a", "d"),
    (Kind.SECRET, "Q", "G"),
    (Kind.SECRET, "7", "4"),
    (Kind.SECRET, "ab", "ua"),
    (Kind.SECRET, "abcd", "jptj"),
    (Kind.SECRET, "Ada", "Aeo"),
    (Kind.SECRET, "hunter2", "gtlglq2"),
    (Kind.SECRET, "4711", "6804"),
    (Kind.SECRET, "1001", "5467"),
    (Kind.SECRET, "-42", "-47"),
    (Kind.SECRET, "3.14", "9.17"),
    (Kind.SECRET, "-1.50", "-7.56"),
    (Kind.SECRET, "6.02e23", "4.86e23"),
    (Kind.SECRET, "0815", "0048"),
    (Kind.SECRET, "secret-Word_9", "hjqdqa-Xkqg_4"),
    (Kind.SECRET, "Müller", "Hàgatf"),
    (Kind.SECRET, "Ελένη", "ΑΈγΪΌ"),
    (Kind.SECRET, "王小明", "玢尚昁"),
    (Kind.SECRET, "c259da54-7c22-4a43-9440-77a92facc86b", "eaa985bb-74fd-4d5e-91c9-16368a717dfa"),
    (Kind.SECRET, "C259DA54-7C22-4A43-9440-77A92FACC86B", "6600BDE4-81EB-44D0-9067-D3D6AAC1CE4C"),
    (Kind.SECRET, "0123456789abcdef", "e1cb3c71a32d6b01"),
    (Kind.SECRET, "0123456789ABCDEF01234567", "0AEEDA63A0EED2E373BA4052"),
    (Kind.SECRET, "d41d8cd98f00b204e9800998ecf8427e", "7735d6a8271a2199d01a28d0ac1f1371"),
    (Kind.SECRET, "node01a1kqo8vhpyj4w1b8r2yp5r9sn4.node0", "xaae66w3asf9tyoai2e7c8r3vj3j8mm0.pxpj5"),
    (
        Kind.SECRET,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqb2UifQ.c2lnbmF0dXJl",
        "eyCogYuzNbMSHmS9RdK7.zwRafGRnMbBff5WvpS.y7pphjE0qCVm",
    ),
    (Kind.SECRET, "1795444790361534", "7085409874249088"),
    (Kind.SECRET, "/devices/c259da54", "/goifihp/j522qc75"),
    (Kind.ID, "/devices/c259da54", "/devices/k134rr94"),
    (Kind.SECRET, "joe.doe@corp.example", "cth.ovx-at-cfjv.sppqffl@example.com"),
    (Kind.SECRET, "+1 415 555 2671", "+5 656 886 3999"),
    (Kind.PERSONAL, "+1 415 555 2671", "+9995 656 886 3999"),
    (Kind.SECRET, "(415) 555-2671", "(212) 731-1806"),
    (Kind.PERSONAL, "(415) 555-2671", "(999212) 731-1806"),
    (Kind.SECRET, "0351/4555-0", "2437/1697-6"),
    (Kind.PERSONAL, "0351/4555-0", "9992437/1697-6"),
    (Kind.ID, "0351/4555-0", "0351/1913-9"),
    (Kind.SECRET, "4155552671", "4859520034"),
    (Kind.PERSONAL, "4155552671", "9994859520034"),
    (Kind.SECRET, "am Wall 3, 01067 Dresden", "xs Zrby 1, 44380 Npdxswy"),
    (Kind.SECRET, "00D5e000000ABCD!AQ4AQ", "92F7y018250TRUF!LT7TA"),
    (Kind.PERSONAL, "1980-05-17", "2052-02-04"),
    (Kind.PERSONAL, "2024-02-29", "2054-03-09"),
    (Kind.PERSONAL, "9999-12-31", "9366-06-22"),
    (Kind.PERSONAL, "2026-11-23T14:39:50.123Z", "1941-01-11T05:17:42.680Z"),
    (Kind.PERSONAL, "17.05.1980", "23.07.1942"),
    (Kind.PERSONAL, "5/17/80", "6/24/62"),
    (Kind.PERSONAL, "19800517", "19540320"),
    (Kind.PERSONAL, "14:39", "07:02"),
    (Kind.PERSONAL, "02:30 PM", "05:09 PM"),
    (Kind.PERSONAL, "true", "true"),
]
MOMENTS = st.datetimes(datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2099-12-31")).map(
    lambda moment: moment.replace(microsecond=0)
)
FORMS = [
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%d.%m.%y",
    "%m/%d/%Y %I:%M %p",
    "%d.%m.%Y, %H:%M:%S",
    "%H:%M",
    "%H:%M:%S",
    "%I:%M %p",
    "%Y%m%d",
    "%Y%m%dT%H%M%SZ",
]


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
    if value.strip("0") and not typed(value):  # a zero has nothing to become, and true stays true
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


@pytest.mark.parametrize("date", ["1980-05-17", "9999-99-99", "17.05.1980", "1980/05/17", "5/17/1980", "19800517"])
def test_a_date_is_no_telephone_number(date: str) -> None:
    assert not is_phone(date)
    assert shape(pseudonym(Kind.PERSONAL, date)) == shape(date)


def test_a_decimal_number_is_no_telephone_number() -> None:
    assert shape(pseudonym(Kind.PERSONAL, "52.5200066")) == "99.9999999"


@pytest.mark.parametrize("form", FORMS)
@given(kind=KINDS, moment=MOMENTS)
def test_a_date_or_time_stays_one_of_its_form(form: str, kind: Kind, moment: datetime) -> None:
    value = moment.strftime(form)

    made = pseudonym(kind, value)

    assert time.strptime(made, form)
    assert shape(made) == shape(value)
    assert made != value


@given(KINDS, st.datetimes(), st.integers(-12 * 60, 14 * 60))
def test_an_iso_date_keeps_its_offset(kind: Kind, moment: datetime, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))

    made = datetime.fromisoformat(pseudonym(kind, moment.replace(tzinfo=zone).isoformat()))

    assert made.utcoffset() == timedelta(minutes=minutes)


def test_each_date_has_a_pseudonym_of_its_own_and_each_non_date_too() -> None:
    pseudonyms = Pseudonyms(KEY)
    values = [f"{day:02}.{month:02}.80" for day in range(100) for month in range(20)]

    made = {value: pseudonyms.of(Kind.PERSONAL, value) for value in values}

    assert len(set(made.values())) == len(values)
    assert not [value for value in values if (typed(value) is None) != (typed(made[value]) is None)]
    assert not [value for value in values if made[value] == value]


def test_years_stay_inside_or_outside_of_two_centuries() -> None:
    pseudonyms = Pseudonyms(KEY)
    values = [f"{year:04}-07-01" for year in range(1600, 2400)]

    near = [value for value in values if "1900" <= pseudonyms.of(Kind.PERSONAL, value)[:4] <= "2099"]

    assert near == [value for value in values if "1900" <= value[:4] <= "2099"]


def test_the_minutes_of_a_day_change_places() -> None:
    pseudonyms = Pseudonyms(KEY)
    times = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60)]

    made = [pseudonyms.of(Kind.ID, value) for value in times]

    assert sorted(made) == times
    assert not any(one == other for one, other in zip(made, times, strict=True))


@pytest.mark.parametrize("word", ["true", "False", "NULL", "yes", "No"])
@pytest.mark.parametrize("kind", Kind)
def test_a_truth_value_stays(kind: Kind, word: str) -> None:
    assert pseudonym(kind, word) == word


def test_no_word_becomes_a_truth_value() -> None:
    words = [a + b for a in string.ascii_lowercase for b in string.ascii_lowercase]
    pseudonyms = Pseudonyms(KEY)

    made = [pseudonyms.of(Kind.SECRET, word) for word in words if word != "no"]

    assert sorted([*made, "no"]) == words


@given(st.sampled_from([Kind.SECRET, Kind.ID]), st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_of_json_gives_one_of_its_type_and_width(kind: Kind, number: float) -> None:
    text = json.dumps(number)

    made = pseudonym(kind, text)

    assert type(json.loads(made)) is type(number)
    assert shape(made) == shape(text)


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


@pytest.mark.parametrize(("kind", "value", "made"), VECTORS)
def test_a_pseudonym_is_that_of_earlier_versions(kind: Kind, value: str, made: str) -> None:
    assert pseudonym(kind, value, VECTORS_KEY) == made


@pytest.mark.parametrize("room", [0, 1 << 12, 1 << 16])
def test_tables_that_are_emptied_change_no_pseudonym(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    values = [f"{'ab-' * (number % 5)}{number}" for number in range(300)]
    usual = Pseudonyms(VECTORS_KEY)
    expected = [usual.of(Kind.SECRET, value) for value in values]

    monkeypatch.setattr(pseudonyms, "_TABLES", room)
    small = Pseudonyms(VECTORS_KEY, _room=room)

    assert [small.of(Kind.SECRET, value) for value in values] == expected


@given(KINDS, st.text("aA0zé9-./ ", min_size=1, max_size=12) | st.integers().map(str) | st.floats().map(repr))
def test_the_plan_of_a_shape_changes_no_pseudonym(kind: Kind, value: str) -> None:
    with_plans = Pseudonyms(VECTORS_KEY).of(kind, value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pseudonyms, "plan_of", lambda _: None)
        assert Pseudonyms(VECTORS_KEY).of(kind, value) == with_plans


@pytest.mark.parametrize("value", ["1e5", "01", "-0", "0123456789abcdef", "c259da54-7c22-4a43-9440-77a92facc86b"])
def test_a_value_whose_characters_depend_on_others_has_no_plan(value: str) -> None:
    assert plan_of(value) is None


def test_many_values_of_one_shape_take_few_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    scrambled = pseudonyms._scrambled

    def counted(*given: Any) -> int:
        nonlocal asked
        asked += 1
        return scrambled(*given)

    monkeypatch.setattr(pseudonyms, "_scrambled", counted)
    made = Pseudonyms(KEY)

    for number in range(3000):
        made.of(Kind.SECRET, f"a{number:04}")

    assert 0 < asked <= 8 * 512  # eight rounds, and the halves of 260,000 places, which have 9 bits


@pytest.mark.parametrize(("value", "others"), [("7", 8), ("07", 9), ("b", 25), ("b7", 259)])
def test_a_value_has_each_pseudonym_under_about_as_many_keys(value: str, others: int) -> None:
    keys = [number.to_bytes(16, "big") for number in range(20 * others)]

    made = Counter(pseudonym(Kind.SECRET, value, key) for key in keys)

    # Pearson's chi-squared has a mean of n and a variance of 2n, for n + 1 outcomes.
    distance = sum((count - 20) ** 2 / 20 for count in made.values()) - others
    assert len(made) == others
    assert abs(distance) < 4 * (2 * others) ** 0.5


def test_neighbours_have_pseudonyms_that_are_no_neighbours() -> None:
    pseudonyms = Pseudonyms(KEY)

    made = [int(pseudonyms.of(Kind.ID, f"0{number:04}")) for number in range(3_000)]

    assert abs(statistics.correlation(made, range(3_000))) < 4 / 3_000**0.5
    assert abs(statistics.correlation(made[1:], made[:-1])) < 4 / 3_000**0.5
    assert max(Counter((one - other) % 10_000 for one, other in pairwise(made)).values()) < 10


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
