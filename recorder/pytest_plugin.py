"""Give each test that asks for the fixture `standin` a stand-in for its recorded server.

    @pytest.mark.cassette("preview-session")
    def test_a_desktop_previews(standin):
        desktop = Desktop(standin.url)

The fixture `driver` plays the other side: the recorded client, against a server under test.

docs/pytest.md explains the options. pytest imports this module in every run, of all that have the package installed:
what only a test with a cassette needs is imported when there is one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .plugin.declaring import CHECKED, MARKER, declare

if TYPE_CHECKING:
    from .api.threads import LoopThread
    from .library.changing import Change
    from .plugin.driving import Driving
    from .plugin.playing import Playing
    from .plugin.settings import Settings
    from .plugin.taking import Taking
    from .plugin.telling import Telling
    from .replay.engine.orders.schedule import Kept
    from .replay.engine.policy import Match

_PLAYING = pytest.StashKey["Playing"]()
_TAKING = pytest.StashKey["Taking"]()
_DRIVING = pytest.StashKey["Driving"]()
_EXPLORING = pytest.StashKey[Any]()  # of an explored test: how it is run now, an `Exploring`
_TELLING: pytest.StashKey[Telling] = pytest.StashKey()
_TOLD = pytest.StashKey[int]()  # number of a test's misses that were already reported
_PASSED = pytest.StashKey[bool]()
_IS_JUDGED = pytest.StashKey[bool]()  # what a test left unplayed was looked at before its teardown
_USED = pytest.StashKey[set[Path]]()
_FOLDERS = pytest.StashKey[set[Path]]()
_UNPUSHED = pytest.StashKey[set[Path]]()  # cassettes that the lock file of the store does not name as they are
_BEGUN = pytest.StashKey[set[Path]]()  # cassettes this run has recorded; later tests of the run append to them
_TIMER = pytest.StashKey[Any]()  # settings of pytest-timeout
_EXPLORED = pytest.StashKey[list[str]]()  # a line about each explored test
_SENT = (_USED, _FOLDERS, _UNPUSHED)  # from a worker of pytest-xdist to its controller
_TO_CONTROLLER = "recorder_cassettes"  # key in pytest-xdist's `workeroutput`, from a worker to its controller
_LINES_TO_CONTROLLER = "recorder_explored"
_ONCE = "explore: the test is run once, in the recorded order, for an option or a plugin runs it its own way"


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
    for key in (*_SENT, _BEGUN):
        config.stash[key] = set()
    config.stash[_EXPLORED] = []
    asked = any(map(config.getoption, ("cassette_mode", "cassette_store", "cassette_schedule")))
    asked = asked or config.getoption("cassette_explore") is not None
    if asked or any(config.getini(name) != usual for name, usual in CHECKED.items()):
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
    config.stash[_FOLDERS].update(_real(folder) for folder in folders)


@pytest.hookimpl(trylast=True)  # after pytest has told how many tests there are
def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch the cassettes that are in a store and that no run on this machine has fetched before."""
    config = session.config
    if _has_store(config) and not config.option.collectonly:
        from .plugin.stored import prefetch

        prefetch(config, session.items)


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


