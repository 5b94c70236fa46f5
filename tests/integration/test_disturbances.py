"""A bad day: a disturbance is recorded as it was, doctor names it, and a client that nothing disturbs plays it through.

The servers, the recorder, the stand-in and the clients that play (CometD's and aiocometd) are the real ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cli.desktop import agent
from recorder.diagnose.doctor import examine
from recorder.library.recording import load_recording
from recorder.model import State, Triple
from recorder.requests.index.windows import copies
from tests.integration.captures import RECORDS, Operation, Scene, Stage, Stages, by_command
from tests.lab.byhand import Desk
from tests.lab.lab import Lab, run_js_client
from tests.lab.processes import recorder, until
from tests.lab.sessions import CHANNELS, operation

pytestmark = [pytest.mark.node, pytest.mark.once]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with ExitStack() as stack:
        yield Stages(tmp_path_factory.mktemp("stages"), stack)


@pytest.fixture
def stage(stages: Stages) -> Iterator[Stage]:
    found = stages.get("cometd")
    found.begin()
    yield found
    found.end()


def chained(reference: str, handle: int = 7) -> tuple[str, Any]:
    step = operation(f"{RECORDS}/{handle}", "GetChainedRecord", reference, 0)
    return step["path"], step["body"]


def written(scene: Scene, path: Path) -> Path:
    """A cassette of one scene."""
    numbered = [replace(record, seq=seq) for seq, record in enumerate(scene.records)]
    path.write_bytes(encode_header(scene.header) + b"".join(map(encode, numbered)))
    return path


def findings(cassette: Path) -> dict[str, str]:
    """What doctor says, by kind; nothing of it is a fault of the cassette."""
    found = examine(cassette)
    assert {finding.level.value for finding in found} <= {"remark"}
    return {finding.kind: finding.text for finding in found}


def names(triple: Triple) -> list[str]:
    return [link.name for link in triple.events]


Step: TypeAlias = tuple[str, Any, int, list[str]]  # path, body, status, and the channels of its events


def asked(triple: Triple) -> Any:
    return json.loads(triple.request.body) | {"referenceId": f"live-{triple.n}"}


def assert_plays_through(cassette: Path) -> None:
    """Two clients that nothing disturbs ask all that was asked, and get all acks and events, in their order.

    What several windows of one browser got, a client with a single one gets once.
    """
    recording = load_recording(cassette)
    groups = [[link.event for link in triple.events] for triple in recording.triples]
    groups.append([pushed.event for pushed in recording.unsolicited])
    again = frozenset[tuple[int, int]]().union(*(copies(group, recording.windows) for group in groups))
    expected = [
        (
            triple.request.target,
            asked(triple),
            triple.ack.status if triple.ack else 504,
            [link.event.channel for link in triple.events if (link.event.seq, link.event.index) not in again],
        )
        for triple in recording.triples
    ]
    with recorder("replay", cassette, "--rate", "instant") as standin:
        played = asyncio.run(_both(standin.url, expected))

    wanted = [(status, events) for _, _, status, events in expected]
    assert played == [wanted, wanted]
    assert standin.code == 0, standin.stderr


async def _both(url: str, expected: list[Step]) -> list[Any]:
    return list(await asyncio.gather(asyncio.to_thread(_cometd, url, expected), _aiocometd(url, expected)))


def _cometd(url: str, expected: list[Step]) -> list[tuple[int, list[str]]]:
    steps = [{"path": path, "body": body, "events": len(events), "timeout": 10} for path, body, _, events in expected]
    lines = run_js_client(url, {"subscribe": CHANNELS, "steps": steps})
    events: list[list[str]] = [[] for _ in steps]
    for line in lines:
        if line["kind"] == "event":
            events[line["step"]].append(line["channel"])
    return list(zip((line["status"] for line in lines if line["kind"] == "ack"), events, strict=True))


async def _aiocometd(url: str, expected: list[Step]) -> list[tuple[int, list[str]]]:
    played = []
    async with agent(url) as desktop:
        for path, body, _, events in expected:
            status, _ = await desktop.post(path, body)
            found = await desktop.events(lambda seen, count=len(events): len(seen) >= count, limit=10)  # noqa: B008
            played.append((status, [event["channel"] for event in found]))
    return played


# The server is killed and comes back


def test_a_server_that_is_killed_and_comes_back_while_polls_are_held(tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with ExitStack() as proxied:
        with Lab("cometd", tmp_path / "before.jsonl") as lab:
            proxy = proxied.enter_context(by_command(lab.url, cassette))
            desk = Desk(proxy.url, "agent:secret").connected()
            desk.asks(*chained("r1"))
            desk.hears(2)
            poll = desk.polls()
            until(lambda: len(lab.waiting()) == 1, "the poll is held")
        assert poll.answer().status == 502
        with suppress(OSError, HTTPException):  # mitmproxy hangs up on a client it has nobody for
            assert desk.asks(*chained("r2", 8)).status == 502
        with Lab("cometd", tmp_path / "after.jsonl", port=lab.port) as lab:
            assert desk.fetches().messages[0]["error"].startswith("402")
            desk.connected()
            desk.asks(*chained("r3", 9))
            desk.hears(2)
            desk.leaves()

    found = findings(cassette)
    assert {"gap", "upstream-hung-up", "session-lost", "poll-aborted"} <= found.keys()
    assert "the upstream could not be reached for " in found["gap"]
    assert "a client began a new session" in found["session-lost"]
    assert "0 of them closed by the client" in found["poll-aborted"]
    triples = load_recording(cassette).triples
    assert [t.keys["reference"] for t in triples if t.state is State.COMPLETE] == ["r1", "r3"]
    assert_plays_through(cassette)


def test_a_server_that_is_killed_under_a_websocket(tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with ExitStack() as proxied:
        with Lab("faye", tmp_path / "before.jsonl") as lab:
            proxy = proxied.enter_context(by_command(lab.url, cassette))
            desk = Desk(proxy.url, "agent:secret")
            desk.sends("GET", "/api/v2/me").answer()
            socket = desk.opens_socket()
            socket.connected(desk)
            desk.asks(*chained("r1"))
            for channel in CHANNELS:
                socket.hears(channel)
            lab.options(stepwise=True)
            post = desk.posts(*chained("r2", 8))
            until(lambda: len(lab.waiting()) == 1, "the operation waits")
        assert post.answer().status == 502
        with Lab("faye", tmp_path / "after.jsonl", port=lab.port):
            desk.connected()
            desk.asks(*chained("r3", 9))
            desk.hears(2)
            desk.leaves()

    found = findings(cassette)
    assert found["socket-cut"].startswith("a WebSocket was cut by the server (1006)")
    assert found["upstream-hung-up"].startswith("the upstream ended 1 request")
    triples = load_recording(cassette).triples
    assert [(t.state, names(t)[:1]) for t in triples] == [
        (State.COMPLETE, ["ChainedRecordsDataEnd"]),
        (State.ABORTED, []),
        (State.COMPLETE, ["ChainedRecordsDataEnd"]),
    ]
    assert len({triple.session for triple in triples}) == 1
    assert_plays_through(cassette)


# The client, or its connection, goes


def test_a_websocket_that_the_client_cuts(tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with Lab("faye", tmp_path / "truth.jsonl") as lab, by_command(lab.url, cassette) as proxy:
        desk = Desk(proxy.url, "agent:secret")
        desk.sends("GET", "/api/v2/me").answer()
        socket = desk.opens_socket()
        socket.connected(desk)
        stage = Stage(lab, proxy.url, cassette)
        stage.options()
        waiting = stage.asks(desk, chained("r1"))
        socket.cut()
        until(lambda: b"code 1006" in cassette.read_bytes(), "the end of the socket is recorded")
        waiting.acked()
        desk.connected()
        waiting.emits()
        desk.hears(2)
        desk.leaves()

    assert findings(cassette)["socket-cut"] == (
        "a WebSocket was cut by the client (1006) while 1 request waited for an answer"
    )
    (triple,) = load_recording(cassette).triples
    assert triple.state is State.COMPLETE
    assert_plays_through(cassette)


def twice(stage: Stage, desk: Desk) -> Operation:
    """One whole triple, and an operation that waits."""
    stage.asks(desk, chained("r1")).done()
    desk.hears(2)
    return stage.asks(desk, chained("r2", 8))


def test_a_poll_that_the_client_gives_up(stage: Stage, tmp_path: Path) -> None:
    desk = stage.desk()
    waiting = twice(stage, desk)
    waiting.acked()

    stage.aborts(desk.polls())
    waiting.emits(1)  # into the poll that nobody reads any more
    waiting.emits()
    desk.fetches()

    cassette = written(stage.recorded(), tmp_path / "s.cassette")
    assert findings(cassette)["poll-aborted"].startswith(
        "1 poll ended without an answer, 1 of them closed by the client"
    )
    assert [len(triple.events) for triple in load_recording(cassette).triples] == [2, 1]
    assert_plays_through(cassette)


# Sessions


def test_a_session_that_is_lost_in_the_middle(stage: Stage, tmp_path: Path) -> None:
    desk = stage.desk()
    waiting = twice(stage, desk)

    stage.lab.forget()
    desk.fetches()
    desk.connected()
    waiting.done()
    desk.hears(2)

    cassette = written(stage.confirmed(), tmp_path / "s.cassette")
    assert "(402::session_unknown); a client began a new session" in findings(cassette)["session-lost"]
    assert len({triple.session for triple in load_recording(cassette).triples}) == 1
    assert_plays_through(cassette)


def test_a_second_poll_beside_the_first(stage: Stage, tmp_path: Path) -> None:
    desk = stage.desk()
    waiting = twice(stage, desk)

    old = desk.polls()
    until(lambda: len(stage.lab.waiting()) == 2, "operation and poll wait")
    new = desk.polls()
    assert old.answer().status == 500
    waiting.done()
    desk.hears(2, new)

    cassette = written(stage.confirmed(), tmp_path / "s.cassette")
    assert findings(cassette)["overlapping-polls"].endswith("the server ended 1 with an error")
    assert_plays_through(cassette)


def test_two_tabs_of_one_browser(stage: Stage, tmp_path: Path) -> None:
    first = stage.desk()
    second = first.beside().connected()

    stage.asks(first, chained("r1")).done()
    first.hears(2)
    second.hears(2)

    cassette = written(stage.recorded(), tmp_path / "s.cassette")
    assert findings(cassette)["two-tabs"].startswith("2 live sessions shared a browser cookie")
    assert_plays_through(cassette)


def test_a_tab_that_the_server_tells_of_the_other_one(tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with (
        Lab("cometd", tmp_path / "truth.jsonl", sessions_per_browser=1) as lab,
        by_command(lab.url, cassette) as proxy,
    ):
        first = Desk(proxy.url, "agent:secret").connected()
        second = first.beside().connected()
        poll = first.polls()
        until(lambda: len(lab.waiting()) == 1, "the first tab's poll is held")
        advice = second.polls().answer().messages[0]["advice"]
        first.asks(*chained("r1"))
        first.hears(2, poll)
        second.hears(2)
        first.leaves()

    assert (advice["multiple-clients"], advice["interval"]) == (True, 2000)
    assert findings(cassette)["two-tabs"].startswith("2 live sessions shared a browser cookie")
    assert_plays_through(cassette)
