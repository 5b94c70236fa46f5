from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette.reader import Cassette
from recorder.exporters.perfetto import trace
from recorder.library.recording import derive
from tests.exchange.checks import checked
from tests.exporters.exports import hostile, preview_cassette, preview_recording, two_sessions


def text(cassette: Cassette) -> str:
    return "".join(trace(derive(cassette)))


def events(cassette: Cassette) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text(cassette))["traceEvents"]
    return found


@pytest.mark.node
@pytest.mark.once
@pytest.mark.parametrize("make", [preview_cassette, hostile, two_sessions])
def test_it_is_valid_by_the_documented_format(make: Any, tmp_path: Path) -> None:
    assert checked("trace", text(make()), tmp_path)["traceEvents"]


def test_an_operation_lasts_from_its_request_to_its_ack() -> None:
    recording = preview_recording()
    first = recording.triples[0]
    assert first.ack is not None

    operations = [event for event in events(preview_cassette()) if event["ph"] == "X"]

    assert [event["name"] for event in operations] == [triple.operation for triple in recording.triples]
    assert operations[0]["ts"] == first.request.t / 1000
    assert operations[0]["dur"] == (first.ack.t - first.request.t) / 1000


def test_a_flow_leads_from_each_request_to_each_of_its_events() -> None:
    every = events(preview_cassette())
    operations = {event["args"]["n"]: event for event in every if event["ph"] == "X"}

    starts, ends = ({e["id"]: e for e in every if e["ph"] == phase} for phase in "sf")

    assert starts.keys() == ends.keys()
    assert len(starts) == sum(len(triple.events) for triple in preview_recording().triples)
    for id_, start in starts.items():
        operation, end = operations[int(id_.partition(".")[0])], ends[id_]
        assert (start["pid"], start["tid"], start["ts"]) == (operation["pid"], operation["tid"], operation["ts"])
        assert (start["name"], start["cat"]) == (end["name"], end["cat"])
        # what follows the end of a flow on its thread is what it leads to
        after = every[every.index(end) + 1]
        assert (after["ph"], after["tid"], after["ts"]) == ("i", end["tid"], end["ts"])


def test_operations_that_overlap_are_on_threads_of_their_own() -> None:
    operations = [event for event in events(two_sessions()) if event["ph"] == "X"]

    assert [(event["pid"], event["tid"]) for event in operations] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_sessions_operations_and_channels_have_names() -> None:
    names = [(e["name"], e["args"]["name"]) for e in events(preview_cassette()) if e["ph"] == "M"]

    assert names == [
        ("process_name", "session s1"),
        ("thread_name", "operations 1"),
        ("thread_name", "/v2/me/outbound"),
        ("thread_name", "/me/internal"),
    ]


def test_events_nobody_asked_for_are_there_without_a_flow() -> None:
    unasked = [event for event in events(hostile()) if event["ph"] == "i" and event["args"].get("unsolicited")]

    assert unasked
