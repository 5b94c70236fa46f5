"""The table of clients in README.md is what the matrix says, and the matrix leaves nobody out."""

from __future__ import annotations

from tests.clients.matrix import PLAYERS, SEATS, TAKES
from tests.clients.table import ALL, README, played, render, section, with_section


def test_the_table_is_that_of_a_run_in_which_all_of_the_matrix_passed() -> None:
    assert section(README.read_text()) == render(ALL)


def test_a_cell_that_was_not_proved_shows_it() -> None:
    table = render(ALL - {played(TAKES[0])})

    assert table.count("**fails**") == 1
    assert section(with_section(README.read_text(), table)) == table


def test_each_client_is_recorded_and_plays_on_each_of_its_transports() -> None:
    assert {take.seat for take in TAKES} == set(PLAYERS.values()) == set(SEATS)


def test_who_plays_is_another_client_and_both_transports_are_crossed() -> None:
    assert [take for take, player in PLAYERS.items() if player.client.package == take.seat.client.package] == []
    crossed = {(take.seat.transport, player.transport) for take, player in PLAYERS.items()}
    assert {("long-polling", "websocket"), ("websocket", "long-polling")} <= crossed
