"""The acceptance bench for push without Bayeux: server-sent events, a WebSocket beside REST, JSON-RPC on a WebSocket.

    python -m benchmarks.pushed [--quick] [--tool NAME]...

One session with each, of tests/lab/push, is recorded once: a desk makes orders and changes them, hears of it, and its
stream goes down and comes back. `recorder record`, mitmdump and cassetter record the same run of a desk on httpx-sse or
`websockets`, Playwright a desk in a page. Each replays what it has to the client it recorded, which thinks longer or
shorter and sends the same or other ids. A client goes on when the events of its step have come, or after a limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from benchmarks import rows as report
from benchmarks.peers import cassetter, pages
from benchmarks.servers import Recorded, ServerError, missing, recording, server_replay, stand_in
from benchmarks.verdict import Log
from recorder.cassette.reader import read
from recorder.model import Chunk, Request
from tests.clients.crossing import LIVE, OTHER, Lines, Tally, shape, tally
from tests.clients.push.matrix import Seat
from tests.lab import browser as chromium
from tests.lab.browser import Browser, browsing
from tests.lab.lab import LabError, available, run_client
from tests.lab.push.lab import FLAG, Library, Served, Transport, play, script, serving_push

Ids: TypeAlias = Literal["same", "fresh"]

OURS, LIVE_TOOL, PLAYWRIGHT = "recorder", "lab, live", "playwright"
_MITMPROXY = {"mitm": (), "mitm ignore": ("server_replay_ignore_content=true",)}
_CASSETTER = {"cassetter": "replay", "cassetter body": "replay-body"}
QUICK = (OURS, "mitm")  # the others take a browser, or a package that the tests do without
TOOLS = (OURS, *_MITMPROXY, PLAYWRIGHT, *_CASSETTER)
PUSHES: dict[Transport, tuple[str, Library]] = {
    "sse": ("SSE", "httpx-sse"),
    "socket": ("WebSocket", "websockets"),
    "rpc": ("JSON-RPC", "websockets"),
}
ANSWER = "answer to nobody"  # as desks call an answer on a socket whose id they have not sent
_THINK = 0.1  # seconds before each recorded step
_PATIENCE = 5.0  # seconds for a step
_PEERS_PATIENCE = 0.5  # what they have they say at once
_STREAMING = ["-s", str(Path(cassetter.__file__).with_name("streams.py"))]
_HOW = (
    "Playwright's HAR has no body of a stream open at the end; messages on sockets are said on connect, by hand.",
    "cassetter hands out an answer when it has it whole: streams pass it by, and are added to its file afterwards.",
    "mitmdump records streams with a script that passes them on and keeps them (benchmarks/peers/streams.py).",
)
_COLUMNS = """\
columns:
  tool      recorder: `recorder replay`. mitm: mitmdump's server replay; "ignore" sets server_replay_ignore_content.
            playwright: routeFromHAR, and routeWebSocket with the recorded messages said on connect. cassetter:
            record_mode "none"; "body" matches bodies and sent messages, too. "lab, live" is the recorded session.
  push      what the events come by
  think     seconds before each of the steps; 0.1 when it was recorded
  ids       of requests: "same" as recorded, or "fresh"
  clients   at once, each with a session of its own
  rate      pace of the replay; "-" where there is no such thing
  heard     events that came, each counted once
  early     events that came before the client sent the request of their step
  wrong     events and answers on a socket with an id that is not the live one of their step
  lost      events that never came
  doubled   events that came again, or belong to no step
  refused   requests that got an error, no answer, or none that is well-formed

A row is clean when all was heard, nothing is early, wrong, lost, doubled or refused, and the exit code of the recorder
is 0. Exit code 1 if one of the recorder is not clean, 2 if the bench cannot run here."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a row tries."""

    tool: str
    push: Transport
    think: float
    ids: Ids
    clients: int = 1
    rate: str = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """What came out; the columns are explained in the help. `note` says what the server had to say, if it failed."""

    tool: str
    push: str
    think: float
    ids: str
    clients: int
    rate: str
    heard: int
    of: int
    early: int
    wrong: int
    lost: int
    doubled: int
    refused: int
    note: str = ""

    @property
    def clean(self) -> bool:
        """Whether this is how it must be."""
        faults = self.early + self.wrong + self.lost + self.doubled + self.refused
        return self.heard == self.of and not faults and not self.note


