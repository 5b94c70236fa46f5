"""A real CometD client talks to a real server through a real mitmproxy; the lab's own log is the truth."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Literal

import pytest

from recorder.cli.desktop import agent
from recorder.library.recording import load_recording
from recorder.model import State
from tests.integration.captures import CAMPAIGN, RECORDS, Capture, assert_truth, by_command, by_mitmdump
from tests.lab.lab import Lab, run_js_client
from tests.lab.processes import recorder
from tests.lab.sessions import CHANNELS, operation, preview_session

pytestmark = pytest.mark.node


def eleven_operations(prefix: str | None) -> dict[str, Any]:
    """Every documented operation once, on handles and by number; without referenceIds if `prefix` is None."""
    names = [
        ("StartPreviewSession", CAMPAIGN, 1, {}),
        ("GetPreviewRecord", CAMPAIGN, 2, {}),
        ("GetChainedRecord", f"{RECORDS}/21", 2, {}),
        ("RejectRecord", f"{RECORDS}/22", 2, {"callingList": "L1"}),
        ("CompleteRecord", f"{RECORDS}/23", 2, {"callingList": "L1", "callResult": "Answer"}),
        ("UpdateRecord", f"{RECORDS}/24", 2, {"phoneType": "Mobile"}),
        ("RescheduleRecord", f"{RECORDS}/25", 2, {"callbackType": "Personal", "timestamp": 1433915532}),
        ("DoNotCallRecord", f"{RECORDS}/26", 2, {"callingList": "L1", "chainAttribute": "AllChain"}),
        ("DoNotCallRecord", RECORDS, 2, {"phoneNumber": "555-0126"}),
        ("AddRecord", RECORDS, 2, {"callingList": "L1", "phoneNumber": "555-0127", "phoneType": "Home"}),
        ("EndPreviewSession", CAMPAIGN, 1, {}),
    ]
    steps = [
        operation(path, name, prefix and f"{prefix}{place}", events, **own)
        for place, (name, path, events, own) in enumerate(names)
    ]
    return {"subscribe": [*CHANNELS, "/v2/me/devices"], "steps": steps}


def chained(reference: Any, events: int, handle: int = 7) -> dict[str, Any]:
    step = operation(f"{RECORDS}/{handle}", "GetChainedRecord", reference, events)
    return {"subscribe": [*CHANNELS, "/v2/me/devices"], "steps": [step]}


@pytest.mark.parametrize("server", ["cometd", "faye"])
@pytest.mark.parametrize("capture", [by_command, by_mitmdump])
def test_every_event_is_in_the_triple_of_the_request_that_caused_it(
    server: Literal["cometd", "faye"], capture: Capture, tmp_path: Path
) -> None:
    cassette = tmp_path / "session.cassette"
    with Lab(server, tmp_path / "truth.jsonl") as lab, capture(lab.url, cassette) as proxy:
        run_js_client(proxy.url, eleven_operations("all-"))
        run_js_client(proxy.url, eleven_operations(None))
        lab.options(early="all", chain=2, splitMs=8)
        run_js_client(proxy.url, eleven_operations("early-"))
        lab.options(early=3, chain=4, splitMs=8)
        run_js_client(proxy.url, chained("split", 10))
        lab.options(chain=3, twinsLast=True, splitMs=5)
        run_js_client(proxy.url, chained(77, 8))
        lab.options(error="device")
        run_js_client(proxy.url, chained("refused", 1))
        truth = lab.truth()

    recording = load_recording(cassette)

    assert recording.unsolicited == ()
    assert_truth(recording.triples, truth)
    assert {t.state for t in recording.triples[:-1]} == {State.COMPLETE}
    assert recording.triples[-1].state is State.FAILED


@pytest.mark.parametrize("server", ["cometd", "faye"])
def test_events_before_the_ack_are_recorded_before_the_ack(server: Literal["cometd", "faye"], tmp_path: Path) -> None:
    cassette = tmp_path / "session.cassette"
    with Lab(server, tmp_path / "truth.jsonl") as lab, by_command(lab.url, cassette) as proxy:
        lab.options(early=1)
        run_js_client(proxy.url, chained("early", 2))

    (triple,) = load_recording(cassette).triples

    assert triple.ack is not None
    assert triple.request.seq < triple.events[0].event.seq < triple.ack.seq < triple.events[1].event.seq


@pytest.mark.parametrize("error", ["access-denied", "partial", "csrf"])
def test_an_error_ack_is_kept_as_it_came(error: str, tmp_path: Path) -> None:
    cassette = tmp_path / "session.cassette"
    with Lab("cometd", tmp_path / "truth.jsonl") as lab, by_command(lab.url, cassette) as proxy:
        lab.options(error=error)
        run_js_client(proxy.url, chained("no", 0))
        (cause,) = lab.truth()

    (triple,) = load_recording(cassette).triples

    assert triple.ack is not None
    assert triple.ack.status == cause.status
    text = triple.ack.body.decode()
    assert (json.loads(text) if text.startswith("{") else text) == cause.ack
    assert triple.state is State.FAILED


def test_an_event_nobody_asked_for_is_unsolicited(tmp_path: Path) -> None:
    cassette = tmp_path / "session.cassette"
    data = {"notificationType": "PreviewRecord", "messageType": "OutboundRecordMessage", "record": {"recordHandle": 9}}

    async def listen(url: str, lab: Lab) -> None:
        async with agent(url) as desktop:
            await asyncio.to_thread(lab.unsolicited, "/v2/me/outbound", data)
            await desktop.events(lambda found: len(found) == 1)

    with Lab("cometd", tmp_path / "truth.jsonl") as lab, by_command(lab.url, cassette) as proxy:
        asyncio.run(listen(proxy.url, lab))

    recording = load_recording(cassette)

    assert [pushed.event.data for pushed in recording.unsolicited] == [data]
    assert recording.triples == ()


def test_no_secret_of_a_header_reaches_the_disk(tmp_path: Path) -> None:
    cassette = tmp_path / "session.cassette"
    script = preview_session("r", 0.0, chain=0) | {"auth": "agent1:tr0ub4dor"}
    with Lab("cometd", tmp_path / "truth.jsonl") as lab, recorder("record", lab.url, "-o", cassette) as proxy:
        lines = run_js_client(proxy.url, script)

    content = cassette.read_bytes()

    assert lines[-1]["kind"] == "done"
    assert b"YWdlbnQxOnRyMHViNGRvcg" not in content  # the Basic credentials, in base64
    assert b"Basic " in content


def test_a_program_is_run_against_the_recorder_and_gives_the_exit_code(tmp_path: Path) -> None:
    cassette = tmp_path / "session.cassette"
    program = "import os, urllib.request as u; u.urlopen(os.environ['RECORDER_URL'] + '/api/v2/me').read(); exit(3)"
    with (
        Lab("cometd", tmp_path / "truth.jsonl") as lab,
        recorder("record", lab.url, "-o", cassette, "--no-redaction", "--", sys.executable, "-c", program) as server,
    ):
        server.process.wait(30)

    assert server.code == 3
    assert [t.request.target for t in load_recording(cassette).plain] == ["/api/v2/me"]
