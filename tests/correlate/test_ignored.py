"""Heartbeats and the like: events that a dialect says no request causes."""

from __future__ import annotations

import pytest

from recorder.correlate.anchors import anchors
from recorder.diagnose.explain import judged
from tests.correlate.shop import Shop, pushed


@pytest.mark.parametrize(
    ("message", "is_ignored"),
    [
        (pushed("Ping"), True),
        (pushed("Changed", "/beat", item="i1"), True),
        (pushed("Ping", ticket="t1"), True),
        (pushed("Pong"), False),
    ],
)
def test_an_ignored_event_is_kept_without_a_cause(message: dict[str, object], is_ignored: bool) -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", ticket="t1")
    session.desk.hears(message)

    (kept,) = session.unsolicited()
    assert kept.is_ignored is is_ignored
    assert session.told() == [("Change", "acked", [])]
    assert len(anchors(session.recording())) == 1


def test_an_ack_gives_an_ignored_event_no_cause() -> None:
    session = Shop()
    make = session.asks("POST", "/items")
    session.hears("Ping", ticket="t1", item="i1")
    session.wire.respond(make, {"ticket": "t1"})

    assert session.told() == [("Make", "acked", [])]


def test_an_ignored_event_is_no_sibling() -> None:
    session = Shop()
    session.hears("Ping", change="c1")
    session.acked("PATCH", "/items/i1")
    session.hears("Changed", item="i1", change="c1")
    session.hears("Ping", change="c1")

    assert session.told() == [("Change", "complete", ["Changed tuple 0.9"])]


def test_an_ignored_event_is_explained() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1")
    session.hears("Ping")
    place = session.unsolicited()[0].event.seq, 0

    told = judged(session.wire.records, session.dialect, [place])[place]

    assert told.is_ignored
    assert told.others == ()
