"""Promises that tests keep: no planted secret is found anywhere, and no frame is lost by a kill.

The tests are those of tests/integration; here they run at length, and are counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

from benchmarks.rows import Row, Scale, not_measured
from tests.integration.test_secrets import PLANTED, forms
from tests.lab.lab import available

COMMAND = "python -m benchmarks --only promises"
ROOT = Path(__file__).parents[1]
_SECRETS = "planted secrets found on disk, in log, HTML, HAR, error text"
_FRAMES = "frames lost after SIGKILL that were acknowledged as written"
_TESTS = {_SECRETS: "tests/integration/test_secrets.py", _FRAMES: "tests/integration/test_durability.py"}
_CHOSEN = {
    (_SECRETS, Scale.FULL): "nothing_",
    (_SECRETS, Scale.SMOKE): "nothing_is_on_the_disk_of_a_recorder_that_is_killed and cometd",
    (_FRAMES, Scale.FULL): "that_is_killed",
    (_FRAMES, Scale.SMOKE): "a_recorder_that_is_killed",
}


def rows(scale: Scale) -> list[Row]:
    """Both rows of the table."""
    if reason := available():
        return [not_measured(what, "0", COMMAND, reason) for what in _TESTS]
    kills = "50 kills of a writer and 50 of a proxy under load" if scale is Scale.FULL else "8 kills of a writer"
    how = {
        _SECRETS: f"{len(PLANTED)} secrets in {len(forms())} forms of JSON, and in headers, URLs, cookies, web forms, "
        "WebSockets; recorded by real proxies from two servers, one of them killed, one with a full disk.",
        _FRAMES: f"{kills}; what they had said to be written is read back.",
    }
    return [_row(what, scale, how[what]) for what in _TESTS]


def _row(what: str, scale: Scale, how: str) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "junit.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
        more = {"EVERY_BYTE": "1"} if scale is Scale.FULL else {}  # fifty kills
        asked = [*command, "-k", _CHOSEN[what, scale], _TESTS[what]]
        subprocess.run(asked, cwd=ROOT, env=os.environ | more, stdout=sys.stderr, check=False)
        suite = next(ET.parse(report).iter("testsuite"))
    ran, failed, seconds = int(suite.get("tests", 0)), _failed(suite), float(suite.get("time", 0))
    measured = "0" if ran and not failed else f"{failed} of {ran} tests fail"
    facts = (f"{ran} tests ({_TESTS[what]}), {failed} of them fail.", how)
    profile = f"A count, not a time; the tests took {seconds:.0f} s, most of it until the servers they start are ready."
    return Row(what, "0", measured, bool(ran) and not failed, COMMAND, facts, profile)


def _failed(suite: ET.Element) -> int:
    """A test that was left out shows nothing either."""
    return sum(int(suite.get(name, 0)) for name in ("errors", "failures", "skipped"))
