"""The correlator: any records give a recording in which each event stands once, after its cause."""

from __future__ import annotations

from collections import Counter

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import parse
from recorder.correlate.engine import correlate
from recorder.dialect.definition import names, shipped
from recorder.model import Record, Request
from recorder.views.data import triple as shown
from tests.fuzz.drawing import Draw
from tests.fuzz.scripts import played
from tests.wire import HEADER

DIALECTS = tuple(map(shipped, names()))


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    dialect = draw.pick(DIALECTS)
    records = played(draw).records
    recording = correlate(records, dialect, HEADER)

    events = [link.event for one in recording.triples for link in one.events]
    events += [one.event for one in recording.unsolicited]
    assert max(Counter((event.seq, event.index) for event in events).values(), default=1) == 1
    for triple in recording.triples:
        assert isinstance(triple.request, Request)
        assert all(0 <= link.confidence <= 1 for link in triple.events)
        shown(triple)
    _comes_back(records)


def _comes_back(records: list[Record]) -> None:
    written = encode_header(HEADER) + b"".join(map(encode, records))
    assert list(parse(written).records) == records
