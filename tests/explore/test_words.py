"""What deviations are in words that say what to look for in the client."""

from __future__ import annotations

import pytest

from recorder.explore.placed import placed
from recorder.explore.words import Words
from recorder.replay.engine.orders.deviations import Deviation, Kind
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.played import Act, Order
from tests.explore.desk import GWS, listed, recorded, schedule
from tests.wire import Ask, Wire, chained, done, preview, record_event, state_event

WORDS = Words(placed(recorded(), GWS))

PREVIEW, STATE = "PreviewRecord on /v2/me/outbound (event 1.1)", "the event on /v2/me/devices (event u1)"
DONE, COMPLETED = "ChainedRecordsDataEnd (event 2.3)", "RecordProcessedAcknowledge (event 3.1)"
ACKS = [f"the ack of {name} (triple {n})" for n, name in enumerate(("GetPreviewRecord", "GetChainedRecord"), 1)]
BROKEN = "the connection breaks under the poll's answer with"

CLAUSES = [
    ("event 1.1 before ack 1", f"{PREVIEW} arrives before {ACKS[0]}"),
    ("ack 2 before ack 1", f"{ACKS[1]} arrives before {ACKS[0]}"),
    ("event u1 with event 3.1", f"{STATE} and {COMPLETED} come in one answer of the server"),
    ("event u1 apart from event 2.3", f"{STATE} comes in a later answer of the server than {DONE}"),
    ("ack 1 1500ms late", f"{ACKS[0]} comes 1.5 s later than recorded"),
    (
        "event 3.1 in a reply",
        f"{COMPLETED} comes in the answer to another message of the client, not in a poll's",
    ),
    ("event 3.1 in a lost poll", f"{BROKEN} {COMPLETED}, which comes again with the next poll"),
    ("ack 1 after a lost session", f"the server forgets the client's session before {ACKS[0]} leaves"),
    ("event 3.1 twice", f"{COMPLETED} comes twice, because the client's confirmation of it (ext.ack) was lost"),
    ("ack 1 after a cut websocket", f"the client's WebSocket ends before {ACKS[0]} leaves"),
    ("event 9.1 before ack 9", "event 9.1 arrives before ack 9"),
]

CAUSES = [
    ("event 1.1 before ack 1", "count on the ack of GetPreviewRecord coming first"),
    ("ack 1 before event 1.1", "need PreviewRecord before the ack of GetPreviewRecord"),
    ("event 1.2 before event 1.1", "the order of /v2/me/outbound and /me/internal"),
    ("ack 3 before ack 2", "take acks in the order of its requests"),
    ("ack 2 before event 1.1", "asked for GetChainedRecord before PreviewRecord on /v2/me/outbound was there"),
    ("event 3.1 before ack 2", "count on one operation being over before the next one goes on"),
    ("event u1 before event 2.3", "count on ChainedRecordsDataEnd coming first. Nothing orders the two"),
    ("event 3.1 with event u1", "read one event of an answer only"),
    ("event 2.2 apart from event 2.1", "expect both in one answer"),
    ("ack 1 1s late", "give up before the ack of GetPreviewRecord is there"),
    ("event 3.1 in a reply", "read events in the answers to its polls alone"),
    ("event 3.1 in a lost poll", "lose what a broken poll would have brought"),
    ("ack 3 after a lost session", "After it has shaken hands anew"),
    (
        "event 3.1 after a lost session",
        "that it waits for. Or it does not listen yet: RecordProcessedAcknowledge may come in the answer to a new sub",
    ),
    ("event 3.1 twice", "handle twice what comes twice"),
    ("ack 3 after a cut websocket", "go on where it was"),
]


LISTED = Words(placed(listed(), GWS))
LISTS = [f"the answer to GET /api/v2/calls/{number}" for number in (17, 18)]

ANSWERS = [
    (
        "event u1 before answer p1",
        f"the event on /v2/me/devices (event u1) arrives before {LISTS[0]} (answer p1)",
        f"take {LISTS[0]} for newer than the event on /v2/me/devices, or to miss",
    ),
    (
        "answer p2 before answer p1",
        f"{LISTS[1]} (answer p2) arrives before {LISTS[0]} (answer p1)",
        "take answers in the order of its requests",
    ),
    (
        "answer p1 before ack 1",
        f"{LISTS[0]} (answer p1) arrives before the ack of GetChainedRecord (triple 1)",
        "take answers in the order of its requests",
    ),
    (
        "answer p1 before event 1.1",
        f"{LISTS[0]} (answer p1) arrives before ChainedRecordsDataEnd (event 1.1)",
        f"need ChainedRecordsDataEnd before {LISTS[0]}, which may come first",
    ),
    ("answer p2 1s late", f"{LISTS[1]} (answer p2) comes 1 s later than recorded", f"give up before {LISTS[1]} is"),
    ("answer p9 1s late", "answer p9 comes 1 s later than recorded", "give up before answer p9 is there"),
]


@pytest.mark.parametrize(("text", "clause", "cause"), ANSWERS)
def test_an_answer_is_told_by_its_method_and_path(text: str, clause: str, cause: str) -> None:
    assert LISTED.clause(Deviation.parse(text)) == clause
    assert cause in LISTED.cause(Deviation.parse(text))


