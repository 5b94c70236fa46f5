"""A suite whose cassettes are in a store: what is fetched, how often, and what a test says if that fails."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from recorder.errors import UsageError
from recorder.fleet.suite.lock import NAME
from recorder.fleet.suite.objects import Objects
from recorder.fleet.suite.transfer import cassettes_below, push
from recorder.library.recording import load_recording
from recorder.plugin.settings import Settings
from recorder.plugin.stored import unpushed
from recorder.plugin.taking import extend
from tests.fleet.suite.places import SHIPPED, cassette, counted_s3
from tests.lab.s3 import BUCKET
from tests.plugin.conftest import Suite
from tests.plugin.test_driving import MARK, RIGHT, VALUES
from tests.plugin.test_taking import session, write

PLAYS = """
@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_a(standin):
    assert standin.unplayed == (1, 2, 3, 4, 5, 6)
"""
MISSES = """
@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_misses(standin):
    assert post(standin.url, "GetPreviewRecord", campaignName="Other", operationName="Nonsense") == 470
"""
TWENTY = """
@pytest.mark.parametrize("n", [pytest.param(n, marks=pytest.mark.cassette(f"s{n}")) for n in range(20)])
@pytest.mark.cassette(unplayed="ignore")
def test_n(standin, n):
    assert standin.recording.header.upstream == f"http://gws{n}"
"""
# each process of a run writes which libraries it has loaded
LOADED = """
import os, sys
from pathlib import Path
def pytest_unconfigure(config):
    name = os.environ.get("PYTEST_XDIST_WORKER", "controller")
    loaded = {"fsspec", "s3fs", "aiohttp"} & set(sys.modules)
    Path(f"loaded-{name}").write_text(" ".join(sorted(loaded)))
"""


@pytest.fixture
def shelf(suite: Suite, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store in a folder that has the shipped cassettes, which are no longer beside the tests, and an empty cache."""
    monkeypatch.setenv("RECORDER_CACHE", str(pytester.path / "cache"))
    pushed(pytester.path, str(pytester.path / "shelf"))
    return pytester.path / "shelf"


def pushed(root: Path, url: str) -> None:
    push(cassettes_below([root / "cassettes"]), root, Objects(url))
    shutil.rmtree(root / "cassettes")


def errors(result: pytest.RunResult, text: str) -> int:
    return sum(text in line for line in result.outlines)


