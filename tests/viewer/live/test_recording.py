"""What a page is told of a recording as it runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette.reader import Cassette, open_cassette
from recorder.correlate.engine import correlate
from recorder.dialect.carried import dialect_of
from recorder.dialect.definition import load
from recorder.model import Note, Record
from recorder.viewer.live.recording import RecordingFeed
from recorder.views.report import document as report
from recorder.views.report import part
from tests.wire import HEADER, Wire, chained, complete, done, get_me, preview, record_event, state_event

LABS = sorted(Path(__file__).parents[2].glob("cassettes/labs/*.cassette"))
SECOND = 1_000_000_000


class Page:
    """A page that keeps what it is told."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.state: dict[str, Any] = {}
        self.polls: list[Any] = []
        self.notes: list[Any] = []
        self.sessions: list[Any] = []
        self.usual: dict[str, Any] = {}

    def apply(self, delta: dict[str, Any]) -> None:
        json.dumps(delta)
        for row in delta.get("add", ()):
            assert row["id"] not in self.rows
            self.rows[row["id"]] = row
        for row in delta.get("change", ()):
            assert row["id"] in self.rows
            self.rows[row["id"]] = row
        for identity in delta.get("remove", ()):
            del self.rows[identity]
        self.polls += delta.get("polls", [])
        self.notes += delta.get("notes", [])
        self.sessions += delta.get("sessions", [])
        self.usual |= delta.get("usual", {})
        self.state = delta["state"]


def watched(records: Iterable[Record], feed: RecordingFeed | None = None, every: int = 1) -> tuple[Page, RecordingFeed]:
    """Feed records, and tell a page each time that so many came."""
    feed, page = feed or RecordingFeed(load()), Page()
    for count, record in enumerate(records, 1):
        feed.feed(record)
        if count % every == 0:
            page.apply(feed.take())
    page.apply(feed.take())
    return page, feed


def codes(row: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in row["problems"]]


def ended(wire: Wire, desk: Any, number: int, seconds: float) -> None:
    post = desk.post(chained(number, f"r{number}"))
    wire.ack(post)
    wire.wait(seconds)
    desk.hears(done(number, f"r{number}"))


def test_an_operation_appears_at_once_and_changes_until_it_ends() -> None:
    wire, feed, page = Wire(), RecordingFeed(load()), Page()
    desk = wire.desk()
    post = desk.post(chained(7, "r1"))
    for record in wire.records:
        feed.feed(record)
    page.apply(feed.take())
    row = page.rows["1"]
    assert (row["operation"], row["keys"]["handle"], row["open"], row["answered"]) == (
        "GetChainedRecord",
        "7",
        True,
        None,
    )

    seen = len(wire.records)
    wire.wait(0.5)
    wire.ack(post)
    wire.wait(1)
    desk.hears(done(7, "r1"))
    for record in wire.records[seen:]:
        feed.feed(record)
    delta = feed.take()
    page.apply(delta)

    assert "add" not in delta
    row = page.rows["1"]
    assert (row["state"], row["status"], row["open"], row["answered"]) == ("complete", 200, False, 500_000)
    assert [(e["name"], e["at"], e["rule"]) for e in row["events"]] == [
        ("ChainedRecordsDataEnd", 1_500_000, "reference")
    ]
    assert page.state["open"] == 0
    assert page.usual["GetChainedRecord"]["last"] == [1_500_000, 1_500_000]


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
@pytest.mark.parametrize("every", [1, 3, 10_000])
def test_a_page_ends_with_what_the_cassette_says(path: Path, every: int) -> None:
    with open_cassette(path) as cassette:
        records, header = list(cassette.records()), cassette.header
    page, feed = watched(records, RecordingFeed(dialect_of(header)), every)

    recording = correlate(records, feed.dialect, header)
    shown = {row["n"]: row for row in page.rows.values() if row["kind"] == "triple"}
    assert {n: (row["state"], row["session"], len(row["events"])) for n, row in shown.items()} == {
        t.n: (t.state.value, t.session, len(t.events)) for t in recording.triples
    }
    loose = [row for row in page.rows.values() if row["kind"] == "loose"]
    assert len(loose) == len(recording.unsolicited)
    assert len(page.sessions) == len(recording.session_starts)
    fresh = Page()
    fresh.apply(feed.whole())
    assert fresh.rows == page.rows


def test_a_request_that_is_sent_again_stays_one_operation() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(complete(7, "r")))
    wire.wait(0.1)
    again = desk.post(complete(7, "r"))
    wire.ack(again)

    page, _ = watched(wire.records)

    assert [row["id"] for row in page.rows.values()] == ["1"]
    assert page.rows["1"]["status"] == 200
    assert page.rows["1"]["reason"] is None


def test_what_takes_far_longer_than_usual_is_overdue_and_then_late() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(1, 7):
        ended(wire, desk, number, 0.2)
    wire.ack(desk.post(chained(9, "r9")))
    page, feed = watched(wire.records)
    begun = page.rows["7"]["at"] * 1000

    feed.tick(begun + SECOND)
    assert "change" not in feed.take()
    feed.tick(begun + 2 * SECOND)
    page.apply(feed.take())
    assert codes(page.rows["7"]) == ["overdue"]
    feed.tick(begun + 3 * SECOND)
    assert "change" not in feed.take()

    seen = len(wire.records)
    wire.wait(5)
    desk.hears(done(9, "r9"))
    for record in wire.records[seen:]:
        feed.feed(record)
    page.apply(feed.take())
    assert codes(page.rows["7"]) == []
    assert codes(page.rows["7"]["events"][-1]) == ["late"]


