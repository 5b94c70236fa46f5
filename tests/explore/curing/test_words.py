"""What makes a client pass is told as one relation where it is one, and nothing is told that the run does not show."""

from __future__ import annotations

import pytest

from recorder.explore.curing.words import CureWords
from recorder.explore.placed import placed
from recorder.explore.words import Words
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.played import Act, Order
from tests.explore.desk import GWS, recorded, schedule
from tests.wire import Wire, chained, done, preview, record_event


def serial() -> Words:
    """Triples 1 and 3 get their record and the end, 2 a preview record."""
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(1, "r1"), record_event("ChainedRecord", 1, "r1"), done(1, "r1"))
    desk.asks(preview("r2"), record_event("PreviewRecord", 2, "r2"))
    desk.asks(chained(3, "r3"), record_event("ChainedRecord", 3, "r3"), done(3, "r3"))
    return Words(placed(wire.recording(), GWS))


WORDS = CureWords(serial())
OTHER = CureWords(Words(placed(recorded(), GWS)))


def order(*names: str, answers: tuple[int, ...] = ()) -> Order:
    numbers = (*answers, *[0] * len(names))
    return Order(
        tuple(Act(name, place / 100, number) for place, (name, number) in enumerate(zip(names, numbers, strict=False)))
    )


ACKS = [f"ack {n} before event {n}.1" for n in (1, 2, 3)]
EVENTS = ["event 1.2 before ack 1", "event 2.1 before ack 2", "event 3.2 before ack 3"]
ACKS_FIRST = order("ack 1", "event 1.1", "event 1.2", "ack 2", "event 2.1", "ack 3", "event 3.1", "event 3.2")
EVENTS_FIRST = order("event 1.1", "event 1.2", "ack 1", "event 2.1", "ack 2", "event 3.1", "event 3.2", "ack 3")
NOT_IN_2 = order("ack 1", "event 1.1", "event 1.2", "event 2.1", "ack 2", "ack 3", "event 3.1", "event 3.2")
NOT_IN_3 = order("ack 1", "event 1.1", "event 1.2", "ack 2", "event 2.1", "event 3.1", "ack 3", "event 3.2")

LATE = "the ack of GetChainedRecord (triple 3) comes 1 s later than recorded"
ENDED = "ChainedRecordsDataEnd (event 1.2)"

CASES = [
    (ACKS, ACKS_FIRST, "in each operation the ack arrives before its events"),
    (ACKS[:2], ACKS_FIRST, "in each operation the ack arrives before its events"),  # the third was recorded so
    ([ACKS[0], ACKS[2]], NOT_IN_2, "in each GetChainedRecord the ack arrives before its events"),
    (ACKS[:2], NOT_IN_3, "in 2 of 3 operations (triples 1 and 2) the ack arrives before its events"),
    (EVENTS, EVENTS_FIRST, "in each operation the events arrive before their ack"),
    (ACKS[:1], ACKS_FIRST, "the ack of GetChainedRecord (triple 1) arrives before ChainedRecord (event 1.1)"),
    (
        ["event 1.2 before event 1.1", "event 3.2 before event 3.1"],
        order(),
        "in 2 places ChainedRecordsDataEnd arrives before ChainedRecord",
    ),
    (
        ["event 1.2 apart from event 1.1", "event 3.2 apart from event 3.1"],
        order("event 1.1", "event 1.2", "event 2.1", answers=(1, 2, 3)),
        "each event comes in an answer of its own",
    ),
    (
        ["event 1.2 apart from event 1.1", "event 3.2 apart from event 3.1"],
        order("event 1.1", "event 1.2", "event 2.1", "event 3.1", answers=(1, 2, 3, 3)),
        "in 2 places an event comes in a later answer of the server than the one before it",
    ),
    (
        ["event 1.2 with event 1.1", "event 3.2 with event 3.1"],
        order(),
        "in 2 places two events come in one answer of the server",
    ),
    (
        ["event 1.2 with event 1.1", "ack 3 1s late"],
        order(),
        f"{LATE}, and if {ENDED} and ChainedRecord (event 1.1) come in one answer of the server",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "played", "told"), CASES)
def test_what_is_different_is_told_as_one_relation_if_it_is_one(texts: list[str], played: Order, told: str) -> None:
    assert WORDS.clauses(schedule(*texts), played) == told


def test_many_that_are_no_relation_are_not_all_told() -> None:
    texts = ["ack 1 1s late", "ack 2 1s late", "event 1.2 with event 1.1", ACKS[2]]

    told = WORDS.clauses(schedule(*texts), order())

    assert told.count("if ") == 2
    assert told.endswith(", and so on")


CAUSES = [
    ("ack 1 before event 1.1", "count on the ack of GetPreviewRecord coming first"),
    ("event 1.1 before ack 1", "need PreviewRecord before the ack of GetPreviewRecord"),
    ("event 1.2 before event 1.1", "the order of /me/internal and /v2/me/outbound"),
    ("event 3.1 with event u1", "expect both in one answer"),
    ("event 2.2 apart from event 2.1", "read one event of an answer only"),
    ("ack 1 1s late", "not to be ready for the ack of GetPreviewRecord"),
    ("event 3.1 in a reply", "not to read RecordProcessedAcknowledge in the answer to a poll"),
]


@pytest.mark.parametrize(("text", "cause"), CAUSES)
def test_the_cause_is_what_the_deviation_makes_true(text: str, cause: str) -> None:
    assert cause in OTHER.cause(Deviation.parse(text))
