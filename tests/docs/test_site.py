"""The site: built without a warning, complete, and without a request to any other server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from recorder.cli import main
from tests.docs.blocks import DOCS, ROOT
from tests.lab.browser import Browser

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("site")]

# Elements that a browser loads by itself. Links of a text are followed by its reader alone.
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    built = subprocess.run(build, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")  # a broken link or anchor, or a page without a place
    return folder


class _Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "link" and told.get("rel") in {"canonical", "prev", "next", "alternate"}:
            return
        self.found.append(told.get(LOADED.get(tag, "")) or "")


def test_each_page_of_the_folder_is_in_the_site(site: Path) -> None:
    pages = {page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")}

    assert {page for page in pages if not (site / page).is_file()} == set()


def test_no_page_loads_anything_of_another_server(site: Path) -> None:
    loaded = _Loads()
    for page in site.rglob("*.html"):
        loaded.feed(page.read_text(encoding="utf-8"))
    css = [found for sheet in site.rglob("*.css") for found in re.findall(r"url\((https?:[^)]*)", sheet.read_text())]

    assert len(loaded.found) > 1000
    assert [target for target in loaded.found if re.match(r"(?:https?:)?//", target)] == []
    assert css == []


def test_the_reference_has_each_command_and_option(site: Path) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (site / "reference" / "cli").glob("*.html"))
    ctx = click.Context(main, info_name="recorder")
    commands = {name: main.get_command(ctx, name) for name in main.list_commands(ctx)}
    options = {
        o
        for c in commands.values()
        for p in c.params
        if not getattr(p, "hidden", False)
        for o in p.opts
        if o[:2] == "--"
    }

    assert [name for name in commands if f'id="recorder-{name}"' not in text] == []
    assert [option for option in options if not re.search(rf"{option}[< ,]", text)] == []


def test_the_man_page_has_each_command_and_option(tmp_path: Path) -> None:
    made = tmp_path / "man" / "recorder.1"
    subprocess.run([sys.executable, str(DOCS / "site" / "man.py"), str(made)], cwd=tmp_path, check=True)
    text = made.read_text(encoding="ascii").replace("\\-", "-")
    ctx = click.Context(main, info_name="recorder")
    commands = {name: main.get_command(ctx, name) for name in main.list_commands(ctx)}
    options = {o for c in commands.values() for p in c.params if not getattr(p, "hidden", False) for o in p.opts}

    assert [name for name in commands if f"\n.SS recorder {name} " not in text] == []
    assert [option for option in options if option.startswith("--") and option not in text] == []
    assert [line for line in text.splitlines() if re.match(r"['.](?!(?:TH|SH|SS|TP|PP|nf|fi)\b)", line)] == []


def test_a_list_or_table_of_a_page_is_drawn_as_one(site: Path) -> None:
    """GitHub takes a list without a blank line before it; Python-Markdown takes it for a text."""
    raw = re.compile(r"^(?:(?:<p>)?(?:- |\| |```|#+ )|<p>\d+\. )", re.MULTILINE)
    found = []
    for page in site.rglob("*.html"):
        text = re.sub(r"<(pre|script|svg).*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        found += [f"{page.name}: {text[hit.start() : hit.start() + 60]}" for hit in raw.finditer(text)]

    assert found == []


@pytest.mark.browser
def test_the_search_works_from_a_folder_and_asks_nobody(site: Path, browser: Browser) -> None:
    def search(page: Page) -> tuple[str, list[str]]:
        asked: list[str] = []
        page.on("request", lambda request: _note(request, asked))
        page.goto((site / "index.html").as_uri())
        page.click("input[name=query]")
        page.keyboard.type("pseudonyms")
        page.wait_for_selector(".md-search-result__item", state="attached", timeout=20_000)
        found = page.text_content(".md-search-result__list") or ""
        page.goto((site / "architecture.html").as_uri())
        page.wait_for_load_state("networkidle")
        return found, asked

    found, asked = browser.on_page(search, again=True)

    assert "pseudonym" in found.lower()
    assert asked == []


def _note(request: Request, asked: list[str]) -> Any:
    if request.url.startswith(("http:", "https:", "ws:", "wss:")):
        asked.append(request.url)
