"""Steps and texts are made once, and the same for everybody but for what a client has minted."""

from __future__ import annotations

import json

import pytest

from recorder.correlate.dialect import load
from recorder.replay.bindings import Bindings
from recorder.replay.rebind import Rewriter
from recorder.replay.schedule import steps
from recorder.replay.score import Score
from tests.wire import Wire, chained, done

GWS = load()


def recorded() -> Score:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    return Score(wire.recording().triples, GWS)


def for_client(reference: str) -> Rewriter:
    bindings = Bindings()
    bindings.bind("reference", "r1", reference)
    return Rewriter(GWS, bindings)


def test_the_steps_of_a_triple_are_the_same_each_time() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    triples = wire.recording().triples
    score = Score(triples, GWS)

    assert score.steps(0) == steps(triples[0])
    assert score.steps(0) is score.steps(0)


def test_each_client_gets_its_own_values_in_the_same_event() -> None:
    score = recorded()
    event = next(step.event for step in score.steps(0) if step.event)

    told = [json.loads(score.message(event, for_client(name))) for name in ("a", "b", "a")]

    assert [message["data"]["referenceId"] for message in told] == ["a", "b", "a"]
    assert {message["channel"] for message in told} == {event.channel}


def test_texts_are_forgotten_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.replay.score._REMEMBERED", 0)
    score = recorded()
    event = next(step.event for step in score.steps(0) if step.event)

    assert score.message(event, for_client("a")) == score.message(event, for_client("a"))
