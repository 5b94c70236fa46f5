"""Requests as most clients send them, read from their bytes at once; others are for aiohttp's server.

What HTTP is, aiohttp's parser says: it reads each head once, and clients send the same one again and again.
"""

from __future__ import annotations

import asyncio
import re
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError, HttpRequestParser, HttpVersion11

from ...model import Headers

_LINE = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (/[\w/.~!$&'()*+,;=:@%?-]*) HTTP/1\.1\r\n")
_LONGEST = 1 << 13  # bytes of a head
_REMEMBERED = 4096  # heads: each client has some, for GET and for POST, and for each length of a body
# these want more of a server than an answer, or say how the body is written
_UNUSUAL = {"expect", "upgrade", "transfer-encoding", "content-encoding", "trailer", "te"}


class Plain(NamedTuple):
    """A request.

    Attributes:
        from_page: It names an origin, as browsers do.
        rest: What came after it.

    """

    method: str
    target: str
    headers: Headers
    from_page: bool
    body: bytes
    rest: bytes


class Unread(Enum):
    """Why there is no request yet."""

    INCOMPLETE = auto()  # more must come
    OTHER = auto()  # it is for aiohttp


class _Head(NamedTuple):
    headers: Headers
    from_page: bool
    length: int


class HeadParser:
    """Reads requests of all connections of a server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int) -> None:
        """`most` bytes may be in a body."""
        self._loop, self._most = loop, most
        self._known = lru_cache(_REMEMBERED)(self._parse)

    def read(self, data: bytes) -> Plain | Unread:
        """The first request in what a client has sent."""
        line = _LINE.match(data)
        if line is None:
            return Unread.OTHER if b"\n" in data or len(data) > _LONGEST else Unread.INCOMPLETE
        begin = line.end()
        end = data.find(b"\r\n\r\n", begin - 2, _LONGEST)
        if end < 0:
            return Unread.OTHER if len(data) >= _LONGEST else Unread.INCOMPLETE
        head = self._known(data[begin : end + 2])
        if head is None or head.length > self._most:
            return Unread.OTHER
        after = end + 4 + head.length
        if len(data) < after:
            return Unread.INCOMPLETE
        method, target = line.groups()
        return Plain(
            method.decode(), target.decode(), head.headers, head.from_page, data[end + 4 : after], data[after:]
        )

    def _parse(self, lines: bytes) -> _Head | None:
        """The headers, as aiohttp reads them; None where they are unusual, or no headers."""
        parser = HttpRequestParser(BaseProtocol(self._loop), self._loop, 1 << 16)
        try:
            messages, upgraded, _ = parser.feed_data(b"POST / HTTP/1.1\r\n" + lines + b"\r\n")
        except HttpProcessingError:
            return None
        if len(messages) != 1 or upgraded:
            return None
        message = messages[0][0]
        names = {name.lower() for name in message.headers}
        if message.should_close or message.chunked or message.upgrade or names & _UNUSUAL:
            return None
        length = message.headers.get("Content-Length", "0")
        if message.version != HttpVersion11 or not (length.isascii() and length.isdecimal()):
            return None
        return _Head(tuple(message.headers.items()), "origin" in names, int(length))
