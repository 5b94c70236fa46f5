"""What is broken is found in each run, what is flaky in some; a baseline accepts what it has too."""

from __future__ import annotations

from typing import Any

from recorder.model import Recording
from recorder.verify.judged import Judged, Rule, Tier
from recorder.verify.judging import Run
from recorder.verify.verdict import Verdict, verdict_of
from tests.verify.desks import GWS, Drift, Server, as_it_is, pair, played
from tests.verify.test_judging import at, event, gone, put

GUID = at("chained 1", event("record", change=gone("guid")))
ADD = event("record", change=put("vip", value=True))
VIP = at("chained 1", ADD)


def every(name: str, message: Any) -> Any:
    return ADD(message) if name.startswith("chained") else message


def verified(*drifts: Drift, baseline: Recording | None = None) -> Verdict:
    runs, old = [], None
    for seed, drift in enumerate(drifts, start=1):
        old, new, bindings = pair(drift, seed)
        runs.append(Run(new, (), bindings))
    assert old is not None
    return verdict_of(old, runs, GWS, baseline=baseline)


def named(found: tuple[Judged, ...]) -> list[tuple[Rule, tuple[int, ...], bool]]:
    return [(one.rule, one.runs, one.is_flaky) for one in found if one.rule is not Rule.VALUE]


def test_what_is_in_each_run_is_broken_and_in_some_flaky() -> None:
    lost = at("end 1", lambda _: [])

    verdict = verified(GUID, lambda name, message: lost(name, GUID(name, message)), GUID)

    assert named(verdict.found) == [(Rule.GONE, (1, 2, 3), False), (Rule.MISSING, (2,), True)]
    assert (verdict.count(Tier.ERROR), verdict.fails(), verdict.runs) == (2, True, 3)


def test_a_field_that_is_new_in_each_run_looks_required() -> None:
    assert named(verified(VIP, VIP).found) == [(Rule.ADDED, (1, 2), False)]
    assert named(verified(every, every).found) == [(Rule.REQUIRED, (1, 2), False)]
    assert named(verified(every, as_it_is).found) == [(Rule.ADDED, (1,), True)]


def test_a_baseline_accepts_what_it_has_wherever_that_is() -> None:
    _, baseline, _ = pair(at("chained 2", event("record", change=gone("guid"))), 9)
    lost = at("end 1", lambda _: [])

    verdict = verified(lambda name, message: lost(name, GUID(name, message)), baseline=baseline)

    assert named(verdict.found) == [(Rule.MISSING, (1,), False)]
    assert Rule.GONE in {one.rule for one in verdict.accepted}


def test_only_errors_fail_unless_warnings_do_too() -> None:
    verdict = verified(at("GetChainedRecord ack", lambda ack: (202, ack[1])))

    assert (verdict.fails(), verdict.fails(Tier.WARNING)) == (False, True)
    assert not verified(as_it_is).fails(Tier.WARNING)


def test_a_server_that_did_not_drift_passes_in_50_of_50_runs() -> None:
    """Each has its own handles, phone numbers, GUIDs, counters, times and latencies."""
    first = Server(0, jitter=0.6)
    old = played(first)

    verdicts = []
    for seed in range(1, 51):
        server = Server(seed, jitter=0.6)
        run = Run(played(server), (), list(zip(first.values, server.values, strict=True)))
        verdicts.append(verdict_of(old, [run], GWS))

    assert [verdict.fails(Tier.WARNING) for verdict in verdicts] == [False] * 50
