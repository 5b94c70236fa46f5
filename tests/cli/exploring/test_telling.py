"""What `recorder explore` prints of a result."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.cli.exploring.telling import Telling
from recorder.explore.outcome import Result, Verdict
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Schedule

TEXT = "event 1.1 before ack 1"
FOUND = Schedule.of([Deviation.parse(TEXT)])


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.RECORDED_FAILS, Verdict.UNSTEADY])
def test_an_interrupted_search_names_what_it_found_by_its_text(
    verdict: Verdict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cures = verdict is Verdict.RECORDED_FAILS
    says = f"it fails; replay it with --schedule {FOUND.id}\nmore"
    result = Result(verdict, None if cures else FOUND, says, 7, "no pairs", FOUND if cures else None, is_over=False)

    Telling([tmp_path / "s.cassette"], ["client"], tmp_path, 0).interrupted(result)

    told = capsys.readouterr().err.splitlines()
    assert told == [f"recorder: it fails; replay it with --schedule '{TEXT}'", "recorder: 7 runs so far; no pairs"]
    assert list(tmp_path.iterdir()) == [], "no file has its id"
