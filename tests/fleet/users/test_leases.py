"""No two users have one row of values at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.fleet.users.leases import Leases

ALL = {"a", "b"}


def test_rows_are_lent_in_their_order_and_again_when_they_are_free():
    leases = Leases(2)

    assert [leases.take("a", ALL), leases.take("b", ALL), leases.take("a", ALL)] == [0, 1, None]
    leases.give(0)
    assert leases.take("b", ALL) == 0


def test_rows_of_a_worker_that_is_gone_come_back():
    leases = Leases(2)
    leases.take("a", ALL)
    leases.take("b", ALL)

    assert leases.take("b", {"b"}) == 0
    assert leases.take("b", {"b"}) is None


def test_shared_values_are_lent_without_an_end():
    leases = Leases(None)

    assert [leases.take("a", ALL) for _ in range(3)] == [0, 1, 2]


def test_a_row_that_is_given_back_twice_is_free_once():
    leases = Leases(1)
    leases.take("a", ALL)
    leases.give(0)
    leases.give(0)

    assert [leases.take("a", ALL), leases.take("a", ALL)] == [0, None]


@given(st.lists(st.one_of(st.none(), st.integers(0, 4))), st.integers(0, 4))
def test_no_row_is_lent_twice(moves, count):
    leases, lent = Leases(count), set()
    for move in moves:
        if move is None:
            taken = leases.take("a", ALL)
            assert taken not in lent
            assert (taken is None) is (len(lent) == count)
            lent |= {taken} - {None}
        else:
            leases.give(move)
            lent.discard(move)
