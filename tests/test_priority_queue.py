"""The first key is the one of least priority, whatever was moved or dropped."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recorder.priority_queue import PriorityQueue


def test_the_first_is_the_one_that_is_due_first() -> None:
    table: PriorityQueue[str, float] = PriorityQueue()
    table.put("late", 3.0)
    table.put("early", 1.0)

    assert table.first() == 1.0


def test_nothing_is_due_where_there_is_nothing() -> None:
    table: PriorityQueue[str, float] = PriorityQueue()

    assert table.first() is None
    assert table.pop_until(1e9) == []


def test_what_is_due_is_taken_once_and_in_order() -> None:
    table: PriorityQueue[str, float] = PriorityQueue()
    for key, at in (("c", 3.0), ("b", 1.0), ("a", 1.0), ("d", 9.0)):
        table.put(key, at)

    assert table.pop_until(3.0) == ["b", "a", "c"]
    assert table.pop_until(3.0) == []
    assert len(table) == 1


def test_what_is_put_again_is_due_at_its_new_time_only() -> None:
    table: PriorityQueue[str, float] = PriorityQueue()
    table.put("a", 1.0)
    table.put("a", 5.0)

    assert table.pop_until(2.0) == []
    assert table.pop_until(5.0) == ["a"]


def test_what_is_dropped_is_never_due() -> None:
    table: PriorityQueue[str, float] = PriorityQueue()
    table.put("a", 1.0)
    table.drop("a")
    table.drop("nobody")

    assert table.first() is None


def test_what_comes_and_goes_leaves_nothing_behind() -> None:
    table: PriorityQueue[int, float] = PriorityQueue()
    for key in range(10_000):
        table.put(key % 10, float(key))
        table.drop((key - 5) % 10)

    assert len(table._heap) < 200


_MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 9), st.integers(0, 20)),
        st.tuples(st.just("drop"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("take"), st.just(0), st.integers(0, 20)),
    ),
    max_size=300,
)


@given(_MOVES)
def test_it_is_a_dict_of_times_that_somebody_sorts(moves: list[tuple[Any, ...]]) -> None:
    table: PriorityQueue[int, float] = PriorityQueue()
    plain: dict[int, float] = {}
    for what, key, at in moves:
        if what == "put":
            table.put(key, at)
            plain.pop(key, None)
            plain[key] = at
        elif what == "drop":
            table.drop(key)
            plain.pop(key, None)
        else:
            due = [key for key, due_at in sorted(plain.items(), key=lambda item: item[1]) if due_at <= at]
            assert table.pop_until(at) == due
            plain = {key: due_at for key, due_at in plain.items() if key not in due}
        assert table.first() == min(plain.values(), default=None)
        assert len(table) == len(plain)
