"""The files of benchmarks.scale: one capture as a journal, and in the forms of the tools that it is compared with.

    python -m benchmarks.scale_files WHAT FILE TRIPLES      # journal, lines, asks or flows

Each is made by a process of its own: the memory of the parent would count for its children (`ru_maxrss` begins with
the memory of the process that forked).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.synthetic import AGENTS, records
from recorder.model import Record, Request, Response


def journal(path: Path, triples: int) -> None:
    """Write the capture as `recorder record` does."""
    from benchmarks.growth import make

    make(path, triples)


def lines(path: Path, triples: int) -> None:
    """Write a line of JSON for each record, with its body as JSON in it."""
    with path.open("w") as file:
        for record in records(triples):
            file.write(json.dumps(_line(record), separators=(",", ":")) + "\n")


def _line(record: Record) -> dict[str, Any]:
    line: dict[str, Any] = {"kind": type(record).__name__, "seq": record.seq, "t": record.t}
    match record:
        case Request():
            line |= {"exchange": record.exchange, "method": record.method, "target": record.target}
            line |= {"headers": record.headers, "body": json.loads(record.body)}
        case Response():
            line |= {"exchange": record.exchange, "status": record.status}
            line |= {"headers": record.headers, "body": json.loads(record.body)}
    return line


def asks(path: Path, triples: int) -> None:
    """Write a line for each operation: the agent, the target and the body, for a client that plays them."""
    with path.open("w") as file:
        for place, request in enumerate(_operations(triples)):
            ask = [place % AGENTS, request.target, request.body.decode()]
            file.write(json.dumps(ask, separators=(",", ":")) + "\n")


def _operations(triples: int) -> Iterator[Request]:
    for record in records(triples):
        if isinstance(record, Request) and "notifications" not in record.target:
            yield record


def flows(path: Path, triples: int) -> None:
    """Write each exchange as mitmproxy does."""
    from mitmproxy.http import HTTPFlow
    from mitmproxy.http import Request as HttpRequest
    from mitmproxy.http import Response as HttpResponse
    from mitmproxy.io import FlowWriter
    from mitmproxy.test.tflow import tclient_conn, tserver_conn

    asked: dict[int, Request] = {}
    with path.open("wb") as file:
        writer = FlowWriter(file)
        for record in records(triples):
            if isinstance(record, Request):
                asked[record.exchange] = record
            elif isinstance(record, Response):
                request = asked.pop(record.exchange)
                flow = HTTPFlow(tclient_conn(), tserver_conn())
                url = f"http://gws.example:8090{request.target}"
                flow.request = HttpRequest.make("POST", url, request.body, _pairs(request))
                flow.response = HttpResponse.make(record.status, record.body, _pairs(record))
                writer.add(flow)


def _pairs(record: Request | Response) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in record.headers]


def spread(path: Path, triples: int, count: int) -> list[tuple[int, str, str]]:
    """Read some operations from all over the file of `asks`, of all agents and all kinds."""
    step = max(1, triples // count) | 1  # odd: else all would be of one agent, or of one kind
    with path.open() as file:
        return [_ask(line) for line in islice(file, 0, None, step)]


def all_asks(path: Path) -> Iterator[tuple[int, str, str]]:
    """Read all operations, one at a time."""
    with path.open() as file:
        yield from map(_ask, file)


def _ask(line: str) -> tuple[int, str, str]:
    agent, target, body = json.loads(line)
    return agent, target, body


if __name__ == "__main__":
    {"journal": journal, "lines": lines, "asks": asks, "flows": flows}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
