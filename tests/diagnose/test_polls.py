"""The polls of a capture: when each was opened, how long it was held, how it ended."""

from __future__ import annotations

import pytest

from recorder.diagnose.polls import Poll, with_polls
from recorder.dialect.definition import load
from recorder.model import CUT, Note
from recorder.views.counts.stats import Stats
from tests.wire import HEADER, URL, Wire, body, chained, done, state_event

SECOND = 1_000_000_000


def polls(wire: Wire) -> list[Poll]:
    return list(with_polls(wire.records, load(), HEADER)[1])


def ends(wire: Wire) -> list[tuple[str | None, int, int | None, str | None]]:
    return [(poll.session, poll.opened, poll.closed, poll.failure) for poll in polls(wire)]


def test_a_poll_is_held_until_its_answer() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.wait(1)
    desk.polls()
    wire.wait(2)
    desk.hears(done())

    found = ends(wire)

    assert found == [("s1", 0, 0, None), ("s1", SECOND, 3 * SECOND, None)]


def test_a_poll_that_was_given_up_says_why() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    wire.wait(1)
    desk.loses_poll()

    assert ends(wire)[-1] == ("s1", 0, SECOND, "Client disconnected.")


def test_a_poll_that_was_held_when_the_capture_ended_has_no_end() -> None:
    wire = Wire()
    wire.desk().polls()

    assert ends(wire)[-1] == ("s1", 0, None, None)


def test_each_session_has_its_own() -> None:
    wire = Wire()
    for cookie in ("JSESSIONID=a", "JSESSIONID=b"):
        wire.desk(cookies=(("Set-Cookie", cookie),), client_id=cookie)

    assert [poll.session for poll in polls(wire)] == ["s1", "s2"]


def test_on_a_websocket_the_connect_messages_are_the_polls() -> None:
    wire = Wire()
    socket = wire.request("GET", URL, b"")
    wire.respond(socket, b"", 101)
    wire.frame(socket, {"channel": "/meta/handshake", "version": "1.0"}, from_client=True)
    wire.frame(socket, {"channel": "/meta/handshake", "successful": True, "clientId": "c"}, from_client=False)
    wire.frame(socket, {"channel": "/meta/connect", "clientId": "c"}, from_client=True)
    wire.wait(2)
    wire.frame(socket, done(), from_client=False)
    wire.wait(1)
    wire.frame(socket, {"channel": "/meta/connect", "successful": True}, from_client=False)

    assert ends(wire) == [("s1", 0, 3 * SECOND, None)]


def test_polls_that_overlap_on_one_websocket_end_in_their_order() -> None:
    wire = Wire()
    socket = wire.request("GET", URL, b"")
    wire.respond(socket, b"", 101)
    for second in range(2):
        wire.frame(socket, {"channel": "/meta/connect", "clientId": "c", "id": f"{second}"}, from_client=True)
        wire.wait(1)
    wire.frame(socket, {"channel": "/meta/connect", "successful": True, "id": "0"}, from_client=False)

    assert [(poll.opened, poll.closed) for poll in polls(wire)] == [(0, 2 * SECOND), (SECOND, None)]


def test_a_poll_of_an_unknown_client_belongs_to_no_session() -> None:
    wire = Wire()
    wire.request("POST", URL, b'[{"channel":"/meta/connect","clientId":"never seen"}]')

    assert ends(wire) == [(None, 0, None, None)]


def test_rest_requests_and_other_bayeux_messages_are_no_polls() -> None:
    wire = Wire()
    desk = wire.desk()
    before = len(polls(wire))
    wire.ack(desk.post(chained(7, "r1")))
    wire.respond(desk.bayeux({"channel": "/v2/me", "clientId": "client1"}), [{"channel": "/v2/me", "successful": True}])

    assert len(polls(wire)) == before


def test_the_recording_is_what_the_correlator_makes_of_it() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))

    recording, _ = with_polls(wire.records, load(), HEADER)

    assert recording == wire.recording()


def test_a_poll_with_events_an_empty_one_and_one_that_failed() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    handshakes = len(polls(wire))
    desk.hears(state_event(), state_event())
    desk.hears()
    wire.wait(1)
    wire.fail(desk.polls())

    brought, empty, failed = polls(wire)[handshakes:]

    assert (brought.failure, brought.events, brought.client_id) == (None, 2, "c1")
    assert (empty.failure, empty.closed, empty.events) == (None, 0, 0)
    assert failed.failure is not None
    assert (failed.opened, failed.closed) == (1_000_000_000, 1_000_000_000)


def test_a_poll_that_is_open_at_the_end() -> None:
    wire = Wire()
    exchange = wire.request("POST", URL, body([{"channel": "/meta/connect", "clientId": "c"}]))

    assert polls(wire) == [Poll(exchange, "c", 0)]


def test_what_is_no_poll() -> None:
    wire = Wire()
    wire.ack(wire.request("POST", "/x", chained(7).body))
    wire.ack(wire.request("POST", URL, body([{"channel": "/meta/subscribe", "clientId": "c"}])))

    assert polls(wire) == []


@pytest.mark.parametrize(
    ("status", "content", "text"),
    [(503, b"<html/>", "HTTP 503"), (200, b"", "an empty body"), (200, b"<html><form>", None), (204, b"", None)],
)
def test_a_poll_that_got_no_bayeux_messages_failed(status: int, content: bytes, text: str | None) -> None:
    wire = Wire()
    desk = wire.desk()
    wire.wait(1)
    wire.respond(desk.polls(), content, status)

    found = polls(wire)[-1]

    assert found.closed == SECOND
    assert found.failure == text if text else found.failure
    stats = Stats()
    stats.add_polls([found])
    assert (stats.polls["failed"], stats.polls["empty"]) == (1, 0)


def test_a_poll_whose_answer_was_not_kept_is_not_known_to_have_failed() -> None:
    wire = Wire()
    wire.respond(wire.desk().polls(), b"")
    seq = len(wire.records) - 1
    wire.records.append(Note(seq + 1, 0, CUT, f"record {seq} is kept without its body: not valid 'br'"))

    assert polls(wire)[-1].failure is None
