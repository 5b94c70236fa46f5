"""Tests run under schedules: whole runs, of which one is told."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import fsspec
import pytest

from tests.plugin.conftest import Suite
from tests.plugin.desktop import CASSETTES

HEAD = """
from tests.plugin.schedules.racing import assumes_the_ack_first, waits_for_all
RUNS = []
def cassette(**options):
    return pytest.mark.cassette("get-chained-record", **{"unplayed": "ignore", "explore": 4, "delay": 0} | options)
"""
WRONG = """
@cassette()
def test_wrong(standin):
    RUNS.append("wrong")
    assumes_the_ack_first(standin.url)
"""
RIGHT = """
@cassette()
def test_right(standin):
    RUNS.append("right")
    waits_for_all(standin.url)
"""
TOLD = "fails if ChainedRecord* (event 1.1) arrives before the ack of GetChainedRecord (triple 1)*"


def schedule_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.schedule.json"))


def line_of(result: pytest.RunResult, start: str) -> str:
    return next(line for line in result.stdout.lines if line.startswith(start))


def test_a_race_is_found_told_and_kept_beside_the_cassette(suite: Suite, pytester: pytest.Pytester) -> None:
    result = suite(HEAD + WRONG + RIGHT)

    result.assert_outcomes(passed=1, failed=1)
    (kept,) = schedule_files(pytester.path / "cassettes")
    held = json.loads(kept.read_text(encoding="utf-8"))
    assert held["deviations"] == ["event 1.1 before ack 1"]
    assert held["test"] == "test_desktop.py::test_wrong"
    assert [name for name, *_ in held["played"]] == ["request 1", "event 1.1"]
    result.stdout.fnmatch_lines(
        [
            "E*an event came before the ack*",
            "*- cassette schedule -*",
            TOLD,
            "* runs, seed 0; * of neighbours seen in both orders*",
            f"kept in {kept}",
            f"again: pytest test_desktop.py::test_wrong --cassette-schedule {held['id']}",
        ]
    )


def test_the_orders_that_a_right_client_bore_are_told(suite: Suite) -> None:
    result = suite(HEAD + RIGHT)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*= tests run under schedules =*", "test_desktop.py::test_right: * runs, * seen in both orders*"]
    )


def test_the_schedule_that_was_found_is_played_again(suite: Suite, pytester: pytest.Pytester) -> None:
    suite(HEAD + WRONG)
    (kept,) = schedule_files(pytester.path / "cassettes")
    found = json.loads(kept.read_text(encoding="utf-8"))["id"]
    count = "\ndef test_count():\n    assert RUNS == ['wrong']\n"

    asked = suite(HEAD + WRONG + count, "--cassette-schedule", found[:4])
    marked = suite(HEAD + WRONG.replace("cassette()", f"cassette(schedule={found!r})") + count)
    written = suite(HEAD + WRONG.replace("cassette()", "cassette(schedule=['event 1.1 before ack 1'])") + count)

    for result in (asked, marked, written):
        result.assert_outcomes(failed=1, passed=1)
        assert "seen in both orders" not in result.stdout.str()


def test_a_schedule_that_the_client_does_not_meet_is_no_success(suite: Suite) -> None:
    tests = """
@cassette(schedule="event 1.1 before ack 1")
def test_asks_for_nothing(standin): pass
"""
    result = suite(HEAD + tests)

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*CassetteWarning: *not met*: event 1.1 before ack 1"])


def test_an_order_that_cannot_be_is_told_as_that(suite: Suite) -> None:
    nothing = """
@cassette(schedule=["event 1.1 before ack 1", "ack 1 before event 1.1"])
def test_asks_for_nothing(standin): pass
"""
    result = suite(HEAD + nothing)

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*not met*; ack 1 before event 1.1 and event 1.1 before ack 1 contradict*"])


def test_the_schedule_of_another_cassette_is_refused(suite: Suite, pytester: pytest.Pytester) -> None:
    suite(HEAD + WRONG)
    (kept,) = schedule_files(pytester.path / "cassettes")
    other = f"""
@pytest.mark.cassette("preview-session", schedule={str(kept)!r})
def test_other(standin): pass
@pytest.mark.cassette("preview-session", schedule="event 9.1 before ack 9")
def test_more(standin): pass
"""

    result = suite(other)

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*get-chained-record.cassette*", "*event 9.1 before ack 9*"])


FIXTURES = """
@pytest.fixture(scope="session")
def of_session():
    RUNS.append("session")
    yield
    RUNS.append("session ends")
    print("\\nRUNS", *RUNS)
@pytest.fixture(scope="module")
def of_module(of_session):
    RUNS.append("module")
    yield
    RUNS.append("module ends")
@pytest.fixture
def of_test(of_module):
    RUNS.append("made")
    yield
    RUNS.append("let go")
@cassette()
class TestInAClass:
    def test_runs(self, standin, of_test, tmp_path, record_property):
        assert not hasattr(self, "was_run"), "the instance of a run before"
        assert list(tmp_path.iterdir()) == []
        self.was_run = True
        (tmp_path / "file").touch()
        waits_for_all(standin.url)
