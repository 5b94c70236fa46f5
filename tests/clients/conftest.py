from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.crossing import Lines, Play, as_program
from tests.clients.matrix import Seat
from tests.lab.browser import Browser, play_in_page, serving_pages


@pytest.fixture(scope="session")
def origin() -> Iterator[str]:
    """Where pages come from."""
    with serving_pages() as served:
        yield served


@pytest.fixture(scope="session")
def play(browser: Browser, origin: str) -> Play:
    """Let a client play as a program, but a page in the Chromium that runs already: to start one takes longer."""

    def play(seat: Seat, url: str, script: dict[str, object]) -> Lines:
        if seat.client.marker != "browser":
            return as_program(seat, url, script)
        return play_in_page(browser, origin, url, script)

    return play
