"""Figures about this process, against what the system says by other means."""

from __future__ import annotations

import os
import resource
import time

from recorder.monitoring.process import process_families


def figures() -> dict[str, float]:
    return {family.name: family.samples[0].value for family in process_families()}


def test_figures_are_those_of_this_process() -> None:
    found = figures()

    assert 0 < found["process_cpu_seconds"] <= time.process_time()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    assert most / 10 < found["process_resident_memory_bytes"] < most * 1.1  # the system counts the two by other ways
    assert time.time() - 86_400 < found["process_start_time_seconds"] < time.time()


def test_an_opened_file_is_one_more_descriptor() -> None:
    before = figures()["process_open_fds"]
    reading, writing = os.pipe()
    after = figures()["process_open_fds"]
    os.close(reading)
    os.close(writing)

    assert after == before + 2
