"""Let clients of SSE and WebSockets play each other's recordings; `make push-matrix` writes docs/clients.md.

Choices on the command line make it a part of the matrix, which is printed and not written.
"""

from __future__ import annotations

import argparse
import queue
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

from recorder.library.recording import load_recording
from recorder.model import Recording
from tests.clients.crossing import AMISS, PACES, THINKS, Lines, Tally
from tests.clients.crosswise import DOCS
from tests.clients.push.crossing import CROWDS, Replay, full, record, replay
from tests.clients.push.matrix import SEATS, SERVERS, Seat, label, server
from tests.clients.table import with_section
from tests.lab.browser import Browser, browsing
from tests.lab.push.lab import FLAG, Served, Transport, serving_push

Results: TypeAlias = Mapping[Replay, Tally]

MATRIX = "push"  # the name in the comments around the tables
_BEGUN = time.monotonic()


def render(results: Results) -> str:
    """The tables: by recording and player, and by pace, think time and crowd."""
    total = sum(results.values(), Tally())
    parts = [f"Replays: {total.replays}; in half of those without a page eight clients play at once.\n"]
    for transport in SERVERS:
        of = {one: t for one, t in results.items() if one.take.transport == transport}
        takes, players = (list(dict.fromkeys(seats)) for seats in zip(*((o.take, o.player) for o in of), strict=True))
        rows = [[f"recorded from {server(transport)}", *map(label, players)]]
        rows += [[label(take), *(str(_sum(of, take=take, player=player)) for player in players)] for take in takes]
        parts.append(_table(rows))
    rows = [["pace", "think time", "clients", "replays", *AMISS]]
    for pace, think, crowd in dict.fromkeys((one.pace, one.think, one.crowd) for one in results):
        part = _sum(results, pace=pace, think=think, crowd=crowd)
        name = pace if pace == "virtual clock" else f"rate {pace}"
        rows.append([name, f"{think:g} s", str(crowd), *_numbers(part)])
    rows.append(["all", "", "", *_numbers(total)])
    return "\n".join([*parts, _table(rows)])


def run(replays: Sequence[Replay], *, jobs: int) -> Results:
    """Record what the replays need, then play them, some at once; in the order they were given."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        browsers: queue.SimpleQueue[Browser | None] = queue.SimpleQueue()
        with_page = any("page" in {one.take.library, one.player.library} for one in replays)
        browsers.put(stack.enter_context(browsing(FLAG)) if with_page else None)
        taken = _recordings(dict.fromkeys(one.take for one in replays), Path(folder), browsers)

        def play(one: Replay) -> Tally:
            if one.player.library != "page":
                return replay(*taken[one.take], one)
            browser = browsers.get()
            try:
                return replay(*taken[one.take], one, browser)
            finally:
                browsers.put(browser)

        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        futures: dict[Future[Tally], Replay] = {pool.submit(play, one): one for one in replays}
        done: dict[Replay, Tally] = {}
        for future in as_completed(futures):
            done[futures[future]] = future.result()
            _tell(len(done), len(replays), future.result())
        return {one: done[one] for one in replays}


def _recordings(
    takes: Iterable[Seat], folder: Path, browsers: queue.SimpleQueue[Browser | None]
) -> dict[Seat, tuple[Recording, Lines]]:
    served: dict[Transport, Served] = {}
    taken = {}
    with ExitStack() as stack:
        for number, take in enumerate(takes):
            if take.transport not in served:
                log = folder / f"{take.transport}.jsonl"
                served[take.transport] = stack.enter_context(serving_push(take.transport, log))
            browser, cassette = browsers.get(), folder / f"{number}.cassette"
            try:
                live = record(served[take.transport], take, cassette, browser)
            finally:
                browsers.put(browser)
            taken[take] = load_recording(cassette), live
            print(f"recorded {take}", file=sys.stderr)
    return taken


def _tell(done: int, of: int, counted: Tally) -> None:
    for text in counted.texts:
        print(text, file=sys.stderr)
    if done % 50 == 0 or done == of:
        print(f"{done} of {of} replays, {time.monotonic() - _BEGUN:.0f} s", file=sys.stderr, flush=True)


def _sum(results: Results, **fixed: object) -> Tally:
    some = [t for one, t in results.items() if all(getattr(one, name) == value for name, value in fixed.items())]
    return sum(some, Tally())


def _numbers(counted: Tally) -> list[str]:
    return [str(getattr(counted, name)) for name in ("replays", *AMISS)]


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *body))


def _chosen(names: list[str]) -> list[Seat]:
    return [seat for seat in SEATS if not names or any(name in str(seat) for name in names)]


def main() -> int:
    """Run the matrix, or a part of it; 1 if anything was amiss."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients.push.crosswise", description=__doc__)
    for name, what in (("recorded", "takes"), ("player", "players")):
        text = f"{what} with this in their names"
        parser.add_argument(f"--{name}", action="append", default=[], metavar="TEXT", help=text)
    parser.add_argument("--pace", action="append", default=[], choices=PACES)
    parser.add_argument("--think", action="append", default=[], type=float, help="seconds")
    parser.add_argument("--crowd", action="append", default=[], type=int, choices=CROWDS, help="clients at once")
    parser.add_argument("--jobs", type=int, default=4, help="replays at once, %(default)s by default")
    given = parser.parse_args()
    takes, players = _chosen(given.recorded), _chosen(given.player)
    replays = full(takes, players, given.pace or PACES, given.think or THINKS, given.crowd or CROWDS)
    results = run(replays, jobs=given.jobs)
    if len(results) == len(full()):
        tables = render(results)
        DOCS.write_text(with_section(DOCS.read_text(), tables, MATRIX))
        print(tables)
    total = sum(results.values(), Tally())
    print(total)
    return 0 if total == Tally(total.replays) else 1


if __name__ == "__main__":
    sys.exit(main())
