"""How the page looks and is handled: what it tells first, folding, the keyboard, small windows and large text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.browser import Browser
from tests.views.late import late_session
from tests.views.test_page import Report, column, compared, heading, of, texts, written

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.once]

AXE = Path(__file__).parents[3] / "recorder" / "views" / "page" / "node_modules" / "axe-core" / "axe.min.js"
FOCUS = """() => {
    const at = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(at);
    const name = at.id || at.dataset.code || at.dataset.key || at.className || at.localName;
    return [name, outlineStyle !== "none" && parseFloat(outlineWidth) >= 2];
}"""

# controls of the head of the page that cover each other
OVERLAPPING = """() => {
    const all = [...document.querySelectorAll("header h1, header button, header input, header label")];
    const boxes = all.filter((one) => one.offsetParent).map((one) => [one, one.getBoundingClientRect()]);
    const covers = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const pairs = boxes.flatMap(([one, a], i) => boxes.slice(i + 1).map(([two, b]) => [one, a, two, b]));
    return pairs.filter(([, a, , b]) => covers(a, b)).map(([one, , two]) => `${one.id} ${two.id}`);
}"""


@pytest.fixture(scope="module")
def late_page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Two sessions in which something went wrong: triple 4 was refused, 5 lost, and so was a poll."""
    return written(browser, tmp_path_factory.mktemp("late"), ("late.cassette", of(late_session().records)))


def address(page: Page) -> str:
    return str(page.evaluate("decodeURIComponent(location.hash)"))


def picture(page: Page) -> bytes:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.locator("canvas.lanes").screenshot()


# What is wrong


def test_the_page_tells_first_what_is_wrong(late_page: Report) -> None:
    def act(page: Page) -> list[str]:
        return [text.replace("\n", " ") for text in texts(page, "#headline .part")]

    assert late_page.look(act) == ["▼1 failed", "▼1 lost", "▽1 poll lost"]


def test_a_recording_without_problems_says_so(browser: Browser, tmp_path: Path) -> None:
    report = written(browser, tmp_path, ("empty.cassette", of([])))

    assert "nothing wrong" in report.look(lambda page: page.locator("#headline").inner_text())


def test_keys_go_from_problem_to_problem_and_round(late_page: Report) -> None:
    def act(page: Page) -> list[str]:
        seen = []
        for key in ("e", "e", "e", "e", "Shift+E", "Shift+E"):
            page.keyboard.press(key)
            seen.append(heading(page))
        return [text.partition(" ")[0] for text in seen]

    assert late_page.look(act) == ["4", "5", "A", "4", "A", "5"]  # a poll cannot be selected


def test_a_part_of_the_headline_leads_to_its_problem_on_the_timeline(late_page: Report) -> None:
    def act(page: Page) -> tuple[str, bool]:
        before = picture(page)
        page.locator("#headline [data-code=lost]").click()
        return heading(page), picture(page) != before

    assert late_page.look(act) == ("5 CompleteRecord", True)


def test_the_list_has_a_sentence_for_each_problem_and_leads_to_it(late_page: Report) -> None:
    def act(page: Page) -> list[Any]:
        page.keyboard.press("w")
        sentences = texts(page, "#problems .sentence")
        page.locator("#problems [role=option]").nth(1).click()
        clicked = heading(page)
        page.locator("#problems [role=listbox]").focus()
        page.keyboard.press("Home")
        chosen = page.locator("#problems [aria-selected=true] .sentence").inner_text()
        return [len(sentences), clicked, heading(page), chosen == sentences[0], address(page)]

    count, clicked, stepped, is_first, link = late_page.look(act)

    assert [count, clicked, stepped, is_first] == [3, "5 CompleteRecord", "4 CompleteRecord", True]
    assert "list=open" in link


def test_table_and_ladder_and_details_tell_the_state_and_the_problem_in_words(late_page: Report) -> None:
    def act(page: Page) -> list[Any]:
        table = [column(page, 7), column(page, 11)]
        shapes = page.locator("#view-table .badge").evaluate_all(
            "(all) => all.map((one) => getComputedStyle(one, '::before').content.split(' ')[0])"
        )
        page.keyboard.press("2")
        flags = texts(page, "#view-ladder .badge, #view-ladder .flag")
        return [*table, len(set(shapes)), flags, texts(page, "#detail .wrong li")]

    states, problems, shapes, flags, sentences = late_page.look(act, "#view=table&triple=5")

    assert states == ["complete", "complete", "complete", "failed", "aborted", "complete"]
    assert problems == ["", "", "", "▼failed", "▼lost", ""]
    assert shapes == 3
    assert flags == ["failed", "aborted", "▼lost"]
    assert len(sentences) == 1