def test_times_of_answers_are_told_as_those_of_acks_and_events() -> None:
    told = LISTED.times(Deviation.parse("event u1 before answer p2"), played("event u1", "answer p2"))

    assert told == "In the recording event u1 came 10 ms after answer p2; in the failing run 10 ms before it."


@pytest.mark.parametrize(("text", "clause"), CLAUSES)
def test_a_deviation_is_told_with_the_names_of_the_recording(text: str, clause: str) -> None:
    assert WORDS.clause(Deviation.parse(text)) == clause


@pytest.mark.parametrize(("text", "cause"), CAUSES)
def test_a_deviation_speaks_for_a_cause_in_the_client(text: str, cause: str) -> None:
    assert cause in WORDS.cause(Deviation.parse(text))


def test_an_ack_after_a_lost_session_is_no_matter_of_subscriptions_answers() -> None:
    assert "answer" not in WORDS.cause(Deviation.parse("ack 3 after a lost session"))


def test_the_same_event_for_two_operations_is_a_matter_of_ids() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), done(7, "r1"))
    desk.asks(chained(8, "r2"), done(8, "r2"))
    words = Words(placed(wire.recording(), GWS))

    told = words.cause(Deviation.parse("event 2.1 before event 1.1"))

    assert told.startswith("The client seems to take the first ChainedRecordsDataEnd for its own.")


def played(*names: str) -> Order:
    return Order(tuple(Act(name, place / 100) for place, name in enumerate(names)))


def test_times_are_those_of_the_recording_and_of_the_failing_run() -> None:
    one = Deviation(Kind.BEFORE, Item(2, 1), Item(2))

    assert WORDS.times(one, played("event 2.1", "ack 2")) == (
        "In the recording event 2.1 came 20 ms after ack 2; in the failing run 10 ms before it."
    )
    assert WORDS.times(one, played("event 2.1")) == (
        "In the recording event 2.1 came 20 ms after ack 2; in the failing run it came, and ack 2 did not."
    )
    assert WORDS.times(one, played()) == "In the recording event 2.1 came 20 ms after ack 2."
    assert WORDS.times(Deviation(Kind.TWICE, Item(2, 1)), played()) == ""


def test_what_came_at_one_time_is_told_so() -> None:
    at_once = Order((Act("event 2.1", 1.0), Act("ack 2", 1.0)))
    apart = Deviation(Kind.APART, Item(2, 2), Item(2, 1))

    assert WORDS.times(Deviation(Kind.BEFORE, Item(2, 1), Item(2)), at_once).endswith(
        "in the failing run just before it."
    )
    assert WORDS.times(apart, played("event 2.1", "event 2.2")) == (
        "In the recording event 2.2 came at the same time as event 2.1; in the failing run 10 ms after it."
    )


def test_a_reversal_in_one_answer_is_told_in_one_clause() -> None:
    both = schedule("event 3.1 with event u1", "event u1 before event 3.1", "ack 1 1s late")

    assert WORDS.clauses(both) == (
        f"{ACKS[0]} comes 1 s later than recorded, and if {STATE} stands before {COMPLETED} in one answer of the server"
    )
    assert WORDS.clauses(schedule("event u1 with event 3.1")) == WORDS.clause(
        Deviation.parse("event u1 with event 3.1")
    )


def _asking() -> Words:
    """Words of a recording with two searches under way at once, a list, and events of which one has no name."""
    wire = Wire()
    desk = wire.desk()
    desk.asks(preview("r1"), record_event("PreviewRecord", 7, "r1"))
    first, second, other = (desk.post(Ask(path, b"", "GET")) for path in ("/calls?q=l", "/calls?q=la", "/state"))
    for exchange in (first, second, other):
        wire.ack(exchange)
    desk.hears(state_event())
    return Words(placed(wire.recording(), GWS))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("answer p2 before answer p1", "take the answer to GET /calls that comes last for the one it asked for last"),
        ("answer p3 before answer p1", "take answers in the order of its requests"),
        ("event u1 before answer p3", "take the answer to GET /state for newer than the event on /v2/me/devices, or"),
        ("event 1.1 before answer p3", "for newer than PreviewRecord, or to miss PreviewRecord until that answer is"),
    ],
)
def test_an_answer_to_another_request_speaks_for_a_cause_in_the_client(text: str, cause: str) -> None:
    assert cause in _asking().cause(Deviation.parse(text))


def test_answers_of_one_path_are_told_apart_by_what_was_asked() -> None:
    told = _asking().clause(Deviation.parse("answer p2 before answer p1"))

    assert told == "the answer to GET /calls?q=la (answer p2) arrives before the answer to GET /calls?q=l (answer p1)"


def test_a_long_query_is_cut() -> None:
    wire = Wire()
    desk = wire.desk()
    for exchange in [desk.post(Ask(f"/calls?q={letter * 500}", b"", "GET")) for letter in "ab"]:
        wire.ack(exchange)

    told = Words(placed(wire.recording(), GWS)).thing(Item(0, plain=2))

    assert told == f"the answer to GET /calls?q={'b' * 56}… (answer p2)"
