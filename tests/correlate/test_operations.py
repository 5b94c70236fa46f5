"""What an event is compared with: the operations that share something with it and are still open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.correlate.causes.rules import by_tuple
from recorder.correlate.operations import Operation, Operations, is_over
from recorder.model import Keys
from tests.correlate.causes.test_rules import GWS, SECOND, asked, pushed
from tests.wire import Ask, Message, chained, done, error_event, operation, preview, record_event, twin


def holding(*ops: Operation) -> Operations:
    held = Operations(GWS)
    for op in ops:
        held.add(op)
    return held


def seqs(ops: list[Operation]) -> list[int]:
    return [op.seq for op in ops]


def test_an_event_is_compared_with_the_operations_on_its_handle() -> None:
    held = holding(asked(chained(7), seq=1), asked(chained(8, campaignName="Other"), seq=2), asked(chained(7), seq=3))

    assert seqs(held.like(pushed(done(7)))) == [1, 3]


def test_an_operation_without_a_handle_is_found_by_its_campaign_and_device() -> None:
    held = holding(asked(preview(), seq=1), asked(preview(campaign="Other"), seq=2))

    assert seqs(held.like(pushed(record_event("PreviewRecord", None)))) == [1]


def test_an_operation_that_shares_two_things_is_found_once_and_in_its_place() -> None:
    by_phone = operation("/api/v2/me/outbound-records", "DoNotCallRecord", phoneNumber="555-0101")
    held = holding(asked(by_phone, seq=2), asked(by_phone, seq=1))

    assert seqs(held.like(pushed(record_event("DoNotCallAcknowledge", None, phoneNumber="555-0101")))) == [1, 2]


def test_an_operation_that_is_over_is_not_compared_any_more() -> None:
    held = holding(asked(chained(7), seq=1, at=0.0), asked(chained(7), seq=2, at=50.0))

    assert seqs(held.like(pushed(done(7), at=61.0))) == [2]


@pytest.mark.parametrize("name", ["reference", "inner_reference"])
def test_an_id_is_found_even_when_its_operation_is_over(name: str) -> None:
    op = asked(Ask("/x", {"operationName": "X", "referenceId": "r", "userData": {"GSW_REFERENCE_ID": "r"}}))

    assert seqs(holding(op).with_exact(name, {name: "r"})) == [1]
    assert holding(op).with_exact(name, {name: "other"}) == []


def test_an_error_event_is_compared_with_what_is_open_on_its_device() -> None:
    held = holding(asked(chained(7), seq=1), asked(chained(8, devicePath="/devices/other"), seq=2))

    assert seqs(held.on_device(pushed(error_event()))) == [1]


def test_a_key_that_becomes_known_later_counts_from_then_on() -> None:
    op = asked(chained(7))
    held = holding(op)
    op.keys = {**op.keys, "reference": "32"}
    held.add(op)

    assert seqs(held.with_exact("reference", {"reference": "32"})) == [1]
    assert seqs(held.like(pushed(done(7)))) == [1]


def test_what_was_forgotten_is_nowhere() -> None:
    op = asked(chained(7, "r1"))
    held = holding(op)
    held.forget(op)
    held.forget(op)

    assert held.with_exact("reference", {"reference": "r1"}) == []
    assert held.like(pushed(done(7, "r1"))) == held.on_device(pushed(error_event())) == []


ASKS = st.sampled_from([chained(7), chained(8), preview(), preview(campaign="Other"), chained(7, campaignName="Other")])
EVENTS = st.sampled_from([done(7), done(8), record_event("PreviewRecord", None), twin("ChainedRecord"), error_event()])


@given(st.lists(ASKS, max_size=6), EVENTS)
def test_looking_at_few_finds_what_looking_at_all_finds(asks: list[Ask], event: Message) -> None:
    ops = [asked(ask, seq=seq) for seq, ask in enumerate(asks, 1)]
    seen = pushed(event)

    assert by_tuple(seen, GWS, holding(*ops).like(seen)) == by_tuple(seen, GWS, ops)


# Windows


def test_an_operation_is_over_when_its_time_is_up() -> None:
    op = asked(chained(7), at=10.0)

    assert not is_over(op, 70 * SECOND, GWS)
    assert is_over(op, 70 * SECOND + 1, GWS)


def test_an_operation_that_ended_is_over_after_the_grace() -> None:
    op = asked(chained(7), ended=5 * SECOND, settled=True)

    assert not is_over(op, 7 * SECOND, GWS)
    assert is_over(op, 7 * SECOND + 1, GWS)


def test_an_operation_whose_end_may_be_anothers_stays_open() -> None:
    assert not is_over(asked(chained(7), ended=5 * SECOND), 60 * SECOND, GWS)


def test_the_windows_are_the_dialects() -> None:
    op = asked(chained(7), at=10.0)

    assert is_over(op, 12 * SECOND, replace(GWS, open_for=1.0))


MANY = {name: tuple(f"{name}{number}" for number in range(20)) for name in ("campaign", "device")}
ONE = {"campaign": "campaign3", "device": "device7"}


@pytest.mark.parametrize(("mine", "its"), [(MANY, ONE), (ONE, MANY), (MANY, MANY), (ONE, ONE)])
def test_keys_with_too_many_choices_are_compared_with_all(mine: Keys, its: Keys) -> None:
    op, seen = asked(preview()), pushed(record_event("PreviewRecord", None))
    op.keys = mine
    held = holding(op)

    assert held.like(replace(seen, keys=its)) == [op]
    held.forget(op)
    assert held.like(replace(seen, keys=its)) == []
