"""The benches of the format, small: what they print holds, with a wide margin for a busy machine."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tracemalloc
from collections import deque
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from benchmarks.format import derived, mcap_form
from benchmarks.synthetic import HEADER, records
from recorder.cassette.sealed import SealedWriter
from recorder.correlate.engine import Correlator
from recorder.dialect.definition import load
from recorder.model import Row, SocketMessage

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


def bench(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)


def peak(run: Callable[[int], None], triples: int) -> int:
    """The most bytes that a run needs at a time."""
    tracemalloc.start()
    try:
        run(triples)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def correlate(triples: int) -> None:
    """Derive the triples as sealing does, with few operations kept, so that a small capture shows it."""
    correlator = Correlator(load(), keep=300)
    for record in records(triples):
        correlator.feed(record)
        deque(chain(correlator.triples(), correlator.plain(), correlator.unsolicited()), maxlen=0)


def write(triples: int) -> None:
    """Write as many rows, with as many keys and different bodies as a capture has."""
    with tempfile.TemporaryFile() as file:
        writer = SealedWriter(file, HEADER)
        for n in range(triples):
            writer.fact(SocketMessage(n, n, 0, from_client=True, body=f"{n:064}".encode()))
            keys = {f"key{place}": str(n) for place in range(9)}
            writer.row(Row(n + 1, "X", keys, None, "acked", n, None, None, ()))
        writer.finish([], {})
        writer.close()


@pytest.fixture(scope="module")
def forms() -> dict[str, dict[str, Any]]:
    run = bench("format", "--quick", "--triples", "10000", "--json")
    assert run.returncode == 0, run.stderr
    return {row["form"]: row for row in json.loads(run.stdout)}


# The records that are measured


def test_the_same_seed_gives_the_same_records() -> None:
    assert list(records(20, seed=3)) == list(records(20, seed=3))
    assert list(records(20, seed=3)) != list(records(20, seed=4))


def test_the_records_are_numbered_and_in_time() -> None:
    found = list(records(50))

    assert [record.seq for record in found] == list(range(len(found)))
    assert [record.t for record in found] == sorted(record.t for record in found)


def test_every_operation_becomes_a_whole_triple() -> None:
    rows = derived(records(50))

    assert [row.n for row in rows] == list(range(1, 51))
    assert {row.state for row in rows} == {"complete"}
    assert {event.rule for row in rows for event in row.events} == {"reference", "twin"}


# What is compared


def test_a_sealed_cassette_holds_the_triples_for_less_than_half_more(forms: dict[str, dict[str, Any]]) -> None:
    assert forms["sealed"]["size"] < 1.5


def test_an_archive_takes_less_than_a_third(forms: dict[str, dict[str, Any]]) -> None:
    assert forms["archive"]["size"] < 1 / 3


def test_a_journal_is_smaller_than_json_lines_and_written_no_slower(forms: dict[str, dict[str, Any]]) -> None:
    assert forms["JSON lines"]["size"] > 1
    assert forms["JSON lines"]["write"] < 1.5


def test_the_bench_says_in_one_line_what_to_install() -> None:
    run = bench("format", "--quick", "--triples", "100")

    assert run.stderr == ("" if mcap_form() else "left out: MCAP; pip install mcap\n")
    assert run.stdout.splitlines()[0].startswith("10 triples")


def test_the_bench_tells_what_larger_blocks_would_save() -> None:
    lines = bench("format", "--quick", "--triples", "3000", "--blocks").stdout.splitlines()

    assert [line.split(",")[0] for line in lines] == [f"blocks of {size} KiB" for size in (64, 256, 1024)]


# What sealing and looking up need


def test_deriving_triples_does_not_need_more_memory_for_more_of_them() -> None:
    assert peak(correlate, 2000) < 1.3 * peak(correlate, 1000)  # what is kept fills up at first; it does not double


def test_writing_triples_does_not_need_more_memory_for_more_of_them() -> None:
    assert peak(write, 14_000) < 1.1 * peak(write, 7000)
