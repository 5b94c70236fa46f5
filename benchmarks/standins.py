"""The stand-in as the HTTP benchmarks run it, and what it answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.synthetic import HEADER, records
from benchmarks.wrk import write_requests
from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from recorder.correlate.recording import load_recording
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


def sample(server: Server, recorded: Recorded, into: Path) -> None:
    """Keep what a stand-in answers to an operation and the poll after it, for servers that do nothing else."""
    address = urlsplit(server.url)
    http = HTTPConnection(address.hostname or "", address.port or 0)
    cookie: dict[str, str] = {}

    def ask(target: str, content: Any) -> str:
        http.request("POST", target, json.dumps(content), {"Content-Type": "application/json"} | cookie)
        answer = http.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(f"the stand-in answered {answer.status}: {body}")
        head = "".join(f"{name}: {value}\r\n" for name, value in answer.getheaders())
        if "Set-Cookie" in answer.headers:
            cookie["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
        return f"HTTP/1.1 200 OK\r\n{head}\r\n{body}"

    def bayeux(**fields: Any) -> str:
        return ask(_BAYEUX, [fields])

    shaken = bayeux(channel="/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"])
    client_id = json.loads(shaken.partition("\r\n\r\n")[2])[0]["clientId"]
    connect = {"channel": "/meta/connect", "connectionType": "long-polling", "clientId": client_id}
    bayeux(**connect)
    bayeux(channel="/meta/subscribe", subscription="/**", clientId=client_id)
    request = next(triple for triple in recorded.recording.triples if len(triple.events) == 2).request
    ack = ask(request.target, json.loads(request.body))
    into.write_text(json.dumps({"ack": ack, "pushed": bayeux(**connect)}))
