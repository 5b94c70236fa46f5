"""What the tests of drives share: runs by command and in this process, and what a lab's log says of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from recorder import Drive
from recorder.dialect.definition import Dialect
from recorder.drive.engine.report import Report
from recorder.library.recording import load_recording
from recorder.redaction.policy import Policy
from recorder.verify.judged import Judged, Tier
from recorder.verify.judging import judge
from tests.lab.lab import Lab
from tests.lab.processes import RECORDER
from tests.lab.sessions import NOTES

ROOT = Path(__file__).parents[3]
LABS = ROOT / "tests" / "cassettes" / "labs"
SHIPPED = ROOT / "cassettes"
DESK, SOCKET = LABS / "desk.cassette", LABS / "desk-websocket.cassette"
DIALECTS = {name: str(ROOT / "tests" / "lab" / "apis" / f"{name}.toml") for name in ("chain", "transfer")}
# the recorded tokens are those of the lab, and each lab has another port
FULL: dict[str, Any] = {"allow_all": True, "send_recorded_credentials": True}
# Set by `make drives`: all rates, all recordings and fifty runs, in place of one of each.
LONG = os.environ.get("RECORDER_LONG_DRIVES") == "1"

PATIENCE = 3.0  # seconds until something counts as missing: on a busy machine one second is not enough

Line: TypeAlias = Mapping[str, Any]


def driven(cassette: Path, url: str, output: Path | None = None, **options: Any) -> Report:
    """Play a cassette against a URL with everything allowed, without think times, to its end."""
    settings: dict[str, Any] = {**FULL, "rate": "instant", "environ": {}, **options}
    return Drive(cassette, url, output=output, **settings).run()


def own_values(cassette: Path, folder: Path) -> Path:
    """Write a file of values that has each pseudonym of a redacted cassette for itself, as its stand-in knows them."""
    plan = Drive(cassette, "").plan
    holes = [hole for step in plan.steps for hole in step.holes]
    holes += [hole for client in plan.clients.values() for hole in client.cookies]
    hidden = sorted({hole.recorded for hole in holes if hole.is_hidden})
    path = folder / f"{cassette.stem}.toml"
    path.write_text("\n".join(["[pseudonyms]", *(f"{json.dumps(one)} = {json.dumps(one)}" for one in hidden), ""]))
    return path


def judged(cassette: Path, url: str, live: Path, **options: Any) -> tuple[Report, list[Judged]]:
    """Play a cassette as `recorder verify` does, and return what came of it, and what is more than an information."""
    report = driven(cassette, url, live, **{"on_missing": "send", "patience": PATIENCE, **options})
    old = load_recording(cassette)
    dialect = Dialect.load("gws-outbound")
    policy = Policy.load()  # by which the live cassette is redacted
    told_by = {"findings": report.findings, "bindings": report.bindings, "has_stalled": report.has_stalled}
    found = judge(old, report.recording(), dialect, policy, **told_by)
    return report, [one for one in found if one.tier is not Tier.INFO]


def shown(found: Sequence[Judged]) -> str:
    """What was found, for the message of an assertion."""
    return "\n".join(f"{one.tier.value}: {one.rule.value}: {one.operation} {one.pattern}: {one.text}" for one in found)


def command(*arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `recorder …` to its end."""
    own = {**os.environ, **(env or {})}
    return subprocess.run(
        [RECORDER, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, env=own
    )


def told(report: Report) -> list[str]:
    """The findings of a run as lines, for the message of an assertion."""
    return [f"{one.found.value}: {one.where}: {one.text}" for one in report.findings]


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation as the lab saw it, with its handle made a placeholder.

    Attributes:
        before: How many events of each earlier request (None: of no request) had left when it came.
    """

    method: str
    path: str
    operation: str | None
    status: int | None
    events: int
    before: Mapping[int | None, int]


def asked(lines: Sequence[Line]) -> list[Asked]:
    """Read what a lab was asked from its log; requests are counted from 0 anew."""
    requests = [line for line in lines if line["kind"] == "request"]
    numbers = {line["n"]: place for place, line in enumerate(requests)}
    return [_asked(line, lines, numbers) for line in requests]


def _asked(line: Line, lines: Sequence[Line], numbers: Mapping[int, int]) -> Asked:
    earlier = lines[: lines.index(line)]
    before = Counter(numbers.get(one["cause"]) for one in earlier if one["kind"] == "event")
    status = next((one["status"] for one in lines if one["kind"] == "ack" and one["n"] == line["n"]), None)
    body = line["body"] if isinstance(line["body"], dict) else {}
    events = sum(one["kind"] == "event" and one["cause"] == line["n"] for one in lines)
    return Asked(line["method"], _path(line["path"]), body.get("operationName"), status, events, before)


def _path(target: str) -> str:
    return re.sub(r"(outbound-records)/[^/]+", r"\1/HANDLE", target)


def recorded(cassette: Path) -> list[Asked]:
    """Read from a recording what its lab was asked, as `asked` reads it from a log."""
    recording = load_recording(cassette)
    triples = sorted((*recording.triples, *recording.plain), key=lambda one: one.request.seq)
    requests = [one.request for one in triples]
    told: list[tuple[int, int | None]] = [
        (link.event.seq, place) for place, one in enumerate(triples) for link in one.events
    ]
    told += [(one.event.seq, None) for one in recording.unsolicited if one.event.channel != NOTES]
    return [
        Asked(
            request.method,
            _path(request.target),
            triple.operation if triple.n else None,
            triple.ack and triple.ack.status,
            len(triple.events),
            Counter(cause for seq, cause in told if seq < request.seq),
        )
        for triple, request in zip(triples, requests, strict=True)
    ]


def since(lab: Lab, before: int) -> list[dict[str, Any]]:
    """The lines of a lab's log from the place `before` on."""
    return lab.lines()[before:]


def assert_played_once(lab: Lab, before: int, recorded: Sequence[Asked]) -> None:
    """The lab was asked what the recorded one was asked, as often, in the same order, after the same events.

    The handles that it was asked with are those that it had given out by then.
    """
    lines = since(lab, before)
    found = asked(lines)
    assert [(one.method, one.path, one.operation) for one in found] == [
        (one.method, one.path, one.operation) for one in recorded
    ]
    assert [(one.status, one.events) for one in found] == [(one.status, one.events) for one in recorded]
    early = [
        f"{live.operation or live.path}: {dict(live.before)} in place of {dict(old.before)}"
        for live, old in zip(found, recorded, strict=True)
        if any(live.before.get(cause, 0) < count for cause, count in old.before.items())
    ]
    assert early == []
    assert list(strange(lines)) == []


def strange(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the handles that were asked with before the lab had given them out."""
    given: set[str] = set()
    for line in lines:
        if "given" in line:
            given.add(str(line["given"]))
        elif "asked" in line and line["asked"] not in given:
            yield line["asked"]


def verdicts(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The judgements in the output of `recorder verify --json`."""
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return found
