"""Do tests that share cassettes disturb each other?

    python -m benchmarks.flakes [--runs N] [--at-once N] [--workers N] [--json]

A suite of 20 tests on two cassettes, run again and again under `pytest -n 8`. Each test plays with ids and a device of
its own, at several clients at once or by itself, and fails if it hears of anybody else's, if an event is missing,
doubled or out of order, or if the stand-in has anything to complain of. Exit code 1 if any test ever failed. With
`--at-once` so many runs are one call of pytest, mixed among its workers: most of a run is the start of eight Pythons.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
_LIMIT = 900.0  # seconds for one run

# Its tests differ in how they play, and all assert the same.
SUITE = '''
import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from recorder.library.recording import load_recording
from tests.lab.byhand import Desk


def play(standin, desk, own):
    """One client asks for all there is, with values of its own; what it heard, with these taken out."""
    desk.connected()
    heard = []
    for triple in standin.recording.triples:
        body = json.loads(triple.request.body) | {"referenceId": f"{own}-{triple.n}", "devicePath": f"/devices/{own}"}
        poll = desk.polls()
        sent = desk.posts(triple.request.target, body)
        assert sent.answer().status == 200, sent.answer().body
        events = desk.hears(len(triple.events), poll)
        assert [channel for channel, _ in events] == [link.event.channel for link in triple.events]
        for (_, data), link in zip(events, triple.events):
            text = json.dumps(data)
            assert "desk-" not in text and "c259da54" not in text, "a recorded value came back: " + text
            if "referenceId" in data:
                assert data["referenceId"] == f"{own}-{triple.n}"
            if "deviceId" in data:
                assert data["deviceId"] == own
            heard.append(data.get("notificationType") or data["userData"]["GSW_USER_EVENT"])
    desk.tells(desk.message("/meta/disconnect")).answer()
    desk.leaves()
    return heard


@pytest.mark.parametrize("clients", [1, 1, 2, 3, 1])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("preview-session", marks=pytest.mark.cassette("preview-session")),
        pytest.param("chained", marks=pytest.mark.cassette("chained")),
        pytest.param("preview-instant", marks=pytest.mark.cassette("preview-session", rate="instant")),
        pytest.param("chained-fast", marks=pytest.mark.cassette("chained", rate=20)),
    ],
)
def test_hears_its_own(standin, name, clients):
    desks = [Desk(standin.url, f"agent{n}:secret") for n in range(clients)]
    owns = [uuid.uuid4().hex for _ in desks]
    with ThreadPoolExecutor(clients) as threads:
        heard = list(threads.map(play, [standin] * clients, desks, owns))
    names = [link.name for triple in standin.recording.triples for link in triple.events]
    assert heard == [names] * clients
    assert (standin.misses, standin.unplayed, standin.pending) == ([], (), 0)
    assert sorted(s.played for s in standin.sessions) == [tuple(t.n for t in standin.recording.triples)] * clients
'''


# Another run of the suite is the same tests once more.
REPEATED = """
import pytest

@pytest.fixture(params=range({times}), autouse=True)
def run(request):
    return request.param
"""


def write(folder: Path, at_once: int) -> None:
    """The suite, in a folder of its own."""
    (folder / "conftest.py").write_text(REPEATED.format(times=at_once))
    cassettes = folder / "cassettes"
    cassettes.mkdir()
    shutil.copy(ROOT / "cassettes" / "preview-session.cassette", cassettes)
    shutil.copy(ROOT / "cassettes" / "get-chained-record.cassette", cassettes / "chained.cassette")
    (folder / "test_shared.py").write_text(SUITE)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\ncassette_unplayed = fail\n")


def run(folder: Path, workers: int) -> tuple[int, list[str]]:
    """Run the suite once: how many tests there were, and what became of those that failed."""
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), f"--junitxml={report}"]
    ended = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=_LIMIT, check=False,
    )  # fmt: skip
    if not report.exists():
        return 0, [f"no report: {ended.stdout[-2000:]}{ended.stderr[-2000:]}"]
    cases = ET.parse(report).getroot().findall(".//testcase")
    bad = [f"{case.get('name')}: {fault.text}" for case in cases for fault in case if fault.tag in ("failure", "error")]
    if ended.returncode and not bad:
        bad = [ended.stdout[-2000:]]
    return len(cases), bad


def main(arguments: list[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    tests, failures, began = 0, list[str](), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, options.at_once)
        for number in range(0, options.runs, options.at_once):
            count, bad = run(folder, options.workers)
            tests, failures = tests + count, failures + bad
            for text in bad:
                print(f"run {number + 1}: {text}", file=sys.stderr, flush=True)
    result = {"runs": options.runs, "tests": tests, "failures": len(failures)}
    result |= {"seconds": round(time.monotonic() - began)}
    print(json.dumps(result) if options.json else ", ".join(f"{value} {name}" for name, value in result.items()))
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
