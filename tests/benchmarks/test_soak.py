"""What the soak takes for flat, and for lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import FLAT, Minute, Sample, flat, lost, medians, table
from recorder.cassette.codec import encode, encode_header
from tests.wire import HEADER, Wire


def samples(memory: list[float]) -> list[Sample]:
    return [Sample(5.0 * place, each, 10, 1, 0.0) for place, each in enumerate(memory)]


def test_a_single_peak_is_no_growth() -> None:
    found = medians(samples([100.0, 100.0, 400.0, 100.0, 100.0] * 8), 0.0, "memory")

    assert found == [100.0] * 4
    assert flat(found, FLAT * found[0])


@pytest.mark.parametrize("late", [106.0, 94.0])
def test_a_last_window_that_is_further_off_is_told(late: float) -> None:
    found = medians(samples([50.0] * 8 + [100.0] * 24 + [late] * 8), 40.0, "memory")

    assert found == [100.0, 100.0, 100.0, late]
    assert not flat(found, FLAT * found[0])


def test_marks_are_counted_in_the_recorded_answers(tmp_path: Path) -> None:
    wire = Wire()
    for mark in ("e-ab-1", "a-ab-2", "a-ab-2"):
        wire.respond(wire.request("GET", "/x", b""), {"mark": mark})
    path = tmp_path / "soak.cassette"
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))

    assert lost([path], ["e-ab-1", "a-ab-3"]) == {
        "got": 2, "recorded": 2, "lost": 1, "recorded twice": 1, "got twice": 0,
    }  # fmt: skip


def test_the_table_has_a_line_for_each_minute() -> None:
    found = table({"recorder": [Minute(100.4, 40, 199, 128, 0), Minute(105.6, 47, 2006, 1304, 1)],
                   "stand-in": [Minute(41.0, 17, 390, 207, 0), Minute(45.8, 23, 4157, 2367, 0)]})  # fmt: skip

    assert [line.split() for line in found.splitlines()] == [
        ["minute", "recorder", "stand-in"],
        ["MB", "fd", "requests", "events", "lost"] * 2,
        ["0", "100", "40", "199", "128", "0", "41", "17", "390", "207", "0"],
        ["1", "106", "47", "2006", "1304", "1", "46", "23", "4157", "2367", "0"],
    ]
