"""Two orders side by side, in a real browser: what one sees and does, and that no name becomes markup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import synthetic
from recorder.cassette.reader import Cassette
from recorder.dialect.definition import load
from recorder.replay.engine.orders.schedule import Kept
from recorder.views.document import page as html
from recorder.views.orders.beside import orders
from recorder.views.report import Source, document, part, parts
from tests.lab.browser import Browser
from tests.views.look.test_look import AXE, OVERLAPPING, by_axe
from tests.views.orders.made import RECORDED, calls, schedule, session
from tests.views.test_page import HOSTILE, Report, heading, hostile_session, of, texts
from tests.wire import HEADER, Wire

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.once]

# sides of lines that tell what a stranger would look at
LINES = """() => [...document.querySelectorAll(".order")].map((line) =>
    [...line.querySelectorAll(".act")].map((act) =>
        [act.dataset.name, act.querySelector(".flag")?.textContent].filter(Boolean).join(" ")).join(" | "))"""
BOXED = """(side) => [...document.querySelectorAll(`.act.boxed.${side}`)].map((act) =>
    [act.dataset.name, act.matches(".first") && "first", act.matches(".last") && "last"].filter(Boolean).join(" "))"""


def written(browser: Browser, folder: Path, cassette: Cassette, kept: Kept) -> Report:
    from recorder.library.recording import derive

    path, rules = folder / "report.html", load()
    drawn = orders(derive(cassette, rules), rules, kept)
    path.write_text(html(document([part("a.cassette", cassette, rules)], "a.cassette", drawn)), "utf-8")
    return Report(browser, path)


def run(*names: str) -> list[tuple[str, float]]:
    return [(name, place / 100) for place, name in enumerate(names)]


EARLY = schedule("event 2.1 before ack 2", played=run(*RECORDED[:6], "event 2.1", "ack 2", "event u1", "event 1.4"))


@pytest.fixture(scope="module")
def early(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The event of triple 2 came before its ack; the run ended before triple 3."""
    return written(browser, tmp_path_factory.mktemp("early"), of(session().records), EARLY)


def test_the_page_begins_with_both_orders_and_what_moved(early: Report) -> None:
    def act(page: Page) -> tuple[str, list[str], list[str], list[str]]:
        view = page.locator("[role=tab][aria-selected=true]").get_attribute("data-view") or ""
        return view, page.evaluate(LINES), texts(page, ".orders-told li button"), texts(page, "#headline .part")

    view, lines, told, parts = early.look(act)

    assert view == "orders"
    assert lines[5:] == [
        "request 2 | request 2", " | event 2.1 ↑ earlier", "ack 2 | ack 2", "event 2.1 | ",
        "event u1 | event u1", "event 1.4 | event 1.4",
    ]  # fmt: skip
    assert told == ["1 ChainedRecordsDataEnd (event 2.1) arrives before the ack of GetChainedRecord (triple 2)"]
    assert parts == ["▽1 deviation"]


def test_a_line_leads_to_where_it_moved_and_crosses_what_it_passed(early: Report) -> None:
    def act(page: Page) -> list[Any]:
        box = page.locator(".moves .crossing").bounding_box()
        passed = page.locator(".act.left[data-name='ack 2']").bounding_box()
        assert box is not None
        assert passed is not None
        middle = box["y"] + box["height"] / 2 - passed["y"] - passed["height"] / 2
        return [page.locator(".moves .named").count(), page.locator(".moves .crossing").count(), abs(middle) < 2]

    assert early.look(act) == [1, 1, True]


def test_what_came_in_one_answer_has_an_outline(early: Report) -> None:
    left, right = early.look(lambda page: [page.evaluate(BOXED, side) for side in ("left", "right")])

    assert left == ["event 1.1 first", "event 1.2", "event 1.3 last", "event u1 first", "event 1.4 last"]
    assert right == []


def test_what_the_run_did_not_reach_is_told_and_can_be_unfolded(early: Report) -> None:
    def act(page: Page) -> list[Any]:
        told = texts(page, ".order-fold")
        page.locator(".order-fold button").click()
        return [told, page.evaluate(LINES)[-3:], page.evaluate("document.activeElement.className")]

    told, lines, focus = early.look(act)

    assert told == ["⋯ The run ended here: 3 more acts of the recording did not come"]
    assert lines == [f"{name} ✕ did not come | " for name in RECORDED[10:]]
    assert focus == "scroller"


