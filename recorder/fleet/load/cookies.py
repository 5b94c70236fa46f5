"""Keep the cookies that one server sets for one client (RFC 6265).

A client of a drive speaks with one server only, so nothing here compares hosts of requests. `http.cookiejar` takes
30 µs for each request, as many as all else of it, and gives no cookie back that was set for an IP address with a
domain. As in a browser that trusts the server, a cookie that is `Secure` goes there by plain HTTP too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

from ...frozen import dataclass

_MOST = 500  # cookies of one client; a server may set any number. Browsers keep 180 of a site
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 6265bis, section 5.6
_LONGEST = 16 << 10  # bytes of one; browsers take 4 KiB


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie.

    Attributes:
        name: Its name.
        value: Its value, as it was set.
        path: The path that requests for it begin with.
        until: When it expires, in UTC seconds since the epoch; `math.inf` for never.
    """

    name: str
    value: str
    path: str
    until: float = math.inf


class Cookies:
    """The cookies of one client."""

    def __init__(self, host: str, given: Mapping[str, str]) -> None:
        """Begin with the cookies that the user gave.

        Args:
            host: The server, in small letters; an IPv6 address without brackets.
            given: Values by name; they go with each request.

        """
        self._host, self._is_address = host, _is_address(host)
        self._kept: dict[tuple[str, str], Cookie] = {}  # by name and path
        for name, value in given.items():
            self._kept[name, "/"] = Cookie(name, value, "/")

    def header(self, target: str, now: float) -> str:
        """Return the header `Cookie` of a request; "" for none. Cookies with longer paths come first.

        Args:
            target: Path and query of the request.
            now: UTC seconds since the epoch.

        """
        if not self._kept:
            return ""
        path = target.partition("?")[0]
        fitting = [one for one in self._kept.values() if one.until > now and _is_under(path, one.path)]
        fitting.sort(key=_length, reverse=True)
        return "; ".join([f"{one.name}={one.value}" for one in fitting])

    def take(self, lines: Iterable[str], target: str, now: float) -> None:
        """Take the headers `Set-Cookie` of an answer.

        Args:
            lines: Their values.
            target: Path and query of the request.
            now: UTC seconds since the epoch.

        """
        for line in lines:
            found = self._parsed(line, target, now)
            if found is None:
                continue
            if found.until <= now:
                self._kept.pop((found.name, found.path), None)
            elif (found.name, found.path) in self._kept or len(self._kept) < _MOST:
                self._kept[found.name, found.path] = found

    def _parsed(self, line: str, target: str, now: float) -> Cookie | None:
        """Parse a header as section 5.2 of the RFC says; None for what is no cookie of this server."""
        pair, *attributes = line.split(";")
        name, mark, value = pair.partition("=")
        name, value = name.strip(), value.strip()
        if not mark or not name or len(line) > _LONGEST or _CONTROL.search(pair):
            return None
        path, until, age = _default_path(target), math.inf, None
        for attribute in attributes:
            key, _, given = attribute.partition("=")
            key, given = key.strip().lower(), given.strip()
            if key == "path":
                path = given if given.startswith("/") else _default_path(target)
            elif key == "expires":
                until = _date(given, until)
            elif key == "max-age":
                age = _age(given, age)
            elif key == "domain" and given and not self._is_in(given.lower().removeprefix(".")):
                return None
        if age is not None:
            until = now + age if age > 0 else -math.inf
        return Cookie(name, value, path, until)

    def _is_in(self, domain: str) -> bool:
        """Return whether the server is in a domain (section 5.1.3)."""
        return self._host == domain or (not self._is_address and self._host.endswith(f".{domain}"))


def _length(cookie: Cookie) -> int:
    return len(cookie.path)


def _is_under(path: str, of_cookie: str) -> bool:
    """Return whether a cookie goes with a request for a path (section 5.1.4)."""
    if of_cookie in ("/", path):
        return True
    return path.startswith(of_cookie) and (of_cookie.endswith("/") or path[len(of_cookie)] == "/")


def _default_path(target: str) -> str:
    path = target.partition("?")[0]
    return path[: path.rfind("/")] or "/"


def _date(text: str, otherwise: float) -> float:
    """Return a date in UTC seconds; `otherwise` if it is none."""
    try:
        found = parsedate_to_datetime(text.replace("-", " "))
    except (ValueError, TypeError, OverflowError):
        return otherwise
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def _age(text: str, otherwise: int | None) -> int | None:
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit():
        return otherwise
    return int(text[:12])  # as many seconds as nobody waits for


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
