"""An operation with more events than a triple may have is refused with the reason; a display goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.correlate.causes import endings
from recorder.correlate.engine import Correlator
from recorder.dialect.definition import load
from recorder.errors import CassetteError
from recorder.library.lazy import open_recording
from recorder.library.recording import load_recording
from recorder.library.sealing import seal
from recorder.views.live.progress import Progress
from tests.wire import HEADER, Wire, chained, done, record_event, twin

GWS = load("gws-outbound")
TOO_MANY = r"large\.cassette: the request in record 6 \(GetChainedRecord\) has more than 3 events, the most that a"


@pytest.fixture
def three_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "MOST_EVENTS", 3)


def _journal(folder: Path, events: int) -> Path:
    wire = _wire(events)
    path = folder / "large.cassette"
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))
    return path


def _wire(events: int) -> Wire:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(7, "r")))
    desk.hears(*[record_event("ChainedRecord", 7, "r")] * (events - 1), done(7, "r"))
    return wire


@pytest.mark.usefixtures("three_at_most")
def test_a_triple_with_as_many_events_as_it_may_have_is_read(tmp_path: Path) -> None:
    with open_recording(_journal(tmp_path, 3)) as found:
        assert len(found.recording.triples[0].events) == 3


@pytest.mark.usefixtures("three_at_most")
def test_one_event_more_is_refused_by_all_that_derive_triples_and_the_file_is_named(tmp_path: Path) -> None:
    path = _journal(tmp_path, 4)

    with pytest.raises(CassetteError, match=TOO_MANY):
        open_recording(path)
    with pytest.raises(CassetteError, match=TOO_MANY):
        load_recording(path)
    with pytest.raises(CassetteError, match=TOO_MANY):
        seal(path, tmp_path / "sealed.cassette")
    assert not (tmp_path / "sealed.cassette").exists()


@pytest.mark.usefixtures("three_at_most")
def test_it_is_refused_with_the_event_that_is_too_many_not_at_the_end() -> None:
    correlator = Correlator(GWS)
    *before, last = _wire(4).records
    for record in before:
        correlator.feed(record)

    with pytest.raises(CassetteError, match="record 6"):
        correlator.feed(last)


@pytest.mark.usefixtures("three_at_most")
def test_a_display_goes_on_and_still_sees_the_end() -> None:
    progress = Progress(GWS)
    ended = [one for record in _wire(10).records for one in progress.feed(record)]

    assert [(one.operation, one.state.value) for one in ended] == [("GetChainedRecord 7", "complete")]


@pytest.mark.usefixtures("three_at_most")
def test_a_display_takes_a_twin_from_an_operation_that_kept_no_more_events() -> None:
    correlator = Correlator(GWS, file=None)
    wire = Wire()
    desk = wire.desk()
    for reference in ("a", "b"):
        wire.ack(desk.post(chained(7, reference)))
    desk.hears(*[record_event("ChainedRecord", 7, "a")] * 5)
    desk.hears(*[twin("ChainedRecordsDataEnd")] * 5)
    desk.hears(done(7, "b"))
    for record in wire.records:
        correlator.feed(record)

    assert sum(len(triple.events) for triple in correlator.finish(HEADER).triples) >= 3
