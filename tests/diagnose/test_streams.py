"""Doctor tells of streams that broke, and of WebSockets that were closed with an error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from recorder.diagnose.doctor import examine
from recorder.redaction.carried import carrying
from tests.correlate.tape import HEADER, Tape, dialect


def findings(tape: Tape, folder: Path) -> list[str]:
    journal = create(folder / "x.cassette", carrying(replace(HEADER, dialect="push"), dialect()))
    journal.append([encode(record) for record in tape.records])
    journal.close()
    return [f"{one.kind}: {one.text}" for one in examine(folder / "x.cassette")]


def test_a_quiet_session_has_none(tmp_path: Path) -> None:
    tape = Tape()
    stream, socket = tape.stream(), tape.socket()
    tape.chunk(stream, b": beat\n\ndata: 1\n\n")
    tape.chunk(stream, b": beat\n\ndata: 1\n\n")
    tape.hears(socket, b"pong")
    tape.hears(socket, b"pong")
    tape.end(stream)
    tape.fail(socket, "websocket closed by client, code 1001")

    assert findings(tape, tmp_path) == []


def test_client_that_left_is_none(tmp_path: Path) -> None:
    tape = Tape()
    tape.fail(tape.stream())

    assert findings(tape, tmp_path) == []


def test_stream_that_broke_is_told(tmp_path: Path) -> None:
    tape = Tape()
    tape.fail(tape.stream("/events?x=1"), "Server disconnected.")

    told = "stream-cut: a stream (GET /events) was cut by the upstream: Server disconnected"
    assert findings(tape, tmp_path) == [f"{told}; its client did not come back"]


@pytest.mark.parametrize("reason", ["Client disconnected.", "server closed connection"])
def test_client_that_came_back_is_told(tmp_path: Path, reason: str) -> None:
    tape = Tape()
    tape.fail(tape.stream(sid="a"), reason)
    tape.stream(sid="b")
    tape.records.append(replace(tape.records[0], seq=len(tape.records), t=2_500_000_000, exchange=7))

    (told,) = findings(tape, tmp_path)

    assert told.endswith("; its client came back after 2.5 s")


@pytest.mark.parametrize(("who", "code", "count"), [("server", 4001, 1), ("client", 1011, 1), ("server", 1005, 0)])
def test_code_of_an_error_is_told(tmp_path: Path, who: str, code: int, count: int) -> None:
    tape = Tape()
    socket = tape.socket()
    tape.hears(socket, b"1")
    tape.fail(socket, f"websocket closed by {who}, code {code}")

    told = f"socket-closed: a WebSocket was closed by the {who} with code {code}"
    assert findings(tape, tmp_path) == [told] * count
