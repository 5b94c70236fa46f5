"""Steps and texts are made once, and the same for everybody but for what a client has minted."""

from __future__ import annotations

import json

import pytest

from recorder.dialect.definition import load
from recorder.model import Event
from recorder.replay.engine.matching.bindings import Bindings
from recorder.replay.engine.matching.request import MintedId
from recorder.replay.engine.rewriting.rewriter import Rewriter, rewriter_of
from recorder.replay.engine.scheduling.prepared import PreparedTriples
from recorder.replay.engine.timeline import steps
from tests.wire import Wire, chained, done

GWS = load()
MINTED = (MintedId(0, "reference", "r1", "r1", None),)


def recorded() -> PreparedTriples:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    return PreparedTriples(wire.recording().triples, GWS)


def pushed(prepared: PreparedTriples) -> Event:
    """The first event of its triple."""
    return next(step.event for step in prepared.part(0).steps if step.event)


def for_client(reference: str) -> Rewriter:
    return rewriter_of(GWS, Bindings(), {}, MINTED, [reference])


def test_the_steps_of_a_triple_are_the_same_each_time() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    triples = wire.recording().triples
    prepared = PreparedTriples(triples, GWS)

    assert prepared.part(0).steps == steps(triples[0])
    assert prepared.part(0) is prepared.part(0)


def test_each_client_gets_its_own_values_in_the_same_event() -> None:
    prepared = recorded()
    event = pushed(prepared)

    told = [json.loads(prepared.message(event, for_client(name))) for name in ("a", "b", "a")]

    assert [message["data"]["referenceId"] for message in told] == ["a", "b", "a"]
    assert {message["channel"] for message in told} == {event.channel}


def test_texts_are_forgotten_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, event = recorded(), pushed(recorded())
    monkeypatch.setattr("recorder.replay.engine.scheduling.prepared._REMEMBERED", 0)
    prepared = recorded()

    assert prepared.part(0) == prepared.part(0)
    assert [prepared.message(event, for_client("a")) for _ in range(2)] == [kept.message(event, for_client("a"))] * 2