def test_another(of_test):
    RUNS.append("another")
"""


def test_only_fixtures_of_the_function_are_made_anew_for_each_run(suite: Suite) -> None:
    result = suite(HEAD + FIXTURES, "-s")

    result.assert_outcomes(passed=2)
    runs = line_of(result, "RUNS").removeprefix("RUNS ")
    assert runs.startswith("session module made let go made let go made let go")
    assert runs.endswith("made another let go module ends session ends")
    assert runs.count("module ends") == 1


def test_one_test_is_one_result(suite: Suite, pytester: pytest.Pytester) -> None:
    said = WRONG.replace("    assumes", "    print('said once')\n    assumes")

    result = suite(HEAD + said + RIGHT, "-x", "--junitxml", "all.xml")

    result.assert_outcomes(failed=1)
    cases = list(ET.parse(pytester.path / "all.xml").iter("testcase"))
    assert [(case.get("name"), len(case.findall("failure"))) for case in cases] == [("test_wrong", 1)]
    assert result.stdout.str().count("said once") == 2  # in the source, and in what the run that is told has printed
    suite(HEAD + said + RIGHT, "--lf").assert_outcomes(failed=1)


def test_workers_of_xdist_explore_too(suite: Suite, pytester: pytest.Pytester) -> None:
    result = suite(HEAD + WRONG + RIGHT, "-n", "1")

    result.assert_outcomes(passed=1, failed=1)
    assert len(schedule_files(pytester.path / "cassettes")) == 1
    result.stdout.fnmatch_lines(["*test_desktop.py::test_right: * seen in both orders*"])


def test_async_tests_run_in_a_loop_of_their_own(suite: Suite) -> None:
    result = suite(
        HEAD
        + """
import asyncio
@pytest.fixture
def anyio_backend():
    return "asyncio"
@pytest.fixture
async def of_loop(anyio_backend):
    yield asyncio.get_running_loop()
@pytest.mark.anyio
@cassette()
async def test_wrong(standin, of_loop):
    assert asyncio.get_running_loop() is of_loop
    await asyncio.to_thread(assumes_the_ack_first, standin.url)
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([TOLD])


TIMERS = """
import pytest
LOG = []
class Hooks:
    @pytest.hookspec(firstresult=True)
    def pytest_timeout_set_timer(self, item, settings): pass
    @pytest.hookspec(firstresult=True)
    def pytest_timeout_cancel_timer(self, item): pass
class Settings:
    func_only = False
def pytest_addhooks(pluginmanager):
    pluginmanager.add_hookspecs(Hooks)
@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    item.config.hook.pytest_timeout_set_timer(item=item, settings=Settings)
    result = yield
    item.config.hook.pytest_timeout_cancel_timer(item=item)
    return result
@pytest.hookimpl(trylast=True)
def pytest_timeout_set_timer(item, settings):
    LOG.append("set" if settings is Settings else "wrong")
@pytest.hookimpl
def pytest_timeout_cancel_timer(item):
    LOG.append("cancelled")
@pytest.fixture
def timers():
    LOG.append("run")
    return LOG
def pytest_unconfigure(config):
    print("\\nTIMERS", *LOG)
"""


def test_the_limit_of_pytest_timeout_is_that_of_one_run(suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(TIMERS)

    result = suite(HEAD + RIGHT.replace("(standin)", "(timers, standin)"), "-p", "no:timeout", "-s")

    result.assert_outcomes(passed=1)
    timers = line_of(result, "TIMERS").removeprefix("TIMERS ")
    run = "set run cancelled"
    runs = timers.count("run")
    assert runs > 3
    assert timers == " ".join(["set cancelled", *[run] * runs, "cancelled"])


def test_a_test_that_fails_as_recorded_says_so(suite: Suite, pytester: pytest.Pytester) -> None:
    result = suite(HEAD + RIGHT.replace("waits_for_all", "assert False, "))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- cassette schedule -*", "*recorded order*"])
    assert schedule_files(pytester.path / "cassettes") == []


def test_skips_and_expected_failures_are_what_they_are(suite: Suite) -> None:
    tests = """
@cassette()
def test_skipped(standin):
    RUNS.append("skipped")
    pytest.skip("not here")
@pytest.mark.xfail
@cassette()
def test_known(standin):
    assumes_the_ack_first(standin.url)
@pytest.mark.xfail(strict=True)
@cassette()
def test_passes(standin):
    waits_for_all(standin.url)
def test_count():
    assert RUNS == ["skipped", "skipped"]
"""
    result = suite(HEAD + tests)

    result.assert_outcomes(skipped=1, xfailed=1, failed=1, passed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*", "*test_known: * runs*fails if*"])


def test_a_failure_is_no_less_one_for_a_last_run_that_passes(suite: Suite) -> None:
    now_and_then = RIGHT.replace("waits_for_all(", "(assumes_the_ack_first if len(RUNS) < 6 else waits_for_all)(")

    result = suite(HEAD + now_and_then)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*an event came before the ack*", "*- cassette schedule -*", "fails *"])


DEBUGGER = """
class Debugger:
    quitting = False
    def __init__(self, *args, **kwargs): pass
    def reset(self): pass
    def interaction(self, *args): print("ENTERED")
"""


def test_the_debugger_is_entered_in_the_smallest_schedule_alone(suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(debugger=DEBUGGER)
    pytester.syspathinsert()

    result = suite(HEAD + WRONG, "--pdb", "--pdbcls", "debugger:Debugger")

    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("ENTERED") == 1
    assert len(schedule_files(pytester.path / "cassettes")) == 1


def test_an_interrupted_search_says_how_far_it_came(suite: Suite) -> None:
    result = suite(
        HEAD + RIGHT.replace("    waits", "    if len(RUNS) == 4: raise KeyboardInterrupt\n    waits"),
        no_reraise_ctrlc=True,
    )

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["test_desktop.py::test_right: interrupted after 3 runs, *"])


def test_a_schedule_that_cannot_be_written_beside_the_cassette_is_kept_elsewhere(
    suite: Suite, pytester: pytest.Pytester
) -> None:
    suite(HEAD + WRONG)
    (kept,) = schedule_files(pytester.path / "cassettes")
    kept.unlink()
    kept.mkdir()  # even root writes no file there

    result = suite(HEAD + WRONG)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"it was not written beside the cassette: {kept}: is a folder*"])
    elsewhere = Path(line_of(result, "kept in ").removeprefix("kept in "))
    assert (elsewhere.is_file(), elsewhere.name) == (True, kept.name)
    assert line_of(result, "again: ").endswith(str(elsewhere))


