"""Turn the values of an answer into JSON, and into text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

NONE = "-"  # of a cell without a value
_LEAST, _MOST = 1e-3, 1e15  # between them, a number with three decimals says enough


def exact(value: Any) -> Any:
    """Return a value as JSON has it.

    A time is ISO 8601 in UTC, with microseconds; an interval is seconds; bytes are hexadecimal. What JSON has no number
    for is a text: NaN, the infinities, a decimal with more digits than a double.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else _unbounded(value)
        case Decimal():
            return _number(value)
        case datetime():
            return f"{_utc(value).isoformat(timespec='microseconds')}Z"
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex()
        case dict():
            return {key if isinstance(key, str) else text(key): exact(one) for key, one in value.items()}
        case list() | tuple():
            return [exact(one) for one in value]
        case _:  # a UUID
            return str(value)


def text(value: Any) -> str:
    """Return a value as text for a file of texts, with all its digits; nothing for none."""
    found = exact(value)
    match found:
        case None:
            return ""
        case bool():
            return str(found).lower()
        case dict() | list():
            from ...printable import to_json  # noqa: PLC0415  # needed for lists alone

            return to_json(found, indent=None)
        case _:
            return str(found)


def cell(value: Any) -> str:
    """Return a value as a short text for people: a number with three decimals, a time without letters."""
    match value:
        case None:
            return NONE
        case bool():
            return str(value).lower()
        case float() | Decimal():
            return _short(float(value))
        case datetime():
            shown = _utc(value).isoformat(" ", "microseconds")
            return shown.removesuffix(".000000").removesuffix(" 00:00:00")
        case timedelta():
            return str(value)
        case list() | tuple():
            return f"[{', '.join(map(cell, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}: {cell(one)}' for key, one in value.items())}}}"
        case _:
            return text(value)


def is_number(types: Sequence[str]) -> list[bool]:
    """Return of each type of DuckDB whether its values are numbers, which stand right-aligned."""
    numbers = "BIGINT", "DECIMAL", "DOUBLE", "FLOAT", "HUGEINT", "INTEGER", "SMALLINT", "TINYINT"
    return [one.removeprefix("U").startswith(numbers) and not one.endswith("]") for one in types]


def _short(value: float) -> str:
    if not math.isfinite(value):
        return _unbounded(value)
    if value and not _LEAST <= abs(value) < _MOST:
        return f"{value:.6g}"
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _unbounded(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _number(value: Decimal) -> int | float | str:
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
