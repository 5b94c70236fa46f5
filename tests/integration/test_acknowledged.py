"""A client with the acknowledgement extension loses nothing and gets nothing twice, whatever is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from recorder.library.recording import load_recording
from tests.lab.lab import run_js_client
from tests.lab.processes import recorder
from tests.lab.relay import Relay
from tests.lab.sessions import preview_session

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
TRIPLES = load_recording(PREVIEW).triples

pytestmark = [pytest.mark.node, pytest.mark.once]


def heard(lines: Sequence[dict[str, Any]]) -> list[str]:
    """The events, without the ids of the client."""
    events = [(line["channel"], line["data"]) for line in lines if line["kind"] == "event"]
    return [json.dumps([channel, {**data, "referenceId": ""}], sort_keys=True) for channel, data in events]


def recorded() -> list[str]:
    events = [link.event for triple in TRIPLES for link in triple.events]
    return [json.dumps([e.channel, {**e.data, "referenceId": ""}], sort_keys=True) for e in events]


@pytest.mark.parametrize("name", ["PreviewRecord", "ChainedRecordsDataEnd", "RecordProcessedAcknowledge"])
def test_an_answer_that_is_lost_comes_again_and_nothing_else_does(name: str) -> None:
    script = preview_session("lossy-", 0.0) | {"ack": True}
    with (
        recorder("replay", PREVIEW, "--rate", "20") as standin,
        Relay(standin.url, loses=f'"{name}"'.encode()) as relay,
    ):
        lines = run_js_client(relay.url, script)
        lost = relay.lost.is_set()

    assert lost
    assert lines[-1]["kind"] == "done"
    assert heard(lines) == recorded()


@pytest.mark.parametrize(
    ("transport", "fault"),
    [
        ("long-polling", "unknown-client after GetPreviewRecord"),
        ("websocket", "unknown-client after GetPreviewRecord"),
        ("websocket", "cut websocket after GetPreviewRecord"),
    ],
)
def test_a_session_that_is_lost_loses_nothing_and_repeats_nothing(transport: str, fault: str) -> None:
    script = preview_session("lost-", 0.0) | {"ack": True, "transport": transport}
    with recorder("replay", PREVIEW, "--rate", "20", "--fault", fault) as standin:
        lines = run_js_client(standin.url, script)

    assert heard(lines) == recorded()
    assert "hit 1 time" in standin.stderr
