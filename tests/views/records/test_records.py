"""A record is shown with its exchange: as text and as JSON."""

from __future__ import annotations

import pytest

from recorder.model import Chunk, Event, Failure, Note, Record, Request, Response, SocketMessage, Unsolicited
from recorder.views.records import rows, text
from recorder.views.records.beside import MOST, Shown, with_exchange
from recorder.views.screen import Screen

MS = 1_000_000
REQUEST = Request(0, 5 * MS, 7, "c", "GET", "/stream?a=1", (("Accept", "*/*"),), b"")
HEAD = Response(2, 9 * MS, 7, 200, (("Content-Type", "text/event-stream"),), b"", streamed=True)
OTHER = Request(1, 6 * MS, 8, "c", "POST", "/x", (), b'{"a":1}')
CHUNKS = tuple(Chunk(3 + n, (10 + n) * MS, 7, b"data: 1\n\n", is_last=n == 9) for n in range(10))
NOTE = Note(13, 30 * MS, "close", "the capture \x1b ended")
STREAM: tuple[Record, ...] = (REQUEST, OTHER, HEAD, *CHUNKS, NOTE)
PUSHED = Unsolicited(Event(4, 0, 11 * MS, 7, "", "/a", {"b": [1]}), "Rang", "s1", is_ignored=True)


def test_a_record_is_shown_with_those_of_its_exchange() -> None:
    found = with_exchange(HEAD, STREAM)

    assert found.beside == (REQUEST, *CHUNKS[:MOST])
    assert (found.left_out, found.triple, found.request, found.response) == (2, None, REQUEST, HEAD)


def test_a_note_has_no_exchange() -> None:
    assert with_exchange(NOTE, STREAM) == Shown(NOTE)


def test_a_record_as_text() -> None:
    assert text.shown(Shown(OTHER, (Failure(2, 8 * MS, 8, "no\nroute"),), triple=3)) == (
        "record 1  request  at 0.006 s  exchange 8  triple 3\n"
        "           POST /x\n"
        '           {"a": 1}\n'
        "  record 2  failure  +2.000 ms\n"
        "           no\\nroute\n"
    )


def test_a_note_as_text() -> None:
    assert text.shown(Shown(NOTE)) == "record 13  note  at 0.030 s\n           about close  the capture \\x1b ended\n"


def test_parts_that_are_left_out_are_counted() -> None:
    shown = text.shown(with_exchange(CHUNKS[9], STREAM))

    assert shown.startswith("record 12  chunk  at 0.019 s  exchange 7\n           last\n           data: 1\\n\\n\n")
    assert shown.endswith("  … and 1 more chunk or message\n")


def test_a_screen_shows_json_over_several_lines() -> None:
    shown = text.shown(Shown(OTHER), Screen(80, color=False))

    assert '           {\n             "a": 1\n           }\n' in shown


@pytest.mark.parametrize(
    ("record", "own"),
    [
        (OTHER, {"kind": "request", "method": "POST", "path": "/x", "headers": [], "body": {"a": 1}}),
        (
            Response(1, 0, 8, 204, (), b""),
            {"kind": "response", "status": 204, "headers": [], "body": None, "streamed": False},
        ),
        (Chunk(1, 0, 8, b"[1]"), {"kind": "chunk", "body": [1], "last": False}),
        (Failure(1, 0, 8, "gone"), {"kind": "failure", "reason": "gone"}),
        (
            SocketMessage(1, 0, 8, from_client=True, body=b"\xff"),
            {"kind": "message", "from": "client", "body": "\\xff", "binary": False},
        ),
    ],
)  # fmt: skip
def test_each_kind_of_record_as_json(record: Record, own: dict[str, object]) -> None:
    row = rows.shown(Shown(record))

    begun = {"record": 1, "at": record.t / 1e9, "exchange": 8}
    assert row == begun | own | {"triple": None, "beside": [], "left_out": 0}


def test_a_note_as_json() -> None:
    row = rows.shown(Shown(NOTE))

    assert row["kind"] == "note"
    assert "exchange" not in row
    assert (row["about"], row["text"]) == ("close", "the capture \x1b ended")


def test_an_unsolicited_event() -> None:
    assert rows.unsolicited(2, PUSHED) == {
        "u": 2, "record": 4, "ignored": True, "session": "s1", "name": "Rang", "channel": "/a", "offset_ms": 11.0,
        "data": {"b": [1]},
    }  # fmt: skip
    assert text.unsolicited(2, PUSHED, "the handshake") == (
        "unsolicited event u2  at 0.011 s  session s1\n"
        "  event    /a  Rang\n"
        '           {"b": [1]}\n'
        "  carried  by record 4\n"
        "  follows  the handshake\n"
        "  the dialect ignores such events\n"
    )
