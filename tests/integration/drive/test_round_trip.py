"""A recording of a real desktop is driven against the two servers of the lab, without a server of ours in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest

from tests.integration.drive.stage import (
    DESK,
    LONG,
    SOCKET,
    assert_played_once,
    command,
    driven,
    recorded,
    told,
    verdicts,
)
from tests.lab.lab import Lab
from tests.lab.sessions import DRIVEN

pytestmark = [pytest.mark.node, pytest.mark.once]

Bayeux: TypeAlias = Literal["cometd", "faye"]
Rate: TypeAlias = float | Literal["instant"]
_FIRST = 4711  # of the handles of these labs; those of the recorded ones begin at 1001
_EVERY: list[tuple[Path, Bayeux, Rate]] = [
    (DESK, "cometd", "instant"),
    (DESK, "faye", 20.0),
    (SOCKET, "faye", 1.0),
    (DESK, "cometd", 20.0),
    (DESK, "cometd", 1.0),
    (DESK, "faye", "instant"),
    (DESK, "faye", 1.0),
    (SOCKET, "faye", "instant"),
    (SOCKET, "faye", 20.0),
]


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Bayeux, Lab]]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("labs")
        kinds: tuple[Bayeux, ...] = ("cometd", "faye")
        yield {kind: stack.enter_context(Lab(kind, folder / kind)) for kind in kinds}


def ready(lab: Lab, **options: Any) -> int:
    """Set a lab up for one more drive; its handles are not the recorded ones. Return how long its log is."""
    lab.reset()
    lab.options(**DRIVEN, firstHandle=_FIRST, strictHandles=True, **options)
    return len(lab.lines())


@pytest.mark.parametrize(("cassette", "bayeux", "rate"), _EVERY if LONG else _EVERY[:3])
def test_a_recording_is_driven_as_it_was_played(
    cassette: Path, bayeux: Bayeux, rate: Rate, labs: dict[Bayeux, Lab], tmp_path: Path
) -> None:
    lab = labs[bayeux]
    before = ready(lab)

    report = driven(cassette, lab.url, tmp_path / "live.cassette", rate=rate)

    lab.reset()
    assert told(report) == []
    assert (report.sent, report.answered, report.heard) == (report.steps, report.answers, report.events)
    assert_played_once(lab, before, recorded(cassette))


@pytest.mark.timeout(900)
def test_a_server_that_is_as_it_was_is_as_recorded(labs: dict[Bayeux, Lab], tmp_path: Path) -> None:
    runs = 50 if LONG else 1
    for _ in range(runs):
        ready(labs["cometd"])
        own = ("--allow-all", "--send-recorded-credentials", "--rate", "instant")
        done = command("verify", DESK, "--to", labs["cometd"].url, *own, "--json")
        labs["cometd"].reset()

        assert done.returncode == 0, done.stdout + done.stderr
        assert [one for one in verdicts(done) if one["tier"] != "info"] == []


def test_what_was_driven_can_be_driven_again(labs: dict[Bayeux, Lab], tmp_path: Path) -> None:
    again = tmp_path / "again.cassette"
    ready(labs["cometd"])
    first = driven(DESK, labs["cometd"].url, tmp_path / "live.cassette")
    before = ready(labs["cometd"])

    report = driven(tmp_path / "live.cassette", labs["cometd"].url, again, environ=_shown())

    labs["cometd"].reset()
    assert (told(first), told(report)) == ([], [])
    assert_played_once(labs["cometd"], before, recorded(DESK))


def _shown() -> dict[str, str]:
    """What the redacted cassette of a drive lacks: who the agent is, and a number of a customer."""
    return {"RECORDER_HEADER_AUTHORIZATION": "Basic YWdlbnQxOnNlY3JldA==", "RECORDER_KEY_PHONE": "555-0101"}
