"""What a user is told of a test that failed: in the test and not in its teardown, with a page, with pseudonyms."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.plugin.conftest import Suite
from tests.plugin.test_driving import BROKEN, MARK, VALUES
from tests.views.pages.opened import text_of

PART = """
@pytest.mark.cassette("preview-session", unplayed="fail")
def test_plays_a_part(standin{more}):
    works(standin.url, "mine-", ["StartPreviewSession", "GetPreviewRecord"])
"""
RED = """
@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_red_{n}(standin):
    works(standin.url, "mine-", ["StartPreviewSession"])
    post(standin.url, "CompleteRecord", callResult="Busy")
"""
EXTRAS = """
import pytest

class Fake:
    @staticmethod
    def pytest_addoption(parser):
        for name in ("--html", "--alluredir"):
            parser.addoption(name, dest={"--html": "htmlpath", "--alluredir": "allure_report_dir"}[name])
        parser.addoption("--self-contained-html", action="store_true", dest="self_contained_html")

def pytest_addoption(parser, pluginmanager):
    pluginmanager.register(Fake(), "html")
    pluginmanager.register(type("Other", (), {})(), "allure_pytest")

@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    for extra in getattr(report, "extras", []):
        print("extra:", report.when, extra["format_type"], extra["extension"], extra["content"][:15])
"""
ALLURE = """
class attachment_type:
    HTML = "html"

def attach(page, name, attachment_type):
    print("allure:", name, attachment_type, page[:15])
"""


def page_of(result: pytest.RunResult) -> Path:
    """The page that a run tells of; there is one."""
    (told,) = (line for line in result.stdout.lines if line.endswith(".html"))
    return Path(told)


# In the test, not in its teardown


def test_what_was_not_asked_for_fails_the_test_and_not_its_teardown(suite: Suite) -> None:
    result = suite(PART.format(more=""))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["preview-session.cassette: played 1, 2; not asked for: 3, 4, 5, 6", "  triple 3: *"])
    assert result.stdout.str().count("  triple 3: ") == 1


@pytest.mark.parametrize("more", ["tmp_path", "monkeypatch, capsys"])
def test_fixtures_of_pytest_play_nothing_after_the_test(more: str, suite: Suite) -> None:
    suite(PART.format(more=f", {more}")).assert_outcomes(failed=1)


@pytest.mark.parametrize(
    "fixture",
    [
        "def desktop(standin, request):\n    request.addfinalizer(lambda: works(standin.url, 'mine-', REST))",
        "def desktop(standin):\n    yield\n    works(standin.url, 'mine-', REST)",
    ],
)
def test_a_fixture_may_still_play_the_rest_when_the_test_has_ended(fixture: str, suite: Suite) -> None:
    rest = 'REST = ["GetChainedRecord", "UpdateRecord", "CompleteRecord", "EndPreviewSession"]\n'

    result = suite(f"{rest}@pytest.fixture\n{fixture}\n" + PART.format(more=", desktop"))

    result.assert_outcomes(passed=1)


def test_a_test_that_is_expected_to_fail_may_leave_triples(suite: Suite) -> None:
    suite("@pytest.mark.xfail(strict=True)" + PART.format(more="")).assert_outcomes(xfailed=1)


def test_what_a_driver_did_not_send_fails_the_test(suite: Suite, pytester: pytest.Pytester) -> None:
    (pytester.path / "values.toml").write_text(VALUES, encoding="utf-8")

    result = suite(
        BROKEN.replace('["drop event ChainedRecord"]', "[]")
        + MARK.format(', unplayed="fail"')
        + "def test_one(driver): driver.step()\n"
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["preview-session.cassette: 1 of 11 steps sent; not sent: *; call driver.step() on"])


# The page of expected against live


def test_a_red_test_has_a_page_in_the_temporary_folder_and_no_secret_is_on_it(suite: Suite) -> None:
    result = suite(RED.format(n=1))

    result.assert_outcomes(failed=1)
    page = page_of(result)
    text = text_of(page.read_text(encoding="utf-8"))
    assert page.parent.name == "cassette-reports"
    assert "preview-session.cassette → what the test did" in text
    assert "triple missing" in text  # which the test did not ask for
    assert "no recorded request matches" in text  # the answer to a miss, in its place
    assert base64.b64encode(b"agent1:secret").decode() not in text  # the login of the test's client


def test_a_green_test_has_no_page(suite: Suite, pytester: pytest.Pytester) -> None:
    result = suite(PART.format(more="").replace('"fail"', '"ignore"'), "--basetemp", "base")

    result.assert_outcomes(passed=1)
    assert not list((pytester.path / "base").rglob("*.html"))


def test_the_folder_of_the_user_takes_the_page_beside_the_text(suite: Suite, pytester: pytest.Pytester) -> None:
    result = suite(RED.format(n=1), "--cassette-report", "kept")

    folder = pytester.path / "kept"
    assert {path.suffix for path in folder.iterdir()} == {".html", ".json", ".txt"}
    assert page_of(result) == Path("kept", "test_desktop.py-test_red_1.html")


def test_several_cassettes_are_one_side_of_the_page(suite: Suite) -> None:
    result = suite(RED.format(n=1).replace('"preview-session",', '"preview-session", "get-chained-record",'))

    assert "preview-session.cassette, get-chained-record.cassette →" in page_of(result).read_text(encoding="utf-8")


def test_hundreds_of_red_tests_do_not_fill_the_disk(suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import recorder.plugin.telling\nrecorder.plugin.telling._PAGES = 2\n")
    try:
        result = suite("".join(RED.format(n=n) for n in range(4)))
    finally:
        from recorder.plugin import telling

        telling._PAGES = 50

    assert sum(line.endswith(".html") for line in result.stdout.lines) == 2
    assert sum("not written, as 2 are; --cassette-report DIR writes all" in line for line in result.stdout.lines) == 2


def test_a_client_that_never_came_leaves_no_page(suite: Suite) -> None:
    result = suite('@pytest.mark.cassette("preview-session")\ndef test_a(standin): raise ValueError\n')

    result.assert_outcomes(failed=1)
    assert not any(line.endswith(".html") for line in result.stdout.lines)


def test_a_driver_has_a_page_of_what_the_server_answered(suite: Suite, pytester: pytest.Pytester) -> None:
    (pytester.path / "values.toml").write_text(VALUES, encoding="utf-8")

    result = suite(BROKEN + MARK.format(", patience=0.3") + "def test_simulator(driver): driver.run()\n")

    result.assert_outcomes(failed=1)
    text = text_of(page_of(result).read_text(encoding="utf-8"))
    assert "answered" in text
    assert "event missing" in text
    assert "YWdlbnQxOnNlY3JldA==" not in text  # the login of the values file


# Beside other plugins


@pytest.mark.parametrize(
    ("options", "extra"),
    [
        (["--html", "report.html"], "extra: call text html <!doctype html>"),
        (["--html", "report.html", "--self-contained-html"], "extra: call url html file:///"),
    ],
)
def test_pytest_html_gets_the_page(options: list[str], extra: str, suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.syspathinsert()
    pytester.makepyfile(fake_plugins=EXTRAS)

    result = suite(RED.format(n=1), "-p", "fake_plugins", "-s", *options)

    result.stdout.fnmatch_lines_random([f"*{extra}*"])


def test_allure_gets_the_page(suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.syspathinsert()
    pytester.makepyfile(fake_plugins=EXTRAS, allure=ALLURE)

    result = suite(RED.format(n=1), "-p", "fake_plugins", "-s", "--alluredir", "results")

    result.stdout.fnmatch_lines(["*allure: cassette: expected against live html <!doctype html>*"])


def test_a_report_of_others_that_is_not_made_gets_nothing(suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.syspathinsert()
    pytester.makepyfile(fake_plugins=EXTRAS, allure=ALLURE)

    result = suite(RED.format(n=1), "-p", "fake_plugins", "-s")

    result.stdout.no_fnmatch_line("*extra: *")
    result.stdout.no_fnmatch_line("*allure: *")


# Pseudonyms

SHOWN = """
import json
from recorder.cassette.reader import read
from recorder.plugin.standing import pseudonyms
from recorder.plugin.playing import recording_of
from recorder.redaction.joins import of_cassette

