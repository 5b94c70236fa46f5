"""Records to frame bodies and back: the only module that knows msgpack.

Bodies of HTTP messages are kept as text where they are valid UTF-8, else as bytes, never as parsed JSON: msgpack has no
integers over 64 bits and JSON has duplicate keys, key order and `1.0`.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgpack

from ..errors import CassetteError
from ..model import Failure, Header, Headers, Note, Record, Request, Response, SocketMessage
from .frames import MAX_BODY, Frame, frame

FORMAT = 1

T = TypeVar("T")

HEADER, REQUEST, RESPONSE, FAILURE, SOCKET, NOTE = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
_CRITICAL = 0x3F  # an unknown type up to here must be understood; above it may be skipped

_LIMITS: dict[str, Any] = {
    "raw": False,
    "strict_map_key": True,
    "max_str_len": MAX_BODY,
    "max_bin_len": MAX_BODY,
    "max_array_len": 65_536,
    "max_map_len": 64,
    "max_ext_len": 0,
}


def encode_header(header: Header) -> bytes:
    """The first frame of a file."""
    body = {
        "cassette": header.format,  # first, so that the magic bytes are fixed
        "dialect": header.dialect,
        "profile": header.profile,
        "redaction": header.redaction,
        "started": header.started,
        "upstream": header.upstream,
    }
    return _frame(HEADER, body)


def encode(record: Record) -> bytes:
    """One record as a frame."""
    body: dict[str, Any] = {"n": record.seq, "t": record.t}
    match record:
        case Request():
            body |= {
                "x": record.exchange,
                "c": record.connection,
                "m": record.method,
                "u": record.target,
                "h": record.headers,
                "b": _text_or_bytes(record.body),
            }
            return _frame(REQUEST, body)
        case Response():
            body |= {
                "x": record.exchange,
                "s": record.status,
                "h": record.headers,
                "b": _text_or_bytes(record.body),
            }
            return _frame(RESPONSE, body)
        case Failure():
            return _frame(FAILURE, body | {"x": record.exchange, "why": record.reason})
        case SocketMessage():
            body |= {"x": record.exchange, "in": record.from_client, "b": _text_or_bytes(record.body)}
            return _frame(SOCKET, body)
        case Note():
            return _frame(NOTE, body | {"kind": record.kind, "text": record.text})


def decode_header(found: Frame, *, path: str) -> Header:
    """Read the first frame.

    Raises:
        CassetteError: If it is no header, or of a newer format.

    """
    if found.kind != HEADER:
        raise CassetteError(path, "not a cassette", hint="its first frame is no header")
    body = _Fields(_unpack(found, path), found, path)
    version = body.take("cassette", int)
    if version > FORMAT:
        raise CassetteError(
            path,
            f"written in format {version}, this version reads up to {FORMAT}",
            hint="upgrade outbound-recorder",
        )
    return Header(
        started=body.take("started", int),
        upstream=body.take("upstream", str),
        dialect=body.take("dialect", str),
        redaction=body.take("redaction", str),
        format=version,
        profile=body.take("profile", str),
    )


def decode(found: Frame, *, path: str) -> Record | None:
    """Read one record; None for a type that may be skipped.

    Raises:
        CassetteError: If the body is not what the format says, or the type is unknown and must not be skipped.

    """
    if found.kind > _CRITICAL:
        return None
    body = _Fields(_unpack(found, path), found, path)
    seq, t = body.take("n", int), body.take("t", int)
    match found.kind:
        case 0x02:
            return Request(
                seq, t, body.take("x", int), body.take("c", str), body.take("m", str), body.take("u", str),
                body.headers(), body.content(),
            )  # fmt: skip
        case 0x03:
            return Response(seq, t, body.take("x", int), body.take("s", int), body.headers(), body.content())
        case 0x04:
            return Failure(seq, t, body.take("x", int), body.take("why", str))
        case 0x05:
            return SocketMessage(seq, t, body.take("x", int), body.take("in", bool), body.content())
        case 0x06:
            return Note(seq, t, body.take("kind", str), body.take("text", str))
    raise CassetteError(
        path, f"frame type {found.kind} is unknown", offset=found.offset, hint="upgrade outbound-recorder"
    )


class _Fields:
    """A decoded body whose fields are checked as they are taken."""

    def __init__(self, body: Any, found: Frame, path: str) -> None:
        self._found, self._path = found, path
        if not isinstance(body, dict):
            raise self._wrong("the body is no map")
        self._body = body

    def take(self, key: str, kind: type[T]) -> T:
        value = self._body.get(key)
        if type(value) is not kind:
            raise self._wrong(f"field {key!r} is missing or no {kind.__name__}")
        return value

    def headers(self) -> Headers:
        pairs = self.take("h", list)
        if not all(isinstance(p, list) and len(p) == 2 and all(isinstance(s, str) for s in p) for p in pairs):
            raise self._wrong("field 'h' is no list of name-value pairs")
        return tuple((name, value) for name, value in pairs)

    def content(self) -> bytes:
        value = self._body.get("b")
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, bytes):
            return value
        raise self._wrong("field 'b' is missing or neither text nor bytes")

    def _wrong(self, problem: str) -> CassetteError:
        return CassetteError(self._path, problem, offset=self._found.offset, hint="written by another program?")


def _frame(kind: int, body: dict[str, Any]) -> bytes:
    return frame(kind, msgpack.packb(body, use_bin_type=True))


def _unpack(found: Frame, path: str) -> Any:
    try:
        return msgpack.unpackb(found.body, **_LIMITS)
    except (ValueError, msgpack.exceptions.UnpackException) as exc:
        raise CassetteError(path, f"the frame's body is no msgpack: {exc}", offset=found.offset) from exc


def _text_or_bytes(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body
