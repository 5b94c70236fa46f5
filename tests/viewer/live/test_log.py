"""A page gets every delta once, in order; one that was away too long gets all anew."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest

from recorder.viewer.live.log import Log


def log_of(count: int, kept: int = 10) -> Log:
    log = Log(lambda: {"whole": count}, kept)
    for number in range(1, count + 1):
        log.publish({"number": number})
    return log


def numbers(deltas: list[dict[str, Any]] | None) -> list[int]:
    return [delta["number"] for delta in deltas or []]


def test_a_page_gets_what_it_missed() -> None:
    log = log_of(5)

    assert numbers(log.since(3, 0)) == [4, 5]
    assert [delta["id"] for delta in log.since(3, 0) or []] == [4, 5]


def test_a_new_page_gets_all_in_one_delta_and_goes_on_from_there() -> None:
    log = log_of(5)

    (first,) = log.since(0, 0) or []

    assert first == {"id": 5, "reset": True, "whole": 5}
    log.publish({"number": 6})
    assert numbers(log.since(first["id"], 0)) == [6]


def test_a_new_page_of_what_has_not_begun_gets_the_first_delta_too() -> None:
    log = log_of(0)

    (first,) = log.since(0, 0) or []
    log.publish({"number": 1})

    assert numbers(log.since(first["id"], 0)) == [1]


@pytest.mark.parametrize("known", [-1, 0, 1, 99])
def test_a_page_whose_next_delta_is_not_kept_gets_all_anew(known: int) -> None:
    (delta,) = log_of(5, kept=3).since(known, 0) or []

    assert delta == {"id": 5, "reset": True, "whole": 5}


def test_the_oldest_kept_delta_is_enough() -> None:
    assert numbers(log_of(5, kept=3).since(2, 0)) == [3, 4, 5]


def test_a_page_that_knows_all_waits_for_the_next() -> None:
    log, got = log_of(1), list[Any]()
    waiting = Thread(target=lambda: got.append(log.since(1, 30)))
    waiting.start()

    log.publish({"number": 2})
    waiting.join(30)

    assert numbers(got[0]) == [2]


def test_nothing_new_is_an_empty_list() -> None:
    assert log_of(1).since(1, 0.001) == []


def test_the_end_is_told_once_all_was_told() -> None:
    log = log_of(1)
    log.close({"number": 2})
    log.close({"number": 3})

    assert numbers(log.since(1, 30)) == [2]
    assert log.since(2, 30) is None
    assert (log.since(0, 30) or [])[0]["id"] == 2
