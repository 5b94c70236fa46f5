"""Takes the pictures of docs/report.md: the page of `recorder report`, in Debian's Chromium.

python -m benchmarks.screenshots [--to docs]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.cassette.reader import Cassette
from recorder.dialect.definition import load
from recorder.views.document import page as html
from recorder.views.report import document, part
from tests.lab.browser import browsing
from tests.views.late import late_session
from tests.wire import HEADER

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOST = 300_000  # bytes of a picture
_STARTED = 1_753_000_000_000_000
# name, what is shown, the colours, width and height
_SHOTS = (
    ("report-timeline", "#triple=3&view=timeline", "light", 1280, 760),
    ("report-ladder", "#triple=3&view=ladder", "light", 1280, 760),
    ("report-table", "#triple=4&view=table&sort=-last", "dark", 1280, 640),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "docs", help="the folder")
    to = parser.parse_args().to
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        report = Path(folder) / "report.html"
        report.write_text(html(_session()), "utf-8")
        for path in browser.on_page(_photographer(report, to)):
            size = path.stat().st_size
            print(f"{path}: {size} bytes")
            if size > MOST:
                raise SystemExit(f"{path} has more than {MOST} bytes")


def _session() -> dict[str, object]:
    header = replace(HEADER, started=_STARTED, redaction="gws")
    return document([part("late.cassette", Cassette(header, tuple(late_session().records)), load())], "late.cassette")


def _photographer(report: Path, to: Path) -> Callable[[Page], list[Path]]:
    def take(page: Page) -> list[Path]:
        taken = []
        for name, fragment, colours, width, height in _SHOTS:
            page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
            page.set_viewport_size({"width": width, "height": height})
            page.goto("about:blank")
            page.goto(f"{report.as_uri()}{fragment}")
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            page.screenshot(path=to / f"{name}.png")
            taken.append(to / f"{name}.png")
        return taken

    return take


if __name__ == "__main__":
    main()
