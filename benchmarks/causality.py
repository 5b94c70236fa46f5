"""The acceptance bench: does a replay keep cause before effect, whatever the client does?

    python -m benchmarks.causality [--quick] [--json FILE]

One session of four operations is recorded once from the lab, by `recorder record` and by mitmdump. Then it is replayed,
by a server of its own for each row, to clients that think longer or shorter, are one or many, and send other ids.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from pathlib import Path

from benchmarks import anchors, pushed
from benchmarks import rows as report
from benchmarks.desktop import Pace, play
from benchmarks.script import EVENTS, STEPS, IdsName, ids
from benchmarks.servers import ADVICE_TIMEOUT, Recorded, Server, ServerError, missing, record, server_replay, stand_in
from benchmarks.verdict import Log, judge
from tests.lab.lab import LabError, available

OURS = "recorder"
LIVE = "lab, live"
_LINGER = 1.25 * ADVICE_TIMEOUT  # of the rows that count idle polls
_IDLE_LIMIT = int(_LINGER / ADVICE_TIMEOUT) + 1  # one for each advice.timeout that ends, and one in flight
_MITMPROXY = {
    "mitm": (),
    "mitm reuse": ("server_replay_reuse=true",),
    "mitm ignore": ("server_replay_ignore_content=true",),
    "mitm both": ("server_replay_ignore_content=true", "server_replay_reuse=true"),
}
_MITM_STEP_LIMIT = 2.0  # seconds; it answers at once or never
_COLUMNS = """\
columns:
  tool      recorder: `recorder replay`. mitm: mitmdump's server replay; "reuse" sets server_replay_reuse,
            "ignore" server_replay_ignore_content, "both" sets both. "lab, live" is the session that was recorded.
  think     seconds before each of the steps
  ids       referenceIds and devices of the clients: "same" as recorded, "fresh", or "rotated": the recorded ones,
            each used a step later
  clients   at once, each with a session and a cookie jar of its own
  rate      pace of the replay; "-" where there is no such thing
  steps     done: the ack came, and the terminal event and all others, within a limit
  early     events that came before the client sent the request of their step
  wrong     events and acks with a referenceId or device that is not the live one of their step
  lost      events that never came
  doubled   events that came again, or belong to no step
  refused   requests that got an error, no answer, or none that is well-formed
  polls     sent by all clients; at most 200 a step and client, for a replay that never holds a poll
  idle      of these, sent in a bit over one advice.timeout after the last step; "-" where nobody waited for that
  seconds   from the handshake to the end of the last step, of the slowest client

A row of the recorder is clean when all steps are done, nothing is early, wrong, lost, doubled or refused, its exit code
is 0, and of the idle polls there is at most one per advice.timeout and one in flight. Exit code 1 if one is not clean,
2 if the bench cannot run here."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a row tries."""

    tool: str
    think: float
    ids: IdsName
    clients: int
    rate: str
    waits: bool = False  # for the end of an idle poll


@dataclass(frozen=True, slots=True)
class Row:
    """What came out; the columns are explained in the help. `note` says what the server had to say, if it failed."""

    tool: str
    think: float
    ids: str
    clients: int
    rate: str
    steps: int
    of: int
    early: int
    wrong: int
    lost: int
    doubled: int
    refused: int
    polls: int
    idle: int | None
    seconds: float
    note: str = ""

    @property
    def clean(self) -> bool:
        """Whether this is how it must be."""
        faults = self.early + self.wrong + self.lost + self.doubled + self.refused
        # None at all would mean that a poll is held longer than advised, and desktops give up such a server.
        waited = self.idle is None or self.clients <= self.idle <= self.clients * _IDLE_LIMIT
        return self.steps == self.of and not faults and waited and not self.note


