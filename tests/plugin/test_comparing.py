"""The page of a failed test: with a schedule it also draws the order that was played."""

from __future__ import annotations

from pathlib import Path

from recorder.dialect.definition import load
from recorder.library.recording import load_recording
from recorder.plugin.comparing import Live, Rules, page_of
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Kept, Schedule
from tests.views.pages.opened import text_of

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"


def test_the_page_of_a_test_in_another_order_draws_that_order() -> None:
    recording = load_recording(PREVIEW)
    played = (("request 2", 0.0), ("event 2.1", 0.01), ("ack 2", 0.02))
    kept = Kept(Schedule.of([Deviation.parse("event 2.1 before ack 2")]), (PREVIEW.name,), "a test", "fails if", played)
    live = Live("live", "http://127.0.0.1:1", (), 0, {})

    plain, ordered = (
        text_of(page_of([PREVIEW], PREVIEW.name, recording, live, Rules(load(), None, None), kept=one))
        for one in (None, kept)
    )

    assert '"orders":{' not in plain
    assert f'"orders":{{"id":"{kept.schedule.id}","says":"fails if","test":"a test","isPlayed":true,' in ordered
    assert '"deviates"' in ordered
