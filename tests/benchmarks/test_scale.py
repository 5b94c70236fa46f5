"""benchmarks.scale: promises are judged by what was measured, and what was not measured is no promise kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.scale import ROOT, SIZES, Checkout, Cost, Files, Found, cost, judged, musts, table
from benchmarks.scale_files import all_asks, asks, spread

LARGE = SIZES[-1]
READY = f"replay of {LARGE:,} sealed triples is ready"


def found(seconds: float) -> dict[int, Found]:
    return {LARGE: Found(LARGE, {("replay, ready", "sealed"): Cost(seconds, 100.0)})}


@pytest.mark.parametrize(("seconds", "holds"), [(1.0, True), (1.1, False)])
def test_a_promise_holds_up_to_its_limit(seconds: float, holds: bool) -> None:
    rows = {row.what: row for row in judged(found(seconds))}

    assert rows[READY].holds is holds
    assert rows[READY].target == "≤ 1 s"
    assert rows[READY].measured == f"{seconds:g} s"


def test_what_was_not_measured_has_no_row() -> None:
    assert [row.what for row in judged(found(1.0))] == [
        READY,
        f"replay of {LARGE:,} sealed triples, memory once ready",
    ]


@pytest.mark.parametrize(("seconds", "holds"), [(16.0, True), (16.1, False)])
def test_a_floor_is_in_triples_a_second(seconds: float, holds: bool) -> None:
    one = {LARGE: Found(LARGE, {("stats", "sealed"): Cost(seconds, 10.0)})}

    assert {row.what: row.holds for row in judged(one)}[f"stats, {LARGE:,} triples, sealed"] is holds


def test_each_promise_has_a_name_of_its_own() -> None:
    names = [must.what for must in musts(LARGE)]

    assert sorted(names) == sorted(set(names))


def test_the_table_has_the_other_checkout_beside() -> None:
    (one,) = found(0.5).values()
    (other,) = found(73.0).values()

    assert any("0.50" in line and "73.00" in line for line in table(one, other))


def test_cost_is_that_of_the_command_and_its_workers() -> None:
    busy = "import time\nwhile time.process_time() < 0.2: pass"
    with_worker = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {busy!r}])"

    spent = cost([sys.executable, "-c", with_worker])

    assert spent.cpu >= 0.2
    assert spent.memory > 5


def test_a_command_that_fails_is_an_error_with_its_words() -> None:
    with pytest.raises(RuntimeError, match="exit code 4: no such thing"):
        cost([sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(4)"])


def test_operations_from_all_over_are_of_all_agents_and_kinds(tmp_path: Path) -> None:
    asks(tmp_path / "asks", 400)

    found = spread(tmp_path / "asks", 400, 40)

    assert len(list(all_asks(tmp_path / "asks"))) == 400
    assert {agent for agent, *_ in found} == set(range(8))
    assert {"GetPreviewRecord", "CompleteRecord"} <= {body.split('"')[3] for *_, body in found}


def test_files_are_made_once(tmp_path: Path) -> None:
    first = Files(tmp_path, 10).made("journal")
    os.utime(first, (1, 1))

    assert Files(tmp_path, 10).made("journal").stat().st_mtime == 1


def test_a_checkout_knows_which_commands_take_jobs() -> None:
    checkout = Checkout(ROOT)

    assert checkout.name == "this"
    assert not checkout.has_jobs("ls")