def settings(*, quick: bool) -> tuple[list[Setting], list[Setting]]:
    """The rows to try: of the stand-in, and of mitmproxy."""
    thinks = (0.0, 0.3) if quick else (0.0, 0.3, 1.5, 5.0)
    names: tuple[IdsName, ...] = ("same", "fresh")
    rates = ("1", "instant") if quick else ("1", "100", "instant")
    ours = [Setting(OURS, *values) for values in product(thinks, names, (1, 8), rates)]
    ours += [Setting(OURS, 0.3, "rotated", 8, "100"), Setting(OURS, 0.0, "fresh", 1, "1", waits=True)]
    tools = ("mitm",) if quick else tuple(_MITMPROXY)
    paces = [(think, 1) for think in thinks] + [(0.3, 8)]
    theirs = [
        Setting(tool, think, name, clients, "-")
        for tool, (think, clients), name in product(tools, [(0.3, 1)] if quick else paces, names)
    ]
    if not quick:
        theirs += [Setting(tool, 0.0, "same", 1, "-", waits=True) for tool in tools]
    return ours, theirs


async def measure(recorded: Recorded, setting: Setting) -> Row:
    """Try one setting on a server of its own."""
    pace = Pace(setting.think, _LINGER) if setting.waits else Pace(setting.think)
    server_of: AbstractAsyncContextManager[Server]
    if setting.tool == OURS:
        server_of = stand_in(recorded, setting.rate)
    else:
        pace = replace(pace, step_limit=_MITM_STEP_LIMIT)
        server_of = server_replay(recorded, _MITMPROXY[setting.tool])
    own = [ids(setting.ids, client) for client in range(setting.clients)]
    try:
        async with server_of as server:
            logs = await asyncio.gather(*(play(server.url, mine, pace) for mine in own))
    except ServerError as exc:
        return row(setting, [Log() for _ in own], str(exc))
    failed = setting.tool == OURS and server.code != 0  # the other one may end as it likes
    return row(setting, logs, f"exit code {server.code}: {server.stderr.strip()[:200]}" if failed else "")


def row(setting: Setting, logs: Sequence[Log], note: str = "") -> Row:
    """Sum up what the clients of a setting went through."""
    verdicts = [judge(log, ids(setting.ids, client)) for client, log in enumerate(logs)]
    return Row(
        setting.tool,
        setting.think,
        setting.ids,
        setting.clients,
        setting.rate,
        steps=sum(len(log.done) for log in logs),
        of=setting.clients * len(STEPS),
        early=sum(verdict.early for verdict in verdicts),
        wrong=sum(verdict.wrong for verdict in verdicts),
        lost=sum(verdict.lost for verdict in verdicts),
        doubled=sum(verdict.doubled for verdict in verdicts),
        refused=sum(log.refused for log in logs),
        polls=sum(log.polls for log in logs),
        idle=sum(log.idle_polls for log in logs) if setting.waits else None,
        seconds=round(max(log.seconds for log in logs), 2),
        note=note,
    )


async def measure_all(recorded: Recorded, chosen: Sequence[Setting], jobs: int) -> list[Row]:
    """Try settings, some at a time and the long ones first; the rows come back in the order of the settings."""
    free = asyncio.Semaphore(jobs)

    async def one(setting: Setting) -> Row:
        async with free:
            return await measure(recorded, setting)

    longest_first = sorted(range(len(chosen)), key=lambda place: -chosen[place].think)
    async with asyncio.TaskGroup() as group:
        tasks = {place: group.create_task(one(chosen[place])) for place in longest_first}
    return [tasks[place].result() for place in range(len(chosen))]


async def bench(folder: Path, *, quick: bool, jobs: int) -> list[Row]:
    """Record, and replay in all settings; the rows of mitmproxy last, because they take all the time there is."""
    tell("recording")
    recorded = await record(folder)
    live = row(Setting(LIVE, 0.3, "same", 1, "-"), [recorded.log])
    rows = [live]
    for chosen in settings(quick=quick):
        tell(f"replaying with {'recorder' if chosen[0].tool == OURS else 'mitmdump'}, {len(chosen)} rows")
        rows += await measure_all(recorded, chosen, jobs)
    return rows


def tell(text: str) -> None:
    """Say something to whoever waits; stdout is for the table."""
    print(f"causality: {text}", file=sys.stderr)


