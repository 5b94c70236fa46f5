"""WebSockets on a real socket: the cases of Autobahn's test suite in small, and what a stand-in adds to them.

The suite itself runs on Python 2 alone; `tests/replay/server/echo.py` tells how it is run by hand.
"""

from __future__ import annotations

import asyncio
import zlib

import pytest

from recorder.replay.server.limits import Limits
from tests.fuzz.fuzz_standin import frame, upgrade
from tests.replay.server.clients import LIMIT
from tests.replay.server.echo import Echo, echoing

LIMITS = Limits(body=2000, unread=5)
TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A
BEGIN, MIDDLE, END = 0x01, 0x00, 0x80  # of a message in fragments
DEFLATED = 0x40
DEFLATE = {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"}

Frames = list[tuple[int, bytes]]


def frames(data: bytes) -> Frames:
    """What a server sends: first byte and payload of each frame, none of them masked."""
    found = []
    while data:
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        assert len(data) >= start + size
        found.append((data[0], data[start : start + size]))
        data = data[start + size :]
    return found


def heard(*parts: bytes, echo: Echo | None = None, **asked: str) -> Frames:
    """What is heard on a WebSocket until the server ends it; the client closes its half when it has sent all."""

    async def run() -> bytes:
        async with echoing(echo or Echo(), LIMITS) as port, asyncio.timeout(LIMIT):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(upgrade(**asked))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 ")
            assert (b"permessage-deflate" in head) == bool(asked)
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0)
            found = await reader.read()
            writer.close()
            return found

    return frames(asyncio.run(run()))


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(b"" if code is None else code.to_bytes(2, "big") + reason, CLOSE)


