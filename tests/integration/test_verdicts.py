"""The same flow recorded twice from a real lab gives no error and no warning, whatever its ids, times and redaction."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.dialect.definition import shipped
from recorder.library.recording import load_recording
from recorder.redaction.joins import of_cassette
from recorder.verify.judged import Tier
from recorder.verify.judging import Run
from recorder.verify.verdict import verdict_of
from tests.integration.test_differences import BY, flow, recorded, tuesday

pytestmark = [pytest.mark.node, pytest.mark.once]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One flow on two days: other ids, another device, other times, another agent; the second day is redacted."""
    folder = tmp_path_factory.mktemp("days")
    monday = recorded(folder / "monday", flow("desk-", 0.0), *BY["plain"])
    return [monday, recorded(folder / "tuesday", tuesday(), *BY["redacted"])]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["forwards", "backwards"])
def test_another_day_gives_no_error_and_no_warning(order: tuple[int, int], days: list[Path]) -> None:
    old, new = (load_recording(days[place]) for place in order)
    policy = of_cassette(load_recording(days[1]).header)

    verdict = verdict_of(old, [Run(new)], shipped("gws-outbound"), policy)

    assert [one for one in verdict.found if one.tier is not Tier.INFO] == []
    assert len(old.triples) >= 6
