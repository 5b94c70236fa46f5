"""A suite of a user, in a folder of its own, with the shipped cassettes beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.drive.front import run as front
from recorder.fleet.suite import transfer
from recorder.library import changing
from recorder.plugin import choosing, comparing, driving, playing, standing, stored, taking, telling, verdict
from recorder.plugin.schedules import exploring, found
from recorder.views.live import driven
from tests.plugin.desktop import CASSETTES

KEPT = (
    changing,
    choosing,
    comparing,
    driven,
    driving,
    exploring,
    found,
    front,
    playing,
    standing,
    stored,
    taking,
    telling,
    transfer,
    verdict,
)  # loaded before any suite that runs in this process, which would forget them again
_HEAD = """
import pytest
from tests.plugin.desktop import post, works
"""

Suite = Callable[..., pytest.RunResult]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Writes tests and runs them with pytest, in this process or (with `-n`) in others."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    for name in ("PYTEST_ADDOPTS", "CI"):  # in CI pytest tells everything once more in its summary
        monkeypatch.delenv(name, raising=False)
    folder = pytester.mkdir("cassettes")
    for cassette in CASSETTES.glob("*.cassette"):
        shutil.copy(cassette, folder)

    def run(tests: str, *options: str, ini: str = "", **more: bool) -> pytest.RunResult:
        # else the tests of the suite before are run again, if it was written in this second and is as long
        shutil.rmtree(pytester.path / "__pycache__", ignore_errors=True)
        pytester.makepyfile(test_desktop=_HEAD + tests)
        pytester.makeini(f"[pytest]\nfilterwarnings = default\n{ini}")
        if "-n" in options:
            return pytester.runpytest_subprocess("-p", "no:randomly", *options)
        return pytester.runpytest_inprocess("-p", "no:xdist", "-p", "no:randomly", *options, **more)

    return run
