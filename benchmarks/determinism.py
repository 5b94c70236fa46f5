"""Does a replay give the same bytes each time, whatever the scheduler does?

    python -m benchmarks.determinism [--runs N] [--clients N] [--json]

One stand-in a run, over HTTP, with a virtual clock, one seed and faults; scripted clients at once, each with a poll
beside its requests. Prints how many different transcripts there were: status, headers and body of every answer, in the
order of each client's requests and polls. `Date` and `Server`, which the HTTP library adds, are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.profiles import paragraph, profiled
from benchmarks.rows import Row, Scale
from recorder.dialect.definition import load
from recorder.library.recording import load_recording
from recorder.model import Recording
from recorder.replay.engine.faults import Faults, parse
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.server.app import seeded_ids, serve

CASSETTE = Path(__file__).parents[1] / "cassettes" / "preview-session.cassette"
FAULTS = ("duplicate event ChainedRecord 50%", "delay event PreviewRecord 300ms", "reorder event ChainedRecord#1")
BAYEUX = "/api/v2/notifications"
_LEFT_OUT = {"Date", "Server"}


class Client:
    """A desktop that asks for each triple in turn, when the events of the one before are there."""

    def __init__(self, url: str, http: aiohttp.ClientSession, name: str) -> None:
        self._url, self._http, self._name = url, http, name
        self._client_id = ""
        self._events = 0
        self._arrived = asyncio.Event()
        self.answers: list[Any] = []
        self.polls: list[Any] = []

    async def shake_hands(self) -> None:
        """Handshake, first connect, subscription."""
        message = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        self._client_id = (await self._bayeux(message, self.polls))[0]["clientId"]
        await self._connect()
        await self._bayeux({"channel": "/meta/subscribe", "subscription": "/**"}, self.polls)

    async def run(self, recording: Recording) -> None:
        """Play all triples, each when the events of the one before are there."""
        polling = asyncio.create_task(self._poll())
        for triple in recording.triples:
            body = json.loads(triple.request.body) | {"referenceId": f"{self._name}-{triple.n}"}
            self._events = 0
            await self._send(triple.request.target, body, self.answers)
            while self._events < len(triple.events):
                self._arrived.clear()
                await self._arrived.wait()
        polling.cancel()

    async def _poll(self) -> None:
        while True:
            await self._connect()

    async def _connect(self) -> None:
        messages = await self._bayeux({"channel": "/meta/connect", "connectionType": "long-polling"}, self.polls)
        self._events += sum(not message["channel"].startswith("/meta/") for message in messages)
        self._arrived.set()

    async def _bayeux(self, message: dict[str, Any], into: list[Any]) -> list[dict[str, Any]]:
        own = {"clientId": self._client_id} if self._client_id else {}
        found: list[dict[str, Any]] = json.loads(await self._send(BAYEUX, [message | own], into))
        return found

    async def _send(self, path: str, content: Any, into: list[Any]) -> bytes:
        async with self._http.post(self._url + path, json=content) as answer:
            body = await answer.read()
            headers = [(name, value) for name, value in answer.headers.items() if name not in _LEFT_OUT]
            into.append([answer.status, headers, body.decode()])
            return body


async def transcript(recording: Recording, clients: int) -> str:
    """Play once; a hash of all that came back."""
    faults = Faults([parse(text) for text in FAULTS], recording, seed=7)
    standin = ReplayEngine(recording, load(), new_id=seeded_ids(7), rate=1, faults=faults)
    async with serve(standin, virtual=True) as address:
        url = f"http://localhost:{address.port}"
        sessions = [aiohttp.ClientSession() for _ in range(clients)]
        try:
            agents = [Client(url, http, f"agent{place}") for place, http in enumerate(sessions)]
            for agent in agents:  # who shakes hands first is the first session
                await agent.shake_hands()
            await asyncio.gather(*(agent.run(recording) for agent in agents))
        finally:
            for http in sessions:
                await http.close()
    seen = json.dumps([[agent.answers, agent.polls] for agent in agents])
    return hashlib.sha256(without_port(seen, url).encode()).hexdigest()


def without_port(text: str, url: str) -> str:
    """A text in which nothing tells the port of a URL; its digits may be those of a time."""
    address = url.rpartition("/")[2]
    return text.replace(address, address.partition(":")[0])


async def transcripts(recording: Recording, runs: int, clients: int) -> Counter[str]:
    """How often there was each transcript."""
    return Counter([await transcript(recording, clients) for _ in range(runs)])


def rows(scale: Scale) -> list[Row]:
    """The row of the table."""
    runs, clients = (1000, 4) if scale is Scale.FULL else (3, 4)
    recording = load_recording(CASSETTE)
    found = asyncio.run(transcripts(recording, runs, clients))
    ((_, most),) = found.most_common(1)
    _, shares = profiled(lambda: asyncio.run(transcripts(recording, max(1, runs // 100), clients)))
    facts = (
        f"{clients} clients at once, over HTTP, with {len(FAULTS)} faults, one of them by chance.",
        f"{len(found)} different transcript{'s' * (len(found) != 1)}.",
    )
    return [
        Row(
            f"runs of scripted clients that differ in any response byte (virtual clock), out of {runs:,}",
            "0",
            f"{runs - most}",
            most == runs,
            "python -m benchmarks --only determinism",
            facts,
            paragraph(shares, "a run, clients and stand-in in one process"),
        )
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run it; exit code 1 if two runs differed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    recording = load_recording(CASSETTE)
    found = asyncio.run(transcripts(recording, options.runs, options.clients))
    result = {"runs": options.runs, "clients": options.clients, "transcripts": len(found)}
    print(json.dumps(result) if options.json else ", ".join(f"{value} {name}" for name, value in result.items()))
    return len(found) != 1


if __name__ == "__main__":
    sys.exit(main())
