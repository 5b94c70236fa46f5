"""A function of the user changes or leaves out what was recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.errors import UsageError
from recorder.library.changing import Change, change
from recorder.library.recording import load_recording
from recorder.model import Chunk, Note, Record, Request, Response, SocketMessage
from tests.wire import HEADER, Wire, chained, done, get_me


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(get_me()), {"user": {"name": "Ada"}})
    desk.asks(chained(7, "r1"), done(7, "r1"))
    path = tmp_path / "s.cassette"
    note = Note(len(wire.records), wire.records[-1].t, "ended", "in order")
    frames = [*wire.records, note]
    path.write_bytes(encode_header(replace(HEADER, profile="journal")) + b"".join(map(encode, frames)))
    return path


def keeps(record: Record) -> Record:
    return record


def without_me(record: Record) -> Record | None:
    return None if isinstance(record, Request) and record.target == "/api/v2/me" else record


def without_the_answer(record: Record) -> Record | None:
    return None if isinstance(record, Response) and b"Ada" in record.body else record


def breaks(record: Record) -> Record | None:
    raise KeyError("name")


def forgets(record: Record) -> Any:
    return "nothing"


def moves(record: Record) -> Record:
    return replace(record, seq=record.seq + 1)


def test_what_is_returned_as_it_is_stays(journal: Path) -> None:
    before = read(journal)

    assert change(journal, keeps) == 0

    after = read(journal)
    assert (after.header, after.records) == (before.header, before.records)


@pytest.mark.parametrize("leaves_out", [without_me, without_the_answer])
def test_the_whole_exchange_is_left_out_and_the_rest_is_numbered_anew(leaves_out: Change, journal: Path) -> None:
    assert change(journal, leaves_out) == 1

    recording, records = load_recording(journal), read(journal).records
    assert [exchange.request.target for exchange in recording.plain] == []
    assert [triple.operation for triple in recording.triples] == ["GetChainedRecord"]
    assert [record.seq for record in records] == list(range(len(records)))
    assert isinstance(records[-1], Note)


def test_what_is_changed_is_kept_changed(journal: Path) -> None:
    def renamed(record: Record) -> Record:
        if isinstance(record, Response) and b"Ada" in record.body:
            return replace(record, body=b'{"user":{"name":"Eve"}}', headers=(("X-Own", "1"),))
        return record

    change(journal, renamed)

    (me,) = load_recording(journal).plain
    assert me.ack is not None
    assert (me.ack.body, me.ack.headers) == (b'{"user":{"name":"Eve"}}', (("X-Own", "1"),))


def test_pieces_of_streams_and_messages_are_given_too(tmp_path: Path) -> None:
    wire = Wire()
    stream = wire.streams()
    wire.head(stream)
    wire.sends(stream, {"a": 1})
    socket = wire.upgrades()
    wire.says(socket, {"b": 2})
    path, seen = tmp_path / "s.cassette", []
    path.write_bytes(encode_header(replace(HEADER, profile="journal")) + b"".join(map(encode, wire.records)))

    def sees(record: Record) -> Record:
        seen.append(type(record))
        return record

    change(path, sees)

    assert {Chunk, SocketMessage} <= set(seen)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (breaks, r"before_record tests\.library\.test_changing\.breaks raised KeyError\('name'\) at POST /"),
        (forgets, r"forgets returned str for POST /.*: return None, the record, or dataclasses.replace"),
        (moves, r"moves returned Request for POST /"),
    ],
)
def test_a_function_that_is_wrong_changes_nothing(wrong: Change, said: str, journal: Path) -> None:
    before = journal.read_bytes()

    with pytest.raises(UsageError, match=said):
        change(journal, wrong)

    assert journal.read_bytes() == before
