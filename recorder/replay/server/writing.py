"""Encode answers as bytes of HTTP/1.1. Sans-IO, except that the Date header reads the wall clock."""

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
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # name of a header (RFC 9110, section 5.6.2)
# Forbidden in a header's value (RFC 9110, section 5.5), and surrogates that stand for no byte.
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udc7f\udd00-\udfff]")
_HEADS = 1000  # encoded heads in the cache: a recording answers with few different heads
_BODILESS = {204, 304}  # answers without body and Content-Length (RFC 9110, section 8.6)


def written(reply: HttpResponse, connection: bytes = KEEP, *, is_head: bool = False) -> tuple[bytes, bool]:
    """Encode an answer; return its bytes, and whether the connection ends after it.

    Args:
        reply: The answer.
        connection: Header line about the connection: `RawRequest.connection` of the request.
        is_head: Whether the request was a HEAD: the answer then has the length of the body, but no body. Without a body
            to measure it has none: the length that a GET would get is not known.

    """
    head = _head(reply.status, reply.headers, bool(reply.body))
    date = b"" if head.has_date else _date(int(time.time()))
    is_last = head.is_last or connection is CLOSE
    if head.is_last:
        connection = KEEP  # the recorded headers have `Connection: close` already
    if reply.status in _BODILESS:
        return b"%b%b%b%b" % (head.before, date, connection, head.after), is_last
    length, body = b"Content-Length: %d\r\n" % len(reply.body), b"" if is_head else reply.body
    if head.has_length or (is_head and not reply.body):
        length = b""
    content = b"%b%b%b%b%b%b%b" % (head.before, length, head.kind, date, connection, head.after, body)
    return content, is_last


def begun(reply: HttpResponse, connection: bytes = KEEP, *, is_old: bool = False) -> tuple[bytes, bool]:
    """Encode the head of an answer whose body comes in pieces; return its bytes, and if the connection ends after it.

    Args:
        reply: The answer, without a body.
        connection: Header line about the connection: `RawRequest.connection` of the request.
        is_old: The request was of HTTP/1.0, which knows no chunks: the end of the connection ends the body.

    """
    head = _head(reply.status, reply.headers, True)
    date = b"" if head.has_date else _date(int(time.time()))
    is_last = head.is_last or is_old or connection is CLOSE
    if is_old:
        connection = CLOSE
    coding = b"" if is_old else b"Transfer-Encoding: chunked\r\n"
    line = KEEP if head.is_last else connection
    return b"%b%b%b%b%b%b" % (head.before, coding, head.kind, date, line, head.after), is_last


def chunk(body: bytes, *, is_last: bool) -> bytes:
    """Encode a piece of a body as a chunk (RFC 9112, section 7.1), with the chunk that ends the body if it is last."""
    piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""  # a chunk without bytes would end the body
    return piece + b"0\r\n\r\n" if is_last else piece


def fit(headers: Headers) -> Headers:
    """Return the headers with valid names, and with `?` for invalid characters in their values.

    A live value or a hostile cassette may contain any characters, also those that would end a header line.
    """
    return tuple((name, _UNFIT.sub("?", value)) for name, value in headers if _NAME.fullmatch(name))


def encoded(text: str) -> bytes:
    """Return the bytes of headers: those that were recorded, which the recorder reads as Latin-1, else UTF-8.

    Browsers keep cookies of any bytes.
    """
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


class _Head(NamedTuple):
    """The parts of an encoded head that are equal in all answers with one status and one set of headers.

    Attributes:
        before: Bytes before the Content-Length line.
        kind: A Content-Type line, if there is a body and the headers name no type.
        after: Bytes after the Date line, up to the body.
        has_date: Whether the headers have a Date.
        has_length: Whether the headers have a Content-Length: the recorded one of an answer to HEAD.
        is_last: Whether the headers have `Connection: close`.

    """

    before: bytes
    kind: bytes
    after: bytes
    has_date: bool
    has_length: bool
    is_last: bool


@lru_cache(_HEADS)
def _head(status: int, headers: Headers, has_body: bool) -> _Head:  # noqa: FBT001  # a key of the cache
    told = fit(headers)
    shown = {name.lower(): value for name, value in told}
    lines = [f"HTTP/1.1 {status} {_reason(status)}", *(f"{name}: {value}" for name, value in told)]
    # an answer with a body should name its type (RFC 9110, section 8.3)
    kind = "Content-Type: application/octet-stream\r\n" if has_body and "content-type" not in shown else ""
    server = "" if "server" in shown else f"{_SERVER}\r\n"
    before, after = b"\r\n".join(map(encoded, [*lines, ""])), f"{server}\r\n"
    is_last = shown.get("connection", "").lower() == "close"  # RFC 9112, section 9.6: the server must then close
    return _Head(before, kind.encode(), after.encode(), "date" in shown, "content-length" in shown, is_last)


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
