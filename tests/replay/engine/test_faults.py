"""Faults hit what their address says and nothing else, the same way every time, and are counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from recorder.model import Recording, Triple
from recorder.replay.engine.faults import EXAMPLES, Fault, Faults, Kind, Played, check, parse
from recorder.replay.engine.timeline import INSTANT, Step, step_of, steps
from tests.replay.recordings import recordings
from tests.wire import Wire, campaign_event, chained, complete, done, operation, preview, record_event, twin

OUTBOUND = "/v2/me/outbound"
INTERNAL = "/me/internal"
OF_EVENTS = (Kind.DROP, Kind.DUPLICATE, Kind.REORDER, Kind.DELAY_EVENT)
PUBLISH_DENIED = "403:denied_by_security_policy:publish_denied"
OF_SESSIONS = {
    Kind.END,
    Kind.CUT_STREAM,
    Kind.STALL,
    Kind.EXPIRE,
    Kind.REFUSE_HANDSHAKE,
    Kind.REFUSE_SUBSCRIBE,
    Kind.REFUSE_PUBLISH,
}


def chains(operations: int = 1) -> Recording:
    """GetChainedRecord some times: a ChainedRecord before the ack, its twin and the end behind it, 100 ms apart."""
    wire = Wire()
    desk = wire.desk()
    for n in range(operations):
        handle = 7 + n
        events = record_event("ChainedRecord", handle, f"r{n}"), twin("ChainedRecord", handle), done(handle, f"r{n}")
        desk.asks(chained(handle, f"r{n}"), *events, early=1)
        wire.wait(5)
    return wire.recording()


def faults_of(recording: Recording, *texts: str, seed: int = 0) -> Faults:
    return Faults([parse(text) for text in texts], recording, seed=seed)


def play(faults: Faults, triple: Triple, session: str = "p1", rate: float = 1.0) -> Played:
    return faults.play(session, triple.operation, steps(triple), rate)


def played(*texts: str, rate: float = 1.0) -> Played:
    """What becomes of the one operation of `chains`."""
    recording = chains()
    return play(faults_of(recording, *texts), recording.triples[0], rate=rate)


def shown(of: tuple[Step, ...]) -> list[str]:
    """Steps as name and offset in milliseconds."""
    return [f"{_name(step)} {step.offset * 1000:g}" for step in of]


def order(of: tuple[Step, ...]) -> list[str]:
    """Steps by name."""
    return [_name(step) for step in of]


def _name(step: Step) -> str:
    if step.event is None:
        return "ack"
    data = step.event.data
    return f"{data['userData']['GSW_USER_EVENT']}-twin" if "userData" in data else str(data["notificationType"])


UNTOUCHED = ["ChainedRecord 100", "ack 200", "ChainedRecord-twin 300", "ChainedRecordsDataEnd 400"]


# How a fault is written


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop event PreviewRecord#2", Fault("drop event PreviewRecord#2", Kind.DROP, "PreviewRecord", 2)),
        ("drop event PreviewRecord", Fault("drop event PreviewRecord", Kind.DROP, "PreviewRecord")),
        ("drop event /me/internal#1", Fault("drop event /me/internal#1", Kind.DROP, "/me/internal", 1)),
        ("duplicate event A 10%", Fault("duplicate event A 10%", Kind.DUPLICATE, "A", chance=0.1)),
        ("duplicate event A 0.5%", Fault("duplicate event A 0.5%", Kind.DUPLICATE, "A", chance=0.005)),
        ("reorder event A#1", Fault("reorder event A#1", Kind.REORDER, "A", 1)),
        ("delay event A#1 3s", Fault("delay event A#1 3s", Kind.DELAY_EVENT, "A", 1, seconds=3.0)),
        ("delay event A 10% 3s", Fault("delay event A 10% 3s", Kind.DELAY_EVENT, "A", chance=0.1, seconds=3.0)),
        ("delay ack B 300ms", Fault("delay ack B 300ms", Kind.DELAY_ACK, "B", seconds=0.3)),
        ("delay ack B 1.5s", Fault("delay ack B 1.5s", Kind.DELAY_ACK, "B", seconds=1.5)),
        ("http 503 B#2", Fault("http 503 B#2", Kind.HTTP, "B", 2, status=503)),
        ("http 404 B 100%", Fault("http 404 B 100%", Kind.HTTP, "B", status=404)),
        ("no answer B", Fault("no answer B", Kind.NO_ANSWER, "B")),
        ("unknown-client after B#1", Fault("unknown-client after B#1", Kind.FORGET, "B", 1)),
        ("cut websocket after B", Fault("cut websocket after B", Kind.CUT, "B")),
        ("end session after B#2", Fault("end session after B#2", Kind.END, "B", 2)),
        ("expire session after 10s idle", Fault("expire session after 10s idle", Kind.EXPIRE, "", seconds=10.0)),
        (
            "refuse handshake",
            Fault("refuse handshake", Kind.REFUSE_HANDSHAKE, "handshake", times=1, error="403::Handshake denied"),
        ),
        (
            "refuse handshake#3 2 times with '403::no'",
            Fault(
                "refuse handshake#3 2 times with '403::no'",
                Kind.REFUSE_HANDSHAKE,
                "handshake",
                3,
                times=2,
                error="403::no",
            ),
        ),
        (
            "refuse  subscribe /a  1 time with '403:/a:not for you'",
            Fault(
                "refuse subscribe /a 1 time with '403:/a:not for you'",
                Kind.REFUSE_SUBSCRIBE,
                "/a",
                times=1,
                error="403:/a:not for you",
            ),
        ),
        (
            "refuse publish /a 10%",
            Fault("refuse publish /a 10%", Kind.REFUSE_PUBLISH, "/a", chance=0.1, error=PUBLISH_DENIED),
        ),
    ],
)
def test_a_fault_is_what_happens_an_address_and_an_amount(text: str, fault: Fault) -> None:
    assert parse(text) == fault


def test_a_status_alone_is_meant_once_so_that_a_client_that_tries_again_gets_on() -> None:
    assert parse("http 500 CompleteRecord").nth == 1


def test_spaces_do_not_matter() -> None:
    assert parse("  drop   event\tA ") == parse("drop event A")


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_has_an_example_that_is_right(kind: Kind) -> None:
    assert parse(EXAMPLES[kind]).kind is kind


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it should begin with one of: drop event, *; for example: *"),
        ("drop PreviewRecord", "it should begin with one of: *; for example: drop event PreviewRecord#2"),
        ("delay GetChainedRecord 3s", "it should begin with one of: *; for example: delay * 3*s"),
        ("unknown client after X", "it should begin with one of: *; for example: unknown-client after *"),
        ("drop event", "there should be the name of an event, *; for example: drop event PreviewRecord#2"),
        ("drop event A#0", "there should be the name of an event, * not 'A#0'; for example: *"),
        ("drop event #1", "there should be the name of an event, * not '#1'; for example: *"),
        ("drop event A please", "'please' is too much; for example: *"),
        ("drop event A 101%", "there should be a probability from 0% to 100%, not '101%'; for example: *"),
        ("drop event A#1 10%", "write # or %, not both; for example: *"),
        ("delay event A", "there should be a time such as 3s or 300ms, not 'A'; for example: delay event * 300ms"),
        ("delay event", "there should be a time such as 3s or 300ms; for example: *"),
        ("delay ack B 3", "there should be a time such as 3s or 300ms, not '3'; for example: delay ack * 3s"),
        ("delay ack 3s", "there should be the name of an operation, *; for example: *"),
        ("http 200 B", "there should be a status from 400 to 599, not '200'; for example: http 500 *"),
        ("http B", "there should be a status from 400 to 599, not 'B'; for example: http 500 *"),
        ("no answer", "there should be the name of an operation, *; for example: no answer *"),
        ("drop event \x1b[1m\n A B", "'A B' is too much; for example: *"),
        ("drop event A with '403::no'", "only a refusal has an error; for example: *"),
        ("refuse handshake with '403::no' twice", "no word may follow the error; for example: *"),
        ("refuse subscribe", "there should be the name of a channel, *; for example: refuse subscribe *"),
        ("refuse subscribe /a 0 times", "there should be a number before times, not '0'; for example: *"),
        ("refuse subscribe /a 2 times 10%", "'2 times' is too much; for example: *"),
        ("refuse publish /a 10% 2 times", "write times or %, not both; for example: *"),
        ("refuse handshake /a", "'/a' is too much; for example: *"),
        ("end session after", "there should be the name of an operation or event, *; for example: *"),
        ("expire session after 10s", "there should be the word idle at the end; for example: *"),
        ("expire session after idle", "there should be a time such as 10s or 300ms, not 'idle'; for example: *"),
    ],
)
def test_what_is_no_fault_is_told_in_one_line_with_what_would_be_right(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert fnmatchcase(str(caught.value), f"fault '*': {problem}")
    assert str(caught.value).isprintable()


def test_a_long_text_is_cut() -> None:
    with pytest.raises(UsageError) as caught:
        parse("x" * 10_000)

    assert len(str(caught.value)) < 500


WORDS = [
    "refuse",
    "handshake",
    "handshake#2",
    "subscribe",
    "with '403::no'",
    "2 times",
    "end session after",
    "expire session after",
    "1s idle",
    "drop",
    "event",
    "delay",
    "ack",
    "http",
    "500",
    "no",
    "answer",
    "A",
    "#1",
    "A#1",
    "10%",
    "3s",
    "1e9ms",
    "٣s",
    "²%",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map(" ".join)))
def test_any_text_is_a_fault_or_a_usage_error_of_one_line(text: str) -> None:
    found = read(text)

    assert isinstance(found, Fault) or found.isprintable()
    assert parse(found.text if isinstance(found, Fault) else found.rpartition("for example: ")[2])


def read(text: str) -> Fault | str:
    """A fault, or what is wrong with it."""
    try:
        return parse(text)
    except UsageError as exc:
        return str(exc)


# What a fault may name


@pytest.mark.parametrize(
    ("text", "problem", "example"),
    [
        (
            "drop event ChainedRecrod#2",
            "no event 'ChainedRecrod', did you mean ChainedRecord?",
            "drop event ChainedRecord#2",
        ),
        (
            "delay event xyz 3s",
            "no event 'xyz', it has /me/internal, /v2/me/outbound, ChainedRecord, ChainedRecordsDataEnd",
            "delay event /me/internal 3s",
        ),
        (
            "http 500 GetChainRecord",
            "no operation 'GetChainRecord', did you mean GetChainedRecord?",
            "http 500 GetChainedRecord",
        ),
        ("delay ack event 3s", "no operation 'event', it has GetChainedRecord", "delay ack GetChainedRecord 3s"),
    ],
)
def test_a_name_that_is_not_in_the_recording_is_told_with_one_that_is(text: str, problem: str, example: str) -> None:
    with pytest.raises(UsageError) as caught:
        check([parse("drop event ChainedRecord"), parse(text)], chains())

    assert str(caught.value) == f"fault '{text}': the recording has {problem}; for example: {example}"


def test_of_many_names_some_are_told() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r"), *(record_event(f"Event{n:02}", 7, "r") for n in range(20)))

    with pytest.raises(UsageError, match=r"Event00, .*, Event10 …; for example: drop event /v2/me/outbound$"):
        check([parse("drop event xyz")], wire.recording())


def test_an_empty_recording_has_no_names() -> None:
    with pytest.raises(
        UsageError, match="has no event 'A', it has none at all; for example: drop event PreviewRecord#2"
    ):
        check([parse("drop event A")], Wire().recording())


def test_a_notification_a_channel_and_an_event_nobody_asked_for_may_be_named() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r"), done(7, "r"))
    desk.hears(campaign_event("CampaignStarted"))

    check([parse(f"drop event {name}") for name in ("CampaignStarted", OUTBOUND)], wire.recording())


def test_a_set_of_faults_checks_its_names() -> None:
    with pytest.raises(UsageError):
        faults_of(chains(), "drop event xyz")


# Each kind


def test_without_faults_the_steps_are_those_that_were_given() -> None:
    recording = chains()
    given = steps(recording.triples[0])

    assert Faults([], recording).play("p1", "GetChainedRecord", given, 1.0) == Played(given, 1.0)
    assert Faults([], recording).play("p1", "GetChainedRecord", given, 1.0).steps is given


def test_steps_that_no_fault_hits_are_those_that_were_given() -> None:
    recording = chains()
    given = steps(recording.triples[0])
    faults = faults_of(recording, "drop event ChainedRecord#9", "delay ack GetChainedRecord 0%  3s")
    found = faults.play("p1", "GetChainedRecord", given, 20.0)

    assert found.steps is given
    assert found == Played(given, 20.0)


def test_a_dropped_event_does_not_come() -> None:
    assert shown(played("drop event ChainedRecordsDataEnd").steps) == UNTOUCHED[:-1]


def test_a_duplicated_event_comes_twice_at_once() -> None:
    assert shown(played("duplicate event ChainedRecord#1").steps) == ["ChainedRecord 100", *UNTOUCHED]


def test_a_reordered_event_changes_places_with_the_next_one_and_the_ack_stays() -> None:
    assert shown(played("reorder event ChainedRecord#1").steps) == [
        "ChainedRecord-twin 100",
        "ack 200",
        "ChainedRecord 300",
        "ChainedRecordsDataEnd 400",
    ]


def test_an_event_takes_the_other_ones_place_on_the_recorded_wire() -> None:
    places = [step.order for step in steps(chains().triples[0])]

    assert [step.order for step in played("reorder event ChainedRecord#1").steps] == places


def test_who_was_passed_does_not_pass_in_turn() -> None:
    assert order(played(f"reorder event {OUTBOUND}", f"reorder event {INTERNAL}").steps) == [
        "ChainedRecord-twin",
        "ack",
        "ChainedRecord",
        "ChainedRecordsDataEnd",
    ]


def test_the_last_event_has_none_to_change_places_with() -> None:
    assert shown(played("reorder event ChainedRecordsDataEnd").steps) == UNTOUCHED


def test_what_is_behind_a_delayed_event_comes_as_much_later() -> None:
    assert shown(played("delay event ChainedRecord#2 3s").steps) == [
        "ChainedRecord 100",
        "ack 200",
        "ChainedRecord-twin 3300",
        "ChainedRecordsDataEnd 3400",
    ]


def test_what_is_behind_a_delayed_ack_comes_as_much_later() -> None:
    assert shown(played("delay ack GetChainedRecord 300ms").steps) == [
        "ChainedRecord 100",
        "ack 500",
        "ChainedRecord-twin 600",
        "ChainedRecordsDataEnd 700",
    ]


@pytest.mark.parametrize(("rate", "offsets"), [(1.0, [0.1, 1.2, 1.3, 1.4]), (10.0, [0.01, 1.02, 1.03, 1.04])])
def test_a_delay_is_on_the_clients_clock_whatever_the_rate(rate: float, offsets: list[float]) -> None:
    found = played("delay ack GetChainedRecord 1s", rate=rate)

    assert [step.offset for step in found.steps] == pytest.approx(offsets)
    assert found.rate == 1.0


def test_a_delay_is_a_delay_even_if_all_else_is_instant() -> None:
    found = played("delay event ChainedRecord#2 1s", rate=INSTANT)

    assert [step.offset for step in found.steps] == [0.0, 0.0, 1.0, 1.0]
    assert found.rate == 1.0


def test_a_failed_request_gets_its_status_and_causes_nothing() -> None:
    found = played("http 503 GetChainedRecord")

    assert found.status == 503
    assert shown(found.steps) == ["ack 200"]


def test_the_body_of_a_failure_says_whose_it_is() -> None:
    assert json.loads(played("http 503 GetChainedRecord").body) == {
        "error": "a fault that the stand-in was told to make",
        "fault": "http 503 GetChainedRecord",
    }


def test_a_request_without_an_answer_causes_its_events_all_the_same() -> None:
    found = played("no answer GetChainedRecord")

    assert order(found.steps) == ["ChainedRecord", "ChainedRecord-twin", "ChainedRecordsDataEnd"]
    assert found.status is None


@pytest.mark.parametrize(("begin", "flags"), [("unknown-client", (True, False)), ("cut websocket", (False, True))])
def test_what_ends_with_the_ack_is_told(begin: str, flags: tuple[bool, bool]) -> None:
    found = played(f"{begin} after GetChainedRecord")

    assert (found.forget, found.cut) == flags
    assert shown(found.steps) == UNTOUCHED


# What is counted


def tell(*texts: str, operations: int = 3, session: str = "p1", seed: int = 0) -> list[list[str]]:
    """What becomes of operations one after the other, by name."""
    recording = chains(operations)
    faults = faults_of(recording, *texts, seed=seed)
    return [order(play(faults, triple, session).steps) for triple in recording.triples]


ALL = ["ChainedRecord", "ack", "ChainedRecord-twin", "ChainedRecordsDataEnd"]


def test_an_event_without_a_number_is_every_one() -> None:
    assert tell("drop event ChainedRecordsDataEnd") == [ALL[:-1]] * 3


def test_events_are_counted_over_the_operations_of_a_session() -> None:
    assert tell("drop event ChainedRecordsDataEnd#2") == [ALL, ALL[:-1], ALL]


def test_an_event_on_two_channels_counts_twice_by_name_and_once_by_channel() -> None:
    assert tell("drop event ChainedRecord#4") == [ALL, ["ChainedRecord", "ack", "ChainedRecordsDataEnd"], ALL]
    assert tell(f"drop event {INTERNAL}#2") == tell("drop event ChainedRecord#4")


def test_operations_are_counted() -> None:
    assert tell("no answer GetChainedRecord#3")[2] == ["ChainedRecord", "ChainedRecord-twin", "ChainedRecordsDataEnd"]
    assert tell("no answer GetChainedRecord#3")[:2] == [ALL, ALL]


def test_what_a_failed_request_would_have_caused_is_not_counted() -> None:
    recording = chains()
    faults = faults_of(recording, "http 500 GetChainedRecord", "drop event ChainedRecordsDataEnd#1")
    failed, again = (play(faults, recording.triples[0]) for _ in range(2))

    assert (failed.status, again.status) == (500, None)
    assert order(again.steps) == ALL[:-1]


def test_other_operations_are_left_alone() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(complete(7, "r1"))
    desk.asks(preview("r2"))
    recording = wire.recording()
    faults = faults_of(recording, "http 500 GetPreviewRecord")

    assert [play(faults, triple).status for triple in recording.triples] == [None, 500]


def test_an_operation_and_an_event_of_one_name_are_counted_apart() -> None:
    wire = Wire()
    wire.desk().asks(operation("/api/v2/me/outbound-records/7", "Same", "r"), record_event("Same", 7, "r"))
    recording = wire.recording()
    faults = faults_of(recording, "duplicate event Same#1", "unknown-client after Same#1")
    found = [play(faults, recording.triples[0]) for _ in range(2)]

    assert [(order(one.steps), one.forget) for one in found] == [
        (["ack", "Same", "Same"], True),
        (["ack", "Same"], False),
    ]


def test_what_is_no_operation_is_left_alone() -> None:
    recording = chains()
    given = steps(recording.triples[0])[1:2]

    assert faults_of(recording, "http 500 GetChainedRecord").play("p1", None, given, 1.0) == Played(given, 1.0)


def test_an_event_nobody_asked_for_is_hit_too_and_counts() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.hears(campaign_event("CampaignStarted"))
    desk.asks(chained(7, "r"), done(7, "r"))
    recording = wire.recording()
    faults = faults_of(recording, f"duplicate event {OUTBOUND}#1", f"drop event {OUTBOUND}#2")
    pushed = faults.play("p1", None, (step_of(recording.unsolicited[0], 0, 0),), 1.0)

    assert order(pushed.steps) == ["CampaignStarted"] * 2
    assert order(play(faults, recording.triples[0]).steps) == ["ack"]


def test_each_live_session_counts_for_itself() -> None:
    recording = chains(2)
    faults = faults_of(recording, "drop event ChainedRecordsDataEnd#2")
    found = [order(play(faults, triple, name).steps) for triple in recording.triples for name in ("p1", "p2")]

    assert found == [ALL, ALL, ALL[:-1], ALL[:-1]]


# Several faults


def test_what_one_fault_takes_away_no_other_hits() -> None:
    recording = chains()
    name = "ChainedRecordsDataEnd"
    texts = [f"drop event {name}", f"duplicate event {name}", f"delay event {name} 3s", f"reorder event {name}"]
    faults = faults_of(recording, *texts)

    assert shown(play(faults, recording.triples[0]).steps) == UNTOUCHED[:-1]
    assert [fired for _, fired in faults.report()] == [1, 0, 0, 0]


def test_without_an_ack_nothing_hangs_on_it() -> None:
    recording = chains()
    name = "GetChainedRecord"
    texts = [f"delay ack {name} 3s", f"http 500 {name}", f"unknown-client after {name}", f"cut websocket after {name}"]
    faults = faults_of(recording, *texts, f"no answer {name}")
    found = play(faults, recording.triples[0])

    assert (found.status, found.forget, found.cut, found.rate) == (None, False, False, 1.0)
    assert [fired for _, fired in faults.report()] == [0, 0, 0, 0, 1]


def test_of_two_statuses_the_first_is_it() -> None:
    recording = chains()
    faults = faults_of(recording, "http 500 GetChainedRecord", "http 503 GetChainedRecord")

    assert play(faults, recording.triples[0]).status == 500
    assert [fired for _, fired in faults.report()] == [1, 0]


def test_a_failure_can_be_late_and_the_last_thing_a_server_says() -> None:
    name = "GetChainedRecord"
    found = played(f"http 500 {name}", f"delay ack {name} 1s", f"unknown-client after {name}")

    assert (found.status, found.forget, shown(found.steps)) == (500, True, ["ack 1200"])


def test_delays_add_up_and_copies_add_up() -> None:
    name = "ChainedRecordsDataEnd"
    recording = chains()
    faults = faults_of(recording, *[f"delay event {name} 1s"] * 2, *[f"duplicate event {name}"] * 2)
    found = play(faults, recording.triples[0])

    assert shown(found.steps) == [*UNTOUCHED[:-1], *[f"{name} 2400"] * 3]
    assert [fired for _, fired in faults.report()] == [1] * 4


def test_a_delay_goes_where_its_event_goes() -> None:
    assert shown(played("reorder event ChainedRecord#1", "delay event ChainedRecord#1 1s").steps) == [
        "ChainedRecord-twin 100",
        "ack 200",
        "ChainedRecord 1300",
        "ChainedRecordsDataEnd 1400",
    ]


def test_each_fault_tells_how_often_it_hit() -> None:
    recording = chains(3)
    texts = ["drop event ChainedRecord#2", "duplicate event ChainedRecordsDataEnd", "http 500 GetChainedRecord#9"]
    faults = faults_of(recording, *texts)
    before = faults.report()
    for triple in recording.triples:
        play(faults, triple)

    assert before == [(text, 0) for text in texts]
    assert faults.report() == list(zip(texts, [1, 3, 0], strict=True))


# Chance


def test_chance_hits_about_as_often_as_it_says() -> None:
    recording = chains()
    faults = faults_of(recording, "drop event ChainedRecordsDataEnd 30%")
    for _ in range(1000):
        play(faults, recording.triples[0])

    assert 250 < faults.report()[0][1] < 350


@pytest.mark.parametrize(("percent", "hit"), [("0%", 0), ("100%", 50)])
def test_there_is_certainty_at_both_ends(percent: str, hit: int) -> None:
    recording = chains()
    faults = faults_of(recording, f"drop event ChainedRecordsDataEnd {percent}")
    for _ in range(50):
        play(faults, recording.triples[0])

    assert faults.report()[0][1] == hit


def test_one_seed_gives_one_course_of_things_and_another_one_another() -> None:
    text = "drop event ChainedRecord 50%"
    courses = [tell(text, operations=20, seed=seed) for seed in (1, 1, 2)]

    assert courses[0] == courses[1] != courses[2]


def test_each_session_has_luck_of_its_own() -> None:
    one, other = (tell("drop event ChainedRecord 50%", operations=20, session=name) for name in ("p1", "p2"))

    assert one != other


def test_each_fault_has_luck_of_its_own() -> None:
    recording = chains(20)
    faults = faults_of(recording, f"delay event {OUTBOUND} 50% 1s", f"duplicate event {OUTBOUND} 50%")
    hits = []
    for triple in recording.triples:
        before = faults.report()
        play(faults, triple)
        hits.append([after - fired for (_, after), (_, fired) in zip(faults.report(), before, strict=True)])

    assert [one for one, _ in hits] != [other for _, other in hits]


# Whatever is played


@st.composite
def chosen(draw: st.DrawFn, recording: Recording, *, by_chance: bool = False) -> list[Fault]:
    """Some faults that fit a recording."""
    links = [link for triple in recording.triples for link in triple.events]
    events = sorted({name for link in links for name in (link.name, link.event.channel)})
    operations = sorted({triple.operation for triple in recording.triples if triple.operation})
    kinds = [kind for kind in Kind if kind not in OF_SESSIONS and (events or kind not in OF_EVENTS)]
    which = st.sampled_from(["", "#1", "#2", "#3", *([" 50%"] if by_chance else [])])
    faults = []
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=5)):
        name = draw(st.sampled_from(events if kind in OF_EVENTS else operations)) + draw(which)
        status = "500 " if kind is Kind.HTTP else ""
        time = " 250ms" if kind in (Kind.DELAY_EVENT, Kind.DELAY_ACK) else ""
        faults.append(parse(f"{kind.value} {status}{name}{time}"))
    return faults


@dataclass
class Model:
    """What faults do, said once more and in the simplest words: one kind after the other."""

    faults: list[Fault]
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def turns(self, names: set[str], of: str) -> list[Fault]:
        """The faults whose turn an occurrence is."""
        for name in names:
            self.seen[of, name] += 1
        kinds = [kind for kind in Kind if (kind in OF_EVENTS) == (of == "event")]
        mine = [fault for fault in self.faults if fault.name in names and fault.kind in kinds]
        return [fault for fault in mine if fault.nth in (None, self.seen[of, fault.name])]

    def play(self, triple: Triple) -> tuple[int | None, bool, bool, list[tuple[str, float]]]:
        """Status, the two flags, and what leaves when."""
        asked = self.turns({triple.operation or ""}, "operation")
        if _of(Kind.NO_ANSWER, asked):
            asked = [fault for fault in asked if fault.kind is Kind.NO_ANSWER]
        failed = _of(Kind.HTTP, asked)
        parts: list[tuple[str, float, list[Fault]]] = []
        for step in steps(triple):
            if step.event is None:
                parts += [] if _of(Kind.NO_ANSWER, asked) else [("ack", step.offset, asked)]
            elif not failed:
                link = next(link for link in triple.events if link.event is step.event)
                parts.append((_key(step), step.offset, self.turns({link.name, step.event.channel}, "event")))
        parts = [part for part in parts if not _of(Kind.DROP, part[2])]
        moved = iter(_moved([part for part in parts if part[0] != "ack"]))
        filled = [(part if part[0] == "ack" else next(moved), part[1]) for part in parts]
        status = failed[0].status if failed else None
        return status, bool(_of(Kind.FORGET, asked)), bool(_of(Kind.CUT, asked)), list(_leaving(filled))


def _of(kind: Kind, faults: list[Fault]) -> list[Fault]:
    return [fault for fault in faults if fault.kind is kind]


def _moved(events: list[tuple[str, float, list[Fault]]]) -> list[tuple[str, float, list[Fault]]]:
    if len(events) < 2:
        return events
    if _of(Kind.REORDER, events[0][2]):
        return [events[1], events[0], *_moved(events[2:])]
    return [events[0], *_moved(events[1:])]


def _leaving(parts: list[tuple[tuple[str, float, list[Fault]], float]]) -> Iterator[tuple[str, float]]:
    late = 0.0
    for (key, _, turns), offset in parts:
        late += sum(fault.seconds for fault in turns)
        yield from [(key, offset + late)] * (1 + len(_of(Kind.DUPLICATE, turns)))


def _key(step: Step) -> str:
    return "ack" if step.event is None else f"{step.event.seq}.{step.event.index}"


@given(st.data())
def test_what_is_left_of_any_triples_is_exactly_what_the_faults_say(data: st.DataObject) -> None:
    recording = data.draw(recordings())
    faults = data.draw(chosen(recording))
    model = Model(faults)
    tested = Faults(faults, recording)

    for triple in recording.triples:
        found = play(tested, triple)
        status, forget, cut, leaves = model.play(triple)
        assert (found.status, found.forget, found.cut) == (status, forget, cut)
        assert [_key(step) for step in found.steps] == [key for key, _ in leaves]
        assert [step.offset for step in found.steps] == pytest.approx([at for _, at in leaves])


@given(st.data())
def test_steps_come_back_as_they_were_unless_a_fault_hit(data: st.DataObject) -> None:
    recording = data.draw(recordings())
    tested = Faults(data.draw(chosen(recording, by_chance=True)), recording)

    for triple in recording.triples:
        before, given = tested.report(), steps(triple)
        found = tested.play("p1", triple.operation, given, 2.0)
        assert tested.report() != before or (found == Played(given, 2.0) and found.steps is given)


@given(st.data())
def test_nothing_leaves_before_what_was_ahead_of_it(data: st.DataObject) -> None:
    recording = data.draw(recordings())
    tested = Faults(data.draw(chosen(recording, by_chance=True)), recording)

    for triple in recording.triples:
        offsets = [step.offset for step in play(tested, triple).steps]
        assert offsets == sorted(offsets)


@given(st.data())
def test_how_sessions_interleave_changes_nothing_for_any_of_them(data: st.DataObject) -> None:
    recording = data.draw(recordings())
    faults = data.draw(chosen(recording, by_chance=True))
    turns = [name for name in ("p1", "p2", "p3") for _ in recording.triples]
    mixed = data.draw(st.permutations(turns))

    assert _course(faults, recording, turns) == _course(faults, recording, mixed)


def _course(faults: list[Fault], recording: Recording, turns: list[str]) -> tuple[dict[str, list[Played]], object]:
    tested = Faults(faults, recording, seed=5)
    places = {name: count() for name in turns}
    found: dict[str, list[Played]] = {name: [] for name in sorted(set(turns))}
    for name in turns:
        found[name].append(play(tested, recording.triples[next(places[name])], name))
    return found, tested.report()
