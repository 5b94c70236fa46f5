"""What is read from bytes at once is what aiohttp would read; all that is unusual is left to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.replay.server.heads import HeadParser, Plain, Unread

PLAIN = b"POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nX-Name:  v \r\n\r\n{}"
MOST = 1000


@pytest.fixture(scope="module", name="heads")
def _heads() -> Iterator[HeadParser]:
    loop = asyncio.new_event_loop()
    yield HeadParser(loop, MOST)
    loop.close()


def with_head(*lines: bytes, method: bytes = b"POST", target: bytes = b"/", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([method + b" " + target + b" HTTP/" + version, *lines, b"", b""])


def test_a_request_is_read_whole(heads: HeadParser) -> None:
    headers = (("Host", "x"), ("Content-Length", "2"), ("X-Name", "v"))

    assert heads.read(PLAIN) == Plain("POST", "/a/b?c=d", headers, False, b"{}", b"")


def test_what_follows_is_kept(heads: HeadParser) -> None:
    found = heads.read(PLAIN + PLAIN[:20])

    assert isinstance(found, Plain)
    assert (found.body, found.rest) == (b"{}", PLAIN[:20])


def test_a_request_of_a_page_says_so(heads: HeadParser) -> None:
    found = heads.read(with_head(b"Host: x", b"ORIGIN: http://y"))

    assert isinstance(found, Plain)
    assert found.from_page


def test_the_same_head_before_another_body_is_another_request(heads: HeadParser) -> None:
    found = heads.read(PLAIN[:-2] + b"[]")

    assert isinstance(found, Plain)
    assert found.body == b"[]"


@given(st.integers(0, len(PLAIN) - 1))
def test_each_part_of_a_request_is_incomplete(length: int) -> None:
    loop = asyncio.new_event_loop()
    try:
        assert HeadParser(loop, MOST).read(PLAIN[:length]) is Unread.INCOMPLETE
    finally:
        loop.close()


@pytest.mark.parametrize(
    "data",
    [
        with_head(b"Host: x", method=b"HEAD"),
        with_head(b"Host: x", method=b"OPTIONS"),
        with_head(b"Host: x", method=b"get"),
        with_head(b"Host: x", target=b"http://x/"),
        with_head(b"Host: x", target=b"*"),
        with_head(b"Host: x", target=b"/\xc3\xa9"),
        with_head(b"Host: x", target=b"/#a"),
        with_head(b"Host: x", version=b"1.0"),
        with_head(b"Host: x", b"Connection: close"),
        with_head(b"Host: x", b"Connection: Upgrade", b"Upgrade: websocket"),
        with_head(b"Host: x", b"Upgrade: h2c"),
        with_head(b"Host: x", b"Transfer-Encoding: chunked"),
        with_head(b"Host: x", b"Content-Length: 2", b"Transfer-Encoding: chunked"),
        with_head(b"Host: x", b"Content-Length: 2", b"Content-Length: 3"),
        with_head(b"Host: x", b"Content-Length: +2"),
        with_head(b"Host: x", b"Content-Length: 2, 2"),
        with_head(b"Host: x", b"Content-Length: 1001"),
        with_head(b"Host: x", b"Content-Length: -1"),
        with_head(b"Host: x", b"Content-Encoding: gzip", b"Content-Length: 2"),
        with_head(b"Host: x", b"Expect: 100-continue", b"Content-Length: 2"),
        with_head(b"Host: x", b"X Y: z"),
        with_head(b"Host: x", b" folded"),
        with_head(b"Host: x", b"X: " + b"y" * 9000),
        with_head(b"Host: x", b"no header"),
        with_head(b"Host: x\nX: y"),
        b"POST / HTTP/1.1\nHost: x\n\n",
        b"\r\n" + PLAIN,
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"x" * 9000,
        b"POST / HTTP/1.1\r\nX: " + b"y" * 9000,
    ],
    ids=lambda data: repr(data[:70]),
)
def test_what_is_unusual_is_for_aiohttp(data: bytes, heads: HeadParser) -> None:
    assert heads.read(data) is Unread.OTHER