@dataclass(frozen=True, slots=True)
class Session:
    """A session as all tools recorded it, what its desk printed, and where that played."""

    push: Transport
    recorded: Recorded
    url: str
    lines: Lines
    page: pages.Taken | None

    @property
    def of_cassetter(self) -> Path:
        return self.recorded.folder / "cassetter.yaml"


def without(tool: str) -> str | None:
    """Why a tool cannot be tried here, None if it can."""
    if tool in _CASSETTER:
        return cassetter.missing()
    return chromium.available() if tool == PLAYWRIGHT else None


def settings(tools: Sequence[str], *, quick: bool) -> list[Setting]:
    """The rows to try."""
    pushes = [push for push in PUSHES if not quick or push != "rpc"]
    thinks = (0.3,) if quick else (0.0, 0.6, 1.5)
    ids: tuple[Ids, ...] = ("fresh",) if quick else ("same", "fresh")
    chosen = []
    for tool, push, think, name in ((t, p, k, i) for t in tools for p in pushes for k in thinks for i in ids):
        if tool == OURS:
            rates = ("instant",) if quick else ("1", "20", "instant")
            crowds = (1, 8) if name == "fresh" and not quick else (1,)
            chosen += [Setting(tool, push, think, name, clients, rate) for clients in crowds for rate in rates]
        elif think < 1.0 and (push == "sse" or not quick):
            chosen.append(Setting(tool, push, think, name))
    return chosen


def prefixes(setting: Setting) -> list[str]:
    """What the ids of each client begin with."""
    return [LIVE] if setting.ids == "same" else [f"{OTHER}{n}-" for n in range(setting.clients)]


async def record(
    push: Transport, folder: Path, browser: Browser | None = None, *, with_cassetter: bool = False
) -> Session:
    """Record a session by the recorder and mitmproxy, and by what is asked for beside them, into a folder."""
    with serving_push(push, folder / f"{push}.jsonl") as served:
        return await _record(served, push, Path(tempfile.mkdtemp(dir=folder)), browser, with_cassetter=with_cassetter)


async def _record(
    served: Served, push: Transport, folder: Path, browser: Browser | None, *, with_cassetter: bool
) -> Session:
    recorded = Recorded(folder, folder / "session.cassette", folder / "session.flows", Log())
    library, dialect = PUSHES[push][1], Seat(PUSHES[push][1], push).dialect
    ours = ["--no-redaction", "--dialect", str(dialect)]  # the desks' events are compared whole
    given = script(push, LIVE, think=_THINK)
    async with recording(int(served.url.rpartition(":")[2]), recorded, ours, _STREAMING) as url:
        if with_cassetter:
            lines = await asyncio.to_thread(_in_cassetter, "record", folder / "cassetter.yaml", library, url, given)
        else:
            lines = await asyncio.to_thread(play, library, url, given)
    if with_cassetter:
        await asyncio.to_thread(_in_cassetter, "add", folder / "cassetter.yaml", "", "", _streams(recorded, url))
    page = browser and await asyncio.to_thread(pages.record, browser, folder / "page.har", served.url, given)
    return Session(push, recorded, url, lines, page)


def _streams(recorded: Recorded, url: str) -> list[tuple[str, str]]:
    """URL and whole body of each event stream."""
    targets, bodies = dict[int, str](), defaultdict[int, bytes](bytes)
    for one in read(recorded.cassette).records:
        if isinstance(one, Request):
            targets[one.exchange] = one.target
        elif isinstance(one, Chunk):
            bodies[one.exchange] += one.body
    return [(url + targets[exchange], body.decode()) for exchange, body in bodies.items()]


