"""Read the addresses of servers and proxies that a user writes, and write addresses as URLs and headers need them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ..errors import UsageError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a server or a proxy.

    Attributes:
        scheme: `http` or `https`.
        host: Name in lower case and ASCII (IDNA), or IP address without brackets.
        port: Port, also where the URL named none.
        login: `user:password` from the URL, None without one.

    """

    scheme: str
    host: str
    port: int
    login: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The URL without the login, and without the port if it is the scheme's own."""
        return f"{self.scheme}://{authority(self.scheme, self.host, self.port)}"


def authority(scheme: str, host: str, port: int) -> str:
    """Return host and port as a Host header has them: brackets around IPv6, no port if it is the scheme's own."""
    return bracketed(host) if _PORTS.get(scheme) == port else f"{bracketed(host)}:{port}"


def bracketed(host: str) -> str:
    """Return a host as a URL has it: an IPv6 address in brackets and without its zone, which is this machine's own."""
    return f"[{host.partition('%')[0]}]" if ":" in host else host


def parse(text: str, *, what: str, example: str) -> Address:
    """Parse the URL of a server or a proxy; a slash may end it, a path may not.

    Args:
        text: The URL.
        what: Name of the argument, for messages. No message repeats the login.
        example: A right URL, for messages.

    Raises:
        UsageError: If the text is no such URL.

    """
    login, at, rest = _login(text)
    shown = rest if at else text
    if not rest.lower().startswith(("http://", "https://")):
        raise UsageError(f"{what} {shown!r} must begin with http:// or https://, e.g. {example}")
    try:
        parts = urlsplit(rest)
        host, port = _ascii(parts.hostname or ""), parts.port
    except ValueError as exc:  # UnicodeError of IDNA is one, too
        raise UsageError(f"{what} {shown!r} is no address: {exc}; write e.g. {example}") from exc
    if re.search(r"[\x00-\x20\x7f]", rest) or not re.fullmatch(r"[\w.-]+|(?=[^:]*:)[\w.:%]+", host, re.ASCII):
        raise UsageError(f"{what} {shown!r} names no host; write e.g. {example}")
    found = Address(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, login)
    if at and host.isdigit():
        raise UsageError(f"{what} {shown!r} takes no address to listen on after '@': give the address by --listen")
    if parts.path.strip("/") or "?" in rest or "#" in rest:
        raise UsageError(f"{what} {shown!r} takes no path: name {found.url}, and let the client ask for the path")
    return found


def _login(text: str) -> tuple[str | None, bool, str]:
    """Return the login in a URL, whether there is one, and the URL without the login."""
    begin = re.match(r"[^/?#@]*://", text)
    start = begin.end() if begin else 0
    end = re.search(r"[/?#]", text[start:])
    place, tail = (text[start : start + end.start()], text[start + end.start() :]) if end else (text[start:], "")
    user, at, host = place.rpartition("@")
    if not at:
        return None, False, text
    name, _, password = user.partition(":")
    return f"{unquote(name)}:{unquote(password)}", True, f"{text[:start]}{host}{tail}"


def _ascii(host: str) -> str:
    """Return a host name in ASCII; IP addresses are left alone."""
    return host if ":" in host or host.isascii() else host.encode("idna").decode()
