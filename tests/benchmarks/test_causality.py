from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.causality import OURS, Row, Setting, row
from benchmarks.desktop import Pace
from benchmarks.script import EVENTS, STEPS, ids
from benchmarks.servers import missing
from benchmarks.verdict import judge
from tests.benchmarks.careless import Careless, events, played
from tests.lab.lab import available

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("causality")]  # one run serves all

ROOT = Path(__file__).parents[2]
OWN = ids("fresh", 0)
RECORDED = ids("same", 0)
BRISK = Pace(think=0.03, linger=0.1, step_limit=0.6, poll_limit=30)
ALL = [event for number in range(len(STEPS)) for event in events(number, OWN)]
COUNTS = ("early", "wrong", "lost", "doubled", "refused")


@dataclass(frozen=True, slots=True)
class Run:
    code: int
    stdout: str
    stderr: str
    rows: list[dict[str, Any]]

    def of(self, tool: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["tool"] == tool]


def bench(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.causality", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=110, check=False)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Run:
    reason = available() or missing()
    if reason is not None:
        pytest.skip(reason)
    file = tmp_path_factory.mktemp("bench") / "rows.json"
    done = bench("--quick", "--jobs", "8", "--json", str(file))
    return Run(done.returncode, done.stdout, done.stderr, json.loads(file.read_text()) if file.exists() else [])


@pytest.mark.node
def test_stand_in_plays_every_step_and_no_event_is_early_wrong_lost_or_doubled(quick: Run) -> None:
    ours = quick.of(OURS)

    assert ours, quick.stderr
    assert [row for row in ours if row["steps"] != row["of"] or any(row[name] for name in COUNTS)] == []


@pytest.mark.node
def test_stand_in_holds_idle_polls_to_the_advised_timeout(quick: Run) -> None:
    waited = [row for row in quick.of(OURS) if row["idle"] is not None]

    assert [row["clean"] for row in waited] == [True]


@pytest.mark.node
def test_exit_code_is_zero_when_every_row_of_ours_is_clean(quick: Run) -> None:
    assert quick.code == 0, quick.stdout


@pytest.mark.node
def test_recorded_session_is_itself_clean_and_split_over_polls(quick: Run) -> None:
    (live,) = quick.of("lab, live")

    assert live["clean"]
    assert live["polls"] > len(STEPS)


@pytest.mark.node
def test_replay_by_poll_is_seen_to_be_early(quick: Run) -> None:
    assert [row["early"] for row in quick.of("mitm")] == [EVENTS, EVENTS]


@pytest.mark.node
def test_table_shows_every_row(quick: Run) -> None:
    first, _, second = quick.stdout.partition(" unasked events")

    assert first.count(" yes\n") + first.count(" no\n") >= len(quick.rows)
    assert second


def test_replay_by_cause_is_clean() -> None:
    log = played(Careless(lambda number: events(number, OWN)), OWN, BRISK)

    assert row(Setting(OURS, 0.03, "fresh", 1, "1"), [log]).clean


def test_events_sent_at_once_are_early() -> None:
    log = played(Careless(lambda number: ALL if number < 0 else []), OWN, BRISK)

    assert judge(log, OWN).early == EVENTS


def test_events_sent_a_step_ahead_are_early() -> None:
    log = played(Careless(lambda number: events((number + 1) % len(STEPS), OWN)), OWN, BRISK)

    assert judge(log, OWN).early == EVENTS


def test_wrong_id_does_not_hide_an_early_event() -> None:
    stale = [event for number in range(len(STEPS)) for event in events(number, RECORDED)]

    log = played(Careless(lambda number: stale if number < 0 else []), OWN, BRISK)

    assert (judge(log, OWN).early, judge(log, OWN).wrong) == (EVENTS, EVENTS)


def test_recorded_ids_in_place_of_the_live_ones_are_wrong() -> None:
    log = played(Careless(lambda number: events(number, RECORDED)), OWN, BRISK)

    assert judge(log, OWN).wrong == EVENTS


def test_number_that_comes_back_as_text_is_wrong() -> None:
    as_text = replace(OWN, references=tuple(map(str, OWN.references)))

    log = played(Careless(lambda number: events(number, as_text)), OWN, BRISK)

    assert judge(log, OWN).wrong == 1


def test_events_that_come_again_are_doubled() -> None:
    log = played(Careless(lambda number: events(number, OWN) * 2), OWN, BRISK)

    assert judge(log, OWN).doubled == EVENTS


def test_event_that_comes_in_place_of_another_is_doubled_and_the_other_lost() -> None:
    first = {"ChainedRecord": events(2, OWN)[0]}

    log = played(
        Careless(lambda number: [first.get(e["data"].get("notificationType"), e) for e in events(number, OWN)]),
        OWN,
        BRISK,
    )

    assert (judge(log, OWN).lost, judge(log, OWN).doubled) == (1, 1)


def test_step_without_its_last_event_is_not_done() -> None:
    log = played(Careless(lambda number: events(number, OWN)[:-1]), OWN, BRISK)

    assert (log.done, judge(log, OWN).lost) == (set(), len(STEPS))


def test_miss_is_refused_and_its_step_not_done() -> None:
    log = played(Careless(lambda number: events(number, OWN), status=470), OWN, BRISK)

    assert (log.done, log.refused) == (set(), len(STEPS))


def test_polls_that_are_never_held_are_bounded() -> None:
    log = played(Careless(lambda _: [], hold=0.0), OWN, replace(BRISK, step_limit=30.0))

    assert log.polls <= (len(STEPS) + 2) * BRISK.poll_limit


def test_row_with_idle_polls_that_are_not_held_is_not_clean() -> None:
    log = played(Careless(lambda number: events(number, OWN), hold=0.001), OWN, BRISK)

    assert not row(Setting(OURS, 0.03, "fresh", 1, "1", waits=True), [log]).clean


def test_row_of_a_server_that_failed_is_not_clean() -> None:
    log = played(Careless(lambda number: events(number, OWN)), OWN, BRISK)

    assert not row(Setting(OURS, 0.03, "fresh", 1, "1"), [log], "exit code 1").clean


def test_help_explains_every_column() -> None:
    text = bench("--help").stdout

    assert [name for name in (f.name for f in fields(Row)) if f"\n  {name} " not in text] == ["of", "note"]


def test_without_node_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = bench(env={"PATH": str(tmp_path)})

    assert (done.returncode, done.stdout, done.stderr) == (2, "", "causality: node is not installed\n")
