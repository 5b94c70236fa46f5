"""Events that come twice: who awaits a twin, whose twin came first, and which cannot be told apart."""

from __future__ import annotations

from recorder.correlate.causes.twins import Twins
from recorder.correlate.operations import Operation, Seen
from recorder.dialect.definition import load
from recorder.model import Link
from tests.correlate.causes.test_rules import GWS, asked, pushed
from tests.wire import chained, done, record_event, twin

END = "ChainedRecordsDataEnd"


def linked(twins: Twins, op: Operation, seen: Seen, rule: str = "reference") -> None:
    twins.came(seen, op, Link(seen.event, seen.name, op.seq, rule, 1.0, ""))


def found(twins: Twins, seen: Seen) -> tuple[int | None, list[int]] | None:
    """The operation whose event awaits a twin, and those of which it may be as well."""
    original = twins.original(seen)
    if original is None:
        return None
    return None if original[0].op is None else original[0].op.seq, [op.seq for op in original[1]]


def test_twins_are_given_out_in_the_order_of_their_originals_and_the_doubt_lasts_to_the_last() -> None:
    twins = Twins(GWS)
    for seq in (1, 2):
        linked(twins, asked(chained(7, f"r{seq}"), seq=seq), pushed(done(7, f"r{seq}")))
    event = pushed(twin(END))

    assert [found(twins, event) for _ in range(3)] == [(1, [2]), (2, [1]), None]


def test_after_that_the_next_one_is_sure_again() -> None:
    twins = Twins(GWS)
    for seq in (1, 2):
        linked(twins, asked(chained(7), seq=seq), pushed(done(7)))
    for _ in range(2):
        twins.original(pushed(twin(END)))
    linked(twins, asked(chained(7), seq=3), pushed(done(7)))

    assert found(twins, pushed(twin(END))) == (3, [])


def test_two_events_of_one_operation_are_no_doubt() -> None:
    twins, op = Twins(GWS), asked(chained(7))
    linked(twins, op, pushed(record_event("ChainedRecord")))
    linked(twins, op, pushed(record_event("ChainedRecord")))

    assert found(twins, pushed(twin("ChainedRecord"))) == (1, [])


def test_a_twin_of_another_customer_is_of_another_event() -> None:
    twins = Twins(GWS)
    linked(twins, asked(chained(7)), pushed(record_event("ChainedRecord", phoneNumber="1")))

    assert found(twins, pushed(twin("ChainedRecord", GSW_PHONE="2"))) is None
    assert found(twins, pushed(twin("ChainedRecord", GSW_PHONE="1"))) == (1, [])


def test_a_customer_that_is_named_on_one_side_only_does_not_matter() -> None:
    twins = Twins(GWS)
    linked(twins, asked(chained(7)), pushed(record_event("ChainedRecord")))

    assert found(twins, pushed(twin("ChainedRecord", GSW_PHONE="1"))) == (1, [])


def test_the_twin_of_an_event_nobody_asked_for_is_found_for_a_while() -> None:
    for at, expected in ((2.5, (None, [])), (3.5, None)):
        twins = Twins(GWS)
        twins.came(pushed(record_event("PreviewRecord", 8)), None, None)

        assert found(twins, pushed(twin("PreviewRecord", 8), at=at)) == expected


def test_an_event_nobody_asked_for_that_is_final_awaits_no_twin() -> None:
    twins, seen = Twins(GWS), pushed(record_event("PreviewRecord", 8))
    twins.came(seen, None, None)
    twins.drop(seen)

    assert found(twins, pushed(twin("PreviewRecord", 8))) is None


def test_a_twin_that_came_first_is_not_awaited() -> None:
    twins, op = Twins(GWS), asked(chained(7))
    linked(twins, op, pushed(twin("ChainedRecord")), "tuple")
    linked(twins, op, pushed(record_event("ChainedRecord")))

    assert found(twins, pushed(twin("ChainedRecord"))) is None
    assert twins.repeated(pushed(twin("ChainedRecord")), op)


def test_a_twin_that_came_first_and_was_given_to_another_is_found_by_its_original() -> None:
    twins, op, other = Twins(GWS), asked(chained(7, "r1")), asked(chained(7, "r2"), seq=2)
    early, original = pushed(twin(END)), pushed(done(7, "r2"))
    linked(twins, op, early, "tuple")

    assert twins.early(op, pushed(done(7, "r1"))) is None  # its own
    half = twins.early(other, original)
    assert half is not None
    assert (half.seen, half.op) == (early, op)
    assert twins.early(other, original) is None


def test_an_operation_that_is_forgotten_awaits_no_twin() -> None:
    twins, op = Twins(GWS), asked(chained(7))
    linked(twins, op, pushed(record_event("ChainedRecord")))
    linked(twins, asked(chained(7), seq=2), pushed(record_event("ChainedRecord")))
    twins.forget(op)

    assert found(twins, pushed(twin("ChainedRecord"))) == (2, [])


def test_a_dialect_without_twins_has_none() -> None:
    twins = Twins(load("salesforce-changes"))
    linked(twins, asked(chained(7)), pushed(record_event("ChainedRecord")))

    assert found(twins, pushed(twin("ChainedRecord"))) is None
