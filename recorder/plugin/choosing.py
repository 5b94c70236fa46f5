"""Put the settings of a test together: options of the run, overridden by its markers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ..errors import UsageError
from .settings import MODES, VERDICTS, Settings, count_of, of_marker, one_of, own_name, path_of, rate_of


def check(config: pytest.Config) -> None:
    """Check the options of a run.

    Raises:
        UsageError: If one of them has no meaning.

    """
    one_of("--cassette-mode", config.getoption("cassette_mode") or "none", MODES)
    one_of("cassette_mode", config.getini("cassette_mode"), MODES)
    for name in ("cassette_misses", "cassette_unplayed"):
        one_of(name, config.getini(name), VERDICTS)
    _rate(config)
    if config.getoption("cassette_explore") is not None:
        count_of("--cassette-explore", config.getoption("cassette_explore"))
        if config.getoption("cassette_schedule"):
            raise UsageError("--cassette-explore looks for schedules, --cassette-schedule plays one: give one of them")
    if config.getoption("cassette_store") or config.getini("cassette_store"):
        from .stored import suite_of  # noqa: PLC0415  # imports this module, and only a run with a store needs it

        suite_of(config)


def settings_of(item: pytest.Item) -> Settings:
    """Return the settings of a test: options of the run, overridden by its markers, from the module's to its own.

    Raises:
        UsageError: If a marker has an argument without a meaning.

    """
    config, folder = item.config, folder_of(item)
    names = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    settings = Settings(
        (path_of(folder, Path(item.path.stem) / own_name([*names, item.name])),),
        mode=_option(config, "cassette_mode"),
        upstream=_option(config, "cassette_upstream"),
        to=_option(config, "cassette_to"),
        rate=_rate(config),
        misses=config.getini("cassette_misses"),
        unplayed=config.getini("cassette_unplayed"),
        dialect=_rules(config, "cassette_dialect"),
        policy=_rules(config, "cassette_policy"),
        allow_host=tuple(config.getini("cassette_allow_host")),
        allow_origin=tuple(config.getini("cassette_allow_origin")),
        record_options=tuple(config.getini("cassette_record_options")),
        recorder=_option(config, "cassette_recorder"),
    )
    for marker in reversed(list(item.iter_markers("cassette"))):
        settings = of_marker(settings, folder, marker.args, marker.kwargs)
    if settings.values is not None:
        settings = replace(settings, values=config.rootpath / settings.values)
    return of_marker(settings, folder, (), _last_words(config))


def _last_words(config: pytest.Config) -> dict[str, object]:
    """Return the options of the command line that stand above all markers."""
    words: dict[str, object] = {}
    if config.getoption("cassette_mode") == "none":
        words["mode"] = "none"
    if (explore := config.getoption("cassette_explore")) is not None:
        words["explore"] = explore
    if schedule := config.getoption("cassette_schedule"):
        words["schedule"] = schedule
    return words


def folder_of(item: pytest.Item) -> Path:
    """Return the folder of a test's cassettes."""
    configured = item.config.getini("cassette_dir")
    return item.config.rootpath / str(configured) if configured else item.path.parent / "cassettes"


def _rules(config: pytest.Config, option: str) -> str | None:
    """Return the name of a dialect or a policy, or the path of its file, from the root folder."""
    named = str(config.getini(option) or "")
    there = config.rootpath / named
    return (str(there) if there.is_file() else named) or None


def _rate(config: pytest.Config) -> float | None:
    text = str(config.getini("cassette_rate"))
    return rate_of("cassette_rate", text if text in ("instant", "virtual") else _number(text))


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _option(config: pytest.Config, name: str) -> str:
    return str(config.getoption(name) or config.getini(name))
