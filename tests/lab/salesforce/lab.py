"""A small Salesforce-shaped org and its scripted clients, run from Python."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias

from tests.lab.lab import Event, run_client
from tests.lab.processes import serving

_HERE = Path(__file__).resolve().parent
Library: TypeAlias = Literal["jsforce", "aiosfstream"]
Line: TypeAlias = dict[str, Any]
LIBRARIES: dict[Library, tuple[str, ...]] = {
    "jsforce": ("node", str(_HERE / "client.js")),
    "aiosfstream": (sys.executable, "-m", "tests.lab.salesforce.client"),
}
_SOBJECTS = "/services/data/v60.0/sobjects"


def _composite(name: str) -> dict[str, Any]:
    account = {"method": "POST", "url": f"{_SOBJECTS}/Account", "referenceId": "a", "body": {"Name": name}}
    contact = {"method": "POST", "url": f"{_SOBJECTS}/Contact", "referenceId": "b", "body": {"AccountId": "@{a.id}"}}
    return {"do": "composite", "body": {"compositeRequest": [account, contact]}, "events": 3}


# Two of each kind of call: records of their own, with a trigger, several in one request, and platform events.
SESSION: dict[str, Any] = {
    "subscribe": ["/data/AccountChangeEvent", "/data/ContactChangeEvent", "/topic/AccountUpdates", "/event/Order__e"],
    "think": 0.05,
    "steps": [
        {"do": "create", "fields": {"Name": "Acme"}, "events": 2},
        {"do": "create", "fields": {"Name": "Partner", "Type": "Partner"}, "events": 3},
        {"do": "update", "record": 0, "fields": {"Phone": "555-0100"}, "events": 2},
        {"do": "read", "record": 0},
        {"do": "create", "object": "Order__e", "fields": {"Order_Number__c": "7"}, "events": 1},
        _composite("Composed"),
        {"do": "create", "object": "Contact", "fields": {"LastName": "Lovelace"}, "events": 1},
        {"do": "collection", "records": [{"Name": "One"}, {"Name": "Two"}], "events": 4},
        {"do": "update", "record": 1, "fields": {"Phone": "555-0101"}, "events": 2},
        {"do": "create", "object": "Order__e", "fields": {"Order_Number__c": "8"}, "events": 1},
        {"do": "create", "fields": {"Name": "Other partner", "Type": "Partner"}, "events": 3},
        {"do": "collection", "records": [{"Name": "Three"}, {"Name": "Four"}, {"Name": "Five"}], "events": 6},
        _composite("Composed again"),
        {"do": "delete", "record": 0, "events": 2},
        {"do": "update", "record": 1, "fields": {"Name": "Partner renamed"}, "events": 2},
        {"do": "delete", "record": 1, "events": 2},
    ],
}


@dataclass(frozen=True, slots=True)
class Org:
    """The server as a child process.

    Attributes:
        url: Where it listens.
        log: Its truth: requests, acks and events, as those of the other lab.
    """

    url: str
    log: Path

    def forget(self) -> None:
        """End all sessions of the stream, as if their clients had been silent for too long."""
        self._control("forget")

    def seen(self) -> int:
        """Return the number of requests of all kinds that came so far, to the org and to its login host."""
        return int(self._control("seen")["seen"])

    @property
    def login(self) -> str:
        """Where the login host of the org listens."""
        return str(self._control("seen")["login"])

    def _control(self, what: str) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/lab/{what}", b"{}", method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def events(self) -> list[Event]:
        """Return what was published so far, heard or not."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [(line["channel"], line["data"]) for line in lines if line["kind"] == "event"]


@contextmanager
def serving_org(log: Path, *, timeout_ms: int = 5000, delay_ms: int = 40) -> Iterator[Org]:
    """Run an org; a poll is held for `timeout_ms`, and a change is published `delay_ms` after its answer."""
    log.touch()
    options = [f"--log={log}", f"--timeout={timeout_ms}", f"--delay={delay_ms}"]
    with serving(["node", str(_HERE / "server.js"), *options], ready="listening on ") as server:
        yield Org(server.url, log)


def play(library: Library, url: str, script: Mapping[str, Any]) -> list[Line]:
    """Let a scripted client play against a base URL, and return the lines it printed.

    Raises:
        LabError: If the login failed, a step timed out or all took longer than a minute.
    """
    return run_client(LIBRARIES[library], url, script)


def play_together(parts: Sequence[tuple[Library, str, Mapping[str, Any]]]) -> list[list[Line]]:
    """Let several scripted clients play; each is a library, a base URL and a script. They begin when all listen."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(len(parts)) as pool:
        meet = [{"folder": folder, "name": str(n), "count": len(parts)} for n, _ in enumerate(parts)]
        playing = [
            pool.submit(play, library, url, {**script, "meet": where})
            for (library, url, script), where in zip(parts, meet, strict=True)
        ]
        return [each.result() for each in playing]


def heard(lines: Sequence[Line]) -> list[Event]:
    """Return the events that a client printed, in their order."""
    return [(line["channel"], line["data"]) for line in lines if line["kind"] == "event"]
