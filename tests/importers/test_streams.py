"""Answers that came in pieces, in archives: as we write them, and as Chromium writes them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.codec import encode_header
from recorder.cassette.reader import parse
from recorder.exporters.har import har
from recorder.importers.containers import Container
from recorder.importers.har import read_har
from recorder.importers.ordering import frames
from recorder.importers.spool import Spool
from recorder.model import Chunk, Failure, Note, Record, Request, Response
from tests.cassette.records import HEADER

MS = 1_000_000
SSE = (("Content-Type", "text/event-stream"),)
BODY = b": hello\n\nevent: beat\nid: 1\ndata: {}\n\ndata: a\ndata: b\n\n"


def again(text: str) -> list[Record]:
    """The records of a cassette that an archive is imported to, without notes."""
    read = read_har(Container.of_bytes(text.encode(), "some.har"), Spool())
    cassette = parse(encode_header(HEADER) + b"".join(frames(read, None)))
    found = (record for record in cassette.records if not isinstance(record, Note))
    return [replace(record, seq=seq) for seq, record in enumerate(found)]


def exported(*records: Record) -> str:
    return "".join(har(HEADER, records, "1"))


def stream(*pieces: bytes, breaks: bool = False, media: str = "text/event-stream") -> list[Record]:
    asked = Request(0, 0, 0, "c", "GET", "/events", (), b"")
    head = Response(1, 2 * MS, 0, 200, (("Content-Type", media),), b"", streamed=True)
    chunks = [Chunk(2 + n, (3 + n) * 7 * MS, 0, piece) for n, piece in enumerate(pieces)]
    if breaks:
        return [asked, head, *chunks, Failure(2 + len(chunks), (4 + len(chunks)) * 7 * MS, 0, "reset")]
    return [asked, head, *chunks[:-1], replace(chunks[-1], is_last=True)]


PIECES = st.lists(
    st.sampled_from([b"data: 1\n\n", b": beat\n\n", b"event: x\r\ndata: \xc3\xa9\r\n\r\n", b"data: \xff\n\n"])
)


@given(PIECES, st.booleans(), st.sampled_from(["text/event-stream", "application/x-ndjson"]))
def test_a_stream_comes_back_as_it_was_recorded(pieces: list[bytes], breaks: bool, media: str) -> None:
    records = stream(*pieces, b"", breaks=breaks, media=media)

    assert again(exported(*records)) == records


def test_the_events_of_a_stream_are_there_as_chromium_writes_them() -> None:
    entry = json.loads(exported(*stream(b": hello\n\n", b"event: beat\nid: 1\ndata: {}\n\n", b"data: a\ndata: b\n\n")))

    entry = entry["log"]["entries"][0]
    assert entry["_resourceType"] == "eventsource"
    assert [(e["eventName"], e["eventId"], e["data"]) for e in entry["_eventSourceMessages"]] == [
        ("beat", "1", "{}"),
        ("message", "", "a\nb"),
    ]
    assert entry["response"]["content"]["text"] == BODY.decode()
    assert (entry["timings"]["wait"], entry["time"]) == (2, 35)


def of_chromium(events: list[Any], text: str | None) -> str:
    content = {"size": 0, "mimeType": "text/event-stream"} | ({} if text is None else {"text": text})
    entry = {
        "startedDateTime": "2026-11-25T12:00:00.000Z",
        "time": 5000,
        "timings": {"send": 0, "wait": 40, "receive": 4960},
        "request": {"method": "GET", "url": "http://api.example/events", "headers": []},
        "response": {"status": 200, "headers": [{"name": n, "value": v} for n, v in SSE], "content": content},
        "_eventSourceMessages": events,
    }
    return json.dumps({"log": {"entries": [entry]}})


NOON = 1795608000.0  # 2026-11-25T12:00:00Z
EVENTS = [
    {"time": NOON + 1.0004, "eventName": "beat", "eventId": "1", "data": "{}"},
    {"time": NOON + 3.5004, "eventName": "message", "eventId": "", "data": "a\nb"},
]


def test_events_that_a_browser_lists_have_its_times_and_the_bytes_of_the_body() -> None:
    head, *chunks = again(of_chromium(EVENTS, BODY.decode()))[1:]

    assert isinstance(head, Response)
    assert head.streamed
    assert b"".join(chunk.body for chunk in chunks if isinstance(chunk, Chunk)) == BODY
    assert [round(one.t / MS) for one in (head, *chunks)] == [40, 1000, 3500]


def test_events_without_a_body_are_written_anew() -> None:
    _, *chunks = again(of_chromium(EVENTS, None))[1:]

    assert [chunk.body for chunk in chunks if isinstance(chunk, Chunk)] == [
        b"event: beat\nid: 1\ndata: {}\n\n",
        b"data: a\ndata: b\n\n",
    ]


def test_odd_lists_of_events_cost_no_other_entry() -> None:
    odd = [None, 7, {"data": None}, {"time": "x", "data": ["a"]}]

    assert len([one for one in again(of_chromium(odd, BODY.decode())) if isinstance(one, Chunk)]) == len(odd)
