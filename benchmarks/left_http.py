"""Measure over HTTP what a session costs that left without a word.

    python -m benchmarks.left_http [--sessions 10000] [--first 5000]

Clients of a real `recorder replay` connect, shake hands, subscribe, poll, ask one operation, get its events by another
poll, hold a third one, and vanish: each has a connection and a cookie of its own. The first of them fill the caches,
which are bounded; then the resident memory of the process is read before and after the others. Exit code 1 if one of
these costs more than 4,096 bytes, or gets another answer than the recorded one.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.left import BAYEUX, CHANNEL, MOST
from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from tests.wire import HEADER, Ask, Message, Wire, chained, done

ROOT = Path(__file__).parents[1]
_LIMIT = 20.0  # seconds for an answer
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_COOKIE = re.compile(rb"set-cookie: *([^;\r]+)", re.IGNORECASE)


def recorded(path: Path) -> None:
    """Write the cassette: one session with twenty operations."""
    wire = Wire()
    desk = wire.desk()
    for n in range(20):
        desk.asks(chained(7, f"r{n}"), done(7, f"r{n}"))
    with closing(create(path, HEADER)) as journal:
        journal.append([encode(record) for record in wire.records])


class Client:
    """One client on one connection, without any library: it must be cheaper than the server that is measured."""

    def __init__(self, host: str, port: int) -> None:
        """Connect."""
        self._host = host
        self._cookie = ""
        self._client_id: str | None = None
        self.socket = socket.create_connection((host, port), _LIMIT)

    def bayeux(self, channel: str, **fields: Any) -> list[Message]:
        """Send one Bayeux message; return what comes."""
        self.send(channel, **fields)
        messages: list[Message] = json.loads(self._answer())
        return messages

    def send(self, channel: str, **fields: Any) -> None:
        """Send one Bayeux message, and read nothing."""
        own = {} if self._client_id is None else {"clientId": self._client_id}
        self._send(BAYEUX, json.dumps([{"channel": channel, "id": "1", **own, **fields}]).encode())

    def shakes_hands(self) -> None:
        """Get a clientId and a cookie."""
        (reply,) = self.bayeux("/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"])
        self._client_id = reply["clientId"]

    def asks(self, ask: Ask) -> None:
        """Send an operation, and read its answer."""
        self._send(ask.target, ask.body)
        self._answer()

    def _send(self, target: str, body: bytes) -> None:
        shown = f"Cookie: {self._cookie}\r\n" if self._cookie else ""
        head = f"POST {target} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n{shown}"
        self.socket.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def _answer(self) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise AssertionError(f"no answer as recorded: {data[:500]!r}")
        if given := _COOKIE.search(head):
            self._cookie = given[1].decode()
        length = _LENGTH.search(head)
        wanted = int(length[1]) if length else 0
        while len(body) < wanted:
            body += self._more()
        return body

    def _more(self) -> bytes:
        data = self.socket.recv(1 << 16)
        if not data:
            raise AssertionError("the stand-in hung up")
        return data


def come_and_vanish(host: str, port: int, name: str) -> None:
    """Be one client."""
    client = Client(host, port)
    poll = {"connectionType": "long-polling"}
    client.shakes_hands()
    client.bayeux("/meta/subscribe", subscription=CHANNEL)
    client.bayeux("/meta/connect", **poll)
    client.asks(chained(7, name))
    client.bayeux("/meta/connect", **poll)
    client.send("/meta/connect", **poll)
    client.socket.close()


@dataclass(frozen=True, slots=True)
class StandInProcess:
    """A running `recorder replay`."""

    pid: int
    host: str
    port: int

    @property
    def resident(self) -> int:
        """Bytes in memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * 4096

    @property
    def spent(self) -> float:
        """CPU seconds so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def replaying(cassette: Path, *options: str) -> Iterator[StandInProcess]:
    """Run `recorder replay`, and end it with the block."""
    words = [sys.executable, "-m", "recorder", "replay", str(cassette), "--rate", "instant", *options]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            host, _, port = line.rpartition("//")[2].strip().partition(":")
            yield StandInProcess(process.pid, host, int(port))
        finally:
            process.terminate()


def measured(standin: StandInProcess, first: int, sessions: int) -> tuple[float, float]:
    """Return the bytes that a session costs, after the first ones, and the CPU milliseconds."""
    for n in range(first):
        come_and_vanish(standin.host, standin.port, f"first{n}")
    before, spent = settled(standin), standin.spent
    for n in range(sessions):
        come_and_vanish(standin.host, standin.port, f"live{n}")
    taken = (settled(standin) - before) / sessions
    return taken, (standin.spent - spent) / sessions * 1000


def settled(standin: StandInProcess) -> int:
    """Return the resident memory once connections that were closed are no more under way."""
    time.sleep(0.5)  # the stand-in notices the ends of the last connections
    return standin.resident


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=5_000, help="sessions before the measurement")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        cassette = Path(folder) / "s.cassette"
        recorded(cassette)
        with replaying(cassette) as standin:
            taken, spent = measured(standin, given.first, given.sessions)
            held = standin.resident
    print(f"a session that left, over HTTP: {taken:,.0f} bytes resident, target ≤ {MOST:,}")
    print(f"{spent:.2f} ms of CPU for each, {held / (1 << 20):.1f} MiB in all")
    return int(taken > MOST)


if __name__ == "__main__":
    raise SystemExit(main())
