"""A recording says on stderr what becomes of each operation."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from recorder.cassette.reader import open_cassette
from tests.lab.processes import RECORDER

OPERATION = "/api/v2/me/outbound-records/{}"
CALL = f"""
import os, urllib.error, urllib.request
for handle in (1005, 1006):
    body = b'{{"operationName":"GetChainedRecord","referenceId":"r%d"}}' % handle
    url = os.environ["RECORDER_URL"] + "{OPERATION}".format(handle)
    try:
        urllib.request.urlopen(urllib.request.Request(url, body, {{"Content-Type": "application/json"}}))
    except urllib.error.HTTPError:
        pass
"""


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = (500, b'{"statusCode":2}') if self.path.endswith("1005") else (200, b'{"statusCode":0}')
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


def command(server: str, path: Path, *options: str) -> list[str]:
    return [RECORDER, "record", server, "-o", str(path), *options, "--", sys.executable, "-c", CALL]


def test_in_a_pipe_each_operation_is_a_line_if_wanted(server: str, tmp_path: Path) -> None:
    plain, default = (
        subprocess.run(command(server, tmp_path / name, *options), capture_output=True, text=True, check=True).stderr
        for name, options in (("a", ["--progress", "plain"]), ("b", []))
    )

    choice, first, *_ = plain.splitlines()
    lines = [re.sub(r"\d+ ms", "T ms", line.partition(".")[2][3:].strip()) for line in [first]]
    assert choice == "recorder: dialect: gws-outbound (of 2 requests 2 are operations of it)"
    assert lines == ["failed    GetChainedRecord 1005  500, 0 events, T ms"]
    assert "1 operation ended: 1 failed" in plain
    assert "GetChainedRecord 1006 still waits for its last event" in plain
    assert "GetChainedRecord" not in default
    assert "\x1b" not in plain + default


def test_operations_are_those_of_the_dialect_that_is_named(server: str, tmp_path: Path) -> None:
    path = tmp_path / "s"
    named = command(server, path, "--progress", "plain", "--dialect", "salesforce-changes")
    told = subprocess.run(named, capture_output=True, text=True, check=True).stderr

    assert told == f"recorder: {path}: 0 operations ended\nrecorder: {path}: 2 requests, 0 still open at the end\n"
    with open_cassette(path) as cassette:
        assert cassette.header.dialect == "salesforce-changes"


def test_on_a_terminal_failures_are_red_and_the_open_ones_are_shown(server: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    with subprocess.Popen(
        command(server, tmp_path / "s"), stdout=subprocess.DEVNULL, stderr=theirs, env=env
    ) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b"")).decode()
        os.close(ours)

    assert process.returncode == 0
    assert re.search(r"\x1b\[31m +\d\.\d{3}  failed    GetChainedRecord 1005", shown)
    assert re.search(r"\x1b\[Kopen: |\r\x1b\[K\d requests, \d answered", shown)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says EIO when the other end is closed
        return b""