def packed(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def unpacked(data: bytes) -> bytes:
    return zlib.decompressobj(wbits=-15).decompress(data + b"\x00\x00\xff\xff")


def code_of(found: Frames) -> int | None:
    first, payload = found[-1]
    assert first == CLOSE
    return int.from_bytes(payload[:2], "big") if payload else None


BYE = close(1000)
UTF8 = "Hello-µ@ßöäüàá-UTF-8!!€\U0001f600".encode()

ECHOED: dict[str, tuple[bytes, list[bytes]]] = {
    "1.1.1 nothing": (frame(b""), [b""]),
    "1.1.2 125 bytes": (frame(b"*" * 125), [b"*" * 125]),
    "1.1.3 126 bytes": (frame(b"*" * 126), [b"*" * 126]),
    "1.1.4 127 bytes": (frame(b"*" * 127), [b"*" * 127]),
    "1.1.6 all that is allowed": (frame(b"*" * 2000), [b"*" * 2000]),
    "5.3 fragments": (frame(b"a", BEGIN) + frame(b"b", END), [b"ab"]),
    "5.6 a ping between fragments": (frame(b"a", BEGIN) + frame(b"p", PING) + frame(b"b", END), [b"ab"]),
    "5.8 fragments of one byte": (
        frame(b"a", BEGIN) + b"".join(frame(b"b", MIDDLE) for _ in range(50)) + frame(b"c", END),
        [b"a" + b"b" * 50 + b"c"],
    ),
    "6.1.1 fragments of nothing": (frame(b"", BEGIN) + frame(b"", MIDDLE) * 100 + frame(b"", END), [b""]),
    "6.2.1 UTF-8": (frame(UTF8), [UTF8]),
    "6.2.3 UTF-8 that is cut in its characters": (
        frame(UTF8[:1], BEGIN)
        + b"".join(frame(UTF8[n : n + 1], MIDDLE) for n in range(1, len(UTF8)))
        + frame(b"", END),
        [UTF8],
    ),
    "6.5 the last character": (frame("\U0010ffff".encode()), ["\U0010ffff".encode()]),
    "6.22 no character, and yet UTF-8": (frame("\ufffe\uffff".encode()), ["\ufffe\uffff".encode()]),
    "several": (frame(b"a") + frame(b"b") + frame(b"c"), [b"a", b"b", b"c"]),
}


@pytest.mark.parametrize("case", ECHOED)
def test_a_message_is_taken_and_answered(case: str) -> None:
    sent, texts = ECHOED[case]

    found = heard(sent + BYE)

    assert [payload for first, payload in found if first == TEXT] == texts
    assert code_of(found) == 1000


@pytest.mark.parametrize("case", ECHOED)
def test_it_does_not_matter_how_it_is_cut(case: str) -> None:
    sent, texts = ECHOED[case]

    found = heard(*(bytes([byte]) for byte in sent + BYE))

    assert [payload for first, payload in found if first == TEXT] == texts


PONGED: dict[str, tuple[bytes, list[bytes]]] = {
    "2.1 a ping without payload": (frame(b"", PING), [b""]),
    "2.2 a ping": (frame(b"Hello", PING), [b"Hello"]),
    "2.3 a ping of bytes": (frame(b"\x00\xff\xfe", PING), [b"\x00\xff\xfe"]),
    "2.4 a ping of 125 bytes": (frame(b"p" * 125, PING), [b"p" * 125]),
    "2.7 a pong nobody asked for": (frame(b"", PONG), []),
    "2.8 a pong with payload": (frame(b"p", PONG), []),
    "2.10 ten pings": (b"".join(frame(b"%d" % n, PING) for n in range(10)), [b"%d" % n for n in range(10)]),
}


@pytest.mark.parametrize("case", PONGED)
def test_a_ping_is_answered(case: str) -> None:
    sent, payloads = PONGED[case]

    found = heard(sent + BYE)

    assert [payload for first, payload in found if first == PONG] == payloads
    assert code_of(found) == 1000


BROKEN: dict[str, tuple[bytes, int]] = {
    "1.2 a binary message": (frame(b"a", BINARY), 1003),
    "a binary message in fragments": (frame(b"a", 0x02), 1003),
    "2.5 a ping over 125 bytes": (frame(b"p" * 126, PING), 1002),
    "3.1 RSV3": (frame(b"a", TEXT | 0x10), 1002),
    "3.2 RSV2": (frame(b"a", TEXT | 0x20), 1002),
    "3.3 RSV1 without deflate": (frame(b"a", TEXT | 0x40), 1002),
    "3.7 all RSV": (frame(b"a", TEXT | 0x70), 1002),
    "4.1 opcode 3": (frame(b"", 0x83), 1002),
    "4.1.5 opcode 7": (frame(b"a", 0x87), 1002),
    "4.2 opcode 11": (frame(b"", 0x8B), 1002),
    "4.2.5 opcode 15": (frame(b"a", 0x8F), 1002),
    "5.1 a ping in fragments": (frame(b"a", 0x09) + frame(b"b", END), 1002),
    "5.2 a pong in fragments": (frame(b"a", 0x0A) + frame(b"b", END), 1002),
    "5.9 an end without a begin": (frame(b"a", END), 1002),
    "5.12 a middle without a begin": (frame(b"a", MIDDLE), 1002),
    "5.15 a message within another": (frame(b"a", BEGIN) + frame(b"b", TEXT), 1002),
    "5.18 two begins": (frame(b"a", BEGIN) + frame(b"b", BEGIN), 1002),
    "6.3 what is not UTF-8": (frame(b"\xce\xba\xed\xa0\x80edited"), 1007),
    "6.4 what is not UTF-8, in fragments": (frame(b"a", BEGIN) + frame(b"\xff", MIDDLE), 1007),
    "6.6 UTF-8 cut short": (frame(b"\xce"), 1007),
    "6.12 longer than it need be": (frame(b"\xc0\xaf"), 1007),
    "6.14 beyond Unicode": (frame(b"\xf4\x90\x80\x80"), 1007),
    "6.20 half a pair": (frame(b"\xed\xa0\x80"), 1007),
    "UTF-8 cut short at the end of fragments": (frame(b"a", BEGIN) + frame(b"\xce", END), 1007),
    "7.3.2 a close of one byte": (frame(b"\x03", CLOSE), 1002),
    "7.3.6 a close over 125 bytes": (close(1000, b"r" * 124), 1002),
    "7.5 a reason that is not UTF-8": (close(1000, b"\xce\xba\xed\xa0\x80"), 1007),
    "7.9 code 0": (close(0), 1002),
    "7.9 code 999": (close(999), 1002),
    "7.9 code 1004": (close(1004), 1002),
    "7.9 code 1005": (close(1005), 1002),
    "7.9 code 1006": (close(1006), 1002),
    "7.9 code 1015": (close(1015), 1002),
    "7.9 code 2999": (close(2999), 1002),
    "7.9 code 5000": (close(5000), 1002),
    "9.1 a message over the limit": (frame(b"*" * 2001), 1009),
    "9.1 one that says so": (frame(b"", length=1 << 62), 1009),
    "9.3 fragments over the limit": (frame(b"*" * 1500, BEGIN) + frame(b"*" * 501, END), 1009),
    "no mask": (frame(b"a", masked=False), 1002),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_breaks_the_rules_ends_it_with_the_code_that_says_so(case: str) -> None:
    sent, code = BROKEN[case]
    echo = Echo()

    found = heard(sent + frame(b"ignored"), echo=echo)

    assert code_of(found) == code
    assert TEXT not in [first for first, _ in found]
    assert len(echo.refusals) == 1
    assert echo.refusals[0].call == "a message on the WebSocket /api/v2/notifications"


@pytest.mark.parametrize("code", [None, 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_a_close_is_answered_alike_and_is_no_miss(code: int | None) -> None:
    echo = Echo()

    found = heard(close(code), echo=echo)

    assert code_of(found) == code
    assert echo.refusals == []


def test_after_a_close_nothing_is_taken() -> None:
    found = heard(frame(b"a") + BYE + frame(b"b") + frame(b"p", PING))

    assert [first for first, _ in found] == [TEXT, CLOSE]


def test_a_client_that_is_gone_without_a_close_is_no_miss() -> None:
    echo = Echo()

    async def run() -> None:
        async with echoing(echo, LIMITS) as port, asyncio.timeout(LIMIT):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(upgrade() + frame(b"a")[:4])
            await reader.readuntil(b"\r\n\r\n")
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()

    asyncio.run(run())
    assert echo.refusals == []


# Deflate


def test_12_deflated_messages_are_read_and_answered_deflated() -> None:
    found = heard(frame(packed(b"Hello" * 50), TEXT | DEFLATED) + BYE, **DEFLATE)

    assert [(first, unpacked(payload)) for first, payload in found[:-1]] == [(TEXT | DEFLATED, b"Hello" * 50)]


def test_13_fragments_of_a_deflated_message_are_one() -> None:
    data = packed(UTF8 * 10)
    parts = frame(data[:9], BEGIN | DEFLATED) + frame(b"p", PING) + frame(data[9:], END)

    found = heard(parts + BYE, **DEFLATE)

    assert [unpacked(payload) for first, payload in found if first == TEXT | DEFLATED] == [UTF8 * 10]


def test_a_message_that_is_not_deflated_is_read_all_the_same() -> None:
    found = heard(frame(b"plain") + BYE, **DEFLATE)

    assert [unpacked(payload) for first, payload in found if first == TEXT | DEFLATED] == [b"plain"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(packed(b" " * 2001), TEXT | DEFLATED), 1009),
        (frame(packed(bytes(50 << 20))[:1900], TEXT | DEFLATED), 1009),
        (frame(packed(b" " * 1500), BEGIN | DEFLATED) + frame(b"x" * 600, END), 1009),
        (frame(b"\xff\xff\xff", TEXT | DEFLATED), 1002),
        (frame(packed(b"\xff"), TEXT | DEFLATED), 1007),
        (frame(b"p", PING | DEFLATED), 1002),
    ],
    ids=["too large", "bomb", "fragments", "broken", "not UTF-8", "ping"],
)
def test_what_inflates_badly_ends_it(sent: bytes, code: int) -> None:
    found = heard(sent, **DEFLATE)

    assert code_of(found) == code


# A client that does not read


def test_answers_wait_for_a_client_that_does_not_read_and_none_is_lost() -> None:
    echo, asked = Echo(), 6000  # 12 MB; the sockets between take a few
    text = b"x" * 2000

    async def run() -> Frames:
        async with echoing(echo, LIMITS) as port, asyncio.timeout(LIMIT):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 10)
            writer.write(upgrade())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(frame(text) * asked + BYE)
            await asyncio.sleep(0.2)  # in which all would be answered
            assert len(echo.gone) < asked
            found = await reader.read()
            writer.close()
            return frames(found)

    found = asyncio.run(run())

    assert [payload for first, payload in found if first == TEXT] == [text] * asked
    assert sorted(echo.gone) == list(range(2, asked + 2))
    assert echo.lost == []
