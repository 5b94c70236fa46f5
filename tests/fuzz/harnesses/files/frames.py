"""Frames and their records: any bytes give frames or a CassetteError, and a record that was read is written alike."""

from __future__ import annotations

from dataclasses import replace

from recorder.cassette import codec
from recorder.cassette.blocks import inside
from recorder.cassette.frames import Frame, frame, frame_in, unframe
from recorder.errors import CassetteError
from recorder.model import Record, Request
from tests.cassette.records import ONE_OF_EACH
from tests.fuzz.drawing import Draw

TOKENS = (b"\x94\x02", *(codec.encode(record)[:20] for record in ONE_OF_EACH))
_READERS = (codec.decode_row, codec.decode_pushed, codec.decode_detail, codec.decode_value, codec.decode_header)


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    mode = draw.below(4)
    if mode == 0:
        _any_bytes(draw.rest())
    elif mode == 1:
        _any_body(Frame(0, draw.pick((1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 63, 64, 65)), draw.rest()))
    else:
        _round_trip(draw)


def _any_bytes(data: bytes) -> None:
    try:
        found = list(unframe(data))
    except CassetteError:
        return
    for one in found:
        assert frame_in(data, one.offset, one.offset) == one
        _any_body(one)


def _any_body(found: Frame) -> None:
    for read in _READERS:
        try:
            read(found, path="x")
        except CassetteError:
            continue
    try:
        record = codec.decode(found, path="x")
    except CassetteError:
        return
    if record is not None:
        _comes_back(record)
    try:
        list(inside(found, path="x"))
        codec.glance(found, path="x")
    except CassetteError:
        return


def _round_trip(draw: Draw) -> None:
    record = replace(draw.pick(ONE_OF_EACH), seq=draw.below(1 << 31), t=draw.below(1 << 31))
    if hasattr(record, "headers"):
        record = replace(record, headers=tuple((draw.text(), draw.text(40)) for _ in range(draw.below(4))))
    if isinstance(record, Request):
        record = replace(record, method=draw.text(), target=draw.text(60))
    if hasattr(record, "body") and not getattr(record, "streamed", False):
        record = replace(record, body=draw.rest())
    _comes_back(record)


def _comes_back(record: Record) -> None:
    written = codec.encode(record)
    (found,) = unframe(written)
    assert codec.decode(found, path="x") == record
    assert frame(found.kind, found.body) == written
