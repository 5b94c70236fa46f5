"""Fit cookies to another host, another scheme and another day than those they were set for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..formats.dates import cookie_date, http_date

_OF_THE_HOST = re.compile(r"\s*domain\s*(?:=.*)?", re.IGNORECASE | re.DOTALL)
# SameSite=None and Partitioned need Secure (RFC 6265bis, section 5.7; CHIPS, section 2.1)
_OF_TLS = re.compile(
    r"\s*+(?:secure\s*+(?:=.*+)?|samesite\s*+=\s*+none|partitioned\s*+(?:=.*+)?)\s*+", re.IGNORECASE | re.DOTALL
)
_EXPIRES = re.compile(r"(\s*expires\s*=\s*)(.*)", re.IGNORECASE | re.DOTALL)
_MAX_AGE = re.compile(r"\s*max-age\s*=\s*(-?[0-9]+)\s*", re.IGNORECASE)
# A browser drops a cookie of such a name without Secure, and one of the second without this host and path (RFC 6265bis,
# section 4.1.3).
_NEEDS_TLS, _NEEDS_THE_HOST = ("__secure-", "__http-", "__host-"), "__host-"


def unbound(attributes: Iterable[str], *, secure: bool = False, name: str = "") -> list[str]:
    """Return the attributes of a cookie without those that bind the cookie to the server that sets it.

    Args:
        attributes: The texts between the semicolons of a Set-Cookie header.
        secure: The client keeps cookies that need TLS: it speaks TLS to the other host, or trusts that host without.
        name: Name of the cookie; with a prefix it keeps what the prefix needs, and what a browser drops it for.

    """
    prefix = name.strip().lower()
    keeps_host, keeps_tls = prefix.startswith(_NEEDS_THE_HOST), secure or prefix.startswith(_NEEDS_TLS)
    return [
        text
        for text in attributes
        if (keeps_host or not _OF_THE_HOST.fullmatch(text)) and (keeps_tls or not _OF_TLS.fullmatch(text))
    ]


def is_over(attributes: Sequence[str], at: float) -> bool:
    """Return whether the time of a cookie was over at `at`, in UTC seconds, which deletes it; Max-Age goes first."""
    ages = [found[1] for text in attributes if (found := _MAX_AGE.fullmatch(text))]
    if ages:
        return int(ages[-1]) <= 0 if len(ages[-1]) < 20 else ages[-1].startswith("-")
    ends = [
        end for text in attributes if (found := _EXPIRES.fullmatch(text)) and (end := cookie_date(found[2])) is not None
    ]
    return bool(ends) and ends[-1] <= at


def ends(attributes: Iterable[str]) -> bool:
    """Return whether a cookie names the day on which its time is over."""
    return any(_EXPIRES.fullmatch(text) for text in attributes)


def endless(attributes: Iterable[str]) -> list[str]:
    """Return the attributes of a cookie without the day on which its time is over."""
    return [text for text in attributes if not _EXPIRES.fullmatch(text)]


def later(attributes: Iterable[str], at: float, seconds: float) -> list[str]:
    """Return the attributes of a cookie that was set at `at` (UTC seconds), and is set again some seconds later.

    A day in the past, which deletes the cookie, stays.
    """
    return [_later(text, at, seconds) for text in attributes]


def _later(text: str, at: float, seconds: float) -> str:
    found = _EXPIRES.fullmatch(text)
    end = None if found is None else cookie_date(found[2])
    return text if found is None or end is None or end <= at else found[1] + http_date(end + seconds)
