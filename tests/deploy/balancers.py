"""The balancers of deploy/ as processes before three stand-ins, and crews of agents that go through them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from tests.lab.processes import Server, recorder

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
LAB = ROOT / "tests" / "lab"
INSTANCES = ("one", "two", "three")
_START = 20.0
_ENV = ("RECORDER_LISTEN", "RECORDER_TIMEOUT", "RECORDER_TEMP", "RECORDER_ONE", "RECORDER_TWO", "RECORDER_THREE")


def available() -> str | None:
    """Return why HAProxy and nginx cannot be run here; None if they can."""
    absent = [program for program in ("haproxy", "nginx") if shutil.which(program) is None]
    return f"{' and '.join(absent)} not installed (as root: .ci/balancers)" if absent else None


def free_port() -> int:
    """Return a port that is free now: the configurations name it before anybody listens on it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def nginx_conf(folder: Path, **env: str) -> Path:
    """Write nginx's configuration with the values of the environment, as `envsubst` does with this list of names."""
    given = dict.fromkeys(_ENV, "") | env | {"RECORDER_TEMP": str(folder)}
    path = folder / "nginx.conf"
    path.write_text(Template((DEPLOY / "nginx.conf").read_text()).safe_substitute({n: given[n] for n in _ENV}))
    return path


@contextmanager
def balancer(kind: str, addresses: dict[str, str], folder: Path, **more: str) -> Iterator[str]:
    """Run HAProxy or nginx with the configuration of deploy/ until the block ends; yield its URL."""
    port = free_port()
    env = {f"RECORDER_{name.upper()}": address for name, address in addresses.items()} | more
    if kind == "haproxy":
        env["RECORDER_BIND"] = f"127.0.0.1:{port}"
        command = ["haproxy", "-db", "-f", str(DEPLOY / "haproxy.cfg")]
    else:
        conf = nginx_conf(folder, RECORDER_LISTEN=f"127.0.0.1:{port}", RECORDER_TIMEOUT="1h", **env)
        command = ["nginx", "-c", str(conf), "-g", "daemon off;"]
    with (folder / f"{kind}.log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | env, stdout=log, stderr=log)
        try:
            _await(port, process)
            yield f"http://localhost:{port}"
        finally:
            process.terminate()
            process.wait(_START)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        assert time.monotonic() < end, f"{process.args!r} does not listen"
        time.sleep(0.02)


@contextmanager
def standins(cassette: Path, *options: str) -> Iterator[dict[str, Server]]:
    """Run a stand-in for each instance until the block ends."""
    with ExitStack() as stack:
        found = {}
        for name in INSTANCES:
            arguments = ["replay", cassette, "--listen", "127.0.0.1:0", "--instance", name, "--json", *options]
            found[name] = stack.enter_context(recorder(*arguments))
        yield found


def address(server: Server) -> str:
    """Return where a stand-in listens, as a balancer wants it."""
    return f"127.0.0.1:{urlsplit(server.url).port}"


@dataclass(slots=True)
class Crew:
    """Agents of one program; `lines` is what they have printed."""

    process: subprocess.Popen[str]
    lines: list[dict[str, Any]] = field(default_factory=list)
    _reader: threading.Thread | None = None

    def starts(self, told: Callable[[], None]) -> None:
        self._reader = threading.Thread(target=self._read, args=(told,), daemon=True)
        self._reader.start()

    def _read(self, told: Callable[[], None]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))
            told()
        told()

    def goes(self) -> None:
        """Let the agents go on with their second half."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write("go\n")
            self.process.stdin.flush()

    def ends(self, patience: float) -> None:
        """Wait until all agents are done."""
        self.process.wait(patience)
        assert self._reader is not None
        self._reader.join(patience)

    def close(self) -> None:
        """End the agents, wherever they are."""
        self.process.kill()
        self.process.wait()
        if self._reader is not None:
            self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def crew(program: list[str | Path], script: dict[str, Any], cwd: Path) -> Crew:
    """Start a crew, and tell it what to do."""
    process = subprocess.Popen(
        [str(part) for part in program], cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(script) + "\n")
    process.stdin.flush()
    return Crew(process)


def python_agents(script: dict[str, Any]) -> Crew:
    """Agents on aiocometd."""
    return crew([sys.executable, "-m", "tests.deploy.agents"], script, ROOT)


def node_agents(script: dict[str, Any]) -> Crew:
    """Agents on cometd.js; the program is where its packages are."""
    return crew(["node", "agents.js"], script, LAB)
