"""A client that logs in at one host and is led to another: all is recorded, or it is told at once that it is not."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from recorder import Recorder
from recorder.cassette.reader import read
from recorder.model import Request
from tests.integration.test_salesforce import SESSION, by_step
from tests.lab.processes import RECORDER, recorder, until
from tests.lab.salesforce.lab import play, serving_org

SCRIPT = {**SESSION, "steps": [*SESSION["steps"], {"do": "query", "soql": "SELECT Id FROM Account"}]}


def hosts(cassette: Path) -> list[str]:
    return [dict(one.headers)["Host"] for one in read(cassette).records if isinstance(one, Request)]


@pytest.mark.node
@pytest.mark.once
@pytest.mark.xdist_group("salesforce")
def test_a_session_of_jsforce_with_a_login_on_another_host_is_recorded_whole_and_replayed(tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with serving_org(tmp_path / "truth.jsonl", timeout_ms=2000) as org:
        also = ["--no-redaction", "--rewrite-links", "--also", f"login={org.login}"]
        with Recorder(org.url, cassette, options=also) as recording:
            lines = play("jsforce", recording.urls["login"], SCRIPT)
            own = recording.url
        seen, login = org.seen(), org.login.removeprefix("http://")

    assert lines[0]["instance"] == own
    assert len(hosts(cassette)) == seen
    assert hosts(cassette).count(login) == 1
    with recorder("replay", cassette, "--dialect", "salesforce-changes", "--rate", "20") as standin:
        again = play("jsforce", standin.url, SCRIPT)
    assert by_step(again) == by_step(lines)
    assert standin.code == 0, standin.stderr


class Org(ThreadingHTTPServer):
    """Names itself and another host in its answers, and remembers the requests."""

    daemon_threads = True
    other = ""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Org

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))
        body = json.dumps({"instance_url": self.server.url}).encode()
        self.send_response(302)
        for name, value in {
            "Location": f"{self.server.other}/next",
            "Set-Cookie": "sid=1; HttpOnly",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def orgs() -> Iterator[tuple[Org, Org]]:
    with ExitStack() as stack:
        first, second = (stack.enter_context(Org()) for _ in range(2))
        for server, other in ((first, second), (second, first)):
            server.other = other.url
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        yield first, second


def ask(url: str, **headers: str) -> tuple[dict[str, str], str]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=20)
    connection.request("GET", parts.path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return dict(answer.headers), body


def test_two_upstreams_are_one_to_a_client_that_follows_links(tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with orgs() as (org, login), Recorder(
        org.url, cassette, options=["--no-redaction", "--rewrite-links", "--also", f"login={login.url}"]
    ) as recording:  # fmt: skip
        first, body = ask(recording.url + "/a", Cookie="x=1")
        second, _ = ask(first["Location"], Cookie=first["Set-Cookie"].partition(";")[0], Referer=recording.url + "/a")
        again = ask(second["Location"])[1]
        own, other = recording.url, recording.urls["login"]

    assert json.loads(body) == json.loads(again) == {"instance_url": own}
    assert (first["Location"], second["Location"]) == (f"{other}/next", f"{own}/next")
    assert [path for path, _ in org.seen] == ["/a", "/next"]
    ((path, headers),) = login.seen
    assert (path, headers["Referer"], headers.get("Cookie")) == ("/next", f"{org.url}/a", None)
    assert hosts(cassette) == [urlsplit(url).netloc for url in (org.url, login.url, org.url)]


def test_without_the_options_it_is_told_at_once_where_a_client_is_led(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with orgs() as (org, login), told.open("w") as stderr:
        command = [RECORDER, "record", org.url, "-o", str(tmp_path / "s.cassette"), "--no-redaction"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            for _ in range(3):
                ask(url + "/a")
            until(lambda: told.read_text().count("\n") >= 3, "both hosts are told")
            process.terminate()

    said = told.read_text()
    assert said.count(f"names the upstream's own address localhost:{org.server_port} (instance_url)") == 1
    assert said.count(f"leads to another host, localhost:{login.server_port} (Location)") == 1
    assert "--rewrite-links" in said
    assert f"--also NAME=http://localhost:{login.server_port} " in said


def test_a_command_finds_all_upstreams_in_its_environment(tmp_path: Path) -> None:
    with orgs() as (org, login):
        command = (
            "import os; print([url for name, url in sorted(os.environ.items()) if name.startswith('RECORDER_URL')])"
        )
        also = ["--also", f"my-login={login.url}", "-o", str(tmp_path / "s.cassette")]
        done = subprocess.run(
            [RECORDER, "record", org.url, *also, "--", sys.executable, "-c", command],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip

    first, second, urls = done.stdout.splitlines()
    own, other = first.removeprefix("listening on "), second.removeprefix("my-login: listening on ")
    assert urls == str([own, other])
    assert len({own, other, org.url, login.url}) == 4