def _in_cassetter(mode: str, file: Path, library: str, url: str, given: Any) -> Lines:
    command = [sys.executable, "-m", "benchmarks.peers.cassetter", mode, str(file), *filter(None, [library])]
    return run_client(command, url, given)


async def measure(session: Session, setting: Setting, browser: Browser | None) -> Row:
    """Try one setting on a server of its own."""
    given = script(session.push, *prefixes(setting), think=setting.think)
    for desk in given["desks"]:
        desk["patience"] = _PATIENCE if setting.tool == OURS else _PEERS_PATIENCE
    try:
        lines, note = await _played(session, setting, given, browser)
    except (LabError, ServerError) as exc:
        lines, note = [], " ".join(str(exc).split())[:300]
    live = session.lines if setting.tool != PLAYWRIGHT or session.page is None else session.page.lines
    return row(setting, live, lines, note)


async def _played(
    session: Session, setting: Setting, given: Mapping[str, Any], browser: Browser | None
) -> tuple[Lines, str]:
    library = PUSHES[session.push][1]
    match setting.tool:
        case tool if tool in _CASSETTER:
            replayed = (_CASSETTER[tool], session.of_cassetter, library, session.url, given)
            return await asyncio.to_thread(_in_cassetter, *replayed), ""
        case tool if tool == PLAYWRIGHT:
            assert browser is not None
            assert session.page is not None
            return await asyncio.to_thread(pages.replay, browser, session.page, given), ""
        case tool if tool in _MITMPROXY:
            async with server_replay(session.recorded, _MITMPROXY[tool]) as server:
                return await asyncio.to_thread(play, library, server.url, given), ""
        case _:
            async with stand_in(session.recorded, setting.rate) as server:
                lines = await asyncio.to_thread(play, library, server.url, given)
            failed = server.code != 0
            return lines, f"exit code {server.code}: {server.stderr.strip()[:300]}" if failed else ""


def row(setting: Setting, live: Lines, lines: Lines, note: str = "") -> Row:
    """Sum up what the clients of a setting went through, by what the recorded one did."""
    own = sum(
        (
            _counted(live, _as_other([one for one in lines if one["client"] == n], prefix))
            for n, prefix in enumerate(prefixes(setting))
        ),
        Tally(),
    )
    of = setting.clients * sum(one["kind"] == "event" for one in live)
    return Row(
        setting.tool, PUSHES[setting.push][0], setting.think, setting.ids, setting.clients, setting.rate,
        heard=of - own.lost,
        of=of,
        early=own.early,
        wrong=own.wrong,
        lost=own.lost,
        doubled=own.doubled,
        refused=sum(one["kind"] == "refused" for one in lines),
        note=note,
    )  # fmt: skip


def _counted(live: Lines, lines: Lines) -> Tally:
    """What is amiss in what one client heard; what no step of the recorded one has is one too many."""
    known = {shape(one) for one in live if one["kind"] == "event"}
    own = [one for one in lines if one["kind"] == "event" and one["channel"] != ANSWER]
    counted = tally(live, [one for one in own if shape(one) in known])
    answers = sum(one["kind"] == "event" and one["channel"] == ANSWER for one in lines)
    return counted + Tally(wrong=answers, doubled=sum(shape(one) not in known for one in own))


def _as_other(lines: Lines, prefix: str) -> Lines:
    """The lines as of the only other client: what has the prefix of the recorded one, or of a third, keeps it."""
    renamed: Lines = json.loads(json.dumps(lines).replace(prefix, OTHER))
    return renamed


