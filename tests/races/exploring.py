"""Let clients work in many orders, each run at a stand-in of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection

from recorder import StandIn
from recorder.dialect.carried import dialect_of
from recorder.explore.explorer import Explorer
from recorder.explore.outcome import Result, Trial
from recorder.library.recording import load_recording
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Disturbance
from recorder.replay.engine.orders.played import Order
from recorder.replay.engine.orders.schedule import Schedule

from .bugs import DELAY, Client
from .running import Clients

LONG = os.environ.get("RECORDER_LONG_RACES") == "1"


async def explored(
    clients: Clients,
    client: Client,
    *,
    disturb: Collection[Disturbance] = frozenset(),
    schedules: int = 200,
    seed: int = 0,
    delay: float = DELAY,
    tell: Callable[[Trial, str | None, Order], object] = lambda *_: None,
) -> Result:
    """Look for an order that a client does not bear; `tell` is called after each run."""
    recording = load_recording(client.cassette)
    explorer = Explorer(
        recording, dialect_of(recording.header), schedules=schedules, seed=seed, disturb=frozenset(disturb), delay=delay
    )
    while (trial := explorer.next()) is not None:
        error, order = await played(clients, client, recording, trial.schedule)
        tell(trial, error, order)
        explorer.ran(passed=error is None, says=error or "", order=order)
    return explorer.result


async def played(
    clients: Clients, client: Client, recording: Recording, schedule: Schedule
) -> tuple[str | None, Order]:
    """Let a client work in one order; the text of its error, None if all went well."""
    async with StandIn(recording, clock="virtual", schedule=schedule) as standin:
        error = await clients.run(client, standin.url)
        order = standin.order
    return error or next(iter(standin.misses), None), order
