"""Clients of a server in this process, and what they read of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, TypeVar

from recorder.dialect.definition import load
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.admission import Rules
from recorder.replay.server.app import serve
from recorder.replay.server.limits import Limits
from tests.wire import Wire, chained, done

LIMIT = 10.0  # seconds to wait for what takes milliseconds
ASKED = chained(7, "r1")
ANYBODY = Rules(hosts=frozenset("*"), origins=frozenset("*"))
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Found = TypeVar("Found")


def standin() -> ReplayEngine:
    """One operation with one event, at once."""
    wire = Wire()
    wire.desk().asks(ASKED, done(7, "r1"))
    played, ids = wire.recording(), count(1)
    return ReplayEngine(played, load(played.header.dialect), new_id=lambda: f"id{next(ids)}", rate=INSTANT)


def with_client(
    act: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Found]],
    served: ReplayEngine,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    rules: Rules = ANYBODY,
    **how: Any,
) -> Found:
    """What a client makes of a server."""

    async def run() -> Found:
        async with serve(served, limits=limits, rules=rules, **how) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            try:
                return await asyncio.wait_for(act(reader, writer), LIMIT)
            finally:
                writer.transport.abort()

    return asyncio.run(run())


def statuses(answers: bytes) -> list[int]:
    """The statuses of all answers in these bytes; each must be whole."""
    found = []
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        line = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        assert line is not None, answers[:200]
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        size = int(length[1]) if length else 0
        assert len(rest) >= size, answers[:200]
        found.append(int(line[1]))
        answers = rest[size:]
    return found
