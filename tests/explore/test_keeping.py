"""Schedules are written beside their cassette, or where the user says."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from recorder.errors import OutputError, UsageError
from recorder.explore.files import kept
from recorder.explore.keeping import folder_for, keep
from recorder.fleet.store.places import place
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Kept, Schedule

FOUND = Kept(Schedule.of([Deviation.parse("event 4.1 before ack 4")]), ("s.cassette",), "test_it", "fails")


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    path = tmp_path / "s.cassette"
    path.touch()
    return path


def test_a_schedule_is_found_again_by_its_id(cassette: Path) -> None:
    path = keep(FOUND, folder_for(cassette, None), [cassette])

    assert path == cassette.with_name(f"s.{FOUND.schedule.id}.schedule.json")
    assert kept(FOUND.schedule.id, [cassette]) == FOUND


def test_a_schedule_that_is_found_once_more_takes_the_place_of_its_file(cassette: Path) -> None:
    keep(FOUND, cassette.parent, [cassette])
    again = Kept(FOUND.schedule, FOUND.cassettes, "another test", "fails too")

    keep(again, cassette.parent, [cassette])

    assert kept(FOUND.schedule.id, [cassette]) == again


def test_a_folder_that_is_named_is_made(cassette: Path, tmp_path: Path) -> None:
    folder = folder_for(cassette, tmp_path / "new" / "folder")

    assert keep(FOUND, folder, [cassette]).parent == tmp_path / "new" / "folder"


def test_nobody_reads_a_schedule_who_may_not_read_its_cassette(cassette: Path) -> None:
    cassette.chmod(0o600)

    assert stat.S_IMODE(keep(FOUND, cassette.parent, [cassette]).stat().st_mode) == 0o600


def test_a_name_that_a_folder_has_is_told_as_that(cassette: Path) -> None:
    path = cassette.with_name(f"s.{FOUND.schedule.id}.schedule.json")
    path.mkdir()

    with pytest.raises(UsageError, match=r"schedule\.json: is a folder, .* move it away, or name another folder$"):
        keep(FOUND, cassette.parent, [cassette])


def test_a_cassette_at_a_url_needs_a_folder(tmp_path: Path) -> None:
    remote = place("memory://team/s.cassette")

    with pytest.raises(UsageError, match=r"memory://team/s\.cassette: nothing is written beside .*; name a folder"):
        folder_for(remote, None)
    assert keep(FOUND, folder_for(remote, tmp_path), [remote]).parent == tmp_path


def test_what_is_no_folder_is_told_before_anything_is_written(cassette: Path) -> None:
    with pytest.raises(OutputError, match=r"s\.cassette is not a folder"):
        folder_for(cassette, cassette)
