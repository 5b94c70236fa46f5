"""A real Chromium through the recorder as its proxy, by the command lines of docs/browsers.md as they stand there.

The commands find programs of the same names that lead to this machine: a `recorder` for which the recorded hosts are
here, a `chromium` that signs on and closes when the page is done.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from recorder.capture.hosts import host_of
from recorder.cassette.reader import read
from recorder.library.recording import load_recording
from recorder.model import Note, Request, State
from tests.lab.browser import FLAGS
from tests.lab.processes import MITMDUMP
from tests.lab.sso import DESK, LOGIN, STATS, SignOn, signing_on

pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.xdist_group("docs-browsers"),
]  # the ports of the document

DOCUMENT = Path(__file__).parents[2] / "docs" / "browsers.md"
DONE = "desk: PreviewSessionStarted, mine"

# Hosts lead to this machine, whoever resolves them.
RECORDER = """#!{python}
import socket, sys
real, names = socket.getaddrinfo, {names!r}
def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    at = names.get(host if isinstance(host, str) else (host or b"").decode())
    if at and port == 443:
        return real("127.0.0.1", at, family, type, proto, flags)
    return real(host, port, family, type, proto, socket.AI_NUMERICHOST)  # no other host is reached
socket.getaddrinfo = getaddrinfo
from recorder.cli import main
main(prog_name="recorder")
"""

# What the user does in the browser; the company's CA is trusted by this machine, and so by its browsers.
CHROMIUM = """#!{python}
import sys
from playwright.sync_api import sync_playwright
profile, *flags, url = sys.argv[1:]
flags = [flag + ",{spki}" if "spki-list" in flag else flag for flag in flags]
with sync_playwright() as playwright:
    launch = playwright.chromium.launch_persistent_context
    flags += {flags!r}
    context = launch(profile.partition("=")[2], executable_path="{chromium}", args=flags)
    page = context.new_page()
    page.goto(url)
    if page.title() == "Sign in":
        page.fill("[name=user]", "an-agent")
        page.fill("[name=password]", "pa55-of-the-agent")
        page.click("button")
    page.wait_for_function("document.title.includes(':')", timeout=8000)
    print(page.title(), flush=True)
    context.close()
"""


@dataclass
class Terminal:
    """Runs the commands of the document in a folder."""

    folder: Path
    signon: SignOn

    def prepare(self) -> None:
        bin_ = self.folder / "bin"
        bin_.mkdir()
        values = {"python": sys.executable, "names": self.signon.names, "spki": self.signon.spki}
        values |= {"flags": FLAGS, "chromium": str(shutil.which("chromium"))}
        for name, text in (("recorder", RECORDER), ("chromium", CHROMIUM)):
            (bin_ / name).write_text(text.format(**values))
            (bin_ / name).chmod(0o755)
        (bin_ / "mitmdump").symlink_to(MITMDUMP)

    def run(self, tag: str) -> str:
        """What a block of commands prints."""
        return self.does(block(tag))

    def does(self, commands: str) -> str:
        ended = subprocess.run(**self._asked(commands), capture_output=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout + ended.stderr

    @contextmanager
    def serving(self, tag: str) -> Iterator[None]:
        """Run a block of commands whose last one serves, until the test is done with it."""
        process = subprocess.Popen(
            **self._asked(block(tag)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            assert any("listening" in line for line in iter(process.stdout.readline, ""))
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=20)

    def _asked(self, commands: str) -> dict[str, Any]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        env = os.environ | {"PATH": path, "HOME": str(self.folder)}
        return {"args": ["sh", "-ec", commands], "cwd": self.folder, "env": env, "text": True}


def block(tag: str) -> str:
    """The commands of the document that have a tag."""
    _, found, rest = DOCUMENT.read_text().partition(f"```sh run={tag}\n")
    assert found
    return rest.partition("```")[0]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with signing_on(tmp_path) as signon:
        made = Terminal(tmp_path, signon)
        made.prepare()
        yield made


def hosts(cassette: Path) -> set[str]:
    return {host_of(r.headers) for r in read(cassette).records if isinstance(r, Request)}


def assert_recorded(cassette: Path) -> None:
    """The desktop and its login are in it, and nothing else."""
    assert hosts(cassette) == {DESK, LOGIN}
    (triple,) = load_recording(cassette).triples
    assert (triple.operation, triple.state) == ("StartPreviewSession", State.COMPLETE)
    content = cassette.read_bytes()
    assert b"visitors-of-stats" not in content
    assert not any(r.target.startswith("/visit") for r in read(cassette).records if isinstance(r, Request))
    assert b"pa55-of-the-agent" not in content


@pytest.mark.browser
def test_a_browser_is_recorded_and_replayed_by_the_lines_of_the_document(terminal: Terminal) -> None:
    cassette = terminal.folder / "desk.cassette"

    told = terminal.run("record")

    assert DONE in told
    assert f"{STATS} passes unrecorded: no --host names it" in told
    assert "went through unrecorded" in told
    assert (STATS, "/visit") in terminal.signon.asked
    assert_recorded(cassette)
    terminal.signon.asked.clear()
    with terminal.serving("proxy"):
        assert DONE in terminal.run("through-proxy")
    shutil.rmtree(terminal.folder / "offline")
    with terminal.serving("standin"):
        assert DONE in terminal.run("at-standin")
    # to the host that was not recorded alone: nobody holds a browser back that was not set to a proxy
    assert {host for host, _ in terminal.signon.asked} <= {STATS}


@pytest.mark.browser
def test_its_hosts_are_found_by_themselves(terminal: Terminal) -> None:
    cassette = terminal.folder / "found.cassette"

    told = terminal.run("find")

    assert DONE in told
    # Chromium tries hosts of its maker, too, which are not reached
    assert re.search(rf"other hosts?, which belongs? to no API, removed: (?:[\w.-]+ \(\d\), )*{STATS} \(1\)", told)
    assert (STATS, "/visit") in terminal.signon.asked
    assert_recorded(cassette)
    assert "not-recorded" in {r.kind for r in read(cassette).records if isinstance(r, Note)}


def test_a_program_is_recorded_without_any_setting(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", LOGIN)
    program = f"import urllib.request as u; print(u.urlopen('https://{LOGIN}/me').read())"
    (terminal.folder / "program.py").write_text(program)

    told = terminal.does(
        f"recorder record --mode regular --upstream-ca corp-ca.pem -o s.cassette -- {sys.executable} program.py"
    )

    assert """b'{"of": "login"}'""" in told
    assert hosts(terminal.folder / "s.cassette") == {LOGIN}  # the only one: no API, and kept
