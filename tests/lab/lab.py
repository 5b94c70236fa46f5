"""A small Genesys Web Services on real Bayeux servers, and a scripted desktop, run from Python.

The lab writes down what it was asked and what it handed out, so a test can compare a recording
with the truth.
"""

from __future__ import annotations

import http.client
import json
import select
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self, TypeAlias

_HERE = Path(__file__).resolve().parent
_OLDEST_NODE = 18  # package.json overrides the proxy agents of cometd-nodejs-client, which ask for 20
_PACKAGES = (
    "cometd",
    "cometd-nodejs-client",
    "cometd-nodejs-server",
    "cometd3",
    "cometd3-nodejs-client",
    "eventsource",
    "faye",
    "genesys-workspace-client-js",
    "@microsoft/signalr",
    "graphql",
    "graphql-ws",
    "jsforce",
    "ws",
)
_JS_CLIENT = ("node", str(_HERE / "client.js"))
_START_LIMIT = 20.0  # seconds; node takes a fraction of one, a machine under load takes longer
_STOP_LIMIT = 5.0
_CONTROL_LIMIT = 10.0

Event: TypeAlias = tuple[str, Any]


class LabError(RuntimeError):
    """The lab or its client did not do what it was told; the text holds what it wrote to stderr."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A REST request as the lab saw it, its ack, and the events it caused in the order they left.

    `status` is None while there is no ack. The first `early` of the events left before the ack.
    """

    n: int
    agent: str | None
    method: str
    path: str
    body: Any
    status: int | None
    ack: Any
    events: tuple[Event, ...]
    early: int


