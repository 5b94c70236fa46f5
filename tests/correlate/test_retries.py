"""A request that got no answer and was sent again is one operation."""

from __future__ import annotations

import pytest

from recorder.correlate.operations import Operation
from recorder.correlate.retries import Retries
from tests.correlate.causes.test_rules import GWS, asked
from tests.wire import chained


def again(first: Operation, second: Operation) -> bool:
    retries = Retries(GWS)
    retries.sent(first)
    retries.failed(first)
    retries.sent(second)
    return first.again is second.request


def test_the_same_bytes_sent_again_after_a_failure_are_a_second_attempt() -> None:
    assert again(asked(chained(7, "r1"), seq=1), asked(chained(7, "r1"), seq=2, at=59.0))


@pytest.mark.parametrize(
    "second",
    [asked(chained(7, "r2"), seq=2), asked(chained(7, "r1"), seq=2, at=61.0),
     asked(chained(7, "r1"), seq=2, tokens=frozenset({"JSESSIONID=b"}))],
)  # fmt: skip
def test_another_body_another_agent_or_another_time_is_another_operation(second: Operation) -> None:
    assert not again(asked(chained(7, "r1"), seq=1), second)


def test_a_third_attempt_follows_the_second() -> None:
    retries, ops = Retries(GWS), [asked(chained(7, "r1"), seq=seq) for seq in (1, 2, 3)]
    for op in ops:
        retries.sent(op)
        retries.failed(op)

    assert [op.again and op.again.seq for op in ops] == [2, 3, None]


def test_a_client_that_tries_for_ever_is_remembered_by_its_last_attempt_alone() -> None:
    retries, ops = Retries(GWS), [asked(chained(7, "r1"), seq=seq) for seq in (1, 2, 3)]
    for op in ops:
        retries.sent(op)
        retries.failed(op)

    assert [op.before for op in ops] == [None, None, ops[1]]


def test_what_is_forgotten_was_not_sent_before() -> None:
    retries, first, second = Retries(GWS), asked(chained(7, "r1"), seq=1), asked(chained(7, "r1"), seq=2)
    retries.failed(first)
    retries.forget(first)
    retries.sent(second)

    assert first.again is None
