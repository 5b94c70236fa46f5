"""Encode records as frames and decode frames into records.

An HTTP body is stored as text if it is valid UTF-8, else as bytes. A body is never stored as parsed JSON: msgpack has
no integers over 64 bits, and parsing loses duplicate keys, key order and the difference between `1.0` and `1`.
Other text is stored as text, or as bytes if it contains lone surrogates: mitmproxy decodes a URL that is not UTF-8 to
lone surrogates.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from ..errors import CassetteError
from ..model import (
    FORMAT,
    MAX_TEXT,
    Chunk,
    Failure,
    Header,
    Headers,
    Note,
    Part,
    Record,
    Request,
    Response,
    Row,
    RowEvent,
    SocketMessage,
    Value,
)
from .frames import MAX_BODY, OVERHEAD, Frame, frame
from .packing import (
    LIMITS,
    MAX_HEADERS,
    MOST_VALUES,
    OF_RECORD,
    OF_SUMMARY,
    body_text,
    from_wtf8,
    packed_record,
    packed_text,
    unpack,
)
from .usual import BodyOf, request, response

JOURNAL, SEALED, ARCHIVE = PROFILES = "journal", "sealed", "archive"
MAX_TRIPLES = 1 << 32  # the index stores the number of a triple in 4 bytes
RULES_WITHIN = 4000  # frames after the header in which a journal may say its dialect

T = TypeVar("T")


HEADER, REQUEST, RESPONSE, FAILURE, SOCKET, NOTE, CHUNK = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07
TRIPLE, BLOCK, PLAIN, UNSOLICITED, SUMMARY, END = 0x10, 0x11, 0x12, 0x13, 0x14, 0x3F
PAGE, CONTENTS, RULES, DETAIL = 0x40, 0x41, 0x42, 0x44
# bytes: a `bin` head, the offset of the contents, a SHA-256; fixed, so that a reader finds the end frame from the end
END_SIZE = OVERHEAD + 2 + 8 + 32
FACTS = frozenset({REQUEST, RESPONSE, FAILURE, SOCKET, NOTE, CHUNK})
_DERIVED = frozenset({TRIPLE, PLAIN, UNSOLICITED, SUMMARY, END})
_CRITICAL = 0x3F  # a reader must refuse an unknown frame type up to this value, and may skip one above


def encode_header(header: Header, *, rules_follow: bool = False) -> bytes:
    """Return the encoded header, which is the first frame of each cassette.

    Args:
        header: The header; of format 1 it is written without the texts, which that format does not have.
        rules_follow: Whether `encode_rules` may follow, as in a journal whose dialect is found after the first records.

    Raises:
        ValueError: If the text of the dialect or of the policy has more than 128 KiB.

    """
    # `cassette` must be the first key: its encoding is part of the magic bytes
    body: dict[str, Any] = {"cassette": header.format, "dialect": header.dialect}
    if header.format > 1:
        body |= {"dialect_text": _short(header.dialect_text), "policy_text": _short(header.policy_text)}
        body |= {"fitted": header.fitted} if header.fitted else {}
        body |= {"part": _part_value(header.part)} if header.part else {}
    body |= {"profile": header.profile, "redaction": header.redaction}
    if rules_follow:
        body |= {"rules": True}
    return packed_text(HEADER, body | {"started": header.started, "upstream": header.upstream})


def encode_rules(name: str, text: str) -> bytes:
    """Return the frame by which a journal says its dialect after its header; `rules_follow` must announce the frame.

    Raises:
        ValueError: If the text has more than 128 KiB.

    """
    return packed_text(RULES, {"dialect": name, "dialect_text": _short(text)})


def encode(record: Record, *, same_body_as: int | None = None) -> bytes:
    """Encode one record as a frame.

    Args:
        record: The record to encode.
        same_body_as: `seq` of an earlier record with an equal body; stored instead of the body.

    Raises:
        ValueError: If the record exceeds a limit of the format: 4096 headers, or 64 MiB for the frame.

    """
    body: dict[str, Any] = {"n": record.seq, "t": record.t}
    match record:
        case Request():
            body |= {
                "x": record.exchange,
                "c": record.connection,
                "m": record.method,
                "u": record.target,
                "h": _limited(record.headers),
                "b": body_text(record.body) if same_body_as is None else same_body_as,
            }
            return packed_record(REQUEST, body)
        case Response():
            body |= {
                "x": record.exchange,
                "s": record.status,
                "h": _limited(record.headers),
                "b": body_text(record.body) if same_body_as is None else same_body_as,
            }
            return packed_record(RESPONSE, body | {"st": True} if record.streamed else body)
        case Chunk():
            body |= {
                "x": record.exchange,
                "b": body_text(record.body) if same_body_as is None else same_body_as,
            }
            return packed_record(CHUNK, body | {"last": True} if record.is_last else body)
        case Failure():
            return packed_text(FAILURE, body | {"x": record.exchange, "why": record.reason})
        case SocketMessage():
            body |= {
                "x": record.exchange,
                "in": record.from_client,
                "b": body_text(record.body) if same_body_as is None else same_body_as,
            }
            return packed_record(SOCKET, body if record.is_text else body | {"bin": True})
        case Note():
            return packed_text(NOTE, body | {"kind": record.kind, "text": record.text})


def decode_header(found: Frame, *, path: str) -> Header:
    """Decode the header of a cassette from its first frame.

    Raises:
        CassetteError: If the frame is not a header, or the format or profile is unknown to this version.

    """
    if found.kind != HEADER:
        raise CassetteError(path, "not a cassette", hint="its first frame is no header")
    try:
        body = _Fields(unpack(found, path), found, path)
        version = body.take("cassette", int)
        return _header(body, version, path)
    except CassetteError as exc:
        raise CassetteError(path, exc.problem, hint=exc.hint) from exc


def rules_follow(found: Frame, *, path: str) -> bool:
    """Return whether the header in a frame announces that a journal says its dialect later."""
    return bool(_Fields(unpack(found, path), found, path).maybe("rules", bool))


def decode_rules(found: Frame, header: Header, *, path: str) -> Header:
    """Return a header with the dialect that a frame says.

    Raises:
        CassetteError: If the body violates the format.

    """
    body = _Fields(unpack(found, path), found, path)
    name = body.take("dialect", str)
    fitted = header.fitted or header.dialect
    return replace(
        header, dialect=name, dialect_text=body.short("dialect_text"), fitted=fitted if fitted != name else ""
    )


def _header(body: _Fields, version: int, path: str) -> Header:
    if not 1 <= version <= FORMAT:
        raise CassetteError(
            path,
            f"written in format {version}, this version reads up to {FORMAT}",
            hint="upgrade outbound-recorder",
        )
    profile = body.take("profile", str)
    if profile not in PROFILES:
        raise CassetteError(path, f"has the unknown profile {profile!r}", hint="upgrade outbound-recorder")
    return Header(
        started=body.take("started", int),
        upstream=body.take("upstream", str),
        dialect=body.take("dialect", str),
        redaction=body.take("redaction", str),
        format=version,
        profile=profile,
        dialect_text=body.short("dialect_text") if version > 1 else "",
        policy_text=body.short("policy_text") if version > 1 else "",
        fitted=(body.maybe("fitted", str) or "") if version > 1 else "",
        part=_part(body.maybe("part", dict)) if version > 1 else None,
        file=path,
    )


def _part_value(part: Part) -> dict[str, Any]:
    return {"after": part.after, "capture": part.capture, "number": part.number, "repeated": part.repeated}


def _part(value: dict[str, Any] | None) -> Part | None:
    """Return which part of a capture a header says; None if it says none that can be one."""
    match value:
        case {"after": int(after), "capture": str(capture), "number": int(number), "repeated": int(repeated)} if (
            number > 0 and after >= 0 and repeated >= 0
        ):
            return Part(capture, number, after, repeated)
        case _:
            return None


def decode(found: Frame, *, path: str, body_of: BodyOf | None = None) -> Record | None:
    """Decode one record, or return None for a frame that is not a record (derived data, or an unknown optional type).

    Args:
        found: The frame.
        path: Name of the file, for errors.
        body_of: Function from `seq` to the body of that earlier record; without it a named body is an error.

    Raises:
        CassetteError: If the body violates the format, or the frame type is unknown and critical (up to 0x3F).

    """
    if found.kind > _CRITICAL or found.kind in _DERIVED:
        return None
    if found.kind not in FACTS:
        raise CassetteError(
            path, f"frame type {found.kind} is unknown", offset=found.offset, hint="upgrade outbound-recorder"
        )
    value = unpack(found, path, OF_RECORD)
    usual: Record | None = None
    if found.kind == REQUEST:
        usual = request(value, body_of)
    elif found.kind == RESPONSE:
        usual = response(value, body_of)
    if usual is not None:
        return usual
    body = _Fields(value, found, path, body_of)
    seq, t = body.take("n", int), body.take("t", int)
    match found.kind:
        case 0x02:
            return Request(
                seq, t, body.take("x", int), body.take("c", str), body.take("m", str), body.take("u", str),
                body.headers(), body.content(),
            )  # fmt: skip
        case 0x03:
            return Response(
                seq, t, body.take("x", int), body.take("s", int), body.headers(), body.content(),
                streamed=bool(body.maybe("st", bool)),
            )  # fmt: skip
        case 0x04:
            return Failure(seq, t, body.take("x", int), body.take("why", str))
        case 0x05:
            return SocketMessage(
                seq, t, body.take("x", int), body.take("in", bool), body.content(),
                is_text=not body.maybe("bin", bool),
            )  # fmt: skip
        case 0x07:
            return Chunk(seq, t, body.take("x", int), body.content(), is_last=bool(body.maybe("last", bool)))
        case _:
            return Note(seq, t, body.take("kind", str), body.take("text", str))


class Glance(NamedTuple):
    """The fields of a record that are told without decoding its texts.

    Attributes:
        exchange: Number of the exchange; -1 for a note.
        status: Status of a response; 0 for other records.
        target: Target of a request, encoded; empty for other records.
        body: The body; None if the record names an earlier record that has it.
        method: Method of a request, encoded; empty for other records.
    """

    seq: int
    t: int
    exchange: int
    status: int
    target: bytes
    body: bytes | None
    method: bytes = b""


def glance(found: Frame, *, path: str) -> Glance | None:
    """Return what a frame of a record tells without decoding its texts; None if that is no record.

    Raises:
        CassetteError: If the body is not valid msgpack, or exceeds the limits of the format.

    """
    body = unpack(found, path, OF_RECORD | {"raw": True})
    if not isinstance(body, dict):
        return None
    told = [body.get(name, default) for name, default in ((b"n", -1), (b"t", -1), (b"x", -1), (b"s", 0))]
    if set(map(type, told)) != {int}:
        return None
    seq, t, exchange, status = told
    target, content, method = body.get(b"u", b""), body.get(b"b", b""), body.get(b"m", b"")
    kept = content if isinstance(content, bytes) else None
    return Glance(seq, t, exchange, status, as_bytes(target) or b"", kept, as_bytes(method) or b"")


def encode_row(row: Row, *, path: str = "cassette") -> bytes:
    """Encode a derived triple as a frame; an exchange that is no operation (`n` is 0) becomes a PLAIN frame.

    Raises:
        CassetteError: If the triple has more events, or values of its keys, than a reader accepts.

    """
    of_keys = [len(value) for value in row.keys.values() if not isinstance(value, str)]
    if max(of_keys, default=0) > LIMITS["max_array_len"]:
        raise _beyond(path, row, f"{max(of_keys)} values of a key")
    if sum(of_keys) + sum(11 + len(event.rivals) for event in row.events) > MOST_VALUES - 100:
        raise _beyond(path, row, f"{len(row.events)} events")
    body = {
        "ack": row.ack,
        "ev": [[e.seq, e.index, e.channel, e.name, e.rule, e.confidence, e.why, e.rivals] for e in row.events],
        "fail": row.failure,
        "keys": dict(sorted(row.keys.items())),
        "n": row.n,
        "op": row.operation,
        "req": row.request,
        "s": row.session,
        "st": row.state,
    }
    if row.message is not None:  # without it a file is as it was before publishes could be operations
        body |= {"pub": row.message} if row.reply is None else {"pub": row.message, "rep": row.reply}
    try:
        return packed_text(TRIPLE if row.n else PLAIN, body)
    except ValueError as exc:  # the body of the frame is too long
        raise _beyond(path, row, f"{len(row.events)} events with long reasons") from exc


def _beyond(path: str, row: Row, what: str) -> CassetteError:
    problem = f"triple {row.n} (record {row.request}) has {what}, more than a sealed cassette can hold"
    most = f"{MOST_VALUES} values and {MAX_BODY} bytes a triple, 11 values an event"
    return CassetteError(path, f"{problem}: {most}", hint="keep the journal, or link fewer by another dialect")


def decode_row(found: Frame, *, path: str) -> Row:
    """Decode a derived triple from a TRIPLE or PLAIN frame.

    Raises:
        CassetteError: If the frame has another type, or its body violates the format.

    """
    value = decode_value(found, path=path)
    row = _plain_row(value) if found.kind in (TRIPLE, PLAIN) and isinstance(value, dict) else None
    if row is not None:
        return row
    body = _Fields(value, found, path)
    events = [from_wtf8(event) for event in body.take("ev", list)]
    if found.kind not in (TRIPLE, PLAIN) or not all(_fits(event, _EVENT) for event in events):
        raise CassetteError(path, "the frame does not hold a triple", offset=found.offset)
    keys = {name: _key_value(stored) for name, stored in body.take("keys", dict).items()}
    if not all(isinstance(key, str) and value is not None for key, value in keys.items()):
        raise CassetteError(path, "the keys of a triple are not strings", offset=found.offset)
    n = body.take("n", int)
    if not 0 <= n < MAX_TRIPLES:
        raise CassetteError(path, f"{n} is not a valid triple number", offset=found.offset)
    return Row(
        n=n,
        operation=body.maybe("op", str),
        keys={key: value for key, value in keys.items() if value is not None},
        session=body.maybe("s", str),
        state=body.take("st", str),
        request=body.take("req", int),
        ack=body.maybe("ack", int),
        failure=body.maybe("fail", int),
        events=tuple(_row_event(event) for event in events),
        message=body.maybe("pub", int),
        reply=body.maybe("rep", int),
    )


def decode_pushed(found: Frame, *, path: str) -> tuple[int, int, str, str, str | None]:
    """Decode an unsolicited event: record, place in it, channel, name, label of the session.

    Raises:
        CassetteError: If the frame has another type, or its body violates the format.

    """
    value = from_wtf8(decode_value(found, path=path))
    if found.kind != UNSOLICITED or not (_fits(value, (*_PUSHED, str)) or _fits(value, (*_PUSHED, type(None)))):
        raise CassetteError(path, "the frame does not hold an unsolicited event", offset=found.offset)
    seq, index, channel, name, session = value
    return seq, index, channel, name, session


def decode_detail(found: Frame, *, path: str) -> tuple[str, str]:
    """Decode a detail of what was derived: what it is, and its text.

    Raises:
        CassetteError: If the frame has another type, or its body violates the format.

    """
    value = from_wtf8(decode_value(found, path=path))
    if found.kind != DETAIL or not _fits(value, (str, str)):
        raise CassetteError(path, "the frame does not hold a detail", offset=found.offset)
    what, text = value
    return what, text


def as_bytes(value: Any) -> bytes | None:
    """Return decoded bytes, which are text where they are UTF-8; None for another value."""
    return value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else None


def encode_value(kind: int, value: Any) -> bytes:
    """Encode any value as a frame of type `kind`; the value is not validated."""
    return packed_text(kind, value)


def reframe(found: Frame) -> bytes:
    """Return the bytes of a decoded frame, as they stand in a file."""
    return frame(found.kind, found.body)


def decode_value(found: Frame, *, path: str) -> Any:
    """Decode the body of a frame to a plain value.

    Raises:
        CassetteError: If the body is not valid msgpack, or exceeds the limits of the format.

    """
    return unpack(found, path, OF_SUMMARY if found.kind == SUMMARY else LIMITS)


def _key_value(stored: Any) -> Value | None:
    """Return the value of a key, several as a tuple; None for a value that no key can have."""
    if isinstance(stored, str):
        return stored
    several = from_wtf8(stored if isinstance(stored, list) else [stored])
    if not several or not all(isinstance(one, str) for one in several):
        return None
    return tuple(several) if isinstance(stored, list) else str(several[0])


def _plain_row(body: dict[Any, Any]) -> Row | None:
    """Return the row in a body whose texts are all UTF-8, checked in bulk; None where each field must be looked at."""
    ack, events, fail, keys, n, operation, request, session, state = map(body.get, _ROW)
    message, reply = body.get("pub"), body.get("rep")
    if (
        type(n) is not int
        or not 0 <= n < MAX_TRIPLES
        or type(request) is not int
        or type(state) is not str
        or type(events) is not list
        or type(keys) is not dict
        or not {type(ack), type(fail), type(message), type(reply)} <= _INT_OR_NONE
        or not {type(operation), type(session)} <= _STR_OR_NONE
        or not {*map(type, keys), *map(type, keys.values())} <= _STR
    ):
        return None
    rows: list[RowEvent] = []
    for event in events:
        if type(event) is not list or list(map(type, event)) != _EVENT_TYPES:
            return None
        seq, index, channel, name, rule, confidence, why, rivals = event
        rows.append(RowEvent(seq, index, channel, name, rule, confidence, why, tuple(rivals)))
    return Row(n, operation, keys, session, state, request, ack, fail, tuple(rows), message, reply)


def _row_event(fields: list[Any]) -> RowEvent:
    seq, index, channel, name, rule, confidence, why, rivals = fields
    return RowEvent(seq, index, channel, name, rule, confidence, why, tuple(rivals))


_PUSHED = (int, int, str, str)
_EVENT = (int, int, str, str, str, int, str, list)


_EVENT_TYPES = list(_EVENT)
_ROW = ("ack", "ev", "fail", "keys", "n", "op", "req", "s", "st")
_INT_OR_NONE, _STR_OR_NONE, _STR = {int, type(None)}, {str, type(None)}, {str}


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, list) and tuple(map(type, value)) == kinds


class _Fields:
    """A decoded body; each field is type-checked on access."""

    def __init__(self, body: Any, found: Frame, path: str, body_of: BodyOf | None = None) -> None:
        self._found, self._path, self._body_of = found, path, body_of
        if not isinstance(body, dict):
            raise self._wrong("the body is no map")
        self._body = body

    def take(self, key: str, kind: type[T]) -> T:
        value = self._body.get(key)
        if kind is str:
            value = self._text(key, value)
        if type(value) is not kind:
            raise self._wrong(f"field {key!r} is missing or no {kind.__name__}")
        return value

    def maybe(self, key: str, kind: type[T]) -> T | None:
        return None if self._body.get(key) is None else self.take(key, kind)

    def short(self, key: str) -> str:
        """Return the text of a dialect or of a policy."""
        text = self.take(key, str)
        if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT:
            raise self._wrong(f"field {key!r} has more than {MAX_TEXT} bytes")
        return text

    def headers(self) -> Headers:
        pairs = self.take("h", tuple)
        if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
            raise self._wrong("field 'h' is no list of name-value pairs")
        return tuple((self._text("h", name), self._text("h", value)) for name, value in pairs)

    def content(self) -> bytes:
        value = self._body.get("b")
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, bytes):
            return value
        if type(value) is int and self._body_of is not None:
            try:
                return self._body_of(value)
            except CassetteError as exc:
                raise self._wrong(exc.problem) from exc
        raise self._wrong("field 'b' is missing or neither text nor bytes")

    def _text(self, key: str, value: Any) -> str:
        if isinstance(value, bytes):
            with suppress(UnicodeDecodeError):
                return value.decode("utf-8", "surrogatepass")
        if isinstance(value, str):
            return value
        raise self._wrong(f"field {key!r} is missing or no text")

    def _wrong(self, problem: str) -> CassetteError:
        return CassetteError(self._path, problem, offset=self._found.offset, hint="written by another program?")


def _short(text: str) -> str:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT:
        raise ValueError(f"a dialect and a policy in a cassette have at most {MAX_TEXT} bytes")
    return text


def _limited(headers: Headers) -> Headers:
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"a record holds at most {MAX_HEADERS} headers, this record has {len(headers)}")
    return headers
