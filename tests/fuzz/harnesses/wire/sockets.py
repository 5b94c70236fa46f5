"""Frames of WebSockets: the same messages, failures and bytes come, however the frames are cut."""

from __future__ import annotations

from recorder.replay.server.parser import KEEP, RawRequest
from recorder.replay.server.websocket import WebSocket, open_socket
from tests.fuzz.drawing import Draw
from tests.fuzz.fuzz_standin import frame

TOKENS = (
    frame(b"[]"), frame(b"{}", 0x82), frame(b"x", 0x89), frame(b"\x03\xe8", 0x88), frame(b"[", 0x01),
    frame(b"]", 0x80), frame(b"[]", masked=False), frame(b"", length=1 << 62), frame(b"\xff\xfe"),
    frame(b"\xca\x0f\x00", 0xC1), b"\x81\xfe",
)  # fmt: skip
MOST = 4000  # bytes of a message


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    flags, cuts = draw.byte(), draw.raw(8)
    sent = draw.rest()

    whole = _heard([sent], flags)

    assert _heard(Draw(cuts).pieces(sent), flags) == whole
    assert _heard([sent[at : at + 1] for at in range(min(len(sent), 400))] + [sent[400:]], flags) == whole


def _heard(parts: list[bytes], flags: int) -> tuple[list[bytes], bytes, str | None, bool]:
    socket = _opened(packed=bool(flags & 1))
    socket.open((), takes_binary=bool(flags & 2))
    messages: list[bytes] = []
    written, is_last = bytearray(), False
    for part in parts:
        socket.feed(part)
        while (message := socket.next()) is not None:
            messages.append(message)
            assert len(message) <= MOST
            if socket.is_open:
                socket.send(message, is_text=socket.is_text)
        found, ends = socket.take()
        written += found
        is_last = is_last or ends
    if not is_last:
        socket.close(flags << 4, "x" * flags)
        written += socket.take()[0]
    return messages, bytes(written), socket.failure, is_last


def _opened(*, packed: bool) -> WebSocket:
    headers = [
        ("Host", "x"), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]  # fmt: skip
    headers += [("Sec-WebSocket-Extensions", "permessage-deflate")] if packed else []
    socket = open_socket(RawRequest("GET", "/", tuple(headers), b"", False, KEEP), MOST)
    assert isinstance(socket, WebSocket)
    return socket
