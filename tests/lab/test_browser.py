"""What one act on a page that never ends costs: its own test at most, never the next one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.browser import Browser, BrowserHung, browsing, children
from tests.lab.processes import until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.once]

LIMIT = 3.0  # seconds
NEVER = "new Promise(() => {})"


@pytest.fixture
def own() -> Iterator[Browser]:
    """A Chromium that the test may spoil."""
    with browsing(limit=LIMIT) as started:
        yield started


class Hangs:
    """An act that hangs so many times."""

    def __init__(self, times: int) -> None:
        self.times, self.calls = times, 0

    def __call__(self, page: Page) -> int:
        self.calls += 1
        return int(page.evaluate(NEVER if self.calls <= self.times else "6 * 7"))


def drivers() -> set[int]:
    return {pid for pid in children(os.getpid()) if b"playwright" in command_of(pid)}


def command_of(pid: int) -> bytes:
    """The command line of a process; b"" of one that has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_an_act_that_hangs_is_done_again_in_another_chromium(own: Browser) -> None:
    assert own.on_page(Hangs(0)) == 42
    act, before = Hangs(1), drivers()

    with pytest.warns(RuntimeWarning, match=r"^Chromium hung: .*Hangs.* had not ended after 3 s, done again"):
        assert own.on_page(act, again=True) == 42

    assert act.calls == 2
    assert len(drivers()) == len(before)
    assert len(drivers() - before) == 1


def test_an_act_that_always_hangs_fails_and_the_next_one_works(own: Browser) -> None:
    act = Hangs(99)

    with pytest.warns(RuntimeWarning, match="done again"), pytest.raises(BrowserHung, match=r"Hangs.* hung twice"):
        own.on_page(act, again=True)

    assert act.calls == 2
    assert own.on_page(Hangs(0)) == 42


def test_an_act_that_may_be_done_once_only_fails_at_once(own: Browser) -> None:
    act = Hangs(1)

    with pytest.raises(BrowserHung, match=r"Hangs.* had not ended after 3 s"):
        own.on_page(act)

    assert act.calls == 1
    assert own.on_page(act) == 42


def test_an_act_that_had_not_begun_is_done_all_the_same(own: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from playwright.sync_api import Browser as Chromium

    opened, act = [], Hangs(0)

    def new_context(chromium: Chromium, **named: Any) -> BrowserContext:
        opened.append(chromium)
        if len(opened) == 1:
            Event().wait()
        return original(chromium, **named)

    original = Chromium.new_context
    monkeypatch.setattr(Chromium, "new_context", new_context)
    with pytest.warns(RuntimeWarning, match="done again"):
        assert own.on_page(act) == 42

    assert (act.calls, len(opened)) == (1, 2)


def test_a_chromium_that_dies_is_replaced_for_the_next_act(own: Browser) -> None:
    from playwright.sync_api import Error

    def dies(page: Page) -> None:
        (driver,) = own._chromium._drivers
        for pid in children(driver):
            os.kill(pid, signal.SIGKILL)
        page.evaluate(NEVER)

    with pytest.raises(Error, match="closed"):
        own.on_page(dies)

    assert own.on_page(Hangs(0)) == 42


def test_an_act_that_fails_is_not_done_again(own: Browser) -> None:
    calls = []

    def act(_: Page) -> None:
        calls.append(1)
        raise TimeoutError("no such button")

    with pytest.raises(TimeoutError, match="no such button"):
        own.on_page(act, again=True)

    assert calls == [1]


def test_a_chromium_that_does_not_close_is_killed() -> None:
    others, browser = drivers(), Browser(limit=LIMIT)
    assert browser.on_page(Hangs(0)) == 42
    mine = drivers() - others  # the pages of other tests may have one that is open
    browser._chromium.hand_over(lambda _: Event().wait())

    with pytest.warns(RuntimeWarning, match="Chromium did not close"):
        browser.close()

    assert mine
    until(lambda: not drivers() & mine, "the driver is gone")
