"""Frames, records and triples that are read at once are those that are read one after the other."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks import synthetic
from recorder.cassette import codec, frames, sealed
from recorder.cassette.bulk import decoding
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.frames import frame
from recorder.cassette.reader import open_cassette
from recorder.errors import CassetteError
from recorder.library.sealing import seal
from recorder.model import Failure, Request, Response

SPAN = 64


@pytest.fixture(scope="module", params=["sealed", "archive"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bulk")
    journal = folder / "journal"
    records = b"".join(map(encode, synthetic.records(300)))
    journal.write_bytes(encode_header(synthetic.HEADER) + records)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealed, "INDEX_FROM", 0)
        seal(journal, folder / "sealed", archive=request.param == "archive")
    return folder / "sealed"


@pytest.mark.parametrize("at_once", [40, 700, 1 << 20])
def test_the_frames_of_a_span_are_those_that_are_read_one_by_one(
    path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_BULK", at_once)
    with open_cassette(path) as cassette:
        for name in ("records", "triples"):
            for span in cassette.spans(name, SPAN):
                found = [decoding.plain_frame(*one) for one in decoding.frames(cassette, span)]
                assert found == list(cassette.span(*span))
                assert found


def test_the_facts_are_those_of_the_records(path: Path) -> None:
    told = []
    with open_cassette(path) as cassette:
        every = {record.seq: record for record in cassette.records() if isinstance(record, Request | Response)}
        for span in cassette.spans("records", SPAN):
            for _, kind, encoded in decoding.frames(cassette, span):
                if kind in (codec.REQUEST, codec.RESPONSE):
                    told.append(decoding.fact(encoded))

    assert {one.n for one in told if one} == set(every)
    for one in filter(None, told):
        match every[one.n]:
            case Request() as asked:
                assert (one.t, one.x, one.m, one.u) == (asked.t, asked.exchange, asked.method, asked.target)
            case Response() as answer:
                assert (one.t, one.x, one.s, bool(one.st)) == (
                    answer.t,
                    answer.exchange,
                    answer.status,
                    answer.streamed,
                )


def test_the_stored_triples_are_the_rows(path: Path) -> None:
    found: list[decoding.Stored] = []
    with open_cassette(path) as cassette:
        for span in cassette.spans("triples", SPAN):
            rows = decoding.stored(cassette, span, len(found))
            assert isinstance(rows, list)
            found += rows
        every = [cassette.row(n) for n in range(1, cassette.stored + 1)]

    assert len(every) == len(found) == 300
    for row, one in zip(every, found, strict=True):
        assert (one.n, one.op, one.keys, one.s, one.st) == (row.n, row.operation, row.keys, row.session, row.state)
        assert (one.req, one.ack, one.fail, one.pub) == (row.request, row.ack, row.failure, row.message)
        events = [
            (e.seq, e.index, e.channel, e.name, e.rule, e.confidence, msgspec.msgpack.decode(e.why), tuple(e.rivals))
            for e in one.ev
        ]
        kept = [(e.seq, e.index, e.channel, e.name, e.rule, e.confidence, e.why, e.rivals) for e in row.events]
        assert events == kept


@pytest.mark.parametrize("record", [Failure(0, 1, 2, "x"), Request(0, 1, 2, "c", "GET", "/\udc80", (), b"")])
def test_another_form_is_left_to_the_codec(record: Request | Failure) -> None:
    encoded = memoryview(encode(record))
    cut = memoryview(frame(codec.REQUEST, b"\x93\x01"))

    if isinstance(record, Request):
        assert decoding.fact(encoded) is None
    assert decoding.fact(cut) is None
    assert codec.decode(decoding.plain_frame(0, encoded[1], encoded), path="x") == record


def test_damage_is_told_of_the_frame_it_is_in(path: Path, tmp_path: Path) -> None:
    content = bytearray(path.read_bytes())
    with open_cassette(path) as cassette:
        begin, end = next(cassette.spans("triples", SPAN))
    content[begin + 40] ^= 1
    (tmp_path / "damaged").write_bytes(content)

    with open_cassette(tmp_path / "damaged") as cassette:
        with pytest.raises(CassetteError, match="checksum") as told:
            list(decoding.frames(cassette, (begin, end)))
        assert told.value.offset == begin


def test_a_triple_that_is_another_one_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_cassette(path) as cassette:
        spans = list(cassette.spans("triples", SPAN))
        second = spans[1] if len(spans) > 1 else spans[0]
        with pytest.raises(CassetteError, match=r"checksum of triple 1\d is wrong"):
            decoding.stored(cassette, second, 17)
        monkeypatch.setattr(type(cassette), "table", lambda *_: _NoTable())  # an index without digests
        with pytest.raises(CassetteError, match="triple 18 is not where"):
            decoding.stored(cassette, second, 17)


class _NoTable:
    def read(self, *_: int) -> bytes:
        return b""
