"""`recorder report --schedule`: draws the order of a schedule beside the recorded one, or says why it cannot."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
from math import inf
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from recorder.cli import main
from recorder.explore.files import file_name
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Kept, Schedule, to_text
from tests.cli.test_commands import PREVIEW


def rows_of(page: Path) -> dict[str, Any]:
    """The rows of a page."""
    found = re.search(r'id="data">([^<]+)', page.read_text("utf-8"))
    assert found is not None
    rows: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(found[1])))
    return rows


def scheduled(folder: Path, *texts: str, played: tuple[tuple[str, float], ...] = ()) -> tuple[Path, Kept]:
    """A copy of the shipped cassette with the file of a schedule beside it."""
    cassette = folder / PREVIEW.name
    shutil.copy(PREVIEW, cassette)
    found = Kept(Schedule.of(map(Deviation.parse, texts)), (cassette.name,), "a test", "fails", played)
    (folder / file_name(cassette.name, found.schedule)).write_text(to_text(found), "utf-8")
    return cassette, found


def reported(cassette: Path, schedule: str, *options: str) -> Result:
    page = cassette.parent / "page.html"
    return CliRunner().invoke(main, ["report", str(cassette), "--schedule", schedule, "-o", str(page), *options])


def test_a_schedule_is_drawn_beside_the_recorded_order(tmp_path: Path) -> None:
    cassette, kept = scheduled(tmp_path, "event 2.1 before ack 2", played=(("request 2", 0.0), ("event 2.1", 0.1)))
    file = tmp_path / file_name(cassette.name, kept.schedule)

    rows = []
    for wanted in (kept.schedule.id[:4], kept.schedule.id, str(file), "event 2.1 before ack 2"):
        result = reported(cassette, wanted, "--force")
        assert (result.exit_code, result.stderr) == (0, "")
        rows.append(rows_of(tmp_path / "page.html")["orders"])

    assert [row["id"] for row in rows] == [kept.schedule.id] * 4
    assert [row["isPlayed"] for row in rows] == [True, True, True, False]
    assert rows[0]["says"] == "fails"


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("0000", "schedule 0000: no such schedule beside preview-session.cassette; there is "),
        ("none.json", "none.json: No such file or directory; a schedule is named by its file, its id, or deviations"),
        ("event 9.1 twice", "has 'event 9.1', which is not among the 6 triples and 0 unsolicited events here"),
        (
            "event 2.1 before answer p9",
            "schedule event 2.1 before answer p9: the recording has no answer p9; it has ",
        ),
        ("answer 2 1s late", "'answer 2' names no ack, event or answer; write 'ack 4', "),
        ("answer p1 in a reply", "deviation 'answer p1 in a reply': 'in a reply' is for events; for example:"),
        ("event 2.1 behind ack 2", "deviation 'event 2.1 behind ack 2': 'behind ack 2' is unknown; for example:"),
    ],
)
def test_a_schedule_that_cannot_be_drawn_is_told_in_one_line(tmp_path: Path, schedule: str, says: str) -> None:
    cassette, _ = scheduled(tmp_path, "event 2.1 before ack 2")

    result = reported(cassette, schedule)

    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "page.html").exists()


def test_a_schedule_of_another_cassette_is_told_in_one_line(tmp_path: Path) -> None:
    cassette, kept = scheduled(tmp_path, "event 2.1 before ack 2")
    other = cassette.rename(tmp_path / "other.cassette")
    file = tmp_path / file_name(PREVIEW.name, kept.schedule)

    result = reported(other, str(file))

    assert result.exit_code == 2
    assert result.stderr == (
        f"recorder: schedule {file}: was found with preview-session.cassette, not with other.cassette; "
        "its deviations can be given as a text\n"
    )


@pytest.mark.parametrize(
    ("deviation", "at", "says"),
    [
        (
            "ack 99 before event 1.1",
            0.0,
            "has 'ack 99', which is not among the 6 triples and 0 unsolicited events here",
        ),
        ("event 1.1 before ack 1", inf, "its order holds a time that is none; find the schedule anew"),
    ],
)
def test_a_file_that_cannot_be_drawn_is_told_by_its_name(deviation: str, at: float, says: str, tmp_path: Path) -> None:
    cassette, _ = scheduled(tmp_path)
    file = tmp_path / "far.json"
    found = Kept(Schedule.of([Deviation.parse(deviation)]), played=(("request 1", at),))
    text = to_text(found).replace(found.schedule.id, "1234abcd").replace("Infinity", "1e999")
    file.write_text(text, "utf-8")

    result = reported(cassette, str(file))

    assert (result.exit_code, result.stderr) == (2, f"recorder: schedule {file}: {says}\n")


def test_a_page_of_some_triples_has_the_order_of_these_alone(tmp_path: Path) -> None:
    cassette, kept = scheduled(tmp_path, "event 3.1 before ack 3")

    result = reported(cassette, kept.schedule.id, "--filter", "n:3")

    rows = rows_of(tmp_path / "page.html")
    assert result.exit_code == 0
    assert {name.partition(" ")[2].partition(".")[0] for name in rows["orders"]["recorded"]["name"]} == {"3"}
    problems = [one[:3] for one in rows["recordings"][0]["problems"]]
    assert ["events", 0, "deviates"] in problems
