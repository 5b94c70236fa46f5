"""A WebSocket: bytes to messages and back, by websockets' sans-IO protocol. Sans-IO.

What that leaves to its user is here: text that is no UTF-8, binary messages, and the 4xx of a handshake that is none.
"""

from __future__ import annotations

import codecs
import logging

from websockets.datastructures import Headers as WireHeaders
from websockets.exceptions import InvalidHeader
from websockets.extensions.permessage_deflate import enable_server_permessage_deflate
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from ...model import Headers
from .parser import RawRequest, Refusal
from .writing import fit

_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)  # websockets tells of each connection


class WebSocket:
    """One connection after its handshake."""

    def __init__(self, protocol: ServerProtocol, accepted: Response, target: str) -> None:
        """Be ready to open; `open_socket` makes one."""
        self._protocol, self._accepted, self.target = protocol, accepted, target
        self._handshake = b""  # its answer, until it is written
        self._data, self._at = b"", 0  # what came, and how far it was read
        self._left = 0  # bytes that are to come of the frame that is being read
        self._message: bytes | None = None
        self._parts: list[bytes] = []  # of a message that comes in fragments
        self._text = codecs.getincrementaldecoder("utf-8")()
        self.failure: str | None = None  # what the client did wrong

    def open(self, headers: Headers) -> None:
        """Answer the handshake, and set these headers too."""
        for name, value in fit(headers):
            self._accepted.headers[name] = value.encode().decode("latin-1")
        self._handshake = self._accepted.serialize()

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._protocol.state is OPEN

    def feed(self, data: bytes) -> None:
        """Take bytes as they come; `next` tells what they are."""
        self._data, self._at = self._data[self._at :] + data, 0

    def next(self) -> bytes | None:
        """Return the next message; None where more must come.

        No frame is read before those ahead of it were served: a close behind a message would end the socket before its
        answer, and small frames may inflate to a lot.
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
        """Return the next frame as far as it has come; b"" where not even its length has."""
        if not self._left:
            self._left = _size(self._data, self._at)
        piece = self._data[self._at : self._at + self._left]
        self._at += len(piece)
        self._left -= len(piece)
        return piece

    def _take(self, frame: Frame) -> None:
        if self.failure is not None:
            return
        if frame.opcode is Opcode.BINARY:
            self._fail(CloseCode.UNSUPPORTED_DATA, "Bayeux messages are text")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            part = bytes(frame.data)
            try:
                self._text.decode(part, frame.fin)
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

    def send(self, text: bytes) -> None:
        """Send a message."""
        self._protocol.send_text(text)

    def close(self, code: int) -> None:
        """Begin to close, unless that has begun."""
        if self.is_open:
            self._protocol.send_close(code)

    def take(self) -> tuple[bytes, bool]:
        """Return the bytes to write, and whether they are the last."""
        pieces = self._protocol.data_to_send()
        handshake, self._handshake = self._handshake, b""
        return handshake + b"".join(pieces), b"" in pieces  # an empty piece is websockets' sign for the end


def _size(data: bytes, at: int) -> int:
    """Bytes of the frame that begins there, its head included (RFC 6455, section 5.2); 0 if that is not all here."""
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
    """Read a WebSocket's handshake; its answer is not written yet, `most` bytes may be in a message."""
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
    # OPEN, for it need not read the handshake: llhttp has
    protocol = ServerProtocol(extensions=deflate, state=OPEN, max_size=most, logger=_log)
    answer = protocol.accept(Request(request.target, headers))
    if answer.status_code == 101:
        return WebSocket(protocol, answer, request.target)
    lines = bytes(answer.body or b"").decode().splitlines()
    return Refusal(answer.status_code, lines[0] if lines else "not a WebSocket's handshake", call)
