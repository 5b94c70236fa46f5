"""A stand-in as a process, and desktops that ask it: CPU time and memory until it is ready, and of requests.

CPU time is that of the threads (/proc/PID/task/*/schedstat, ns), memory that which is resident (/proc/PID/status).
"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_BAYEUX = "/api/v2/notifications"
_TYPE = "Content-Type: application/json;charset=UTF-8\r\n"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_COOKIE = re.compile(rb"^set-cookie: *([^;\r]+)", re.IGNORECASE | re.MULTILINE)

Ask = tuple[int, str, str]  # agent, target, body


class StandIn:
    """A `recorder replay` that is ready.

    Attributes:
        ready: CPU seconds until the readiness line.
        memory: Megabytes at that moment.

    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Wait for the readiness line of a process that has just been started."""
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise RuntimeError(f"the stand-in did not start: {line!r}")
        self._pid = process.pid
        self.ready, self.memory = self.spent(), self.resident()
        self._port = int(line.rpartition(":")[2].strip().rstrip("/"))

    def spent(self) -> float:
        """CPU seconds so far."""
        tasks = Path(f"/proc/{self._pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def resident(self) -> float:
        """Megabytes that are resident now."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self._pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024

    def desks(self, agents: Iterable[int]) -> dict[int, Desk]:
        """Connect a desktop for each agent."""
        return {agent: Desk(self._port) for agent in sorted(set(agents))}

    def costs(self, asks: list[Ask]) -> list[float]:
        """Play operations as new clients, each with the poll after it; CPU seconds of each operation."""
        desks = self.desks(agent for agent, *_ in asks)
        found = []
        for agent, target, body in asks:
            before = self.spent()
            desks[agent].post(target, body)
            found.append(self.spent() - before)
            desks[agent].poll()
        return found

    def cost(self, asks: list[Ask]) -> float:
        """Play operations and polls as new clients; CPU seconds of a request."""
        desks = self.desks(agent for agent, *_ in asks)
        before = self.spent()
        for agent, target, body in asks:
            desks[agent].post(target, body)
            desks[agent].poll()
        return (self.spent() - before) / len(asks) / 2

    def play(self, asks: Iterable[Ask]) -> None:
        """Play operations and polls as new clients, one at a time."""
        desks = self.desks(range(8))
        for agent, target, body in asks:
            desks[agent].post(target, body)
            desks[agent].poll()


@contextmanager
def stand_in(command: list[str], environment: Mapping[str, str]) -> Iterator[StandIn]:
    """Start a stand-in; it is ended with the block."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True, env=environment) as process:
        try:
            yield StandIn(process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


class Desk:
    """A desktop that has shaken hands and subscribed, over one connection."""

    def __init__(self, port: int) -> None:
        """Connect, shake hands, poll once, and subscribe to all channels."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head, self._number = f"Host: 127.0.0.1:{port}\r\n{_TYPE}", 1
        shake = {"id": "1", "channel": "/meta/handshake", "version": "1.0"}
        head, body = self._post(_BAYEUX, json.dumps([shake | {"supportedConnectionTypes": ["long-polling"]}]))
        self._client_id = json.loads(body)[0]["clientId"]
        cookies = b"; ".join(_COOKIE.findall(head)).decode()
        self._head += f"Cookie: {cookies}\r\n" * bool(cookies)
        self.poll()
        subscribe = {"id": "2", "channel": "/meta/subscribe", "subscription": "/**", "clientId": self._client_id}
        self.post(_BAYEUX, json.dumps([subscribe]))

    def poll(self) -> Any:
        """Ask for events; return the messages."""
        self._number += 1
        connect = {"id": f"{self._number}", "channel": "/meta/connect", "connectionType": "long-polling"}
        return json.loads(self.post(_BAYEUX, json.dumps([connect | {"clientId": self._client_id}])))

    def post(self, target: str, body: str) -> bytes:
        """Send a request; return the body of its answer.

        Raises:
            RuntimeError: If it was not answered with 200.

        """
        return self._post(target, body)[1]

    def _post(self, target: str, text: str) -> tuple[bytes, bytes]:
        body = text.encode()
        head = f"POST {target} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._received()
        answered, _, content = got.partition(b"\r\n\r\n")
        length = _LENGTH.search(answered)
        while length is not None and len(content) < int(length[1]):
            content += self._received()
        if not answered.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{target}: {answered.decode()} {content[:300].decode(errors='replace')}")
        return answered, content

    def _received(self) -> bytes:
        received = self._socket.recv(1 << 20)
        if not received:
            raise RuntimeError("the stand-in closed the connection")
        return received
