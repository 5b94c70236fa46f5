"""`record --view` and `replay --view`: whole processes, a real client, and a browser that looks on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.lab.browser import Browser, holds
from tests.lab.relay import Relay
from tests.views.look.test_look import AXE, by_axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.once]

CASSETTES = Path(__file__).parents[3] / "tests" / "cassettes" / "labs"
GWS = CASSETTES / "gws.cassette"
LIMIT = 20_000  # ms, for what a page shows
T = TypeVar("T")


@dataclass
class Running:
    """A command that runs: where it listens, and where its page is."""

    process: subprocess.Popen[str]
    url: str = ""
    page: str = ""
    said: list[str] = field(default_factory=list)

    def ends(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def running(*words: str | Path, view: bool = True) -> Iterator[Running]:
    """Run a command until it listens, and until the block ends."""
    more = ["--view", "--no-open"] if view else []
    command = [sys.executable, "-m", "recorder", *map(str, words[:1]), *more, *map(str, words[1:])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            running = Running(process)
            assert process.stdout is not None
            assert process.stderr is not None
            running.url = process.stdout.readline().removeprefix("listening on ").strip()
            while view and not running.page:
                line = process.stderr.readline()
                assert line, "the command ended"
                running.said.append(line)
                running.page = line.removeprefix("viewing at ").strip() if line.startswith("viewing at ") else ""
            yield running
        finally:
            process.kill()


def drive(url: str, *more: str, cassette: Path = GWS) -> subprocess.CompletedProcess[str]:
    """Play the client's side of a cassette, as fast as the events come."""
    words = ["drive", str(cassette), "--to", url, "--allow-all", "--send-recorded-credentials", "--rate", "instant"]
    command = [sys.executable, "-m", "recorder", *words, "--settle", "0", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def whole(running: Running) -> dict[str, Any]:
    """All that a page is told when it comes."""
    with urlopen(f"{running.page}api/events", timeout=10) as stream:
        line = next(line for line in stream if line.startswith(b"data: "))
    told: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return told


def until(running: Running, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """All that a page is told, once it tells what is waited for."""
    for _ in range(200):
        told = whole(running)
        if is_so(told):
            return told
        time.sleep(0.05)
    raise AssertionError(told["state"])


def misses(url: str) -> None:
    """Send a request that is not in any cassette."""
    with pytest.raises(HTTPError):
        urlopen(Request(f"{url}/api/v2/me/nothing", b"{}", method="POST"), timeout=10)


@dataclass
class Looking:
    """A page in a browser, on which nothing may go wrong."""

    browser: Browser
    errors: list[str] = field(default_factory=list)

    def at(self, url: str, act: Callable[[Page], T]) -> T:
        def opened(page: Page) -> T:
            page.set_default_timeout(LIMIT)
            page.on("console", lambda message: self.errors.append(message.text))
            page.on("pageerror", lambda error: self.errors.append(str(error)))
            page.context.grant_permissions(["clipboard-read", "clipboard-write"])
            page.goto(url)
            page.wait_for_selector("#live-bar[data-state]:not([data-state=begun])")
            return act(page)

        seen = self.browser.on_page(opened)
        # the browser tells of what the stand-in refused, and that a server that has ended cannot be reached
        assert [text for text in self.errors if not text.startswith("Failed to load resource")] == []
        return seen


@pytest.fixture
def looking(browser: Browser) -> Looking:
    return Looking(browser)


def has(page: Page, selector: str, text: str) -> None:
    page.locator(selector, has_text=re.compile(text)).first.wait_for()


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


# -- without a browser


def test_the_line_of_readiness_stays_the_only_one_on_stdout() -> None:
    with running("replay", GWS) as replay:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", replay.url)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32,}/live/", replay.page)
        replay.process.send_signal(signal.SIGINT)
        rest, _ = replay.process.communicate(timeout=30)

    assert rest == ""
    assert replay.process.returncode == 0


def test_a_page_that_stays_open_does_not_hold_the_end_up() -> None:
    with running("replay", GWS) as replay, ExitStack() as open_pages:
        for _ in range(3):
            open_pages.enter_context(urlopen(f"{replay.page}api/events", timeout=30))

        assert replay.ends() == 0


def test_no_page_without_the_option() -> None:
    with running("replay", GWS, view=False) as replay:
        replay.process.send_signal(signal.SIGINT)
        assert "viewing at" not in replay.process.communicate(timeout=30)[1]


def test_a_log_does_not_get_the_secret_of_the_page(tmp_path: Path) -> None:
    with running("replay", GWS, "--log", tmp_path / "log") as replay:
        secret = replay.page.split("/")[3]
        replay.ends()

    assert secret not in (tmp_path / "log").read_text()


def test_a_port_can_be_chosen_and_one_that_is_taken_is_told() -> None:
    with running("replay", GWS) as replay:
        port = replay.page.split(":")[2].split("/")[0]
        command = [sys.executable, "-m", "recorder", "replay", str(GWS), "--view-port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert done.stdout == ""


def test_a_recording_of_a_program_ends_with_it(tmp_path: Path) -> None:
    pytest.importorskip("mitmproxy")
    with running("replay", GWS, view=False) as upstream:
        program = [sys.executable, "-c", "import os, sys; sys.exit(7 * os.environ['RECORDER_URL'].startswith('http'))"]
        words = ["--view", "--no-open", "-o", str(tmp_path / "s.cassette"), "--", *program]
        command = [sys.executable, "-m", "recorder", "record", upstream.url, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 7
    assert "viewing at http://127.0.0.1:" in done.stderr
    assert re.fullmatch(r"listening on \S+\n", done.stdout)


def test_a_recording_in_parts_is_shown_as_one_and_redacted(tmp_path: Path) -> None:
    pytest.importorskip("mitmproxy")
    cassette = tmp_path / "s.cassette"
    with (
        running("replay", GWS, "--rate", "instant", view=False) as upstream,
        running("record", upstream.url, "-o", cassette, "--max-size", "20K") as record,
    ):
        assert drive(record.url).returncode == 0
        told = until(record, lambda told: told["state"]["counts"]["triple"] == 18 and told["state"]["open"] == 0)
        record.ends()

    assert len([*tmp_path.glob("s-*.cassette")]) > 0
    assert [row["n"] for row in told["add"] if row["kind"] == "triple"] == [*range(1, 19)]
    assert "desk-0-1" not in json.dumps(told)  # an id of the client; the cassette has a pseudonym


# -- with one


@pytest.mark.browser
def test_a_recording_is_shown_as_it_runs(looking: Looking, tmp_path: Path) -> None:
    pytest.importorskip("mitmproxy")
    cassette = tmp_path / "s.cassette"

    def look(page: Page) -> str:
        has(page, ".live-numbers", "0 operations")
        assert drive(record.url).returncode == 0
        has(page, ".live-numbers", "18 operations · 0 open · 4")
        has(page, "#view-live [aria-label=Latest]", "EndPreviewSession")
        page.locator("[data-view=timeline]").click()
        page.locator("#view-timeline canvas.lanes").wait_for()
        page.locator(".follow[aria-pressed=true]").wait_for()
        page.locator("#view-timeline canvas.lanes").dispatch_event("wheel")  # who moves it wants to stay there
        page.locator(".follow[aria-pressed=false]").wait_for()
        page.keyboard.press("j")
        has(page, "#detail h2", "1  StartPreviewSession")
        has(page, "#detail .body", "operationName")
        page.locator("#detail .copy-test").click()
        has(page, "#detail .copy-test", "^copied$")
        test = copied(page)
        page.locator("[data-view=table]").click()
        has(page, "#view-table tbody", "GetChainedRecord")
        page.locator("#filter").fill("op:GetChained*")
        has(page, "#filter-note", "3 of 18")
        assert page.get_by_role("button", name=re.compile("end|stop", re.IGNORECASE)).count() == 0
        assert record.ends() == 0
        has(page, ".live-state", "ended")
        return test

    with (
        running("replay", GWS, "--rate", "instant", view=False) as upstream,
        running("record", upstream.url, "-o", cassette) as record,
    ):
        test = looking.at(record.page, look)

    compile(test, "test_copied.py", "exec")
    assert "StartPreviewSession" in test
    assert "GetPreviewRecord" not in test
    assert str(cassette) in test


@pytest.mark.browser
def test_a_page_that_lost_its_connection_says_so_and_gets_what_it_missed(looking: Looking) -> None:
    def look(page: Page) -> None:
        has(page, "#view-live", "No client so far")
        with relay.away():
            has(page, ".live-state", "connection lost")
            misses(replay.url)
        has(page, "#view-live [aria-label=Misses]", "POST /api/v2/me/nothing")
        has(page, ".live-state", "playing")

    with running("replay", GWS) as replay, Relay(replay.page, keeps_host=False) as relay:
        looking.at(relay.url + urlsplit(replay.page).path, look)
        heads = [asked for asked in relay.asked if b"/api/events " in asked]
    first, *again = [re.findall(rb"(?i)^last-event-id: (\d+)\r$", head, re.MULTILINE) for head in heads]
    assert first == []
    assert again
    assert all(again), "it asked anew, and did not say what it has"


@pytest.mark.browser
def test_misses_pause_step_and_faults_of_a_stand_in(looking: Looking) -> None:
    def look(page: Page) -> None:
        misses(replay.url)
        has(page, "#view-live [aria-label=Misses] summary", "nearest is GET /api/v2/me/devices")
        page.locator("#view-live [aria-label=Misses] summary").click()
        has(page, "#view-live [aria-label=Misses] pre", "what to do")
        assert not page.get_by_role("button", name="Advance").is_visible()

        page.get_by_role("textbox", name="Fault").fill("no such fault")
        page.get_by_role("button", name="Add fault").click()
        has(page, ".live-told", "no such fault")
        page.get_by_role("textbox", name="Fault").fill("delay ack StartPreviewSession 1ms")
        page.get_by_role("button", name="Add fault").click()
        has(page, "#view-live [aria-label=Faults]", "delay ack StartPreviewSession 1ms hit 0 times")

        page.get_by_role("button", name="Pause").click()
        has(page, ".live-state", "paused")
        page.get_by_role("button", name="Step").click()
        has(page, ".live-told", "no step is scheduled")
        page.get_by_role("button", name="Resume").click()
        has(page, ".live-state", "playing")
        assert drive(replay.url).returncode == 0
        has(page, "#view-live [aria-label=Faults]", "hit 3 times")
        has(page, "#view-live [aria-label=Clients]", "18 of 18 played")
        page.get_by_role("button", name="Clear faults").click()
        has(page, "#view-live [aria-label=Faults]", "No fault is set")

    with running("replay", GWS, "--rate", "instant") as replay:
        looking.at(replay.page, look)


@pytest.mark.browser
def test_several_clients_and_a_virtual_clock(looking: Looking) -> None:
    def look(page: Page) -> None:
        for _ in range(2):
            assert drive(replay.url).returncode == 0
        has(page, "#view-live [aria-label=Clients] details:nth-child(2)", "18 of 18 played")
        page.get_by_label("Seconds to advance").fill("30")
        before = page.locator(".live-time").inner_text()
        page.get_by_role("button", name="Advance").click()
        holds(page, f"document.querySelector('.live-time').textContent !== {json.dumps(before)}")
        page.get_by_label("Channel of an event").fill("/v2/me/outbound")
        page.get_by_label("Data of the event, as JSON").fill("{no")
        page.get_by_role("button", name="Push event").click()
        has(page, ".live-told", "no JSON")
        page.locator(".live-buttons .copy-test").click()
        has(page, ".live-buttons .copy-test", "^copied$")
        assert "StartPreviewSession" in copied(page)

    with running("replay", GWS, "--clock", "virtual") as replay:
        looking.at(replay.page, look)


@pytest.mark.browser
@pytest.mark.bundler
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_a_live_page(looking: Looking, theme: Any) -> None:
    def look(page: Page) -> list[str]:
        page.emulate_media(color_scheme=theme)
        misses(replay.url)
        has(page, "#headline [data-code=miss]", "1 miss")
        page.locator("#view-live .miss summary").click()
        page.evaluate(AXE.read_text("utf-8"))
        found = [f"live: {line}" for line in by_axe(page, theme)]
        page.locator("#headline [data-code=miss]").focus()
        misses(replay.url)
        has(page, "#headline [data-code=miss]", "2 misses")
        assert page.evaluate("document.activeElement.dataset.code") == "miss"  # it keeps the focus when it is made anew
        page.locator("[data-view=timeline]").click()
        return found + [f"timeline: {line}" for line in by_axe(page, theme)]

    with running("replay", GWS) as replay:
        assert looking.at(replay.page, look) == []
