"""Three people who have the wheel and an empty folder, and type what README.md and the pages say, nothing else.

What they type is taken from the pages by the names of the blocks, so a page that changes changes what they do. The
world around them is made here: names of hosts that lead to this machine, a browser, and hands that sign on in it.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.library.recording import load_recording
from recorder.model import State
from tests.docs.blocks import DOCS, ROOT, blocks, named
from tests.docs.terminal import Terminal, terminal
from tests.integration.test_browsers import CHROMIUM, DONE, RECORDER
from tests.lab.browser import FLAGS, browsing
from tests.lab.sso import STATS, signing_on
from tests.wheel import environment, requirements_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIMIT = 300.0  # seconds that a story may take


@dataclass
class Story:
    """What a newcomer did.

    Attributes:
        typed: The commands, in order.
        seconds: How long all of it took, the installation included.
    """

    typed: list[str] = field(default_factory=list)
    seconds: float = 0.0


def played(name: str, folder: Path, wheel: Path) -> Story:
    """Let a newcomer begin in an empty folder; raise PageError or AssertionError where a page is wrong."""
    page, play = NEWCOMERS[name]
    begun = time.monotonic()
    install = named(page, "install")
    (asked,) = re.findall(r"^pip install '?outbound-recorder(?:\[(.*?)\])?'?", install.text, re.MULTILINE)
    pytest = ["pytest"] if "pytest" in install.text else []
    needed = requirements_of(wheel, *filter(None, asked.split(",")))
    python = environment(folder / "venv", *needed, *pytest, "pip")  # what pip would download is there
    with terminal(folder / "empty", folder / "bin", python.parent) as typed:
        typed.env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent)}
        typed.does(install)
        play(typed, folder, python)
        return Story(typed.typed, time.monotonic() - begun)


def capture_a_browser(typed: Terminal, folder: Path, python: Path) -> None:
    """Record a page behind TLS and a sign-on, then show it to the same browser while its servers are gone."""
    page = DOCS / "browsers.md"
    with signing_on(typed.folder) as signon:
        _world(folder, python, signon.names, signon.spki)
        (said,) = typed.does(named(page, "record"))
        assert DONE in said, said
        assert f"{STATS} passes unrecorded" in said
    (triple,) = load_recording(typed.folder / "desk.cassette").triples
    assert (triple.operation, triple.state) == ("StartPreviewSession", State.COMPLETE)
    typed.does(named(page, "proxy"))
    (said,) = typed.does(named(page, "through-proxy"))
    assert DONE in said, said
    typed.interrupt()


def _world(folder: Path, python: Path, names: dict[str, int], spki: str) -> None:
    """Put a `recorder` for which the recorded hosts are here, and a browser with somebody before it."""
    (folder / "bin").mkdir()
    values = {"python": python, "names": names, "spki": spki, "flags": FLAGS, "chromium": shutil.which("chromium")}
    for name, text, interpreter in (("recorder", RECORDER, python), ("chromium", CHROMIUM, sys.executable)):
        path = folder / "bin" / name
        path.write_text(text.format(**(values | {"python": interpreter})))
        path.chmod(0o755)


def suite_of_a_desktop(typed: Terminal, _folder: Path, _python: Path) -> None:
    """Record a suite, run it without the server, change the desktop, and read why the test is red."""
    _follow(typed, DOCS / "tutorials" / "test.md")
    (written,) = (typed.folder / "cassettes").rglob("*.cassette")
    assert [t.operation for t in load_recording(written).triples] == ["StartPreviewSession", "GetPreviewRecord"]


def look_and_send(typed: Terminal, _folder: Path, _python: Path) -> None:
    """Look into a session, have an event explained, and open the page that is sent."""
    _follow(typed, DOCS / "tutorials" / "investigate.md")
    _shows((typed.folder / "session.html").as_uri())
    (said,) = typed.does(named(DOCS / "view.md", "view"))
    _shows(re.findall(r"^viewing at (\S+)$", said, re.MULTILINE)[0])


def _follow(typed: Terminal, page: Path) -> None:
    """Type all blocks of a page after the installation."""
    for block in blocks(page):
        if block.name != "install" and not block.skipped:
            typed.does(block)


def _shows(url: str) -> None:
    """Open a page, and look for an operation of the session in its table."""

    def look(page: Page) -> None:
        page.goto(url)
        page.get_by_role("tab", name="Table").click()  # the timeline is drawn, so its names are no text
        page.get_by_text("GetChainedRecord").first.wait_for(timeout=20_000)

    with browsing() as browser:
        browser.on_page(look, again=True)


NEWCOMERS: dict[str, tuple[Path, Callable[[Terminal, Path, Path], None]]] = {
    "capture": (ROOT / "docs" / "tutorials" / "capture.md", capture_a_browser),
    "test": (ROOT / "docs" / "tutorials" / "test.md", suite_of_a_desktop),
    "look": (ROOT / "docs" / "tutorials" / "investigate.md", look_and_send),
}
