"""The stand-in as the HTTP benchmarks run it, and what it answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.synthetic import HEADER, records
from benchmarks.wrk import write_requests
from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from recorder.library.recording import load_recording
from recorder.model import Record, Recording, Request, Response
from tests.lab.processes import RECORDER, Server, serving

OPTIONS = ("--rate", "instant", "--repeat", "cycle", "--listen", "127.0.0.1:0")
_BAYEUX = "/api/v2/notifications"


class Recorded:
    """One agent's session of so many operations, with their events or not; as a cassette, and as requests for wrk."""

    def __init__(self, folder: Path, triples: int, *, events: bool = True) -> None:
        self.folder, self.cassette, self.requests = folder, folder / "session.cassette", folder / "requests"
        journal = create(self.cassette, replace(HEADER, redaction="gws"))  # what `recorder record` sets
        given = records(triples, agents=1)
        journal.append([encode(record) for record in (given if events else _without_bayeux(given))])
        journal.close()
        self.recording: Recording = load_recording(self.cassette)
        write_requests(self.recording, self.requests)


def _without_bayeux(given: Iterable[Record]) -> Iterator[Record]:
    polls, numbers = set(), count()
    for record in given:
        if isinstance(record, Request) and record.target.startswith(_BAYEUX):
            polls.add(record.exchange)
        elif not isinstance(record, Response) or record.exchange not in polls:
            yield replace(record, seq=next(numbers))


@contextmanager
def stand_in(cassette: Path) -> Iterator[Server]:
    """`recorder replay`, at its fastest."""
    with serving([RECORDER, "replay", str(cassette), *OPTIONS], ready="listening on ") as server:
        yield server


@contextmanager
def bare(name: str, answers: Path, loop: str = "asyncio") -> Iterator[Server]:
    """A server that does nothing but answer."""
    command = [sys.executable, "-m", "benchmarks.bare", name, str(answers), "--loop", loop]
    with serving(command, ready="listening on ") as server:
        yield server


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it was sent, and the body of its answer."""

    target: str
    body: str
    answer: str


class Talk:
    """A client that has shaken hands with a stand-in, connected and subscribed."""

    def __init__(self, server: Server) -> None:
        address = urlsplit(server.url)
        self._http = HTTPConnection(address.hostname or "", address.port or 0)
        self._cookie: dict[str, str] = {}
        self._numbers = count(1)
        shake = {"version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        shaken = self._bayeux("/meta/handshake", shake)
        self._client = {"clientId": json.loads(shaken.answer)[0]["clientId"]}
        self.poll()
        self._bayeux("/meta/subscribe", self._client | {"subscription": "/**"})

    def poll(self) -> Exchange:
        """A poll."""
        return self._bayeux("/meta/connect", self._client | {"connectionType": "long-polling"})

    def ask(self, target: str, body: str) -> Exchange:
        """Any request; `head` is that of its answer then."""
        self._http.request("POST", target, body, {"Content-Type": "application/json"} | self._cookie)
        answer = self._http.getresponse()
        told = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(f"the stand-in answered {answer.status}: {told}")
        self.head = "".join(f"{name}: {value}\r\n" for name, value in answer.getheaders())
        if "Set-Cookie" in answer.headers:
            self._cookie["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
        return Exchange(target, body, told)

    def _bayeux(self, channel: str, fields: dict[str, Any]) -> Exchange:
        return self.ask(_BAYEUX, json.dumps([{"channel": channel, "id": str(next(self._numbers))} | fields]))


def sample(server: Server, recorded: Recorded, into: Path) -> None:
    """Keep what a stand-in answers to an operation and the poll after it, for servers that do nothing else."""
    talk = Talk(server)
    request = next(triple for triple in recorded.recording.triples if len(triple.events) == 2).request
    ack = talk.ask(request.target, request.body.decode())
    told = {"ack": f"HTTP/1.1 200 OK\r\n{talk.head}\r\n{ack.answer}"}
    pushed = talk.poll()
    into.write_text(json.dumps(told | {"pushed": f"HTTP/1.1 200 OK\r\n{talk.head}\r\n{pushed.answer}"}))


def session(recorded: Recorded, *, polls: bool) -> list[Exchange]:
    """What other tools record when a client sends each operation, and after each the poll that brings its events."""
    with stand_in(recorded.cassette) as server:
        talk = Talk(server) if polls else None
        exchanges = []
        for triple in recorded.recording.triples:
            target, body = triple.request.target, triple.request.body.decode()
            answer = triple.ack.body.decode() if triple.ack is not None else ""
            exchanges += [talk.ask(target, body), talk.poll()] if talk else [Exchange(target, body, answer)]
    return exchanges


def write_session(exchanges: Iterable[Exchange], path: Path) -> None:
    """For wrk, to be sent as it was."""
    path.write_text("".join(f"{one.target}\t{one.body}\n" for one in exchanges))
