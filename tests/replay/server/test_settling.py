from __future__ import annotations

from recorder.replay.server.driver import ReactionTimes


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
