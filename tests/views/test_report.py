"""The document behind the page: what it says of a cassette, on one clock, with numbers of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette.reader import Cassette, read
from recorder.dialect.definition import load
from recorder.model import Header, Note
from recorder.views.report import Keep, Part, Source, comparison, document, left_out, part, parts
from tests.views.pages.opened import recordings
from tests.wire import HEADER, Ask, Wire, chained, done, get_me, preview, record_event, state_event, twin

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"


def part_of(wire: Wire, name: str = "a.cassette", header: Header = HEADER) -> Part:
    return part(name, Cassette(header, tuple(wire.records)), load())


def kept(wires: Sequence[Wire], keep: Keep) -> list[dict[str, Any]]:
    return recordings(document(parts([source_of(wire) for wire in wires], keep=keep, most=None), "t"))


def source_of(wire: Wire) -> Source:
    return Source("a.cassette", HEADER, wire.records, load())


def shown(wire: Wire) -> dict[str, Any]:
    return recordings(document([part_of(wire)], "title"))[0]


def asked(ask: Ask, *events: Any) -> Wire:
    wire = Wire()
    wire.desk().asks(ask, *events)
    return wire


def test_a_triple_with_its_times_in_microseconds_since_the_capture_began() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.wait(1)
    desk.asks(chained(7, "r1"), done(7, "r1"), ms=100)

    [triple] = shown(wire)["triples"]

    assert triple["at"] == 1_000_000
    assert triple["ack"]["at"] == 1_100_000
    assert [event["at"] for event in triple["events"]] == [1_200_000]
    assert (triple["n"], triple["operation"], triple["session"], triple["state"]) == (
        1,
        "GetChainedRecord",
        "s1",
        "complete",
    )


def test_an_event_says_why_it_is_linked() -> None:
    [triple] = shown(asked(chained(7, "r1"), done(7, "r1"), twin("ChainedRecordsDataEnd")))["triples"]

    assert [(event["rule"], event["confidence"]) for event in triple["events"]] == [("reference", 1.0), ("twin", 0.95)]
    assert "r1" in triple["events"][0]["why"]


def test_rivals_are_named_by_their_triples() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(preview(campaign="Campaign1")))
    wire.ack(desk.post(preview(campaign="Campaign1")))
    desk.hears(record_event("PreviewRecord", 7))

    events = [event for triple in shown(wire)["triples"] for event in triple["events"]]

    assert [event["rivals"] for event in events] in ([[1]], [[2]])


def test_an_event_nobody_asked_for_says_why_no_request_fits() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.post(chained(7, "r1"))
    desk.hears(record_event("ChainedRecord", 8, "other"))

    [pushed] = shown(wire)["unsolicited"]

    [[number, objection]] = pushed["others"]
    assert number == 1
    assert "r1" in objection


def test_polls_and_notes_stand_beside_the_triples() -> None:
    wire = asked(chained(7, "r1"), done(7, "r1"))
    wire.records.append(Note(len(wire.records), 5_000_000, "gap", "the upstream was away"))

    recording = shown(wire)

    assert recording["notes"] == [[5000, "gap", "the upstream was away"]]
    assert recording["polls"] == [["s1", 0, 0, None], ["s1", 0, 200_000, None]]


def test_a_request_without_an_answer_says_when_and_why() -> None:
    wire = Wire()
    post = wire.desk().post(chained(7, "r1"))
    wire.wait(2)
    wire.fail(post)

    [triple] = shown(wire)["triples"]

    assert triple["ack"] is None
    assert triple["failure"] == [2_000_000, "Client disconnected."]


def test_several_cassettes_are_numbered_through_and_keep_their_sessions_apart() -> None:
    one, other = (asked(chained(7, "r1"), done(7, "r1")) for _ in range(2))

    first, second = recordings(document([part_of(one), part_of(other, "b.cassette")], "both"))

    assert [(t["n"], t["session"]) for t in first["triples"]] == [(1, "s1")]
    assert [(t["n"], t["session"]) for t in second["triples"]] == [(2, "c2.s1")]
    assert second["sessions"] == [["c2.s1", 0]]


def test_several_cassettes_stand_on_one_clock() -> None:
    early, late = (asked(chained(7, "r1")) for _ in range(2))
    parts = [
        part_of(late, header=replace(HEADER, started=9_000_000)),
        part_of(early, header=replace(HEADER, started=4_000_000)),
    ]

    first, second = recordings(document(parts, "both"))

    assert first["triples"][0]["at"] - second["triples"][0]["at"] == 5_000_000


def test_cassettes_that_do_not_know_when_they_were_made_begin_together() -> None:
    one, other = (asked(chained(7, "r1")) for _ in range(2))
    parts = [part_of(one, header=replace(HEADER, started=9_000_000)), part_of(other)]

    first, second = recordings(document(parts, "both"))

    assert first["triples"][0]["at"] == second["triples"][0]["at"]


def test_a_filter_leaves_out_the_other_triples_and_what_nobody_asked_for() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), done(7, "r1"))
    desk.asks(chained(8, "r2"), done(8, "r2"))
    desk.hears(state_event())
    wire.ack(desk.post(get_me()))

    found = kept([wire], lambda triple: triple["handle"] == "8")[0]

    assert [triple["n"] for triple in found["triples"]] == [2]
    assert (found["plain"], found["unsolicited"]) == ([], [])
    assert '"r1"' not in json.dumps(found)


def test_a_filter_judges_what_the_page_shows() -> None:
    seen: list[dict[str, Any]] = []
    wires = [asked(chained(7, "r1"), done(7, "r1")) for _ in range(2)]

    kept(wires, lambda triple: bool(seen.append(triple)))

    assert [(triple["n"], triple["keys"]["handle"]) for triple in seen] == [(1, "7"), (2, "7")]


@pytest.mark.parametrize("most", [10, 100])
def test_of_much_content_a_choice_is_shown(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    wire = Wire()
    desk = wire.desk()
    for n in range(40):
        desk.asks(chained(n, random.Random(n).randbytes(2000).hex()), ms=5)
    monkeypatch.setattr("recorder.views.selection.MOST_BYTES", 20_000)

    [few], [all_] = (parts([source_of(wire)], most=limit) for limit in (most, None))

    assert few.blocks.size < 30_000 < all_.blocks.size
    assert 1 <= len(few.columns.triples) <= 10
    assert (few.shows_all, all_.shows_all) == (False, True)
    assert left_out([few]).startswith(f"shows {len(few.columns.triples)} of 40 triples: ")


def test_exchanges_that_are_no_operation_are_told_of_too() -> None:
    [exchange] = shown(asked(get_me()))["plain"]

    assert (exchange["method"], exchange["target"], exchange["n"]) == ("GET", "/api/v2/me", 0)


def test_the_shipped_cassette() -> None:
    cassette = read(PREVIEW)

    [recording] = recordings(document([part(PREVIEW.name, cassette, load())], "t"))

    assert [triple["operation"] for triple in recording["triples"]] == [
        "StartPreviewSession",
        "GetPreviewRecord",
        "GetChainedRecord",
        "UpdateRecord",
        "CompleteRecord",
        "EndPreviewSession",
    ]
    assert recording["name"] == "preview-session.cassette"


def test_a_comparison_names_triples_by_their_numbers_on_the_page() -> None:
    old, new = part_of(asked(chained(7, "r1"))), part_of(asked(chained(7, "r2")), "b.cassette")
    changed = {"what": "field changed", "operation": "x", "n": {"old": 1, "new": 1}, "where": "request.body.a"}
    rows = [
        changed | {"old": 1, "new": None},
        {"what": "triple new", "n": {"old": None, "new": 1}, "where": "", "new": "x"},
    ]

    shown = comparison(old, new, "a and b", rows)

    assert shown.rows["differences"] == [
        {"what": "field changed", "where": "request.body.a", "n": [1, 2], "old": "1", "new": "null"},
        {"what": "triple new", "where": "", "n": [None, 2], "new": '"x"'},
    ]
    assert [[t["n"] for t in recording["triples"]] for recording in recordings(shown)] == [[1], [2]]


def test_what_is_compared_begins_together() -> None:
    old = part_of(asked(chained(7, "r1")), header=replace(HEADER, started=9_000_000))
    new = part_of(asked(chained(7, "r1")), header=replace(HEADER, started=4_000_000))

    first, second = recordings(comparison(old, new, "a and b", []))

    assert first["triples"][0]["at"] == second["triples"][0]["at"]


@pytest.mark.parametrize(
    ("body", "shown_"),
    [(b"", None), (b'{"a": 1}', {"a": 1}), (b"a \xff", "a \\xff"), (b"[" * 900 + b"]" * 900, "[" * 900 + "]" * 900)],
)
def test_a_body_is_shown_as_its_value_or_as_text(body: bytes, shown_: Any) -> None:
    [exchange] = shown(asked(Ask("/x", body)))["plain"]

    assert exchange["body"] == shown_
