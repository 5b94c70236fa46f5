"""Functions of the user at work in a suite, and a recorder of another environment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from recorder.api.recorder import program
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.library.recording import load_recording
from recorder.model import FORMAT
from tests.plugin.conftest import Suite
from tests.wire import HEADER, Wire, chained, done, get_me

# Matching

PLAYS = """
@pytest.mark.cassette("preview-session", unplayed="ignore"{})
def test_plays(standin):
    works(standin.url, "mine-", ["StartPreviewSession"])
"""
REFUSES = """
def same_tenant(live, recorded):
    return "the tenant differs" if live.target.endswith("Campaign1") else None
"""
WIDENS = """
def any_result(live, recorded):
    return live.target == recorded.target and b"CompleteRecord" in recorded.body or None

@pytest.mark.cassette("preview-session", unplayed="ignore", match=any_result)
def test_wide(standin):
    assert post(standin.url, "CompleteRecord", callResult="Busy") == 200
"""


def test_a_function_of_the_marker_refuses_and_the_miss_names_it(suite: Suite) -> None:
    result = suite(REFUSES + PLAYS.format(", match=same_tenant"))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the matcher test_desktop.same_tenant refused triple 1, *: the tenant differs"])


def test_a_fixture_gives_a_function_to_all_tests_of_a_module(suite: Suite) -> None:
    fixture = "\n@pytest.fixture\ndef cassette_matcher():\n    return same_tenant\n"

    result = suite(REFUSES + fixture + PLAYS.format("") + PLAYS.format("").replace("test_plays", "test_plays_too"))

    result.assert_outcomes(failed=2)


def test_a_function_takes_a_request_that_differs(suite: Suite) -> None:
    suite(WIDENS).assert_outcomes(passed=1)
    suite(WIDENS.replace(", match=any_result", "")).assert_outcomes(failed=1)


def test_what_is_no_function_is_refused(suite: Suite) -> None:
    result = suite(PLAYS.format(', match="body"'))

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["match must be a function, not 'body'"])


# Recording, by a recorder that records nothing and hands out a cassette

RECORDER = """
import shutil, signal, sys, time
if "--version" in sys.argv:
    print("recorder, version {version}, format {format}")
    sys.exit()
print(*sys.argv[1:], file=open({said!r}, "w"))
target = sys.argv[sys.argv.index("-o") + 1]
signal.signal(signal.SIGINT, lambda *_: (shutil.copy({taken!r}, target), sys.exit()))
shutil.copy({taken!r}, target)
print("listening on http://127.0.0.1:9", flush=True)
while True:
    time.sleep(0.05)
"""
TAKES = """
@pytest.mark.cassette("new"{})
def test_takes(standin):
    standin.wait_idle()
    {}
"""


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    program.cache_clear()
    yield
    program.cache_clear()


@pytest.fixture
def other(pytester: pytest.Pytester) -> tuple[str, ...]:
    """Options that name a recorder in another place, and a server."""
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(get_me()), {"user": {}})
    desk.asks(chained(7, "r1"), done(7, "r1"))
    taken = pytester.path / "taken.cassette"
    taken.write_bytes(encode_header(replace(HEADER, profile="journal")) + b"".join(map(encode, wire.records)))
    said = {"said": str(pytester.path / "said"), "taken": str(taken)}
    script = pytester.path / "other.py"
    script.write_text(RECORDER.format(version=version("outbound-recorder"), format=FORMAT, **said), encoding="utf-8")
    command = f"'{sys.executable}' '{script}'"
    return "--cassette-mode", "once", "--cassette-upstream", "http://gws.example", "--cassette-recorder", command


def test_a_recorder_of_another_environment_records(
    other: tuple[str, ...], suite: Suite, pytester: pytest.Pytester
) -> None:
    result = suite(TAKES.format("", ""), *other, ini="cassette_record_options = --insecure --no-wait")

    result.assert_outcomes(passed=1)
    cassette = pytester.path / "cassettes" / "new.cassette"
    assert cassette.read_bytes() == (pytester.path / "taken.cassette").read_bytes()
    said = (pytester.path / "said").read_text(encoding="utf-8").split()
    assert said[:3] == ["record", "http://gws.example", "-o"]
    assert said[-2:] == ["--insecure", "--no-wait"]


def test_the_ini_file_names_it_too(other: tuple[str, ...], suite: Suite, pytester: pytest.Pytester) -> None:
    *options, _, command = other

    suite(TAKES.format("", ""), *options, ini=f"cassette_recorder = {command}").assert_outcomes(passed=1)

    assert (pytester.path / "said").exists()


def test_what_is_no_recorder_is_an_error_in_one_line(other: tuple[str, ...], suite: Suite) -> None:
    result = suite(TAKES.format("", ""), *other[:-1], "python --no-such-option")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["python --no-such-option is no recorder: its --version says *; name *pipx run *"])


def test_a_red_recording_is_kept_and_its_path_is_told(
    other: tuple[str, ...], suite: Suite, pytester: pytest.Pytester
) -> None:
    good = pytester.path / "cassettes" / "new.cassette"
    good.write_bytes(b"good")

    result = suite(TAKES.format(', mode="all"', "assert not 'red'"), *other)

    result.assert_outcomes(failed=1)
    (told,) = (line for line in result.stdout.lines if "it is kept in " in line)
    assert told.endswith(f"; {good} stays as it was")
    kept = Path(told.partition("it is kept in ")[2].partition(";")[0])
    assert [triple.operation for triple in load_recording(kept).triples] == ["GetChainedRecord"]
    assert good.read_bytes() == b"good"


def test_a_function_leaves_out_what_is_not_to_be_kept(
    other: tuple[str, ...], suite: Suite, pytester: pytest.Pytester
) -> None:
    hook = """
from recorder import Request

def without_me(record):
    return None if isinstance(record, Request) and record.target == "/api/v2/me" else record
"""
    suite(hook + TAKES.format(", before_record=without_me", ""), *other).assert_outcomes(passed=1)

    kept = load_recording(pytester.path / "cassettes" / "new.cassette")
    assert ([len(kept.plain)], [triple.operation for triple in kept.triples]) == ([0], ["GetChainedRecord"])


def test_a_fixture_gives_a_function_for_all_that_is_recorded(
    other: tuple[str, ...], suite: Suite, pytester: pytest.Pytester
) -> None:
    fixture = "\n@pytest.fixture\ndef cassette_before_record():\n    return lambda record: None\n"

    suite(fixture + TAKES.format("", ""), *other).assert_outcomes(passed=1)

    assert list(read(pytester.path / "cassettes" / "new.cassette").records) == []


def test_a_function_that_fails_keeps_nothing(other: tuple[str, ...], suite: Suite, pytester: pytest.Pytester) -> None:
    hook = "\ndef breaks(record):\n    raise ValueError('tenant')\n"

    result = suite(hook + TAKES.format(", before_record=breaks", ""), *other)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["before_record test_desktop.breaks raised ValueError('tenant') at *"])
    assert not (pytester.path / "cassettes" / "new.cassette").exists()
