"""The truth of a lab is found in its recording, and links are held against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recorder.dialect.definition import DEFAULT, Dialect
from recorder.dialect.paths import parse_json
from recorder.model import Recording
from tests.lab.truth import Truth, calibration, counts, judged, matched, outcomes, read, write
from tests.wire import Ask, Wire, chained, done, record_event, state_event

LABS = Path(__file__).parents[1] / "cassettes" / "labs"


def request(n: int, ask: Ask) -> dict[str, Any]:
    return {"kind": "request", "n": n, "method": ask.method, "path": ask.target, "body": parse_json(ask.body)}


def event(cause: int | None, message: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "event", "cause": cause, "channel": message["channel"], "data": message["data"]}


def scene() -> tuple[Recording, list[dict[str, Any]]]:
    """Two requests with an event each, and one that nobody caused; the log has the requests in the other order."""
    wire = Wire()
    desk = wire.desk()
    one, other, pushed = done(7, "r1"), done(8, "r2"), state_event()
    asks = chained(7, "r1"), chained(8, "r2")
    acks = [desk.post(ask) for ask in asks]
    desk.hears(one, pushed, other)
    for ack in acks:
        wire.ack(ack)
    log = [request(0, asks[1]), request(1, asks[0]), event(1, one), event(None, pushed), event(0, other)]
    return wire.recording(), log


def test_a_request_that_overtook_another_is_known_by_its_body() -> None:
    recording, log = scene()
    first, second = (triple.request.seq for triple in recording.triples)

    assert sorted(matched(recording, log).values(), key=str) == sorted([first, second, None], key=str)
    assert counts(outcomes(recording, matched(recording, log))).right == 2


def test_an_event_that_was_not_handed_out_is_refused() -> None:
    recording, log = scene()

    with pytest.raises(AssertionError, match="2 events on /v2/me/outbound of 1"):
        matched(recording, log[:-1])


def test_an_event_with_other_content_is_refused() -> None:
    recording, log = scene()

    with pytest.raises(AssertionError, match="another event on /v2/me/outbound"):
        matched(recording, [*log[:-1], event(0, record_event("Other"))])


def test_what_a_request_caused_that_was_not_recorded_has_no_cause() -> None:
    recording, log = scene()

    truth = matched(recording, [*log[:1], *log[2:]])

    assert list(truth.values()).count(None) == 2


def test_wrong_links_are_counted_by_their_confidence() -> None:
    recording, log = scene()
    truth = matched(recording, log)
    first, second = (triple.request.seq for triple in recording.triples)
    swapped: Truth = {place: {first: second, second: None, None: None}[cause] for place, cause in truth.items()}

    found = counts(outcomes(recording, swapped))

    assert (found.caused, found.right, found.share) == (1, 0, 0.0)
    assert (found.wrong, found.unsolicited_wrong) == ({1.0: 1}, {1.0: 1})
    assert (found.wrong_from(0.9), found.wrong_from(1.1)) == (2, 0)
    assert calibration(outcomes(recording, swapped)) == {1.0: (2, 0)}


def test_an_event_that_the_truth_lacks_is_told() -> None:
    recording, log = scene()

    with pytest.raises(AssertionError, match="lost, doubled or invented"):
        outcomes(recording, dict(list(matched(recording, log).items())[1:]))


def test_a_truth_is_read_as_it_was_written(tmp_path: Path) -> None:
    truth: Truth = {(3, 0): 1, (3, 1): None, (12, 0): 2}
    write(tmp_path / "x.json", truth)

    assert read(tmp_path / "x.json") == truth


@pytest.mark.parametrize(("lab", "caused", "unsolicited"), [("gws", 42, 4), ("salesforce", 37, 0)])
def test_the_truth_of_a_recording_fits_it(lab: str, caused: int, unsolicited: int) -> None:
    cassette = LABS / f"{lab}.cassette"

    found = counts(judged(cassette, Dialect.load(DEFAULT), read(cassette.with_suffix(".truth.json"))))

    assert (found.caused, found.unsolicited) == (caused, unsolicited)


def test_the_outbound_dialect_links_the_gws_lab_as_its_server_has_it() -> None:
    cassette = LABS / "gws.cassette"

    found = counts(judged(cassette, Dialect.load(DEFAULT), read(cassette.with_suffix(".truth.json"))))

    assert (found.share, found.wrong_from(0.0)) == (1.0, 0)
