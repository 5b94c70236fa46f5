"""Items, deviations and schedules, and their texts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from recorder.replay.engine.orders.deviations import OF_TWO, Deviation, Kind
from recorder.replay.engine.orders.items import Item, triple_of
from recorder.replay.engine.orders.schedule import Kept, Schedule, of_text, to_text

NUMBERS = st.integers(1, 999_999_999)
ACKS, UNSOLICITED = st.builds(Item, NUMBERS), st.builds(Item, st.just(0), NUMBERS)
PLAIN = st.builds(lambda number: Item(0, plain=number), NUMBERS)
ANSWERS = ACKS | PLAIN
EVENTS = st.builds(Item, NUMBERS, NUMBERS) | UNSOLICITED
PAIRS = st.tuples(EVENTS, EVENTS).filter(lambda pair: pair[0] != pair[1])
DEVIATIONS = (
    st.builds(lambda kind, pair: Deviation(kind, *pair), st.sampled_from(sorted(OF_TWO, key=str)), PAIRS)
    | st.builds(lambda pair: Deviation(Kind.BEFORE, *pair), st.tuples(ANSWERS, EVENTS) | st.tuples(EVENTS, ANSWERS))
    | st.builds(lambda item, n: Deviation(Kind.LATE, item, seconds=n / 1000), EVENTS | ANSWERS, st.integers(1, 10**7))
    | st.builds(Deviation, st.sampled_from([Kind.IN_REPLY, Kind.LOST_POLL, Kind.TWICE]), EVENTS)
    | st.builds(Deviation, st.sampled_from([Kind.LOST_SESSION, Kind.CUT]), EVENTS | ANSWERS)
)


@given(ANSWERS | EVENTS)
def test_an_item_is_read_from_its_name(item: Item) -> None:
    assert Item.parse(str(item)) == item
    assert item.is_answer is str(item).startswith(("ack ", "answer "))
    assert item.is_ack is str(item).startswith("ack ")


@given(ANSWERS | EVENTS)
def test_an_item_names_its_request(item: Item) -> None:
    number = str(item).rpartition(" ")[2].partition(".")[0]

    assert item.request == ("" if number.startswith("u") else f"request {number}")
    assert triple_of(item.request) == item.triple


@pytest.mark.parametrize("name", ["", "request", "request p2", "ack 4", "answer p2", "event 4.1", "4"])
def test_what_is_no_request_of_a_triple_has_no_number(name: str) -> None:
    assert triple_of(name) == 0


@given(DEVIATIONS)
def test_a_deviation_is_read_from_its_text(deviation: Deviation) -> None:
    assert Deviation.parse(str(deviation)) == deviation
    assert Deviation.parse(f"  {str(deviation).replace(' ', '   ')} ") == deviation


@given(st.lists(DEVIATIONS))
def test_equal_deviations_make_one_schedule(deviations: list[Deviation]) -> None:
    schedule, again = Schedule.of(deviations), Schedule.of([*reversed(deviations), *deviations])

    assert (schedule, schedule.id) == (again, again.id)
    assert of_text(to_text(Kept(schedule, ("a.cassette",), "test", "says", (("ack 1", 0.5),))).encode(), "x") == Kept(
        schedule, ("a.cassette",), "test", "says", (("ack 1", 0.5),)
    )


def test_the_answers_of_a_run_are_kept_with_its_acts() -> None:
    kept = Kept(Schedule(), played=(("request 1", 0.0), ("ack 1", 0.5)), answers=(0, 7))

    assert json.loads(to_text(kept))["played"] == [["request 1", 0.0, 0], ["ack 1", 0.5, 7]]
    assert of_text(to_text(kept).encode(), "x") == kept
    assert of_text(to_text(kept).replace(", 7", "").replace("0.5,\n      7", "0.5").encode(), "x").answers == ()


def test_what_another_version_wrote_is_kept() -> None:
    told = json.loads(to_text(Kept(Schedule.of([Deviation.parse("event 4.1 before ack 4")])))) | {"colour": "red"}

    assert json.loads(to_text(of_text(json.dumps(told).encode(), "x"))) == told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it should begin with an ack, event or answer"),
        ("event 4.1", "it should begin with an ack, event or answer"),
        ("event 4.1 behind ack 4", "'behind ack 4' is unknown"),
        ("event 4.1 before", "'before' is unknown"),
        ("event 4 before ack 4", "names no ack, event or answer"),
        ("ack 4.1 before ack 5", "names no ack, event or answer"),
        ("event 0.1 before ack 5", "names no ack, event or answer"),
        ("answer 2 before ack 4", "names no ack, event or answer"),
        ("answer p0 before ack 4", "names no ack, event or answer"),
        ("ack p2 before ack 4", "names no ack, event or answer"),
        ("event 4.1 before request p2", "is unknown"),
        ("answer p2 before answer p2", "no order with itself"),
        ("answer p2 twice", "'twice' is for events"),
        ("event 4.1 with answer p2", "'with' is for events"),
        ("answer p2 apart from event 4.1", "'apart from' is for events"),
        ("answer p2 in a reply", "'in a reply' is for events"),
        ("event 4.1 before event 4.1", "no order with itself"),
        ("event 4.1 0s late", "such as 2s"),
        ("event 4.1 1.2.3s late", "such as 2s"),
        ("ack 4 twice", "'twice' is for events"),
        ("event 4.1 with ack 4", "'with' is for events"),
        ("answer p0 1s late", "write 'ack 4', 'event 4.1', 'event u3' or 'answer p2'"),
        ("event 4.1 twice ack 4", "is unknown"),
    ],
)
def test_what_is_no_deviation_is_told(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Deviation.parse(text)


@pytest.mark.parametrize("text", [b"", b"[]", b"3", b'{"format": "recorder schedule 1"}', b"[" * 10_000, b"\xff"])
def test_a_file_that_is_no_schedule_is_named(text: bytes) -> None:
    with pytest.raises(UsageError, match=r"^some file: is no schedule"):
        of_text(text, "some file")


@pytest.mark.parametrize(
    "wrong",
    [
        {"deviations": "ack 2 before event 2.1"},
        {"deviations": {"ack 2 before event 2.1": 1}},
        {"deviations": None},
        {"deviations": [5]},
        {"deviations": [], "cassettes": "day.cassette"},
        {"deviations": [], "cassettes": [["day.cassette"]]},
        {"deviations": [], "cassettes": None},
    ],
)
def test_a_file_whose_lists_are_none_is_no_schedule(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"^some file: is no schedule"):
        of_text(json.dumps({"format": "recorder schedule 1"} | wrong).encode(), "some file")


@pytest.mark.parametrize("played", [5, "ack 1", [["ack 1"]], [["ack 1", "soon"]], [["ack 1", 0.1, "last"]], [7]])
def test_a_file_with_times_that_are_none_says_so(played: object) -> None:
    text = json.dumps({"format": "recorder schedule 1", "deviations": [], "played": played}).encode()

    with pytest.raises(UsageError, match=r"^some file: its `played` is no list of names, each with its seconds$"):
        of_text(text, "some file")


def test_a_file_of_another_version_or_with_a_wrong_text_is_named() -> None:
    with pytest.raises(UsageError, match=r"^some file: its format is 'recorder schedule 2'"):
        of_text(b'{"format": "recorder schedule 2"}', "some file")
    with pytest.raises(UsageError, match=r"^some file: deviation 'ack 4 twice'"):
        of_text(b'{"format": "recorder schedule 1", "deviations": ["ack 4 twice"]}', "some file")


def test_the_recorded_order_has_no_deviations() -> None:
    assert (Schedule().id, str(Schedule())) == ("recorded", "the recorded order")
