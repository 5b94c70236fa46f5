"""A date is read in the notation it is written in, and stays in that notation when it moves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.formats.dates import cookie_date, http_date, moved, seconds_of

AT = 1772445600.0  # 2 March 2026, 10:00 UTC
DAYS = 3 * 86_400 + 61  # three days and a minute

MOVES: list[tuple[Any, Any]] = [
    ("Mon, 02 Mar 2026 10:00:00 GMT", "Thu, 05 Mar 2026 10:01:01 GMT"),
    ("Mon, 2 Mar 2026 12:00:00 +0200", "Thu, 5 Mar 2026 12:01:01 +0200"),
    ("Monday, 02-Mar-26 10:00:00 GMT", "Thursday, 05-Mar-26 10:01:01 GMT"),
    ("Mon, 02-Mar-2026 10:00:00 GMT", "Thu, 05-Mar-2026 10:01:01 GMT"),
    ("Mon Mar  2 10:00:00 2026", "Thu Mar  5 10:01:01 2026"),
    ("2026-03-02T10:00:00Z", "2026-03-05T10:01:01Z"),
    ("2026-03-02T10:00:00.120Z", "2026-03-05T10:01:01.120Z"),
    ("2026-03-02T12:00:00+02:00", "2026-03-05T12:01:01+02:00"),
    ("2026-03-02T03:00:00.5-0700", "2026-03-05T03:01:01.5-0700"),
    ("20260302T100000Z", "20260305T100101Z"),
    (1772445600, 1772704861),
    (1772445600.25, 1772704861.25),
    (1772445600123, 1772704861123),
    ("1772445600", "1772704861"),
    ("1772445600123", "1772704861123"),
    ("/Date(1772445600000)/", "/Date(1772704861000)/"),
    (r"\/Date(1772445600000+0100)\/", r"\/Date(1772704861000+0100)\/"),
]


@pytest.mark.parametrize(("date", "later"), MOVES)
def test_a_date_moves_in_its_type_and_notation(date: Any, later: Any) -> None:
    assert (moved(date, DAYS), type(moved(date, DAYS))) == (later, type(date))
    assert moved(later, -DAYS) == date
    assert seconds_of(date) == pytest.approx(AT, abs=1)
    assert seconds_of(later) == pytest.approx(AT + DAYS, abs=1)


def test_a_day_moves_by_whole_days_and_a_minute_by_minutes() -> None:
    assert moved("2026-03-02 10:00", DAYS) == "2026-03-05 10:01"
    assert moved("2026-03-02", DAYS) == "2026-03-05"
    assert moved("20260302", DAYS) == "20260305"


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        3600,
        134,
        1.5,
        "",
        "r1",
        "3600",
        "0177244560",
        "2026-02-30",
        "2026-13-01T00:00:00Z",
        "10:00",
        [1],
        {},
    ],
)
def test_what_is_no_date_stays(value: Any) -> None:
    assert moved(value, DAYS) == value
    assert seconds_of(value) is None


@given(st.text() | st.integers() | st.floats(allow_nan=False), st.integers(-(10**11), 10**11))
def test_any_value_gives_one_of_its_type(value: Any, seconds: int) -> None:
    assert type(moved(value, seconds)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 02 Mar 2026 10:00:00 GMT",
        "Monday, 02-Mar-26 10:00:00 GMT",
        "Mon Mar  2 10:00:00 2026",
        "Mon, 2-Mar-2026 10:00:00",
        "10:00:00 2 march 26",
        '"Mon, 02 Mar 2026 10:00:00 GMT"',
        "Sun, 02 Mar 2026 10:0:0 PST",
    ],
)
def test_a_cookie_has_dates_as_clients_read_them(text: str) -> None:
    assert cookie_date(text) == AT


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "tomorrow", "2 Mar 2026", "32 Mar 2026 10:00:00", "02 Mar 1500 10:00:00", "2 Mar 2026 25:00:00"],
)
def test_a_cookie_with_another_text_has_no_date(text: str) -> None:
    assert cookie_date(text) is None


@given(st.integers(0, 253402300799))
def test_what_is_written_is_read_again(seconds: int) -> None:
    assert cookie_date(http_date(seconds)) == seconds_of(http_date(seconds)) == seconds
