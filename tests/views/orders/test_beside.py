"""The recorded order beside that of a schedule, as a page draws them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.errors import UsageError
from recorder.replay.engine.orders.schedule import Kept
from tests.views.late import late_session
from tests.views.orders.made import RECORDED, calls, drawn, lines, schedule, session
from tests.wire import Ask, Wire, preview, record_event, twin


def played(*names: str) -> list[tuple[str, float]]:
    """A run whose acts are 10 ms apart."""
    return [(name, 5 + place / 100) for place, name in enumerate(names)]


def test_the_recorded_order_has_requests_acks_and_events_with_times_from_the_first() -> None:
    recorded = drawn(session(), schedule()).rows["recorded"]

    assert recorded["name"] == RECORDED
    assert recorded["at"][:4] == [0, 20_000, 50_000, 50_000]


def test_what_one_answer_carried_has_one_number() -> None:
    recorded = drawn(session(), schedule()).rows["recorded"]

    answers = dict(zip(recorded["name"], recorded["answer"], strict=True))
    together = [name for name, answer in answers.items() if answer >= 0]
    assert together == ["event 1.1", "event 1.2", "event 1.3", "event u1", "event 1.4"]
    assert len({answers[name] for name in together}) == 2


def test_what_a_schedule_moved_stands_on_lines_of_its_own() -> None:
    order = [*RECORDED[:6], "event 2.1", "ack 2", *RECORDED[8:]]

    found = drawn(session(), schedule("event 2.1 before ack 2", played=played(*order)))

    assert lines(found)[5:10] == [
        "request 2 | request 2", "- | event 2.1", "ack 2 | ack 2", "event 2.1 | -", "event u1 | event u1",
    ]  # fmt: skip
    assert found.rows["played"]["at"][:3] == [0, 10_000, 20_000]
    assert found.rows["isPlayed"] is True


def test_what_did_not_come_and_what_came_again_stand_alone() -> None:
    found = drawn(session(), schedule(played=played("request 1", "ack 1", "event 1.1", "event 1.1", "event 1.3")))

    assert lines(found)[:6] == [
        "request 1 | request 1", "ack 1 | ack 1", "event 1.1 | event 1.1",
        "event 1.2 | -", "- | event 1.1", "event 1.3 | event 1.3",
    ]  # fmt: skip
    assert lines(found)[6:] == [f"{name} | -" for name in RECORDED[5:]]


def test_what_a_run_held_back_until_its_end_stands_behind_it() -> None:
    kept = schedule("event 2.1 before ack 2", "event 1.2 apart from event 1.1", "event 3.1 1s late")

    found = drawn(session(), replace(kept, played=tuple(played("request 1", "event 1.1", "request 2", "event 2.1"))))

    assert lines(found)[-8:-5] == ["- | event 1.2", "- | ack 2", "- | event 3.1"]
    assert found.rows["played"]["came"] == [True] * 4 + [False] * 3
    assert lines(found)[-9] == "event 2.1 | event 2.1"


def test_what_the_run_never_got_to_was_not_held_back() -> None:
    found = drawn(session(), schedule("event 2.1 before ack 2", played=played("request 1", "ack 1")))

    assert found.rows["played"]["came"] == [True, True]


def test_events_that_left_at_one_time_in_one_session_came_in_one_answer() -> None:
    run = [("event 1.1", 1.0), ("event 1.2", 1.0), ("event 2.1", 1.0), ("ack 3", 1.0), ("event 3.1", 2.0)]

    found = drawn(session(), schedule(played=run)).rows["played"]

    assert [answer >= 0 for answer in found["answer"]] == [True, True, False, False, False]


def test_answers_that_the_run_told_count_and_not_the_times() -> None:
    run = (("event 1.1", 1.0), ("event 1.2", 1.0), ("event 1.3", 1.0), ("ack 3", 2.0), ("event 3.1", 3.0))

    found = drawn(session(), replace(schedule(), played=run, answers=(4, 5, 5, 0, 0))).rows["played"]

    assert [answer >= 0 for answer in found["answer"]] == [False, True, True, False, False]


def test_without_a_run_the_order_is_drawn_that_the_schedule_asks_for() -> None:
    found = drawn(session(), schedule("event 2.1 before ack 2"))

    assert found.rows["isPlayed"] is False
    assert found.rows["played"]["name"][5:8] == ["request 2", "event 2.1", "ack 2"]


def test_deviations_are_told_in_words_in_the_order_of_the_recording() -> None:
    found = drawn(session(), schedule("event 1.3 in a reply", "event 2.1 before ack 2", "ack 1 1500ms late"))

    assert found.deviations == (
        ("the ack of GetChainedRecord (triple 1) comes 1.5 s later than recorded", ("ack 1",)),
        (
            "ChainedRecordsDataEnd (event 1.3) comes in the answer to another message of the client, not in a poll's",
            ("event 1.3",),
        ),
        (
            "ChainedRecordsDataEnd (event 2.1) arrives before the ack of GetChainedRecord (triple 2)",
            ("event 2.1", "ack 2"),
        ),
    )


def test_an_event_whose_name_is_on_several_channels_is_told_with_its_own() -> None:
    wire = Wire()
    wire.desk().asks(preview("r1"), record_event("PreviewRecord", 7, "r1"), twin("PreviewRecord"))

    [(told, _)] = drawn(wire, schedule("event 1.2 in a reply")).deviations

    assert told.startswith("PreviewRecord on /me/internal (event 1.2) comes in the answer")


def test_a_request_without_an_operation_has_its_method_and_path() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(Ask("/api/v2/me/outbound-records/7", {"operationName": "Odd"}))

    assert drawn(wire, schedule()).rows["recorded"]["name"] == ["request 1", "ack 1"]


@pytest.mark.parametrize(
    ("kept", "lacks"),
    [
        (schedule("event 9.1 before ack 1"), "event 9.1"),
        (schedule("event 1.1 before event 1.9"), "event 1.9"),
        (schedule("event u2 twice"), "event u2"),
        (schedule(played=[("request 4", 0.0)]), "request 4"),
        (schedule(played=[("<script>", 0.0)]), "<script>"),
    ],
)
def test_what_the_recording_lacks_is_told_in_one_line(kept: Kept, lacks: str) -> None:
    with pytest.raises(UsageError) as told:
        drawn(session(), kept)

    assert str(told.value) == (
        f"schedule {kept.schedule.id}: has '{lacks}', which is not among the 3 triples and 1 unsolicited event here; "
        "it was found with a.cassette"
    )


TWO = "it has 2 exchanges without an operation, p1 to p2 (`recorder ls --all` shows their numbers)"
ORDER = ["request 1", "request p2", "ack 1", "answer p2", "event 1.1"]


def test_an_answer_to_a_request_that_is_no_operation_has_its_place_and_its_name() -> None:
    found = drawn(calls(), schedule())

    assert found.rows["recorded"]["name"] == ORDER
    assert found.rows["exchanges"] == {"p2": ["GET /calls", "s1"]}
    assert found.plain == 2


def test_an_answer_is_moved_behind_an_event_as_a_schedule_asks() -> None:
    found = drawn(calls(), schedule("event 1.1 before answer p2"))

    assert lines(found)[2:] == ["ack 1 | ack 1", "- | event 1.1", "answer p2 | answer p2", "event 1.1 | -"]
    assert found.deviations[0][1] == ("event 1.1", "answer p2")
    assert "the answer to GET /calls" in found.deviations[0][0]


def test_a_late_answer_follows_what_comes_until_then() -> None:
    found = drawn(calls(), schedule("answer p2 1s late"))

    assert found.rows["played"]["name"] == ["request 1", "request p2", "ack 1", "event 1.1", "answer p2"]


def test_the_order_of_a_run_has_answers_and_what_was_held_back() -> None:
    run = played("request p2", "request 1", "event 1.1")

    found = drawn(calls(), schedule("event 1.1 before answer p2", played=run))

    assert found.rows["played"]["name"] == ["request p2", "request 1", "event 1.1", "answer p2"]
    assert found.rows["played"]["came"] == [True, True, True, False]


def test_a_run_of_an_earlier_version_has_no_answers() -> None:
    found = drawn(calls(), schedule(played=played("request 1", "ack 1", "event 1.1")))

    assert lines(found)[1] == "request p2 | -"
    assert found.rows["exchanges"] == {"p2": ["GET /calls", "s1"]}


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        (
            schedule("event 1.1 before answer p9"),
            f"the recording has no answer p9; {TWO}",
        ),
        (
            schedule("answer p1 1s late"),
            "answer p1 is no answer that may be moved: GET / is a redirect or not modified, status 302 (docs/races.md)",
        ),
        (
            schedule(played=[("request p0", 0.0)]),
            f"the recording has no answer p0; {TWO}",
        ),
        (
            schedule(played=[("answer p" + "9" * 5000, 0.0)]),
            f"has 'answer p{'9' * 32}', which is not among the 1 triple and 0 unsolicited events here",
        ),
    ],
)
def test_an_answer_that_the_recording_lacks_is_told_in_one_line(kept: Kept, says: str) -> None:
    with pytest.raises(UsageError) as told:
        drawn(calls(), kept)

    assert str(told.value) == f"schedule {kept.schedule.id}: {says}; it was found with a.cassette"


@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_a_time_that_is_none_is_told(seconds: float) -> None:
    with pytest.raises(UsageError, match="its order holds a time that is none"):
        drawn(session(), schedule(played=[("request 1", seconds)]))


def test_a_triple_without_an_ack_has_none_in_the_order() -> None:
    found = drawn(late_session(), schedule())

    assert "request 5" in found.rows["recorded"]["name"]
    assert "ack 5" not in found.rows["recorded"]["name"]