# Folding and hiding


def test_a_session_is_folded_by_keyboard_and_stays_so(late_page: Report) -> None:
    def act(page: Page) -> list[Any]:
        page.locator(".lane-label.group").first.focus()
        page.keyboard.press("Enter")
        folded = texts(page, ".lane-label")
        focused = page.evaluate("document.activeElement.dataset.key")
        page.reload()
        again = texts(page, ".lane-label")
        page.keyboard.press("f")  # nothing is selected: all of them
        page.keyboard.press("f")
        return [folded, focused, again, page.locator(".lane-row").count(), address(page)]

    folded, focused, again, unfolded, link = late_page.look(act)

    assert folded == again == ["session s1", "session s2", "operations", "/v2/me/outbound", "/v2/me/devices", "polls"]
    assert focused == "s1"
    assert unfolded == 11
    assert "fold" not in link


def test_a_lane_is_hidden_and_shown_again(late_page: Report) -> None:
    def act(page: Page) -> list[Any]:
        page.locator(".hide[data-key='s1/polls']").focus()
        page.keyboard.press("Enter")
        hidden = page.locator(".lane-row").count()
        link = address(page)
        page.get_by_role("button", name="show 1 hidden").click()
        return [hidden, link, page.locator(".lane-row").count()]

    hidden, link, shown = late_page.look(act)

    assert (hidden, shown) == (10, 11)
    assert "hide=s1/polls" in link


def test_a_folded_session_still_tells_of_its_problems_and_opens_for_them(late_page: Report) -> None:
    def act(page: Page) -> list[Any]:
        told = texts(page, ".lane-row.group .troubles")
        page.locator("#headline [data-code=failed]").click()
        return [told, texts(page, ".lane-label.group"), "fold=s1" in address(page), page.locator(".lane-row").count()]

    told, groups, is_first_folded, lanes = late_page.look(act, "#fold=s1,s2")

    assert told == ["▼1", "▽1", "▼1"]
    assert groups == ["session s1", "session s2"]
    assert is_first_folded
    assert lanes == 6


def test_the_legend_folds_and_stays_so(late_page: Report) -> None:
    def act(page: Page) -> list[bool]:
        samples = page.locator(".legend canvas").first
        seen = [samples.is_visible()]
        page.locator(".legend summary").focus()
        page.keyboard.press("Enter")
        seen.append(samples.is_visible())
        page.reload()
        return [*seen, samples.is_visible()]

    assert late_page.look(act) == [True, False, False]


# The keyboard, and who cannot see


def test_the_tabs_are_one_stop_and_arrows_go_between_them(late_page: Report) -> None:
    def act(page: Page) -> list[Any]:
        page.locator("#tab-timeline").focus()
        seen = []
        for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "Home", "End"):
            page.keyboard.press(key)
            seen.append(page.evaluate("document.activeElement.dataset.view"))
        stops = page.locator("[role=tab]").evaluate_all("(all) => all.filter((one) => one.tabIndex === 0).length")
        return [seen, stops, page.locator("[role=tabpanel]:visible").get_attribute("aria-labelledby")]

    seen, stops, panel = late_page.look(act)

    assert seen == ["ladder", "table", "timeline", "table", "timeline", "table"]
    assert stops == 1
    assert panel == "tab-table"


def test_the_line_above_the_details_moves_by_keyboard(late_page: Report) -> None:
    def act(page: Page) -> list[float]:
        page.locator("#splitter").focus()
        heights = []
        for key in ("ArrowUp", "ArrowDown", "ArrowDown"):
            page.keyboard.press(key)
            heights.append(float(page.locator("#splitter").get_attribute("aria-valuenow") or 0))
        box = page.locator("#detail").bounding_box()
        assert box is not None
        return [*heights, box["height"]]

    higher, same, lower, height = late_page.look(act, "#triple=3")

    assert higher > same > lower == height


