"""A real browser, and the scripted desktop as a page in it, of an origin of its own."""

from __future__ import annotations

import functools
import importlib.util
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from tests.lab.lab import LabError

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page, Playwright

_HERE = Path(__file__).resolve().parent
_LIMIT = 60.0  # seconds for what is done on one page
# Root's Chromium has no sandbox; the rest keeps it from talking to anybody but the servers of the test.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

T = TypeVar("T")


class Browser:
    """A headless Chromium; what is done on its pages is done in a thread of its own.

    Playwright leaves an event loop running in the thread that started it, where no test could say `asyncio.run` then.
    """

    def __init__(self, thread: ThreadPoolExecutor, chromium: Chromium) -> None:
        self._thread, self._chromium = thread, chromium

    def on_page(self, act: Callable[[Page], T], har: Path | None = None) -> T:
        """What `act` returns that is given a fresh page, with no cookies and nothing cached; `har` gets its traffic."""

        def with_page() -> T:
            with self._chromium.new_context(record_har_path=har, record_har_content=har and "embed") as context:
                return act(context.new_page())

        return self._thread.submit(with_page).result(_LIMIT)


@contextmanager
def browsing(*flags: str) -> Iterator[Browser]:
    """Start Debian's Chromium, with more flags, and an empty profile that is gone afterwards."""
    from playwright.sync_api import sync_playwright  # not before it is needed: not everybody has it

    def start() -> tuple[Playwright, Chromium]:
        playwright = sync_playwright().start()
        return playwright, playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*FLAGS, *flags])

    with ThreadPoolExecutor(1, "browser") as thread:
        playwright, chromium = thread.submit(start).result(_LIMIT)
        try:
            yield Browser(thread, chromium)
        finally:
            thread.submit(chromium.close).result(_LIMIT)
            thread.submit(playwright.stop).result(_LIMIT)


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
