"""What is known of a recorded request: whose it is, and what tells it from others that are nearly the same."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.dialect.definition import load
from recorder.replay.engine.matching.matcher import Matcher
from recorder.requests.request import RecordedRequest, SessionIds
from tests.wire import Ask, Wire, chained, get_me

GWS = load()


def entries(*asks: Ask) -> Sequence[RecordedRequest]:
    wire = Wire()
    desk = wire.desk()
    for ask in asks:
        wire.ack(desk.post(ask))
    return Matcher(wire.recording(), GWS).entries


def test_a_request_is_of_the_session_that_asked() -> None:
    operation, plain = entries(chained(7), get_me())

    assert (operation.place, operation.n, operation.session, operation.operation) == (0, 1, "s1", "GetChainedRecord")
    assert (plain.place, plain.n, plain.session, plain.operation) == (1, 0, "s1", None)


def test_the_ids_of_an_operation_do_not_tell_it_from_others_but_what_lasts_does() -> None:
    first, same, other = entries(chained(7, "r1"), chained(7, "r2"), chained(7, "r1", devicePath="/devices/d2"))

    assert first.id == same.id != other.id
    assert first.lasting is same.lasting is not other.lasting


def test_what_is_shared_is_known_by_what_it_is_and_not_by_what_it_says() -> None:
    assert SessionIds((("d1", "d1"),)) != SessionIds(
        (("d1", "d1"),)
    )  # comparing the values of each request took longer
