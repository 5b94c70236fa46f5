"""The page of `recorder report`, in a real browser and from a file: what one sees and does, what must never happen."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from benchmarks import synthetic
from recorder.cassette.reader import Cassette, read
from recorder.dialect.definition import Dialect, load
from recorder.model import Record
from recorder.views.document import page as html
from recorder.views.report import comparison, document, part
from tests.correlate.tape import Tape
from tests.correlate.tape import dialect as push
from tests.lab.browser import Browser, holds
from tests.views.late import late_session
from tests.wire import HEADER, Ask, Wire, chained, record_event

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.once]

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
OPERATIONS = [
    "StartPreviewSession", "GetPreviewRecord", "GetChainedRecord", "UpdateRecord", "CompleteRecord",
    "EndPreviewSession",
]  # fmt: skip
WATCH = """addEventListener("securitypolicyviolation", ({ blockedURI, violatedDirective }) =>
    console.error(`blocked: ${blockedURI} ${violatedDirective}`))"""
NONE = "\N{EN DASH}"

T = TypeVar("T")


@dataclass
class Report:
    """A file, and how to look at it in a browser of its own."""

    browser: Browser
    path: Path
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def look(self, act: Callable[[Page], T], fragment: str = "") -> T:
        """What `act` returns of the opened page, on which nothing may be requested and nothing go wrong."""

        def opened(page: Page) -> T:
            self.requests.clear()
            self.errors.clear()
            page.set_default_timeout(5_000)
            page.on("request", lambda request: self.requests.append(request.url))
            page.on("console", lambda message: self.errors.append(message.text))
            page.on("pageerror", lambda error: self.errors.append(str(error)))
            page.add_init_script(WATCH)
            page.goto(f"{self.path.as_uri()}{fragment}")
            settled(page)
            return act(page)

        seen = self.browser.on_page(opened, again=True)
        assert {url.partition("#")[0] for url in self.requests} - {"about:blank"} == {self.path.as_uri()}
        assert self.errors == []
        return seen


def settled(page: Page) -> None:
    """Wait until the page shows all it was asked for."""
    page.locator("[aria-busy=true]").first.wait_for(state="detached")


def written(browser: Browser, folder: Path, *parts: tuple[str, Cassette], by: Dialect | None = None) -> Report:
    path = folder / "report.html"
    shown = [part(name, cassette, by or load()) for name, cassette in parts]
    path.write_text(html(document(shown, ", ".join(name for name, _ in parts))), "utf-8")
    return Report(browser, path)


def of(records: list[Record]) -> Cassette:
    return Cassette(HEADER, tuple(records))


@pytest.fixture(scope="module")
def preview_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("preview") / "report.html"
    path.write_text(html(document([part(PREVIEW.name, read(PREVIEW), load())], PREVIEW.name)), "utf-8")
    return path


@pytest.fixture
def report(browser: Browser, preview_page: Path) -> Report:
    """The shipped cassette."""
    return Report(browser, preview_page)


def texts(page: Page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def column(page: Page, place: int) -> list[str]:
    return texts(page, f"#view-table tbody tr[data-id] td:nth-child({place})")


def heading(page: Page) -> str:
    """What the details are of."""
    return page.locator("#detail").inner_text().partition("\n")[0].strip()


def ink(page: Page) -> int:
    """How many pixels of the timeline are of full strength."""
    script = """() => new Promise((done) => requestAnimationFrame(() => {
        const from = document.querySelector("canvas.lanes");
        const copy = new OffscreenCanvas(from.width, from.height).getContext("2d", { willReadFrequently: true });
        copy.drawImage(from, 0, 0);
        const pixels = new Uint32Array(copy.getImageData(0, 0, from.width, from.height).data.buffer);
        done(pixels.filter((pixel) => pixel >>> 24 === 255 && (pixel & 255) < 80).length); // as bars and events are
    }))"""
    return int(page.evaluate(script))


def found_on_lane(page: Page, lane: int, says: str) -> tuple[float, float]:
    """Where on the screen the pointer finds what a tooltip says, on that lane of operations.

    Raises:
        AssertionError: If it is not there.
    """
    box, label = (
        page.locator("canvas.lanes").bounding_box(),
        page.locator(".lane-label.operations").nth(lane).bounding_box(),
    )
    assert box is not None
    assert label is not None
    y = label["y"] + 21  # a bar of the first row
    for step in range(round(box["width"] / 8)):
        x = box["x"] + 8 * step
        page.mouse.move(x, y)
        if page.locator("#tooltip").inner_text().startswith(says):
            return x, y
    raise AssertionError(f"nothing says {says!r}")


# What one sees


def test_the_table_has_every_triple_with_its_times(report: Report) -> None:
    rows = report.look(lambda page: [column(page, at) for at in (1, 3, 4, 7, 9)], "#view=table")

    assert rows == [
        ["1", "2", "3", "4", "5", "6"],
        OPERATIONS,
        [NONE, NONE, "1001", "1001", "1001", NONE],
        ["complete"] * 6,
        ["1", "2", "6", "2", "2", "1"],
    ]


def test_the_ladder_has_every_message_in_the_order_of_the_wire(report: Report) -> None:
    def steps(page: Page) -> list[str]:
        page.set_viewport_size({"width": 1280, "height": 2400})
        return texts(page, "#view-ladder .step .what")

    found = report.look(steps, "#view=ladder")

    assert len(found) == 2 + 6 * 2 + 14  # an exchange that is no operation, six requests and acks, their events
    assert [line.partition(" ")[0] for line in found if line.partition(" ")[0] in OPERATIONS] == OPERATIONS
    assert found[3].startswith("PreviewSessionStarted +")


def test_the_timeline_has_a_lane_for_operations_and_each_channel_and_draws_on_them(report: Report) -> None:
    labels, drawn = report.look(lambda page: (texts(page, ".lane-label"), ink(page)))

    assert labels == ["operations", "other requests", "/v2/me/outbound", "/me/internal", "polls"]
    assert drawn > 2_000


def test_pointing_at_the_timeline_tells_what_is_there_and_a_click_selects_it(report: Report) -> None:
    def act(page: Page) -> tuple[str, str]:
        page.mouse.click(*found_on_lane(page, 0, "2 "))
        return page.locator("#tooltip").inner_text(), heading(page)

    said, selected = report.look(act)

    assert said.startswith("2 GetPreviewRecord\ncomplete · 200 after ")
    assert selected == "2 GetPreviewRecord"


def test_the_details_show_request_ack_and_events_side_by_side(report: Report) -> None:
    def act(page: Page) -> tuple[list[str], list[dict[str, float]], str]:
        boxes = [column.bounding_box() for column in page.locator("#detail .column").all()]
        return texts(page, "#detail h3"), boxes, page.locator("#detail").inner_text()  # type: ignore[return-value]

    titles, boxes, text = report.look(act, "#triple=3")

    assert titles == ["Request", "Ack", "6 events"]
    assert len({box["y"] for box in boxes}) == 1
    assert "POST /api/v2/me/outbound-records/1001" in text
    assert "statusCode: 0" in text
    assert "recordHandle: 1001" in text


def test_the_details_say_why_an_event_is_linked(report: Report) -> None:
    def act(page: Page) -> list[str]:
        return texts(page, "#detail .card .why")

    why = report.look(act, "#triple=3")

    assert why[0].startswith("reference 100 % reference 'desk-3' of request ")
    assert any(line.startswith("twin 95 % ") for line in why)


def test_trees_open_and_shut(report: Report) -> None:
    def act(page: Page) -> tuple[bool, bool]:
        inside = page.locator("#detail .column").first.get_by_text("operationName")
        before = inside.is_visible()
        page.locator("#detail .column details.tree > summary").first.click()
        return before, inside.is_visible()

    assert report.look(act, "#triple=3") == (True, False)


def test_a_body_can_be_copied(report: Report) -> None:
    def act(page: Page) -> Any:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="Copy the ack").click()
        page.get_by_text("copied", exact=True).wait_for()
        return json.loads(page.evaluate("navigator.clipboard.readText()"))

    assert report.look(act, "#triple=3") == {"statusCode": 0}


def test_several_sessions_have_lanes_of_their_own_and_what_is_idle_is_folded(browser: Browser, tmp_path: Path) -> None:
    report = written(browser, tmp_path, ("late.cassette", of(late_session().records)))

    def act(page: Page) -> tuple[list[str], float]:
        labels = texts(page, ".lane-label.group")
        before, after = found_on_lane(page, 1, "2 "), found_on_lane(page, 0, "3 ")
        return labels, (after[0] - before[0]) / 1280

    labels, apart = report.look(act)

    assert labels == ["session s1", "session s2"]
    assert apart < 0.25  # of the screen, for 42 of 48 seconds


def test_events_of_streams_and_sockets_stand_in_their_sessions(browser: Browser, tmp_path: Path) -> None:
    tape = Tape()
    stream, socket = tape.stream(sid="a"), tape.socket(sid="b")
    tape.order("r1", sid="a")
    tape.tell(stream, "Ordered", "r1")
    tape.chunk(stream, b"data: 1\n\n", is_last=True)
    tape.hears(socket, b'{"type":"news"}')
    report = written(browser, tmp_path, ("push.cassette", of(tape.records)), by=push())

    def act(page: Page) -> tuple[list[str], list[list[str]]]:
        lanes = texts(page, ".lane-label")
        page.goto(f"{report.path.as_uri()}#view=ladder")
        return lanes, [row.split("\n")[1:] for row in texts(page, "#view-ladder .step:is(.event, .loose)")]

    lanes, steps = report.look(act)

    assert lanes == [
        "session s1", "operations", "other requests", "message",
        "session s2", "other requests", "news",
    ]  # fmt: skip
    assert steps == [
        ["s1", "1", "Ordered +2 ms message r1"],
        ["s1", "message message unsolicited"],
        ["s2", "news news unsolicited"],
    ]


def test_the_ladder_says_where_nothing_happened(browser: Browser, tmp_path: Path) -> None:
    report = written(browser, tmp_path, ("late.cassette", of(late_session().records)))

    assert report.look(lambda page: texts(page, ".pause"), "#view=ladder") == ["42.0 s later", "3.20 s later"]


def test_an_event_nobody_asked_for_can_be_looked_at(browser: Browser, tmp_path: Path) -> None:
    report = written(browser, tmp_path, ("late.cassette", of(late_session().records)))

    text = report.look(lambda page: page.locator("#detail").inner_text(), "#event=u1")

    assert "Unsolicited: no rule found its request" in text
    assert "DeviceStateChangeMessage" in text


def test_a_request_without_an_answer_says_so(browser: Browser, tmp_path: Path) -> None:
    report = written(browser, tmp_path, ("late.cassette", of(late_session().records)))

    text = report.look(lambda page: page.locator("#detail").inner_text(), "#triple=5")

    assert "no answer after 500 ms" in text
    assert "Client disconnected." in text


def test_several_cassettes_are_on_one_page(browser: Browser, tmp_path: Path) -> None:
    cassettes = [(name, of(late_session().records)) for name in ("a.cassette", "b.cassette")]
    report = written(browser, tmp_path, *cassettes)

    title, numbers = report.look(lambda page: (page.title(), column(page, 1)), "#view=table")

    assert title == "a.cassette, b.cassette"
    assert numbers == [str(n) for n in range(1, 13)]


def test_an_empty_cassette_is_a_page_too(browser: Browser, tmp_path: Path) -> None:
    report = written(browser, tmp_path, ("empty.cassette", of([])))

    text = report.look(lambda page: page.locator("#view-table").inner_text(), "#view=table")

    assert "This session has no operation." in text


def compared(browser: Browser, folder: Path) -> Report:
    """Two recordings of which the second has another value and one triple more."""
    wires = [Wire(), Wire()]
    for wire, phone in zip(wires, ("+1", "+2"), strict=True):
        wire.desk().asks(chained(7, "r1", phone=phone), record_event("ChainedRecordsDataEnd", 7, "r1"))
    wires[1].ack(wires[1].request("POST", "/api/v2/me/outbound-records/8", chained(8, "r2").body))
    rows = [
        {"what": "field changed", "n": {"old": 1, "new": 1}, "where": "request.body.phone", "old": "+1", "new": "+2"},
        {"what": "triple new", "n": {"old": None, "new": 2}, "where": "", "new": "GetChainedRecord"},
        {"what": "event new", "n": {"old": None, "new": None}, "where": "unsolicited[0]", "new": {"data": HOSTILE[0]}},
    ]
    old, new = (part(name, of(wire.records), load()) for name, wire in zip(("a", "b"), wires, strict=True))
    path = folder / "report.html"
    path.write_text(html(comparison(old, new, "a and b", rows)), "utf-8")
    return Report(browser, path)


def test_a_comparison_shows_what_differs_and_both_sides_of_it(browser: Browser, tmp_path: Path) -> None:
    def act(page: Page) -> tuple[list[str], list[str], list[str]]:
        groups = texts(page, ".difference")
        page.locator(".difference").first.click()
        return groups, texts(page, "#detail .side > p"), texts(page, "#detail .side h2")

    groups, sides, titles = compared(browser, tmp_path).look(act)

    assert groups == [
        '1 → 2 GetChainedRecord\nfield changed request.body.phone\n\N{MINUS SIGN} "+1"\n+ "+2"',
        '→ 3 GetChainedRecord\ntriple new\n+ "GetChainedRecord"',
        f'Not of an operation\nevent new unsolicited[0]\n+ {{"data":"{HOSTILE[0]}"}}',
    ]
    assert sides == ["A: a", "B: b"]
    assert titles == ["1 GetChainedRecord", "2 GetChainedRecord"]


# What one does


def test_the_keys(report: Report) -> None:
    def act(page: Page) -> list[str]:
        seen = []
        for key in ("j", "j", "ArrowDown", "k", "n", "Escape", "2", "3", "1"):
            page.keyboard.press(key)
            view = page.locator("[role=tab][aria-selected=true]").get_attribute("data-view")
            seen.append(f"{key}: {view} {heading(page).partition(' ')[0]}")
        return seen

    assert report.look(act) == [
        "j: timeline 1", "j: timeline 2", "ArrowDown: timeline 3", "k: timeline 2", "n: timeline 2",
        "Escape: timeline Nothing", "2: ladder Nothing", "3: table Nothing", "1: timeline Nothing",
    ]  # fmt: skip


def test_the_key_for_the_next_event_selects_it(report: Report) -> None:
    def act(page: Page) -> list[str | None]:
        page.keyboard.press("n")
        page.keyboard.press("n")
        return [page.locator("#detail .chosen").get_attribute("data-id"), page.evaluate("location.hash")]

    assert report.look(act, "#triple=3") == ["3.2", "#event=3.2&view=timeline"]


SLOW = """() => {
    const text = Response.prototype.text;
    let count = 0;
    Response.prototype.text = async function () {
        const found = await text.call(this);
        if (count++ === 0) await new Promise((done) => setTimeout(done, 300));
        return found;
    };
    location.hash = "#event=x1";
    return new Promise((done) => setTimeout(() => {
        location.hash = "#triple=3";
        done();
    }, 20));
}"""


def test_details_that_come_late_are_not_shown_for_another_selection(report: Report) -> None:
    def act(page: Page) -> list[str]:
        page.evaluate(SLOW)
        settled(page)
        before = page.locator("#detail").inner_text()
        page.wait_for_timeout(400)  # when those of the first one have come
        return [before, page.locator("#detail").inner_text()]

    before, after = report.look(act)

    assert before == after
    assert before.startswith("3 GetChainedRecord")
    assert "recordHandle: 1001" in before


def test_details_that_cannot_be_read_are_told_and_can_be_asked_for_again(report: Report) -> None:
    def act(page: Page) -> list[str]:
        page.evaluate("""() => {
            const text = Response.prototype.text;
            Response.prototype.text = () => {
                Response.prototype.text = text;
                return Promise.reject(new Error("no room"));
            };
            location.hash = "#triple=3";
        }""")
        page.locator("#detail .error").wait_for()
        seen = [page.locator("#detail").inner_text()]
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        page.keyboard.press("j")
        settled(page)
        return [*seen, page.locator("#detail").inner_text()]

    first, again = report.look(act)

    assert first.startswith("3 GetChainedRecord")
    assert "The rest cannot be shown: no room" in first
    assert "statusCode: 0" in again


def test_the_help_opens_and_shuts(report: Report) -> None:
    def act(page: Page) -> list[bool]:
        shown = []
        for key in ("?", "Escape"):
            page.keyboard.press(key)
            shown.append(page.get_by_role("dialog", name="Help").is_visible())
        return shown

    assert report.look(act) == [True, False]


def test_the_filter_is_shared_by_all_views(report: Report) -> None:
    def act(page: Page) -> list[Any]:
        whole = ink(page)
        page.keyboard.press("/")
        page.keyboard.type("op:*ChainedRecord")
        page.keyboard.press("Enter")
        dimmed = ink(page)
        page.keyboard.press("3")
        table = column(page, 3)
        page.keyboard.press("2")
        ladder = {text for text in texts(page, "#view-ladder .number") if text}
        return [
            dimmed < whole / 2,
            table,
            ladder,
            page.locator("#filter-note").inner_text(),
            page.evaluate("location.hash"),
        ]

    dimmed, table, ladder, note, link = report.look(act)

    assert dimmed
    assert table == ["GetChainedRecord"]
    assert ladder == {"3"}
    assert note == "1 of 6"
    assert link == "#view=ladder&filter=op%3A*ChainedRecord"


def test_a_mistake_in_the_filter_is_told_with_its_column_and_nothing_is_hidden(report: Report) -> None:
    def act(page: Page) -> tuple[str, int]:
        page.locator("#filter").fill("state:complete nosuch:1")
        return page.locator("#filter-note").inner_text(), len(column(page, 1))

    note, rows = report.look(act, "#view=table")

    assert note.startswith("column 16: 'nosuch' is no key")
    assert rows == 6


def test_the_table_is_sorted_by_any_column_both_ways(report: Report) -> None:
    def act(page: Page) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for by in ("operation", "events", "at", "handle"):
            for _ in range(2):
                page.locator(f"th[data-column={by}] button").click()
                found.setdefault(by, []).append(" ".join(column(page, 1)))
        return found

    assert report.look(act, "#view=table&sort=state") == {
        "operation": ["5 6 3 2 1 4", "4 1 2 3 6 5"],
        "events": ["1 6 2 4 5 3", "3 2 4 5 1 6"],
        "at": ["1 2 3 4 5 6", "6 5 4 3 2 1"],
        "handle": ["3 4 5 1 2 6", "3 4 5 1 2 6"],  # what has none comes last, both ways
    }


def test_a_link_leads_to_view_triple_filter_and_order(report: Report) -> None:
    def act(page: Page) -> list[Any]:
        return [
            page.locator("#view-table").is_visible(),
            heading(page),
            page.locator("#filter").input_value(),
            column(page, 1),
        ]

    seen = report.look(act, "#triple=3&view=table&filter=desk&sort=-events")

    assert seen == [True, "3 GetChainedRecord", "desk", ["3", "2", "4", "5", "1", "6"]]


def test_the_back_button_goes_back(report: Report) -> None:
    def act(page: Page) -> list[str]:
        page.locator("tr[data-id='2']").click()
        page.locator("tr[data-id='5']").click()
        seen = [heading(page)]
        page.go_back()
        holds(page, "location.hash.includes('triple=2')")
        seen.append(heading(page))
        page.go_forward()
        holds(page, "location.hash.includes('triple=5')")
        return [*seen, heading(page)]

    assert report.look(act, "#view=table") == ["5 CompleteRecord", "2 GetPreviewRecord", "5 CompleteRecord"]


def test_a_link_that_leads_nowhere_opens_the_page_all_the_same(report: Report) -> None:
    fragments = ["#triple=99&view=none", "#triple=__proto__", "#filter=%22", "#%%%", "#sort=-nothing&view=table"]

    def act(page: Page) -> list[str]:
        found = []
        for fragment in fragments:
            page.goto("about:blank")
            page.goto(f"{report.path.as_uri()}{fragment}")
            found.append(heading(page).partition(":")[0])
        return found

    assert report.look(act) == ["Nothing selected"] * len(fragments)


def test_wheel_drag_brush_and_keys_zoom_and_move_the_timeline(report: Report) -> None:
    def act(page: Page) -> list[bool]:
        box = page.locator("canvas.lanes").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + 100
        brush = page.locator("canvas.overview").bounding_box()
        assert brush is not None
        page.mouse.move(x, y)

        def picture() -> bytes:
            page.evaluate("new Promise(requestAnimationFrame)")
            return page.locator("canvas.lanes").screenshot()

        seen = [picture()]
        page.mouse.wheel(0, -400)
        page.wait_for_timeout(50)
        seen.append(picture())
        page.mouse.down()
        page.mouse.move(x - 200, y)
        page.mouse.up()
        seen.append(picture())
        page.keyboard.press("0")
        seen.append(picture())
        page.mouse.move(brush["x"] + 300, brush["y"] + 10)
        page.mouse.down()
        page.mouse.move(brush["x"] + 500, brush["y"] + 10)
        page.mouse.up()
        page.mouse.move(x, y + 100)
        seen.append(picture())
        page.keyboard.press("+")
        seen.append(picture())
        page.keyboard.press("ArrowRight")
        seen.append(picture())
        return [one != other for one, other in pairwise(seen)]

    assert report.look(act) == [True] * 6


def test_the_printed_page_has_every_row(report: Report) -> None:
    def act(page: Page) -> int:
        page.set_viewport_size({"width": 800, "height": 400})
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        return len(column(page, 1))

    assert report.look(act, "#view=table") == 6


def test_nothing_is_cut_off_at_the_side(report: Report) -> None:
    def act(page: Page) -> list[int]:
        found = []
        for width in (1280, 800):
            for key in ("1", "2", "3"):
                page.set_viewport_size({"width": width, "height": 700})
                page.keyboard.press(key)
                found.append(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
        return found

    assert max(report.look(act, "#triple=3")) <= 0


# What must never happen

HOSTILE = [
    "</script><script>window.__xss = 1</script>",
    "<img src=x onerror='window.__xss = 1'>",
    '"><svg onload=window.__xss=1>',
    "javascript:window.__xss=1",
    "{{script}}${window.__xss=1}",
    "\u202eevil\u2066 \u200f",
    "👩‍👩‍👧‍👦 🎉",
    "nul\x00 bell\x07 esc\x1b[31m",
    "\u2028\u2029]]>-->",
    "w" * 10_000,
    "__proto__",
    "constructor",
]


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A server nobody may come to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def hostile_session(*more: str) -> Wire:
    """Each text in every place a stranger can write to."""
    wire = Wire()
    desk = wire.desk()
    for text in (*HOSTILE, *more):
        desk.headers = (("X-Text", text), (text[:40], "value"))
        own = {"campaignName": text, text: {text: [text, text]}, "operationName": text}
        ask = Ask(f"/api/v2/me/outbound-records/{text}", {**chained(text, text).content, **own, "referenceId": text})
        event = record_event(text, text, text) | {"channel": f"/v2/{text}"}
        event["data"][text] = {text: text}
        desk.asks(ask, event, ms=50)
        wire.respond(desk.post(Ask(f"/{text}", text.encode("utf-8", "replace"))), text.encode(), headers=(("X", text),))
        desk.hears({"channel": f"/loose/{text}", "data": text})
    wire.fail(desk.post(chained(1, "last")), HOSTILE[0])
    return wire


def test_hostile_text_is_shown_and_never_run_or_followed(browser: Browser, tmp_path: Path, trap: socket.socket) -> None:
    upstream = f"http://127.0.0.1:{trap.getsockname()[1]}"
    lures = [f"<img src={upstream}>", f"<style>@import '{upstream}/a.css'</style>", f"url({upstream})", upstream]
    wire = hostile_session(*lures)
    cassette = Cassette(replace(HEADER, upstream=upstream), tuple(wire.records))
    report = written(browser, tmp_path, (HOSTILE[1], cassette))
    last = len(HOSTILE) + len(lures) + 1

    def act(page: Page) -> tuple[Any, set[str], str]:
        tags: set[str] = set()
        shown = ""
        for number, view in zip((*range(1, last + 1), "u1", "x1"), cycle(["table", "ladder", "timeline"])):
            page.evaluate(f"location.hash = '#triple={number}&view={view}'")
            page.wait_for_selector(f"#view-{view}:visible")
            page.evaluate("document.querySelectorAll('#detail details').forEach((one) => (one.open = true))")
            shown += page.evaluate("new Promise((done) => setTimeout(() => done(document.body.innerText), 20))")
            tags |= set(page.evaluate("[...document.querySelectorAll('*')].map((one) => one.localName)"))
        return page.evaluate("window.__xss"), tags, shown

    ran, tags, shown = report.look(act)

    assert ran is None
    with pytest.raises(BlockingIOError):
        trap.accept()
    assert tags.isdisjoint({"img", "iframe", "a", "object", "embed", "link"})
    assert "</script><script>window.__xss = 1</script>" in shown
    assert "<img src=x onerror='window.__xss = 1'>" in shown
    assert "javascript:window.__xss=1" in shown
    assert r"\u202eevil" in shown
    assert r"nul\u0000 bell\u0007" in shown


def test_the_policy_would_stop_what_got_in_all_the_same(report: Report) -> None:
    def act(page: Page) -> Any:
        page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.__xss = 1";
                document.body.append(script);
                const image = new Image();
                image.src = "http://127.0.0.1:9/x.png";
            }"""
        )
        page.wait_for_timeout(100)
        return page.evaluate("window.__xss")

    seen: list[Any] = []
    with pytest.raises(AssertionError):
        report.look(lambda page: seen.append(act(page)))

    assert seen == [None]
    blocked = [error for error in report.errors if error.startswith("blocked: ")]
    assert blocked == ["blocked: inline script-src-elem", "blocked: http://127.0.0.1:9/x.png img-src"]


