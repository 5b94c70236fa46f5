"""What a client did in an earlier run, before the next item left."""

from __future__ import annotations

from recorder.replay.engine.orders.expected import Expected


def test_a_request_is_awaited_until_it_came() -> None:
    expected = Expected(["request 1", "ack 1", "request 2", "request 3", "event 1.1", "ack 2"])
    assert expected.is_request
    expected.came()
    assert (expected.is_request, expected.item) == (False, "ack 1")

    expected.left(1)
    expected.came()
    assert (expected.is_request, expected.item) == (True, "event 1.1")

    expected.came()
    assert not expected.is_request


def test_nothing_is_awaited_after_the_end_or_astray() -> None:
    expected = Expected(["request 1", "ack 1"])
    expected.left(1)
    assert (expected.is_request, expected.item) == (False, "")

    expected.left(0)
    expected.forget()
    assert (expected.is_request, expected.item) == (False, "")
    assert not Expected().is_request
