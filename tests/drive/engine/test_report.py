"""The sum of one run."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.drive.engine.report import Report, worst
from recorder.errors import UsageError

CASSETTE = Path(__file__).parents[3] / "cassettes" / "get-chained-record.cassette"


def test_the_recording_of_a_run_is_read_from_its_cassette() -> None:
    assert len(Report(cassette=CASSETTE).recording().triples) == 1


def test_a_run_without_a_cassette_has_no_recording() -> None:
    with pytest.raises(UsageError, match="the run wrote no cassette"):
        Report().recording()


def test_a_stall_counts_more_than_findings_in_another_run() -> None:
    assert worst([Report(), Report(has_stalled=True), Report()]) == 3
    assert worst([]) == 0
