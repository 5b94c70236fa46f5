"""`python -m benchmarks`: every benchmark comes with its rows, and they stand on a page."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import page, plots, wrk
from benchmarks.catalogue import BENCHES
from benchmarks.machine import machine, versions
from benchmarks.page import Result
from benchmarks.profiles import begin, paragraph, profiled, shares, under_profiler
from benchmarks.rows import Row, Scale
from benchmarks.running import run
from tests.lab.processes import serving

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
ROW = Row(
    "a, against b", "≥ 0.8", "0.84", True, "python -m benchmarks --only x", ("12 µs a request.",), "a 90%, b 10%."
)
CURVES = {"time, µs": ((100.0, 2.0), (1000.0, 2.1), (10_000.0, 2.2))}
RESULT = Result(
    "2026-01-02", {"processor": "P", "cores": "2", "memory": "4 GiB", "kernel": "Linux 6"}, {"wrk": "4"}, [ROW]
)


def harness(*arguments: str, timeout: float = 110) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


def lines(results: dict[str, Result]) -> list[str]:
    return "\n".join(page.text(results, {})).splitlines()


# All of it


# those that need no other tool's server and no proxy; the others run in `make bench`
QUICK = ("correlation", "determinism", "engine", "format", "growth", "scale")


def test_benchmarks_run_and_bring_their_rows() -> None:
    before = {path: path.read_bytes() for path in (ROOT / "docs").glob("benchmarks*")}

    done = harness("--smoke", *(word for name in QUICK for word in ("--only", name)))

    rows = [line.split(" | ") for line in done.stdout.splitlines()]
    assert wrk.missing() is None or "CI" not in os.environ, wrk.missing()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [row for row in rows if len(row) != 4] == []
    assert len(rows) >= len(QUICK)
    assert all(f"benchmarks: {name}: took" in done.stderr for name in QUICK)
    assert {path: path.read_bytes() for path in (ROOT / "docs").glob("benchmarks*")} == before


def test_every_module_that_offers_rows_is_in_the_catalogue() -> None:
    modules = [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "benchmarks").glob("*/__init__.py")]
    offering = {path for path in modules if "\ndef rows(scale" in path.read_text()}

    assert {path.parent.name if path.stem == "__init__" else path.stem for path in offering} == set(BENCHES)


def test_help_names_the_benchmarks_and_the_exit_codes() -> None:
    text = harness("--help").stdout

    assert all(f"  {name} " in text for name in BENCHES)
    assert "Exit code 1" in text


def test_an_unknown_benchmark_is_told_in_one_line() -> None:
    done = harness("--only", "speed")

    assert done.returncode == 2
    assert "invalid choice: 'speed'" in done.stderr


def test_a_benchmark_that_breaks_is_a_row_that_says_so() -> None:
    (row,), ran = run("rows", Scale.SMOKE)  # a module that offers none

    assert not ran
    assert row.holds is False
    assert row.measured == "broke: AttributeError: module 'benchmarks.rows' has no attribute 'rows'"


# The page


def test_the_table_has_a_line_for_each_row() -> None:
    assert "| a, against b | ≥ 0.8 | 0.84 | yes |" in lines({"throughput": RESULT})


@pytest.mark.parametrize(("holds", "word"), [(True, "yes"), (False, "no"), (None, "-")])
def test_a_target_is_met_or_not_or_there_is_none(holds: bool | None, word: str) -> None:
    assert page.verdict(replace(ROW, holds=holds)) == word


def test_a_row_has_its_facts_its_profile_and_the_command_that_prints_it() -> None:
    text = "\n".join(lines({"throughput": RESULT}))

    assert "- 12 µs a request." in text
    assert "a 90%, b 10%." in text
    assert "`python -m benchmarks --only x`" in text


def test_what_was_measured_another_day_is_told_apart() -> None:
    text = "\n".join(lines({"throughput": RESULT, "peers": replace(RESULT, date="2026-01-03")}))

    assert "Measured on 2026-01-02 (throughput): P, 2 cores, 4 GiB, Linux 6; wrk 4." in text
    assert "Measured on 2026-01-03 (peers): " in text


def test_what_is_kept_is_read_again_in_the_order_of_the_catalogue(tmp_path: Path) -> None:
    plotted = replace(RESULT, rows=[replace(ROW, curves=CURVES)])

    page.write(tmp_path, {"growth": plotted, "throughput": RESULT})

    assert list(page.load(tmp_path).items()) == [("throughput", RESULT), ("growth", plotted)]
    assert (tmp_path / "benchmarks.md").read_text().startswith("# Benchmarks\n")


def test_no_page_yet_is_nothing_kept(tmp_path: Path) -> None:
    assert page.load(tmp_path) == {}


def test_curves_become_a_picture_that_is_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")

    assert plots.draw(CURVES, tmp_path / "one.png")
    assert plots.draw(CURVES, tmp_path / "other.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_machine_and_versions_name_neither_host_nor_folder() -> None:
    told = str(machine()) + str(versions())

    assert str(ROOT) not in told
    assert "/" not in told
    assert versions()["aiohttp"]


# The profile


def test_a_builtin_counts_for_who_called_it_and_waiting_for_nobody() -> None:
    ours, other = (
        ("x/recorder/replay/engine/matching/matcher.py", 1, "call"),
        ("x/lib/python3.11/json/decoder.py", 2, "decode"),
    )
    builtin, wait = ("~", 0, "<built-in method builtins.len>"), ("~", 0, "<method 'poll' of 'select.epoll' objects>")
    send = ("~", 0, "<method 'send' of '_socket.socket' objects>")

    found = shares(
        {
            ours: (1, 1, 2.0, 9.0, {}),
            other: (1, 1, 1.0, 1.0, {}),
            builtin: (1, 1, 3.0, 3.0, {ours: (1, 1, 2.5, 2.5), other: (1, 1, 0.5, 0.5)}),
            wait: (1, 1, 50.0, 50.0, {other: (1, 1, 50.0, 50.0)}),
            send: (1, 1, 4.0, 4.0, {ours: (1, 1, 4.0, 4.0)}),
        }
    )

    assert found == {"recorder.replay.engine.matching.matcher": 4.5, "json": 1.5, "sockets and files (the kernel)": 4.0}


def test_a_profile_is_told_in_a_sentence_the_largest_share_first() -> None:
    found = {"json": 1.0, "aiohttp": 8.9, "re": 0.1}

    assert paragraph(found, "a request") == "The time of a request (cProfile): aiohttp 89%, json 10%, all else 1%."


def test_a_call_is_profiled_and_gives_its_result() -> None:
    result, found = profiled(lambda: len(paragraph({"a": 1.0}, "b")))

    assert result == len("The time of b (cProfile): a 100%, all else 0%.")
    assert "benchmarks.profiles" in found


def test_a_server_is_profiled_from_when_it_is_told_to_until_it_ends() -> None:
    cassette = ROOT / "cassettes" / "preview-session.cassette"
    arguments = ["replay", str(cassette), "--listen", "127.0.0.1:0"]

    with under_profiler("recorder", *arguments) as (command, found):
        with serving(command, ready="listening on ") as server:
            begin(server.process.pid)
            subprocess.run([sys.executable, "-c", ASK, server.url], check=True, timeout=30)

        assert found()["recorder.replay.engine.standin"] > 0
        assert "recorder.correlate.engine" not in found()  # the cassette was read before


ASK = """
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1] + "/api/v2/nothing")
except urllib.error.HTTPError as answer:
    assert answer.code == 470
"""
