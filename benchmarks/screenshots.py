"""Takes the pictures of docs/report.md, docs/view.md and docs/live.md, in Debian's Chromium.

python -m benchmarks.screenshots [--to docs]
python -m benchmarks.screenshots --look FOLDER   # every view with 5, 500 and 20,000 triples in both themes, to look at
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import served_pages, synthetic
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import Cassette
from recorder.dialect.definition import load
from recorder.library.recording import derive
from recorder.model import Record, Response
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Kept, Schedule
from recorder.views.document import Document
from recorder.views.document import page as html
from recorder.views.orders.acts import known, recorded
from recorder.views.orders.beside import orders
from recorder.views.orders.planning import planned
from recorder.views.report import document, part
from tests.lab.browser import Browser, browsing
from tests.views.late import late_session
from tests.wire import HEADER

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOST = 300_000  # bytes of a picture
SIZES = 5, 500, 20_000  # triples
_RACE = 0  # the size of the page with two orders
_STARTED = 1_753_000_000_000_000
_ACK = b'{"statusCode":0}'
_LAST = 10  # acts that the run with two orders got to
_REFUSED = 777  # each such ack of a made-up session is one of a refusal
_VIEWS = "view=timeline", "view=timeline&list=open&triple=5", "view=ladder&triple=3", "view=table&sort=-problems"


class Shot(NamedTuple):
    """A picture: its name, how many triples are shown, what of them, the colours, width and height."""

    name: str
    triples: int
    fragment: str
    colours: str = "light"
    width: int = 1280
    height: int = 760


_SHOTS = (
    Shot("report-timeline", 5, "triple=3&view=timeline"),
    Shot("report-problems", 5, "triple=5&view=timeline&list=open", "dark"),
    Shot("report-many", 20_000, "view=timeline"),
    Shot("report-ladder", 5, "triple=3&view=ladder"),
    Shot("report-orders", _RACE, "view=orders", height=680),
    Shot("report-table", 5, "triple=4&view=table&sort=-last", "dark", height=640),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "docs", help="the folder")
    parser.add_argument("--look", type=Path, help="a folder for pictures of all views, sizes and themes instead")
    options = parser.parse_args()
    shots = list(_to_look_at()) if options.look else list(_SHOTS)
    to: Path = options.look or options.to
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browsing(limit=300) as browser:
        for size in {shot.triples for shot in shots}:
            (Path(folder) / f"{size}.html").write_text(html(_session(size)), "utf-8")
        for path in browser.on_page(_photographer(Path(folder), shots, to)):
            _tell(path, MOST if not options.look else None)
        for path in _served(browser, to, Path(folder), is_looked_at=options.look is not None):
            _tell(path, MOST if not options.look else None)


def _tell(path: Path, most: int | None) -> None:
    size = path.stat().st_size
    print(f"{path}: {size} bytes")
    if most is not None and size > most:
        raise SystemExit(f"{path} has more than {most} bytes")


def _served(browser: Browser, to: Path, folder: Path, *, is_looked_at: bool) -> Iterator[Path]:
    """Take the pictures of the pages that a server sends."""
    cassettes = folder / "cassettes"
    cassettes.mkdir()
    if not is_looked_at:
        yield from served_pages.of_list(browser, to, cassettes)
        yield from served_pages.of_live(browser, to, folder)
        return
    made = {size: cassettes / f"{size:05}.cassette" for size in SIZES}
    for size, path in made.items():
        written = _records(size)
        path.write_bytes(encode_header(written.header) + b"".join(map(encode, written.records)))
    yield from served_pages.to_look_at(browser, to, made)
    yield from served_pages.of_live(browser, to, folder, ("light", "dark"))


def _to_look_at() -> Iterator[Shot]:
    yield from (Shot(f"orders-{colours}", _RACE, "view=orders", colours) for colours in ("light", "dark"))
    for size in SIZES:
        for colours in ("light", "dark"):
            for place, fragment in enumerate(_VIEWS):
                yield Shot(f"{size}-{place}-{colours}", size, fragment, colours)
    yield Shot("5-small", 5, _VIEWS[1], width=1024, height=700)
    yield Shot("5-zoomed", 5, _VIEWS[1], width=512, height=350)
    yield Shot("500-folded", 500, "view=timeline&fold=s1,s3,s2/operations&hide=s5")


def _session(triples: int) -> Document:
    if triples == _RACE:
        return _race()
    name = "late.cassette" if triples == SIZES[0] else "day.cassette"
    return document([part(name, _records(triples), load())], name)


def _race() -> Document:
    """Two orders: the last event of triple 2 came before its ack, and the test ended soon after."""
    cassette, rules, name = _records(SIZES[0]), load(), "late.cassette"
    recording = derive(cassette, rules)
    schedule = Schedule.of([Deviation.parse("event 2.2 before ack 2")])
    acts = known(recording)
    order = planned(recorded(acts), schedule, acts)[:_LAST]
    played = tuple((act.name, round(0.012 * place, 3)) for place, act in enumerate(order))
    says = (
        "fails if ChainedRecordsDataEnd (event 2.2) arrives before the ack of GetChainedRecord (triple 2); "
        f"1 deviation; replay it with --schedule {schedule.id[:4]}"
    )
    kept = Kept(schedule, (name,), "tests/test_desktop.py::test_chain", says, played)
    return document([part(name, cassette, rules)], name, orders(recording, rules, kept))


def _records(triples: int) -> Cassette:
    if triples == SIZES[0]:
        return Cassette(replace(HEADER, started=_STARTED, redaction="gws"), tuple(late_session().records))
    return Cassette(synthetic.HEADER, tuple(_refused(synthetic.records(triples))))


def _refused(records: Iterator[Record]) -> Iterator[Record]:
    """Records of which some acks are those of a refusal."""
    acks = 0
    for record in records:
        if isinstance(record, Response) and record.body == _ACK:
            acks += 1
            yield replace(record, status=500) if acks % _REFUSED == 200 else record
        else:
            yield record


def _photographer(reports: Path, shots: list[Shot], to: Path) -> Callable[[Page], list[Path]]:
    def take(page: Page) -> list[Path]:
        taken = []
        for shot in shots:
            page.emulate_media(color_scheme="dark" if shot.colours == "dark" else "light")
            page.set_viewport_size({"width": shot.width, "height": shot.height})
            page.goto("about:blank")
            page.goto(f"{(reports / f'{shot.triples}.html').as_uri()}#{shot.fragment}")
            page.wait_for_function("performance.getEntriesByName('report-painted').length > 0")
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            page.screenshot(path=to / f"{shot.name}.png")
            taken.append(to / f"{shot.name}.png")
        return taken

    return take


if __name__ == "__main__":
    main()
