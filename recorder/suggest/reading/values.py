"""Judge a value by its looks: how likely two unrelated values are equal, and whether it is a name, an id or a time."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from functools import lru_cache

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]++(?:[.:/-][A-Za-z_]++)*+\d?")  # such as `Account__c`, `agentV2`
_VERSION = re.compile(r"v?\d+(?:\.\d+)+|v\d+", re.IGNORECASE)
_COUNTED = re.compile(r"[A-Za-z](?:[ _.:-]?[A-Za-z])*+[ _.:-]?\d{1,6}")  # a word with a number, such as `Campaign1`
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_EPOCH = re.compile(r"1[0-9]{9}(?:\.\d+)?|1[0-9]{12}(?:\.\d+)?|1[0-9]{15}|1[0-9]{18}")  # from 2001 to 2033
_NUMBERS = (0.5, 0.5, 0.1, 0.03, 0.01, 2e-3, 5e-4, 1e-4, 1e-6)  # the chance of a number, by how many digits it has
_SURE = 1e-3  # a chance below which two equal values are one
_CODES = 0.6  # share of made-up codes with a digit: of four base-36 characters, one in four codes has none
_CACHED = 50_000
_LONGEST = 100  # digits


@lru_cache(_CACHED)
def chance(text: str) -> float:
    """Return how likely an unrelated value is the same, by the looks of a value: from 1 for none to nearly 0."""
    if _UUID.fullmatch(text) or (_HEX.fullmatch(text) and len(text) >= 12):
        return 1e-9
    bare = text.lstrip("+-")
    digits = sum(map(str.isdigit, bare))
    if digits == len(bare):
        return _NUMBERS[min(digits, len(_NUMBERS) - 1)]
    if is_time(text):
        return 0.05  # two things may happen in one millisecond
    if digits == 0:
        words = len(re.findall(r"[A-Za-z]+", text))
        shape = 0.1 if words <= 1 else 0.03
        return shape if len(text) < 16 or words > 1 else 0.01
    if _VERSION.fullmatch(text):
        return 0.3
    if _COUNTED.fullmatch(text):
        return 0.05 * math.pow(10.0, -0.35 * digits)
    letters = len(bare) - digits
    return max(1e-8, min(0.02, math.pow(10.0, -(0.4 * min(letters, 12) + 0.35 * digits))))


def is_random(text: str) -> bool:
    """Return whether a value is such that two equal ones are one: a UUID, a long number, a token."""
    return chance(text) < _SURE and not is_time(text)


def are_made_up(values: Collection[str]) -> bool:
    """Return whether a client may have made up values: codes of letters and digits, some perhaps without a digit."""
    codes = sum(any(one.isdigit() for one in text) and any(one.isalpha() for one in text) for text in values)
    return codes >= _CODES * len(values) and not any(map(is_time, values))


@lru_cache(_CACHED)
def is_name(text: str) -> bool:
    """Return whether a value may be the name of something, such as a kind of event: words, not numbers."""
    return len(text) <= 64 and _NAME.fullmatch(text) is not None and not _HEX.fullmatch(text)


@lru_cache(_CACHED)
def is_number(text: str) -> bool:
    """Return whether a text is a whole number that can be compared with others; what has hundreds of digits is none."""
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST


def is_time(text: str) -> bool:
    """Return whether a value is written as a time: a date of ISO 8601, or seconds to nanoseconds since 1970."""
    return bool(_DATE.fullmatch(text) or _EPOCH.fullmatch(text))


def is_version(text: str) -> bool:
    """Return whether a part of a path is the version of an API, such as `v2` or `60.0`."""
    return _VERSION.fullmatch(text) is not None


def shape(text: str) -> str:
    """Return the form of a value: its runs of letters and digits, without what they spell."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text))


def looks_like_id(text: str) -> bool:
    """Return whether a part of a path can hardly be anything but an id, by its looks alone."""
    if is_version(text):
        return False
    if text.isdecimal() or is_random(text):
        return True
    return bool(re.fullmatch(r"[A-Za-z]++[-_.:](?=[\w.:-]*?\d\d)[\w.:-]++|(?=.*\d.*\d)[\w-]{10,}", text))
