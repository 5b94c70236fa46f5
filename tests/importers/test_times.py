"""Times that an archive lacks are rebuilt: whatever is missing, events stay with the operation that caused them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from recorder.model import Request, Response
from tests.importers.session import archive, captured, imported, links, recording, session

Change = Callable[[int, dict[str, Any]], Any]
NO_TIMINGS = {"send": -1, "wait": -1, "receive": -1}


def keep(_: int, one: dict[str, Any]) -> None:
    """Change nothing."""


def scaled(factor: float) -> Change:
    return lambda _, one: one.update(time=one["time"] * factor, timings={})


def started(write: Callable[[int, str], Any]) -> Change:
    return lambda n, one: one.update(startedDateTime=write(n, one["startedDateTime"]))


CHANGES: dict[str, tuple[Change, set[str]]] = {
    "as it was": (keep, set()),
    "Playwright's minimal mode": (lambda _, one: one.update(time=-1, timings=NO_TIMINGS), {"no-end"}),
    "null": (lambda _, one: one.update(time=None, timings=None), {"no-end"}),
    "missing": (lambda _, one: (one.pop("time"), one.pop("timings")), {"no-end"}),
    "0, but there are timings": (lambda _, one: one.update(time=0), {"from-timings"}),
    "a text": (lambda _, one: one.update(time=str(one["time"])), set()),
    "0 everywhere": (lambda _, one: one.update(time=0, timings={"wait": 0}), {"no-end"}),
    "only polls lack it": (
        lambda _, one: one.update(time=-1, timings={}) if "connect" in one["request"]["url"] else None,
        {"no-end"},
    ),
    "seconds": (scaled(1 / 1000), {"time-in-seconds"}),
    "microseconds": (scaled(1000), {"time-in-microseconds"}),
    "no start": (started(lambda _, __: None), {"no-start", "no-end"}),
    "empty starts": (started(lambda _, __: ""), {"no-start", "no-end"}),
    "one start is missing": (started(lambda n, text: None if n == 3 else text), {"no-start", "no-end"}),
    "the start of a poll is missing": (started(lambda n, text: None if n == 4 else text), {"no-start", "no-end"}),
    "equal starts": (started(lambda _, __: "2026-03-02T09:00:00Z"), {"equal-starts", "no-end"}),
    "all starts at the epoch": (started(lambda _, __: "1970-01-01T00:00:00Z"), {"equal-starts", "no-end"}),
    "no zone": (started(lambda _, text: text.rstrip("Z")), {"no-zone"}),
    "another zone": (started(lambda _, text: text.replace("T09", "T10").replace("Z", "+01:00")), set()),
    "a zone here and there": (
        started(lambda n, text: text.replace("T09", "T10").replace("Z", "+01:00" if n % 2 else "")), {"no-zone"},
    ),
    "seven digits": (started(lambda _, text: text.replace("Z", "0000Z")), set()),
    "whole seconds": (
        lambda _, one: one.update(startedDateTime=one["startedDateTime"][:19] + "Z", time=-1, timings={}),
        {"equal-starts", "no-end"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_events_stay_with_their_operation(name: str) -> None:
    change, guessed = CHANGES[name]
    entries = session()
    for number, one in enumerate(entries):
        change(number, one)

    found = imported(archive(entries))

    assert links(recording(found)) == links(captured())
    assert recording(found).unsolicited == ()
    assert set(found.losses.guessed) == guessed


@pytest.mark.parametrize("digits", [0, 3, 6, 9])
def test_starts_may_be_numbers_since_the_epoch(digits: int) -> None:
    entries = session()
    for number, one in enumerate(entries):
        one["startedDateTime"] = (1_772_442_000_000 + number * 1000) * 10**digits // 1000

    found = imported(archive(entries))

    assert found.started == 1_772_442_000_000_000
    assert [part.t for part in found.parts if isinstance(part, Request)] == [n * 10**9 for n in range(len(entries))]


def test_an_event_that_holds_the_id_of_a_later_operation_is_put_behind_its_answer() -> None:
    entries = session()
    entries[5]["startedDateTime"] = entries[6]["startedDateTime"]  # its clock is late: after the poll with its event

    found = imported(archive(entries))

    assert links(recording(found)) == links(captured())
    assert found.losses.guessed["before-cause"] >= 1
    ends = {part.exchange: part.t for part in found.parts if isinstance(part, Response)}
    assert ends[4] > ends[5]


def test_a_poll_never_begins_before_the_answer_of_the_poll_before_it() -> None:
    entries = [one | {"time": -1, "timings": {}} for one in session()]

    parts = imported(archive(entries)).parts

    polls = [part.exchange for part in parts if isinstance(part, Request) and part.target.endswith("/connect")]
    places = {(type(part), part.exchange): place for place, part in enumerate(parts)}
    assert polls == sorted(polls)
    assert all(places[Response, a] < places[Request, b] for a, b in pairwise(polls))


def test_requests_of_one_millisecond_follow_the_answers_of_those_before_them() -> None:
    entries = [one | {"time": -1, "timings": {}} for one in session()]
    for one in entries[:4]:
        one["startedDateTime"] = entries[0]["startedDateTime"]

    parts = imported(archive(entries)).parts

    places = {(type(part), part.exchange): place for place, part in enumerate(parts)}
    assert places[Response, 0] < places[Request, 1] < places[Request, 2] < places[Response, 2] < places[Request, 3]


def test_a_doubt_is_told_in_a_note_of_the_cassette() -> None:
    notes = imported(archive([one | {"time": None, "timings": None} for one in session()])).notes

    assert [note for note in notes if "time" in note and "HAR" in note and "to the millisecond" not in note]


def test_known_times_are_told_to_the_millisecond_and_nothing_else() -> None:
    assert imported(archive(session())).notes == (
        "imported from a HAR: records are in the order of a wall clock, to the millisecond",
    )


def test_an_answer_that_took_no_time_is_no_doubt() -> None:
    quick = session()
    quick[3] |= {"time": 0, "timings": {"send": 0, "wait": 0, "receive": 0}}

    assert imported(archive(quick)).losses.guessed == {}