class Lab:
    """The lab as a child process; use it as a context manager."""

    def __init__(
        self,
        bayeux: Literal["cometd", "faye"],
        log: Path,
        timeout_ms: int = 5000,
        port: int = 0,
        sessions_per_browser: int = -1,
    ) -> None:
        """Take the settings; entering the context starts the lab.

        Args:
            bayeux: Which server speaks Bayeux.
            log: Where the truth is appended; what the file held before is left alone and not read.
            timeout_ms: How long a poll is held.
            port: 0 for any that is free; name one to restart a lab where it was.
            sessions_per_browser: How many clients with one cookie may long-poll at once, for `cometd`; -1: any number.
        """
        self.bayeux = bayeux
        self._log = log
        self._arguments = [f"--bayeux={bayeux}", f"--log={log}", f"--timeout={timeout_ms}", f"--port={port}"]
        self._arguments.append(f"--sessions-per-browser={sessions_per_browser}")
        self._log_start = 0
        self._port = port
        self._process: subprocess.Popen[str] | None = None
        self._stderr: IO[str] | None = None

    @property
    def url(self) -> str:
        """`localhost` and not an address: aiohttp clients drop the cookies of hosts named by address."""
        return f"http://localhost:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    def __enter__(self) -> Self:
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        # A file and not a pipe: nobody reads it while the lab runs, and a full pipe would stop it.
        self._stderr = tempfile.TemporaryFile("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            ["node", str(_HERE / "server.js"), *self._arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        try:
            self._port = self._await_port(self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        crashed = self._process is not None and self._process.poll() is not None
        stderr = self._stop()
        if crashed and error is None:
            raise LabError(f"the lab ended by itself: {stderr}")

    def options(self, **opts: int | bool | str | None) -> None:
        """Set options (see README.md); those not named go back to their defaults."""
        self._control("/lab/options", opts)

    def reset(self) -> None:
        """Wait until all that was asked for has left, then set all options back to their defaults.

        An event without an agent goes to all sessions: one that is late would reach the next test.
        """
        self._control("/lab/settle", {})
        self._control("/lab/options?reset=1", {})

    def unsolicited(self, channel: str, data: Any, agent: str | None = None) -> None:
        """Deliver an event nobody asked for, to one agent or to all."""
        self._control("/lab/unsolicited", {"channel": channel, "data": data, "agent": agent})

    def ack(self, n: int) -> None:
        """Send the ack of request `n`, which came with the option `stepwise`."""
        self._control("/lab/ack", {"n": n})

    def emit(self, n: int, count: int | None = None) -> None:
        """Hand the next events of such a request to the Bayeux server, all that are left if `count` is None."""
        self._control("/lab/emit", {"n": n, "count": count})

    def forget(self) -> None:
        """End all Bayeux sessions, as if the clients had been silent for too long."""
        self._control("/lab/forget", {})

    def waiting(self) -> list[str]:
        """The paths of the requests, polls among them, that the lab has read and not answered."""
        paths: list[str] = self._control("/lab/waiting", {})
        return paths

    def truth(self) -> list[Cause]:
        """The REST requests so far, and the events handed to the Bayeux server, arrived or not."""
        lines = self.lines()
        return [_cause(line, lines) for line in lines if line["kind"] == "request"]

    def handles(self) -> list[tuple[str, str]]:
        """What became of the handles of records, in order: `("given", handle)` and `("asked", handle)`."""
        lines = [line for line in self.lines() if line["kind"] == "handle"]
        return [(kind, str(line[kind])) for line in lines for kind in ("given", "asked") if kind in line]

    def unsolicited_events(self) -> list[Event]:
        """The events so far that no request caused."""
        return [_event(line) for line in self.lines() if line["kind"] == "event" and line["cause"] is None]

    def lines(self) -> list[dict[str, Any]]:
        """The truth so far as it was written, line by line."""
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            return [json.loads(line) for line in log if line.endswith(b"\n")]

    def _control(self, path: str, body: Mapping[str, Any]) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_CONTROL_LIMIT)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read().decode()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise LabError(f"{path}: {json.loads(answer)['error']}")
        return json.loads(answer)

    def _await_port(self, process: subprocess.Popen[str]) -> int:
        stdout = process.stdout
        assert stdout is not None
        readable, _, _ = select.select([stdout], [], [], _START_LIMIT)
        line = stdout.readline() if readable else ""
        if not line.startswith("listening on "):
            raise LabError(f"the lab did not start within {_START_LIMIT:g} s: {self._stop()}")
        return int(line.rpartition(":")[2])

    def _stop(self) -> str:
        """End the child, and return what it wrote to stderr."""
        process, stderr = self._process, self._stderr
        self._process = self._stderr = None
        if process is None or stderr is None:
            return ""
        process.terminate()
        try:
            process.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        with stderr:
            stderr.seek(0)
            return stderr.read().strip()


def run_js_client(url: str, script: Mapping[str, Any], timeout: float = 60) -> list[dict[str, Any]]:
    """Let the scripted desktop on CometD 9 play; see `run_client`."""
    return run_client(_JS_CLIENT, url, script, timeout)


def run_client(
    command: Sequence[str], url: str, script: Mapping[str, Any], timeout: float = 60
) -> list[dict[str, Any]]:
    """Let a scripted desktop play against a base URL, and return the lines it printed.

    Raises:
        LabError: If a step timed out, the handshake failed, or all took longer than `timeout` seconds.
    """
    try:
        result = subprocess.run(
            [*command, url],
            input=json.dumps(script),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=_HERE.parents[1],  # where `python -m tests.lab.clients…` finds itself
        )
    except subprocess.TimeoutExpired as exc:
        raise LabError(f"the client did not end within {timeout:g} s") from exc
    if result.returncode != 0:
        raise LabError(f"{result.stderr.strip()}\n{result.stdout[-2000:]}".strip())
    return [json.loads(line) for line in result.stdout.splitlines()]


def available() -> str | None:
    """Why the lab cannot run here, or None if it can."""
    try:
        version = subprocess.run(
            ["node", "--version"], capture_output=True, text=True, timeout=_START_LIMIT, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return "node is not installed"
    if int(version.lstrip("v").partition(".")[0]) < _OLDEST_NODE:
        return f"node {version.strip()} is older than {_OLDEST_NODE}"
    missing = [name for name in _PACKAGES if not (_HERE / "node_modules" / name).is_dir()]
    if missing:
        return f"run `npm ci` in {_HERE}: {', '.join(missing)} not installed"
    return None


def _cause(request: Mapping[str, Any], lines: list[dict[str, Any]]) -> Cause:
    n = request["n"]
    ack = next((i for i, line in enumerate(lines) if line["kind"] == "ack" and line["n"] == n), len(lines))
    events = [i for i, line in enumerate(lines) if line["kind"] == "event" and line["cause"] == n]
    return Cause(
        n=n,
        agent=request["agent"],
        method=request["method"],
        path=request["path"],
        body=request["body"],
        status=lines[ack]["status"] if ack < len(lines) else None,
        ack=lines[ack]["body"] if ack < len(lines) else None,
        events=tuple(_event(lines[i]) for i in events),
        early=sum(i < ack for i in events),
    )


def _event(line: Mapping[str, Any]) -> Event:
    return line["channel"], line["data"]
