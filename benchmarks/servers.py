"""The servers of the bench as child processes: the lab behind both recorders, and the two that replay."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.desktop import Pace, play
from benchmarks.script import CHAIN, ids
from benchmarks.verdict import Log
from tests.lab.lab import Lab

ADVICE_TIMEOUT = 2.0  # seconds the lab, and so each replay, holds a poll: short, for the row that waits for its end
_THINK = 0.3  # seconds between the recorded steps
_START = 30.0  # seconds; mitmproxy takes a few on a machine under load
_END = 10.0
_READY = re.compile(r"listening (?:on|at) .*:(\d+)")
_RECORDER = str(Path(sys.executable).with_name("recorder"))
_MITMDUMP = str(Path(sys.executable).with_name("mitmdump"))


class ServerError(RuntimeError):
    """A server did not get ready; the text holds what it wrote."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One session as both tools recorded it, and what its client saw; `folder` is for more files."""

    folder: Path
    cassette: Path
    flows: Path
    log: Log


@dataclass(slots=True)
class Server:
    """A running server; `code` and `stderr` are known when it has ended."""

    port: int
    code: int | None = None
    stderr: str = ""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


def missing() -> str | None:
    """Which program is not installed, None if all are."""
    names = {_RECORDER: "install the project", _MITMDUMP: "pip install 'outbound-recorder[record]'"}
    return next((f"{name} is missing: {advice}" for name, advice in names.items() if not Path(name).is_file()), None)


async def record(folder: Path) -> Recorded:
    """Record the script from the lab with both tools in one go: desktop → mitmdump → recorder → lab."""
    recorded = Recorded(folder, folder / "session.cassette", folder / "session.flows", Log())
    with Lab("cometd", folder / "truth.jsonl", timeout_ms=int(ADVICE_TIMEOUT * 1000)) as lab:
        lab.options(chain=CHAIN, early=1, splitMs=40)
        async with recording(lab.port, recorded) as url:
            log = await play(url, ids("same", 0), Pace(_THINK))
    return replace(recorded, log=log)


@asynccontextmanager
async def recording(
    port: int, recorded: Recorded, ours: Sequence[str] = (), theirs: Sequence[str] = ()
) -> AsyncIterator[str]:
    """Record a local server with both tools into the files of `recorded`; yield the URL for the client.

    `ours` and `theirs` are options that the tools are given beside those they cannot do without.
    """
    folder = recorded.folder
    upstream = f"http://127.0.0.1:{port}"
    command = [_RECORDER, "record", upstream, "-o", str(recorded.cassette), "--listen", "127.0.0.1:0", *ours]
    async with serving(command, folder) as recorder:
        command = [*_mitmdump(folder, f"reverse:http://127.0.0.1:{recorder.port}"), "-w", str(recorded.flows), *theirs]
        async with serving(command, folder) as mitmdump:
            yield mitmdump.url


@asynccontextmanager
async def stand_in(recorded: Recorded, rate: str) -> AsyncIterator[Server]:
    """The project's replay."""
    command = [_RECORDER, "replay", str(recorded.cassette), "--rate", rate, "--listen", "127.0.0.1:0"]
    async with serving(command, recorded.folder) as server:
        yield server


@asynccontextmanager
async def server_replay(recorded: Recorded, options: tuple[str, ...]) -> AsyncIterator[Server]:
    """The replay of mitmproxy, with `options` beside those it cannot do without."""
    with _closed_port() as port:
        command = [*_mitmdump(recorded.folder, f"reverse:http://127.0.0.1:{port}"), "-S", str(recorded.flows)]
        # Lazy, or it answers 502 to all: it would first connect. Host and port were those of the recorded upstream.
        # "kill" instead of 404 gives the same counts. Once all is popped it forwards, hence the port that is closed.
        needed = ["connection_strategy=lazy", "server_replay_ignore_host=true", "server_replay_ignore_port=true"]
        for option in (*needed, "server_replay_extra=404", *options):
            command += ["--set", option]
        async with serving(command, recorded.folder) as server:
            yield server


@asynccontextmanager
async def serving(command: list[str], folder: Path) -> AsyncIterator[Server]:
    """Run a server on a free port until the block ends, then interrupt it.

    Raises:
        ServerError: If no readiness line comes on its stdout.

    """
    output = Path(mkdtemp(dir=folder))  # files and not pipes: nobody reads on while it runs
    with (output / "stdout").open("wb") as stdout, (output / "stderr").open("wb") as stderr:
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        process = await asyncio.create_subprocess_exec(*command, stdout=stdout, stderr=stderr, env=environment)
    try:
        server = Server(await _port(process, output))
        yield server
        server.code = await _end(process)
        server.stderr = (output / "stderr").read_text()
    finally:
        await _end(process)


def _mitmdump(folder: Path, mode: str) -> list[str]:
    settings = ["--set", f"confdir={folder / 'mitmproxy'}", "--set", "flow_detail=0"]
    return [_MITMDUMP, "--mode", mode, "--listen-host", "127.0.0.1", "--listen-port", "0", *settings]


@contextmanager
def _closed_port() -> Iterator[int]:
    """A port nobody can listen on: it is bound, so that it stays ours, and refuses all connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def _port(process: asyncio.subprocess.Process, output: Path) -> int:
    try:
        async with asyncio.timeout(_START):
            while process.returncode is None:
                ready = _READY.search((output / "stdout").read_text())
                if ready:
                    return int(ready[1])
                await asyncio.sleep(0.02)
    except TimeoutError:
        pass
    told = "".join((output / name).read_text() for name in ("stdout", "stderr")).strip()
    raise ServerError(f"a server did not get ready: {told or 'it said nothing'}")


async def _end(process: asyncio.subprocess.Process) -> int:
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(_END):
                await process.wait()
        except TimeoutError:
            process.kill()
    return await process.wait()
