"""Let each client play all recordings, at all paces and think times; `make clients-matrix` writes docs/clients.md.

Choices on the command line make it a part of the matrix, which is printed and not written.
"""

from __future__ import annotations

import argparse
import queue
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from recorder.library.recording import load_recording
from recorder.model import Recording
from tests.clients.crossing import (
    AMISS,
    PACES,
    POLL_MS,
    THINKS,
    Lines,
    Play,
    Replay,
    Tally,
    as_program,
    full,
    record,
    replay,
)
from tests.clients.matrix import CLIENTS, ROOT, SEATS, SERVERS, TAKES, Seat, Take, version
from tests.clients.table import with_section
from tests.lab.browser import Browser, browsing, play_in_page, serving_pages
from tests.lab.lab import Lab

Results: TypeAlias = Mapping[Replay, Tally]

DOCS = ROOT / "docs" / "clients.md"
MATRIX = "matrix"  # the name in the comments around the tables
_BEGUN = time.monotonic()
_SHORT = {"long-polling": "LP", "websocket": "WS", "callback-polling": "CP"}


def short(seat: Seat) -> str:
    """A seat in few letters."""
    return f"{seat.client.key} {_SHORT[seat.transport]}"


def render(results: Results) -> str:
    """The tables: by recording and player, and by pace and think time."""
    takes = list(dict.fromkeys(one.take for one in results))
    players = list(dict.fromkeys(one.player for one in results))
    settings = list(dict.fromkeys((one.pace, one.think) for one in results))
    servers = ", ".join(f"{name} {version(name)}" for name in SERVERS.values())
    clients = ", ".join(dict.fromkeys(f"{one.package} {version(one.package)}" for one in CLIENTS))
    total = _sum(results.values())
    rows = [["recorded", *map(short, players)]]
    for take in takes:
        cells = [_sum(t for one, t in results.items() if (one.take, one.player) == (take, seat)) for seat in players]
        rows.append([f"{short(take.seat)} on {take.server}", *map(str, cells)])
    more = [["pace", "think time", "replays", *AMISS]]
    for pace, think in settings:
        part = _sum(tally for one, tally in results.items() if (one.pace, one.think) == (pace, think))
        more.append([_pace(pace), f"{think:g} s", *_numbers(part)])
    more.append(["all", "", *_numbers(total)])
    head = (
        f"Recordings: {len(takes)}. Players: {len(players)}. Pairs of pace and think time: {len(settings)}."
        f" Replays: {total.replays}.\nServers: {servers}.\nClients: {clients}.\n"
    )
    return f"{head}\n{_table(rows)}\n{_table(more)}"


def run(replays: Iterable[Replay], *, jobs: int, browsers: int) -> Results:
    """Record what the replays need, then play them, some at once; in the order they were given."""
    todo = list(replays)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        taken = _recordings(dict.fromkeys(one.take for one in todo), Path(folder))
        programs: tuple[ThreadPoolExecutor, Play] = stack.enter_context(ThreadPoolExecutor(jobs)), as_program
        pages = programs
        if any(one.player.client.key == "page" for one in todo):
            pages = stack.enter_context(ThreadPoolExecutor(browsers)), stack.enter_context(_pages(browsers))
        futures: dict[Future[Tally], Replay] = {}
        for one in todo:
            pool, play = pages if one.player.client.key == "page" else programs
            futures[pool.submit(replay, *taken[one.take], one, play)] = one
        done: dict[Replay, Tally] = {}
        for future in as_completed(futures):
            done[futures[future]] = future.result()
            _tell(len(done), len(todo), future.result())
        return {one: done[one] for one in todo}


def _recordings(takes: Iterable[Take], folder: Path) -> dict[Take, tuple[Recording, Lines]]:
    labs: dict[str, Lab] = {}
    taken = {}
    with ExitStack() as stack:
        for number, take in enumerate(takes):
            if take.server not in labs:
                lab = Lab(take.server, folder / f"{take.server}.jsonl", timeout_ms=POLL_MS)
                labs[take.server] = stack.enter_context(lab)
            cassette = folder / f"{number}.cassette"
            live = record(labs[take.server], take, cassette)
            taken[take] = load_recording(cassette), live
            print(f"recorded {take}", file=sys.stderr)
    return taken


@contextmanager
def _pages(browsers: int) -> Iterator[Play]:
    """Play in pages of some browsers that stay open: starting one takes longer than a replay."""
    with ExitStack() as stack:
        origin = stack.enter_context(serving_pages())
        free: queue.SimpleQueue[Browser] = queue.SimpleQueue()
        for _ in range(browsers):
            free.put(stack.enter_context(browsing()))

        def play(_: Seat, url: str, script: dict[str, Any]) -> Lines:
            browser = free.get()
            try:
                return play_in_page(browser, origin, url, script)
            finally:
                free.put(browser)

        yield play


def _tell(done: int, of: int, tally: Tally) -> None:
    for text in tally.texts:
        print(text, file=sys.stderr)
    if done % 50 == 0 or done == of:
        print(f"{done} of {of} replays, {time.monotonic() - _BEGUN:.0f} s", file=sys.stderr, flush=True)


def _sum(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())


def _numbers(tally: Tally) -> list[str]:
    return [str(getattr(tally, name)) for name in ("replays", *AMISS)]


def _pace(pace: str) -> str:
    return pace if pace == "virtual clock" else f"rate {pace}"


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *body))


def _chosen(names: list[str], all_: Iterable[Any]) -> list[Any]:
    """Those whose names contain one of some texts; all of them if there are none."""
    return [one for one in all_ if not names or any(name in str(one) for name in names)]


def main() -> int:
    """Run the matrix, or a part of it; 1 if anything was amiss."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients.crosswise", description=__doc__)
    parser.add_argument(
        "--recorded", action="append", default=[], metavar="TEXT", help="takes with this in their names"
    )
    parser.add_argument(
        "--player", action="append", default=[], metavar="TEXT", help="players with this in their names"
    )
    parser.add_argument("--pace", action="append", default=[], choices=PACES)
    parser.add_argument("--think", action="append", default=[], type=float, help="seconds")
    parser.add_argument("--jobs", type=int, default=6, help="programs at once, %(default)s by default")
    parser.add_argument("--browsers", type=int, default=2, help="browsers at once, %(default)s by default")
    given = parser.parse_args()
    takes, players = _chosen(given.recorded, TAKES), _chosen(given.player, SEATS)
    results = run(
        full(takes, players, given.pace or PACES, given.think or THINKS), jobs=given.jobs, browsers=given.browsers
    )
    tables = render(results)
    print(tables)
    if len(results) == len(full()):
        DOCS.write_text(with_section(DOCS.read_text(), tables, MATRIX))
    amiss = _sum(results.values())
    return 0 if amiss == Tally(amiss.replays) else 1


if __name__ == "__main__":
    sys.exit(main())
