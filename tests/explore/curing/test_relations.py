"""Relations are whole, legal, and each holds what it says for all operations."""

from __future__ import annotations

from recorder.dialect.definition import Dialect
from recorder.explore.curing.relations import relations
from recorder.explore.space import Space
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Kind
from tests.explore.desk import GWS, listed, recorded
from tests.wire import Wire, chained, done, record_event


def texts(recording: Recording, dialect: Dialect = GWS) -> list[list[str]]:
    space = Space.of(recording, dialect)
    return [[str(one) for one in found] for found in relations(space.items, space.pairs, space.law)]


def overtaken(events: int = 2) -> Recording:
    """Two operations whose events come together before their acks."""
    wire = Wire()
    desk = wire.desk()
    for n in (1, 2):
        post = desk.post(chained(n, f"r{n}"))
        desk.hears(
            *(record_event("ChainedRecord", n, f"r{n}", chainId=one) for one in range(events - 1)), done(n, f"r{n}")
        )
        wire.ack(post)
    return wire.recording()


def test_each_ack_comes_before_the_first_event_of_each_channel_that_overtook_it() -> None:
    assert texts(overtaken())[0] == ["ack 1 before event 1.1", "ack 2 before event 2.1"]


def test_each_last_event_of_a_channel_comes_before_its_ack() -> None:
    found = next(one for one in texts(recorded()) if "event 2.3 before ack 2" in one)

    assert [text for text in found if text.endswith("ack 2")] == ["event 2.2 before ack 2", "event 2.3 before ack 2"]


def test_all_events_come_apart() -> None:
    assert ["event 1.2 apart from event 1.1", "event 2.2 apart from event 2.1"] in texts(overtaken())


def test_the_events_of_an_operation_come_together() -> None:
    wire = Wire()
    wire.desk().asks(chained(1, "r1"), record_event("ChainedRecord", 1, "r1"), done(1, "r1"))

    assert ["event 1.2 with event 1.1"] in texts(wire.recording())


def test_every_relation_is_legal_and_there_once() -> None:
    for recording in (recorded(), overtaken(6)):
        space = Space.of(recording, GWS)
        found = relations(space.items, space.pairs, space.law)
        assert len(set(found)) == len(found) >= 2
        assert all(space.law.allows(one) for one in found)
        assert all(one.kind in {Kind.BEFORE, Kind.TOGETHER, Kind.APART} for each in found for one in each)


def test_what_was_recorded_first_comes_after_the_other_for_each_two_names() -> None:
    assert ["event 1.2 before event 1.1"] in texts(recorded())  # PreviewRecord and its twin


def test_an_event_comes_before_the_answer_of_a_list() -> None:
    found = texts(listed())

    assert ["event u1 before answer p1"] in found
    assert ["answer p2 before answer p1"] in found
    assert not any("with answer" in text or "apart from answer" in text for one in found for text in one)


def test_a_recording_without_events_has_no_relation() -> None:
    wire = Wire()
    wire.desk().asks(chained(1, "r1"))

    assert texts(wire.recording()) == []
