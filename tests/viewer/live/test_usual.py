"""What is usual for an operation, and from when on one is overdue."""

from __future__ import annotations

import pytest

from recorder.viewer.live.usual import Usual

MS = 1_000


def usual_of(*wholes: int) -> Usual:
    usual = Usual()
    for whole in wholes:
        usual.add("Get", whole // 2, whole)
    return usual


def test_five_others_are_needed() -> None:
    assert usual_of(*[10 * MS] * 4).limit("Get") is None
    assert usual_of(*[10 * MS] * 5).limit("Get") == 1_010 * MS
    assert usual_of().limit("Get") is None


@pytest.mark.parametrize(("whole", "limit"), [(100 * MS, 1_100 * MS), (500 * MS, 1_500 * MS), (2_000 * MS, 6_000 * MS)])
def test_overdue_is_three_times_the_usual_and_a_second_more_at_least(whole: int, limit: int) -> None:
    assert usual_of(*[whole] * 9).limit("Get") == limit


def test_one_slow_one_in_thirty_does_not_change_what_is_usual() -> None:
    assert usual_of(*[10 * MS] * 29, 60_000 * MS).limit("Get") == 1_010 * MS


def test_it_follows_an_operation_that_has_become_slower() -> None:
    assert usual_of(*[10 * MS] * 500, *[1_000 * MS] * 200).limit("Get") == 3_000 * MS


def test_it_is_told_by_halves_and_twentieths() -> None:
    usual = usual_of(*[number * MS for number in range(1, 101)])

    assert usual.of("Get") == {
        "count": 100,
        "ack": [25_000, 47_500],
        "last": [50_000, 95_000],
        "limit": 1_095_000,
    }
    assert usual.of("Put") is None
    assert [*usual.all()] == ["Get"]


def test_an_operation_without_an_ack_has_no_usual_ack() -> None:
    usual = Usual()
    usual.add("Get", None, 5)

    told = usual.of("Get")

    assert told is not None
    assert told["ack"] is None
