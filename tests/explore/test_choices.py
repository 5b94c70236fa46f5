"""The single deviations of a recording: the most telling first, one of each look before its like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from recorder.dialect.carried import dialect_of
from recorder.explore.choices import Rank
from recorder.explore.drawing import Drawing
from recorder.explore.neighbours import Coverage
from recorder.explore.placed import placed
from recorder.explore.space import Space
from recorder.library.lazy import open_recording
from recorder.library.recording import joined, load_recording
from recorder.library.sealing import seal
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Disturbance, Kind
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.played import Act, Order
from tests.explore.desk import GWS, Desktop, listed, recorded, refreshed, schedule
from tests.wire import Wire, chained, done, state_event

RECORDING = recorded()
RACES = Path(__file__).parents[1] / "cassettes" / "races"
LABS = Path(__file__).parents[1] / "cassettes" / "labs"


def derived(path: Path, _: Path | None = None) -> Recording:
    return load_recording(path)


def sealed(path: Path, folder: Path) -> Recording:
    seal(path, folder / path.name, archive=True)
    with open_recording(folder / path.name) as opened:
        assert opened.is_stored
        assert opened.recording.connection_types == load_recording(path).connection_types
    return replace(load_recording(path), connection_types=opened.recording.connection_types)


def texts(space: Space, rank: Rank | None = None) -> list[str]:
    return [str(one.deviation) for one in space.singles if rank in (None, one.rank)]


def test_the_ack_and_the_events_of_one_triple_come_first() -> None:
    found = texts(Space.of(RECORDING, GWS, delay=1.0))

    assert found[:4] == [
        "event 1.1 before ack 1", "event 1.2 before event 1.1", "event 2.1 before ack 2", "event 2.2 before event 2.1",
    ]  # fmt: skip
    assert found[-1].endswith("late")


def test_events_of_one_answer_come_apart_and_those_of_two_together() -> None:
    found = texts(Space.of(RECORDING, GWS), Rank.BATCH)

    assert found == [
        "event 1.2 with event 1.1", "event 2.2 apart from event 2.1", "event 2.3 with event 2.2",
        "event u1 apart from event 2.3", "event 3.1 with event u1",
    ]  # fmt: skip


def test_pairs_that_a_client_may_have_waited_with_come_late() -> None:
    space = Space.of(RECORDING, GWS)

    unsure = {str(pair.reversal) for pair in space.pairs if not pair.is_sure}
    assert "ack 2 before event 1.2" in unsure
    assert "ack 3 before ack 2" not in unsure
    assert unsure <= set(texts(space, Rank.UNSURE))


def test_the_answers_to_other_requests_change_places_with_what_stands_near_them() -> None:
    space = Space.of(listed(), GWS)

    assert texts(space)[:3] == ["event 1.1 before ack 1", "answer p2 before answer p1", "event u1 before answer p2"]
    assert texts(space, Rank.PLAIN) == [
        "answer p2 before answer p1", "event u1 before answer p2", "event u1 before answer p1",
    ]  # fmt: skip
    assert {"ack 1 before answer p2", "event 1.1 before answer p2"} <= {*texts(space, Rank.UNSURE)}


@pytest.mark.parametrize("lists", [1, 3, 8, 30])
def test_however_many_other_answers_stand_between_acks_and_events_they_are_neighbours(lists: int) -> None:
    alone, among = (Space.of(refreshed(number, 3), GWS) for number in (0, lists))

    plain = {one.item for one in among.items if one.item.plain}
    assert len(plain) == 3 * lists
    assert [str(pair.reversal) for pair in among.pairs if plain.isdisjoint(pair.names)] == [
        str(pair.reversal) for pair in alone.pairs
    ]
    assert {text for text in texts(among) if "answer" not in text} == {*texts(alone)}


def test_each_of_many_lists_is_a_neighbour_of_the_event_after_them() -> None:
    found = texts(Space.of(refreshed(30), GWS), Rank.PLAIN)

    assert {f"event 1.1 before answer p{number}" for number in range(1, 31)} <= {*found}


def test_many_answers_leave_turns_to_other_deviations() -> None:
    usual = Space.of(refreshed(0, 3), GWS)
    space = Space.of(refreshed(30, 3), GWS)

    assert len(texts(space, Rank.PLAIN)) > 10 * len(usual.singles)
    first = texts(space)[:120]  # so many of 200 schedules have one deviation
    assert {*texts(usual)} <= {*first}
    assert texts(space, Rank.PLAIN)[:2] == ["event 1.1 before answer p30", "event 1.1 before answer p29"]


def test_answers_whose_paths_differ_in_ids_look_alike() -> None:
    looks = {str(one.deviation): (one.look, one.again) for one in Space.of(listed(), GWS).singles}

    first, second = looks["event u1 before answer p2"], looks["event u1 before answer p1"]
    assert first[0] == second[0]
    assert (first[1], second[1]) == (0, 1)


def test_the_answers_to_other_requests_are_late_after_all_else_and_meet_no_trouble() -> None:
    space = Space.of(listed(), GWS, delay=1.0, disturb=frozenset(Disturbance))

    assert texts(space, Rank.LATE)[-2:] == ["answer p1 1s late", "answer p2 1s late"]
    troubles = texts(space, Rank.TROUBLE)
    assert [text for text in troubles if text.startswith("answer")] == []
    assert "ack 1 after a lost session" in troubles
    assert [text for text in texts(space, Rank.BATCH) + texts(space, Rank.REPLY) if "answer" in text] == []


def test_nothing_is_late_without_a_delay_and_one_of_each_name_with_one() -> None:
    assert texts(Space.of(RECORDING, GWS), Rank.LATE) == []
    assert texts(Space.of(RECORDING, GWS, delay=0.25), Rank.LATE)[:4] == [
        "ack 1 250ms late", "event 1.2 250ms late", "event 1.1 250ms late", "ack 2 250ms late",
    ]  # fmt: skip


def test_trouble_is_listed_by_its_kind() -> None:
    kinds = {
        disturbance: {one.deviation.kind for one in Space.of(RECORDING, GWS, disturb={disturbance}).singles}
        for disturbance in Disturbance
    }

    assert Kind.LOST_POLL in kinds[Disturbance.POLL]
    assert Kind.LOST_SESSION in kinds[Disturbance.HANDSHAKE]
    assert Kind.TWICE in kinds[Disturbance.DUPLICATE]
    assert Kind.CUT in kinds[Disturbance.FALLBACK]
    assert Kind.LOST_POLL not in kinds[Disturbance.DUPLICATE]


def test_an_event_comes_in_a_reply_where_its_client_sent_something_near_it() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.hears(state_event())
    desk.asks(chained(7, "r1"), done(7, "r1"))
    channel = {"channel": "/meta/subscribe", "subscription": "/more"}
    wire.respond(desk.bayeux(channel | {"clientId": desk.client_id}), [channel | {"successful": True}])
    desk.hears(state_event("Ready"))

    found = texts(Space.of(wire.recording(), GWS), Rank.REPLY)

    assert found == ["event u1 in a reply", "event 1.1 in a reply", "event u2 in a reply"]


def test_only_what_is_wanted_is_laid_out() -> None:
    wanted = {Item(2), Item(2, 3), Item(0, 1), Item(99), Item(2, 99)}

    assert [str(one.item) for one in placed(RECORDING, GWS, wanted)] == ["ack 2", "event 2.3", "event u1"]


def test_only_answers_that_are_wanted_are_laid_out() -> None:
    wanted = {Item(0, plain=2), Item(0, plain=9), Item(1)}

    assert [str(one.item) for one in placed(listed(), GWS, wanted)] == ["answer p2", "ack 1"]
    assert [str(one.item) for one in placed(listed(), GWS, {Item(0, 1)})] == ["event u1"]


def test_a_triple_without_an_answer_has_no_ack() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    wire.fail(desk.post(chained(7, "r1")))
    desk.hears(done(7, "r1"))

    assert [str(one.item) for one in placed(wire.recording(), GWS)] == ["event 1.1"]


def test_a_recording_without_anything_to_move_has_one_schedule() -> None:
    space = Space.of(Wire().recording(), GWS, delay=1.0, disturb=frozenset(Disturbance))

    assert (space.items, space.pairs, space.singles, space.sessions()) == ((), (), (), [])


def test_what_alone_did_not_come_about_is_not_tried_again() -> None:
    space = Space.of(RECORDING, GWS)
    coverage = Coverage(space.pairs)
    drawing = Drawing(space, coverage)
    unmet = schedule("ack 2 before event 1.2")
    acts = (Act("event 1.2", 0.0), Act("request 2", 0.1), Act("ack 2", 0.2))

    drawing.learn(unmet, Order(acts, unmet=frozenset(unmet.deviations)))

    left = [str(one) for one in drawing.single(space.singles)]
    assert "ack 2 before event 1.2" not in left
    assert "event 2.1 before event 1.2" not in left  # the client waits with the whole triple
    assert "event 2.1 with event 1.2" not in left
    assert "ack 2 before event 1.1" in left


def test_coverage_counts_what_runs_showed() -> None:
    space = Space.of(RECORDING, GWS, wanted={Item(2), Item(2, 1), Item(2, 2)})
    coverage = Coverage(space.pairs)
    orders = [["ack 2", "event 2.1", "event 2.2"], ["ack 2", "event 2.2", "event 2.1"], ["event 2.1", "ack 2"]]

    told = [str(coverage)]
    for names in orders:
        coverage.add(Order(tuple(Act(name, 0.0) for name in names)))
        told.append(str(coverage))

    assert told == [f"{number} of 3 pairs of neighbours seen in both orders" for number in (0, 0, 1, 2)]
    assert [str(pair.reversal) for pair in coverage.unseen] == ["event 2.2 before ack 2"]


def test_coverage_of_nothing_says_so() -> None:
    coverage = Coverage()
    coverage.add(Order((Act("request 1", 0.0),)))

    assert str(coverage) == "the client got none of the recorded answers and events"
    coverage.add(Order((Act("request 1", 0.0), Act("ack 1", 0.0))))
    assert str(coverage) == "no two answers or events of this run may come in another order"


def test_a_set_is_not_drawn_that_needs_what_the_client_does_not_let_come_about() -> None:
    space = Space.of(RECORDING, GWS)
    coverage = Coverage(space.pairs)
    drawing = Drawing(space, coverage)
    unmet = schedule("ack 3 before event 2.2")
    acts = (Act("event 2.2", 0.0), Act("request 3", 0.1), Act("ack 3", 0.2))

    drawing.learn(unmet, Order(acts, unmet=frozenset(unmet.deviations)))

    drawn = [str(one) for one, _ in drawing.schedules(400, Random(0))]
    assert "event 2.3 before event 2.2" in drawn
    assert "ack 3 before ack 2" in drawn
    assert not [one for one in drawn if "event 2.2 before ack 2" in one and "ack 3 before event 2.2" in one]
    assert not [one for one in drawn if "event 2.3 before event 2.2" in one and "event 3.1 before event 2.3" in one]
    assert not [one for one in drawn if "event 2.3 before event 2.2" in one and "event 3.1 with event 2.3" in one]


def test_a_stream_is_one_channel_and_has_no_polls() -> None:
    """What one operation causes on a stream keeps its order, whatever the topics."""
    recording = load_recording(LABS / "orders-sse.cassette")
    space = Space.of(recording, dialect_of(recording.header), disturb=frozenset(Disturbance))

    found = texts(space)

    assert "event 1.1 before ack 1" in found
    assert "event u4 before event 1.2" not in found  # they have ids
    assert "event u5 before ack 2" in found
    assert "event 1.2 before event 1.1" not in found  # packed before accepted
    assert "event u3 before event u1" not in found
    assert {one.deviation.kind for one in space.singles} == {Kind.BEFORE}


def test_a_websocket_without_bayeux_can_be_cut_and_no_more() -> None:
    recording = load_recording(LABS / "orders-socket.cassette")

    space = Space.of(recording, dialect_of(recording.header), disturb=frozenset(Disturbance))

    assert {one.deviation.kind for one in space.singles} == {Kind.BEFORE, Kind.CUT}


def test_what_a_patient_client_never_lets_come_about_is_postponed() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(8):
        desk.asks(chained(number, f"r{number}"), done(number, f"r{number}"))
    recording = wire.recording()
    space = Space.of(recording, GWS)
    desktop = Desktop.patient(space.items)
    drawing = Drawing(space, Coverage(space.pairs))
    unmet = []

    for one, _ in drawing.schedules(200, Random(0)):
        order = desktop.run(one)
        drawing.learn(one, order)
        unmet.append(bool(order.unmet))

    assert sum(unmet[:40]) <= 8
    assert sum(unmet) > 8  # they come after the pairs


def test_two_events_change_places_in_one_answer() -> None:
    found = {tuple(map(str, pair)) for pair in Space.of(RECORDING, GWS).together}

    assert ("event 2.2 with event 2.1", "event 2.2 before event 2.1") in found  # recorded in one
    assert ("event 2.3 with event 2.2", "event 2.3 before event 2.2") in found  # recorded in two
    assert len(found) <= 6


@pytest.mark.parametrize("opens", [derived, sealed])
@pytest.mark.parametrize(("name", "is_tried"), [("note", True), ("pair", True), ("chain", False)])
def test_no_event_comes_in_a_reply_where_faye_was_recorded(
    opens: Callable[[Path, Path], Recording], name: str, is_tried: bool, tmp_path: Path
) -> None:
    recording = opens(RACES / f"{name}.cassette", tmp_path)
    space = Space.of(recording, dialect_of(recording.header), disturb=Disturbance)

    assert any(one.deviation.kind is Kind.IN_REPLY for one in space.singles) is (is_tried and name == "note")
    assert any(one.kind is Kind.IN_REPLY for both in space.together for one in both) is is_tried


def test_recordings_of_faye_and_others_together_are_taken_for_one_of_faye() -> None:
    recording = joined([derived(RACES / f"{name}.cassette") for name in ("note", "chain")])

    assert "in-process" in recording.connection_types
    assert not any(one.deviation.kind is Kind.IN_REPLY for one in Space.of(recording, GWS).singles)
