"""The live page of a recording: what it begins with, what it goes on with, and what it can be asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from recorder.dialect.definition import load
from recorder.errors import UsageError
from recorder.model import Recording
from recorder.viewer.live.watched import WatchedRecording
from tests.viewer.live.test_recording import Page
from tests.wire import HEADER, Wire, chained, complete, done


def test_text(recording: Recording) -> Iterator[str]:
    yield from (f"{triple.operation}\n" for triple in recording.triples)


test_text.__test__ = False  # type: ignore[attr-defined]  # the name is what it makes


def watching(**options: Any) -> WatchedRecording:
    clock = count(0, 1_000)
    page = WatchedRecording(
        HEADER, "some.cassette", load(), clock=lambda: next(clock), wall=lambda: 1_700_000_000_000_000,
        test=test_text, **options,
    )  # fmt: skip
    page.start()
    return page


def wire_of(*numbers: int) -> Wire:
    wire = Wire()
    desk = wire.desk()
    for number in numbers:
        wire.ack(desk.post(chained(number, f"r{number}")))
        desk.hears(done(number, f"r{number}"))
    return wire


def shown(live: WatchedRecording) -> Page:
    page = Page()
    for delta in live.events(0, 0) or []:
        page.apply(delta)
    return page


def fed(live: WatchedRecording, wire: Wire) -> Page:
    for record in wire.records:
        live.put(record)
    live.end(30)
    return shown(live)


def test_what_was_recorded_is_shown() -> None:
    live = watching(facts=lambda: {"bytes": 17})
    live.use(load())

    page = fed(live, wire_of(7, 8))

    assert [row["n"] for row in page.rows.values() if row["kind"] == "triple"] == [1, 2]
    assert (page.state["bytes"], page.state["started"]) == (17, 1_700_000_000_000_000)
    begun = live.rows()
    assert (begun["live"], begun["title"], begun["dialect"]) == ("recording", "some.cassette", "gws-outbound")
    json.dumps(begun)


def test_before_the_dialect_is_known_the_usual_one_is_taken_and_then_all_is_read_anew() -> None:
    live, wire = watching(), wire_of(7)
    for record in wire.records:
        live.put(record)
    live.use(load("salesforce"))
    live.end(30)

    page = shown(live)
    (whole,) = live.events(0, 0) or []

    assert [row["kind"] for row in page.rows.values()].count("triple") == 0
    assert whole["facts"]["dialect"] == "salesforce"


def test_the_content_of_an_item_is_a_text_to_be_read_exactly() -> None:
    live = watching()
    live.use(load())
    page = fed(live, wire_of(7))
    (row,) = (row for row in page.rows.values() if row["kind"] == "triple")

    content = json.loads(live.block(row["block"])["text"])

    assert content["body"]["operationName"] == "GetChainedRecord"
    assert live.block(12_345) is None


def test_a_test_is_written_of_one_operation_or_of_all() -> None:
    live, wire = watching(), wire_of(7)
    wire.ack(wire.desk().post(complete(9, "r9")))
    live.use(load())
    fed(live, wire)

    assert live.control("test", {})["text"] == "GetChainedRecord\nCompleteRecord\n"
    assert live.control("test", {"items": ["2"]})["text"] == "CompleteRecord\n"
    with pytest.raises(UsageError, match="no test can be written"):
        live.control("test", {"items": ["99"]})


@pytest.mark.parametrize("items", ["1", 5, {"a": 1}, [5], [["1"]], [None]])
def test_items_that_are_no_names_are_refused(items: Any) -> None:
    live = watching()
    fed(live, wire_of(7))

    with pytest.raises(UsageError):
        live.control("test", {"items": items})


@pytest.mark.parametrize("name", ["pause", "end", "stop", ""])
def test_a_recording_is_not_steered(name: str) -> None:
    assert watching().control(name, {}) is None


def test_errors_are_told_as_notes() -> None:
    live = watching()
    live.warn("the disk is full")

    page = fed(live, wire_of())

    assert [note["text"] for note in page.notes] == [] or page.notes[-1]["text"] == "the disk is full"


def test_a_large_body_is_left_out() -> None:
    live = watching()
    wire = Wire()
    wire.respond(wire.desk().post(chained(7, "r", padding="x" * 100_000)), {})

    page = fed(live, wire)

    assert page.state["lost"] == 0
    assert "x" * 100 not in json.dumps([*page.rows.values()])


def test_the_end_is_told() -> None:
    live = watching()
    live.end(30)
    (whole,) = live.events(0, 0) or []

    assert live.events(whole["id"], 30) is None