@pytest.mark.once
@pytest.mark.timeout(300)  # nine processes, each of which starts a pytest
def test_twenty_tests_fetch_each_cassette_once_then_nothing_and_play_offline(
    suite: Suite, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECORDER_CACHE", str(pytester.path / "cache"))
    shutil.rmtree(pytester.path / "cassettes")
    for n in range(20):
        cassette(pytester.path / "cassettes" / f"s{n}.cassette", f"http://gws{n}")
    pytester.makeconftest(LOADED)
    options = ("-n", "2", "-W", "error", "--cassette-store", f"s3://{BUCKET}/suite")

    with counted_s3() as server:
        pushed(pytester.path, options[-1])
        server.requests.clear()
        suite(TWENTY, *options).assert_outcomes(passed=20)
        cold = server.requests.copy()
        server.requests.clear()
        suite(TWENTY, *options).assert_outcomes(passed=20)
        warm = server.requests.copy()
    suite(TWENTY, *options).assert_outcomes(passed=20)

    assert len(cold) == len(set(cold)) == 20
    assert all(line.startswith(f"GET /{BUCKET}/suite/") for line in cold)
    assert warm == []
    assert {path.read_text() for path in pytester.path.glob("loaded-*")} == {""}


def test_a_file_beside_the_tests_goes_before_the_store_and_is_told(
    suite: Suite, shelf: Path, pytester: pytest.Pytester
) -> None:
    own = cassette(pytester.path / "cassettes" / "preview-session.cassette", "http://mine")
    tests = PLAYS + '    assert standin.recording.header.upstream == "http://mine"\n'

    result = suite(tests, "--cassette-store", str(shelf))

    result.assert_outcomes(passed=1, warnings=0)
    assert not (pytester.path / "cache").exists()
    result.stdout.fnmatch_lines(["*cassettes that the lock file does not name as they are*", str(own)])


def test_a_file_that_is_as_the_lock_file_says_is_not_worth_a_word(
    suite: Suite, shelf: Path, pytester: pytest.Pytester
) -> None:
    (pytester.path / "cassettes").mkdir()
    shutil.copy(SHIPPED, pytester.path / "cassettes")
    shutil.copy(SHIPPED, pytester.path / "cassettes" / "another.cassette")  # kept in git

    result = suite(
        PLAYS + PLAYS.replace("preview-session", "another").replace("test_a", "test_b"), "--cassette-store", str(shelf)
    )

    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*lock file*")


def test_the_store_may_be_in_the_ini_file_from_the_root_and_the_folder_too(
    suite: Suite, shelf: Path, pytester: pytest.Pytester
) -> None:
    ini = "cassette_store = shelf\ncassette_dir = cassettes"

    first, second = suite(PLAYS, ini=ini), suite(PLAYS, ini=ini)

    first.assert_outcomes(passed=1)
    first.stdout.fnmatch_lines(["collected 1 item", f"fetching 1 cassette from {shelf}", "test_desktop.py .*"])
    second.assert_outcomes(passed=1)
    second.stdout.no_fnmatch_line("fetching *")


@pytest.mark.parametrize("options", [["--collect-only"], ["-k", "nothing"]])
def test_only_what_runs_is_fetched(options: list[str], suite: Suite, shelf: Path, pytester: pytest.Pytester) -> None:
    suite(PLAYS, "--cassette-store", str(shelf), *options)

    assert not (pytester.path / "cache").exists()


def test_a_fixture_of_the_suite_may_choose_the_cassette(suite: Suite, shelf: Path, pytester: pytest.Pytester) -> None:
    result = suite(
        """
from dataclasses import replace
@pytest.fixture
def cassette_settings(cassette_settings):
    other = cassette_settings.cassettes[0].with_name("get-chained-record.cassette")
    return replace(cassette_settings, cassettes=(other,))
@pytest.mark.cassette("preview-session", unplayed="ignore")
def test_a(standin):
    assert standin.unplayed == (1,)
""",
        "--cassette-store",
        str(shelf),
    )

    result.assert_outcomes(passed=1)


def test_a_red_test_names_the_cassette_as_the_suite_does(suite: Suite, shelf: Path, pytester: pytest.Pytester) -> None:
    result = suite(MISSES, "--cassette-store", str(shelf), "--cassette-report", "reports")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "1 request matched nothing in preview-session.cassette",
            "preview-session.cassette: played nothing; not asked for: 1, 2, 3, 4, 5, 6",
            "reports/test_desktop.py-test_misses.html",
        ]
    )
    page = (pytester.path / "reports" / "test_desktop.py-test_misses.html").read_text(encoding="utf-8")
    assert "preview-session.cassette" in page


def test_a_driver_takes_its_cassette_from_there(suite: Suite, shelf: Path, pytester: pytest.Pytester) -> None:
    (pytester.path / "values.toml").write_text(VALUES, encoding="utf-8")
    simulator = RIGHT.replace('"cassettes/preview-session.cassette"', repr(str(SHIPPED)))

    result = suite(
        simulator + MARK.format("") + "def test_simulator(driver):\n    assert driver.run().sent == 11\n",
        "--cassette-store",
        str(shelf),
    )

    result.assert_outcomes(passed=1)


# What cannot be played


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("other", "* has no cassettes/other.cassette; record it: pytest --cassette-mode once *`recorder store push`*"),
        (
            "preview-sesion",
            "*no cassettes/preview-sesion.cassette; did you mean cassettes/preview-session.cassette*",
        ),
        ("../preview-session", "the cassette '../preview-session' leads out of *"),
        ("a\\tb", "there is no *cassettes.lock can have none there; record it*"),
        ("a:b", "there is no *cassettes.lock can have none there; record it*"),
        ("/elsewhere/a.cassette", "there is no *cassettes.lock can have none there; record it*"),
        ("Ä ß (1)", "* has no cassettes/Ä ß (1).cassette; record it*"),
    ],
)
def test_a_cassette_that_nobody_has_is_one_line(name: str, told: str, suite: Suite, shelf: Path) -> None:
    result = suite(PLAYS.replace("preview-session", name), "--cassette-store", str(shelf))

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([told])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_the_lock_file_may_be_above_the_root_that_pytest_takes(
    suite: Suite, shelf: Path, pytester: pytest.Pytester
) -> None:
    suite(PLAYS)
    tests = pytester.mkdir("tests")
    shutil.move(pytester.path / "test_desktop.py", tests)
    (tests / "pytest.ini").write_text("[pytest]\ncassette_dir = ../cassettes\n")

    result = pytester.runpytest_inprocess("-p", "no:xdist", "-p", "no:randomly", "tests", f"--cassette-store={shelf}")

    result.assert_outcomes(passed=1)
    assert not (tests / NAME).exists()


