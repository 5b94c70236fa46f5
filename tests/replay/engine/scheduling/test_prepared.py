"""Steps and texts are made once, and the same for everybody but for what a client has minted."""

from __future__ import annotations

import json

import pytest

from recorder.dialect.definition import load
from recorder.links.rewriting import Links, Origin, server_at
from recorder.model import Event
from recorder.replay.engine.rewriting.rewriter import Rewriter
from recorder.replay.engine.scheduling.prepared import PreparedTriples
from recorder.replay.engine.timeline import steps
from recorder.requests.bindings import Bindings
from recorder.requests.request import MintedId, RecordedRequest, SessionIds
from tests.wire import Wire, chained, done

GWS = load()
HERE, THERE = Origin("localhost:1"), Origin("localhost:2")
MINTED = (MintedId(0, "reference", "r1", "r1", None),)
ENTRY = RecordedRequest(0, 1, "s1", "GetChainedRecord", b"", (), SessionIds(()), MINTED)


def recorded() -> PreparedTriples:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    return PreparedTriples(wire.recording().triples, GWS, Links(()))


def pushed(prepared: PreparedTriples) -> Event:
    """The first event of its triple."""
    return next(step.event for step in prepared.part(ENTRY, HERE).steps if step.event)


def for_client(reference: str) -> Rewriter:
    return Rewriter(GWS, Bindings(), minted=MINTED, fresh=[reference])


def test_the_steps_of_a_triple_are_the_same_each_time() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    triples = wire.recording().triples
    prepared = PreparedTriples(triples, GWS, Links(()))

    assert prepared.part(ENTRY, HERE).steps == steps(triples[0])
    assert prepared.part(ENTRY, HERE) is prepared.part(ENTRY, HERE)


def test_each_client_gets_its_own_values_in_the_same_event() -> None:
    prepared = recorded()
    event = pushed(prepared)

    told = [json.loads(for_client(name).encoded(prepared.text(event), event.data)) for name in ("a", "b", "a")]

    assert [message["data"]["referenceId"] for message in told] == ["a", "b", "a"]
    assert {message["channel"] for message in told} == {event.channel}


def test_triples_are_forgotten_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.replay.engine.scheduling.prepared._REMEMBERED", 0)
    prepared = recorded()

    assert prepared.part(ENTRY, HERE) == prepared.part(ENTRY, HERE)
    assert prepared.part(ENTRY, HERE) is prepared.part(ENTRY, HERE)
    assert len(prepared._prepared) == 1


def test_a_triple_without_links_is_prepared_once_for_all_origins() -> None:
    prepared = recorded()

    assert prepared.part(ENTRY, HERE) is prepared.part(ENTRY, THERE)


def test_a_client_that_names_the_recorded_host_decides_the_links_of_no_other() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(chained(7, "r1")), {}, headers=(("Location", "http://gws.example/x"),))
    known = server_at("gws.example")
    assert known is not None
    prepared = PreparedTriples(wire.recording().triples, GWS, Links([known]))

    same = prepared.part(ENTRY, Origin("gws.example")).response
    other = prepared.part(ENTRY, HERE).response

    assert [dict(one.headers)["Location"] for one in (same, other)] == ["http://gws.example/x", "http://localhost:1/x"]


def test_a_triple_with_links_is_prepared_for_each_origin() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1", uri="http://gws.example/x"))
    known = server_at("gws.example")
    assert known is not None
    prepared = PreparedTriples(wire.recording().triples, GWS, Links([known]))

    texts = [
        json.dumps([step.event.data for step in prepared.part(ENTRY, to).steps if step.event]) for to in (HERE, THERE)
    ]

    assert ["http://localhost:1/x" in texts[0], "http://localhost:2/x" in texts[1]] == [True, True]
    assert prepared.part(ENTRY, HERE) is prepared.part(ENTRY, HERE)
