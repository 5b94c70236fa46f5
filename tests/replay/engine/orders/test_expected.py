"""What a client did in an earlier run, before the next item left."""

from __future__ import annotations

from recorder.replay.engine.orders.expected import Expected


def test_a_request_is_awaited_until_it_came() -> None:
    expected = Expected(["request 1", "ack 1", "request 2", "request 3", "event 1.1", "ack 2"])
    assert expected.is_request
    expected.came("request 1")
    assert (expected.is_request, expected.item) == (False, "ack 1")

    expected.left(1)
    expected.came("request 2")
    assert (expected.is_request, expected.item) == (True, "event 1.1")

    expected.came("request 3")
    assert not expected.is_request


def test_nothing_is_awaited_after_the_end_or_astray() -> None:
    expected = Expected(["request 1", "ack 1"])
    expected.left(1)
    assert (expected.is_request, expected.item) == (False, "")

    expected.left(0)
    expected.forget()
    assert (expected.is_request, expected.item) == (False, "")
    assert not Expected().is_request


def test_runs_of_earlier_versions_name_nothing_plain_and_nothing_plain_is_counted() -> None:
    expected = Expected(["request 1", "ack 1", "request 2", "ack 2"])
    expected.came("request p1")
    expected.left(0, 1)
    assert (expected.is_request, expected.item) == (True, "ack 1")

    expected.came("request 1")
    assert not expected.is_request
    expected.left(1, 3)
    assert (expected.is_request, expected.item) == (True, "ack 2")


def test_runs_that_name_what_is_plain_count_it() -> None:
    expected = Expected(["request p1", "request 1", "ack 1", "answer p1", "request p2", "answer p2"])
    expected.came("request 1")
    assert expected.is_request  # the other one, too
    expected.came("request p1")
    assert (expected.is_request, expected.item) == (False, "ack 1")

    expected.left(1, 0)
    assert (expected.is_request, expected.item) == (False, "answer p1")
    expected.left(1, 1)
    assert (expected.is_request, expected.item) == (True, "answer p2")
    expected.came("request p2")
    expected.left(1, 2)
    assert (expected.is_request, expected.item) == (False, "")


def test_an_answer_that_did_not_leave_is_expected_again() -> None:
    expected = Expected(["request p1", "answer p1", "answer p2"])
    expected.left(0, 1)
    expected.left(0, 0)

    assert expected.item == "answer p1"