# How fast it is


def test_a_session_of_five_thousand_events_is_small_and_smooth(
    browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cassette = Cassette(synthetic.HEADER, tuple(synthetic.records(2000)))
    report = written(browser, tmp_path, ("big.cassette", cassette))

    def act(page: Page) -> dict[str, float]:
        page.evaluate("new Promise(requestAnimationFrame)")
        painted = page.evaluate("performance.getEntriesByName('report-painted')[0].startTime")
        frames = page.evaluate(MOVE)
        started = time.monotonic()
        page.locator("#filter").fill("op:GetChainedRecord last:>10")
        page.keyboard.press("Escape")
        page.keyboard.press("3")
        page.locator("tr[data-id]").first.wait_for()
        return {"first paint": painted, "zoom frame": frames, "filter and table": (time.monotonic() - started) * 1000}

    times = report.look(act)
    size = report.path.stat().st_size

    with capsys.disabled():
        print(f"\n  5,000 events: {size / 1e6:.2f} MB,", ", ".join(f"{name} {ms:.0f} ms" for name, ms in times.items()))
    assert size < 1_000_000
    assert times["first paint"] < 3000
    assert times["zoom frame"] < 250
    assert times["filter and table"] < 3000


# the median of what a frame takes while the wheel turns and the picture is dragged
MOVE = """() => new Promise((done) => {
    const canvas = document.querySelector("canvas.lanes");
    const box = canvas.getBoundingClientRect();
    const taken = [];
    let before = performance.now();
    const turn = (left) => {
        const now = performance.now();
        taken.push(now - before);
        before = now;
        if (!left) return done(taken.slice(1).sort((a, b) => a - b)[Math.floor(taken.length / 2)]);
        const place = { clientX: box.x + box.width / 3, clientY: box.y + 40, bubbles: true, cancelable: true };
        const turned = left > 15 ? { deltaY: -60 } : { deltaX: 40 };
        canvas.dispatchEvent(new WheelEvent("wheel", { ...place, ...turned }));
        requestAnimationFrame(() => turn(left - 1));
    };
    requestAnimationFrame(() => turn(30));
})"""
