"""Write a recording in the Trace Event Format, for Perfetto (https://ui.perfetto.dev) and chrome://tracing.

The format: "Trace Event Format" by the Chromium developers (its JSON Object Format). A session is a process. Its
operations are complete events (`X`) from request to ack; operations that overlap are on different threads. Its events
are instants (`i`), on one thread per channel; flows (`s`, `f`) lead from a request to the events it caused. Times are
microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..model import Event, Recording, Triple, listed
from ..views.data import exchangeable

_US = 1000  # nanoseconds
_CHANNELS = 1000  # thread numbers from here on are channels; smaller numbers are threads of operations


def trace(recording: Recording) -> Iterator[str]:
    """Yield the text of the trace, one trace event per line."""
    yield '{"displayTimeUnit": "ms", "traceEvents": ['
    for place, event in enumerate(_events(recording)):
        yield ("," if place else "") + "\n" + json.dumps(exchangeable(event))
    yield "\n]}\n"


@dataclass(slots=True)
class _Process:
    pid: int
    lanes: list[int] = field(default_factory=list)  # for each thread of operations, the end of its last one (ns)
    channels: dict[str, int] = field(default_factory=dict)

    def lane(self, start: int, end: int) -> tuple[int, bool]:
        """Return the number of a thread that is free at `start`, and if the thread is new."""
        for place, until in enumerate(self.lanes):
            if until <= start:
                self.lanes[place] = end
                return place + 1, False
        self.lanes.append(end)
        return len(self.lanes), True

    def channel(self, name: str) -> tuple[int, bool]:
        new = name not in self.channels
        return self.channels.setdefault(name, _CHANNELS + len(self.channels)), new


def _events(recording: Recording) -> Iterator[dict[str, Any]]:
    processes: dict[str | None, _Process] = {}

    def process(session: str | None) -> Iterator[dict[str, Any]]:
        if session not in processes:
            processes[session] = _Process(len(processes) + 1)
            yield _name("process_name", f"session {session or 'unknown'}", processes[session].pid, 0)

    for triple in recording.triples:
        yield from process(triple.session)
        yield from _triple(triple, processes[triple.session])
    for pushed in recording.unsolicited:
        yield from process(pushed.session)
        yield from _instant(pushed.event, pushed.name, processes[pushed.session], {"unsolicited": True})


def _triple(triple: Triple, process: _Process) -> Iterator[dict[str, Any]]:
    ended = triple.ack or triple.failure
    start, end = triple.request.t, ended.t if ended else triple.request.t
    tid, new = process.lane(start, end)
    if new:
        yield _name("thread_name", f"operations {tid}", process.pid, tid)
    place = {"pid": process.pid, "tid": tid, "ts": start / _US}
    args = {
        "n": triple.n,
        "state": triple.state.value,
        "target": triple.request.target,
        **{key: listed(value) for key, value in triple.keys.items()},
    }
    args |= {"status": triple.ack.status} if triple.ack else {}
    args |= {"failure": triple.failure.reason} if triple.failure else {}
    name = triple.operation or triple.request.method
    yield {"ph": "X", "cat": "operation", "name": name, "dur": max(0, end - start) / _US, "args": args} | place
    for number, link in enumerate(triple.events, 1):
        flow = {"cat": "cause", "name": link.rule, "id": f"{triple.n}.{number}"}
        yield {"ph": "s"} | flow | place
        shown = {"n": triple.n, "rule": link.rule, "confidence": link.confidence}
        yield from _instant(link.event, link.name, process, shown, flow)


def _instant(
    event: Event, name: str, process: _Process, args: dict[str, Any], flow: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    tid, new = process.channel(event.channel)
    if new:
        yield _name("thread_name", event.channel, process.pid, tid)
    place = {"pid": process.pid, "tid": tid, "ts": event.t / _US}
    if flow is not None:  # the format binds a flow's end to the next trace event of the thread, so `f` goes first
        yield {"ph": "f"} | flow | place
    yield {"ph": "i", "s": "t", "cat": "event", "name": name, "args": args | {"data": event.data}} | place


def _name(what: str, name: str, pid: int, tid: int) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "ts": 0, "args": {"name": name}}
