"""Sessions that Locust plays for a second of CPU time, beside a bare user of Locust with the same requests.

    python -m benchmarks.load [--smoke]

Each session is a desktop of Genesys Web Services, as in `benchmarks.driven`. The bare user knows what comes: it polls
and posts the same number of requests by Locust's `FastHttpUser`, and reads each answer. The server has a process of its
own; the CPU time is that of Locust from the begin of its test to the end.
"""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from benchmarks.driven import Idle, _recorded
from benchmarks.rows import Row, Scale
from recorder.cassette.codec import encode, encode_header
from recorder.model import Header
from tests.lab.processes import serving

COMMAND = "python -m benchmarks --only load"
_SIZES = {Scale.FULL: (20, 8, 3), Scale.SMOKE: (4, 2, 1)}  # users, seconds, rounds
_OPERATIONS = 20  # of a session
_LEAST = 0.5  # of the sessions of the bare user
_SCALES = 1.8
_DIALECT = "gws-outbound"

# CPU time of the test alone: to import Locust takes as long as some hundred sessions.
_SPENT = """
import os, time
from locust import events

began = []

@events.test_start.add_listener
def start(**_):
    began.append(time.process_time())

@events.test_stop.add_listener
def stop(environment, **_):
    if began and "Master" not in type(environment.runner).__name__:
        with open(f"{os.environ['SPENT']}-{os.getpid()}", "w") as file:
            file.write(str(time.process_time() - began[0]))
"""
_OURS = """
from recorder.locust import SessionUser

class Agents(SessionUser):
    cassettes = [os.environ["CASSETTE"]]
    values = [os.environ["VALUES"]]
    rate = "instant"
    settle = 0
    allow_all = True
    send_recorded_credentials = True
"""
_BARE = """
from itertools import count
import gevent
from locust import FastHttpUser, task

BASE, COMETD, CHANNEL = "/api/v2/me", "/api/v2/notifications", "/v2/me/outbound"
numbers = count()

class Agents(FastHttpUser):
    def post(self, path, value, name):
        with self.client.post(path, json=value, headers=self.cookie, name=name, catch_response=True) as answer:
            answer.success()
            return answer.json()

    @task
    def play(self):
        began, mine = time.perf_counter(), next(numbers)
        self.cookie = {"Cookie": f"JSESSIONID=bare-{os.getpid()}-{mine}"}
        hello = self.post(f"{COMETD}/handshake", [{"id": "1", "channel": "/meta/handshake", "version": "1.0"}], "hello")
        about = {"clientId": hello[0]["clientId"], "id": "2"}
        now = about | {"channel": "/meta/connect", "advice": {"timeout": 0}}
        self.post(f"{COMETD}/connect", [now], "connect")
        self.post(f"{COMETD}/", [about | {"channel": "/meta/subscribe", "subscription": CHANNEL}], "subscribe")
        handle, connect = "0", [about | {"channel": "/meta/connect"}]
        for number in range(OPERATIONS):
            poll = gevent.spawn(self.post, f"{COMETD}/connect", connect, "connect")
            sent = {"operationName": "GetChainedRecord", "referenceId": f"ref-{mine}-{number}", "recordHandle": handle}
            self.post(f"{BASE}/outbound", sent, "GetChainedRecord")
            told = poll.get()
            handle = told[0]["data"]["record"]["recordHandle"]
        poll = gevent.spawn(self.post, f"{COMETD}/connect", connect, "connect")
        self.post(f"{COMETD}/disconnect", [about | {"channel": "/meta/disconnect"}], "bye")
        poll.get()
        self.environment.events.request.fire(
            request_type="session", name="bare", response_time=1e3 * (time.perf_counter() - began), response_length=0,
            exception=None, context={},
        )
""".replace("OPERATIONS", str(_OPERATIONS))


@dataclass(frozen=True, slots=True)
class Spent:
    """What came of one run: sessions that ended, CPU seconds of all workers, failures, requests for each session."""

    sessions: int
    cpu: float
    failures: int
    requests: float

    @property
    def rate(self) -> float:
        """Sessions for a second of CPU time."""
        return self.sessions / self.cpu if self.cpu else 0.0


