"""Parse the bytes of a WebSocket into messages and back, with the sans-IO protocol of the library websockets. Sans-IO.

The library leaves some errors to its user: text that is not UTF-8, binary messages where Bayeux is spoken, and the
answer with 4xx to a wrong handshake. This module handles them.
"""

from __future__ import annotations

import codecs
import logging

from websockets.datastructures import Headers as WireHeaders
from websockets.exceptions import InvalidHeader
from websockets.extensions.permessage_deflate import enable_server_permessage_deflate
from websockets.frames import EXTERNAL_CLOSE_CODES, CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from ...model import Headers
from .parser import RawRequest, Refusal
from .writing import encoded, fit

_REASON = 123  # bytes of a reason: a close frame has 125 at most, and the code takes two (RFC 6455, section 5.5)
_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)  # below WARNING, websockets logs each connection


class WebSocket:
    """A WebSocket connection after its handshake."""

    def __init__(self, protocol: ServerProtocol, accepted: Response, target: str) -> None:
        """Prepare a WebSocket whose handshake is accepted; use `open_socket` to create one."""
        self._protocol, self._accepted, self.target = protocol, accepted, target
        self._handshake = b""  # the answer to the handshake, until `take` returns it
        self._data, self._at = b"", 0  # bytes that came, and the number of them that were read
        self._left = 0  # bytes that are missing from the frame that is being read
        self._message: bytes | None = None
        self._parts: list[bytes] = []  # fragments of an incomplete message
        self._text = codecs.getincrementaldecoder("utf-8")()
        self._takes_binary = False
        self.is_text = True  # the last message that came is text; else it is binary
        self.failure: str | None = None  # the client's violation of the protocol, in a line

    def open(self, headers: Headers, *, takes_binary: bool = False) -> None:
        """Build the answer to the handshake with additional headers; `take` returns it.

        A client may send binary messages only if `takes_binary`.
        """
        self._takes_binary = takes_binary
        for name, value in fit(headers):
            self._accepted.headers[name] = encoded(value).decode("latin-1")
        self._handshake = self._accepted.serialize()

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._protocol.state is OPEN

    def feed(self, data: bytes) -> None:
        """Take bytes from the socket; `next` parses them."""
        self._data, self._at = self._data[self._at :] + data, 0

    def next(self) -> bytes | None:
        """Return the next message; None until more bytes are fed.

        Frames are parsed one by one, each after the message before it was returned. Otherwise a close frame behind a
        message would end the WebSocket before the answer, and small compressed frames could fill the memory.
        """
        while self._message is None:
            piece = self._piece()
            if not piece:
                return None
            self._protocol.receive_data(piece)
            for frame in self._protocol.events_received():
                if isinstance(frame, Frame):
                    self._take(frame)
            if self._protocol.parser_exc is not None and self.failure is None:
                self.failure = str(self._protocol.parser_exc)
        message, self._message = self._message, None
        return message

    def _piece(self) -> bytes:
        """Return the bytes of the next frame that have come; empty until the length of the frame is known."""
        if not self._left:
            self._left = _size(self._data, self._at)
        piece = self._data[self._at : self._at + self._left]
        self._at += len(piece)
        self._left -= len(piece)
        return piece

    def _take(self, frame: Frame) -> None:
        if self.failure is not None:
            return
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self.is_text = frame.opcode is Opcode.TEXT
        if frame.opcode is Opcode.BINARY and not self._takes_binary:
            self._fail(CloseCode.UNSUPPORTED_DATA, "Bayeux messages are text")
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            part = bytes(frame.data)
            try:
                self._text.decode(part if self.is_text else b"", frame.fin)
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA, "the text is not UTF-8")
                return
            self._parts.append(part)
            if frame.fin:
                self._message = b"".join(self._parts)
                self._parts.clear()

    def _fail(self, code: CloseCode, reason: str) -> None:
        self.failure = reason
        self._protocol.fail(code, reason)

    def send(self, body: bytes, *, is_text: bool = True) -> None:
        """Send a message, as text or as binary."""
        if is_text:
            self._protocol.send_text(body)
        else:
            self._protocol.send_binary(body)

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame with a code (RFC 6455, section 7.4), unless the WebSocket is closing already.

        A code that no frame may hold, such as 0 or 1005, is left out.
        """
        if not self.is_open:
            return
        if code in EXTERNAL_CLOSE_CODES or 3000 <= code < 5000:
            self._protocol.send_close(code, _cut(reason))
        else:
            self._protocol.send_close()

    def take(self) -> tuple[bytes, bool]:
        """Return the bytes to write to the socket, and whether they are the last."""
        pieces = self._protocol.data_to_send()
        handshake, self._handshake = self._handshake, b""
        return handshake + b"".join(pieces), b"" in pieces  # websockets marks the end with an empty piece


def _cut(reason: str) -> str:
    """Return a reason that fits into a close frame."""
    return reason.encode("utf-8", "replace")[:_REASON].decode("utf-8", "ignore")


def _size(data: bytes, at: int) -> int:
    """Return the bytes of the frame at `at`, head included (RFC 6455, section 5.2); 0 until its length has come."""
    there = len(data) - at
    if there < 2:
        return 0
    size, start = data[at + 1] & 0x7F, 2
    if size > 125:
        start = 4 if size == 126 else 10
        if there < start:
            return 0
        size = int.from_bytes(data[at + 2 : at + start], "big")
    return size + start + (4 if data[at + 1] & 0x80 else 0)


def open_socket(request: RawRequest, most: int) -> WebSocket | Refusal:
    """Check a WebSocket's handshake; return the WebSocket, not opened yet, or the refusal.

    Args:
        request: The handshake.
        most: Bytes of the longest message that a client may send.

    """
    call = f"{request.method} {request.target}"
    if request.method != "GET":
        return Refusal(405, "a WebSocket's handshake is a GET", call)
    headers = WireHeaders()
    try:
        for name, value in request.headers:
            headers[name] = value.encode("utf-8", "surrogateescape").decode("latin-1")
    except InvalidHeader as exc:
        return Refusal(400, str(exc), call)
    deflate = enable_server_permessage_deflate(None)
    # The state is OPEN at once, because llhttp has read the handshake already.
    protocol = ServerProtocol(extensions=deflate, state=OPEN, max_size=most, logger=_log)
    answer = protocol.accept(Request(request.target, headers))
    if answer.status_code == 101:
        return WebSocket(protocol, answer, request.target)
    lines = bytes(answer.body or b"").decode().splitlines()
    return Refusal(answer.status_code, lines[0] if lines else "not a WebSocket's handshake", call)
