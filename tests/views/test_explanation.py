"""An explanation as text: one line per reason, numbers people know, nothing that could break a terminal."""

from __future__ import annotations

from recorder.correlate.anchors import anchors
from recorder.diagnose import explain
from recorder.dialect.definition import load
from recorder.views import explanation as view
from tests.answers import recorded
from tests.correlate.shop import Shop
from tests.wire import Wire, chained, done, record_event


def told(wire: Wire, place: int = 0) -> tuple[str, str]:
    """The first triple and one of its events, explained."""
    recording = wire.recording()
    triple = recording.triples[0]
    link = triple.events[place]
    at = link.event.seq, link.event.index
    numbers = {t.request.seq: t.n for t in recording.triples}
    judgement = explain.judged(wire.records, load(), [at])[at]
    return view.request(triple, [], []), view.event("1.1", link.event, link, judgement, numbers.get)


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
    judgement = explain.judged(wire.records, load(), [(event.seq, event.index)])[event.seq, event.index]

    text = view.event("u2", event, None, judgement, {}.get, anchor=anchor)
    row = view.as_json("u2", event, None, judgement, anchor)

    assert text.splitlines()[2:] == [
        (
            "  caused by the publish on /service/double, number 2: rule reference, confidence 0.9: "
            "'recorded-2' of its data stands in the event"
        ),
        "  anchor: the publish on /service/double, number 2, 200 ms before",
    ]
    assert (row["rule"], row["confidence"], row["request"]) == ("reference", 0.9, None)


def judged(session: Shop, place: int = -1) -> str:
    """The explanation of an event, by its place among all events."""
    recording = session.recording()
    linked = [(link.event, link) for triple in recording.triples for link in triple.events]
    every = sorted([*linked, *((one.event, None) for one in recording.unsolicited)], key=lambda one: one[0].seq)
    event, link = every[place]
    judgement = explain.judged(session.wire.records, session.dialect, [(event.seq, event.index)])[
        event.seq, event.index
    ]
    return view.event("1.1", event, link, judgement, {t.request.seq: t.n for t in recording.triples}.get)


def test_an_ignored_event_is_told_with_the_word_of_the_dialect() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1")
    session.hears("Ping")

    text = judged(session)

    assert "  ignored: [event.ignore] of the dialect says that no request causes such events\n" in text
    assert "not " not in text


def test_what_an_error_event_had_ended_is_told() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", room="r1")
    session.hears("Error", room="r1")
    session.hears("Changed", item="i1")

    assert "  not triple 1 (record 6), Change: an error event had ended it\n" in judged(session)


def test_an_exact_id_of_one_side_alone_is_told() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", ticket="t1")
    session.hears("Shown", item="i1")

    assert "  not triple 1 (record 6), Change: its ticket is 't1', the event's none\n" in judged(session)


def test_a_sibling_that_came_first_is_told_with_what_linked_it() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1")
    session.hears("Counted", change="c1")
    session.hears("Changed", item="i1", change="c1")

    text = judged(session, 0)

    assert (
        "  caused by triple 1 (record 6): rule sibling, confidence 0.7: has the change of Changed of request 6" in text
    )
    assert (
        "  linked when another event of its transaction was: before that, the rules did not find this request\n" in text
    )


def test_a_request_that_a_sibling_is_not_of_is_told_with_the_rule() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1")
    session.acked("PATCH", "/items/stock")
    session.hears("Changed", item="i1", change="c1")
    session.hears("Changed", item="stock", change="c1")

    assert (
        "  not triple 2 (record 8), Change: the rule sibling gives a stronger reason for another request\n"
        in judged(session)
    )


def test_rivals_of_an_operation_without_values_are_told() -> None:
    session = Shop()
    session.acked("POST", "/open")
    session.acked("POST", "/open")
    session.hears("Opened")

    text = judged(session)

    assert "rule only, confidence 0.4: request 6 may cause Opened, and so may others: 1\n" in text
    assert "  rival: triple 2 (record 8) would fit as well\n" in text


def test_a_request_of_an_unknown_session_is_told() -> None:
    session = Shop()
    session.another()
    session.wire.request("POST", "/open", b"")
    session.hears("Opened")

    assert "Open: no value of the event shows that this request caused it\n" in judged(session)