def test_the_tab_key_leads_through_everything_and_one_sees_where_it_is(late_page: Report) -> None:
    def act(page: Page) -> list[tuple[str, bool]]:
        stops: list[tuple[str, bool]] = []
        while len(stops) < 80:
            page.keyboard.press("Tab")
            name, is_seen = page.evaluate(FOCUS)
            if name == "body":
                break
            stops.append((name, is_seen))
        return stops

    stops = late_page.look(act, "#triple=4&list=open")
    names = [name for name, _ in stops]

    assert {
        "failed",
        "list-button",
        "filter",
        "tab-timeline",
        "help-button",
        "lanes",
        "s1",
        "s1/polls",
        "splitter",
        "detail",
    } <= set(names)
    assert {"scroller", "summary", "copy"} <= set(names)
    assert [name for name, is_seen in stops if not is_seen] == []


def by_axe(page: Page, theme: str) -> list[str]:
    """What axe finds on a page; of the rules, those of contrast alone depend on the theme."""
    rules = {} if theme == "light" else {"runOnly": ["color-contrast"]}
    result = page.evaluate("(options) => axe.run(document, options)", {"resultTypes": ["violations"], **rules})
    return [f"{one['impact']} {one['id']} {one['nodes'][0]['target']}" for one in result["violations"]]


@pytest.mark.bundler
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_view(late_page: Report, theme: Any) -> None:
    script = AXE.read_text("utf-8")

    def act(page: Page) -> list[str]:
        page.emulate_media(color_scheme=theme)
        page.evaluate(script)
        found = []
        for key in ("1", "w", "2", "3", "/", "?"):
            page.keyboard.press(key)
            if key == "/":
                page.keyboard.type("no:1")
                page.keyboard.press("Escape")
            found += [f"after {key}: {one}" for one in by_axe(page, theme)]
        return found

    assert late_page.look(act, "#view=timeline&triple=4&fold=s1") == []


@pytest.mark.bundler
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_a_comparison(browser: Browser, tmp_path: Path, theme: Any) -> None:
    script = AXE.read_text("utf-8")

    def act(page: Page) -> list[str]:
        page.emulate_media(color_scheme=theme)
        page.evaluate(script)
        page.locator(".difference").first.click()
        return by_axe(page, theme)

    assert compared(browser, tmp_path).look(act) == []


# Small windows, large text, paper


@pytest.mark.parametrize(("width", "height", "text"), [(1024, 700, 100), (512, 350, 100), (1024, 700, 200)])
def test_nothing_is_out_of_reach_in_a_small_window_or_with_large_text(
    late_page: Report, width: int, height: int, text: int
) -> None:
    larger = f"addEventListener('DOMContentLoaded', () => (document.documentElement.style.fontSize = '{text}%'))"

    def act(page: Page) -> list[Any]:
        page.set_viewport_size({"width": width, "height": height})
        page.add_init_script(larger)
        page.reload()
        seen = []
        for key, view in (("1", "timeline"), ("2", "ladder"), ("3", "table")):
            page.keyboard.press(key)
            for selector in ("#filter", "#help-button", "#headline [data-code=lost]", "#detail h2", f"#view-{view}"):
                page.locator(selector).scroll_into_view_if_needed(timeout=2000)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            box = page.locator(f"#view-{view}").bounding_box()
            assert box is not None
            rows = page.locator(f"#view-{view} .scroller").evaluate("(one) => one.clientHeight")
            seen.append((wide <= 0, rows >= 80 * text / 100, box["width"] >= 200, page.evaluate(OVERLAPPING)))
        return seen

    assert late_page.look(act, "#triple=4&list=open") == [(True, True, True, [])] * 3


def test_the_printed_page_tells_what_is_wrong_and_has_no_buttons_to_fold(late_page: Report) -> None:
    def act(page: Page) -> list[bool]:
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        selectors = (
            "#headline [data-code=failed]",
            ".lane-label",
            "#view-timeline canvas.lanes",
            ".tools",
            "#tabs",
            "#filter",
        )
        return [page.locator(selector).first.is_visible() for selector in selectors]

    assert late_page.look(act) == [True, True, True, False, False, False]
