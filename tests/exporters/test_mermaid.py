from __future__ import annotations

from pathlib import Path

import pytest

from recorder.cassette.reader import Cassette
from recorder.exporters.mermaid import mermaid
from recorder.library.latency import ack_ms, offset_ms
from recorder.library.recording import derive
from tests.exchange.checks import checked
from tests.exporters.exports import HOSTILE, hostile, preview_cassette, two_sessions


def text(cassette: Cassette) -> str:
    return "\n".join(mermaid(derive(cassette)))


def test_a_session_is_told_in_the_order_of_the_wire() -> None:
    cassette = preview_cassette()
    triple = derive(cassette).triples[0]
    ack, event = ack_ms(triple), offset_ms(triple.events[0], triple)

    lines = text(cassette).splitlines()

    assert lines[:5] == [
        "sequenceDiagram",
        "    participant client1 as client s1",
        f"    participant server as {cassette.header.upstream.replace(':', '#58;')}",
        "    client1->>server: 1 StartPreviewSession#44; reference desk-1",
        f"    server-)client1: 1 PreviewSessionStarted on /v2/me/outbound +{event:.0f} ms",
    ]
    assert lines[5] == f"    server-->>client1: 1 ack 200 in {ack:.0f} ms"


@pytest.mark.node
@pytest.mark.once
def test_mermaid_reads_it(tmp_path: Path) -> None:
    read = checked("mermaid", text(two_sessions()), tmp_path)

    assert read["actors"] == ["client s1", "client s2", "http://gws.example"]
    assert len(read["messages"]) == 4 * 3
    assert {message["from"] for message in read["messages"]} == {"client1", "client2", "server"}


@pytest.mark.node
@pytest.mark.once
def test_no_text_of_a_stranger_is_syntax(tmp_path: Path) -> None:
    recording = derive(hostile())

    read = checked("mermaid", text(hostile()), tmp_path)

    assert len(read["messages"]) == sum(1 + bool(t.ack or t.failure) + len(t.events) for t in recording.triples)
    shown = (
        HOSTILE.replace("\n", "\ufffd")
        .replace("\x1b", "\ufffd")
        .replace("\u202e", "\ufffd")
        .replace("\ud800", "\ufffd")
    )
    assert any(shown[:60] in message["text"] for message in read["messages"])


def test_no_line_holds_what_could_be_taken_for_more_than_text() -> None:
    labels = [line.partition(": ")[2] for line in text(hostile()).splitlines()]

    assert not set("".join(labels)) & set("\"'`$%<>{}[]()|&:\n\\")


def test_a_recording_without_operations_is_a_diagram() -> None:
    empty = preview_cassette()

    assert text(Cassette(empty.header, empty.records[:4])).splitlines()[0] == "sequenceDiagram"