def test_a_deviation_and_the_keys_lead_to_the_item_and_its_details(early: Report) -> None:
    def act(page: Page) -> list[Any]:
        page.locator(".orders-told li button").focus()
        page.keyboard.press("Enter")
        clicked = page.locator(".act[aria-current]").evaluate_all("(all) => all.map((one) => one.dataset.name)")
        page.keyboard.press("Escape")
        page.keyboard.press("e")
        by_key = page.evaluate("location.hash")
        page.locator(".act.right[data-name='ack 2']").click()
        return [clicked, by_key, heading(page)]

    assert early.look(act) == [["event 2.1"] * 2, "#event=2.1&view=orders", "2 GetChainedRecord"]


def test_what_was_held_back_when_the_run_ended_stands_below_the_end(browser: Browser, tmp_path: Path) -> None:
    kept = schedule("event 2.1 before ack 2", played=run(*RECORDED[:6], "event 2.1"))
    report = written(browser, tmp_path, of(session().records), kept)

    def act(page: Page) -> list[Any]:
        rows = page.locator(".orders > :is(.order, .order-fold)").evaluate_all(
            "(all) => all.map((one) => one.innerText)"
        )
        lines = page.evaluate(LINES)
        return ["The run ended here" in rows[-2], lines[-3:], page.locator(".moves .held.named").count()]

    found = report.look(act)

    assert found == [True, ["ack 2 | ", "event 2.1 | event 2.1", " | ack 2 ↓ had not come yet"], 1]


OVERTAKEN = schedule(
    "event 1.1 before answer p2",
    played=run("request p2", "request 1", "ack 1", "event 1.1", "answer p2"),
)


def test_an_answer_to_a_request_that_is_no_operation_is_drawn_by_name_and_leads_to_its_details(
    browser: Browser, tmp_path: Path
) -> None:
    report = written(browser, tmp_path, of(calls().records), OVERTAKEN)

    def act(page: Page) -> list[Any]:
        lines = page.evaluate(LINES)
        named = page.locator(".act.left[data-name='answer p2'] .what-act").inner_text()
        asked = page.locator(".act.left[data-name='request p2'] .what-act").inner_text()
        legend = page.locator(".orders-told .signs").inner_text()
        page.locator(".act.right[data-name='answer p2']").click()
        return [lines[-3:], named, asked, "answer to a request that starts no operation" in legend, heading(page)]

    lines, named, asked, has_sign, opened = report.look(act)

    assert lines == [" | event 1.1 ↑ earlier", "answer p2 | answer p2", "event 1.1 | "]
    assert (named, asked) == ("← answer to GET /calls answer p2", "→ GET /calls request p2")
    assert has_sign is True
    assert "GET /calls?state=open" in opened


def test_an_answer_that_the_page_does_not_show_is_drawn_by_its_name_and_selects_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    wire, rules = calls(), load()
    some = parts([Source("a", HEADER, wire.records, rules)], keep=lambda one: one["n"] == 1, most=None)
    path = tmp_path / "some.html"
    drawn = orders(wire.recording(rules), rules, OVERTAKEN)
    path.write_text(html(document(some, "a", drawn)), "utf-8")

    def act(page: Page) -> list[Any]:
        answer = page.locator(".act.right[data-name='answer p2']")
        answer.click()
        named = answer.locator(".what-act").inner_text()
        return [named, page.locator(".act[aria-current]").count(), page.evaluate("location.hash")]

    assert Report(browser, path).look(act) == ["← answer to GET /calls answer p2", 0, ""]


def test_the_legend_names_answers_only_where_there_is_one(early: Report) -> None:
    legend = early.look(lambda page: page.locator(".orders-told .signs").inner_text())

    assert "ack" in legend
    assert "starts no operation" not in legend


