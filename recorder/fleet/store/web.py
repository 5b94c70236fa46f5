"""Read a file of a web server by ranges (RFC 9110 section 14); of a server without ranges, as a whole.

So is a file whose answers have neither an ETag nor a time of change: its ranges might be those of two files.
"""

from __future__ import annotations

import errno
import os
import re
from time import sleep
from typing import IO, TYPE_CHECKING, Any

from ...system.opening import read_at
from ...temporary import temporary
from .filesystem import filesystem_of
from .problems import Kind, Lost, Replaced, kind_of

if TYPE_CHECKING:
    from aiohttp import ClientResponse

_FIRST = 1 << 15  # bytes of the first request, which tells the size
_CHUNK = 1 << 20
_WAITS = (0.1, 0.5)  # seconds before each further try of the first request
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)  # RFC 9110 section 14.4
_DENIED = {401, 403}
_MISSING = {404, 410}


class Web:
    """A file of a web server.

    A HEAD request would be refused where a URL is signed for GET alone, so the first range tells the size.
    """

    def __init__(self, url: str) -> None:
        """Fetch the first bytes.

        Raises:
            OSError: If the server has no such file, or does not give it.
            Exception: Any of a library; `problems.kind_of` tells them apart.
        """
        self._url = url
        self._whole: IO[bytes] | None = None
        self.size, self.mark = -1, ""
        self._connect()
        self.first = self._begin()

    def _begin(self) -> bytes:
        for pause in (*_WAITS, None):
            try:
                return self._run(0, _FIRST)
            except Exception as exc:  # each library has errors of its own
                if kind_of(exc) is not Kind.LOST or pause is None:
                    raise
                sleep(pause)
        raise AssertionError  # the last pause is None

    def _connect(self) -> None:
        self._process = os.getpid()
        self._fs, _ = filesystem_of(self._url)

    def fetch(self, start: int, end: int) -> bytes:
        """Return the bytes between two places; see `Source`."""
        if self._whole is not None:
            return read_at(self._whole.fileno(), end - start, start)
        if self._process != os.getpid():
            self._connect()
        return self._run(start, end)

    def close(self) -> None:
        """Delete the file that holds the whole of it, if there is one."""
        if self._whole is not None:
            self._whole.close()

    def _run(self, start: int, end: int) -> bytes:
        from fsspec.asyn import sync  # noqa: PLC0415  # an extra, and slow to import

        found: bytes = sync(self._fs.loop, self._get, start, end)
        return found

    async def _get(self, start: int, end: int) -> bytes:
        session = await self._fs.set_session()
        headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        async with session.get(self._fs.encode_url(self._url), headers=headers) as answer:
            if answer.status == 416 and self.size < 0:  # RFC 9110 section 15.5.17: it is empty
                self.size = 0
                return b""
            _refuse(answer)
            size, mark = _range_of(answer, start)
            if self.size >= 0 and (size, mark) != (self.size, self.mark):
                raise Replaced
            if size >= 0:
                self.size, self.mark = size, mark
                return await _some(answer, end - start)
            if answer.status == 200:
                return await self._take(answer)
        headers.pop("Range")
        async with session.get(self._fs.encode_url(self._url), headers=headers) as answer:
            _refuse(answer)
            if answer.status != 200:
                raise OSError(errno.EIO, f"the server answered {answer.status}, also without a range")
            return await self._take(answer)

    async def _take(self, answer: ClientResponse) -> bytes:
        """Keep the whole file in a temporary one: the server has no ranges."""
        whole, size = temporary(), 0
        try:
            async for chunk in answer.content.iter_chunked(_CHUNK):
                whole.write(chunk)
                size += len(chunk)
            whole.flush()
        except BaseException:
            whole.close()
            raise
        stated = answer.headers.get("Content-Length")
        if stated is not None and answer.headers.get("Content-Encoding") is None and int(stated) != size:
            whole.close()
            raise Lost(errno.EIO, f"{size} of {stated} bytes came")
        self._whole, self.size = whole, size
        return read_at(whole.fileno(), _FIRST, 0)


def _range_of(answer: ClientResponse, start: int) -> tuple[int, str]:
    """Return size and mark of the file that an answer is a part of, from `start` on; (-1, "") if it is no such part."""
    mark = answer.headers.get("ETag", "") or answer.headers.get("Last-Modified", "")
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    is_packed = answer.headers.get("Content-Encoding", "identity") != "identity"  # then its bytes are not those told
    if answer.status != 206 or found is None or int(found[1]) != start or is_packed or not mark:
        return -1, ""
    return int(found[3]), mark


async def _some(answer: ClientResponse, most: int) -> bytes:
    """Return the body of an answer, or its begin: what is missing is asked for anew, what is too much is not read."""
    content = bytearray()
    try:
        async for chunk in answer.content.iter_any():
            content += chunk
            if len(content) >= most:
                break
    except Exception:
        if not content:
            raise
    return bytes(content[:most])


def _refuse(answer: Any) -> None:
    if answer.status in _MISSING:
        raise FileNotFoundError(errno.ENOENT, f"the server answered {answer.status}")
    if answer.status in _DENIED:
        raise PermissionError(errno.EACCES, f"the server answered {answer.status}")
    if answer.status in {408, 429} or answer.status >= 500:
        raise Lost(errno.EIO, f"the server answered {answer.status}")
    if answer.status not in {200, 206}:
        raise OSError(errno.EIO, f"the server answered {answer.status} {answer.reason}")
