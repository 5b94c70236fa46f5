"""The timeline by itself, with recordings of any length: what is drawn where all cannot be, and what a frame costs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tests.lab.browser import Browser

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.bundler, pytest.mark.once]

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "recorder" / "views" / "page"
THIN = 3  # pixels: no mark of a problem is thinner

T = TypeVar("T")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("timeline")
    bundled = ["--bundle", "--format=iife", f"--outfile={folder / 'timeline.js'}", "--log-level=error"]
    esbuild = PAGE / "node_modules" / ".bin" / "esbuild"
    subprocess.run([str(esbuild), str(HERE / "timeline.js"), *bundled], check=True, timeout=60)
    body = re.search(r"<body>(.*?)<script", (PAGE / "src" / "template.html").read_text("utf-8"), re.DOTALL)
    assert body is not None
    style = (PAGE / "src" / "page.css").read_text("utf-8")
    path = folder / "bench.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><style>{style}</style>{body[1]}<script src=timeline.js></script>", "utf-8"
    )
    return path


def shown(browser: Browser, bench: Path, operations: int, act: Callable[[Page, Any], T]) -> T:
    """What `act` returns of a page with the timeline of so many operations, and of what stands on it."""

    def opened(page: Page) -> T:
        page.goto(bench.as_uri())
        told = page.evaluate("(n) => run(n)", operations)
        page.evaluate("zoomTo(0, 1)")
        return act(page, told)

    return browser.on_page(opened, again=True)


def rows(page: Page, canvas: str, colour: str, tops: list[float]) -> list[list[int]]:
    """For lines of pixels of a canvas: how long the runs of a colour of the style sheet are."""
    script = """([selector, name, tops]) => {
        const canvas = document.querySelector(selector);
        const wanted = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        const hex = (r, g, b) => `#${[r, g, b].map((one) => one.toString(16).padStart(2, "0")).join("")}`;
        return tops.map((top) => {
            const { data } = copy.getImageData(0, top, canvas.width, 1);
            const is = (x) => hex(...data.slice(4 * x, 4 * x + 3)) === wanted;
            return Array.from({ length: canvas.width }, (_, x) => Number(is(x)));
        });
    }"""
    lines = page.evaluate(script, [canvas, colour, tops])
    return [[len(list(run)) for is_there, run in groupby(line) if is_there] for line in lines]


def tops_of_lanes(page: Page, kind: str) -> list[float]:
    """Where lanes of a kind begin on the canvas, as far as they are in sight."""
    script = """(kind) => {
        const from = document.querySelector("canvas.lanes").getBoundingClientRect();
        const all = [...document.querySelectorAll(`.lane-row.${kind}`)].map((row) => row.getBoundingClientRect());
        return all.filter(({ bottom }) => bottom <= from.bottom).map(({ top }) => Math.round(top - from.top));
    }"""
    found: list[float] = page.evaluate(script, kind)
    return found


def test_where_operations_would_cover_each_other_their_number_is_drawn(browser: Browser, bench: Path) -> None:
    def act(page: Page, _: Any) -> list[int]:
        [top, *_rest] = tops_of_lanes(page, "operations")
        levels = rows(page, "canvas.lanes", "--complete", [top + 27 - step for step in range(20)])
        return [sum(line) for line in levels]

    filled = shown(browser, bench, 20_000, act)

    assert filled[0] > 500  # at its foot the lane is full
    assert filled == sorted(filled, reverse=True)
    assert len(set(filled)) >= 4  # and its outline goes up and down


def test_a_problem_is_marked_at_any_zoom_by_at_least_three_pixels(browser: Browser, bench: Path) -> None:
    def act(page: Page, told: Any) -> list[list[int]]:
        middle, found = told["at"][1] * page.evaluate("ended"), []
        for share in (1, 0.1, 0.001):
            page.evaluate("([at, share]) => zoomTo(at, share)", [middle, share])
            strip = rows(page, "canvas.overview", "--error", [4]) + rows(page, "canvas.overview", "--warning", [11])
            lanes = rows(page, "canvas.lanes", "--error", [top + 5 for top in tops_of_lanes(page, "operations")])
            found += [[size for line in lines for size in line] for lines in (strip, lanes)]
        return found

    whole, in_lanes, tenth, in_tenth, thousandth, in_thousandth = shown(browser, bench, 20_000, act)

    assert len(whole) == len(tenth) == len(thousandth) == 40  # the strip shows the whole, whatever is zoomed to
    assert [len(found) > 0 for found in (in_lanes, in_tenth, in_thousandth)] == [True] * 3
    assert min(whole + tenth + thousandth + in_lanes + in_tenth) >= THIN
    assert max(in_thousandth) >= THIN  # of a triangle, whose edges are mixed colours


def test_single_operations_have_their_names_again_where_there_is_room(browser: Browser, bench: Path) -> None:
    def act(page: Page, told: Any) -> list[int]:
        page.evaluate("(at) => zoomTo(at, 0.00005)", told["at"][0] * page.evaluate("ended"))
        tops = tops_of_lanes(page, "operations")
        return [sum(line) for line in rows(page, "canvas.lanes", "--text", [top + 8 for top in tops])]

    assert max(shown(browser, bench, 20_000, act)) > 5


def test_a_column_of_many_tells_how_many_and_leads_to_them(browser: Browser, bench: Path) -> None:
    def act(page: Page, _: Any) -> list[str]:
        box = page.locator("canvas.lanes").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + 51
        said = []
        for _ in range(2):
            page.mouse.move(x + 1, y)
            page.mouse.move(x, y)
            said.append(page.locator("#tooltip").inner_text())
            page.mouse.click(x, y)
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return said

    many, fewer = shown(browser, bench, 200_000, act)

    first = re.match(r"(\d+) operations, [\d:.]+ to [\d:.]+\n\1 complete\nclick to zoom in", many)
    assert first is not None
    assert not fewer.startswith(first[1])


@pytest.mark.parametrize(("operations", "most"), [(20_000, 50), (200_000, 150)])
def test_a_frame_is_soon_drawn(
    browser: Browser, bench: Path, operations: int, most: float, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 24

    def act(page: Page, _: Any) -> float:
        page.set_viewport_size({"width": 1600, "height": 1000})
        meter = page.context.new_cdp_session(page)
        meter.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent() -> float:
            metrics = meter.send("Performance.getMetrics")["metrics"]
            return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))

        before = spent()
        page.evaluate("(count) => frames(count)", count)
        return 1000 * (spent() - before) / count

    taken = shown(browser, bench, operations, act)

    with capsys.disabled():
        print(f"\n  {operations:,} operations: {taken:.1f} ms of CPU a frame")
    assert taken < most