def test_without_a_lock_file_it_is_told_what_writes_one(suite: Suite, shelf: Path, pytester: pytest.Pytester) -> None:
    (pytester.path / NAME).unlink()

    result = suite(PLAYS, "--cassette-store", str(shelf))

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["there is no *, and no cassette in *cassettes.lock; record it: *"])


def test_without_a_store_it_is_told_that_one_has_it(suite: Suite, shelf: Path) -> None:
    result = suite(PLAYS)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["there is no *cassettes.lock has it: name its store by --cassette-store=URL *"])


def test_a_lock_file_with_a_conflict_ends_the_run_before_it_begins(
    suite: Suite, shelf: Path, pytester: pytest.Pytester
) -> None:
    (pytester.path / NAME).write_text("<<<<<<< HEAD\n")

    result = suite(PLAYS, "--cassette-store", str(shelf))

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*cassettes.lock, line 1: a conflict of git is not resolved*"])


def test_other_bytes_than_the_lock_file_says_are_never_played(
    suite: Suite, shelf: Path, pytester: pytest.Pytester
) -> None:
    for path in shelf.rglob("*.cassette"):
        path.write_bytes(path.read_bytes()[:-1] + b"!")

    result = suite(PLAYS + PLAYS.replace("test_a", "test_b"), "--cassette-store", str(shelf))

    result.assert_outcomes(errors=2)
    assert errors(result, "cassettes/preview-session.cassette: the store has other bytes than cassettes.lock says") >= 2
    result.stdout.no_fnmatch_line("*Traceback*")


def test_one_that_the_store_lacks_fails_its_own_tests_alone(suite: Suite, shelf: Path) -> None:
    (lost,) = (path for path in shelf.rglob("*.cassette") if path.read_bytes() == SHIPPED.read_bytes())
    lost.unlink()
    other = PLAYS.replace("preview-session", "get-chained-record").replace("test_a", "test_b").replace(
        "(1, 2, 3, 4, 5, 6)", "(1,)"
    )  # fmt: skip

    result = suite(PLAYS + other, "--cassette-store", str(shelf))

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"cassettes/preview-session.cassette: cannot be fetched: there is no {lost};*"])


