from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from recorder.replay.engine.orders.player import OrderedPlayer
from recorder.replay.server.clocks.patience import TICK, Patience, ReactionTimes


def after(*took: float, is_exact: bool = False) -> float:
    """How long is waited after reactions that took so many seconds."""
    reactions, now = ReactionTimes(is_exact=is_exact), 100.0
    for seconds in took:
        reactions.sent(now)
        now += seconds
        reactions.came(now)
    return round(reactions.settle, 6)


def test_clients_nothing_is_known_of_are_given_ten_milliseconds() -> None:
    assert after() == 0.01


def test_fast_clients_are_given_two_milliseconds_in_the_end() -> None:
    assert after(*[0.0005] * 20) == 0.002


def test_the_time_follows_what_they_take() -> None:
    assert after(*[0.003] * 20) == 0.006


def test_a_slow_machine_is_given_no_more_than_ten_milliseconds() -> None:
    assert after(0.05) == 0.01


def test_one_slow_reaction_is_remembered_for_a_while() -> None:
    assert 0.002 < after(*[0.0005] * 20, 0.004, *[0.0005] * 3) < 0.008
    assert after(*[0.0005] * 20, 0.004, *[0.0005] * 20) == 0.002


def test_a_user_who_thinks_is_no_slow_client() -> None:
    assert after(*[0.0005] * 20, 5.0) == 0.002


def test_only_the_first_request_after_an_answer_is_a_reaction_to_it() -> None:
    reactions = ReactionTimes()
    reactions.sent(0.0)
    reactions.came(0.0001)
    before = reactions.settle

    reactions.came(0.09)

    assert reactions.settle == before


def test_a_schedule_gives_slow_clients_more_time_and_fast_ones_little_more() -> None:
    assert after(is_exact=True) == 0.01
    assert after(*[0.0005] * 20, is_exact=True) == 0.002
    assert after(0.05, is_exact=True) == 0.05
    assert after(0.02, *[0.001] * 5, is_exact=True) > 0.03


def waited(
    patience: Patience, since: float, *, late: float = 0.0, is_parked: bool = True, awaited: bool = False
) -> float:
    """How long a step is held back when no client does anything, and the driver is woken late each time."""
    ordered = cast(OrderedPlayer, SimpleNamespace(is_awaited=awaited))
    now = since
    while patience.ends(ordered, is_parked=is_parked) > now:
        due = now + TICK
        now = due + late
        patience.woke(due, now)
    patience.given_up(now)
    return now - since


def begun(*, is_virtual: bool = True) -> Patience:
    patience = Patience(is_virtual=is_virtual)
    patience.came(50.0)
    return patience


def test_the_first_step_is_held_back_longest_for_what_no_client_does() -> None:
    patience = begun()
    first = waited(patience, 50.0)

    assert first == pytest.approx(0.4, abs=0.01)
    assert waited(patience, 50.0 + first) == pytest.approx(0.1, abs=0.01)


def test_a_client_that_is_quiet_again_gets_no_second_extra() -> None:
    patience = begun()
    waited(patience, 50.0)
    patience.came(60.0)

    assert waited(patience, 60.0) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("late", [0.003, 0.01, 0.1])
def test_time_that_a_busy_machine_takes_does_not_count(late: float) -> None:
    patience = begun()
    first = waited(patience, 50.0, late=late)

    assert first == pytest.approx(0.4 + min(0.5, 0.4 * late / TICK), rel=0.1)
    assert waited(patience, 50.0 + first, late=late) == pytest.approx(0.1 + min(0.5, 0.1 * late / TICK), rel=0.1)


def test_a_moment_is_not_late() -> None:
    assert waited(begun(), 50.0, late=0.001) == pytest.approx(0.4, abs=0.01)


def test_of_a_time_without_clients_only_the_last_part_is_lost() -> None:
    patience = begun()
    patience.woke(40.0, 50.2)  # the client came in between

    assert waited(patience, 50.2) == pytest.approx(0.4, abs=0.01)


def test_who_works_or_did_it_before_or_lives_by_the_wall_is_waited_for() -> None:
    assert waited(begun(), 50.0, is_parked=False) == pytest.approx(1.0, abs=0.01)
    assert waited(begun(), 50.0, awaited=True) == pytest.approx(1.0, abs=0.01)
    assert waited(begun(is_virtual=False), 50.0) == pytest.approx(1.0, abs=0.01)
    assert waited(begun(is_virtual=False), 50.0, is_parked=False) == pytest.approx(10.0, abs=0.02)
