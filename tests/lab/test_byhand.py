"""The lab when it does nothing by itself, and the desktop by hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from http.client import HTTPException

import pytest

from tests.lab.byhand import BAYEUX, Desk
from tests.lab.desktop import RECORDS, chained, last, name
from tests.lab.lab import Lab, LabError
from tests.lab.processes import until
from tests.lab.relay import Relay

pytestmark = pytest.mark.node
SEVEN = f"{RECORDS}/7"


@pytest.fixture
def desk(lab: Lab) -> Iterator[Desk]:
    desk = Desk(lab.url).connected()
    yield desk
    desk.leaves()


def test_a_stepwise_operation_waits_for_each_step(lab: Lab, desk: Desk) -> None:
    lab.options(stepwise=True)
    before = len(lab.truth())

    post = desk.posts(SEVEN, chained()["body"])
    until(lambda: len(lab.truth()) > before, "the operation arrives")
    n = last(lab).n
    assert lab.waiting() == [SEVEN]
    lab.emit(n, 1)
    assert len(desk.hears(1)) == 1
    lab.ack(n)
    assert post.answer().status == 200
    lab.emit(n)
    assert len(desk.hears(1)) == 1

    assert (last(lab).early, len(last(lab).events)) == (1, 2)
    with pytest.raises(LabError, match="has 0 events left"):
        lab.emit(n, 1)


def test_only_stepwise_operations_can_be_stepped(lab: Lab, desk: Desk) -> None:
    desk.asks(SEVEN, chained()["body"])

    with pytest.raises(LabError, match="does not wait for steps"):
        lab.ack(last(lab).n)


def test_a_session_that_is_forgotten_is_unknown(lab: Lab) -> None:
    desk = Desk(lab.url).connected()
    poll = desk.polls()
    until(lambda: lab.waiting() == [BAYEUX], "the poll is held")

    lab.forget()
    held = poll.answer()
    (refusal,) = desk.fetches().messages

    assert held.status == (500 if lab.bayeux == "cometd" else 200)
    assert (refusal["successful"], refusal["advice"]["reconnect"]) == (False, "handshake")
    replies = desk.connected().fetches().messages  # faye puts events behind its reply
    assert [reply["successful"] for reply in replies if reply["channel"] == "/meta/connect"] == [True]
    desk.leaves()


def test_late_events_leave_before_the_lab_is_reset(lab: Lab, desk: Desk) -> None:
    lab.options(delayMs=200, twins=False)

    desk.asks(SEVEN, chained()["body"])
    lab.reset()

    assert len(last(lab).events) == 1


def test_the_end_can_come_before_the_last_record(lab: Lab, desk: Desk) -> None:
    lab.options(chain=2, endFirst=True, early="all")

    desk.asks(SEVEN, chained()["body"])

    told = [name(data) for _, data in last(lab).events[::2]]
    assert told == ["ChainedRecord", "ChainedRecordsDataEnd", "ChainedRecord"]


def test_events_can_come_in_equal_copies(lab: Lab, desk: Desk) -> None:
    lab.options(copies=2, early="all")

    desk.asks(SEVEN, chained()["body"])

    one, two, three, four = last(lab).events
    assert (one, three) == (two, four)


def test_the_ack_can_bring_the_id_of_the_events(lab: Lab, desk: Desk) -> None:
    lab.options(ackReference=True, early="all", twins=False)

    ack = json.loads(desk.asks(SEVEN, chained()["body"]).body)
    assert last(lab).events[0][1]["referenceId"] == ack["referenceId"]
    ack = json.loads(desk.asks(SEVEN, chained(referenceId="mine")["body"]).body)
    assert (last(lab).events[0][1]["referenceId"], ack) == ("mine", {"statusCode": 0})


@pytest.mark.parametrize(("kind", "pushed"), [("string", "7"), ("number", 7), (None, 7)])
def test_events_can_carry_the_id_in_another_type(lab: Lab, desk: Desk, kind: str | None, pushed: object) -> None:
    lab.options(referenceType=kind, early="all", twins=False)

    desk.asks(SEVEN, chained(referenceId=7)["body"])

    assert last(lab).events[0][1]["referenceId"] == pushed


def test_answers_can_be_compressed_and_requests_may_be(lab: Lab, desk: Desk) -> None:
    lab.options(gzip=True, early="all")
    body = chained()["body"]

    ack = desk.posts(SEVEN, gzip.compress(json.dumps(body).encode()), Content_Encoding="gzip").answer()

    assert json.loads(ack.body) == {"statusCode": 0}
    assert last(lab).body == body
    assert desk.hears(2) == list(last(lab).events)


def test_unacknowledged_events_come_again_with_cometd(lab: Lab) -> None:
    if lab.bayeux == "faye":
        pytest.skip("faye has no extension for acknowledged messages")
    desk = Desk(lab.url).connected(ack=True)
    lab.options(early="all")

    desk.asks(SEVEN, chained()["body"])
    first = desk.fetches({"ack": 1})
    again = desk.fetches({"ack": 1})
    batch = again.messages[-1]["ext"]["ack"]

    assert first.events == again.events == list(last(lab).events)
    assert desk.fetches({"ack": batch}).events == []


def test_a_socket_carries_bayeux(lab: Lab) -> None:
    if lab.bayeux == "cometd":
        pytest.skip("cometd-nodejs-server has no WebSocket")
    desk = Desk(lab.url)
    socket = desk.opens_socket()

    socket.tells(desk.handshake())

    assert socket.hears("/meta/handshake")["successful"]
    desk.leaves()


def test_a_relay_loses_one_answer_and_no_more(lab: Lab) -> None:
    with Relay(lab.url, loses=b'"user"') as line:
        desk = Desk(line.url)
        with pytest.raises((OSError, HTTPException)):
            desk.sends("GET", "/api/v2/me").answer()

        assert line.lost.is_set()
        assert desk.sends("GET", "/api/v2/me").answer().status == 200
