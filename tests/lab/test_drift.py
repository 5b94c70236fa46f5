"""The drifts of the lab: each changes what the README says, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.desktop import CAMPAIGN, DEVICE, RECORDS, Desktop, name
from tests.lab.lab import Lab, LabError, available

REASON = available()
pytestmark = [pytest.mark.once, pytest.mark.node, pytest.mark.skipif(REASON is not None, reason=str(REASON))]
SHOWN = {  # the operations that differ from those of a lab without drift
    "field-gone": {"StartPreviewSession", "EndPreviewSession"},
    "renamed": {"StartPreviewSession", "EndPreviewSession"},
    "new-field": {"GetPreviewRecord", "GetChainedRecord", "UpdateRecord", "CompleteRecord"},
    "type": {"GetPreviewRecord", "GetChainedRecord", "UpdateRecord", "CompleteRecord"},
    "status": {"UpdateRecord"},
    "extra-event": {"CompleteRecord"},
    "missing-event": {"CompleteRecord"},
    "doubled-event": {"CompleteRecord"},
    "order": {"GetChainedRecord"},
    "slower": set(),
    "refused": {"UpdateRecord"},
    "channel": {"CompleteRecord"},
}
SESSION = [
    (CAMPAIGN, "StartPreviewSession"),
    (CAMPAIGN, "GetPreviewRecord"),
    (f"{RECORDS}/7", "GetChainedRecord"),
    (f"{RECORDS}/7", "UpdateRecord"),
    (f"{RECORDS}/7", "CompleteRecord"),
    (CAMPAIGN, "EndPreviewSession"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab("cometd", tmp_path_factory.mktemp("drift") / "truth.jsonl") as started:
        yield started


def body(operation: str) -> dict[str, Any]:
    return {"operationName": operation, "applicationId": 134, "campaignName": "Campaign1", "devicePath": DEVICE}


def played(lab: Lab, **options: int | bool | str | None) -> dict[str, Any]:
    """What each operation came to: its status, its ack and its events without what differs in each run."""
    lab.options(chain=2, clock=1, delayMs=0, **options)
    before = len(lab.truth())
    desktop = Desktop(lab)
    for path, operation in SESSION:
        desktop.request("POST", path, body(operation))
    lab.reset()
    return {one.body["operationName"]: plain([one.status, one.ack, one.events]) for one in lab.truth()[before:]}


def plain(found: Any) -> Any:
    if isinstance(found, dict):
        volatile = {"metrics", "recordHandle", "GSW_RECORD_HANDLE", "GSW_CALL_ATTEMPT_GUID", "GSW_PHONE"}
        return {key: plain(value) for key, value in found.items() if key not in volatile}
    return [plain(one) for one in found] if isinstance(found, list | tuple) else found


@pytest.mark.parametrize("drift", SHOWN)
def test_a_drift_shows_where_the_readme_says_and_nowhere_else(running: Lab, drift: str) -> None:
    usual, drifted = played(running), played(running, drift=drift)

    assert {one for one in usual if json.dumps(usual[one]) != json.dumps(drifted[one])} == SHOWN[drift]


def test_every_drift_is_in_the_readme() -> None:
    readme = (Path(__file__).parent / "README.md").read_text()

    assert [drift for drift in SHOWN if f"| `{drift}` |" not in readme] == []


def test_an_unknown_drift_is_refused(running: Lab) -> None:
    with pytest.raises(LabError, match="option drift cannot be"):
        running.options(drift="toString")


def test_handles_begin_where_the_lab_is_told_and_are_written_down(tmp_path: Path) -> None:
    with Lab("cometd", tmp_path / "log") as lab:
        lab.options(firstHandle=4711)
        desktop = Desktop(lab)
        for path, operation in SESSION[:4]:
            desktop.request("POST", path, body(operation))
        lab.reset()

        assert lab.handles() == [("given", "4711"), ("asked", "7"), ("asked", "7")]
        assert [name(data) for _, data in lab.truth()[1].events] == ["PreviewRecord"] * 2


def test_a_strict_lab_refuses_handles_that_it_never_gave(tmp_path: Path) -> None:
    with Lab("cometd", tmp_path / "log") as lab:
        lab.options(strictHandles=True, firstHandle=4711)
        desktop = Desktop(lab)
        desktop.request("POST", CAMPAIGN, body("GetPreviewRecord"))

        assert desktop.request("POST", f"{RECORDS}/7", body("UpdateRecord"))[0] == 404
        assert desktop.request("POST", f"{RECORDS}/4711", body("UpdateRecord"))[0] == 200
        assert [len(cause.events) for cause in lab.truth() if cause.status == 404] == [0]
