"""Replies as aiohttp writes them. A small one on a connection that stays open leaves in one piece, its head ready made.

aiohttp's own Response builds each head anew, which takes longer than all that the stand-in has to find out.
"""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from functools import lru_cache

from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionResetError
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11
from multidict import CIMultiDict

from ..model import Headers
from . import miss
from .traffic import Reply

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # of a header (RFC 9110, section 5.6.2)
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")  # for its value
_SMALL = 1 << 16  # bytes of a body; more might have to wait for the client to read
_HEADS = 1000  # remembered: most answers have the same one
_BODILESS = {204, 304}


class Ready(web.StreamResponse):
    """An answer whose bytes are there already."""

    def __init__(self, status: int, content: bytes) -> None:
        """`content` is head and body; the connection stays open."""
        super().__init__(status=status)
        self._content: bytes | None = content

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays open."""
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write it, once.

        Raises:
            ClientConnectionResetError: If the client went away.

        """
        content, self._content = self._content, None
        if content is None:
            return
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ClientConnectionResetError("Cannot write to closing transport")
        transport.write(content)

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""


def response(reply: Reply, request: web.BaseRequest) -> web.StreamResponse:
    """The answer to a request."""
    small = len(reply.body) <= _SMALL and reply.status not in _BODILESS
    if small and request.keep_alive and request.version == HttpVersion11 and request.method != "HEAD":
        head = _head(reply.status, reply.headers)
        if head is not None:
            date = _date(int(time.time()))
            return Ready(
                reply.status, b"%bContent-Length: %d\r\nDate: %b\r\n\r\n%b" % (head, len(reply.body), date, reply.body)
            )
    headers = _fit(reply.headers)
    answer = web.Response(status=reply.status, reason=_reason(reply.status), headers=headers, body=reply.body)
    if headers.get("Connection", "").lower() == "close":
        answer.force_close()  # who says so must do so (RFC 9112, section 9.6)
    return answer


@lru_cache(_HEADS)
def _head(status: int, headers: Headers) -> bytes | None:
    """All of a head but what differs each time; None where aiohttp would add more than its name."""
    fit = _fit(headers)
    if not 200 <= status <= 999 or "Content-Type" not in fit or "Date" in fit or "Connection" in fit:
        return None
    fit.setdefault("Server", SERVER_SOFTWARE)
    lines = [f"HTTP/1.1 {status} {web.Response(status=status, reason=_reason(status)).reason}"]
    lines += [f"{name}: {value}" for name, value in fit.items()]
    return "\r\n".join([*lines, ""]).encode()


def _fit(headers: Headers) -> CIMultiDict[str]:
    """A live value, or a hostile cassette, may put anything into a header."""
    return CIMultiDict((name, _UNFIT.sub("?", value)) for name, value in headers if _NAME.fullmatch(name))


def _reason(status: int) -> str | None:
    return miss.REASON if status == miss.STATUS else None


@lru_cache(1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
