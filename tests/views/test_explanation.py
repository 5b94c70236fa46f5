"""An explanation as text: one line per reason, numbers people know, nothing that could break a terminal."""

from __future__ import annotations

from recorder.correlate.anchors import anchors
from recorder.diagnose.explain import explain
from recorder.dialect.definition import load
from recorder.views import explanation as view
from tests.answers import recorded
from tests.wire import Wire, chained, done, record_event


def told(wire: Wire, place: int = 0) -> tuple[str, str]:
    """The first triple and one of its events, explained."""
    recording = wire.recording()
    triple = recording.triples[0]
    link = triple.events[place]
    found = explain(wire.records, load(), [(link.event.seq, link.event.index)])
    numbers = {t.request.seq: t.n for t in recording.triples}
    judgement = found.judgements[link.event.seq, link.event.index]
    return view.request(triple, found), view.event("1.1", link.event, link, judgement, numbers)


def test_a_request_is_told_with_its_state_and_its_events() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))

    request, _ = told(wire)

    _, state, event, hint = request.splitlines()
    assert state == "  complete: the terminal event was seen, or none is expected"
    assert event.startswith("  event 1.1  +200.0 ms  ChainedRecordsDataEnd  rule reference, confidence 1.0: reference")
    assert hint == "  (recorder explain FILE 1.1 explains one event in detail)"


def test_a_weaker_claim_is_told_with_what_was_stronger() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.post(chained(7, "r1"))
    desk.post(chained(8, "r1"))
    desk.hears(done(7, "r1"))

    _, event = told(wire)

    assert "not triple 2 (record 7), GetChainedRecord handle 8: its handle is '8', the event's '7'" in event


def test_what_would_break_a_line_is_escaped() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "a\nb\x1b[1m"), record_event("ChainedRecord", 7, "a\nb\x1b[1m"))

    for text in told(wire):
        assert "\x1b" not in text
        assert "a\nb" not in text


def test_an_event_that_repeats_an_id_of_a_publish_is_told_with_its_cause() -> None:
    wire = Wire()
    recorded(wire)
    recording = wire.recording()
    event, anchor = recording.unsolicited[1].event, anchors(recording)[1]
    judgement = explain(wire.records, load(), [(event.seq, event.index)]).judgements[event.seq, event.index]

    text = view.event("u2", event, None, judgement, {}, anchor=anchor)
    row = view.as_json("u2", event, None, judgement, anchor)

    assert text.splitlines()[2:] == [
        (
            "  caused by the publish on /service/double, number 2: rule reference, confidence 0.9: "
            "'recorded-2' of its data stands in the event"
        ),
        "  anchor: the publish on /service/double, number 2, 200 ms before",
    ]
    assert (row["rule"], row["confidence"], row["request"]) == ("reference", 0.9, None)
