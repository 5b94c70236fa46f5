"""Who was beside whom: tabs of one browser, told from clients that come back."""

from __future__ import annotations

from recorder.correlate.sessions import Windows


def windows(*told: tuple[str, str, int]) -> dict[str, int]:
    """What is told of one agent's clients: ("+", client, seq) shakes hands, (" ", client, seq) talks."""
    found = Windows()
    for what, client, seq in told:
        if what == "+":
            found.handshaken(client, 1, seq)
        else:
            found.talks(client, seq)
    return found.numbers()


def test_one_client_is_in_the_first_window() -> None:
    assert windows(("+", "a", 0), (" ", "a", 5)) == {}


def test_who_still_talks_when_another_shakes_hands_has_another_window() -> None:
    assert windows(("+", "a", 0), ("+", "b", 2), (" ", "a", 3)) == {"b": 1}


def test_who_comes_back_takes_the_place_of_the_one_it_was() -> None:
    assert windows(("+", "a", 0), (" ", "a", 1), ("+", "b", 2), (" ", "b", 3)) == {}


def test_who_comes_back_beside_another_takes_the_window_that_is_free() -> None:
    told = [("+", "a", 0), ("+", "b", 1), (" ", "a", 9), (" ", "b", 3), ("+", "c", 4), (" ", "c", 5)]

    assert windows(*told) == {"b": 1, "c": 1}


def test_agents_have_windows_of_their_own() -> None:
    found = Windows()
    found.handshaken("a", 1, 0)
    found.handshaken("b", 2, 1)
    found.talks("a", 2)

    assert found.numbers() == {}


def test_a_client_whose_handshake_was_not_seen_has_none() -> None:
    assert windows((" ", "x", 0), ("+", "a", 1)) == {}
