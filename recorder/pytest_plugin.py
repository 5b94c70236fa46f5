"""The pytest plugin: a stand-in for the recorded server in each test that asks for one.

    @pytest.mark.cassette("preview-session")
    def test_a_desktop_previews(standin):
        desktop = Desktop(standin.url)

docs/pytest.md has the options. Nothing of aiohttp or mitmproxy is loaded before a test needs it.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .errors import RecorderError, UsageError

if TYPE_CHECKING:
    from .plugin.playing import Playing
    from .plugin.settings import Settings
    from .plugin.taking import Taking
    from .plugin.threads import LoopThread

_MARKER = "cassette(name, …, rate=, repeat=, strict=, faults=, misses=, unplayed=, mode=, upstream=, seed=, dialect=)"
_PLAYING = pytest.StashKey["Playing"]()
_USED = pytest.StashKey[set[Path]]()


class UnplayedWarning(UserWarning):
    """A test did not ask for all that its cassette holds."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; `--record-mode` and `--record` are taken by other plugins."""
    group = parser.getgroup("cassette", "recorded servers (outbound-recorder)")
    group.addoption(
        "--cassette-mode", metavar="none|once|new_episodes|all", help="When cassettes are recorded (default: none)."
    )
    group.addoption("--cassette-upstream", metavar="URL", help="The server that is recorded then.")
    group.addoption("--cassette-report", metavar="DIR", type=Path, help="Keep a report of each failed test there.")
    group.addoption("--cassette-orphans", action="store_true", help="Tell which cassettes no test has used.")
    parser.addini("cassette_dir", "Folder of the cassettes, from the root (default: `cassettes` beside the test)")
    parser.addini("cassette_mode", "As --cassette-mode", default="none")
    parser.addini("cassette_upstream", "As --cassette-upstream", default="")
    parser.addini("cassette_misses", "fail, warn or ignore requests that match nothing", default="fail")
    parser.addini("cassette_unplayed", "fail, warn or ignore what is not asked for", default="warn")
    parser.addini("cassette_rate", "Pace of all tests: a number, instant or virtual", default="virtual")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and refuse options nobody can read before any test runs."""
    from .plugin.settings import MODES, VERDICTS, one_of

    config.addinivalue_line("markers", f"{_MARKER}: play these cassettes to the test.")
    config.stash[_USED] = set()
    try:
        one_of("--cassette-mode", _option(config, "cassette_mode"), MODES)
        for name in ("cassette_misses", "cassette_unplayed"):
            one_of(name, config.getini(name), VERDICTS)
        _rate(config)
    except UsageError as exc:
        raise pytest.UsageError(str(exc)) from exc


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A marker that cannot be read is a mistake of the suite, not of one test."""
    for item in items:
        if item.get_closest_marker("cassette") is not None:
            try:
                _settings(item)
            except RecorderError as exc:
                raise pytest.UsageError(f"{item.nodeid}: {exc}") from exc


@pytest.fixture(scope="session")
def cassette_thread() -> Iterator[LoopThread]:
    """The thread in which all stand-ins of this process are served."""
    from .plugin.threads import LoopThread

    thread = LoopThread()
    yield thread
    thread.stop()


@pytest.fixture
def cassette_settings(request: pytest.FixtureRequest) -> Settings:
    """How the cassettes of a test are played; override it to decide otherwise."""
    return _settings(request.node)


@pytest.fixture
def standin(
    request: pytest.FixtureRequest, cassette_settings: Settings, cassette_thread: LoopThread
) -> Iterator[Playing | Taking]:
    """A server that plays the test's cassettes, with nothing played yet; its `url` is where the client must go.

    While a cassette is recorded, the `url` leads to the real server through a recorder.
    """
    from .plugin.playing import playing
    from .plugin.taking import taking

    settings = cassette_settings
    request.config.stash[_USED].update(path.resolve() for path in settings.cassettes)
    try:
        if _is_recorded(settings):
            with taking(settings.cassettes[0], settings.upstream, settings.mode) as recorded:
                yield recorded
            return
        with playing(settings, cassette_thread) as played:
            request.node.stash[_PLAYING] = played
            yield played
    except RecorderError as exc:
        pytest.fail(str(exc), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A request that matched nothing fails the test, whatever the application made of the answer."""
    result = yield
    played = item.stash.get(_PLAYING, None)
    if played is not None:
        from .plugin import verdict

        _judge(verdict.missed(played), played.settings.misses)
        _judge(verdict.left_over(played), played.settings.unplayed)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Tell of the cassette where a test failed, and keep a report of it."""
    report = yield
    played = item.stash.get(_PLAYING, None)
    if call.when == "call" and report.failed and played is not None:
        from .plugin import verdict

        report.sections.append(("cassette", verdict.summary(played)))
        folder = item.config.getoption("cassette_report")
        if folder is not None:
            kept = verdict.keep_report(folder, item.nodeid, played)
            report.sections.append(("cassette report", str(kept)))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List the cassettes that no test used, if that was asked for."""
    if not config.getoption("cassette_orphans") or hasattr(config, "workerinput"):
        return
    used = config.stash[_USED]
    folders = {path.parent for path in used} | ({_configured(config)} if config.getini("cassette_dir") else set())
    there = {path.resolve() for folder in folders for path in folder.glob("**/*.cassette")}
    terminalreporter.section("cassettes no test has used")
    for path in sorted(there - used):
        terminalreporter.write_line(str(path))


def _judge(found: str | None, verdict: str) -> None:
    if found is None or verdict == "ignore":
        return
    if verdict == "fail":
        pytest.fail(found, pytrace=False)
    warnings.warn(UnplayedWarning(found), stacklevel=1)


def _settings(item: pytest.Item) -> Settings:
    from .plugin.settings import Settings, of_marker, path_of

    folder = _folder(item)
    marker = item.get_closest_marker("cassette")
    own = path_of(folder, Path(item.path.stem) / item.name.replace("/", "-"))
    base = Settings(
        (own,),
        mode=_option(item.config, "cassette_mode"),
        upstream=_option(item.config, "cassette_upstream"),
        rate=_rate(item.config),
        misses=item.config.getini("cassette_misses"),
        unplayed=item.config.getini("cassette_unplayed"),
    )
    return base if marker is None else of_marker(base, folder, marker.args, marker.kwargs)


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
    return _configured(item.config) if item.config.getini("cassette_dir") else item.path.parent / "cassettes"


def _configured(config: pytest.Config) -> Path:
    return config.rootpath / str(config.getini("cassette_dir"))


def _is_recorded(settings: Settings) -> bool:
    return settings.mode in ("all", "new_episodes") or (settings.mode == "once" and not settings.cassettes[0].exists())