class Counting(Idle):
    """A server that does nothing; a session that begins has no events of the one before, and requests are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = self.sessions = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        if request.path == "/count":
            return web.json_response([self.requests, self.sessions])
        self.requests += 1
        return await super().__call__(request)

    async def _replies(self, message: dict[str, Any], events: asyncio.Queue[dict[str, Any]]) -> list[dict[str, Any]]:
        if message["channel"] == "/meta/handshake":
            self.sessions += 1
            while not events.empty():
                events.get_nowait()
        return await super()._replies(message, events)


def rows(scale: Scale) -> list[Row]:
    """The row of the table."""
    users, seconds, rounds = _SIZES[scale]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, users)
        pairs = [(run(folder, "ours", users, seconds), run(folder, "bare", users, seconds)) for _ in range(rounds)]
        both = run(folder, "ours", users, seconds, processes=2)
    ours = max((one for one, _ in pairs), key=lambda one: one.rate)
    bare = max((one for _, one in pairs), key=lambda one: one.rate)
    ratio = ours.rate / bare.rate if bare.rate else 0.0
    facts = (
        f"{users} users for {seconds} s, {_OPERATIONS} operations in each session, no think times; best of {rounds}.",
        f"Sessions for a CPU second: {ours.rate:.1f} played by cause, {bare.rate:.1f} by a bare FastHttpUser.",
        f"Requests of a session: {ours.requests:.1f}, {bare.requests:.1f}; failures: {ours.failures}, {bare.failures}.",
        _scaled(ours, both),
    )
    holds = ratio >= _LEAST if scale is Scale.FULL else None
    what = "sessions that Locust plays for a CPU second, beside a bare user of Locust with the same requests"
    return [Row(what, f"≥ {_LEAST}", f"{ratio:.2f}", holds, COMMAND, facts)]


def _scaled(one: Spent, both: Spent) -> str:
    """Return what two workers do, as far as a machine shows it whose server takes a core, too."""
    share = both.rate / one.rate if one.rate else 0.0
    return (
        f"Two workers: {both.rate:.1f} sessions for a CPU second of both, {share:.2f} of one worker's: on free cores "
        f"twice as many workers play {2 * share:.2f} times the sessions (goal ≥ {_SCALES}). "
        f"This machine has {os.cpu_count()} cores, and the server takes one of them."
    )


def written(folder: Path, users: int) -> None:
    """Write the cassette, a cookie for each user, and the two locustfiles."""
    header = Header(started=0, upstream="http://gws.example", dialect=_DIALECT, redaction="none")
    frames = [encode_header(header), *(encode(record) for record in _recorded(1, _OPERATIONS))]
    (folder / "desk.cassette").write_bytes(b"".join(frames))
    lines = "".join(f"ours-{number}\n" for number in range(users))
    (folder / "agents.csv").write_text(f"cookies.JSESSIONID\n{lines}")
    (folder / "ours.py").write_text(_SPENT + _OURS)
    (folder / "bare.py").write_text(_SPENT + _BARE)


def run(folder: Path, which: str, users: int, seconds: int, *, processes: int = 0) -> Spent:
    """Let Locust play one of the locustfiles against a server of its own."""
    for old in folder.glob(f"{which}.spent-*"):
        old.unlink()
    environment = {
        **os.environ,
        "SPENT": str(folder / f"{which}.spent"),
        "CASSETTE": str(folder / "desk.cassette"),
        "VALUES": str(folder / "agents.csv"),
    }
    with serving([sys.executable, "-m", "benchmarks.load", "serve"], ready="listening ") as server:
        line = [sys.executable, "-m", "locust", "-f", str(folder / f"{which}.py"), "--headless", "--host", server.url,
                "--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds}s",
                "--csv", str(folder / which), "--only-summary"]  # fmt: skip
        line += ["--processes", str(processes)] if processes else []
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60 + 4 * seconds)  # noqa: PLW1510  # its failures are counted
        requests, begun = _counted(server.url)
    found = _statistics(folder / f"{which}_stats.csv")
    cpu = sum(float(one.read_text()) for one in folder.glob(f"{which}.spent-*"))
    if not cpu:
        raise RuntimeError(f"Locust did not run: {done.stderr[-2000:]}")
    failures = sum(int(row["Failure Count"]) for row in found if row["Name"] == "Aggregated")
    sessions = sum(int(row["Request Count"]) for row in found if row["Type"] == "session")
    return Spent(sessions, cpu, failures, requests / max(1, begun))


def _statistics(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _counted(url: str) -> tuple[int, int]:
    import json
    import urllib.request

    with urllib.request.urlopen(f"{url}/count", timeout=10) as answer:
        requests, sessions = json.load(answer)
    return int(requests), int(sessions)


async def _serve() -> None:
    server: Any = Counting()
    runner = web.ServerRunner(web.Server(server, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"listening http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


def main(arguments: list[str]) -> int:
    """Run it; exit code 1 if the target is missed."""
    if arguments == ["serve"]:
        asyncio.run(_serve())
    (row,) = rows(Scale.SMOKE if "--smoke" in arguments else Scale.FULL)
    print("\n  ".join([f"{row.what}: {row.measured}, target {row.target}", *row.facts]))
    return int(row.holds is False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