@contextmanager
def broken() -> Iterator[tuple[str, list[str]]]:
    """Run a web server that fails; yield its URL, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(503)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/suite", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_store_that_fails_is_asked_once_in_the_run_and_each_test_says_so(
    options: tuple[str, ...], suite: Suite, shelf: Path, pytester: pytest.Pytester
) -> None:
    lines = [f"cassettes/s{n}.cassette sha256:{n:064x} 7\n" for n in range(20)]
    (pytester.path / NAME).write_text("".join(["# cassettes.lock 1\n", *lines]))

    with broken() as (url, asked):
        result = suite(TWENTY, "--cassette-store", url, "-rN", *options)

    result.assert_outcomes(errors=20)
    assert len(asked) == 1
    for n in range(20):
        text = f"cassettes/s{n}.cassette: it is not in the cache, and {url}: cannot be used: 503, message="
        assert errors(result, text) == 1
    result.stdout.no_fnmatch_line("*Traceback*")


def test_without_the_libraries_each_test_says_what_to_install(suite: Suite, shelf: Path) -> None:
    result = suite(PLAYS, "--cassette-store", "nope://team/suite")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*not in the cache, and nope://team/suite: cannot be opened: *"])


# Recording


def test_what_the_store_has_is_not_missing(suite: Suite, shelf: Path, pytester: pytest.Pytester) -> None:
    suite(PLAYS, "--cassette-store", str(shelf), "--cassette-mode", "once").assert_outcomes(passed=1)

    assert not (pytester.path / "cassettes").exists()


def test_a_store_that_is_away_is_no_reason_to_record(suite: Suite, shelf: Path, pytester: pytest.Pytester) -> None:
    with broken() as (url, _):
        result = suite(
            PLAYS, "--cassette-store", url, "--cassette-mode", "once", "--cassette-upstream", "http://127.0.0.1:9"
        )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*it is not in the cache, and *: cannot be used: 503*"])


def test_what_is_recorded_anew_is_not_fetched(suite: Suite, shelf: Path, pytester: pytest.Pytester) -> None:
    result = suite(PLAYS, "--cassette-store", str(shelf), "--cassette-mode", "all")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*preview-session.cassette: name the server to record: *"])
    assert not (pytester.path / "cache").exists()


@pytest.fixture
def of_store(tmp_path: Path) -> Settings:
    """Settings of a test whose cassette is in the cache alone."""
    (tmp_path / "cache").mkdir()
    old = write(tmp_path / "cache" / "0123.cassette", session(7))
    return Settings((tmp_path / "cassettes" / "a.cassette",), mode="new_episodes", files=(old,))


def test_what_is_new_is_added_to_a_file_with_what_the_store_has(of_store: Settings, tmp_path: Path) -> None:
    before = of_store.files[0].read_bytes()

    extend(of_store, write(tmp_path / "taken.cassette", session(7, 9), started=60_000_000))

    recording = load_recording(of_store.cassettes[0])
    assert [triple.keys["handle"] for triple in recording.triples] == ["7", "9"]
    assert of_store.cassettes[0].read_bytes().startswith(before)
    assert of_store.files[0].read_bytes() == before


def test_without_anything_new_there_is_no_file(of_store: Settings, tmp_path: Path) -> None:
    extend(of_store, write(tmp_path / "taken.cassette", session(7)))

    assert not of_store.cassettes[0].exists()


def test_what_cannot_be_added_leaves_no_file(of_store: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="was redacted by 'none'"):
        extend(of_store, write(tmp_path / "taken.cassette", session(9), redaction="gws"))

    assert not of_store.cassettes[0].exists()


def test_what_a_test_before_has_recorded_is_added_to(of_store: Settings, tmp_path: Path) -> None:
    of_store.cassettes[0].parent.mkdir()
    write(of_store.cassettes[0], session(8))

    extend(of_store, write(tmp_path / "taken.cassette", session(9), started=60_000_000))

    assert [t.keys["handle"] for t in load_recording(of_store.cassettes[0]).triples] == ["8", "9"]


def test_what_was_recorded_is_told_until_it_is_pushed(shelf: Path, pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig("--cassette-store", str(shelf))
    mine, kept_in_git = (pytester.path / "cassettes" / f"{name}.cassette" for name in ("mine", "git"))
    mine.parent.mkdir()
    shutil.copy(SHIPPED, mine)
    shutil.copy(SHIPPED, kept_in_git)
    used = [mine, kept_in_git, pytester.path / "cassettes" / "none.cassette"]

    assert list(unpushed(config, used, {mine})) == [mine]
    push([mine], pytester.path, Objects(str(shelf)))
    config = pytester.parseconfig("--cassette-store", str(shelf))
    assert list(unpushed(config, used, {mine})) == []


# Orphans


def test_cassettes_of_the_lock_file_that_no_test_used_are_listed(
    suite: Suite, shelf: Path, pytester: pytest.Pytester
) -> None:
    lock = pytester.path / NAME
    lock.write_text(lock.read_text() + f"other/cassettes/x.cassette sha256:{'0' * 64} 7\n")  # of a folder not run

    result = suite(PLAYS, "--cassette-store", str(shelf), "--cassette-orphans")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*no test of this run has used*", "*/cassettes/get-chained-record.cassette"])
    result.stdout.no_fnmatch_line("*/cassettes/preview-session.cassette")
    result.stdout.no_fnmatch_line("*/x.cassette")


def test_a_store_beside_no_cassette_of_its_own_changes_nothing(
    suite: Suite, shelf: Path, pytester: pytest.Pytester
) -> None:
    suite("def test_own(): pass", "--cassette-store", str(shelf)).assert_outcomes(passed=1)

    assert not (pytester.path / "cache").exists()
