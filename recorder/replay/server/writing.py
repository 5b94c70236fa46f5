"""Answers as bytes of HTTP/1.1. Sans-IO, but for the time in their Date."""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from ...model import Headers
from ..engine import miss
from ..engine.http import HttpResponse
from .parser import CLOSE, KEEP

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_SERVER = "Server: outbound-recorder"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # of a header (RFC 9110, section 5.6.2)
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")  # for its value
_HEADS = 1000  # remembered: answers have the same ones again and again
_BODILESS = {204, 304}  # and have no Content-Length (RFC 9110, section 8.6)


def written(reply: HttpResponse, connection: bytes = KEEP, *, is_head: bool = False) -> tuple[bytes, bool]:
    """Encode an answer; also whether the connection ends with it.

    Args:
        reply: The answer.
        connection: What the request wants of the connection, as in `RawRequest`.
        is_head: Whether the request was a HEAD, whose answer has no body but its length.

    """
    head = _head(reply.status, reply.headers, bool(reply.body))
    date = b"" if head.has_date else _date(int(time.time()))
    is_last = head.is_last or connection is CLOSE
    if head.is_last:
        connection = KEEP  # it says so itself
    if reply.status in _BODILESS:
        return b"%b%b%b%b" % (head.before, date, connection, head.after), is_last
    length, body = len(reply.body), b"" if is_head else reply.body
    content = b"%bContent-Length: %d\r\n%b%b%b%b%b" % (
        head.before, length, head.kind, date, connection, head.after, body,
    )  # fmt: skip
    return content, is_last


def fit(headers: Headers) -> Headers:
    """Headers that can be written: a live value, or a hostile cassette, may put anything into one."""
    return tuple((name, _UNFIT.sub("?", value)) for name, value in headers if _NAME.fullmatch(name))


class _Head(NamedTuple):
    """All of a head but what differs each time.

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
    told = fit(headers)
    shown = {name.lower(): value for name, value in told}
    lines = [f"HTTP/1.1 {status} {_reason(status)}", *(f"{name}: {value}" for name, value in told)]
    # RFC 9110, section 8.3
    kind = "Content-Type: application/octet-stream\r\n" if has_body and "content-type" not in shown else ""
    server = "" if "server" in shown else f"{_SERVER}\r\n"
    before, after = "\r\n".join([*lines, ""]), f"{server}\r\n"
    is_last = shown.get("connection", "").lower() == "close"  # who says so must do so (RFC 9112, section 9.6)
    return _Head(before.encode(), kind.encode(), after.encode(), "date" in shown, is_last)


def _reason(status: int) -> str:
    if status == miss.STATUS:
        return miss.REASON
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


@lru_cache(1)
def _date(second: int) -> bytes:
    return b"Date: %b\r\n" % formatdate(second, usegmt=True).encode()
