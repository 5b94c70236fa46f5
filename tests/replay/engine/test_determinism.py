"""The same requests give the same bytes, however often they are run: on a clock that is moved, from one seed."""

from __future__ import annotations

import asyncio
import hashlib
import random
from itertools import count

import pytest

from recorder.dialect.definition import load
from recorder.library.recording import load_recording
from recorder.model import Recording
from recorder.replay.engine.faults import Faults, parse
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.app import seeded_ids
from tests.replay.stage import START, Desk, Stage
from tests.wire import Wire, chained, complete, preview, record_event, twin

pytestmark = pytest.mark.once

RUNS = 1_000
CLIENTS = 4
FAULTS = ("duplicate event ChainedRecord 50%", "delay ack CompleteRecord 200ms", "drop event PreviewRecord 30%")


def recorded() -> Recording:
    """Two sessions of different handles, with events before and behind the ack, twins, and unsolicited ones."""
    wire = Wire()
    for handle, headers in ((7, (("Cookie", "JSESSIONID=a"),)), (8, (("Cookie", "JSESSIONID=b"),))):
        desk = wire.desk(headers=headers)
        desk.hears(record_event("StatusChanged", None))
        desk.asks(preview(f"p{handle}"), record_event("PreviewRecord", handle, f"p{handle}"), early=1)
        events = [
            record_event("ChainedRecord", handle, f"c{handle}"),
            twin("ChainedRecord", handle),
            record_event("ChainedRecordsDataEnd", handle, f"c{handle}"),
        ]
        desk.asks(chained(handle, f"c{handle}"), *events, early=2)
        desk.asks(complete(handle), record_event("RecordProcessedAcknowledge", handle))
    return wire.recording()


def transcript(recording: Recording, shuffle: int) -> str:
    """A hash of every byte that four clients get; `shuffle` mixes what the scheduler does, and nothing else."""
    order = random.Random(shuffle)
    stage = Stage(recording, rate=1)
    ids = seeded_ids(1)
    faults = Faults([parse(text) for text in FAULTS], recording, seed=3)
    stage.standin = ReplayEngine(recording, load(), new_id=ids, rate=1, faults=faults)
    desks = [stage.desk() for _ in range(CLIENTS)]
    for desk in desks:
        desk.listens()
    numbers = {id(desk): count(1) for desk in desks}
    for step in (preview, chained, complete):
        for desk in order.sample(desks, k=len(desks)):
            handle = 7 + desks.index(desk) % 2
            reference = f"live{desks.index(desk)}-{next(numbers[id(desk)])}"
            desk.posts(step(reference) if step is preview else step(handle, reference))
        stage.wait(order.choice([0.7, 0.7]))  # in one go …
        for pause in order.choice([[0.3], [0.1, 0.2], [0.05] * 6]):  # … or in steps
            stage.wait(pause)
        stage.now = round(stage.now, 6)
    return hashlib.sha256("".join(map(_all, desks)).encode()).hexdigest()


def _all(desk: Desk) -> str:
    replies = [reply for _, reply in sorted(desk.replies.items())]
    return repr([(reply.status, reply.headers, reply.body) for reply in replies]) + repr(desk.heard)


def test_a_thousand_runs_of_four_clients_give_one_transcript() -> None:
    recording = recorded()

    assert len({transcript(recording, run) for run in range(RUNS)}) == 1


def test_it_is_a_transcript_of_something() -> None:
    recording = recorded()
    stage = Stage(recording, rate=1)
    desk = stage.desk()
    desk.listens()
    desk.posts(preview("x"))
    stage.wait(2)

    assert "PreviewRecord" in desk.said
    assert stage.now > START


def test_over_http_too_runs_of_four_clients_give_one_transcript() -> None:
    from benchmarks.determinism import CASSETTE, transcript

    recording = load_recording(CASSETTE)

    assert len({asyncio.run(transcript(recording, CLIENTS)) for _ in range(3)}) == 1


def test_a_port_that_looks_like_a_part_of_a_time_makes_no_difference() -> None:
    from benchmarks.determinism import without_port

    told = '{{"time":1433915532887,"uri":"http://localhost:{}/me"}}'

    assert len({without_port(told.format(port), f"http://localhost:{port}") for port in (32887, 40001)}) == 1


def test_the_pace_changes_nothing_but_the_pace() -> None:
    def said(rate: float) -> list[list[str]]:
        stage = Stage(recorded(), rate=rate)
        desks = [stage.desk() for _ in range(2)]
        for desk in desks:
            desk.listens()
        for step in (preview, chained, complete):
            for place, desk in enumerate(desks):
                desk.posts(step("x") if step is preview else step(7 + place, "x" if step is chained else None))
            stage.wait(3)
        return [desk.said for desk in desks]

    assert said(1) == said(100) == said(INSTANT)
