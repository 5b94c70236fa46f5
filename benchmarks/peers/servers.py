"""Stand-ins of other makers as child processes, each with the same recorded exchanges, set up as their makers advise.

None keeps a journal of what it was asked, and none logs requests.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.standins import Exchange
from tests.lab.processes import MITMDUMP, Server, serving, until

PACKAGES = Path(__file__).with_name("node_modules")
_JAR = PACKAGES / "wiremock" / "build"
_MOUNTEBANK = PACKAGES / "mountebank" / "bin" / "mb"
_TYPE = {"Content-Type": "application/json;charset=UTF-8"}
_ADVICE = "(npm packages of benchmarks/peers; `make bench` installs them)"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another stand-in: how it is started with recorded exchanges in a folder, and why it cannot be here, if so."""

    name: str
    least: int  # how many times as many requests the stand-in of this project must answer
    missing: str | None
    start: Callable[[Path, Sequence[Exchange]], AbstractContextManager[Server]]


def peers() -> list[Peer]:
    """All of them."""
    java = None if shutil.which("java") else "Java is not installed (Debian: apt-get install default-jre-headless)"
    jar = None if list(_JAR.glob("*.jar")) else f"wiremock is not installed {_ADVICE}"
    node = None if shutil.which("node") else "Node is not installed"
    mountebank = None if _MOUNTEBANK.exists() else f"mountebank is not installed {_ADVICE}"
    mitmdump = (
        None if Path(MITMDUMP).exists() else "mitmproxy is not installed (pip install 'outbound-recorder[record]')"
    )
    return [
        Peer("mitmproxy's server replay", 20, mitmdump, mitmproxy),
        Peer("WireMock", 50, java or jar, wiremock),
        Peer("mountebank", 50, node or mountebank, mountebank_),
    ]


@contextmanager
def mitmproxy(folder: Path, exchanges: Sequence[Exchange]) -> Iterator[Server]:
    """mitmdump with `--server-replay`; a body that differs in a byte is another request to it."""
    flows = folder / "session.flows"
    subprocess.run([sys.executable, "-m", "benchmarks.peers.flows", str(flows)], input=_as_json(exchanges), check=True)
    with _closed_port() as port:
        options = {
            "confdir": folder / "mitmproxy", "flow_detail": 0, "http2": "false",
            "connection_strategy": "lazy",  # else it would first connect, and answer 502 to all
            "server_replay_ignore_host": "true", "server_replay_ignore_port": "true",
            "server_replay_reuse": "true", "server_replay_refresh": "false", "server_replay_extra": "404",
        }  # fmt: skip
        command = [MITMDUMP, "--mode", f"reverse:http://127.0.0.1:{port}", "--listen-host", "127.0.0.1"]
        command += ["--listen-port", "0", "--server-replay", str(flows)]
        for name, value in options.items():
            command += ["--set", f"{name}={value}"]
        with serving(command, ready="listening at ") as server:
            server.url = f"http://{server.url}"
            yield server


@contextmanager
def wiremock(folder: Path, exchanges: Sequence[Exchange]) -> Iterator[Server]:
    """WireMock's standalone jar, a stub each, as its recorder writes them: URL, and `equalToJson` of the body."""
    mappings = [
        {
            "request": {
                "method": "POST",
                "url": one.target,
                "bodyPatterns": [{"equalToJson": one.body, "ignoreArrayOrder": True, "ignoreExtraElements": True}],
            },
            "response": {"status": 200, "headers": _TYPE, "body": one.answer},
        }
        for one in exchanges
    ]
    (folder / "mappings").mkdir()
    (folder / "mappings" / "all.json").write_text(json.dumps({"mappings": mappings}))
    (jar,) = _JAR.glob("*.jar")
    command = ["java", "-jar", str(jar), "--port", "0", "--bind-address", "127.0.0.1", "--root-dir", str(folder)]
    with _running([*command, "--no-request-journal", "--disable-banner"]) as process:
        port = next(line.split()[-1] for line in process.stdout or () if line.startswith("port:"))
        until(lambda: _answers(f"http://127.0.0.1:{port}/__admin/health"), "WireMock answers")
        yield Server(f"http://localhost:{port}", process)


@contextmanager
def mountebank_(folder: Path, exchanges: Sequence[Exchange]) -> Iterator[Server]:  # noqa: ARG001  # it needs no folder
    """An imposter of mountebank, a stub each: method and path are equal, and so is the body."""
    stubs = [
        {
            "predicates": [
                {"equals": {"method": "POST", "path": one.target}},
                {"equals": {"body": one.body}},
            ],
            "responses": [{"is": {"statusCode": 200, "headers": _TYPE, "body": one.answer}}],
        }
        for one in exchanges
    ]
    with _free_port() as port:
        admin = f"http://127.0.0.1:{port}"
    command = ["node", str(_MOUNTEBANK), "start", "--port", str(port), "--localOnly", "--nologfile"]
    with _running([*command, "--loglevel", "error"]) as process:
        until(lambda: _answers(admin), "mountebank answers")
        imposter = json.dumps({"protocol": "http", "host": "127.0.0.1", "stubs": stubs}).encode()
        asked = urllib.request.Request(f"{admin}/imposters", imposter, _TYPE)
        with urllib.request.urlopen(asked) as made:
            yield Server(f"http://localhost:{json.load(made)['port']}", process)


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def _as_json(exchanges: Sequence[Exchange]) -> bytes:
    return json.dumps([[one.target, one.body, one.answer] for one in exchanges]).encode()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _closed_port() -> Iterator[int]:
    """A port nobody can listen on: it is bound, so that it stays ours, and refuses all connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def _free_port() -> Any:
    """A port that was free a moment ago: mountebank does not tell which one it took by itself."""
    return _closed_port()
