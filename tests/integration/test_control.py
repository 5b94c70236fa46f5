"""The control API of a real stand-in: refused to strangers, and of use to who has the token."""

from __future__ import annotations

import asyncio
import json
import os
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from recorder.cli.desktop import agent
from recorder.library.recording import load_recording
from tests.lab.processes import Server, recorder

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
FIRST, SECOND, *_ = load_recording(PREVIEW).triples
TOKEN = {"X-Recorder-Token": "t0ken"}
WITH_TOKEN = os.environ | {"RECORDER_CONTROL_TOKEN": "t0ken"}


def call(server: Server, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    content = None if body is None else json.dumps(body)
    shown = {name.replace("_", "-"): value for name, value in headers.items()} if headers else TOKEN
    connection.request(method, f"/__recorder{path}", content, shown)
    response = connection.getresponse()
    found = response.status, json.loads(response.read())
    connection.close()
    return found


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "*/*"},
        {"X_Recorder_Token": "other"},
        {"Authorization": "Bearer other"},
        {"X_Recorder_Token": "t0ken", "Origin": "http://evil.example"},
        {"X_Recorder_Token": "t0ken", "Host": "evil.example"},
        {"X_Recorder_Token": "t0ken", "Host": "localhost:1"},
    ],
)
def test_who_shows_no_token_comes_from_elsewhere_or_names_another_host_is_refused(headers: dict[str, str]) -> None:
    with recorder("replay", PREVIEW, env=WITH_TOKEN) as standin:
        status, _ = call(standin, "GET", "/state", **headers)
        changed, _ = call(standin, "POST", "/pause", {}, **headers)

        assert (status, changed) == (403, 403)
        assert call(standin, "GET", "/state")[1]["paused"] is False
        assert call(standin, "GET", "/state", Authorization="Bearer t0ken")[0] == 200


def test_without_a_token_there_is_no_control_at_all() -> None:
    with recorder("replay", PREVIEW) as standin:
        connection = HTTPConnection(standin.url.removeprefix("http://"), timeout=20)
        connection.request("GET", "/__recorder/state")
        status = connection.getresponse().status
        connection.close()

    assert status == 470


def test_a_pause_holds_what_is_due_and_a_step_lets_one_thing_leave() -> None:
    async def session(standin: Server) -> None:
        async with agent(standin.url) as desktop:
            assert call(standin, "POST", "/pause", {})[0] == 200
            post = asyncio.create_task(desktop.post(FIRST.request.target, json.loads(FIRST.request.body)))
            state: Any = {}
            while not any(found["pending"] for found in state.get("sessions", [])):
                state = (await asyncio.to_thread(call, standin, "GET", "/state"))[1]
            assert not post.done()
            _, stepped = await asyncio.to_thread(call, standin, "POST", "/step", {})
            assert "triple 1" in json.dumps(stepped)
            assert (await asyncio.to_thread(call, standin, "POST", "/resume", {}))[0] == 200
            assert (await post)[0] == 200
            await desktop.events(lambda found: len(found) >= len(FIRST.events), limit=20)
            assert (await asyncio.to_thread(call, standin, "GET", "/report"))[1]["played"] == {"p1": [1]}

    with recorder("replay", PREVIEW, "--rate", "instant", env=WITH_TOKEN) as standin:
        asyncio.run(session(standin))


def test_an_event_can_be_pushed_and_a_fault_be_made_while_it_runs() -> None:
    async def session(standin: Server) -> list[Any]:
        async with agent(standin.url) as desktop:
            event = {"session": "p1", "channel": "/v2/me/outbound", "data": {"notificationType": "Mine"}}
            assert (await asyncio.to_thread(call, standin, "POST", "/inject", event))[0] == 200
            found = await desktop.events(lambda found: len(found) >= 1, limit=20)
            fault = {"fault": f"http 503 {SECOND.operation}"}
            assert (await asyncio.to_thread(call, standin, "POST", "/faults", fault))[0] in (200, 201)
            assert (await desktop.post(SECOND.request.target, json.loads(SECOND.request.body)))[0] == 503
            return found

    with recorder("replay", PREVIEW, "--rate", "instant", env=WITH_TOKEN) as standin:
        events = asyncio.run(session(standin))

    assert [event["data"] for event in events] == [{"notificationType": "Mine"}]


def test_a_virtual_clock_is_moved_by_hand_and_a_real_one_is_not() -> None:
    with recorder("replay", PREVIEW, "--clock", "virtual", env=WITH_TOKEN) as standin:
        assert call(standin, "POST", "/advance", {"seconds": 30})[0] == 200
    with recorder("replay", PREVIEW, env=WITH_TOKEN) as standin:
        assert call(standin, "POST", "/advance", {"seconds": 30})[0] == 409
