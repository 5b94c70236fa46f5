"""Columns hold what was put in, and find of all items at once what is wrong with each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.views.pages import problems
from recorder.views.pages.columns import Columns, Found
from recorder.views.pages.light import Light, LightEvent
from recorder.views.pages.problems import Usual

MS = 1_000_000  # nanoseconds

times = st.sampled_from([0, 1, 2, 3, 900, 1_100, 4_000])  # milliseconds
events = st.builds(
    LightEvent,
    name=st.sampled_from(["Got", "Lost"]),
    channel=st.just("/a"),
    t=times.map(lambda ms: ms * MS),
    rule=st.just("handle"),
    confidence=st.sampled_from([1000, 1000, 1000, 900, 899]),
    rivals=st.sampled_from([0, 0, 0, 1]),
)


@st.composite
def items(draw: st.DrawFn) -> list[Light]:
    """Triples of few operations: most are alike, some have a problem."""
    found = []
    for n in range(1, draw(st.integers(1, 16)) + 1):
        began, ack = draw(times) * MS, draw(st.one_of(st.none(), times, times))
        own = draw(st.lists(events, max_size=3))
        found.append(
            Light(
                n,
                2 * n,
                draw(st.sampled_from(["Get", "Get", "Put", None])),
                {"handle": str(n)} if n % 3 else {},
                "s1",
                draw(st.sampled_from(["complete", "complete", "complete", "acked", "failed", "aborted"])),
                began,
                "POST",
                "/",
                None if ack is None else began + ack * MS,
                None if ack is None else draw(st.sampled_from([200, 200, 399, 400])),
                "gone" if ack is None and draw(st.booleans()) else None,
                tuple(event._replace(t=event.t + began) for event in own),
            )
        )
    return found


def one_by_one(columns: Columns, ended: int) -> tuple[list[Found], Usual]:
    """What is wrong, by the functions that judge one triple."""
    texts, usual = columns.texts.all(), Usual()

    def judged() -> Iterator[Found]:
        for place, first, facts in columns.triples.facts(texts):
            for event, problem in problems.of_triple(facts, usual, ended):
                if event is None:
                    yield Found("triples", place, problem, facts.at)
                else:
                    yield Found("events", first + event, problem, facts.events[event].at)

    for _, _, facts in columns.triples.facts(texts):
        usual.add(facts)
    return list(judged()), usual


@settings(max_examples=150)
@given(items())
def test_what_is_found_at_once_is_what_is_found_of_one_after_the_other(given_items: list[Light]) -> None:
    columns = Columns()
    for item in given_items:
        columns.triples.add(item)

    found, (wanted, usual) = list(columns.found([], 9_000_000)), one_by_one(columns, 9_000_000)

    assert found == wanted
    assert columns.usual.rows() == usual.rows()


def test_only_doubtful_items_are_looked_at() -> None:
    columns = Columns()
    event = LightEvent("Got", "/a", 20 * MS, "handle", 1000, 0)
    fine = Light(1, 1, "Get", {}, "s1", "complete", 0, "POST", "/", 10 * MS, 200, None, (event,))
    for n in range(20):
        columns.triples.add(fine._replace(n=n))
    slow = fine._replace(n=21, events=(event._replace(t=5_000 * MS),))
    columns.triples.add(slow)

    assert columns.triples.judged(columns.texts.all())[1] == [20]
    assert [(one.kind, one.place, one.problem.code) for one in columns.found([], 0)] == [("events", 20, "late")]


def test_columns_of_items_that_come_at_once_are_those_of_items_that_come_alone() -> None:
    both = Columns(), Columns()
    keys = [{"a": "x", "b": "y"}, {"c": "z"}, {}]
    for n, own in enumerate(keys):
        both[0].triples.add(Light(n, n, "Get", own, None, "complete", n * MS, "POST", "/", None, None, None, ()))
    texts: dict[str, Iterable[Any]] = {
        "operation": ["Get"] * 3,
        "session": [None] * 3,
        "state": ["complete"] * 3,
        "method": ["POST"] * 3,
    }
    more: dict[str, Iterable[Any]] = {
        "target": ["/"] * 3,
        "reason": [None] * 3,
        "n": range(3),
        "record": range(3),
        "at": [0, 1000, 2000],
    }
    numbers: dict[str, Iterable[Any]] = {"answered": [-1] * 3, "status": [-1] * 3, "count": [0] * 3}
    both[1].triples.extend({**texts, **more, **numbers}, keys, ["a", "b", "c"])

    assert told(both[1]) == told(both[0])


def told(columns: Columns) -> dict[str, object]:
    texts = [*columns.texts.all(), None]
    rows = columns.triples.rows(0, 0)
    rows["keys"] = {name: [texts[n] for n in column] for name, column in rows["keys"]}
    return rows | {
        name: [texts[n] for n in rows[name]] for name in ("operation", "session", "state", "method", "target")
    }
