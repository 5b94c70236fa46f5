"""A value is read as what may replace it: parts of a date, or characters."""

from __future__ import annotations

import pytest

from recorder.redaction.pseudonyms import alphabets, typed


@pytest.mark.parametrize(
    "text",
    [
        "1980-05-17",
        "2024-02-29",
        "1980-05-17Z",
        "1980-05-17+02:00",
        "0001-01-01",
        "1980/05/17",
        "1980.05.17",
        "17.05.1980",
        "17/05/1980",
        "05/17/1980",
        "5/7/1980",
        "17-05-1980",
        "17.05.80",
        "19800517",
        "20260517T143950Z",
        "20260517T143950.25+0200",
        "2026-11-23T14:39:50",
        "2026-11-23t14:39:50.123456z",
        "2026-11-23 14:39:50,123",
        "2026-11-23T14:39+02",
        "2026-11-23 14:39:50 UTC",
        "05/17/1980 02:30 PM",
        "17.05.1980, 14:30",
        "14:39",
        "9:30:05",
        "14:39:50.5-08:00",
        "true",
        "False",
        "NULL",
        "yes",
        "No",
    ],
)
def test_a_date_a_time_and_a_literal_have_a_type(text: str) -> None:
    read = typed(text)

    assert read is not None
    assert "".join(read.texts) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1980",
        "1980-13-17",
        "1980-02-30",
        "1900-02-29",
        "0000-00-00",
        "0000-01-01",
        "32.01.1980",
        "13/13/1980",
        "30/02/1980",
        "18000517",
        "19801317",
        "24:00",
        "14:60",
        "0:30 AM",
        "13:30 PM",
        "1980-05-17T",
        "1980-05-1714:30",
        "T14:39",
        "415-555-2671",
        "10.0.0.12",
        "1700000000123456789-0",
        "truely",
        "²0:30",
    ],
)
def test_what_only_looks_like_a_date_has_no_type(text: str) -> None:
    assert typed(text) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2024-02-29", "1900-12-31"),
        ("17/05/1980", "31/12/2000"),
        ("05/06/1980", "12/12/2099"),
        ("2026-11-23T14:39:50Z", "1980-05-17T00:00:00Z"),
    ],
)
def test_dates_of_one_shape_are_one_class(one: str, other: str) -> None:
    assert typed(one).choices == typed(other).choices


@pytest.mark.parametrize(
    ("one", "other"),
    [("2024-02-29", "1899-12-31"), ("17/05/1980", "05/17/1980"), ("05/06/1980", "17/06/1980"), ("2:30", "2:30 PM")],
)
def test_dates_that_are_read_differently_are_two_classes(one: str, other: str) -> None:
    assert typed(one).choices != typed(other).choices


@pytest.mark.parametrize("number", ["7", "10", "-42", "3.14", "-0.5", "6.02e23", "1E-7"])
def test_the_first_digit_of_a_number_becomes_no_zero(number: str) -> None:
    first = number.lstrip("-")[0]

    found = alphabets(number)[number.index(first)]

    assert "0" not in found
    assert bool(found) == (first != "0")
