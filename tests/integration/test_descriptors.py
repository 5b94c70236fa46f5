"""Out of file descriptors, a stand-in and a recorder serve who is connected, say so in a line, and go on by themselves.

The limit of a running process is lowered from here, to some more than it has open.
"""

from __future__ import annotations

import http.client
import resource
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab.bad import STAY, Bad, Steps
from tests.lab.processes import Server, recorder

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
ASKS = b"GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n"
ROOM = 20  # descriptors left
CLIENTS = 80
ANSWERS: dict[str, Steps] = {"ok": [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", STAY]}


def cpu(server: Server) -> float:
    """The seconds of processor time of a process."""
    ticks = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / 100


def answered(client: socket.socket) -> bool:
    client.settimeout(20)
    client.sendall(ASKS)
    answer = http.client.HTTPResponse(client)
    answer.begin()
    return bool(answer.read())


@pytest.mark.parametrize("command", [pytest.param("replay", marks=pytest.mark.once), "record"])
def test_who_is_connected_is_served_and_the_others_wait_until_there_is_room(command: str, tmp_path: Path) -> None:
    with Bad(ANSWERS) as upstream:
        cassette = [f"http://127.0.0.1:{upstream.port}", "-o", tmp_path / "a.cassette"]
        arguments = [PREVIEW] if command == "replay" else cassette
        with recorder(command, *arguments, "--listen", "127.0.0.1:0") as server, ExitStack() as stack:
            used = shortage(server, stack)

    assert used < 0.75
    assert server.stderr.count("out of file descriptors: new clients must wait") == 1
    assert "Traceback" not in server.stderr


def shortage(server: Server, stack: ExitStack) -> float:
    """Let more clients come than there is room for, and some leave; return the seconds of CPU in between."""
    port, pid = int(server.url.rpartition(":")[2]), server.process.pid

    def client() -> socket.socket:
        return stack.enter_context(socket.create_connection(("127.0.0.1", port)))

    first = client()
    assert answered(first)
    limit = len(list(Path(f"/proc/{pid}/fd").iterdir())) + ROOM
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
    others = [client() for _ in range(CLIENTS)]
    before, end = cpu(server), time.monotonic() + 1.5
    while time.monotonic() < end:
        assert answered(first)
        time.sleep(0.05)
    used = cpu(server) - before
    for other in others[:-1]:
        other.close()
    assert answered(others[-1])
    return used