def table(rows: Sequence[Row]) -> str:
    """The rows for people, with a sum for each tool."""
    names = [field.name for field in fields(Row) if field.name not in ("of", "note")]
    lines = [[*names, "clean"]]
    for one in rows:
        shown = asdict(one) | {"steps": f"{one.steps}/{one.of}", "idle": "-" if one.idle is None else one.idle}
        lines.append([*(str(shown[name]) for name in names), "yes" if one.clean else "no"])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    notes = [
        f"{one.tool}, think {one.think}, {one.ids} ids, {one.clients} clients, rate {one.rate}: {one.note}"
        for one in rows
        if one.note
    ]
    return "\n".join([*text, "", *notes, *_sums(rows)])


def _sums(rows: Sequence[Row]) -> list[str]:
    sums = []
    for tool in dict.fromkeys(one.tool for one in rows):
        mine = [one for one in rows if one.tool == tool]
        clean, steps, of = (sum(values) for values in zip(*((r.clean, r.steps, r.of) for r in mine), strict=True))
        faults = ("early", "wrong", "lost", "doubled", "refused")
        counts = ", ".join(f"{sum(getattr(one, name) for one in mine)} {name}" for name in faults)
        expected = sum(one.clients for one in mine) * EVENTS
        sums.append(f"{tool}: {clean} of {len(mine)} rows clean, {steps} of {of} steps, {expected} events: {counts}")
    return sums


def rows(scale: report.Scale) -> list[report.Row]:
    """The row of the table: all settings, or one for a smoke test."""
    what = (
        "events before their cause or anchor, and wrong ids; think time 0 to 5 s, 1 and 8 clients, fresh ids, all rates"
    )
    target, command = "0 and 0", "python -m benchmarks --only causality"
    if reason := available() or missing():
        return [report.not_measured(what, target, command, reason)]
    with tempfile.TemporaryDirectory() as folder:
        is_full = scale is report.Scale.FULL
        found = asyncio.run(bench(Path(folder), quick=False, jobs=4) if is_full else _one(Path(folder)))
        unasked = asyncio.run(anchors.bench(Path(folder), quick=not is_full))
    also = [one for one in unasked if one.tool == OURS]
    mine = [one for one in found if one.tool == OURS]
    early, wrong = (sum(getattr(one, name) for one in (*mine, *also)) for name in ("early", "wrong"))
    thought = sum(one.think * len(STEPS) for one in mine) / sum(one.seconds for one in mine)
    profile = f"Of the time from the handshake to the last event the clients spend {thought:.0%} on thinking, and more "
    profile += "on waiting for what was recorded to take its time; the stand-in waits with them."
    facts = (
        *_sums(found),
        *anchors.sums(unasked),
        "`python -m benchmarks.causality` prints the table of all settings.",
    )
    holds = all(one.clean for one in mine) and all(one.clean for one in also)
    return [report.Row(what, target, f"{early} and {wrong}", holds, command, facts, profile)]


async def _one(folder: Path) -> list[Row]:
    return await measure_all(await record(folder), [Setting(OURS, 0.0, "fresh", 1, "instant")], 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; returns the exit code."""
    parser = argparse.ArgumentParser(
        "benchmarks.causality",
        description="Does a replay keep cause before effect, whatever the client does?",
        epilog=_COLUMNS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a short subset of Bayeux, in well under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="rows at a time (default: %(default)s)")
    options = parser.parse_args(arguments)
    if reason := available() or missing():
        tell(reason)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = asyncio.run(bench(Path(folder), quick=options.quick, jobs=options.jobs))
            tell("recording and replaying what no operation caused")
            unasked = asyncio.run(anchors.bench(Path(folder), quick=options.quick))
            others: list[pushed.Row] = []
            if not options.quick:
                tell("recording and replaying server-sent events and plain WebSockets")
                others = asyncio.run(pushed.bench(Path(folder), quick=False, jobs=options.jobs))
        except (LabError, ServerError) as exc:
            tell(str(exc))
            return 2
    print(table(rows))
    print(f"\n{anchors.table(unasked)}")
    if others:
        print(f"\n{pushed.table(others)}")
    tell(f"took {time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps([asdict(one) | {"clean": one.clean} for one in rows], indent=1) + "\n")
    ours = [one for one in (*rows, *unasked, *others) if one.tool in (OURS, LIVE)]
    return 0 if all(one.clean for one in ours) else 1


if __name__ == "__main__":
    sys.exit(main())
