"""Runs are played to clients: events to their queues, acks as answers, each once."""

from __future__ import annotations

import json
from itertools import count

from recorder.bayeux.server import BayeuxServer
from recorder.dialect.definition import load
from recorder.links.rewriting import NOWHERE, Links
from recorder.replay.engine.http import Responses
from recorder.replay.engine.matching.matcher import Matcher
from recorder.replay.engine.rewriting.dates import Dates
from recorder.replay.engine.rewriting.rewriter import Rewriter
from recorder.replay.engine.scheduling.player import Player
from recorder.replay.engine.sessions.playhead import Playhead
from recorder.replay.engine.timeline import Run
from recorder.requests.bindings import Bindings
from recorder.requests.index.making import index_of
from tests.wire import Wire, chained, done

GWS = load()


class Playing:
    """A player, and one client that has shaken hands; time stands at 0."""

    def __init__(self) -> None:
        wire = Wire()
        wire.desk().asks(chained(7, "r1"), done(7, "r1"))
        recording = wire.recording()
        ids = count(1)
        self.bayeux, self.replies = BayeuxServer(lambda: f"client{next(ids)}", 30.0), Responses()
        index = index_of(recording, GWS)
        matcher = Matcher(recording, GWS, index=index)
        asked = recording.triples[0].request
        self.entry, (_, self.fresh) = matcher.entries[0], matcher.read(asked.method, asked.target, asked.body)
        parts, dates = (recording, matcher, GWS, self.bayeux, self.replies), Dates(recording, GWS)
        self.player = Player(*parts, index=index, links=Links(()), dates=dates, followers=lambda _: ())
        self.playhead = Playhead("p1", "cookie")

    def shakes_hands(self) -> None:
        (answer,) = self.bayeux.receive(1, [{"channel": "/meta/handshake"}], 0.0)
        self.playhead.client_id = answer.handshaken

    def begins(self, request: int = 7) -> Run:
        part = self.player.prepared.part(self.entry, NOWHERE)
        rewriter = Rewriter(GWS, Bindings(), minted=self.entry.minted, fresh=self.fresh)
        run = Run(part.steps, 0.0, 1.0, rewriter, request, 0, part.response)
        self.player.begin(self.playhead, run)
        return run

    def plays(self, now: float) -> list[tuple[int, int]]:
        """Number and status of each answer that leaves."""
        while self.player.play(now) or self.player.flush(now):
            pass
        return [(reply.number, reply.status) for reply in self.replies.take()]


def test_an_ack_answers_its_request_and_a_run_that_is_through_is_gone() -> None:
    playing = Playing()
    playing.shakes_hands()
    playing.begins()

    assert playing.plays(100.0) == [(7, 200)]
    assert not playing.playhead.runs
    assert playing.player.due is None


def test_events_wait_for_a_client_that_did_not_shake_hands_yet() -> None:
    playing = Playing()
    playing.begins()
    playing.plays(100.0)

    (held,) = playing.playhead.held
    assert json.loads(held.queued.text)["data"]["notificationType"] == "ChainedRecordsDataEnd"


def test_who_gives_a_request_up_gets_its_events_all_the_same() -> None:
    playing = Playing()
    playing.begins()
    playing.player.abort(7)

    assert playing.plays(100.0) == []
    assert len(playing.playhead.held) == 1


def test_after_a_pause_everything_leaves_later() -> None:
    playing = Playing()
    playing.begins()
    before = playing.player.due
    playing.player.shift([playing.playhead], 0.0, 5.0)

    assert before is not None
    assert playing.player.due == before + 5.0


def test_a_client_that_is_forgotten_is_told_so_in_its_poll() -> None:
    playing = Playing()
    playing.shakes_hands()
    client = {"clientId": playing.playhead.client_id, "connectionType": "long-polling"}
    for number in (2, 3):
        playing.bayeux.receive(number, [{"channel": "/meta/connect"} | client], 0.0)
    playing.player.forget(str(playing.playhead.client_id))

    (reply,) = playing.replies.take()
    assert reply.number == 3
    assert b"402::" in reply.body
