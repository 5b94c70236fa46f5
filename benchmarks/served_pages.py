"""Takes the pictures of docs/view.md and docs/live.md: pages of `recorder view`, `record --view`, `replay --view`.

`python -m benchmarks.screenshots` takes them, too; with `--look` in both themes, of 5, 500 and 20,000 triples.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.cli.viewing.test_live import drive, misses, running
from tests.lab.browser import Browser, holds
from tests.lab.processes import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "cassettes" / "preview-session.cassette"
GWS = ROOT / "tests" / "cassettes" / "labs" / "gws.cassette"
_THEMES = "light", "dark"
_READ = "!document.querySelector('main').hasAttribute('aria-busy')"


class Picture(NamedTuple):
    """A picture: its name, what stands behind the address of the page, the theme, the size, what must hold."""

    name: str
    behind: str = ""
    theme: str = "light"
    size: tuple[int, int] = (1280, 760)
    holds: str = _READ


@contextmanager
def viewed(folder: Path) -> Iterator[str]:
    """Serve the cassettes of a folder; yields the address of their list."""
    with serving([sys.executable, "-m", "recorder", "view", str(folder), "--no-open"], ready="viewing at ") as server:
        yield server.url


def take(browser: Browser, url: str, pictures: list[Picture], to: Path) -> Iterator[Path]:
    """Take pictures of the pages at a URL."""
    for picture in pictures:
        path = to / f"{picture.name}.png"
        browser.on_page(partial(_take, url=url, picture=picture, path=path))
        yield path


def _take(page: Page, *, url: str, picture: Picture, path: Path) -> None:
    page.emulate_media(color_scheme="dark" if picture.theme == "dark" else "light")
    page.set_viewport_size({"width": picture.size[0], "height": picture.size[1]})
    page.goto(f"{url}{picture.behind}")
    page.wait_for_timeout(200)
    holds(page, picture.holds, limit=120)
    page.wait_for_timeout(600)  # what the page asks for by itself, such as findings
    page.screenshot(path=path)


def of_list(browser: Browser, to: Path, folder: Path) -> Iterator[Path]:
    """Take the pictures of docs/view.md."""
    for source in (SAMPLE, GWS):
        shutil.copy(source, folder)
    counted = "![...document.querySelectorAll('td')].some((cell) => cell.textContent.includes('…'))"
    pictures = [
        Picture("view-list", holds=counted, size=(1280, 300)),
        Picture("view-stats", "c/1/#view=stats", size=(1280, 620), holds=_drawn("stats")),
        Picture("view-findings", "c/1/#view=findings", "dark", holds=_drawn("findings")),
    ]
    with viewed(folder) as url:
        yield from take(browser, url, pictures, to)


def of_live(browser: Browser, to: Path, folder: Path, themes: tuple[str, ...] = ("light",)) -> Iterator[Path]:
    """Take the pictures of docs/live.md: a replay with two clients and a miss, and its recording."""
    cassette = folder / "live.cassette"
    with running("replay", GWS, "--rate", "1") as replay, running("record", replay.url, "-o", cassette) as record:
        drive(record.url)
        misses(record.url)
        for name, page in (("replay", replay.page), ("record", record.page)):
            pictures = [_live(name, theme, has_themes=len(themes) > 1) for theme in themes]
            yield from take(browser, page, pictures, to)


def _live(name: str, theme: str, *, has_themes: bool) -> Picture:
    shown = "document.querySelectorAll('.live-row').length > 3"
    return Picture(f"live-{name}{f'-{theme}' * has_themes}", theme=theme, size=(1280, 800), holds=shown)


def to_look_at(browser: Browser, to: Path, cassettes: dict[int, Path]) -> Iterator[Path]:
    """Take pictures of all views of `recorder view`, in both themes.

    Args:
        browser: The browser.
        to: Folder of the pictures.
        cassettes: A cassette for each number of triples, all in one folder.
    """
    folder = next(iter(cassettes.values())).parent
    names = sorted(path.name for path in cassettes.values())
    with viewed(folder) as url:
        for theme in _THEMES:
            yield from take(browser, url, [Picture(f"view-list-{theme}", theme=theme)], to)
            for size, path in cassettes.items():
                behind = f"c/{names.index(path.name) + 1}/"
                views = ("timeline", "ladder", "table", "stats", "findings")
                pictures = [
                    Picture(f"view-{size}-{view}-{theme}", f"{behind}#view={view}", theme, holds=_drawn(view))
                    for view in views
                ]
                yield from take(browser, url, pictures, to)


def _drawn(view: str) -> str:
    busy = f"document.querySelector('#view-{view}').textContent.includes('counting …')"
    return f"{_READ} && !document.querySelector('#view-{view}').hidden && !{busy}"
