"""Streams of events and of lines: the same units and events come, however the body is cut, and no byte is lost."""

from __future__ import annotations

from recorder.dialect.definition import shipped
from recorder.formats.streamed import EVENTS, Units, units_of
from recorder.model import Chunk, Request, Response, SocketMessage
from recorder.push.decoders import Decoders
from recorder.push.sse import EventStream
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.fuzz.drawing import Draw

TOKENS = (
    b"data: ", b"data:{}\n\n", b"event: x\n", b"id: 7\n", b"retry: 3000\n", b": comment\n", b"\r\n\r\n", b"\r\r",
    b"\n\r\n", b"\xef\xbb\xbf", b"\x1e", b'{"a":1}\n', b'{"jsonrpc":"2.0","method":"x","id":1}', b"\x00", b"\xff",
    b'"params":{}',
)  # fmt: skip
MEDIA = (EVENTS, "application/x-ndjson", "application/json-seq")
DIALECT = shipped("mcp")
POLICY = load()


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    media, cuts = draw.pick(MEDIA), draw.raw(8)
    body = draw.rest()
    parts = Draw(cuts).pieces(body)

    units = _units(parts, media)
    assert b"".join(units) == body
    assert b"".join(units_of(body, media)) == body
    _events(body, parts)
    _decoded(units, media, body)


def _units(parts: list[bytes], media: str) -> list[bytes]:
    reader = Units(media)
    found = [unit for part in parts for unit in reader.feed(part)]
    return [*found, reader.rest()]


def _events(body: bytes, parts: list[bytes]) -> None:
    reader, whole = EventStream(), EventStream()
    assert [event for part in parts for event in reader.feed(part)] == whole.feed(body)


def _decoded(units: list[bytes], media: str, body: bytes) -> None:
    headers, decoders, redactor = (("Content-Type", media),), Decoders(DIALECT.push), Redactor(POLICY, bytes(32))
    decoders.feed(Request(0, 0, 0, "c", "POST", "/mcp", (), body))
    decoders.feed(Response(1, 1, 0, 200, headers, b"", streamed=True))
    for place, unit in enumerate(units):
        chunk = Chunk(place + 2, place + 2, 0, unit, is_last=place + 1 == len(units))
        decoders.feed(chunk)
        redactor.redact(chunk)
    decoders.feed(SocketMessage(99, 99, 1, from_client=bool(len(body) % 2), body=body))
