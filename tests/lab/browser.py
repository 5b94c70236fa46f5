"""A real browser, and the scripted desktop as a page in it, of an origin of its own."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from tests.lab.lab import LabError

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

_HERE = Path(__file__).resolve().parent
# Seconds for what is done on one page, and for a start, which takes one where nothing else runs: two of each are less
# than the 120 s of a test.
_LIMIT = 35.0
_START = 22.0
_CLOSE = 10.0
_STARTING = Lock()  # what is a child of this process afterwards and was not before is the driver started
# Root's Chromium has no sandbox; the rest keeps it from talking to anybody but the servers of the test.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

T = TypeVar("T")


def holds(page: Page, expression: str, limit: float = 20.0) -> None:
    """Wait until an expression is true on a page.

    Playwright's `wait_for_function` asks anew by `eval`, which the policy of a page may forbid: it works there only if
    the expression is true at once.
    """
    until = time.monotonic() + limit
    while not page.evaluate(expression):
        assert time.monotonic() < until, f"not within {limit:g} s: {expression}"
        page.wait_for_timeout(20)


class BrowserHung(LabError):
    """An act on a page did not end within its limit."""


class Browser:
    """A headless Chromium, started for the first act; one that hangs is killed, and the next act gets another."""

    def __init__(self, flags: tuple[str, ...] = (), limit: float = _LIMIT) -> None:
        self._flags, self._limit = flags, limit
        self._turn = Lock()
        self._chromium: _Chromium | None = None

    def on_page(self, act: Callable[[Page], T], har: Path | None = None, *, again: bool = False) -> T:
        """Return the result of `act` on a fresh page, with no cookies and nothing cached; `har` gets its traffic.

        An act that hangs is done a second time if it may be done `again`, that is if nothing but its result counts,
        or if it had not begun. One that fails is not.

        Raises:
            BrowserHung: If the act did not end within the limit.

        """
        name = getattr(act, "__qualname__", None) or type(act).__qualname__
        with self._turn:
            try:
                return self._try(act, har, again=again)
            except _MayBeDoneAgain:
                said = f"Chromium hung: {name} had not ended after {self._limit:g} s, done again in another one"
                warnings.warn(said, RuntimeWarning, stacklevel=2)
            except _Hung:
                raise BrowserHung(f"{name} had not ended after {self._limit:g} s") from None
            try:
                return self._try(act, har, again=False)
            except _Hung:
                raise BrowserHung(f"{name} hung twice, {self._limit:g} s each, in two Chromiums") from None

    def _try(self, act: Callable[[Page], T], har: Path | None, *, again: bool) -> T:
        begun = Event()

        def with_page(chromium: Chromium) -> T:
            with chromium.new_context(record_har_path=har, record_har_content=har and "embed") as context:
                page = context.new_page()
                begun.set()
                return act(page)

        if self._chromium is not None and self._chromium.is_lost:
            self.kill()
        if self._chromium is None:
            self._chromium = _Chromium(self._flags)
        done = self._chromium.hand_over(with_page)
        if not wait([done], self._limit).done:
            self.kill()
            raise _Hung if begun.is_set() and not again else _MayBeDoneAgain
        return done.result()

    def kill(self) -> None:
        """Kill Chromium and its driver."""
        if self._chromium is not None:
            self._chromium.kill()
            self._chromium = None

    def close(self) -> None:
        """End Chromium and its driver, by force if need be."""
        if self._chromium is not None and not wait([self._chromium.close()], min(self._limit, _CLOSE)).done:
            warnings.warn("Chromium did not close and was killed", RuntimeWarning, stacklevel=2)
            self.kill()


class _Hung(Exception):
    """An act did not end within its limit."""


class _MayBeDoneAgain(_Hung):
    """An act did not end within its limit, and no trace of it counts."""


class _Chromium:
    """A Chromium, its driver, and a thread of their own; what is done on pages is done there.

    Playwright leaves an event loop running in the thread that started it, where no test could say `asyncio.run` then.
    The thread is a daemon, so that one that hangs does not keep Python from ending.
    """

    def __init__(self, flags: tuple[str, ...]) -> None:
        self._calls: SimpleQueue[Callable[[Chromium], None] | None] = SimpleQueue()
        self._ended: Future[None] = Future()
        self.is_lost = False  # an act failed, and after it there was no Chromium any more
        up = self.hand_over(lambda _: None)
        with _STARTING:
            others = children(os.getpid())
            Thread(target=self._serve, args=(flags,), name="browser", daemon=True).start()
            begun = wait([up, self._ended], _START, "FIRST_COMPLETED").done
            self._drivers = children(os.getpid()) - others
        if self._ended in begun:
            self._ended.result()
        if not begun:
            self.kill()
            raise BrowserHung(f"Chromium had not started after {_START:g} s")

    def hand_over(self, act: Callable[[Chromium], T]) -> Future[T]:
        """Do something with Chromium as soon as the thread has time."""
        done: Future[T] = Future()

        def call(chromium: Chromium) -> None:
            try:
                done.set_result(act(chromium))
            except BaseException as exc:  # noqa: BLE001  # the test is told, in its own thread
                self.is_lost = not chromium.is_connected()
                done.set_exception(exc)

        self._calls.put(call)
        return done

    def close(self) -> Future[None]:
        """End the thread, and Chromium and the driver with it."""
        self._calls.put(None)
        return self._ended

    def kill(self) -> None:
        """Kill the driver and all it started, and leave the thread alone."""
        self._calls.put(None)
        for process in [below for driver in self._drivers for below in _tree(driver)]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _serve(self, flags: tuple[str, ...]) -> None:
        from playwright.sync_api import sync_playwright  # not before it is needed: not everybody has it

        try:
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*FLAGS, *flags])
                for call in iter(self._calls.get, None):
                    call(chromium)
                chromium.close()
        except BaseException as exc:  # noqa: BLE001  # likewise
            self._ended.set_exception(exc)
        else:
            self._ended.set_result(None)


def children(parent: int) -> set[int]:
    """Return the ids of the processes that a process started and that are its own."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            if int(stat.read_bytes().rpartition(b")")[2].split()[1]) == parent:
                found.add(int(stat.parent.name))
    return found


def _tree(pid: int) -> list[int]:
    return [pid, *(below for child in children(pid) for below in _tree(child))]


@contextmanager
def browsing(*flags: str, limit: float = _LIMIT) -> Iterator[Browser]:
    """Have Debian's Chromium, with more flags, and an empty profile that is gone afterwards."""
    browser = Browser(flags, limit)
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def serving_pages() -> Iterator[str]:
    """Serve this folder, as the web server does that a desktop comes from; yields its origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=_HERE)) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()


def play_in_page(
    browser: Browser, origin: str, url: str, script: Mapping[str, Any], har: Path | None = None
) -> list[dict[str, Any]]:
    """Let the scripted desktop of a page from `origin` play against a base URL, and return the lines it printed.

    The browser saves its traffic in `har`, if that is given.

    Raises:
        LabError: If a step timed out, or the handshake failed.

    """
    from playwright.sync_api import Error

    def play(page: Page) -> list[dict[str, Any]]:
        page.goto(f"{origin}/page.html")
        lines: list[dict[str, Any]] = page.evaluate("([url, script]) => play(url, script)", [url, script])
        return lines

    try:
        return browser.on_page(play, har)
    except Error as exc:
        raise LabError(str(exc)) from exc


def available() -> str | None:
    """Why there is no browser here, or None if there is one."""
    if shutil.which("chromium") is None:
        return "chromium is not installed"
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    return None


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Print nothing."""
