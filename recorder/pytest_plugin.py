"""Give each test that asks for the fixture `standin` a stand-in for its recorded server.

    @pytest.mark.cassette("preview-session")
    def test_a_desktop_previews(standin):
        desktop = Desktop(standin.url)

The fixture `driver` plays the other side: the recorded client, against a server under test.

docs/pytest.md explains the options. pytest imports this module in every run, of all that have the package installed:
what only a test with a cassette needs is imported when there is one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .plugin.declaring import CHECKED, MARKER, declare

if TYPE_CHECKING:
    from .api.threads import LoopThread
    from .plugin.driving import Driving
    from .plugin.playing import Playing
    from .plugin.settings import Settings
    from .plugin.taking import Taking

_PLAYING = pytest.StashKey["Playing"]()
_TAKING = pytest.StashKey["Taking"]()
_DRIVING = pytest.StashKey["Driving"]()
_TOLD = pytest.StashKey[int]()  # number of a test's misses that were already reported
_PASSED = pytest.StashKey[bool]()
_USED = pytest.StashKey[set[Path]]()
_FOLDERS = pytest.StashKey[set[Path]]()
_BEGUN = pytest.StashKey[set[Path]]()  # cassettes this run has recorded; later tests of the run append to them
_TO_CONTROLLER = "recorder_cassettes"  # key in pytest-xdist's `workeroutput`, from a worker to its controller


class CassetteWarning(UserWarning):
    """A warning about the cassette of a test that passed."""


class MissedWarning(CassetteWarning):
    """A warning about requests that match nothing in the cassette of a test."""


class UnplayedWarning(CassetteWarning):
    """A warning about what a cassette holds and its test did not play: triples, or steps of a driver."""


class FindingWarning(CassetteWarning):
    """A warning about a server under test that answered other than recorded."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of the plugin."""
    declare(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and check the options before any test runs."""
    config.addinivalue_line("markers", f"{MARKER}: play these cassettes to the test.")
    for key in (_USED, _FOLDERS, _BEGUN):
        config.stash[key] = set()
    if config.getoption("cassette_mode") or any(config.getini(name) != usual for name, usual in CHECKED.items()):
        from .errors import UsageError
        from .plugin.choosing import check

        try:
            check(config)
        except UsageError as exc:
            raise pytest.UsageError(str(exc)) from exc


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remember the folders in which the cassettes of the tests are, if they are asked for."""
    if not config.getoption("cassette_orphans"):
        return
    from .plugin.choosing import folder_of

    folders = {folder_of(item) for item in items}  # few: to resolve that of each test would ask the disk each time
    config.stash[_FOLDERS].update(folder.resolve() for folder in folders)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test before its setup if its marker is wrong, or if it has the marker but not the fixture it needs."""
    if item.get_closest_marker("cassette") is None:
        return
    from .errors import UsageError
    from .plugin.choosing import settings_of

    with _explained():
        wanted, other = ("driver", "standin") if settings_of(item).drive else ("standin", "driver")
        is_own = any(mark.name == "cassette" for mark in item.own_markers)
        names = getattr(item, "fixturenames", ())
        if is_own and wanted not in names:
            hint = f"add `{wanted}` to its arguments, or @pytest.mark.usefixtures({wanted!r})".replace("'", '"')
            if other in names:
                side = "drive=True is for the fixture driver" if wanted == "driver" else "driver needs drive=True"
                hint = f"{side}; {hint}"
            raise UsageError(
                f"the test has the marker cassette but not the fixture {wanted}, so nothing would be played to it; "
                f"{hint}"
            )


@pytest.fixture(scope="session")
def cassette_thread() -> Iterator[LoopThread]:
    """Return the thread that serves all stand-ins of this process."""
    from .api.threads import LoopThread

    thread = LoopThread()
    yield thread
    thread.stop()


@pytest.fixture
def cassette_settings(request: pytest.FixtureRequest) -> Settings:
    """Return the settings by which a test is played; override this fixture to change them."""
    from .plugin.choosing import settings_of

    with _explained():
        return settings_of(request.node)


@pytest.fixture
def standin(
    request: pytest.FixtureRequest, cassette_settings: Settings, cassette_thread: LoopThread
) -> Iterator[Playing | Taking]:
    """Return a fresh stand-in that plays the cassettes of a test; connect the client to its `url`.

    While a cassette is recorded, the `url` leads to the real server through a recorder.
    """
    from .plugin.settings import is_recorded

    config, item = request.config, request.node
    begun = config.stash[_BEGUN]
    config.stash[_USED].update(path.resolve() for path in cassette_settings.cassettes)
    with _explained():
        if is_recorded(cassette_settings, begun):
            yield from _taken(item, cassette_settings)
        else:
            yield from _played(item, cassette_settings, cassette_thread)


@pytest.fixture
def cassette_to(cassette_settings: Settings) -> str:
    """Return the URL of the server under test; override this fixture if a fixture of yours starts that server."""
    return cassette_settings.to


@pytest.fixture
def driver(
    request: pytest.FixtureRequest, cassette_settings: Settings, cassette_to: str, cassette_thread: LoopThread
) -> Iterator[Driving]:
    """Return the recorded client of a test, ready to be played against the server under test: `driver.run()`."""
    from .plugin import driving

    item = request.node
    item.config.stash[_USED].update(path.resolve() for path in cassette_settings.cassettes)
    with _explained(), driving.Driving(cassette_settings, cassette_to, cassette_thread) as driven:
        item.stash[_DRIVING] = driven
        yield driven
    if item.stash.get(_PASSED, False):
        _judge(item, [None, driving.left_over(driven)], cassette_settings)


def _played(item: pytest.Item, settings: Settings, thread: LoopThread) -> Iterator[Playing]:
    from .plugin import verdict
    from .plugin.playing import Playing

    with Playing(settings, thread) as played:
        item.stash[_PLAYING] = played
        yield played
    # The other fixtures of the test have ended only now, and may have sent requests in their teardown.
    missed = verdict.missed(played, item.stash.get(_TOLD, 0)), verdict.unheard(played)
    found = ["\n\n".join(filter(None, missed)) or None, None]
    item.stash[_TOLD] = len(played.misses)
    if item.stash.get(_PASSED, False):
        found[1] = verdict.left_over(played)
    _judge(item, found, settings)


def _taken(item: pytest.Item, settings: Settings) -> Iterator[Taking]:
    from .errors import UsageError
    from .plugin.taking import taking

    path, begun = settings.cassettes[0], item.config.stash[_BEGUN]
    if settings.mode == "all" and hasattr(item.config, "workerinput"):
        raise UsageError("the mode all records one test after the other: run pytest without -n")
    add = settings.mode == "new_episodes" or path in begun
    rules = {"policy": settings.policy, "dialect": settings.dialect}
    with taking(path, settings.upstream, add=add, options=settings.record_options, **rules) as recorded:
        item.stash[_TAKING] = recorded
        yield recorded
    if recorded.is_kept:
        begun.add(path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail the test if a request matched nothing, or a driver found something, even if the test swallowed the error."""
    result = yield
    played = item.stash.get(_PLAYING, None)
    if played is not None:
        from .plugin import verdict

        found = verdict.missed(played)
        item.stash[_TOLD] = len(played.misses)
        _judge(item, [found, None], played.settings)
    driven = item.stash.get(_DRIVING, None)
    if driven is not None:
        from .plugin import driving

        _judge(item, [driving.found(driven), None], driven.settings)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost: sees the report after xfail has changed it
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Add a section about the cassette to the report of a failed test, and write the report that was asked for."""
    report = yield
    if call.when == "call":
        item.stash[_PASSED] = report.passed
        if (taken := item.stash.get(_TAKING, None)) is not None:
            taken.is_kept = report.passed
    driven = item.stash.get(_DRIVING, None)
    if driven is not None and report.failed:
        _tell_driven(item, report, driven)
    played = item.stash.get(_PLAYING, None)
    if played is None:
        return report
    if report.failed:
        _tell(item, report, played)
    if call.when == "call" or not report.passed:
        item.stash[_TOLD] = len(played.misses)
    return report


def _tell(item: pytest.Item, report: pytest.TestReport, played: Playing) -> None:
    from .plugin import verdict

    report.sections.append(("cassette", verdict.summary(played, item.stash.get(_TOLD, 0))))
    _keep(item, report, verdict.summary(played), played.report(), played.settings)


def _tell_driven(item: pytest.Item, report: pytest.TestReport, driven: Driving) -> None:
    from .plugin import driving
    from .views.live.driven import report_row

    text = driving.summary(driven)
    report.sections.append(("cassette", text))
    _keep(item, report, text, report_row(driven.report()), driven.settings)


def _keep(item: pytest.Item, report: pytest.TestReport, text: str, data: dict[str, Any], settings: Settings) -> None:
    """Write the report of a failed test, if reports are wanted, and tell where it is."""
    folder = item.config.getoption("cassette_report")
    if folder is None:
        return
    from .errors import RecorderError
    from .plugin import verdict

    try:
        kept = str(verdict.keep_report(folder, item.nodeid, text, data, settings.cassettes))
    except RecorderError as exc:  # an error in this hook would end the whole run
        kept = f"was not written: {exc}"
    report.sections.append(("cassette report", kept))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the used cassettes and their folders from a worker of pytest-xdist to its controller."""
    stash, output = session.config.stash, getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_TO_CONTROLLER] = [[str(path) for path in stash[key]] for key in (_USED, _FOLDERS)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the cassettes and folders that a worker of pytest-xdist has sent."""
    told = getattr(node, "workeroutput", {}).get(_TO_CONTROLLER, [[], []])  # a crashed worker has no output
    for key, paths in zip((_USED, _FOLDERS), told, strict=True):
        node.config.stash[key].update(map(Path, paths))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List the cassettes that no test has used, with the option --cassette-orphans."""
    if not config.getoption("cassette_orphans"):
        return
    used = config.stash[_USED]
    there = {path.resolve() for folder in config.stash[_FOLDERS] for path in folder.glob("**/*.cassette")}
    terminalreporter.section("cassettes that no test of this run has used")
    for path in sorted(there - used):
        terminalreporter.write_line(str(path))
    if there <= used:
        terminalreporter.write_line("none")


@contextmanager
def _explained() -> Iterator[None]:
    """Fail the test with the message of a `RecorderError`, without a traceback through the plugin."""
    from .errors import RecorderError

    try:
        yield
    except RecorderError as exc:
        raise pytest.fail.Exception(str(exc), pytrace=False) from None


def _judge(item: pytest.Item, found: list[str | None], settings: Settings) -> None:
    """Fail the test or warn, for what was found and for what was not played, as the settings say."""
    first, warned = (settings.findings, FindingWarning) if settings.drive else (settings.misses, MissedWarning)
    verdicts = zip(found, (first, settings.unplayed), (warned, UnplayedWarning), strict=True)
    failures = []
    for text, verdict, warning in verdicts:
        if text is not None and verdict == "fail":
            failures.append(text)
        elif text is not None and verdict == "warn":
            item.warn(warning(text))
    if failures:
        pytest.fail("\n\n".join(failures), pytrace=False)
