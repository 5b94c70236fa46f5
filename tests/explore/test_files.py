"""Schedules are found by a file, an id or a text; they are written beside their cassette, or where the user says."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from recorder.errors import OutputError, UsageError
from recorder.explore.files import beside, file_name, folder_for, keep, kept
from recorder.files import Remote
from recorder.fleet.store.places import place
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Kept, Schedule, to_text

EARLY, LATE = "event 4.1 before ack 4", "ack 5 2s late"


def of(*texts: str) -> Schedule:
    return Schedule.of(map(Deviation.parse, texts))


def written(folder: Path, cassette: str, *texts: str) -> Path:
    path = folder / file_name(cassette, of(*texts))
    path.write_text(to_text(Kept(of(*texts), (cassette,))), "utf-8")
    return path


def test_the_name_of_a_file_has_the_cassette_and_the_id() -> None:
    assert file_name("day.one.cassette", of(EARLY)) == f"day.one.{of(EARLY).id}.schedule.json"


def test_a_file_is_found_by_its_path_by_its_id_and_by_four_digits_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, "a.cassette", EARLY)
    written(tmp_path, "a.cassette", LATE)
    cassettes = [tmp_path / "b.cassette", tmp_path / "a.cassette"]

    found = [kept([text], cassettes) for text in (str(path), of(EARLY).id, of(EARLY).id[:4].upper())]

    assert {one.schedule for one in found} == {of(EARLY)}
    assert {one.cassettes for one in found} == {("a.cassette",)}


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        ([EARLY], [EARLY]),
        ([f"{EARLY}; {LATE};"], [EARLY, LATE]),
        ([LATE, EARLY], [EARLY, LATE]),
        (["recorded"], []),
        (["recorded", "recorded;"], []),
    ],
)
def test_deviations_are_read_from_texts(wanted: list[str], texts: list[str]) -> None:
    assert kept(wanted, []) == Kept(of(*texts))


@pytest.mark.parametrize("wanted", [[EARLY, "recorded"], [f"recorded; {EARLY}"], ["recorded", LATE, EARLY]])
def test_the_recorded_order_stands_alone(wanted: list[str]) -> None:
    with pytest.raises(UsageError, match=r"'recorded' is the order without deviations; leave it out, or the others$"):
        kept(wanted, [])


@pytest.mark.parametrize("empty", ["", " ", [""], ["\n"]])
def test_a_schedule_without_a_name_is_told_as_that(empty: str | list[str]) -> None:
    with pytest.raises(UsageError, match="the schedule has no name"):
        kept(empty, [])


def test_an_id_finds_no_schedule_of_a_cassette_whose_name_begins_alike(tmp_path: Path) -> None:
    written(tmp_path, "day.one.cassette", EARLY)

    with pytest.raises(UsageError, match=r"no such schedule beside day\.cassette; there is none"):
        kept([of(EARLY).id], [tmp_path / "day.cassette"])


def test_an_id_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    written(tmp_path, "a.cassette", EARLY)

    with pytest.raises(UsageError, match=f"; there is {of(EARLY).id}$"):
        kept(["0000"], [tmp_path / "a.cassette"])

    written(tmp_path, "a.cassette", LATE)
    with pytest.raises(UsageError, match=f"; there are {', '.join(sorted([of(EARLY).id, of(LATE).id]))}$"):
        kept(["0000"], [tmp_path / "a.cassette"])


def test_an_id_that_two_files_begin_with_needs_more_digits(tmp_path: Path) -> None:
    for number in ("abcd0001", "abcd0002"):
        (tmp_path / f"a.{number}.schedule.json").write_text(to_text(Kept(of(EARLY))), "utf-8")

    with pytest.raises(UsageError, match=r"2 beside a\.cassette begin so"):
        kept(["abcd"], [tmp_path / "a.cassette"])


def test_what_is_beside_cassettes_is_listed_by_id(tmp_path: Path) -> None:
    paths = [written(tmp_path, "a.cassette", EARLY), written(tmp_path, "b.cassette", LATE)]
    (tmp_path / "a.schedule.json").write_text("{}")

    assert beside([tmp_path / "a.cassette", tmp_path / "b.cassette"]) == dict(
        sorted(zip([of(EARLY).id, of(LATE).id], paths, strict=True))
    )
    assert beside([tmp_path / "none" / "a.cassette"]) == {}
    assert beside([Remote("https://cassettes.example/a.cassette")]) == {}


def test_a_schedule_of_other_cassettes_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.cassette", EARLY)

    with pytest.raises(UsageError, match=r"was found with a\.cassette, not with b\.cassette; its deviations can be"):
        kept(str(path), [tmp_path / "b.cassette"])
    assert kept(str(path), [tmp_path / "b.cassette", tmp_path / "a.cassette"]).schedule == of(EARLY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("none.json", r"none\.json: No such file or directory; a schedule is named by"),
        ("abc", "abc: No such file"),
        ("event 4.1 behind ack 4", "'behind ack 4' is unknown"),
        ("answer p2 behind ack 4", "'behind ack 4' is unknown"),
        ("answer 2 before ack 4", "'answer 2' names no ack, event or answer"),
    ],
)
def test_what_is_no_schedule_is_told_in_one_line(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        kept([text], [])


def test_a_folder_and_an_endless_file_are_no_schedules(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate((64 << 20) + 1)

    with pytest.raises(UsageError, match="is a directory"):
        kept([str(tmp_path)], [])
    with pytest.raises(UsageError, match="more than 64 MB"):
        kept([str(large)], [])


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
