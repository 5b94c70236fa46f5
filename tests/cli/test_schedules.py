"""`recorder replay --schedule`: by texts, by a file, and what is told when the order did not come about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from recorder.cli import main
from recorder.explore.files import file_name
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Kept, Schedule, to_text
from tests.lab.processes import recorder
from tests.plugin.desktop import works

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
LATE_ACK = "event 2.1 before ack 1"


def replayed(cassette: Path, *arguments: str, operations: tuple[str, ...] = ("StartPreviewSession",)) -> Any:
    """What `replay --json` tells after a desktop has played some operations, and its messages."""
    with recorder("replay", cassette, "--clock", "virtual", "--json", "--exit-when-done", *arguments) as standin:
        works(standin.url, "mine-", [*operations])
    return json.loads(standin.stdout.splitlines()[-1]), standin.stderr


def names(told: Any) -> list[str]:
    return [act["name"] for act in told["schedule"]["order"]]


def test_texts_change_the_order() -> None:
    told, _ = replayed(PREVIEW, "--schedule", "ack 1 before event 1.1")

    assert names(told) == ["request 1", "ack 1", "event 1.1"]
    assert told["schedule"]["unmet"] == []
    assert told["schedule"]["id"] == Schedule.of([Deviation.parse("ack 1 before event 1.1")]).id


def test_what_did_not_come_about_is_said() -> None:
    told, said = replayed(PREVIEW, "--schedule", LATE_ACK)

    assert told["schedule"]["unmet"] == [LATE_ACK]
    assert f"'{LATE_ACK}' did not come about" in said


def test_an_id_names_the_file_beside_the_cassette(tmp_path: Path) -> None:
    cassette, schedule = tmp_path / "own.cassette", Schedule.of([Deviation.parse("ack 1 before event 1.1")])
    cassette.symlink_to(PREVIEW)
    file = tmp_path / file_name(cassette.name, schedule)
    file.write_text(to_text(Kept(schedule, ("own.cassette",), played=(("request 1", 0.0),))))

    for named in (schedule.id[:4], str(file)):
        told, _ = replayed(cassette, "--schedule", named)
        assert names(told) == ["request 1", "ack 1", "event 1.1"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("event 9.1 before ack 1", "the recording has no event 9.1; it has 6 triples"),
        ("event 1.1 never", "'never' is unknown"),
        ("7f3a", "no such schedule beside preview-session.cassette"),
    ],
)
def test_a_schedule_that_is_none_is_told_in_one_line(text: str, says: str) -> None:
    result = CliRunner().invoke(main, ["replay", str(PREVIEW), "--schedule", text])

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert says in result.stderr
