"""The pytest plugin: a stand-in for the recorded server in each test that asks for one.

    @pytest.mark.cassette("preview-session")
    def test_a_desktop_previews(standin):
        desktop = Desktop(standin.url)

docs/pytest.md has the options. Nothing of aiohttp or mitmproxy is loaded before a test needs it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .errors import RecorderError, UsageError

if TYPE_CHECKING:
    from .api.threads import LoopThread
    from .plugin.playing import Playing
    from .plugin.settings import Settings
    from .plugin.taking import Taking

_OPTIONS = "rate=, repeat=, strict=, faults=, misses=, unplayed=, mode=, upstream=, seed=, dialect=, policy="
_MARKER = f"cassette(name, …, {_OPTIONS})"
_PLAYING = pytest.StashKey["Playing"]()
_TAKING = pytest.StashKey["Taking"]()
_TOLD = pytest.StashKey[int]()  # how many misses of a test were told already
_PASSED = pytest.StashKey[bool]()
_USED = pytest.StashKey[set[Path]]()
_FOLDERS = pytest.StashKey[set[Path]]()
_BEGUN = pytest.StashKey[set[Path]]()  # cassettes this run has recorded; its later tests add to them
_TO_CONTROLLER = "recorder_cassettes"  # key of what a worker of pytest-xdist tells the process that started it


class CassetteWarning(UserWarning):
    """Something about the cassette of a test that passed."""


class MissedWarning(CassetteWarning):
    """A test asked for what its cassette does not hold."""


class UnplayedWarning(CassetteWarning):
    """A test did not ask for all that its cassette holds."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; `--record-mode` and `--record` are taken by other plugins."""
    group = parser.getgroup("cassette", "recorded servers (outbound-recorder)")
    group.addoption(
        "--cassette-mode",
        metavar="none|once|new_episodes|all",
        help="When cassettes are recorded (default: none); a `none` given here stands above all markers.",
    )
    group.addoption("--cassette-upstream", metavar="URL", help="The server that is recorded then.")
    group.addoption("--cassette-report", metavar="DIR", type=Path, help="Keep a report of each failed test there.")
    group.addoption("--cassette-orphans", action="store_true", help="Tell which cassettes no test has used.")
    parser.addini("cassette_dir", "Folder of the cassettes, from the root (default: `cassettes` beside the test)")
    parser.addini("cassette_mode", "As --cassette-mode", default="none")
    parser.addini("cassette_upstream", "As --cassette-upstream", default="")
    parser.addini("cassette_policy", "By which cassettes are redacted: a name, or a file from the root")
    parser.addini("cassette_record_options", "More options for `recorder record`", type="args", default=[])
    parser.addini("cassette_misses", "fail, warn or ignore requests that match nothing", default="fail")
    parser.addini("cassette_unplayed", "fail, warn or ignore what is not asked for", default="warn")
    parser.addini("cassette_rate", "Pace of all tests: a number, instant or virtual", default="virtual")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and refuse options nobody can read before any test runs."""
    from .plugin.settings import MODES, VERDICTS, one_of

    config.addinivalue_line("markers", f"{_MARKER}: play these cassettes to the test.")
    for key in (_USED, _FOLDERS, _BEGUN):
        config.stash[key] = set()
    try:
        one_of("--cassette-mode", config.getoption("cassette_mode") or "none", MODES)
        one_of("cassette_mode", config.getini("cassette_mode"), MODES)
        for name in ("cassette_misses", "cassette_unplayed"):
            one_of(name, config.getini(name), VERDICTS)
        _rate(config)
    except UsageError as exc:
        raise pytest.UsageError(str(exc)) from exc


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remember where the cassettes of the tests are."""
    config.stash[_FOLDERS].update(_folder(item).resolve() for item in items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test whose marker is wrong, or plays nothing to it, before it runs."""
    if item.get_closest_marker("cassette") is None:
        return
    with _explained():
        _settings(item)
        is_own = any(mark.name == "cassette" for mark in item.own_markers)
        if is_own and "standin" not in getattr(item, "fixturenames", ()):
            raise UsageError(
                "the test has the marker cassette and not the fixture standin, so nothing would be played to it; "
                'add `standin` to its arguments, or @pytest.mark.usefixtures("standin")'
            )


@pytest.fixture(scope="session")
def cassette_thread() -> Iterator[LoopThread]:
    """Serve all stand-ins of this process in one thread."""
    from .api.threads import LoopThread

    thread = LoopThread()
    yield thread
    thread.stop()


@pytest.fixture
def cassette_settings(request: pytest.FixtureRequest) -> Settings:
    """How the cassettes of a test are played; override it to decide otherwise."""
    with _explained():
        return _settings(request.node)


@pytest.fixture
def standin(
    request: pytest.FixtureRequest, cassette_settings: Settings, cassette_thread: LoopThread
) -> Iterator[Playing | Taking]:
    """Serve the cassettes of a test, with nothing played yet; the client connects to its `url`.

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


def _played(item: pytest.Item, settings: Settings, thread: LoopThread) -> Iterator[Playing]:
    from .plugin import verdict
    from .plugin.playing import Playing

    with Playing(settings, thread) as played:
        item.stash[_PLAYING] = played
        yield played
    # only now have the other fixtures of the test ended, which may have asked for something
    found = [verdict.missed(played, item.stash.get(_TOLD, 0)), None]
    item.stash[_TOLD] = len(played.misses)
    if item.stash.get(_PASSED, False):
        found[1] = verdict.left_over(played)
    _judge(item, found, settings)


def _taken(item: pytest.Item, settings: Settings) -> Iterator[Taking]:
    from .plugin.taking import taking

    path, begun = settings.cassettes[0], item.config.stash[_BEGUN]
    if settings.mode == "all" and hasattr(item.config, "workerinput"):
        raise UsageError("the mode all records one test after the other: run it without the workers of -n")
    add = settings.mode == "new_episodes" or path in begun
    with taking(path, settings.upstream, add=add, options=settings.record_options, policy=settings.policy) as recorded:
        item.stash[_TAKING] = recorded
        yield recorded
    if recorded.is_kept:
        begun.add(path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test in which a request matched nothing, whatever the application made of the answer."""
    result = yield
    played = item.stash.get(_PLAYING, None)
    if played is not None:
        from .plugin import verdict

        found = verdict.missed(played)
        item.stash[_TOLD] = len(played.misses)
        _judge(item, [found, None], played.settings)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost, to see what xfail makes of it
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Tell of the cassette where a test failed, and keep a report of it."""
    report = yield
    if call.when == "call":
        item.stash[_PASSED] = report.passed
        if (taken := item.stash.get(_TAKING, None)) is not None:
            taken.is_kept = report.passed
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
    folder = item.config.getoption("cassette_report")
    if folder is not None:
        kept = verdict.keep_report(folder, item.nodeid, played)
        report.sections.append(("cassette report", str(kept)))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Report which cassettes the tests of a pytest-xdist worker used."""
    stash, output = session.config.stash, getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_TO_CONTROLLER] = [[str(path) for path in stash[key]] for key in (_USED, _FOLDERS)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker told."""
    told = getattr(node, "workeroutput", {}).get(_TO_CONTROLLER, [[], []])  # a worker that crashed told nothing
    for key, paths in zip((_USED, _FOLDERS), told, strict=True):
        node.config.stash[key].update(map(Path, paths))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List the cassettes that no test used, if that was asked for."""
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
    """Report errors of the recorder by their message, without a traceback through the plugin."""
    try:
        yield
    except RecorderError as exc:
        raise pytest.fail.Exception(str(exc), pytrace=False) from None


def _judge(item: pytest.Item, found: list[str | None], settings: Settings) -> None:
    """Fail or warn for misses, and for what was not asked for."""
    verdicts = zip(found, (settings.misses, settings.unplayed), (MissedWarning, UnplayedWarning), strict=True)
    failures = []
    for text, verdict, warning in verdicts:
        if text is not None and verdict == "fail":
            failures.append(text)
        elif text is not None and verdict == "warn":
            item.warn(warning(text))
    if failures:
        pytest.fail("\n\n".join(failures), pytrace=False)


def _policy(config: pytest.Config) -> str | None:
    named = str(config.getini("cassette_policy") or "")
    there = config.rootpath / named
    return (str(there) if there.is_file() else named) or None


def _settings(item: pytest.Item) -> Settings:
    """Return the options of the run, overridden by the markers from the module's to the test's own."""
    from .plugin.settings import Settings, of_marker, own_name, path_of

    config, folder = item.config, _folder(item)
    names = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    settings = Settings(
        (path_of(folder, Path(item.path.stem) / own_name([*names, item.name])),),
        mode=_option(config, "cassette_mode"),
        upstream=_option(config, "cassette_upstream"),
        rate=_rate(config),
        misses=config.getini("cassette_misses"),
        unplayed=config.getini("cassette_unplayed"),
        policy=_policy(config),
        record_options=tuple(config.getini("cassette_record_options")),
    )
    for marker in reversed(list(item.iter_markers("cassette"))):
        settings = of_marker(settings, folder, marker.args, marker.kwargs)
    if config.getoption("cassette_mode") == "none":
        return of_marker(settings, folder, (), {"mode": "none"})
    return settings


def _rate(config: pytest.Config) -> float | None:
    from .plugin.settings import rate_of

    text = str(config.getini("cassette_rate"))
    return rate_of("cassette_rate", text if text in ("instant", "virtual") else _number(text))


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _option(config: pytest.Config, name: str) -> str:
    return str(config.getoption(name) or config.getini(name))


def _folder(item: pytest.Item) -> Path:
    configured = item.config.getini("cassette_dir")
    return item.config.rootpath / str(configured) if configured else item.path.parent / "cassettes"
