"""Counts from what a sealed file stores are those of a derivation, and need no bodies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette import sealed
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import open_cassette
from recorder.dialect.definition import load
from recorder.library.index.lookup import Records
from recorder.library.lazy import open_recording
from recorder.library.sealing import seal
from recorder.model import CUT, Note, Record
from recorder.views.counts import counting, stored
from recorder.views.counts.stats import as_json
from tests.wire import HEADER, Wire, body, chained, complete, done, get_me, preview, state_event

GWS = load()


def wire() -> Wire:
    """Polls that are empty, lost, refused, open, or bring events; triples of several states."""
    wire = Wire()
    desk = wire.desk("c1")
    wire.respond(desk.post(get_me()), {})
    wire.respond(desk.polls(), [{"channel": "/meta/connect", "successful": True}])
    desk.polls()
    desk.loses_poll()
    wire.respond(desk.polls(), b"<html>", 503)
    wire.respond(desk.polls(), b"")
    desk.asks(chained(7, "r1"), done(7, "r1"), state_event())
    wire.respond(desk.post(preview("r2")), body({"statusCode": 2}))
    wire.fail(desk.post(complete(7, "r3")))
    desk.polls()
    return wire


def write(records: list[Record], folder: Path) -> Path:
    """A sealed file with an index."""
    journal = folder / "journal"
    journal.write_bytes(encode_header(replace(HEADER, redaction="gws")) + b"".join(map(encode, records)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed, "INDEX_FROM", 0)
        seal(journal, folder / "sealed")
    return folder / "sealed"


def test_both_ways_count_the_same(tmp_path: Path) -> None:
    path = write(list(wire().records), tmp_path)

    with open_recording(path) as found, open_cassette(path) as cassette:
        by_rows = stored.counted(found, GWS, 1)
        derived, _ = counting.counted(cassette, GWS, 1)

    assert by_rows is not None
    assert as_json(by_rows) == as_json(derived)
    assert as_json(by_rows)["polls"] == {"count": 8, "empty": 2, "failed": 3, "open": 1}


def test_only_polls_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(list(wire().records), tmp_path)
    decoded: list[int] = []
    find = Records.__getitem__
    monkeypatch.setattr(Records, "__getitem__", lambda self, seq: decoded.append(seq) or find(self, seq))

    with open_recording(path) as found:
        stored.counted(found, GWS, 1)
        bodies = [found.cassette.record(seq) for seq in set(decoded)]

    assert {getattr(record, "target", "answer") for record in bodies} <= {"answer", *_polled(wire().records)}


def _polled(records: list[Record]) -> set[str]:
    return {
        target
        for record in records
        if b"/meta/" in getattr(record, "body", b"") and (target := getattr(record, "target", ""))
    }


def test_a_body_that_was_cut_short_leaves_the_counts_to_the_derivation(tmp_path: Path) -> None:
    records = list(wire().records)
    path = write([*records, Note(len(records), records[-1].t, CUT, "record 9 is kept in part")], tmp_path)

    with open_recording(path) as found:
        assert stored.counted(found, GWS, 1) is None