def test_what_did_not_come_is_wrong_once_the_capture_has_ended() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(8, "r8")))
    desk.post(chained(9, "r9"))
    page, feed = watched(wire.records)
    assert (codes(page.rows["1"]), codes(page.rows["2"])) == ([], [])

    feed.end()
    page.apply(feed.take())

    assert (codes(page.rows["1"]), codes(page.rows["2"])) == (["open"], ["unacked"])


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_a_page_tells_the_problems_that_a_report_tells(path: Path) -> None:
    with open_cassette(path) as cassette:
        header, dialect = cassette.header, dialect_of(cassette.header)
        records = tuple(cassette.records())
    page, feed = watched(records, RecordingFeed(dialect))
    feed.end()
    told = part(path.name, Cassette(header, records), dialect)
    page.apply(feed.take())
    live = [one for row in page.rows.values() if row["kind"] != "plain" for one in problems_of(row)]

    facts = report([told], header.dialect).rows["recordings"][0]

    assert sorted(live) == sorted(
        (code, text) for kind, _, code, _, text, _ in facts["problems"] if kind not in ("plain", "polls")
    )


def test_what_turns_out_to_be_usual_is_no_warning_any_more() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(1, 10):
        post = desk.post(chained(number, f"r{number}"))
        desk.hears(done(number, f"r{number}"))
        wire.wait(0.1)
        wire.ack(post)

    page, _ = watched(wire.records)

    told = [one for row in page.rows.values() for event in row["events"] for one in event["problems"]]
    assert [(one["code"], one["severity"]) for one in told] == [("early", "info")] * 9


def problems_of(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["code"], one["text"]) for what in (row, *row.get("events", ())) for one in what["problems"]]


def test_old_times_are_forgotten() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(1, 7):
        ended(wire, desk, number, 30)
    for number in range(7, 220):
        ended(wire, desk, number, 0.001)

    page, _ = watched(wire.records, every=100)

    assert page.usual["GetChainedRecord"]["limits"]["last"] < 2_000_000


def test_four_of_a_kind_say_nothing_about_what_is_usual() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(1, 5):
        ended(wire, desk, number, 0.001)
    desk.post(chained(9, "r9"))
    page, feed = watched(wire.records)

    feed.tick(feed.now + 60 * SECOND)
    page.apply(feed.take())

    assert codes(page.rows["5"]) == []
    assert page.rows["5"]["open"]


def test_an_operation_that_nothing_can_end_any_more_is_not_open() -> None:
    wire = Wire()
    wire.ack(wire.desk().post(chained(9, "r9")))
    page, feed = watched(wire.records)

    feed.tick(feed.now + int((feed.dialect.open_for + 1) * SECOND))
    page.apply(feed.take())

    assert not page.rows["1"]["open"]
    assert page.state["open"] == 0


def test_lost_polls_failures_and_notes_are_told() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(preview("p1")))
    desk.polls()
    desk.loses_poll()
    records = [*wire.records, Note(9_000, wire.records[-1].t, "unrecorded", "app.example is not recorded")]

    page, _ = watched(records)

    assert codes(page.rows["1"]) == ["lost"]
    assert [(poll["session"], poll["failure"]) for poll in page.polls] == [("s1", "Client disconnected.")]
    assert [note["text"] for note in page.notes] == ["app.example is not recorded"]


def test_an_event_without_a_cause_stands_alone_until_an_ack_shows_its_cause() -> None:
    wire = Wire()
    desk = wire.desk()
    ended(wire, desk, 7, 0.1)
    desk.hears(record_event("RecordRejected", 99, "nobody"), state_event())

    page, _ = watched(wire.records)

    loose = {row["name"]: row for row in page.rows.values() if row["kind"] == "loose"}
    assert codes(loose["RecordRejected"]) == ["unasked"]
    assert page.state["counts"]["loose"] == len(loose)


def test_other_exchanges_are_shown_too() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(get_me()), {})

    page, _ = watched(wire.records)

    assert [(row["kind"], row["target"], row["status"]) for row in page.rows.values()] == [("plain", "/api/v2/me", 200)]


def test_memory_is_bounded_and_what_is_let_go_is_told() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(1, 31):
        ended(wire, desk, number, 0.01)

    page, _ = watched(wire.records, RecordingFeed(load(), most=10))

    assert [row["n"] for row in page.rows.values()] == [*range(21, 31)]
    assert page.state["letGo"] == 20
    assert page.state["counts"]["triple"] == 30
    small, _ = watched(wire.records, RecordingFeed(load(), most_bytes=1))
    assert [row["n"] for row in small.rows.values()] == [30]


def test_the_content_is_told_when_it_is_asked_for() -> None:
    wire = Wire()
    desk = wire.desk()
    ended(wire, desk, 7, 0.1)
    page, feed = watched(wire.records)

    (detail,) = feed.detail(page.rows["1"]["block"])

    assert detail["body"]["operationName"] == "GetChainedRecord"
    assert detail["events"][0]["data"]["notificationType"] == "ChainedRecordsDataEnd"
    assert feed.detail(12_345) == []
    assert [triple.n for triple in feed.triples(["1"])] == [1]
    assert HEADER.dialect == feed.dialect.name
