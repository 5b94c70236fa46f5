"""Publishes that a dialect calls operations get their replies, their events and their sessions."""

from __future__ import annotations

from recorder.correlate.engine import KEEP, Correlator
from recorder.model import State
from tests.answers import DIALECT, DOUBLE, publish, result, yes
from tests.wire import HEADER, URL, Wire


def test_equal_message_ids_are_told_apart_by_their_order() -> None:
    wire = Wire()
    desk = wire.desk()
    one, two = publish(desk, "r1", id="7"), publish(desk, "r2", id="7")
    wire.respond(desk.bayeux(one, two), [yes(one), yes(two) | {"successful": False, "error": "no"}])

    triples = wire.recording(DIALECT).triples

    assert [(t.keys["reference"], t.state, t.ack and t.ack.status) for t in triples] == [
        ("r1", State.ACKED, 200),
        ("r2", State.FAILED, 400),
    ]


def test_a_publish_whose_request_failed_and_that_came_again_is_one_operation() -> None:
    wire = Wire()
    desk = wire.desk()
    sent = publish(desk, "r1")
    wire.fail(desk.bayeux(sent))
    wire.respond(desk.bayeux(sent), [yes(sent)])
    desk.hears(result("r1"))

    (triple,) = wire.recording(DIALECT).triples

    assert (triple.state, triple.failure, len(triple.events)) == (State.COMPLETE, None, 1)


def test_a_publish_whose_socket_ended_has_failed() -> None:
    wire = Wire()
    upgrade = wire.request("GET", URL, b"")
    wire.respond(upgrade, b"", status=101)
    hello = {"channel": "/meta/handshake", "successful": True, "clientId": "c1"}
    wire.frame(upgrade, {"channel": "/meta/handshake"}, from_client=True)
    wire.frame(upgrade, hello, from_client=False)
    wire.frame(upgrade, {"channel": DOUBLE, "clientId": "c1", "data": {"requestId": "r1"}}, from_client=True)
    wire.fail(upgrade, "gone")

    (triple,) = wire.recording(DIALECT).triples

    assert (triple.state, triple.failure and triple.failure.reason, triple.session) == (State.ABORTED, "gone", "s1")


def test_a_publish_belongs_to_the_session_of_its_client() -> None:
    wire = Wire()
    first, second = wire.desk("c1"), wire.desk("c2")
    for desk in (second, first):
        sent = publish(desk, f"of-{desk.client_id}")
        wire.respond(desk.bayeux(sent), [yes(sent)])

    triples = wire.recording(DIALECT).triples

    assert [(t.keys["reference"], t.session) for t in triples] == [("of-c2", "s2"), ("of-c1", "s1")]


def test_a_publish_is_named_by_its_data_or_its_channel() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.bayeux({**publish(desk, "r1"), "data": {"do": "Divide"}}, publish(desk, "r2"), {"channel": "/service/void"})

    names = [triple.operation for triple in wire.recording(DIALECT).triples]

    assert names == ["Divide", DOUBLE, "/service/void"]


def test_meta_messages_are_no_publishes() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.bayeux({"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/service/double"})

    assert wire.recording(DIALECT).triples == ()


def test_a_long_capture_forgets_publishes_without_a_reply() -> None:
    wire = Wire()
    desk = wire.desk()
    for n in range(KEEP + 5):
        desk.bayeux(publish(desk, f"r{n}"))
    correlator = Correlator(DIALECT)

    for record in wire.records:
        correlator.feed(record)

    assert len(list(correlator.triples())) == 5
    assert len(correlator.finish(HEADER).triples) == KEEP
