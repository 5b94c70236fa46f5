"""The pages of the viewer in a real browser: what one sees and does; nobody else is asked, nothing is blocked."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from benchmarks import synthetic
from recorder.cassette.codec import encode, encode_header
from recorder.explore.files import file_name
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Kept, Schedule, to_text
from recorder.viewer.answers import Answer, Request
from recorder.viewer.app import App
from recorder.viewer.cassette_list import CassetteList
from recorder.viewer.server import Server
from tests.lab.browser import Browser, holds
from tests.viewer.asking import CASSETTES, PREVIEW
from tests.views.look.test_look import AXE, by_axe
from tests.wire import HEADER, Ask, Wire, record_event

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.once]

WATCH = """addEventListener("securitypolicyviolation", ({ blockedURI, violatedDirective }) =>
    console.error(`blocked: ${blockedURI} ${violatedDirective}`))"""
NASTY = '<img src=x onerror="window.hit=1">\u202e</script><script>window.hit=1</script>'

NASTY_NAME = 'nasty<img src=x onerror="window.hit=1">.cassette'

T = TypeVar("T")


def scanned(path: Path) -> list[dict[str, Any]]:
    """What a scan finds in one of the cassettes: something in a response with events."""
    row = {
        "level": "error",
        "kind": "telephone number",
        "record": 42,
        "part": "response",
        "where": "body",
        "masked": "+1…",
    }
    return [row] if path.name == "many.cassette" else []


class Foreign:
    """A page of another server."""

    def answer(self, _: Request) -> Answer:
        return Answer(200, (("Content-Type", "text/html"),), b"<!doctype html><title>other</title><p>hello")


class Viewed:
    """A viewer of a folder, and how to look at its pages."""

    def __init__(self, browser: Browser, url: str, folder: Path, told: list[str]) -> None:
        self.browser, self.url, self.folder, self.told = browser, url, folder, told

    def look(self, path: str, act: Callable[[Page], T]) -> T:
        """Return what `act` returns of a page, on which nothing may go wrong."""
        errors: list[str] = []
        asked: set[str] = set()

        def opened(page: Page) -> T:
            page.set_default_timeout(10_000)
            page.on("request", lambda request: asked.add(request.url))
            page.on("console", lambda message: errors.append(message.text))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.add_init_script(WATCH)
            page.goto(self.url + path)
            return act(page)

        found = self.browser.on_page(opened, again=True)
        assert {url for url in asked if not url.startswith((self.url, "data:"))} == set()
        assert errors == []
        assert self.told == []
        return found


@pytest.fixture(scope="module")
def viewed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    folder = tmp_path_factory.mktemp("cassettes")
    for path in CASSETTES.glob("*.cassette"):
        shutil.copy(path, folder)
    (folder / "broken.cassette").write_text("no cassette")
    records = map(encode, synthetic.records(60))
    (folder / "many.cassette").write_bytes(encode_header(synthetic.HEADER) + b"".join(records))
    wire = Wire()
    desk = wire.desk()
    desk.asks(Ask("/api/v2/me/outbound", {"operationName": NASTY, "referenceId": NASTY}), record_event(NASTY, 1))
    (folder / NASTY_NAME).write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))
    with viewing(browser, folder) as found:
        yield found


@contextmanager
def viewing(browser: Browser, folder: Path) -> Iterator[Viewed]:
    told: list[str] = []
    server = Server()
    cassettes = CassetteList([], [folder], scan=scanned)
    app = App(cassettes, secrets.token_urlsafe(), port=server.port, tell=told.append)
    thread = Thread(target=server.run, args=(app,))
    thread.start()
    try:
        yield Viewed(browser, f"http://127.0.0.1:{server.port}{app.prefix}", folder, told)
    finally:  # else the thread keeps the run from ending
        server.stop()
        thread.join()
        server.close()
        cassettes.close()


def texts(page: Page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def number(viewed: Viewed, name: str) -> int:
    """The number of a cassette, by the link of the list."""

    def act(page: Page) -> str | None:
        return page.locator("#list a", has_text=name).get_attribute("href")

    return int((viewed.look("", act) or "").split("/")[1])


def test_the_list_tells_what_each_cassette_holds(viewed: Viewed) -> None:
    def act(page: Page) -> list[list[str]]:
        assert page.evaluate("window.hit === undefined && document.querySelector('img') === null")
        page.locator("#list tr[data-k]", has_text="many").locator("td:nth-child(5)", has_text="60").wait_for()
        page.locator("#about .facts", has_text="cassettes").wait_for()
        return [texts(row, "td") for row in page.locator("#list tbody tr[data-k]").all()]  # type: ignore[arg-type]  # it has the locator of a page

    rows = {row[0]: row for row in viewed.look("", act)}

    assert sorted(rows) == [
        "broken.cassette", "get-chained-record.cassette", "many.cassette", NASTY_NAME, PREVIEW.name,
    ]  # fmt: skip
    assert "not a cassette" in rows["broken.cassette"][7]
    assert rows[PREVIEW.name][4] == "6"
    assert rows["many.cassette"][2] == "journal"


def test_the_list_is_sorted_and_narrowed(viewed: Viewed) -> None:
    def act(page: Page) -> tuple[list[str], list[str]]:
        page.locator("#list tr[data-k]").first.wait_for()
        # files are read in the background, and what has no size yet comes last
        holds(
            page,
            "[...document.querySelectorAll('#list tr[data-k]')].every((r) => /\\d/.test(r.cells[1].innerText))",
        )
        page.locator("#list th[data-column=size] button").click()
        by_size = texts(page, "#list td:first-child a")
        page.locator("#names").fill("CHAIN")
        holds(page, "document.querySelectorAll('#list tr[data-k]').length === 1")
        return by_size, texts(page, "#list td:first-child a")

    by_size, narrowed = viewed.look("", act)

    sizes = [(viewed.folder / name).stat().st_size for name in by_size]
    assert sizes == sorted(sizes)
    assert narrowed == ["get-chained-record.cassette"]


def test_two_cassettes_are_compared_by_a_click(viewed: Viewed) -> None:
    def act(page: Page) -> tuple[str, list[str]]:
        for side, name in (("A", PREVIEW.name), ("B", "get-chained-record.cassette")):
            page.locator("#list tr", has_text=name).get_by_role("button", name=side).first.click()
        page.locator("#pair a").click()
        page.locator("#view-differences .difference").first.wait_for()
        return page.title(), texts(page, "#view-differences .difference > :is(h2, h3)")

    title, headings = viewed.look("", act)

    assert title == f"{PREVIEW.name} → get-chained-record.cassette"
    assert [heading.split() for heading in headings][2] == ["3", "→", "7", "GetChainedRecord"]


def test_a_cassette_has_the_views_of_a_report_and_more(viewed: Viewed) -> None:
    def act(page: Page) -> list[str]:
        page.locator("#tabs [role=tab]").first.wait_for()
        return [str(tab.get_attribute("data-view")) for tab in page.locator("#tabs [role=tab]").all()]

    assert viewed.look(f"c/{number(viewed, PREVIEW.name)}/", act)[:3] == ["timeline", "ladder", "table"]


def test_stats_have_each_operation_with_its_strip_and_filter_by_a_click(viewed: Viewed) -> None:
    def act(page: Page) -> tuple[list[str], str, str, str]:
        page.locator("[data-view=stats]").click()
        page.locator("#view-stats .figures h2").wait_for()
        names = texts(page, "#view-stats tr[data-operation] td:first-child")
        strips = page.locator("#view-stats canvas.latencies").count()
        assert strips == len(names)
        page.locator("#view-stats tr[data-operation=GetChainedRecord] button").first.click()
        holds(page, "document.querySelectorAll('#view-stats tr[data-operation]').length === 1")
        canvas = page.locator("#view-stats canvas.latencies")
        box = canvas.bounding_box()
        assert box is not None
        canvas.click(position={"x": box["width"] / 2, "y": 10})
        page.locator("#detail h2").wait_for()
        return (
            names,
            page.locator("#filter").input_value(),
            page.locator("#detail h2").inner_text(),
            page.locator("#view-stats .figures p").inner_text(),
        )

    names, wanted, heading, figures = viewed.look(f"c/{number(viewed, PREVIEW.name)}/#view=stats", act)

    assert len(names) == 6
    assert wanted == 'op:"GetChainedRecord"'
    assert heading.startswith("3")
    assert "16 polls: 2 without an event" in figures


def test_findings_are_told_by_their_command(viewed: Viewed) -> None:
    def act(page: Page) -> list[str]:
        page.locator("#view-findings article").first.wait_for()
        return texts(page, "#view-findings h2")

    headings = viewed.look(f"c/{number(viewed, 'many')}/#view=findings", act)

    assert [heading.split()[0] for heading in headings] == ["doctor", "scan"]


def test_findings_are_problems_like_others(viewed: Viewed) -> None:
    def act(page: Page) -> tuple[str, str, str]:
        page.locator("#headline [data-code=finding]").wait_for()
        page.keyboard.press("w")
        page.locator("#problems .problem", has_text="telephone number").click()
        page.locator("#detail .wrong", has_text="telephone number").wait_for()
        return (
            page.locator("#headline [data-code=finding]").inner_text(),
            page.locator("#problems h2").inner_text(),
            page.evaluate("location.hash"),
        )

    told, title, address = viewed.look(f"c/{number(viewed, 'many')}/", act)

    assert "1 finding" in told
    assert title == "1 problem"
    assert "event=" in address


@pytest.mark.bundler
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_list_and_the_views_that_need_a_server(viewed: Viewed, theme: Any) -> None:
    script = AXE.read_text("utf-8")
    one, other = number(viewed, PREVIEW.name), number(viewed, "get-chained-record")

    def act(page: Page) -> list[str]:
        page.emulate_media(color_scheme=theme)
        page.evaluate(script)
        page.locator("#list .pick").first.click()
        found = [f"list: {line}" for line in by_axe(page, theme)]
        for view, path, ready in (
            ("stats", f"c/{one}/#view=stats&triple=3", "#view-stats table[aria-label=Channels]"),
            ("findings", f"c/{one}/#view=findings&triple=3", "#view-findings article"),
            ("diff", f"diff/{one}/{other}/", "#view-differences article"),
        ):
            page.goto(viewed.url + path)
            page.locator(ready).first.wait_for()
            page.evaluate(script)
            found += [f"{view}: {line}" for line in by_axe(page, theme)]
        return found

    assert viewed.look("", act) == []


def test_an_event_is_explained_and_its_numbers_lead_on(viewed: Viewed) -> None:
    def act(page: Page) -> tuple[str, str]:
        page.locator(".explained summary").click()
        page.locator(".explained pre", has_text="caused by").wait_for()
        text = page.locator(".explained pre").inner_text()
        page.locator(".explained pre button", has_text="3").nth(1).click()
        holds(page, "location.hash.includes('triple=3&')")
        return text, page.locator(".explained summary").inner_text()

    text, summary = viewed.look(f"c/{number(viewed, PREVIEW.name)}/#event=3.2&view=table", act)

    assert "rule twin" in text
    assert summary == "Explain 3 by the rules"


def test_words_are_searched_on_the_server(viewed: Viewed) -> None:
    def act(page: Page) -> str:
        page.locator("#filter").fill("desk-3")
        page.locator("#filter-note", has_text="1 of 6").wait_for()  # all of them until the server has answered
        return page.locator("#filter-note").inner_text()

    assert viewed.look(f"c/{number(viewed, PREVIEW.name)}/#view=table", act).startswith("1 of 6")


def test_a_file_that_is_gone_is_told_above_the_page(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "soon-gone.cassette"
    shutil.copy(PREVIEW, path)

    def act(page: Page) -> str:
        page.locator("#tabs [role=tab]").first.wait_for()
        path.unlink(missing_ok=True)
        page.locator("#told", has_text="gone").wait_for()
        return page.locator("#told").inner_text()

    with viewing(browser, tmp_path) as viewed:
        told = viewed.look("c/1/", act)

    assert told.strip() == "soon-gone.cassette is gone; this page shows what was in it"


def test_what_was_recorded_is_text(viewed: Viewed) -> None:
    def act(page: Page) -> tuple[bool, str]:
        for view in ("table", "ladder", "stats", "findings", "timeline"):
            page.locator(f"[data-view={view}]").click()
            page.locator(f"#view-{view}").wait_for()
        page.locator("#detail").wait_for()
        hit: bool = page.evaluate("window.hit === 1 || document.querySelector('img') !== null")
        return hit, page.locator("#detail").inner_text()

    hit, text = viewed.look(f"c/{number(viewed, 'nasty')}/#event=x2", act)

    assert not hit
    assert text


def test_another_page_of_this_machine_gets_nothing(viewed: Viewed, browser: Browser) -> None:
    """A page of another port of this machine, which knows the address, can neither ask nor frame nor run it."""
    other = Server()

    thread = Thread(target=other.run, args=(Foreign(),))
    thread.start()

    def act(page: Page) -> list[object]:
        page.goto(f"http://127.0.0.1:{other.port}/")
        script = """async (url) => {
            const list = `${url}api/list`;
            const asked = await fetch(list).then((answer) => answer.status, () => "refused");
            const blind = await fetch(list, { mode: "no-cors" }).then((answer) => answer.type, () => "refused");
            const script = await new Promise((done) => {
                const node = Object.assign(document.createElement("script"), { src: `${url}view.js` });
                node.onload = () => done("ran");
                node.onerror = () => done("refused");
                document.head.append(node);
            });
            return [asked, blind, script];
        }"""
        found: list[object] = page.evaluate(script, viewed.url)
        return found

    try:
        asked, blind, script = browser.on_page(act, again=True)
    finally:
        other.stop()
        thread.join()
        other.close()

    assert (asked, script) == ("refused", "refused")
    assert blind in ("opaque", "refused")
    assert viewed.told == []


def test_the_schedules_beside_a_cassette_are_links_to_their_orders(browser: Browser, tmp_path: Path) -> None:
    path = Path(shutil.copy(PREVIEW, tmp_path))
    kept = Kept(Schedule.of([Deviation.parse("event 2.2 before ack 2")]), (path.name,), says=NASTY)
    (tmp_path / file_name(path.name, kept.schedule)).write_text(to_text(kept), "utf-8")

    def act(page: Page) -> list[Any]:
        page.locator("#schedules a", has_text=kept.schedule.id).click()
        page.locator(".orders-told .mark").wait_for()
        chosen = page.locator("#schedules [aria-current]").inner_text()
        lines = page.locator(".act.right .flag").all_inner_texts()
        page.keyboard.press("1")
        at = page.evaluate("location.search + location.hash")
        page.locator("#schedules a", has_text="recorded").click()
        page.locator("#tab-stats").wait_for()
        orders = page.locator("#tab-orders").count()
        return [chosen, lines, at, orders, page.evaluate("window.hit === undefined")]

    with viewing(browser, tmp_path) as viewed:
        found = viewed.look("c/1/", act)

    assert found == [kept.schedule.id, ["↑ earlier"], f"?schedule={kept.schedule.id}#view=timeline", 0, True]
