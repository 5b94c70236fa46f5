"""Replies as bytes, and as aiohttp writes them; both say the same.

aiohttp's own Response builds each head anew, which takes longer than all that the stand-in has to find out.
"""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from functools import lru_cache
from typing import NamedTuple

from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE
from multidict import CIMultiDict

from ...model import Headers
from ..engine import miss
from ..engine.http import HttpResponse

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # of a header (RFC 9110, section 5.6.2)
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")  # for its value
_HEADS = 1000  # remembered: most answers have the same one
_BODILESS = {204, 304}  # and have no Content-Length (RFC 9110, section 8.6)


def written(reply: HttpResponse) -> tuple[bytes, bool]:
    """The bytes of the answer to a request of HTTP/1.1, but to a HEAD; whether the connection ends with it."""
    head = _head(reply.status, reply.headers, bool(reply.body))
    date = b"" if head.has_date else _date(int(time.time()))
    if reply.status in _BODILESS:
        return b"%b%b%b" % (head.before, date, head.after), head.is_last
    length = len(reply.body)
    content = b"%bContent-Length: %d\r\n%b%b%b%b" % (head.before, length, head.kind, date, head.after, reply.body)
    return content, head.is_last


def response(reply: HttpResponse) -> web.Response:
    """The same for aiohttp."""
    headers = _fit(reply.headers)
    answer = web.Response(status=reply.status, reason=_reason(reply.status), headers=headers, body=reply.body)
    if _ends(headers):
        answer.force_close()  # who says so must do so (RFC 9112, section 9.6)
    return answer


class _Head(NamedTuple):
    """All of a head but what differs each time, in aiohttp's order.

    Attributes:
        before: Up to the length of the body.
        kind: What kind of body it is, if that is not told.
        after: What follows the date, up to the body.

    """

    before: bytes
    kind: bytes
    after: bytes
    has_date: bool
    is_last: bool


@lru_cache(_HEADS)
def _head(status: int, headers: Headers, has_body: bool) -> _Head:  # noqa: FBT001  # a key of the cache
    fit = _fit(headers)
    has_date, is_last = "Date" in fit, _ends(fit)
    lines = [f"HTTP/1.1 {status} {web.Response(status=status, reason=_reason(status)).reason}"]
    lines += [f"{name}: {value}" for name, value in fit.items()]
    # RFC 9110, section 8.3
    kind = "Content-Type: application/octet-stream\r\n" if has_body and "Content-Type" not in fit else ""
    server = "" if "Server" in fit else f"Server: {SERVER_SOFTWARE}\r\n"
    before, after = "\r\n".join([*lines, ""]), f"{server}\r\n"
    return _Head(before.encode(), kind.encode(), after.encode(), has_date, is_last)


def _fit(headers: Headers) -> CIMultiDict[str]:
    """A live value, or a hostile cassette, may put anything into a header."""
    return CIMultiDict((name, _UNFIT.sub("?", value)) for name, value in headers if _NAME.fullmatch(name))


def _ends(headers: CIMultiDict[str]) -> bool:
    return headers.get("Connection", "").lower() == "close"


def _reason(status: int) -> str | None:
    return miss.REASON if status == miss.STATUS else None


@lru_cache(1)
def _date(second: int) -> bytes:
    return b"Date: %b\r\n" % formatdate(second, usegmt=True).encode()