def numbers(standin):
    policy = of_cassette(standin.recording.header, None, described=True)
    return [value for value in pseudonyms(standin.recording, policy) if value.isdigit() or "-" in value]
"""


@pytest.mark.parametrize(
    "assertion", ["number == '+49 30 1234'", "{'number': number} == {}", "'1234' in number", "[number] == ['1', '2']"]
)
def test_a_pseudonym_in_a_failed_assertion_is_explained(assertion: str, suite: Suite) -> None:
    result = suite(
        SHOWN
        + f"""
@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_shows(standin):
    number = max(numbers(standin), key=len)
    print("shown:", number)
    assert {assertion}
"""
    )

    result.assert_outcomes(failed=1)
    number = next(line for line in result.stdout.lines if line.startswith("shown: ")).removeprefix("shown: ")
    result.stdout.fnmatch_lines(["*- cassette pseudonyms -*"])
    assert f"`{number}` stands for a redacted value" in result.stdout.str()


def test_an_assertion_without_a_pseudonym_is_left_alone(suite: Suite) -> None:
    result = suite(
        '@pytest.mark.cassette("preview-session", unplayed="ignore")\ndef test_a(standin): assert "1001" == "1002"\n'
    )

    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*cassette pseudonyms*")


def test_what_an_earlier_test_compared_is_forgotten(suite: Suite) -> None:
    result = suite(
        SHOWN
        + """
@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_shows(standin):
    with pytest.raises(AssertionError):
        assert max(numbers(standin), key=len) == ""

@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_other(standin):
    raise ValueError
"""
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*cassette pseudonyms*")


# What is kept, and for how long


def test_nothing_of_a_test_is_kept_in_memory_when_it_has_ended(suite: Suite) -> None:
    result = suite(
        PART.format(more="").replace('"fail"', '"ignore"')
        + """
import gc
from recorder.plugin.playing import Playing

def test_after():
    gc.collect()
    assert [one for one in gc.get_objects() if isinstance(one, Playing)] == []
"""
    )

    result.assert_outcomes(passed=2)


def test_a_test_that_is_run_again_is_judged_again(suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
import pytest
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    for _ in range(2):
        item._initrequest()
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
    )

    result = suite(PART.format(more="") + RED.format(n=1))

    result.assert_outcomes(failed=4)
