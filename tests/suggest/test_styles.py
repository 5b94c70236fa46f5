"""Derive dialects of APIs of several styles, and hold the links by them against the truth."""

from __future__ import annotations

import pytest

from recorder.correlate.engine import correlate
from recorder.suggest import suggest
from recorder.suggest.derive import links
from tests.suggest.styles import STYLES

SURE = 0.9


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("style", STYLES)
def test_events_are_linked_to_their_requests(style: str, seed: int) -> None:
    cassette, truth = STYLES[style](seed)
    dialect = suggest([cassette]).dialect
    found = links(correlate(cassette.records, dialect, cassette.header))
    by_place = {(link.event.seq, link.event.index): link for link in found}
    caused = [place for place, cause in truth.items() if cause is not None]
    right = sum(place in by_place and by_place[place].request == truth[place] for place in caused)
    assert right >= 0.95 * len(caused)
    assert not [
        link.why for place, link in by_place.items() if link.confidence >= SURE and link.request != truth[place]
    ]


@pytest.mark.parametrize(("style", "noise"), [("machines", "Report"), ("orders", "stock.level")])
def test_events_that_agree_by_chance_are_of_no_operation(style: str, noise: str) -> None:
    for seed in range(1, 7):
        dialect = suggest([STYLES[style](seed)[0]]).dialect
        assert not [name for name, one in dialect.operations.items() if noise in one.events], f"seed {seed}"


def test_a_clock_is_no_transaction() -> None:
    dialects = [suggest([STYLES["machines"](seed)[0]]).dialect for seed in range(1, 7)]
    assert not any(one.sibling_same for one in dialects)
    assert suggest([STYLES["tickets"](1)[0]]).dialect.sibling_same == ("tx",)


def test_the_user_is_no_part_of_a_name() -> None:
    for seed in range(1, 7):
        found = suggest([STYLES["presence"](seed)[0]])
        assert {name for one in found.dialect.operations.values() for name in one.events} == {
            "PresenceChanged",
            "MessagePosted",
        }
