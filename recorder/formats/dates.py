"""Read dates in the notations of HTTP, cookies, ISO 8601 and JSON, and move them in their own notation."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# The grammar of RFC 6265, section 5.1.1: tokens in any order between delimiters.
_TOKEN = re.compile(r"[\x00-\x08\x0a-\x1f0-9:a-zA-Z\x7f-\U0010ffff]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])", re.ASCII)
_DAY, _YEAR = re.compile(r"([0-9]{1,2})(?![0-9])", re.ASCII), re.compile(r"([0-9]{2,4})(?![0-9])", re.ASCII)
_ISO = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)(?:([T ])(\d\d)(?:(:?)(\d\d)(?:\7(\d\d))?)?([.,]\d+)?( ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?",
    re.ASCII | re.IGNORECASE,
)
# RFC 9110, section 5.6.7, and their kin: `Mon, 02 Mar 2026 10:00:00 GMT`, `Monday, 02-Mar-26 …`, `Mon Mar  2 … 2026`
_HTTP = re.compile(r"([A-Za-z]{3,9})(, ?)(\d{1,2})([ -])([A-Za-z]{3})([ -])(\d{4}|\d\d) (\d\d:\d\d:\d\d)(.*)", re.ASCII)
_C = re.compile(r"([A-Za-z]{3}) ([A-Za-z]{3}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})(.*)", re.ASCII)
_NET = re.compile(r"(\\?/Date\()(-?\d{1,25})((?:[+-]\d{4})?\)\\?/)", re.ASCII)
_LONGEST = 25  # digits of a time, in any unit
_UNITS = ((10**8, 10**11, 1), (10**11, 10**14, 1_000), (10**14, 10**17, 1_000_000), (10**17, 10**20, 1_000_000_000))


def cookie_date(text: str) -> float | None:
    """Parse a date as clients parse `Expires` of a cookie (RFC 6265, section 5.1.1); return UTC seconds."""
    time: tuple[int, ...] | None = None
    day = month = year = None
    for token in _TOKEN.findall(text):
        if time is None and (found := _TIME.match(token)):
            time = tuple(map(int, found.groups()))
        elif day is None and (found := _DAY.match(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _YEAR.match(token)):
            year = int(found[1])
    if time is None or day is None or month is None or year is None:
        return None
    year += 1900 if 70 <= year <= 99 else 2000 if year <= 69 else 0
    try:
        return None if year < 1601 else _at(year, month, day, *time).timestamp()
    except ValueError:
        return None


def http_date(seconds: float) -> str:
    """Return UTC seconds as HTTP writes dates; years after 9999 as the end of that year."""
    at = datetime.fromtimestamp(min(seconds, 253402300799), UTC)
    return f"{_DAYS[at.weekday()][:3]}, {at.day:02} {_name(at.month)} {at.year:04} {at:%H:%M:%S} GMT"


def seconds_of(value: Any) -> float | None:
    """Return the UTC seconds of a date: a text in a known notation, or a number since the epoch; None for all else."""
    found: list[float] = []

    def keep(at: datetime) -> datetime:
        found.append(at.timestamp())
        return at

    def count(number: float, unit: int) -> float:
        found.append(number / unit)
        return number

    _changed(value, keep, count)
    return found[0] if found else None


def moved(value: Any, seconds: int) -> Any:
    """Return a date that is moved by some seconds, in its type and notation; anything else as it is.

    Dates without a time of day move by whole days.
    """
    by = timedelta(seconds=seconds)
    return _changed(value, lambda at: at + by, lambda number, unit: number + seconds * unit)


def _changed(value: Any, change: Callable[[datetime], datetime], count: Callable[[Any, int], Any]) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        unit = next((unit for low, high, unit in _UNITS if low <= value < high), None)
        return value if unit is None else count(value, unit)
    if not isinstance(value, str):
        return value
    if value.isdecimal() and value.isascii() and len(value) <= _LONGEST and not _is_day(value):
        return str(_changed(int(value), change, count)) if not value.startswith("0") else value
    for pattern, moves in ((_ISO, _iso), (_HTTP, _http), (_C, _c)):
        if found := pattern.fullmatch(value):
            try:
                return moves(found, change)
            except (ValueError, OverflowError):  # no day of the calendar
                return value
    if found := _NET.fullmatch(value):
        return f"{found[1]}{_changed(int(found[2]), change, count)}{found[3]}"
    return value


def _is_day(text: str) -> bool:
    return len(text) == 8 and text[:2] in ("19", "20") and "01" <= text[4:6] <= "12" and "01" <= text[6:] <= "31"


def _iso(found: re.Match[str], change: Callable[[datetime], datetime]) -> str:
    year, dash, month, day, mark, hour, colon, minute, second, fraction, zone = found.groups()
    at = _at(*(int(part or 0) for part in (year, month, day, hour, minute, second)))
    offset = _offset(zone)
    new = change(at - offset) + offset
    day = f"{new.year:04}{dash}{new.month:02}{dash}{new.day:02}"
    if mark is None:
        return day
    parts = [new.hour, *([] if minute is None else [new.minute]), *([] if second is None else [new.second])]
    return f"{day}{mark}{(colon or '').join(f'{part:02}' for part in parts)}{fraction or ''}{zone or ''}"


def _offset(zone: str | None) -> timedelta:
    digits = re.sub(r"[^0-9]", "", zone or "")
    away = timedelta(hours=int(digits[:2] or 0), minutes=int(digits[2:] or 0))
    return -away if zone and "-" in zone else away


def _http(found: re.Match[str], change: Callable[[datetime], datetime]) -> str:
    name, comma, day, dash, month, other, year, time, zone = found.groups()
    full = int(year) + (0 if len(year) == 4 else 1900 if int(year) >= 70 else 2000)
    at = _at(full, _MONTHS.index(month.lower()) + 1, int(day), *map(int, time.split(":")))
    offset = _offset(zone if re.fullmatch(r" [+-]\d{4}", zone) else None)
    new = change(at - offset) + offset
    weekday = _DAYS[new.weekday()][: None if len(name) > 3 else 3]
    shown = f"{new.day:02}" if len(day) == 2 else f"{new.day}"
    return (
        f"{weekday}{comma}{shown}{dash}{_name(new.month)}{other}{f'{new.year:04}'[-len(year) :]} {new:%H:%M:%S}{zone}"
    )


def _c(found: re.Match[str], change: Callable[[datetime], datetime]) -> str:
    _, month, day, time, year, zone = found.groups()
    at = _at(int(year), _MONTHS.index(month.lower()) + 1, int(day), *map(int, time.split(":")))
    new = change(at)
    shown = f"{new.day:2}" if day.startswith(" ") or new.day > 9 else f"{new.day:02}"
    return f"{_DAYS[new.weekday()][:3]} {_name(new.month)} {shown} {new:%H:%M:%S} {new.year:04}{zone}"


def _name(month: int) -> str:
    return _MONTHS[month - 1].capitalize()


def _at(year: int, month: int, day: int, *time: int) -> datetime:
    hour, minute, second = time
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
