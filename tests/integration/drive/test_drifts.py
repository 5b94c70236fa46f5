"""A server that changed is found out: each of twelve changes in its tier, at its place, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.verify.judged import Rule, Tier
from tests.integration.drive.stage import DESK, LONG, command, judged, shown, verdicts
from tests.lab.lab import Lab
from tests.lab.sessions import DRIVEN

pytestmark = [pytest.mark.node, pytest.mark.once]

_OWN = ("--allow-all", "--send-recorded-credentials", "--rate", "instant", "--patience", "1")
# what is found of each drift that shows in one run: tier, rule, and the end of its path
FOUND = {
    "field-gone": (Tier.ERROR, Rule.GONE, "data.campaign.dialingMode"),
    "type": (Tier.ERROR, Rule.TYPE, "data.record.applicationId"),
    "doubled-event": (Tier.ERROR, Rule.DOUBLED, "events[RecordProcessedAcknowledge]"),
    "channel": (Tier.ERROR, Rule.CHANNEL, "events[RecordProcessedAcknowledge].channel"),
    "refused": (Tier.ERROR, Rule.REFUSED, "ack.status"),
    "renamed": (Tier.ERROR, Rule.RENAMED, "data.campaign.groupName"),
    "status": (Tier.WARNING, Rule.STATUS, "ack.status"),
    "extra-event": (Tier.WARNING, Rule.SURPLUS, "events[RecordAudited]"),
    "missing-event": (Tier.ERROR, Rule.MISSING, "events[RecordProcessedAcknowledge]"),
    "order": (Tier.ERROR, Rule.ORDER, "events[ChainedRecord]"),
}
_BRIEF = ("doubled-event", "type")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab("cometd", tmp_path_factory.mktemp("drifts") / "log") as started:
        yield started


def ready(lab: Lab, drift: str | None) -> None:
    lab.reset()
    lab.options(**DRIVEN, firstHandle=4711, drift=drift)


@pytest.mark.parametrize("drift", FOUND if LONG else _BRIEF)
def test_a_drift_is_found_in_its_tier_at_its_place(lab: Lab, drift: str, tmp_path: Path) -> None:
    tier, rule, place = FOUND[drift]
    ready(lab, drift)

    _, found = judged(DESK, lab.url, tmp_path / "live.cassette")

    assert {(one.tier, one.rule) for one in found} == {(tier, rule)}, shown(found)
    assert all(one.pattern.endswith(place) for one in found), shown(found)


@pytest.mark.parametrize(("drift", "rule"), [("new-field", Rule.REQUIRED), ("slower", Rule.SLOWER)][: 2 if LONG else 1])
def test_what_one_run_cannot_tell_is_found_in_several(lab: Lab, drift: str, rule: Rule) -> None:
    ready(lab, drift)

    done = command("verify", DESK, "--to", lab.url, *_OWN, "--repeat", "3" if LONG else "2", "--json")

    found = [one for one in verdicts(done) if one["tier"] != "info"]
    assert done.returncode == 0, done.stdout + done.stderr
    assert {(one["tier"], one["rule"]) for one in found} == {("warning", rule.value)}, found


@pytest.mark.parametrize(("drift", "code"), [(None, 0), ("missing-event", 1)])
def test_a_command_tells_whether_the_server_changed(lab: Lab, drift: str | None, code: int) -> None:
    ready(lab, drift)

    done = command("verify", DESK, "--to", lab.url, *_OWN)

    assert done.returncode == code, done.stdout + done.stderr
    assert ("RecordProcessedAcknowledge" in done.stdout) == bool(drift), done.stdout