@pytest.hookimpl(tryfirst=True)  # before plugins that run a test again if it fails
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test under many schedules, if its marker or the command line asks for it, and report one of these runs."""
    wanted = item.config.getoption("cassette_explore")
    if wanted == 0 or "standin" not in getattr(item, "fixturenames", ()):
        return None
    if wanted is None and not any(mark.kwargs.get("explore") for mark in item.iter_markers("cassette")):
        return None
    timer = item.stash.get(_TIMER, None)
    if timer is not None:  # each run of the test gets it anew: it must ring in none of the steps between them
        item.config.pluginmanager.hook.pytest_timeout_cancel_timer(item=item)
    from .plugin.schedules.exploring import Exploring, can_explore, explore

    if not can_explore(item) or not _is_played(item):
        if timer is not None:
            item.config.pluginmanager.hook.pytest_timeout_set_timer(item=item, settings=timer)
        return None
    item.stash[_EXPLORING] = Exploring(item.config.stash[_EXPLORED], timer)
    try:
        explore(item, nextitem, item.stash[_EXPLORING])
    finally:
        del item.stash[_EXPLORING]
    return True


def _is_played(item: pytest.Item) -> bool:
    """Return whether a test is to be played under schedules: not if it is recorded, or has a schedule of its own."""
    from .errors import RecorderError
    from .plugin.choosing import settings_of
    from .plugin.settings import is_recorded

    try:
        settings, begun = _located(item.config, settings_of(item)), item.config.stash[_BEGUN]
        return bool(settings.explore and not settings.schedule and not is_recorded(settings, begun))
    except RecorderError:  # is told in the test's setup
        return False


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> None:
    """Remember the limit that pytest-timeout gives a test: each run of an explored test has it anew."""
    item.stash[_TIMER] = settings


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
def cassette_matcher(cassette_settings: Settings) -> Match | None:
    """Return a function of a live request and a recorded one that has a say in whether they match, or None.

    Override this fixture to give one to all tests of a folder or a module.
    """
    return cassette_settings.match


@pytest.fixture
def cassette_before_record(cassette_settings: Settings) -> Change | None:
    """Return a function that changes or leaves out what was recorded, or None; override this fixture to give one."""
    return cassette_settings.before_record


@pytest.fixture
def standin(
    request: pytest.FixtureRequest,
    cassette_settings: Settings,
    cassette_matcher: Match | None,
    cassette_before_record: Change | None,
    cassette_thread: LoopThread,
) -> Iterator[Playing | Taking]:
    """Return a fresh stand-in that plays the cassettes of a test; connect the client to its `url`.

    While a cassette is recorded, the `url` leads to the real server through a recorder.
    """
    from dataclasses import replace

    from .plugin.settings import is_recorded

    config, item = request.config, request.node
    settings = replace(cassette_settings, match=cassette_matcher, before_record=cassette_before_record)
    begun = config.stash[_BEGUN]
    config.stash[_USED].update(_real(path) for path in settings.cassettes)
    with _explained(), _told(request):
        settings = _located(config, settings)
        if is_recorded(settings, begun):
            yield from _taken(item, settings)
        else:
            yield from _played(item, settings, cassette_thread)


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
    item.config.stash[_USED].update(_real(path) for path in cassette_settings.cassettes)
    with _explained(), _told(request):
        settings = _located(item.config, cassette_settings)
        with driving.Driving(settings, cassette_to, cassette_thread) as driven:
            item.stash[_DRIVING] = driven
            yield driven
    if item.stash.get(_PASSED, False) and not item.stash.get(_IS_JUDGED, False):
        _judge(item, [None, driving.left_over(driven)], cassette_settings)


@contextmanager
def _told(request: pytest.FixtureRequest) -> Iterator[None]:
    """Note what assertions compare while a test has a cassette, and where its files may be written."""
    from .plugin.telling import FACTORY, Telling

    config, item = request.config, request.node
    if config.pluginmanager.has_plugin("tmpdir"):
        item.stash[FACTORY] = request.getfixturevalue("tmp_path_factory")
    config.stash.setdefault(_TELLING, Telling()).compared.clear()
    item.stash[_TOLD], item.stash[_PASSED], item.stash[_IS_JUDGED] = 0, False, False  # it may be run again
    yield
    config.stash[_TELLING].compared.clear()


def _played(item: pytest.Item, settings: Settings, thread: LoopThread) -> Iterator[Playing]:
    from .plugin import verdict
    from .plugin.playing import Playing

    exploring = item.stash.get(_EXPLORING, None)
    kept = exploring.kept if exploring is not None else _schedule(item, settings)
    with Playing(settings, thread, kept) as played:
        item.stash[_PLAYING] = played
        if exploring is not None:
            exploring.playing = played
        yield played
    # The other fixtures of the test have ended only now, and may have sent requests in their teardown.
    missed = verdict.missed(played, item.stash.get(_TOLD, 0)), verdict.unheard(played)
    found = ["\n\n".join(filter(None, missed)) or None, None]
    item.stash[_TOLD] = len(played.misses)
    if item.stash.get(_PASSED, False) and not item.stash.get(_IS_JUDGED, False):
        found[1] = verdict.left_over(played)
    _judge(item, found, settings)
    if exploring is None and kept is not None and played.order.unmet:
        from .plugin.schedules.found import unmet

        item.warn(CassetteWarning(unmet(played, kept.schedule)))


def _schedule(item: pytest.Item, settings: Settings) -> Kept | None:
    """Return the schedule that a test is to be run under; None for the recorded order."""
    if settings.explore and not settings.schedule:
        item.warn(CassetteWarning(_ONCE))
    if not settings.schedule:
        return None
    from .explore.files import kept

    return kept(settings.schedule, settings.cassettes)


def _taken(item: pytest.Item, settings: Settings) -> Iterator[Taking]:
    from .errors import UsageError
    from .plugin.taking import taking

    path, begun = settings.cassettes[0], item.config.stash[_BEGUN]
    if settings.mode == "all" and hasattr(item.config, "workerinput"):
        raise UsageError("the mode all can record only one test at a time: run pytest without -n")
    with taking(settings, add=settings.mode == "new_episodes" or path in begun) as recorded:
        item.stash[_TAKING] = recorded
        yield recorded
    if recorded.is_kept:
        begun.add(path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail the test for what its cassette shows, even if the test swallowed the error, and not its teardown."""
    result = yield
    played, driven = item.stash.get(_PLAYING, None), item.stash.get(_DRIVING, None)
    if played is not None:
        from .plugin import verdict

        found = verdict.missed(played)
        item.stash[_TOLD] = len(played.misses)
        _judge(
            item, [found, _left_over(item, played, verdict.left_over, has_failed=found is not None)], played.settings
        )
    if driven is not None:
        from .plugin import driving

        found = driving.found(driven)
        _judge(
            item, [found, _left_over(item, driven, driving.left_over, has_failed=found is not None)], driven.settings
        )
    return result


