"""What is wrong with a triple: each code with an item that has it and one that just does not."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.views.pages import problems
from recorder.views.pages.problems import FEWEST, Facts, Problem, Told, Usual, length, of_triple, overdue

MS, S = 1_000, 1_000_000
ENDED = 60 * S
FINE = Facts("Get", "complete", 0, 10 * MS, 200, None, (Told("Got", 20 * MS),))
OPEN = FINE._replace(state="acked", events=())
UNANSWERED = Facts("Get", "aborted", 0, None, None, None)


def usual(*others: Facts) -> Usual:
    found = Usual()
    for one in others:
        found.add(one)
    return found


def codes(facts: Facts, *others: Facts, ended: int = ENDED) -> list[tuple[int | None, str, str]]:
    return [(place, one.code, one.severity) for place, one in of_triple(facts, usual(facts, *others), ended)]


def last(ms: int) -> Facts:
    return FINE._replace(events=(Told("Got", ms * MS),))


def acked(ms: int) -> Facts:
    return FINE._replace(answered=ms * MS, events=())


@dataclass(frozen=True, slots=True)
class Case:
    """A triple with a problem, and one that just does not have it; what else is in the recording."""

    has: Facts
    has_not: Facts
    problem: tuple[int | None, str, str]
    others: tuple[Facts, ...] = ()
    ended: int = ENDED


USUAL = (FINE,) * FEWEST
EARLY = FINE._replace(events=(Told("Got", 9 * MS),))
CASES = {
    "refused": Case(FINE._replace(status=400), FINE._replace(status=399), (None, "failed", "error")),
    "failed": Case(FINE._replace(state="failed"), FINE, (None, "failed", "error")),
    "lost": Case(UNANSWERED._replace(answered=S, reason="gone"), FINE, (None, "lost", "error")),
    "unacked": Case(UNANSWERED, FINE, (None, "unacked", "error")),
    "open": Case(OPEN, FINE, (None, "open", "warning")),
    "open for long": Case(OPEN, last(1020), (None, "overdue", "warning"), USUAL, 1020 * MS + 1),
    "late ack": Case(acked(1011), acked(1010), (None, "overdue", "warning"), USUAL),
    "late": Case(last(1021), last(1020), (0, "late", "warning"), USUAL),
    "late by a factor": Case(last(6001), last(6000), (0, "late", "warning"), (last(2000),) * FEWEST),
    "early": Case(EARLY, FINE._replace(events=(Told("Got", 10 * MS),)), (0, "early", "warning")),
    "early as usual": Case(EARLY, FINE, (0, "early", "info"), (EARLY,) * FEWEST),
    "early as usual for the server": Case(
        EARLY, FINE, (0, "early", "info"), (EARLY._replace(operation="Other"),) * FEWEST
    ),
    "rival": Case(
        FINE._replace(events=(Told("Got", 20 * MS, 1000, 1),)), FINE, (0, "unsure", "info"),
    ),
    "doubtful": Case(
        FINE._replace(events=(Told("Got", 20 * MS, 899),)),
        FINE._replace(events=(Told("Got", 20 * MS, 900),)),
        (0, "unsure", "info"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_problem_is_found_where_it_is_and_only_there(name: str) -> None:
    case = CASES[name]

    assert codes(case.has, *case.others, ended=case.ended) == [case.problem]
    assert codes(case.has_not, *case.others, ended=case.ended) == []


@pytest.mark.parametrize("others", range(FEWEST + 2))
def test_nothing_is_usual_before_there_are_enough_others(others: int) -> None:
    found = codes(last(9000), *[FINE] * others)

    assert found == ([(0, "late", "warning")] if others >= FEWEST else [])


def test_an_open_triple_that_waits_no_longer_than_usual_is_open_only() -> None:
    assert codes(OPEN, *USUAL, ended=1020 * MS) == [(None, "open", "warning")]


def test_what_is_usual_for_one_operation_is_not_for_another() -> None:
    others = [FINE._replace(operation="Other")] * 20

    assert codes(last(9000), *others) == []


def test_a_request_that_waits_for_its_ack_is_overdue_while_it_is_live() -> None:
    live, known = UNANSWERED, usual(*USUAL)

    assert overdue(live, known, 1010 * MS) is None
    found = overdue(live, known, 1010 * MS + 1)
    assert found is not None
    assert found.text == "No ack for 1.0 s; of the others 95 % have it after 10 ms."


def test_a_failure_is_not_overdue() -> None:
    assert overdue(UNANSWERED._replace(reason="gone", answered=S), usual(*USUAL), ENDED) is None


def test_an_exchange_that_is_no_operation_fails_but_is_never_late() -> None:
    exchange = Facts(None, "complete", 0, 30 * S, 500, None)

    assert codes(exchange, *USUAL) == [(None, "failed", "error")]


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=60), st.data())
def test_the_limit_is_that_of_the_others(times: list[int], data: st.DataObject) -> None:
    own = data.draw(st.sampled_from(range(len(times))))
    triples = [FINE._replace(events=(Told("Got", time),)) for time in times]

    with_it, without = usual(*triples), usual(*triples[:own], *triples[own + 1 :])
    found = with_it.limit_of_last(triples[own])

    assert found == without.limit_of_last(OPEN)
    assert (found is None) == (len(times) - 1 < FEWEST)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=60))
def test_no_more_than_a_twentieth_takes_longer_than_is_usual(times: list[int]) -> None:
    [[name, row]] = usual(*(FINE._replace(events=(Told("Got", time),)) for time in times)).rows()

    assert name == "Get"
    assert isinstance(row, dict)
    assert row["count"] == len(times)
    half, most = row["last"]
    assert sum(time > most for time in times) <= len(times) / 20
    assert sum(time <= half for time in times) >= len(times) / 2
    assert half in times


def test_an_operation_without_events_has_no_usual_last_event() -> None:
    assert usual(OPEN).rows() == [["Get", {"count": 1, "ack": [10 * MS, 10 * MS], "last": None}]]


def test_an_unsolicited_event_is_a_problem_on_a_channel_of_operations_only() -> None:
    found = problems.of_pushed("State", "/v2/me/outbound", {"/v2/me/outbound"})

    assert found is not None
    assert (found.code, found.severity) == ("unasked", "info")
    assert problems.of_pushed("State", "/v2/me/devices", {"/v2/me/outbound"}) is None


def test_a_poll_is_a_problem_if_it_failed() -> None:
    assert problems.of_poll(None) is None
    assert problems.of_poll("gone") == Problem("poll-lost", "warning", "A poll was lost: gone")


def test_a_difference_says_the_first_and_how_many_more() -> None:
    rows = [{"what": "field changed", "where": "request.body.a"}, {"what": "event new", "where": ""}]

    assert problems.differs(rows).text == "It differs: field changed request.body.a, and 1 more."
    assert problems.differs(rows[1:]).text == "It differs: event new."


@pytest.mark.parametrize(
    ("us", "text"), [(0, "0.0 ms"), (1234, "1.2 ms"), (10_000, "10 ms"), (999_000, "999 ms"), (1_000_000, "1.0 s")]
)
def test_times_for_people(us: int, text: str) -> None:
    assert length(us) == text


@given(
    st.builds(
        Facts,
        st.none() | st.sampled_from(["Get", ""]),
        st.sampled_from(["complete", "acked", "failed", "unacked", "aborted"]),
        st.integers(0, 10**6),
        st.none() | st.integers(0, 10**8),
        st.none() | st.integers(100, 599),
        st.none() | st.text(max_size=400),
        st.lists(
            st.builds(Told, st.text(), st.integers(0, 10**8), st.integers(0, 1000), st.integers(0, 3)), max_size=3
        ),
    )
)
def test_whatever_came_is_told_in_one_short_sentence_each(facts: Facts) -> None:
    for place, problem in of_triple(facts, usual(facts, *USUAL), ENDED):
        assert place is None or place < len(facts.events)
        assert problem.severity in problems.SEVERITIES
        assert re.fullmatch("[a-z-]+", problem.code)
        assert len(problem.text) < 300
