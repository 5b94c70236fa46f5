"""Two processes behind one port: each client has its session in one of them, whatever connection it comes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from benchmarks.determinism import BAYEUX, CASSETTE, Client
from recorder.library.recording import load_recording
from recorder.model import Recording
from recorder.replay.server.affinity import process_of
from tests.lab.processes import Server, recorder, until

pytestmark = pytest.mark.once

RECORDING = load_recording(CASSETTE)


class Watchful(Client):
    """Notes which events came before their request, and those with ids of others."""

    def __init__(self, url: str, http: aiohttp.ClientSession, name: str) -> None:
        super().__init__(url, http, name)
        self.asked: set[str] = set()
        self.heard: Counter[str] = Counter()
        self.wrong: list[Any] = []

    async def _send(self, path: str, content: Any, into: list[Any]) -> bytes:
        if "referenceId" in content:
            self.asked.add(content["referenceId"])
        answer = await super()._send(path, content, into)
        for message in json.loads(answer) if into is self.polls else ():
            reference = message.get("data", {}).get("referenceId")
            self.heard[message["channel"]] += not message["channel"].startswith("/meta/")
            if reference is not None and reference not in self.asked:
                self.wrong.append(message)
        return answer


def shared(*arguments: str) -> Any:
    return recorder("replay", CASSETTE, "--processes", "2", "--rate", "instant", "--json", *arguments)


async def played(url: str, recording: Recording, count: int) -> list[Watchful]:
    """Clients that play all at once, each with its jar and an Authorization of its own."""
    sessions = [aiohttp.ClientSession(headers={"Authorization": f"Basic {n}"}) for n in range(count)]
    try:
        agents = [Watchful(url, http, f"agent{n}") for n, http in enumerate(sessions)]
        for agent in agents:
            await agent.shake_hands()
        await asyncio.gather(*(agent.run(recording) for agent in agents))
        return agents
    finally:
        for http in sessions:
            await http.close()


@pytest.mark.parametrize("clock", ["wall", "virtual"])
def test_each_client_gets_its_events_after_their_requests_and_with_its_ids(clock: str) -> None:
    with shared("--clock", clock) as server:
        agents = asyncio.run(played(server.url, RECORDING, 8))

    report = json.loads(server.stdout)
    processes = Counter(name.split("/")[0] for name in report["played"])
    everything = [triple.n for triple in RECORDING.triples]
    assert [agent.wrong for agent in agents] == [[]] * 8
    assert len({tuple(sorted(agent.heard.items())) for agent in agents}) == 1
    assert agents[0].heard.total() >= sum(len(triple.events) for triple in RECORDING.triples)
    assert processes == Counter(str(process_of((("authorization", f"Basic {n}"),), 2)) for n in range(8))
    assert len(processes) == 2
    assert list(report["played"].values()) == [everything] * 8
    assert (report["unplayed"], report["misses"], report["misdirected"], server.code) == ([], [], 0, 0)


def test_a_client_without_authorization_stays_where_its_cookie_was_given_out() -> None:
    async def play(server: Server) -> list[Watchful]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
            agent = Watchful(server.url, http, "agent")
            await agent.shake_hands()
            await agent.run(RECORDING)
            return [agent]

    with shared() as server:
        (agent,) = asyncio.run(play(server))

    assert agent.wrong == []
    assert list(json.loads(server.stdout)["played"]) == ["0/p1"]


def test_a_second_client_on_the_same_connection_is_refused_loudly_and_gets_on_by_another() -> None:
    users = {process_of((("authorization", f"Basic {n}"),), 2): f"Basic {n}" for n in range(8)}
    shake = [{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}]

    async def ask(url: str) -> list[int]:
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1), cookie_jar=jar) as http:
            found = []
            for user in (users[0], users[1], users[1]):
                async with http.post(url + BAYEUX, json=shake, headers={"Authorization": user}) as answer:
                    await answer.read()
                    found.append(answer.status)
            return found

    with shared() as server:
        statuses = asyncio.run(ask(server.url))

    assert statuses == [200, 421, 200]
    assert json.loads(server.stdout)["misdirected"] == 1
    assert "refused (421)" in server.stderr
    assert server.code == 1


def test_a_head_that_comes_in_pieces_finds_its_process() -> None:
    with shared() as server:
        port = urlsplit(server.url).port or 0
        with (
            socket.create_connection(("127.0.0.1", port), 20) as idle,
            socket.create_connection(("127.0.0.1", port), 20) as slow,
        ):
            slow.sendall(b"GET /api/v2/me HTTP/1.1\r\nHost: gws\r\n")
            slow.sendall(b"Authorization: Basic 1\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: slow.recv(1 << 16), b""))
            idle.close()

    assert answer.startswith(b"HTTP/1.1 ")


def test_where_a_process_ends_all_end_and_say_so() -> None:
    with shared() as server:
        pid = server.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        until(lambda: server.process.poll() is not None, "the end of the front")
        until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), "the end of the other process")

    assert len(children) == 2
    assert server.code == 1
    assert "process 0 of 2 broke" in server.stderr


@pytest.mark.parametrize("option", [("--control-token", "t"), ("--exit-when-done",)])
def test_what_needs_all_sessions_in_one_process_is_refused(option: tuple[str, ...]) -> None:
    with pytest.raises(AssertionError, match="did not get ready"), shared(*option):
        pass


def test_who_is_told_twice_to_stop_tells_how_it_went_all_the_same() -> None:
    with shared("--listen", "127.0.0.1:0") as server:
        server.process.send_signal(signal.SIGINT)  # and once more where the block ends, as `timeout -s INT` does

    assert server.code == 0
    assert json.loads(server.stdout)["misdirected"] == 0
    assert "Traceback" not in server.stderr
