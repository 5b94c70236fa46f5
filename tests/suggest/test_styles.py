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
