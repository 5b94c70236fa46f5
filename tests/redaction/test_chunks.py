"""Chunks of streams: each event or line is redacted alone, so the cuts of the network make no difference."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recorder.capture.streams import Chunks
from recorder.model import Chunk, Record, Request, Response
from recorder.redaction.again import Again
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from recorder.redaction.scan import Finding, Scan

EVENTS, LINES, SEQUENCE = "text/event-stream", "application/x-ndjson", "application/json-seq"
SECRET, MAIL, PHONE = "hunter2-hunter2", "zoë.müller@firma.de", "+49 89 1234567"
KEY = bytes(range(32))
NAMED = json.dumps({"password": SECRET, "n": 1})
IN_LINES = json.dumps({"user": {"password": SECRET}, "text": MAIL}, indent=1, ensure_ascii=False)

BLOCKS = st.sampled_from([
    f"data: {NAMED}",
    "\n".join(f"data: {line}" for line in IN_LINES.split("\n")),
    f"id: password={SECRET}\ndata: 1",
    f"event: told\ndata: é mail {MAIL}",
    f": ask {MAIL}",
    f"data:{NAMED}\ndata: and more",
    "retry: 10",
    f"{NAMED}",
    f"unknown: token={SECRET}\ndata: \ndata",
])  # fmt: skip
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def streams(draw: st.DrawFn) -> str:
    end = draw(ENDS)
    return "".join(draw(BLOCKS).replace("\n", end) + end * 2 for _ in range(draw(st.integers(1, 4))))


def stored(body: bytes, cuts: Iterable[int], media: str = EVENTS) -> list[Record]:
    """The records of a stream that came in pieces, before redaction."""
    found: list[Record] = [Response(0, 0, 7, 200, (("Content-Type", media),), b"", streamed=True)]

    def write(body: bytes, *, is_last: bool = False, lacks: str | None = None) -> None:
        assert lacks is None
        found.append(Chunk(len(found), len(found), 7, body, is_last))

    chunks, last = Chunks(media, (), write), 0
    for cut in [*sorted(cut % (len(body) + 1) for cut in cuts), len(body)]:
        assert chunks.passes(body[last:cut]) == body[last:cut]
        last = cut
    chunks.end()
    return found


def captured(records: Iterable[Record]) -> list[Record]:
    redactor = Redactor(load(), KEY)
    return [redactor.redact(record) for record in records]


def again(records: list[Record]) -> list[Record]:
    again = Again(load(), KEY)
    for record in records:
        again.learn(record)
    return [again.redact(record) for record in records]


def found_by_scan(records: Iterable[Record], *, redacted: bool) -> list[Finding]:
    scan = Scan(load(), load() if redacted else None)
    return [finding for record in records for finding in scan.record(record)]


def joined(records: Iterable[Record]) -> str:
    return b"".join(record.body for record in records if isinstance(record, Chunk)).decode()


CUTS = st.lists(st.integers(0, 999), max_size=12)


@given(streams(), CUTS)
@example(f"data: {NAMED}\r\rdata: {NAMED}\r\n\r\n", [12, 20, 40, 41])
@example(f"\ufeffdata: {NAMED}\n\n", [1, 2, 3])
def test_a_redacted_stream_does_not_depend_on_the_cuts_of_the_network(text: str, cuts: list[int]) -> None:
    body = text.encode()

    pieces, whole = captured(stored(body, cuts)), captured(stored(body, []))

    assert joined(pieces) == joined(whole)
    assert SECRET not in joined(pieces)
    assert MAIL not in joined(pieces)
    assert joined(stored(body, cuts)) == text


@given(streams(), CUTS)
def test_a_stream_is_redacted_later_as_it_is_at_its_capture(text: str, cuts: list[int]) -> None:
    records = stored(text.encode(), cuts)

    assert joined(again(records)) == joined(again(stored(text.encode(), [])))
    assert SECRET not in joined(again(records))
    assert captured(again(records))[0] == records[0]


@given(streams(), CUTS)
def test_a_scan_finds_what_is_in_the_clear_and_nothing_else(text: str, cuts: list[int]) -> None:
    records = stored(text.encode(), cuts)

    assert bool(found_by_scan(records, redacted=False)) == (SECRET in text or MAIL in text)
    assert found_by_scan(captured(records), redacted=True) == []


@pytest.mark.parametrize("media", [LINES, SEQUENCE, "application/jsonl", "application/stream+json"])
@given(st.lists(st.sampled_from([NAMED, json.dumps([MAIL]), "1", "", '"text"']), max_size=5), CUTS)
def test_each_line_is_redacted_alone(media: str, lines: list[str], cuts: list[int]) -> None:
    before = "\x1e" if media == SEQUENCE else ""
    body = "".join(f"{before}{line}\n" for line in lines).encode()

    found = joined(captured(stored(body, cuts, media)))

    assert found == joined(captured(stored(body, [], media)))
    assert (SECRET in found, MAIL in found) == (False, False)
    assert [line[:2] for line in found.split("\n")[:-1]] == [f"{before}{line}"[:2] for line in lines]


def test_a_chunk_whose_head_is_lost_is_redacted_by_its_content() -> None:
    chunk = Chunk(0, 0, 7, f"data: {NAMED}\n\n".encode())

    assert SECRET not in joined([Redactor(load(), KEY).redact(chunk)])


def test_an_event_that_looks_like_json_is_one_event() -> None:
    text = f'{{"a":1}}\ndata: {{"a":1,\ndata: "password":"{SECRET}"}}\n\n'

    assert SECRET not in joined(captured(stored(text.encode(), [])))


JWT = f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ.{'c2lnbmF0dXJl' * 3}"


@pytest.mark.parametrize("id_", ["20", "0", "7f3a-1", "2026-11-30T12:00:00Z/5", "stream-6:15", "+1 650 555 0123", JWT])
@pytest.mark.parametrize("name", ["Last-Event-ID", "last-event-id"])
def test_a_client_goes_on_after_the_event_whose_id_the_stream_gave(id_: str, name: str) -> None:
    """Else it may name the id of another stream, by chance, and its new stream is taken for a part of that one."""
    redactor = Redactor(load(), KEY)
    answer = Response(1, 1, 0, 200, (("content-type", "text/event-stream"),), b"", streamed=True)
    chunk = Chunk(2, 2, 0, f"id: {id_}\ndata: {{}}\n\n".encode(), is_last=False)
    again = Request(3, 3, 1, "c", "GET", "/events", ((name, id_),), b"")

    _, told, request = map(redactor.redact, (answer, chunk, again))

    assert isinstance(told, Chunk)
    assert isinstance(request, Request)
    assert told.body.splitlines()[0] == b"id: " + request.headers[0][1].encode()
