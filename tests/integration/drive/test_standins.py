"""Recordings are driven against the stand-in of the same recording, as it was and under faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recorder import StandIn
from recorder.drive.engine.plan import Found
from recorder.verify.judged import Rule, Tier
from tests.integration.drive.stage import (
    DESK,
    DIALECTS,
    LABS,
    LONG,
    SHIPPED,
    SOCKET,
    driven,
    judged,
    own_values,
    shown,
    told,
)

pytestmark = pytest.mark.once

_HAND = {"parcels": str(Path(__file__).parents[2] / "dialect" / "parcels.toml"), **DIALECTS}
_ALL = sorted([*SHIPPED.glob("*.cassette"), *LABS.glob("*.cassette")])
_BRIEF = [DESK, SOCKET, *SHIPPED.glob("*.cassette"), *(LABS / f"{name}.cassette" for name in ("chain", "service"))]


@pytest.mark.parametrize("cassette", _ALL if LONG else _BRIEF, ids=lambda path: path.stem)
def test_every_triple_of_a_recording_is_played_to_its_own_stand_in(cassette: Path, tmp_path: Path) -> None:
    # what one desk causes and another hears, a stand-in tells by time alone
    # the stand-in of a redacted cassette knows the pseudonyms, and nothing else
    dialect, values = _HAND.get(cassette.stem), own_values(cassette, tmp_path)
    rate: Any = 1.0 if cassette.stem.startswith("orders-") else "instant"
    with StandIn(cassette, rate=rate, dialect=dialect, seed=1) as standin:
        report = driven(cassette, standin.url, dialect=dialect, values=values, seed=1, rate=rate)

    assert told(report) == []
    assert standin.unplayed == ()
    assert standin.misses == []


# what is played; what the drive finds; what a verification finds, and where
FAULTS: dict[str, tuple[Found | None, Rule | None, str]] = {
    "drop event RecordProcessedAcknowledge#1": (Found.MISSING_EVENT, Rule.MISSING, "RecordProcessedAcknowledge"),
    "duplicate event RecordProcessedAcknowledge#1": (Found.UNEXPECTED, Rule.DOUBLED, "RecordProcessedAcknowledge"),
    "reorder event ChainedRecord#1": (None, Rule.ORDER, "ChainedRecord"),
    "refuse publish /desk/notes": (Found.REFUSED, Rule.REFUSED, "/desk/notes"),
    "unknown-client after UpdateRecord": (Found.LOST, None, ""),
    "http 500 UpdateRecord": (Found.REFUSED, Rule.REFUSED, "UpdateRecord"),
    "no answer UpdateRecord": (Found.MISSING_ANSWER, Rule.ANSWER, "UpdateRecord"),
    "end session after UpdateRecord": (Found.LOST, None, ""),
    "refuse subscribe /me/internal": (Found.REFUSED, Rule.REFUSED, "/me/internal"),
    "drop event PreviewSessionStarted": (Found.MISSING_EVENT, Rule.MISSING, "PreviewSessionStarted"),
    "delay event RecordProcessedAcknowledge#2 3s": (Found.MISSING_EVENT, Rule.MISSING, "RecordProcessedAcknowledge"),
    "refuse handshake": (Found.REFUSED, Rule.REFUSED, "handshake"),
}


@pytest.mark.parametrize("fault", FAULTS if LONG else [*FAULTS][:5])
def test_a_fault_is_found_at_its_place_and_nothing_else(fault: str, tmp_path: Path) -> None:
    kind, rule, place = FAULTS[fault]
    # without a session there is nothing to go on with
    missing = "stop" if rule is Rule.REFUSED and place == "handshake" else "send"

    with StandIn(DESK, rate="instant", faults=[fault], seed=1) as standin:
        report, found = judged(DESK, standin.url, tmp_path / "live.cassette", on_missing=missing, seed=1)

    alone = [one for one in report.findings if one.found is not Found.LEFT_OUT]
    assert {one.found for one in alone} == ({kind} if kind else set()), told(report)
    assert all(place in f"{one.where} {one.text}" for one in alone), told(report)
    assert {(one.tier, one.rule) for one in found} == ({(Tier.ERROR, rule)} if rule else set()), shown(found)
    assert all(place in f"{one.operation} {one.pattern} {one.text}" for one in found), shown(found)
