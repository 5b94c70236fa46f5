"""What a suite of a user sees: outcomes, texts, options; alone and under pytest-xdist."""

from __future__ import annotations

import json

import pytest

from recorder.dialect.definition import source
from tests.plugin.conftest import Suite

MISSING = """
    assert post(standin.url, "GetPreviewRecord", campaignName="Other", operationName="Nonsense") == 470
"""
PART = """
@pytest.mark.cassette("preview-session"{})
def test_plays_a_part(standin):
    works(standin.url, "mine-", ["StartPreviewSession", "GetPreviewRecord"])
"""
MISS = '@pytest.mark.cassette("preview-session")\ndef test_swallows_a_miss(standin):' + MISSING


def test_three_lines_suffice(suite: Suite) -> None:
    result = suite(
        """
@pytest.mark.cassette("preview-session", unplayed="fail")
def test_works(standin):
    assert len(works(standin.url, "mine-")) == 14
""",
    )

    result.assert_outcomes(passed=1)


LOADED = """
import sys
import pytest
before = set(sys.modules)

@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    if hasattr(config, "workerinput"):
        return
    loaded = sorted(name for name in sys.modules if name.partition(".")[0] == "recorder")
    others = sorted({name.partition(".")[0] for name in sys.modules} & {
        "aiohttp", "asyncio", "click", "httptools", "mitmproxy", "msgpack", "msgspec", "rich", "websockets"})
    print("loaded:", *loaded, "and", *others)
"""


@pytest.mark.parametrize("options", [[], ["--help"], ["-n", "1"], ["--collect-only"]])
def test_a_run_that_has_no_cassette_loads_next_to_nothing_of_the_package(
    options: list[str], suite: Suite, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(LOADED)
    pytester.makepyfile("def test_own(): pass")

    told = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:anyio", "-s", *options).stdout.str()

    loaded = next(line for line in told.splitlines() if line.startswith("loaded: "))
    assert (
        loaded.removeprefix("loaded: ")
        == "recorder recorder.plugin recorder.plugin.declaring recorder.pytest_plugin and"
    )


def test_a_suite_written_in_the_same_second_and_of_the_same_size_is_read_anew(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled tests that are kept count as fresh as long as the second and the size of their source are the same."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)

    for _ in range(4):
        suite("def test_own(): assert 1").assert_outcomes(passed=1)
        suite("def test_own(): assert 0").assert_outcomes(failed=1)


def test_without_the_plugin_a_suite_is_left_alone(suite: Suite) -> None:
    result = suite("def test_own(): pass", "-p", "no:recorder")

    result.assert_outcomes(passed=1)


def test_under_xdist_all_is_the_same(suite: Suite) -> None:
    result = suite(
        MISS
        + PART.format("")
        + PART.format(', unplayed="fail"').replace("a_part", "too_little")
        + """
@pytest.mark.cassette("preview-session", unplayd="fail")
def test_typo(standin): pass
""",
        "--cassette-orphans",
        "-n",
        "2",
    )

    result.assert_outcomes(failed=2, passed=1, errors=1, warnings=1)
    result.stdout.fnmatch_lines_random(
        [
            "no recorded request matches POST *: nearest is triple *",
            "preview-session.cassette: played nothing; not asked for: 1, 2, 3, 4, 5, 6",
            "  triple 3: GetChainedRecord /api/v2/me/outbound-records/1001",
            "the marker cassette has no option 'unplayd'; did you mean 'unplayed'[?]",
            "*/cassettes/get-chained-record.cassette",
        ]
    )
    result.stdout.no_fnmatch_line("*/cassettes/preview-session.cassette")


# Misses


def test_a_miss_the_application_swallowed_fails_the_test_and_is_explained_once(suite: Suite) -> None:
    result = suite(MISS)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_swallows_a_miss _*",
            "1 request matched nothing in preview-session.cassette",
            "no recorded request matches POST *: nearest is triple *",
            "what to do: *",
            "*- cassette -*",
            "preview-session.cassette: played nothing; not asked for: 1, 2, 3, 4, 5, 6",
        ]
    )
    assert result.stdout.str().count("no recorded request matches") == 1


