"""Numbers of a cassette."""

from __future__ import annotations

from collections import Counter

from recorder.diagnose.polls import with_polls
from recorder.dialect.definition import load
from recorder.push.rules import COMMENT
from recorder.views.counts.stats import Stats, as_json, as_text
from recorder.views.screen import Screen
from tests.correlate.tape import Tape
from tests.wire import HEADER, Wire, body, campaign_event, chained, complete, done, preview, state_event, twin


def session() -> Stats:
    """Twenty chained records whose ack takes 1 to 20 ms, and one of each other kind."""
    wire = Wire()
    desk = wire.desk()
    for n in range(1, 21):
        post = desk.post(chained(n, f"r{n}"))
        wire.wait(n / 1000)
        wire.ack(post)
        wire.wait(n / 1000)
        desk.hears(done(n, f"r{n}"))
    wire.fail(desk.post(complete(7, "gone")))
    wire.respond(desk.post(preview("refused")), body({"statusCode": 2}))
    desk.hears(state_event(), campaign_event("CampaignStarted"))
    desk.polls()
    recording = wire.recording()
    stats = Stats()
    stats.add_file(size=2048, records=len(wire.records), duration=1.5, sessions=1, plain=0)
    stats.add_triples(recording.triples, recording.unsolicited)
    stats.add_polls(with_polls(wire.records, load(), HEADER)[1])
    return stats


def test_operations_are_counted_by_how_far_they_got() -> None:
    rows = as_json(session())["operations"]

    assert [(row["operation"], row["count"], row["states"]) for row in rows] == [
        ("GetChainedRecord", 20, {"complete": 20}),
        ("CompleteRecord", 1, {"aborted": 1}),
        ("GetPreviewRecord", 1, {"failed": 1}),
    ]
    assert as_json(session())["total"]["states"] == {"complete": 20, "failed": 1, "aborted": 1}


def test_latencies_are_ones_that_were_measured() -> None:
    row = as_json(session())["operations"][0]

    assert row["ack_ms"] == {"min": 1.0, "median": 10.0, "p95": 19.0, "max": 20.0}
    assert row["last_ms"] == {"min": 2.0, "median": 20.0, "p95": 38.0, "max": 40.0}


def test_what_has_no_answer_and_no_event_has_no_latency() -> None:
    row = as_json(session())["operations"][1]

    assert (row["ack_ms"], row["last_ms"], row["events"]) == (None, None, 0)


def test_events_are_counted_by_channel_with_those_nobody_asked_for() -> None:
    shown = as_json(session())

    assert shown["channels"] == [
        {"channel": "/v2/me/devices", "events": 0, "unsolicited": 1},
        {"channel": "/v2/me/outbound", "events": 20, "unsolicited": 1},
    ]
    assert (shown["unsolicited"], shown["rules"]) == (2, {"reference": 20})


def test_links_below_confidence_1_are_unsure() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r"), done(7, "r"), twin("ChainedRecordsDataEnd", 7))
    stats = Stats()
    stats.add_triples(wire.recording().triples, [])

    assert (as_json(stats)["total"]["events"], as_json(stats)["total"]["unsure"]) == (2, 1)


def test_polls_are_counted_by_their_end() -> None:
    found = as_json(session())["polls"]

    assert (found["failed"], found["open"], found["count"] - found["empty"]) == (0, 1, 22)


def streamed() -> Stats:
    """An event stream that was opened again, and a WebSocket that stays open; no polls."""
    tape = Tape()
    for _ in range(2):
        stream = tape.stream(sid="a")
        tape.order("r1", sid="a")
        tape.tell(stream, "Ordered", "r1")
        tape.chunk(stream, b": beat\n\n")
        tape.end(stream)
    socket = tape.socket(sid="a")
    tape.hears(socket, b"1")
    recording = tape.recording()
    events = [link.event for triple in recording.triples for link in triple.events]
    events += [pushed.event for pushed in recording.unsolicited]
    stats = Stats()
    stats.add_file(size=0, records=len(tape.records), duration=0, sessions=1, plain=0)
    stats.add_streams(recording.streams, Counter(event.client_id for event in events if event.channel != COMMENT))
    return stats


def test_streams_are_counted_with_their_events() -> None:
    assert as_json(streamed())["streams"] == {
        "sse": {"count": 2, "reconnects": 1, "events": 2, "open": 0},
        "websocket": {"count": 1, "reconnects": 0, "events": 1, "open": 1},
    }


def test_streams_stand_in_the_place_of_polls() -> None:
    assert as_text(streamed()).splitlines()[2:4] == [
        "2 event streams: 1 opened again, 2 events, 0 open at the end",
        "1 WebSocket: 0 opened again, 1 event, 1 open at the end",
    ]


def test_without_streams_nothing_is_said_of_them() -> None:
    assert "streams" not in as_json(session())
    assert "stream" not in as_text(session())


def test_nothing_is_numbers_too() -> None:
    assert as_json(Stats())["total"] == {
        "count": 0, "states": {}, "events": 0, "unsure": 0, "ack_ms": None, "last_ms": None,
    }  # fmt: skip
    assert as_text(Stats()).startswith("0 files, 0 bytes, 0 records, 0.000 s, 0 sessions\n")


def test_half_a_surrogate_pair_in_a_channel_is_no_json_and_is_replaced() -> None:
    wire = Wire()
    wire.desk().hears(state_event() | {"channel": "/\ud800"})
    stats = Stats()
    stats.add_triples([], wire.recording().unsolicited)

    assert as_json(stats)["channels"] == [{"channel": "/?", "events": 0, "unsolicited": 1}]


def test_the_tables() -> None:
    text = as_text(session())

    assert text.splitlines()[0].startswith("1 file, 2.0 KiB, ")
    assert [line.split() for line in text.splitlines()[5:10]] == [
        ["operation", "count", "state", "events", "unsure", "ack", "ms", "last", "event", "ms"],
        ["GetChainedRecord", "20", "complete", "20", "0", "1/10/19/20", "2/20/38/40"],
        ["CompleteRecord", "1", "aborted", "0", "0", "-", "-"],
        ["GetPreviewRecord", "1", "failed", "0", "0", "0/0/0/0", "-"],
        ["total", "22", "20", "complete,", "1", "failed,", "1", "aborted", "20", "0", "0/10/19/20", "2/20/38/40"],
    ]


def test_on_a_narrow_screen_the_tables_fit() -> None:
    text = as_text(session(), Screen(80, color=False))

    assert max(map(len, text.splitlines())) <= 80
    assert "GetChainedRecord     20  complete" in text
