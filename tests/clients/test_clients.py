"""Real clients of six makers, recorded from two real servers and played to: by themselves, and by each other."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from recorder.api.standin import StandIn
from recorder.cassette.reader import read
from recorder.library.recording import load_recording
from recorder.model import SocketMessage
from tests.clients.crossing import Lines, Play
from tests.clients.matrix import PLAYERS, TAKES, Seat, Server, Take
from tests.clients.table import played, recorded
from tests.integration.captures import assert_truth, by_command
from tests.lab.lab import Cause, Lab
from tests.lab.sessions import preview_session

pytestmark = [pytest.mark.node, pytest.mark.once]

_POLL_MS = 2000  # two of the clients wait for the end of their first poll, and Faye holds it
_TAKES = [
    pytest.param(
        take, marks=[getattr(pytest.mark, seat.client.marker) for seat in (take.seat, PLAYERS[take])], id=str(take)
    )
    for take in TAKES
]


@dataclass(frozen=True)
class Taken:
    """A recording, what the lab knows of it, and what its client printed."""

    take: Take
    cassette: Path
    truth: list[Cause]
    live: Lines


def script(seat: Seat, prefix: str) -> dict[str, Any]:
    return preview_session(prefix, 0.0) | {"transport": seat.transport}


def heard(lines: Lines, prefix: str) -> dict[int, list[tuple[str, Any]]]:
    """The events of each step in their order; ids that begin as the client's own do are known as such."""
    steps: dict[int, list[tuple[str, Any]]] = defaultdict(list)
    for line in lines:
        if line["kind"] == "event":
            reference = line["data"].get("referenceId")
            own = {} if reference is None else {"referenceId": reference.replace(prefix, "own ", 1)}
            steps[line["step"]].append((line["channel"], line["data"] | own))
    return steps


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Server], Lab]]:
    """The lab with this server, which is started when it is first asked for and stays."""
    folder = tmp_path_factory.mktemp("labs")
    running: dict[Server, Lab] = {}
    with ExitStack() as stack:

        def get(server: Server) -> Lab:
            if server not in running:
                running[server] = stack.enter_context(Lab(server, folder / f"{server}.jsonl", timeout_ms=_POLL_MS))
                running[server].options(chain=2, early=1, splitMs=5, cors=True)
            return running[server]

        yield get


@pytest.fixture(scope="module", params=_TAKES)
def taken(
    request: pytest.FixtureRequest, lab: Callable[[Server], Lab], play: Play, tmp_path_factory: pytest.TempPathFactory
) -> Taken:
    take: Take = request.param
    server = lab(take.server)
    cassette = tmp_path_factory.mktemp("taken") / "live.cassette"
    before = len(server.truth())
    with by_command(server.url, cassette) as proxy:
        live = play(take.seat, proxy.url, script(take.seat, "live-"))
    return Taken(take, cassette, server.truth()[before:], live)


def test_what_is_recorded_is_what_happened(taken: Taken, record_property: Callable[[str, object], None]) -> None:
    record_property("cell", recorded(taken.take))

    recording = load_recording(taken.cassette)

    assert_truth(recording.triples, [cause for cause in taken.truth if cause.method == "POST"])
    assert recording.unsolicited == ()
    on_socket = any(isinstance(record, SocketMessage) for record in read(taken.cassette).records)
    assert on_socket == (taken.take.seat.transport == "websocket")


def test_the_client_that_was_recorded_hears_the_same_under_its_new_ids(
    taken: Taken, play: Play, record_property: Callable[[str, object], None]
) -> None:
    record_property("cell", recorded(taken.take))

    assert_the_same_is_heard(taken, play, taken.take.seat, "instant")


def test_another_client_hears_the_same_over_its_own_transport(
    taken: Taken, play: Play, record_property: Callable[[str, object], None]
) -> None:
    record_property("cell", played(taken.take))

    assert_the_same_is_heard(taken, play, PLAYERS[taken.take], 20)


def assert_the_same_is_heard(taken: Taken, play: Play, player: Seat, rate: float | Literal["instant"]) -> None:
    with StandIn(taken.cassette, rate=rate) as standin:
        lines = play(player, standin.url, script(player, "other-"))

    assert heard(lines, "other-") == heard(taken.live, "live-")
    assert "live-" not in json.dumps(lines)
    assert (standin.misses, standin.unplayed, standin.unplayed_events) == ([], (), [])


def test_cometd_nodejs_server_has_long_polling_alone(lab: Callable[[Server], Lab]) -> None:
    status, (reply,) = post(lab("cometd"), [{"channel": "/meta/handshake", "version": "1.0"}])

    assert (status, reply["supportedConnectionTypes"]) == (200, ["long-polling"])


def test_cometd_nodejs_server_refuses_single_objects(lab: Callable[[Server], Lab]) -> None:
    status, _ = post(lab("cometd"), {"channel": "/meta/handshake", "version": "1.0"})

    assert status == 400


def post(lab: Lab, messages: Any) -> tuple[int, Any]:
    body, headers = json.dumps(messages).encode(), {"Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"{lab.url}/api/v2/notifications", body, headers)
        ) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
