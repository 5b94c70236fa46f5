"""The schedules beside a cassette: the viewer lists them, and draws the order of one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from recorder.explore.files import file_name
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Kept, Schedule, to_text
from tests.viewer.asking import PREVIEW, viewing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(PREVIEW, tmp_path / "session.cassette"))


def beside(path: Path, text: str, says: str = "") -> Path:
    """Write a schedule beside a cassette."""
    kept = Kept(Schedule.of([Deviation.parse(text)]), (path.name,), says=says)
    file = path.parent / file_name(path.name, kept.schedule)
    file.write_text(to_text(kept), "utf-8")
    return file


def id_of(file: Path) -> str:
    return file.name.split(".")[1]


def test_the_schedules_beside_a_cassette_are_listed_with_what_they_say(path: Path) -> None:
    files = [beside(path, "event 2.1 before ack 2", "fails if\nmore"), beside(path, "event 2.1 twice")]
    broken = path.parent / "session.ffffffff.schedule.json"
    broken.write_text("{}")

    found = viewing(path).json("c/1/api/schedules")["schedules"]

    says = {id_of(files[0]): "fails if", id_of(files[1]): "event 2.1 twice"}
    assert {one["id"]: one["says"] for one in found} == says | {
        "ffffffff": "is no schedule; `recorder explore` writes such files"
    }
    assert [one["id"] for one in found] == sorted(one["id"] for one in found)


def test_without_a_schedule_there_is_nothing_to_list_and_nothing_drawn(path: Path) -> None:
    viewer = viewing(path)

    assert viewer.json("c/1/api/schedules") == {"schedules": []}
    assert "orders" not in viewer.json("c/1/api/rows")


def test_the_order_of_a_schedule_is_drawn_beside_the_recorded_one(path: Path) -> None:
    file = beside(path, "event 2.1 before ack 2")

    rows = viewing(path).json(f"c/1/api/rows?schedule={id_of(file)}")

    assert rows["orders"]["id"] == id_of(file)
    assert rows["orders"]["recorded"]["name"][:3] == ["request p1", "answer p1", "request 1"]
    assert "deviates" in [one[2] for one in rows["recordings"][0]["problems"]]


@pytest.mark.parametrize("wanted", ["ffffffff", "", "../session", "7f3a"])
def test_a_schedule_that_is_not_there_is_told(path: Path, wanted: str) -> None:
    beside(path, "event 2.1 before ack 2")

    found = viewing(path).whole(f"c/1/api/rows?schedule={wanted}")

    assert found.status == 422
    assert json.loads(found.body)["error"].endswith("there is none beside session.cassette any more")


def test_a_schedule_of_what_the_cassette_lacks_is_told(path: Path) -> None:
    file = beside(path, "event 9.1 twice")

    found = viewing(path).whole(f"c/1/api/rows?schedule={id_of(file)}")

    assert found.status == 422
    assert "has 'event 9.1', which is not among the 6 triples" in json.loads(found.body)["error"]


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    file = beside(path, "event 2.1 twice")
    file.rename(tmp_path / "elsewhere.json")
    file.symlink_to(tmp_path / "elsewhere.json")

    assert viewing(path).json("c/1/api/schedules") == {"schedules": []}