def test_the_filter_leaves_out_what_does_not_fit(early: Report) -> None:
    def act(page: Page) -> list[str]:
        page.locator("#filter").fill("n:2")
        page.locator("#filter-note", has_text="1 of 3").wait_for()
        lines: list[str] = page.evaluate(LINES)
        return lines

    assert early.look(act) == ["request 2 | request 2", " | event 2.1 ↑ earlier", "ack 2 | ack 2", "event 2.1 | "]


def test_an_order_that_was_not_played_says_so_and_has_no_times(browser: Browser, tmp_path: Path) -> None:
    report = written(browser, tmp_path, of(session().records), schedule("event 2.1 twice"))

    def act(page: Page) -> list[Any]:
        told = page.locator(".orders-told").inner_text()
        times = set(texts(page, ".act.right .time"))
        return ["No run of it is known" in told, times, " | event 2.1 ↻ again" in page.evaluate(LINES)]

    assert report.look(act) == [True, {""}, True]


def test_two_thousand_acts_begin_at_what_moved_fold_what_is_the_same_and_are_printed_whole(
    browser: Browser, tmp_path: Path
) -> None:
    cassette = Cassette(synthetic.HEADER, tuple(synthetic.records(560)))
    report = written(browser, tmp_path, cassette, schedule("event 423.1 before ack 423"))

    def act(page: Page) -> list[Any]:
        folded = len(page.evaluate(LINES))
        in_sight = page.locator(".act.right[data-name='event 423.1']").is_visible()
        page.locator(".order-fold button").first.click()
        height = page.locator(".orders").evaluate("(one) => one.clientHeight / 30")
        unfolded = len(page.evaluate(LINES))
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        printed = len(page.evaluate(LINES))
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        again = len(page.evaluate(LINES))
        return [folded < 20, in_sight, height > 1000, unfolded < 200, printed > 2000, again == unfolded]

    assert report.look(act) == [True] * 6


def test_hostile_names_are_text(browser: Browser, tmp_path: Path) -> None:
    wire = hostile_session()
    cassette = of(wire.records)
    order = [(act, 0.0) for act in ("request 1", "event 1.1", "ack 1")]
    made = schedule("event 1.1 before ack 1", played=order)
    kept = Kept(made.schedule, (HOSTILE[1],), HOSTILE[0], " ".join(HOSTILE[:9]), made.played)

    def act(page: Page) -> tuple[Any, set[str], str]:
        page.locator(".order-fold button").last.click()
        page.locator(".act").first.click()
        tags = set(page.evaluate("[...document.querySelectorAll('*')].map((one) => one.localName)"))
        return page.evaluate("window.__xss"), tags, page.evaluate("document.body.innerText")

    ran, tags, shown = written(browser, tmp_path, cassette, kept).look(act)

    assert ran is None
    assert tags.isdisjoint({"img", "iframe", "a", "object", "embed", "link"})
    assert "found by </script><script>window.__xss = 1</script>" in shown
    assert r"\u202eevil" in shown
    assert r"nul\u0000 bell\u0007" in shown


@pytest.mark.bundler
def test_axe_finds_nothing_in_the_orders(early: Report) -> None:
    script = AXE.read_text("utf-8")

    def act(page: Page) -> list[str]:
        page.evaluate(script)
        page.locator(".order-fold button").click()
        page.locator(".act.right[data-name='event 2.1']").click()
        found = by_axe(page, "light")
        page.emulate_media(color_scheme="dark")
        return [*found, *by_axe(page, "dark")]

    assert early.look(act) == []


def test_the_orders_are_in_reach_in_a_small_window(early: Report) -> None:
    def act(page: Page) -> list[Any]:
        page.set_viewport_size({"width": 512, "height": 350})
        page.locator(".act.right[data-name='event 2.1']").scroll_into_view_if_needed(timeout=2000)
        rows = page.locator("#view-orders .scroller").evaluate("(one) => one.clientHeight")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return [wide <= 0, rows >= 80, page.evaluate(OVERLAPPING)]

    assert early.look(act) == [True, True, []]


def test_a_session_of_one_kind_of_nothing_is_a_page_too(browser: Browser, tmp_path: Path) -> None:
    report = written(browser, tmp_path, of(Wire().records), schedule())

    assert "The recorded order: nothing is moved." in report.look(
        lambda page: page.locator(".orders-told").inner_text()
    )