def test_what_is_refused_before_it_is_matched_fails_the_test_too(suite: Suite) -> None:
    result = suite(
        """
from urllib.error import HTTPError
from urllib.request import Request, urlopen

@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_swallows_a_refusal(standin):
    try:
        urlopen(Request(f"{standin.url}/api/v2/me", headers={"X-Long": "x" * 100_000}))
    except HTTPError as exc:
        assert exc.code == 431
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["1 request matched nothing in *", "* was refused before it was matched: 431, *"])


def test_a_test_that_failed_by_itself_shows_its_misses_in_a_section(suite: Suite) -> None:
    result = suite(MISS.replace("470", "200"))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *assert 470 == 200", "*- cassette -*", "1 request matched nothing in *"])
    assert result.stdout.str().count("no recorded request matches") == 1


@pytest.mark.parametrize(
    ("marker", "ini", "outcomes"),
    [
        ('misses="warn", unplayed="ignore"', "", {"passed": 1, "warnings": 1}),
        ('misses="ignore", unplayed="ignore"', "", {"passed": 1, "warnings": 0}),
        ('unplayed="ignore"', "cassette_misses = ignore", {"passed": 1, "warnings": 0}),
        ('misses="fail"', "cassette_misses = ignore", {"failed": 1}),
    ],
)
def test_what_becomes_of_a_miss_is_said_by_the_marker_or_else_the_ini_file(
    marker: str, ini: str, outcomes: dict[str, int], suite: Suite
) -> None:
    result = suite(MISS.replace('session"', f'session", {marker}'), ini=ini)

    result.assert_outcomes(**outcomes)


def test_a_miss_while_another_fixture_begins_is_explained_there(suite: Suite) -> None:
    result = suite(f"""
@pytest.fixture
def logged_in(standin):
    {MISSING.replace("470", "200").strip()}
@pytest.mark.cassette("preview-session")
def test_a(standin, logged_in): pass
""")

    result.assert_outcomes(errors=1)
    assert result.stdout.str().count("no recorded request matches") == 1


def test_a_miss_while_another_fixture_ends_is_an_error_too(suite: Suite) -> None:
    result = suite(f"""
@pytest.fixture
def logged_in(standin):
    yield
    {MISSING.strip()}
@pytest.mark.cassette("preview-session")
def test_a(standin, logged_in): pass
""")

    result.assert_outcomes(passed=1, errors=1)
    assert result.stdout.str().count("no recorded request matches") == 1


def test_skipped_and_expected_failures_stay_what_they_are(suite: Suite) -> None:
    result = suite(f"""
pytestmark = pytest.mark.cassette("preview-session", unplayed="fail")
def test_skips(standin):
    {MISSING.strip()}
    pytest.skip("no more")
@pytest.mark.xfail
def test_is_expected_to_miss(standin):{MISSING}
@pytest.mark.xfail(strict=True)
def test_is_expected_to_fail(standin):
    raise ValueError
""")

    result.assert_outcomes(skipped=1, xfailed=2)


def test_a_run_that_stops_at_the_first_failure_and_one_that_repeats_it(suite: Suite) -> None:
    tests = (
        MISS
        + MISS.replace("a_miss", "another")
        + '\n@pytest.mark.cassette("preview-session")\ndef test_ok(standin): pass'
    )

    first, second = suite(tests, "-x"), suite(tests, "--lf")

    first.assert_outcomes(failed=1)
    second.assert_outcomes(failed=1, deselected=0)


# Unplayed


def test_what_was_not_asked_for_is_a_warning_with_each_triple(suite: Suite) -> None:
    result = suite(PART.format(""))

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*test_desktop.py:*: UnplayedWarning: preview-session.cassette: played 1, 2; not asked for: 3, 4, 5, 6"]
    )


def test_what_was_not_asked_for_can_fail_the_test(suite: Suite) -> None:
    result = suite(PART.format(', unplayed="fail"'))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "preview-session.cassette: played 1, 2; not asked for: 3, 4, 5, 6",
            "  triple 3: GetChainedRecord /api/v2/me/outbound-records/1001",
            "  triple 6: EndPreviewSession *",
        ]
    )


def test_what_a_fixture_asks_for_when_it_ends_was_asked_for(suite: Suite) -> None:
    result = suite("""
@pytest.fixture
def agent(standin):
    yield
    works(standin.url, "mine-")
@pytest.mark.cassette("preview-session", unplayed="fail")
def test_a(agent, standin): pass
""")

    result.assert_outcomes(passed=1)


def test_a_test_that_failed_is_not_told_twice_that_it_did_not_come_to_the_end(suite: Suite) -> None:
    result = suite(PART.format(', unplayed="fail"') + "    raise ValueError")

    result.assert_outcomes(failed=1)


def test_a_stall_is_explained_when_the_test_loses_its_patience(suite: Suite) -> None:
    result = suite(
        """
import asyncio
from recorder.cli.desktop import agent
from tests.plugin.desktop import request
@pytest.mark.cassette("preview-session")
def test_waits_for_an_event_too_many(standin):
    async def plays():
        async with agent(standin.url) as desktop:
            await desktop.post(*request("StartPreviewSession", "mine-1"))
            async with asyncio.timeout(3):  # from here on: to connect may take long on a busy machine
                await desktop.events(lambda found: len(found) == 2)
    asyncio.run(plays())
""",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "client p1 in /meta/connect; next needed: triple 2, POST *",
            "events of triple 1 (StartPreviewSession): PreviewSessionStarted; all have left",
        ]
    )


# Markers


def test_the_closest_marker_wins_option_by_option(suite: Suite) -> None:
    result = suite("""
pytestmark = pytest.mark.cassette(unplayed="ignore", seed=4)
@pytest.mark.cassette("get-chained-record", rate=5)
class TestChained:
    def test_of_the_class(self, standin, cassette_settings):
        assert [c.stem for c in cassette_settings.cassettes] == ["get-chained-record"]
        assert (cassette_settings.rate, cassette_settings.seed) == (5, 4)
    @pytest.mark.cassette("preview-session", "get-chained-record", seed=9)
    def test_of_its_own(self, standin, cassette_settings):
        assert [c.stem for c in cassette_settings.cassettes] == ["preview-session", "get-chained-record"]
        assert (cassette_settings.rate, cassette_settings.seed) == (5, 9)
def test_needs_none(): pass
""")

    result.assert_outcomes(passed=3, warnings=0)


def test_parameters_may_bring_their_own_marker_or_cassette(suite: Suite) -> None:
    result = suite("""
@pytest.mark.parametrize("count", [
    pytest.param(6, marks=pytest.mark.cassette("preview-session")),
    pytest.param(1, marks=pytest.mark.cassette("get-chained-record")),
])
def test_a(standin, count):
    assert len(standin.unplayed) == count
class TestOwn:
    @pytest.mark.parametrize("of", ["a/b"])
    def test_b(self, cassette_settings, of):
        (path,) = cassette_settings.cassettes
        assert path.parent.name == "test_desktop" and path.name.startswith("TestOwn.test_b[a-b]-")
""")

    result.assert_outcomes(passed=3, warnings=2)


def test_a_marker_nobody_can_read_is_an_error_of_its_test(suite: Suite) -> None:
    result = suite(
        """
@pytest.mark.cassette("preview-session", unplayd="fail")
def test_a(standin): pass
@pytest.mark.cassette("preview-session")
def test_b(standin): pass
""",
    )

    result.assert_outcomes(passed=1, errors=1, warnings=1)
    result.stdout.fnmatch_lines(["the marker cassette has no option 'unplayd'; did you mean 'unplayed'?"])
    result.stdout.no_fnmatch_line("*During handling*")


def test_a_marker_without_the_fixture_is_an_error_that_says_so(suite: Suite) -> None:
    result = suite("""
@pytest.mark.cassette("preview-session")
def test_a(): pass
@pytest.mark.usefixtures("standin")
@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_b(): pass
""")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*has the marker cassette but not the fixture standin*usefixtures*"])


def test_a_missing_cassette_says_how_to_record_it(suite: Suite) -> None:
    result = suite("def test_a(standin): pass")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["there is no *test_desktop/test_a.cassette; record it*--cassette-mode once *"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_suite_may_decide_otherwise_by_a_fixture_of_its_own(suite: Suite) -> None:
    result = suite("""
from dataclasses import replace
@pytest.fixture
def cassette_settings(cassette_settings):
    return replace(cassette_settings, unplayed="ignore")
@pytest.mark.cassette("preview-session")
def test_a(standin): pass
""")

    result.assert_outcomes(passed=1, warnings=0)


# Options


@pytest.mark.parametrize(
    ("options", "ini", "told"),
    [
        (["--cassette-mode", "onec"], "", "--cassette-mode must be one of *, not 'onec'; did you mean 'once'[?]"),
        ([], "cassette_mode = nnoe", "cassette_mode must be one of *"),
        ([], "cassette_unplayed = fial", "cassette_unplayed must be one of *did you mean 'fail'[?]"),
        ([], "cassette_misses = no", "cassette_misses must be one of *"),
        ([], "cassette_rate = fast", "cassette_rate must be a positive number*"),
    ],
)
def test_a_misspelt_option_ends_the_run_before_it_begins(options: list[str], ini: str, told: str, suite: Suite) -> None:
    result = suite("def test_a(): pass", *options, ini=ini)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{told}"])


def test_the_folder_and_the_pace_of_all_tests_are_in_the_ini_file(suite: Suite, pytester: pytest.Pytester) -> None:
    (pytester.path / "cassettes").rename(pytester.path / "tapes")

    result = suite(
        """
import math
@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_a(standin, cassette_settings):
    assert cassette_settings.rate == math.inf
""",
        ini="cassette_dir = tapes\ncassette_rate = instant",
    )

    result.assert_outcomes(passed=1)


def test_the_dialect_of_all_tests_is_in_the_ini_file(suite: Suite, pytester: pytest.Pytester) -> None:
    mine = pytester.path / "rules" / "mine.toml"
    mine.parent.mkdir()
    mine.write_text(source("salesforce-changes"))
    tests = """
@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_a(standin):
    assert standin.recording.triples == ()
"""

    suite(tests, ini="cassette_dialect = rules/mine.toml").assert_outcomes(passed=1)
    suite(tests, ini="cassette_dialect = gws-outbound").assert_outcomes(failed=1)
    suite(tests, ini="cassette_dialect = rules/none.toml").assert_outcomes(errors=1)


def test_a_report_of_each_failed_test_is_kept(suite: Suite, pytester: pytest.Pytester) -> None:
    suite(MISS + PART.format(""), "--cassette-report", "kept/here")

    folder = pytester.path / "kept" / "here"
    report = json.loads((folder / "test_desktop.py-test_swallows_a_miss.json").read_text())
    assert {path.stem for path in folder.iterdir()} == {"test_desktop.py-test_swallows_a_miss"}
    assert report["test"] == "test_desktop.py::test_swallows_a_miss"
    assert report["misses"][0]["text"].startswith("no recorded request matches")
    text = (folder / "test_desktop.py-test_swallows_a_miss.txt").read_text()
    assert "not asked for: 1, 2, 3, 4, 5, 6" in text
    assert "no recorded request matches" in text


def test_a_report_replaces_a_link_and_not_what_it_leads_to(suite: Suite, pytester: pytest.Pytester) -> None:
    (pytester.path / "kept").mkdir()
    (pytester.path / "precious").write_text("precious")
    (pytester.path / "kept" / "test_desktop.py-test_swallows_a_miss.txt").symlink_to(pytester.path / "precious")

    suite(MISS + PART.format(""), "--cassette-report", "kept")

    assert (pytester.path / "precious").read_text() == "precious"
    assert "no recorded request" in (pytester.path / "kept" / "test_desktop.py-test_swallows_a_miss.txt").read_text()


def test_a_report_that_cannot_be_written_is_told_and_the_run_goes_on(suite: Suite, pytester: pytest.Pytester) -> None:
    (pytester.path / "kept").write_text("a file")

    result = suite(MISS + PART.format(""), "--cassette-report", "kept")

    result.stdout.fnmatch_lines(["*was not written: *kept is not a folder*"])
    result.assert_outcomes(failed=1, passed=1, warnings=1)


def test_cassettes_that_no_test_has_used_are_listed(suite: Suite) -> None:
    result = suite(PART.format(""), "--cassette-orphans")

    result.stdout.fnmatch_lines(["*= cassettes that no test of this run has used =*", "*/get-chained-record.cassette"])
    result.stdout.no_fnmatch_line("*/preview-session.cassette")


def test_a_link_that_leads_to_itself_is_a_cassette_that_cannot_be_read(suite: Suite, pytester: pytest.Pytester) -> None:
    (pytester.path / "cassettes" / "loop.cassette").symlink_to("loop.cassette")
    named = '\n@pytest.mark.cassette("loop")\ndef test_of_a_loop(standin):\n    pass\n'

    result = suite(PART.format("") + named, "--cassette-orphans")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*= cassettes that no test of this run has used =*", "*/get-chained-record.cassette"])
    result.stdout.no_fnmatch_line("*RuntimeError*")


def test_where_all_cassettes_were_used_none_is_listed(suite: Suite) -> None:
    result = suite(PART.format(', "get-chained-record"'), "--cassette-orphans")

    result.stdout.fnmatch_lines(["*= cassettes that no test of this run has used =*", "none"])


FOREIGN = """
import urllib.error
import urllib.request

def status(standin, **headers):
    asked = urllib.request.Request(f"{{standin.url}}/api/v2/me", headers=headers)
    try:
        return urllib.request.urlopen(asked).status
    except urllib.error.HTTPError as refused:
        return refused.code

@pytest.mark.cassette("preview-session", unplayed="ignore"{marker})
def test_asks_by_another_name(standin):
    assert status(standin, Host="evil.example", Origin="https://a.example") == {status}
"""


def test_a_foreign_host_fails_the_test_with_the_option_that_allows_it(suite: Suite) -> None:
    result = suite(FOREIGN.format(marker="", status=403))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*1 request matched nothing*", "*403, the host evil.example*", '*allow_host="evil.example"*']
    )


@pytest.mark.parametrize(
    ("marker", "ini"),
    [
        (', allow_host="evil.example", allow_origin=["https://a.example"]', ""),
        ("", "cassette_allow_host = evil.example other.example\ncassette_allow_origin = https://a.example"),
    ],
)
def test_the_marker_and_the_ini_file_allow_hosts_and_origins(marker: str, ini: str, suite: Suite) -> None:
    result = suite(FOREIGN.format(marker=marker, status=200), ini=ini)

    result.assert_outcomes(passed=1)


def test_a_host_that_is_none_fails_the_test_with_a_sentence(suite: Suite) -> None:
    result = suite(FOREIGN.format(marker=', allow_host="http://a"', status=200))

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*'http://a' is no name of a host*"])