def test_the_schedule_of_a_cassette_at_a_url_is_kept_elsewhere(suite: Suite) -> None:
    store = fsspec.filesystem("memory")
    store.pipe_file("/raced.cassette", (CASSETTES / "get-chained-record.cassette").read_bytes())

    result = suite(HEAD + WRONG.replace("@cassette()", '@cassette()\n@pytest.mark.cassette("memory://raced.cassette")'))

    store.rm("/raced.cassette")
    result.assert_outcomes(failed=1)
    assert Path(line_of(result, "kept in ").removeprefix("kept in ")).is_file()


def test_the_command_line_decides_which_tests_are_explored(suite: Suite) -> None:
    plain = RIGHT.replace("cassette()", "cassette(explore=0)")
    count = "\ndef test_count():\n    print('\\nRUNS', len(RUNS))\n"

    every, none = (
        int(line_of(suite(HEAD + tests + count, "-s", "--cassette-explore", number), "RUNS")[5:])
        for tests, number in ((plain, "3"), (RIGHT, "0"))
    )

    assert (every, none) == (4, 1)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("explore=-1", "explore must be a number of schedules, such as 200, not -1"),
        ("explore=True", "explore must be a number of schedules, such as 200, not True"),
        ("disturb='pol'", "disturb must be one of poll, *; did you mean 'poll'?"),
        ("delay=-1", "delay must be a number of seconds from 0 to 3600, not -1"),
        ("schedule=7", "schedule must be a string or a list of strings, not 7"),
        ("schedule='7f3a'", "schedule 7f3a: no such schedule *"),
        ("schedule='event 1 before ack 1'", "*'event 1' names no ack, event or answer*"),
    ],
)
def test_a_wrong_option_is_told_in_one_line(option: str, told: str, suite: Suite) -> None:
    result = suite(f'@pytest.mark.cassette("get-chained-record", {option})\ndef test_it(standin): pass\n')

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([told])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--cassette-explore", "-1"], "*--cassette-explore must be a number of schedules*"),
        (["--cassette-explore", "5", "--cassette-schedule", "7f3a"], "*give one of them*"),
    ],
)
def test_wrong_options_of_the_run_end_it(options: list[str], told: str, suite: Suite) -> None:
    result = suite("def test_own(): pass", *options)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([told])


def test_a_test_that_is_shown_step_by_step_is_run_once_and_warns(suite: Suite) -> None:
    result = suite(HEAD + RIGHT + "\ndef test_count():\n    assert len(RUNS) == 1\n", "--setup-show")

    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*CassetteWarning: explore: the test is run once*"])


def test_cases_of_unittest_are_run_under_schedules_too(suite: Suite) -> None:
    tests = """
import unittest
class TestCase(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def played(self, standin):
        self.standin = standin
    def setUp(self):
        RUNS.append("made")
    def tearDown(self):
        RUNS.append("let go")
    @cassette()
    def test_right(self):
        waits_for_all(self.standin.url)
    @cassette()
    def test_wrong(self):
        assumes_the_ack_first(self.standin.url)
def test_count():
    assert len(RUNS) > 10
    assert set(RUNS[::2]) == {"made"}
    assert set(RUNS[1::2]) == {"let go"}
"""
    result = suite(HEAD + tests)

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["E*an event came before the ack*", TOLD])
