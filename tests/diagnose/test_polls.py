"""What a capture's polls were."""

from __future__ import annotations

from recorder.diagnose.polls import Poll, polls
from tests.wire import URL, Wire, body, chained, state_event


def test_a_poll_with_events_an_empty_one_and_one_that_failed() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    handshakes = len(list(polls(wire.records)))
    desk.hears(state_event(), state_event())
    desk.hears()
    wire.wait(1)
    wire.fail(desk.polls())

    brought, empty, failed = list(polls(wire.records))[handshakes:]

    assert (brought.answered, brought.events, brought.client_id) == (True, 2, "c1")
    assert (empty.answered, empty.events) == (True, 0)
    assert (failed.answered, failed.opened, failed.closed) == (False, 1_000_000_000, 1_000_000_000)


def test_a_poll_that_is_open_at_the_end() -> None:
    wire = Wire()
    exchange = wire.request("POST", URL, body([{"channel": "/meta/connect", "clientId": "c"}]))

    assert list(polls(wire.records)) == [Poll(exchange, "c", 0)]


def test_what_is_no_poll() -> None:
    wire = Wire()
    wire.ack(wire.request("POST", "/x", chained(7).body))
    wire.ack(wire.request("POST", URL, body([{"channel": "/meta/subscribe", "clientId": "c"}])))

    assert list(polls(wire.records)) == []
