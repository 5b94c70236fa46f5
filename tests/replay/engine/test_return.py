"""A client that shakes hands again goes on where it was: after its session was lost, or when it shows our cookie."""

from __future__ import annotations

import json

from recorder.model import Recording
from tests.replay.stage import Desk, Stage
from tests.wire import Wire, chained, complete, done, record_event

END = "ChainedRecordsDataEnd"


def session() -> Recording:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), record_event("ChainedRecord", 7, "r1"), done(7, "r1"))
    desk.asks(complete(7, "r2"), record_event("RecordProcessedAcknowledge", 7, "r2"))
    return wire.recording()


def lose(stage: Stage, desk: Desk) -> None:
    """The server forgets a client's session, and the client stops to poll in it."""
    desk._listening = False
    stage.standin.forget(desk.client_id)
    stage.driver()


def test_events_go_on_in_the_next_session_of_a_client_whose_session_was_lost() -> None:
    for cookies in (True, False):
        stage = Stage(session(), rate=1)
        desk = stage.desk(cookies=cookies)
        desk.listens()
        desk.posts(chained(7, "live"))
        stage.wait(0.2)
        assert desk.said == ["ack 200", "ChainedRecord"]
        lose(stage, desk)
        assert "idle" in desk.said  # its poll was answered
        stage.wait(1.0)
        desk.handshakes()
        desk.listens()
        desk.posts(complete(7, "more"))
        stage.wait(1.0)

        names = [event["data"]["notificationType"] for event in desk.events]
        assert names == ["ChainedRecord", END, "RecordProcessedAcknowledge"]
        assert desk.references == ["live", "live", "more"]
        assert stage.misses == []


def test_a_poll_of_a_lost_session_is_told_to_shake_hands() -> None:
    stage = Stage(session())
    desk = stage.desk()
    lose(stage, desk)
    number = desk.polls()

    assert b'"error":"402::session_unknown"' in desk.replies[number].body
    assert b'"reconnect":"handshake"' in desk.replies[number].body


def test_a_client_that_comes_back_with_our_cookie_goes_on() -> None:
    stage = Stage(session(), rate=1)
    desk = stage.desk()
    desk.posts(chained(7, "live"))
    desk.handshakes()  # it lost its line, and we do not know
    desk.listens()
    stage.wait(1.0)

    assert desk.said == ["ack 200", "ChainedRecord", END]


def test_another_window_of_a_browser_is_a_client_of_its_own() -> None:
    stage = Stage(session())
    desk = stage.desk()
    desk.listens()
    other = stage.stranger()
    other.jar = dict(desk.jar)
    other.handshakes()
    other.listens()
    other.posts(chained(7, "other"))
    other.polls()
    desk.posts(chained(7, "mine"))

    assert (other.references, desk.references) == (["other", "other"], ["mine", "mine"])


def test_events_in_an_answer_that_did_not_arrive_go_on_in_the_next_session() -> None:
    stage = Stage(session(), rate=1)
    desk = stage.desk()
    desk.listens()
    stage.standin.sent = lambda number: None  # type: ignore[method-assign]  # the front does not know yet
    desk.posts(chained(7, "live"))
    stage.wait(0.25)
    poll = next(number for number, reply in desk.replies.items() if b"ChainedRecord" in reply.body)
    lose(stage, desk)
    desk.events.clear()
    desk.handshakes()
    stage.standin.abort(poll)
    desk.listens()
    stage.wait(1.0)

    assert [event["data"]["notificationType"] for event in desk.events] == ["ChainedRecord", END]


def test_a_window_that_has_just_shaken_hands_is_not_taken_for_one_that_is_gone() -> None:
    stage = Stage(session())
    desk = stage.stranger()
    number = desk.bayeux({"channel": "/meta/handshake", "supportedConnectionTypes": ["long-polling"]})
    desk.client_id = json.loads(desk.replies[number].body)[0]["clientId"]
    other = stage.stranger()
    other.jar = dict(desk.jar)

    other.handshakes()
    poll = desk.polls()

    assert json.loads(desk.replies[poll].body)[0]["successful"]
