"""CometD's client in a page of a headless Chromium, of another origin than the server it talks to."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette.reader import read
from recorder.library.recording import load_recording
from recorder.model import Request, SocketMessage
from tests.integration.captures import Bayeux, assert_truth, by_command
from tests.lab.browser import Browser, play_in_page, serving_pages
from tests.lab.byhand import BAYEUX
from tests.lab.lab import Lab, LabError
from tests.lab.processes import Server, recorder
from tests.lab.sessions import preview_session

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.once]

WITH_TOKEN = os.environ | {"RECORDER_CONTROL_TOKEN": "t0ken"}
PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
TRIPLES = load_recording(PREVIEW).triples
TRANSPORTS = ["long-polling", "websocket", "callback-polling"]
# cometd-nodejs-server has neither WebSocket nor JSONP
SERVERS: list[tuple[Bayeux, str]] = [("cometd", "long-polling"), ("faye", "websocket"), ("faye", "callback-polling")]


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the page comes from."""
    with serving_pages() as served:
        yield served


@pytest.fixture(scope="module")
def standin() -> Iterator[Server]:
    """A stand-in for what leaves no trace in the next test."""
    with recorder("replay", PREVIEW, "--rate", "instant", env=WITH_TOKEN) as server:
        yield server


def desktop(prefix: str, transport: str = "long-polling") -> dict[str, Any]:
    return preview_session(prefix, 0.0) | {"transport": transport}


def by_step(lines: list[dict[str, Any]], prefix: str) -> dict[int, list[tuple[str, Any]]]:
    """The events of each step in their order, with the prefix of the client's own ids taken off."""
    steps: dict[int, list[tuple[str, Any]]] = defaultdict(list)
    for line in lines:
        if line["kind"] == "event":
            reference = line["data"].get("referenceId")
            own = {} if reference is None else {"referenceId": reference.removeprefix(prefix)}
            steps[line["step"]].append((line["channel"], line["data"] | own))
    return steps


def carriers(cassette: Path) -> set[str]:
    """The transports that Bayeux messages were sent by."""
    found: set[str] = set()
    for record in read(cassette).records:
        match record:
            case SocketMessage(from_client=True):
                found.add("websocket")
            case Request(method="POST", target=target) if target.startswith(BAYEUX):
                found.add("long-polling")
            case Request(method="GET", target=target) if target.startswith(BAYEUX) and "jsonp=" in target:
                found.add("callback-polling")
    return found


@pytest.mark.parametrize(("server", "transport"), SERVERS)
def test_what_a_page_recorded_is_played_to_a_page(
    server: Bayeux, transport: str, browser: Browser, origin: str, tmp_path: Path
) -> None:
    cassette = tmp_path / "session.cassette"
    with Lab(server, tmp_path / "truth.jsonl") as lab, by_command(lab.url, cassette) as proxy:
        lab.options(cors=True, chain=2, early=1, splitMs=10)
        live = play_in_page(browser, origin, proxy.url, desktop("live-", transport))
        truth = lab.truth()
    with recorder("replay", cassette, "--rate", "instant") as standin:
        replayed = play_in_page(browser, origin, standin.url, desktop("other-", transport))

    recording = load_recording(cassette)
    assert_truth(recording.triples, [cause for cause in truth if cause.method == "POST"])
    assert recording.unsolicited == ()
    assert carriers(cassette) == {transport}
    assert "OPTIONS" in {exchange.request.method for exchange in recording.plain}  # the browser held it for foreign
    assert by_step(replayed, "other-") == by_step(live, "live-")
    assert "live-" not in json.dumps(replayed)
    assert standin.code == 0, standin.stderr


def test_a_page_can_read_why_it_was_refused(browser: Browser, origin: str, standin: Server) -> None:
    script = desktop("page-")
    script["steps"] = [{**script["steps"][1], "path": "/api/v2/me/outbound-campaigns/Campaign2", "events": 0}]

    lines = play_in_page(browser, origin, standin.url, script)

    (ack,) = [line for line in lines if line["kind"] == "ack"]
    assert ack["status"] == 470
    assert "nearest is triple 1" in ack["headers"]["x-recorder-miss"]
    assert ack["body"].startswith("no recorded request matches POST /api/v2/me/outbound-campaigns/Campaign2")


def test_a_page_of_another_origin_can_neither_read_nor_steer(browser: Browser, origin: str, standin: Server) -> None:
    call = "url => fetch(url, {headers: {'X-Recorder-Token': 't0ken'}}).then(r => r.status, e => e.name)"
    state = f"{standin.url}/__recorder/state"

    foreign, own = browser.on_page(
        lambda page: [
            (page.goto(address), page.evaluate(call, state))[1]
            for address in (f"{origin}/page.html", f"{standin.url}/api/v2/me")
        ]
    )

    assert (foreign, own) == ("TypeError", 200)


def test_the_browser_does_keep_origins_apart(browser: Browser, origin: str, tmp_path: Path) -> None:
    with Lab("cometd", tmp_path / "truth.jsonl") as lab, pytest.raises(LabError, match="handshake failed"):
        play_in_page(browser, origin, lab.url, desktop("page-"))
