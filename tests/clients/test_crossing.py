"""Events that come amiss are counted, and the sample of the matrix leaves nothing out."""

from __future__ import annotations

import re
from typing import Any

from tests.clients.crossing import AMISS, LIVE, OTHER, PACES, THINKS, Tally, full, sample, tally
from tests.clients.crosswise import DOCS, MATRIX, render
from tests.clients.matrix import CLIENTS, SEATS, TAKES
from tests.clients.table import section, with_section


def heard(step: int | None, channel: str = "/a", **data: Any) -> dict[str, Any]:
    return {"kind": "event", "step": step, "channel": channel, "data": data}


RECORDED = [
    {"kind": "request", "step": 0},
    heard(0, n=1),
    heard(1, n=2, reference=f"{LIVE}1"),
    heard(2, "/b", note={"id": f"{LIVE}2", "tags": [f"{LIVE}3"]}),
]
PLAYED = [
    heard(0, n=1),
    heard(1, reference=f"{OTHER}1", n=2),
    heard(2, "/b", note={"tags": [f"{OTHER}3"], "id": f"{OTHER}2"}),
]


def test_nothing_is_amiss_under_other_ids() -> None:
    assert tally(RECORDED, PLAYED) == Tally(1)


def test_an_event_in_an_earlier_step_is_early() -> None:
    assert tally(RECORDED, [heard(0, n=2, reference=f"{OTHER}1"), PLAYED[0], PLAYED[2]]) == Tally(1, early=1)


def test_an_event_before_all_steps_is_early() -> None:
    assert tally(RECORDED, [heard(None, n=1), *PLAYED[1:]]) == Tally(1, early=1)


def test_an_event_in_a_later_step_is_late() -> None:
    assert tally(RECORDED, [heard(3, n=1), *PLAYED[1:]]) == Tally(1, late=1)


def test_an_event_that_does_not_come_is_lost() -> None:
    assert tally(RECORDED, PLAYED[1:]) == Tally(1, lost=1)


def test_an_event_that_comes_again_is_doubled() -> None:
    assert tally(RECORDED, [*PLAYED, heard(2, n=1)]) == Tally(1, doubled=1)


def test_a_recorded_id_is_wrong() -> None:
    assert tally(RECORDED, [*PLAYED[:1], heard(1, n=2, reference=f"{LIVE}1"), *PLAYED[2:]]) == Tally(1, wrong=1)


def test_the_id_of_another_step_is_wrong() -> None:
    assert tally(RECORDED, [*PLAYED[:1], heard(1, n=2, reference=f"{OTHER}2"), *PLAYED[2:]]) == Tally(1, wrong=1)


def test_an_event_that_was_not_recorded_is_wrong() -> None:
    assert tally(RECORDED, [*PLAYED, heard(2, n=4)]) == Tally(1, wrong=1)


def test_equal_events_of_several_steps_are_told_apart_by_their_steps() -> None:
    twice = [heard(0, n=1), heard(2, n=1)]

    assert tally(twice, twice) == Tally(1)
    assert tally(twice, [heard(0, n=1), heard(1, n=1)]) == Tally(1, early=1)


def test_a_sum_says_what_was_amiss() -> None:
    assert str(Tally(1) + Tally(1, early=2, lost=1) + Tally(1, early=1)) == "3: 3 early, 1 lost"
    assert str(Tally(8)) == "8"


def test_in_the_sample_takes_and_players_meet_each_pace_and_think_time() -> None:
    met = sample()

    assert {(one.take, one.pace) for one in met} == {(take, pace) for take in TAKES for pace in PACES}
    assert {(one.take, one.think) for one in met} == {(take, think) for take in TAKES for think in THINKS}
    assert {(one.player, one.pace) for one in met} == {(seat, pace) for seat in SEATS for pace in PACES}
    assert {(one.player, one.think) for one in met} == {(seat, think) for seat in SEATS for think in THINKS}
    assert {(one.pace, one.think) for one in met} == {(pace, think) for pace in PACES for think in THINKS}


def test_in_the_sample_most_clients_play_recordings_of_all_others() -> None:
    met = {(one.take.seat.client.key, one.player.client.key) for one in sample()}

    missing = {(one.key, other.key) for one in CLIENTS for other in CLIENTS} - met
    # there is one recording of python-bayeux, and it is played four times
    assert {recorded for recorded, _ in missing} <= {"python-bayeux"}


def test_the_documented_matrix_is_whole_and_nothing_in_it_was_early_doubled_or_wrong() -> None:
    tables = section(DOCS.read_text(), MATRIX)
    cells, _, rows = re.sub(r"8: [^|]*(?= \|)", "8", tables).rpartition("\n\n")

    assert cells == render({one: Tally(1) for one in full()}).rpartition("\n\n")[0]
    total = dict(zip(AMISS, rows.splitlines()[-1].split(" | ")[3:], strict=True))
    assert (total["early"], total["late"], total["doubled"], total["wrong"]) == ("0", "0", "0", "0")


def test_a_replay_that_went_amiss_shows_in_its_cell_and_its_row() -> None:
    results = {one: Tally(1) for one in full()} | {full()[0]: Tally(1, lost=2)}

    tables = render(results)

    assert tables.count("8: 2 lost") == 1
    assert tables.count("| 2 | 0 | 0 | 0 |\n") == 2  # of its pace, and of all
    assert section(with_section(DOCS.read_text(), tables, MATRIX), MATRIX) == tables
