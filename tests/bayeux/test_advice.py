import pytest

from recorder.bayeux.advice import LONGEST, Pace, seconds, tamed, waited_for


@pytest.mark.parametrize(
    ("advised", "wanted"),
    [(0, 0.0), (1500, 1.5), (20.0, 0.02), (-5, 0.0), ("x", 0.0), (True, 0.0), (None, 0.0), ([], 0.0)],
)
def test_a_time_is_in_milliseconds(advised, wanted):
    assert seconds(advised) == wanted


@pytest.mark.parametrize("advised", [10**400, 1e308, float("inf"), 600_001])
def test_a_time_without_an_end_has_one(advised):
    assert seconds(advised) == LONGEST


def test_what_is_no_number_is_no_time():
    assert seconds(float("nan")) == 0.0


@pytest.mark.parametrize(("timeout", "wanted"), [(0.0, None), (0.001, 1.0), (30.0, 36.0)])
def test_a_poll_is_waited_for_longer_than_the_server_holds_it(timeout, wanted):
    assert waited_for(timeout, 1.2) == wanted


def test_an_advice_is_tamed():
    message = {"channel": "/meta/connect", "advice": {"interval": 10**400, "reconnect": "retry", "hosts": ["evil"]}}

    tamed(message)

    assert message == {
        "channel": "/meta/connect",
        "successful": False,
        "advice": {"interval": LONGEST, "reconnect": "retry"},
    }


@pytest.mark.parametrize("advice", [None, [], "retry", 5])
def test_what_is_no_advice_is_none(advice):
    message = {"channel": "/a", "data": 1, "advice": advice}

    tamed(message)

    assert message == {"channel": "/a", "data": 1}


@pytest.mark.parametrize(("name", "left"), [("7", True), (7, True), (None, True), ([1], False), ({"a": 1}, False)])
def test_an_id_that_names_nothing_is_taken_out(name, left):
    message = {"channel": "/a", "id": name}

    tamed(message)

    assert ("id" in message) == left


@pytest.mark.parametrize("word", ["yes", 1, [], None])
def test_only_true_is_a_success(word):
    message = {"channel": "/meta/connect", "successful": word}

    tamed(message)

    assert message["successful"] is False


def played(count, gap, heard=lambda number: 0):
    """The pauses of polls of which each ends some seconds after the pause before it."""
    pace, now, pauses = Pace(), 100.0, []
    for number in range(count):
        pace.ended(now, heard(number))
        pauses.append(pace.pause())
        now += gap + pauses[-1]
    return pauses


def test_a_loop_of_polls_is_slowed_down():
    pauses = played(30, 0.001)

    assert pauses[:4] == [0.0] * 4
    assert pauses == sorted(pauses)
    assert pauses[-1] == 1.0


def test_polls_that_bring_events_are_not():
    assert set(played(30, 0.001, lambda number: number)) == {0.0}


def test_polls_that_are_held_are_not():
    assert set(played(30, 0.3)) == {0.0}