def _left_over(item: pytest.Item, side: Any, look: Callable[[Any], str | None], *, has_failed: bool) -> str | None:
    """Return what a test left unplayed if that is to fail it, and if no fixture may still play more."""
    from .plugin.telling import may_go_on

    if has_failed or side.settings.unplayed != "fail" or may_go_on(item, is_driven=side.settings.drive):
        return None
    item.stash[_IS_JUDGED] = True
    return look(side)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost: sees the report after xfail has changed it
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Add a section about the cassette to the report of a failed test, and write the report that was asked for."""
    report = yield
    played, driven = item.stash.get(_PLAYING, None), item.stash.get(_DRIVING, None)
    taken = item.stash.get(_TAKING, None)
    if call.when == "call":
        item.stash[_PASSED] = report.passed
        if taken is not None:
            taken.is_kept = report.passed
    if report.failed and not _is_silent(item) and any(side is not None for side in (played, driven, taken)):
        telling = item.config.stash[_TELLING]
        telling.compared.extend([] if call.excinfo is None else [str(call.excinfo.value)])
        if driven is not None:
            telling.driven(item, report, driven)
        if played is not None:
            telling.played(item, report, played, item.stash.get(_TOLD, 0))
        if taken is not None and call.when != "teardown":
            telling.taken(item, report, taken)
    exploring = item.stash.get(_EXPLORING, None)
    if exploring is not None and exploring.text:
        from .plugin.schedules.exploring import SECTION, is_failure

        if is_failure(report):
            report.sections.append((SECTION, exploring.text))
    if played is not None and (call.when == "call" or not report.passed):
        item.stash[_TOLD] = len(played.misses)
    if call.when == "teardown":  # tests live as long as the run, which may have thousands of them
        _forget(item)
    return report


def _is_silent(item: pytest.Item) -> bool:
    """Return whether nothing is told of this run of a test: it is one of many."""
    exploring = item.stash.get(_EXPLORING, None)
    return exploring is not None and exploring.is_silent


def _forget(item: pytest.Item) -> None:
    keys: tuple[pytest.StashKey[Any], ...] = (_PLAYING, _DRIVING, _TAKING)
    for key in keys:
        if key in item.stash:
            del item.stash[key]


def pytest_assertrepr_compare(config: pytest.Config, left: object, right: object) -> None:
    """Note what a failed assertion compares while a test has a cassette: it may be a pseudonym."""
    if (telling := config.stash.get(_TELLING, None)) is not None:
        telling.note(left, right)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what the summary tells from a worker of pytest-xdist to its controller."""
    config, output = session.config, getattr(session.config, "workeroutput", None)
    stash = config.stash
    used, recorded = stash[_USED], stash[_BEGUN]
    if used and _has_store(config):
        from .plugin.stored import unpushed

        stash[_UNPUSHED].update(unpushed(config, used, set(map(_real, recorded))))
    if output is not None:
        output[_TO_CONTROLLER] = [[str(path) for path in stash[key]] for key in _SENT]
        output[_LINES_TO_CONTROLLER] = stash[_EXPLORED]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the cassettes and folders that a worker of pytest-xdist has sent."""
    output = getattr(node, "workeroutput", {})  # a crashed one has none
    told = output.get(_TO_CONTROLLER, [[] for _ in _SENT])
    for key, paths in zip(_SENT, told, strict=True):
        node.config.stash[key].update(map(Path, paths))
    node.config.stash[_EXPLORED] += output.get(_LINES_TO_CONTROLLER, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell of explored tests, of cassettes not in the store, and with --cassette-orphans of those that nothing uses."""
    if explored := config.stash[_EXPLORED]:
        terminalreporter.section("tests run under schedules")
        for line in explored:
            terminalreporter.write_line(line)
    if unpushed := config.stash[_UNPUSHED]:
        terminalreporter.section("cassettes that the lock file does not name as they are")
        for path in sorted(unpushed):
            terminalreporter.write_line(str(path))
        terminalreporter.write_line("`recorder store push` uploads them; to play those of the lock file, delete them")
    if config.getoption("cassette_orphans"):
        _list_orphans(terminalreporter, config)


