"""The fuzzers, for a few seconds from a fixed seed; run them by hand for longer."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.once


def test_some_seconds_of_hostile_input_find_nothing() -> None:
    # a child, so that the memory it may need is its own
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.fuzz_cassette", "--seconds", "10", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "inputs, 0 findings" in done.stdout


@pytest.mark.once
def test_some_seconds_of_hostile_clients_find_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.fuzz_standin", "--seconds", "6", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "inputs, 0 findings" in done.stdout
