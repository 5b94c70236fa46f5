"""Servers as child processes: start one, learn its URL from the readiness line, end it as a user does."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

RECORDER = str(Path(sys.executable).with_name("recorder"))
MITMDUMP = str(Path(sys.executable).with_name("mitmdump"))
_START = 30.0  # seconds; a cold mitmproxy takes a few
_END = 20.0
_COME = 20.0  # what a test waits for takes milliseconds


@dataclass(slots=True)
class Server:
    """A child process that serves. `code`, `stderr` and what it printed last are there when it has ended."""

    url: str
    process: subprocess.Popen[str]
    code: int | None = None
    stderr: str = field(default="")
    stdout: str = field(default="")


@contextmanager
def recorder(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run `recorder …` until the block ends, then interrupt it and take its exit code."""
    with serving([RECORDER, *map(str, arguments)], ready="listening on ", env=env) as server:
        yield server


@contextmanager
def serving(command: list[str], *, ready: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a server; `ready` is what its readiness line begins with, the URL is the line's last word."""
    with tempfile.TemporaryFile("w+") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=env)
        server = Server("", process)
        try:
            server.url = _await_url(process, ready)
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            try:
                server.code = process.wait(_END)
            except subprocess.TimeoutExpired:
                process.kill()
                server.code = process.wait()
            if process.stdout is not None:
                server.stdout = process.stdout.read()
                process.stdout.close()
            stderr.seek(0)
            server.stderr = stderr.read()
            if not server.url:
                print(server.stderr, file=sys.stderr)


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for a condition of another process."""
    end = time.monotonic() + _COME
    while not holds():
        assert time.monotonic() < end, f"not within {_COME:g} s: {what}"
        time.sleep(0.005)


def _await_url(process: subprocess.Popen[str], ready: str) -> str:
    assert process.stdout is not None
    patience = threading.Timer(_START, process.kill)  # then its output ends
    patience.start()
    try:
        for line in iter(process.stdout.readline, ""):
            if ready in line:
                # localhost and not the address: aiohttp's clients keep no cookies for addresses
                return line.split()[-1].rstrip(".").replace("127.0.0.1", "localhost").replace("*", "localhost")
    finally:
        patience.cancel()
    raise AssertionError(f"{process.args!r} did not get ready")
