"""The same flow recorded twice from a real lab, through a real proxy, has no difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from recorder.cli import main
from tests.lab.lab import Lab, run_js_client
from tests.lab.processes import recorder
from tests.lab.sessions import DEVICE, preview_session

pytestmark = [pytest.mark.node, pytest.mark.once]

OTHER_DEVICE = "/devices/0f0f0f0f-7c22-4a43-9440-0123456789ab"


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One flow, by redaction: none, and the default one under a key that nobody knows."""
    folder = tmp_path_factory.mktemp("monday")
    return {name: recorded(folder / name, flow("desk-", 0.0), *options) for name, options in BY.items()}


BY: dict[str, list[str]] = {"plain": ["--no-redaction"], "redacted": []}


def flow(prefix: str, think: float) -> dict[str, Any]:
    """Without GET /api/v2/me: of whatever agent, the lab names the one device of the documentation there."""
    script = preview_session(prefix, think)
    return script | {"steps": [step for step in script["steps"] if step["method"] == "POST"]}


def recorded(cassette: Path, script: dict[str, Any], *options: str) -> Path:
    """Record a script from a lab of its own; the lab's clock is the real one."""
    with Lab("cometd", cassette.with_suffix(".truth")) as lab:
        lab.options(chain=2, early=1, splitMs=12)
        with recorder("record", lab.url, "-o", cassette, *options) as proxy:
            run_js_client(proxy.url, script)
    return cassette


def diff(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["diff", *map(str, arguments)])


def tuesday() -> dict[str, Any]:
    """The flow again: other ids, another device, other times, another agent."""
    script = flow("tuesday-no-", 0.03)
    again: dict[str, Any] = json.loads(json.dumps(script).replace(DEVICE, OTHER_DEVICE))
    return again | {"auth": "agent2:other"}


@pytest.mark.parametrize("redaction", BY)
def test_the_same_flow_recorded_again_has_no_difference(
    redaction: str, monday: dict[str, Path], tmp_path: Path
) -> None:
    again = recorded(tmp_path / "again.cassette", tuesday(), *BY[redaction])

    result = diff(monday[redaction], again)

    assert (result.exit_code, result.stdout) == (0, "")


def test_a_redacted_recording_and_a_plain_one_have_no_difference(monday: dict[str, Path]) -> None:
    result = diff(monday["plain"], monday["redacted"])

    assert (result.exit_code, result.stdout) == (0, "")