def _list_orphans(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    used, folders = config.stash[_USED], config.stash[_FOLDERS]
    there = {_real(path) for folder in folders for path in folder.glob("**/*.cassette")}
    if _has_store(config):
        from .plugin.stored import stored

        of_store = {_real(path) for path in stored(config)}
        there |= {path for path in of_store if not folders.isdisjoint(path.parents)}
    terminalreporter.section("cassettes that no test of this run has used")
    for path in sorted(there - used):
        terminalreporter.write_line(str(path))
    if there <= used:
        terminalreporter.write_line("none")


def _has_store(config: pytest.Config) -> bool:
    return bool(config.getoption("cassette_store") or config.getini("cassette_store"))


def _located(config: pytest.Config, settings: Settings) -> Settings:
    """Return the settings with the files to read, if these are not all beside the tests."""
    from .files import Remote

    if not _has_store(config) and all(isinstance(path, Remote) or path.exists() for path in settings.cassettes):
        return settings
    from .plugin.stored import located

    return located(config, settings)


def _real(path: Path) -> Path:
    """Return a path without links; `Path.resolve` raises RuntimeError for a link that leads to itself (Python 3.12)."""
    is_at_url = hasattr(path, "url")  # `files.Remote`, which a run without cassettes need not load
    return path if is_at_url else Path(os.path.realpath(path))


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
