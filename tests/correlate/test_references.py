"""An event that repeats an id of a publish was caused by that publish, though no dialect says so."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.correlate.anchors import anchors
from recorder.correlate.references import looks_like_id
from recorder.model import AnchorKind
from tests.wire import Ask, Desk, Wire

ASK = "/service/ask"


def publishes(desk: Desk, **data: Any) -> None:
    sent = {"channel": ASK, "clientId": desk.client_id, "data": data}
    desk.wire.respond(desk.bayeux(sent), [{"channel": ASK, "successful": True}])
    desk.wire.wait(0.1)


def answers(desk: Desk, **data: Any) -> None:
    desk.hears({"channel": "/answer", "data": data})
    desk.wire.wait(0.1)


def gets(desk: Desk, target: str, content: Any = None) -> None:
    desk.wire.respond(desk.post(Ask(target, b"", method="GET")), content or {})
    desk.wire.wait(0.1)


def told(wire: Wire) -> list[tuple[str, int, tuple[str, ...], float]]:
    """The anchors: name, number, repeated ids, confidence."""
    return [(one.name, one.number, one.repeats, one.confidence) for one in anchors(wire.recording())]


def test_answers_out_of_order_hang_on_their_own_publishes() -> None:
    wire = Wire()
    desk = wire.desk()
    publishes(desk, id="question-1")
    publishes(desk, id="question-2")
    answers(desk, of="question-2")
    answers(desk, of="question-1")

    assert told(wire) == [(ASK, 2, ("question-2",), 0.9), (ASK, 1, ("question-1",), 0.9)]


def test_a_plain_exchange_between_does_not_part_an_answer_from_its_publish() -> None:
    wire = Wire()
    desk = wire.desk()
    publishes(desk, id="question-1")
    gets(desk, "/state")
    answers(desk, of="question-1")

    assert told(wire) == [(ASK, 1, ("question-1",), 0.7)]


def test_an_answer_without_an_id_hangs_on_the_latest() -> None:
    wire = Wire()
    desk = wire.desk()
    publishes(desk, id="question-1", text="why")
    gets(desk, "/state")
    answers(desk, text="why")

    assert told(wire) == [("GET /state", 1, (), 1.0)]


def test_a_value_that_was_there_before_is_no_id() -> None:
    wire = Wire()
    desk = wire.desk()
    gets(desk, "/me", {"device": "SIP-100234"})
    publishes(desk, device="SIP-100234")
    gets(desk, "/state")
    answers(desk, device="SIP-100234")

    assert told(wire) == [("GET /state", 1, (), 1.0)]


def test_a_value_beside_the_id_of_a_later_publish_is_of_the_session() -> None:
    wire = Wire()
    desk = wire.desk()
    publishes(desk, device="SIP-100234")
    publishes(desk, id="question-1")
    answers(desk, of="question-1", device="SIP-100234")
    gets(desk, "/state")
    answers(desk, device="SIP-100234")

    assert told(wire) == [(ASK, 2, ("question-1",), 0.7), ("GET /state", 1, (), 1.0)]


def test_a_value_that_comes_again_after_several_things_is_of_the_session() -> None:
    wire = Wire()
    desk = wire.desk()
    publishes(desk, device="SIP-100234")
    gets(desk, "/a")
    answers(desk, device="SIP-100234")
    gets(desk, "/b")
    answers(desk, device="SIP-100234")

    assert told(wire) == [("GET /a", 1, (), 1.0), ("GET /b", 1, (), 1.0)]


def test_progress_after_several_things_belongs_to_its_publish_where_ids_vary() -> None:
    wire = Wire()
    desk = wire.desk()
    publishes(desk, id="question-1")
    publishes(desk, id="question-2")
    gets(desk, "/a")
    answers(desk, of="question-1", part=1)
    gets(desk, "/b")
    answers(desk, of="question-1", part=2)

    assert told(wire) == [(ASK, 1, ("question-1",), 0.9)] * 2


def test_the_publish_of_another_session_is_no_cause() -> None:
    wire = Wire()
    first = wire.desk(headers=(("Authorization", "Basic a"),))
    second = wire.desk(headers=(("Authorization", "Basic b"),))
    publishes(first, id="question-1")
    answers(second, of="question-1")

    (anchor,) = anchors(wire.recording())

    assert (anchor.kind, anchor.repeats) == (AnchorKind.SUBSCRIPTION, ())


def test_a_value_that_two_sessions_publish_is_no_id() -> None:
    wire = Wire()
    for headers in ((("Authorization", "Basic a"),), (("Authorization", "Basic b"),)):
        desk = wire.desk(headers=headers)
        publishes(desk, queue="Q-100234")
        gets(desk, "/state")
        answers(desk, queue="Q-100234")

    assert [one[2] for one in told(wire)][1] == ()


@pytest.mark.parametrize("value", ["question-1", "7e1c-42", 123456, "2026-11-28T12:00:00"])
def test_words_with_digits_look_like_ids(value: str | int) -> None:
    assert looks_like_id(value)


@pytest.mark.parametrize(
    "value", ["", "r-1", "pending", 12345, 1.234567, True, None, "/devices/100234", "a b 1234567", ["question-1"]]
)
def test_other_values_do_not(value: object) -> None:
    assert not looks_like_id(value)