async def bench(folder: Path, *, quick: bool, tools: Sequence[str] = TOOLS, jobs: int = 4) -> list[Row]:
    """Record, and replay in all settings that can be tried here."""
    chosen = settings([tool for tool in tools if without(tool) is None], quick=quick)
    rows = list[Row]()
    with ExitStack() as stack:
        browser = stack.enter_context(browsing(FLAG)) if any(one.tool == PLAYWRIGHT for one in chosen) else None
        beside = any(one.tool in _CASSETTER for one in chosen)
        pushes = dict.fromkeys(one.push for one in chosen)
        takes = [record(push, folder, browser, with_cassetter=beside) for push in pushes]
        sessions = {session.push: session for session in await asyncio.gather(*takes)}
        for push, session in sessions.items():
            rows.append(row(Setting(LIVE_TOOL, push, _THINK, "same"), session.lines, session.lines))
        free = asyncio.Semaphore(jobs)

        async def one(setting: Setting) -> Row:
            async with free:
                return await measure(sessions[setting.push], setting, browser)

        return [*rows, *await asyncio.gather(*map(one, chosen))]


def table(rows: Sequence[Row]) -> str:
    """The rows for people, with a sum for each tool."""
    names = [one.name for one in fields(Row) if one.name != "note"]
    lines = [[*names, "clean"], *([*(str(getattr(r, n)) for n in names), "yes" if r.clean else "no"] for r in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    notes = [f"{r.tool}, {r.push}, think {r.think}, {r.ids} ids, {r.clients} clients: {r.note}" for r in rows if r.note]
    return "\n".join([*text, "", *notes, *sums(rows)])


def sums(rows: Sequence[Row]) -> list[str]:
    """A line for each tool and push."""
    told = []
    for tool, push in dict.fromkeys((one.tool, one.push) for one in rows):
        mine = [one for one in rows if (one.tool, one.push) == (tool, push)]
        names = ("early", "wrong", "lost", "doubled", "refused")
        counts = ", ".join(f"{sum(getattr(r, n) for r in mine)} {n}" for n in names)
        of = sum(one.of for one in mine)
        told.append(f"{tool}, {push}: {sum(r.clean for r in mine)} of {len(mine)} rows clean, {of} events: {counts}")
    return told


def rows(scale: report.Scale) -> list[report.Row]:
    """The row of the table: all settings, or few for a smoke test."""
    what = "the same of events by SSE, by a WebSocket beside REST, by JSON-RPC; 1 and 8 clients, other pace and ids"
    target, command = "0 and 0", "python -m benchmarks --only pushed"
    if reason := available() or missing():
        return [report.not_measured(what, target, command, reason)]
    is_full = scale is report.Scale.FULL
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(bench(Path(folder), quick=not is_full, tools=TOOLS if is_full else QUICK))
    mine = [one for one in found if one.tool == OURS]
    early, wrong = (sum(getattr(one, name) for one in mine) for name in ("early", "wrong"))
    absent = (f"no rows of {tool}: {reason}" for tool in TOOLS if (reason := without(tool)))
    facts = (*sums(found), *absent, *_HOW, "`python -m benchmarks.pushed` prints the table of all settings.")
    return [report.Row(what, target, f"{early} and {wrong}", all(one.clean for one in mine), command, facts)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; returns the exit code."""
    parser = argparse.ArgumentParser(
        "benchmarks.pushed",
        description="Does a replay of push without Bayeux keep cause before effect?",
        epilog=_COLUMNS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a short subset, of the recorder and mitmproxy")
    parser.add_argument("--tool", action="append", choices=TOOLS, help="these alone")
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="rows at a time (default: %(default)s)")
    options = parser.parse_args(arguments)
    tools, begun = options.tool or (QUICK if options.quick else TOOLS), time.monotonic()
    if reason := available() or missing():
        print(f"pushed: {reason}", file=sys.stderr)
        return 2
    for tool in tools:
        if reason := without(tool):
            print(f"pushed: no rows of {tool}: {reason}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = asyncio.run(bench(Path(folder), quick=options.quick, tools=tools, jobs=options.jobs))
        except (LabError, ServerError) as exc:
            print(f"pushed: {exc}", file=sys.stderr)
            return 2
    print(table(found))
    print(f"pushed: took {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return 0 if all(one.clean for one in found if one.tool in (OURS, LIVE_TOOL)) else 1


if __name__ == "__main__":
    sys.exit(main())
