"""llhttp says what a request is, and a header block that is known word for word says the same."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.model import Headers
from recorder.replay.server.admission import Admitted, Refused
from recorder.replay.server.limits import Limits
from recorder.replay.server.parser import (
    CLOSE,
    KEEP,
    KEEP_OLD,
    Continue,
    KnownHeads,
    RawRequest,
    Refusal,
    RequestParser,
    Waiting,
)

PLAIN = b"POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nX-Name:  v \r\n\r\n{}"
LIMITS = Limits(body=1000, head=2000, headers=20)
Found = RawRequest | Continue | Refusal


def parser(heads: KnownHeads | None = None) -> RequestParser:
    return RequestParser(heads or KnownHeads(), LIMITS, lambda target: target.startswith("/socket"))


def read(*parts: bytes, heads: KnownHeads | None = None) -> list[Found]:
    """All that comes of bytes that arrive in parts."""
    reader, found = parser(heads), []
    for part in parts:
        reader.feed(part)
        while (event := reader.next()) is not None:
            found.append(event)
    return found


def one(*parts: bytes, heads: KnownHeads | None = None) -> RawRequest:
    (found,) = read(*parts, heads=heads)
    assert isinstance(found, RawRequest)
    return found


def with_head(*lines: bytes, method: bytes = b"POST", target: bytes = b"/", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([method + b" " + target + b" HTTP/" + version, *lines, b"", b""])


def test_a_request_is_read_whole() -> None:
    headers = (("Host", "x"), ("Content-Length", "2"), ("X-Name", "v"))

    assert one(PLAIN) == RawRequest("POST", "/a/b?c=d", headers, b"{}", False, KEEP)


def test_the_headers_of_a_known_block_are_the_same_objects() -> None:
    heads = KnownHeads()

    first, second, parted = one(PLAIN, heads=heads), one(PLAIN, heads=heads), one(PLAIN[:-1], PLAIN[-1:], heads=heads)

    assert first.headers is second.headers
    assert first.headers is parted.headers


def test_a_known_block_before_another_body_is_another_request() -> None:
    heads = KnownHeads()
    one(PLAIN, heads=heads)

    assert one(PLAIN[:-2] + b"[]", heads=heads).body == b"[]"


def test_a_request_of_a_page_says_so() -> None:
    assert one(with_head(b"Host: x", b"ORIGIN: http://y")).from_page


@given(st.integers(1, len(PLAIN) - 1))
def test_a_part_of_a_request_is_none(length: int) -> None:
    reader = parser()
    reader.feed(PLAIN[:length])

    assert reader.next() is None
    assert reader.waiting is (Waiting.BODY if length > len(PLAIN) - 3 else Waiting.HEAD)


@pytest.mark.parametrize(
    ("head", "connection"),
    [
        (with_head(b"Host: x"), KEEP),
        (with_head(b"Host: x", b"Connection: close"), CLOSE),
        (with_head(version=b"1.0"), CLOSE),
        (with_head(b"Connection: keep-alive", version=b"1.0"), KEEP_OLD),
    ],
)
def test_it_is_known_what_becomes_of_the_connection(head: bytes, connection: bytes) -> None:
    assert one(head).connection is connection


def test_the_url_of_a_request_outweighs_its_host() -> None:
    found = one(with_head(b"A: b", b"Host: x", target=b"http://user@other:8080/a?b"))

    assert (found.target, found.headers) == ("/a?b", (("A", "b"), ("Host", "other:8080")))


def test_a_trailer_is_no_header_of_any_request() -> None:
    chunked = with_head(b"Host: x", b"Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\nEvil: 1\r\n\r\n"

    first, second = read(chunked + PLAIN)

    assert isinstance(first, RawRequest)
    assert isinstance(second, RawRequest)
    assert "Evil" not in {name for name, _ in (*first.headers, *second.headers)}
    assert (first.body, second.body) == (b"{}", b"{}")


def test_a_client_that_waits_is_asked_for_the_body_after_what_came_before() -> None:
    asking = with_head(b"Host: x", b"Content-Length: 2", b"Expect: 100-continue")

    found = read(PLAIN + asking, b"{}")

    assert [type(event) for event in found] == [RawRequest, Continue, RawRequest]


def test_a_client_that_did_not_wait_is_not_asked() -> None:
    assert one(with_head(b"Host: x", b"Content-Length: 2", b"Expect: 100-continue") + b"{}").body == b"{}"


def test_a_request_for_another_protocol_is_served_in_this_one_with_its_body() -> None:
    head = with_head(b"Host: x", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"Content-Length: 2")

    first, second = read(head + b"{}" + PLAIN)

    assert isinstance(first, RawRequest)
    assert (first.body, first.connection) == (b"{}", KEEP)
    assert isinstance(second, RawRequest)


def test_what_follows_a_websockets_handshake_is_kept() -> None:
    reader = parser()
    reader.feed(with_head(b"Host: x", b"Connection: Upgrade", b"Upgrade: websocket", method=b"GET", target=b"/socket"))
    reader.feed(b"\x81")
    found = reader.next()
    reader.feed(b"\x80")

    assert isinstance(found, RawRequest)
    assert found.is_handshake
    assert reader.next() is None
    assert reader.rest() == b"\x81\x80"


def test_nothing_is_read_after_a_refusal() -> None:
    assert read(b"nonsense\r\n\r\n" + PLAIN, PLAIN) == [Refusal(400, "not HTTP/1.1: Invalid method encountered", "")]


def test_the_cache_has_an_end() -> None:
    heads = KnownHeads(2)

    for number in range(5):
        one(with_head(b"Host: x", b"N: %d" % number), heads=heads)

    assert heads.get(b"Host: x\r\nN: 2\r\n") is None
    assert heads.get(b"Host: x\r\nN: 4\r\n") is not None


@pytest.mark.parametrize(("line", "is_kept"), [(b"Cookie: a=b", False), (b"Authorization: x", False), (b"X: y", True)])
def test_what_one_client_alone_sends_leaves_the_cache_with_its_connection(line: bytes, is_kept: bool) -> None:
    heads = KnownHeads()
    reader = parser(heads)
    reader.feed(with_head(b"Host: x", line))
    assert isinstance(reader.next(), RawRequest)
    block = b"Host: x\r\n" + line + b"\r\n"
    assert heads.get(block) is not None

    reader.close()

    assert (heads.get(block) is not None) == is_kept


def test_equal_headers_of_several_heads_are_the_same_objects() -> None:
    first, second = one(with_head(b"Host: x", b"N: 1")), one(with_head(b"Host: x", b"N: 2"))

    assert first.headers[0] is second.headers[0]


# The cache is held to llhttp

LINES = st.sampled_from(
    [
        b"Host: x",
        b"Host: y",
        b"Content-Length: 2",
        b"Content-Length: 0",
        b"content-length:2",
        b"Content-Length: 2000",
        b"Content-Length: +2",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: Upgrade",
        b"Upgrade: h2c",
        b"Upgrade: websocket",
        b"Expect: 100-continue",
        b"Content-Encoding: gzip",
        b"TE: trailers",
        b"Origin: http://p",
        b"X: \xff",
        b"X:",
        b"X : y",
        b" folded",
        b"X: a\rb",
        b"X: a\nHost: z",
        b"no header",
    ]
)
BODIES = st.sampled_from([b"", b"{}", b"{}", b"2\r\n{}\r\n0\r\n\r\n", b"\r\n", gzip.compress(b"{}", mtime=0)])
METHODS = st.sampled_from([b"GET", b"POST", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"CONNECT", b"get"])
TARGETS = st.sampled_from([b"/", b"/a?b", b"/socket", b"*", b"http://z/a", b"/\xc3\xa9", b"/a#b"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(LINES, max_size=4))
    if draw(st.integers(0, 9)):
        lines.insert(0, b"Host: x")
    version = draw(st.sampled_from([b"1.1"] * 8 + [b"1.0", b"2.0"]))
    return with_head(*lines, method=draw(METHODS), target=draw(TARGETS), version=version) + draw(BODIES)


@settings(max_examples=400, deadline=None)
@given(st.lists(requests(), max_size=5), st.lists(requests(), max_size=5), st.lists(st.integers(1, 90), max_size=6))
def test_with_the_cache_and_without_and_after_others_the_same_is_read(
    sent: list[bytes], neighbours: list[bytes], cuts: list[int]
) -> None:
    data, parts = b"".join(sent), []
    for cut in cuts:
        parts.append(data[:cut])
        data = data[cut:]
    parts.append(data)
    shared = KnownHeads()
    for neighbour in (*neighbours, *sent):
        read(neighbour, heads=shared)

    alone = read(*parts, heads=KnownHeads(0))

    assert read(*parts, heads=KnownHeads()) == alone
    assert read(*parts, heads=shared) == alone
    assert read(*parts, heads=shared) == alone


def told(found: list[Found]) -> list[Found]:
    """Without what depends on how it was cut: whether a client had to be asked, how far a refused target was read."""
    kept = [event for event in found if not isinstance(event, Continue)]
    return [replace(event, call="") if isinstance(event, Refusal) else event for event in kept]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.lists(requests(), max_size=3).map(b"".join), st.integers(1, 50))
def test_whatever_comes_and_however_it_is_cut_it_is_read_or_refused(data: bytes, size: int) -> None:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]

    assert told(read(*pieces)) == told(read(data))


def test_a_known_head_is_decided_on_once() -> None:
    """A check that cost 10 µs in each request would be a third of what the engine takes."""
    asked: list[str] = []
    heads = KnownHeads()

    def admits(method: str, target: str, headers: Headers, hosts: Sequence[str] = (), /) -> Admitted:
        asked.append(f"{method} {target}")
        return Admitted(target, (*headers, ("Seen", "yes")))

    readers = [RequestParser(heads, LIMITS, lambda _: False, admits) for _ in range(2)]
    found = []
    for reader in readers:
        for _ in range(1000):
            reader.feed(PLAIN)
            found.append(reader.next())

    assert asked == ["POST /a/b?c=d"]
    assert {request.headers for request in found if isinstance(request, RawRequest)} == {
        (("Host", "x"), ("Content-Length", "2"), ("X-Name", "v"), ("Seen", "yes"))
    }


def test_a_refused_head_and_one_that_holds_for_its_target_alone_are_never_known() -> None:
    for answer in (Refused("no", "ask again", "key"), Admitted("/", (), is_lasting=False)):
        heads = KnownHeads()
        reader = RequestParser(heads, LIMITS, lambda _: False, lambda *_, answer=answer: answer)
        reader.feed(PLAIN)
        reader.next()

        assert heads.get(b"Host: x\r\nContent-Length: 2\r\nX-Name:  v \r\n") is None


def test_a_target_that_stands_apart_is_decided_on_even_if_its_head_is_known() -> None:
    asked: list[str] = []

    def admits(_: str, target: str, headers: Headers, __: Sequence[str] = ()) -> Admitted:
        asked.append(target)
        return Admitted(target, headers)

    reader = RequestParser(KnownHeads(), LIMITS, lambda _: False, admits, re.compile(b"[?&]c="))
    without = PLAIN.replace(b"?c=d", b"")
    for part in (PLAIN, PLAIN, without, without, without, PLAIN):
        reader.feed(part)
        assert isinstance(reader.next(), RawRequest)

    assert asked == ["/a/b?c=d", "/a/b?c=d", "/a/b", "/a/b?c=d"]


def test_a_request_that_is_not_admitted_is_refused_before_its_body_is_there() -> None:
    refused = Refused("no page of yours", "--allow-origin x", "key")
    reader = RequestParser(KnownHeads(), LIMITS, lambda _: True, lambda *_: refused)
    reader.feed(with_head(b"Host: x", b"Content-Length: 9", target=b"/a?recorder_token=t&b"))

    assert reader.next() == Refusal(403, "no page of yours", "POST /a?recorder_token=…&b", refused)


def test_a_whole_url_is_decided_on_by_its_host_and_by_the_host_header() -> None:
    asked: list[tuple[Headers, Sequence[str]]] = []

    def admits(_: str, target: str, headers: Headers, hosts: Sequence[str] = ()) -> Admitted:
        asked.append((headers, hosts))
        return Admitted(target, headers)

    reader = RequestParser(KnownHeads(), LIMITS, lambda _: False, admits)
    reader.feed(with_head(b"Host: x", target=b"http://other:8080/a"))
    reader.next()

    assert asked == [((("Host", "other:8080"),), ["x"])]
