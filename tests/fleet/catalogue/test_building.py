"""A build reads what is new or changed, and nothing else; what is gone loses its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.errors import NothingSelected, OutputError
from recorder.fleet.catalogue import building
from recorder.fleet.catalogue.dataset import Dataset, Folder
from recorder.fleet.catalogue.reading import Settings
from tests.fleet.catalogue.tables import REDACTED, catalogue, everything, in_turn, made, older, rows, written


def test_a_catalogue_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingSelected, match="no cassette matches"):
        catalogue(tmp_path / "out", tmp_path / "*.cassette")

    assert not (tmp_path / "out").exists()


def test_each_cassette_has_its_rows(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a.cassette", 4), made(tmp_path / "b" / "b.cassette", 8, is_sealed=True)

    built = catalogue(tmp_path / "out", tmp_path / "**" / "*.cassette")

    assert (built.read, built.unchanged, built.gone, built.unreadable) == (2, 0, 0, {})
    assert [(row["url"], row["triples"], row["problem"]) for row in rows(tmp_path / "out", "cassettes")] == [
        (str(first), 4, None),
        (str(second), 8, None),
    ]
    assert built.rows == {name: len(found) for name, found in everything(tmp_path / "out").items()}


def test_a_second_build_reads_nothing_and_changes_nothing(tmp_path: Path) -> None:
    made(tmp_path / "a.cassette")
    catalogue(tmp_path / "out", tmp_path / "*.cassette")

    again = catalogue(tmp_path / "out", tmp_path / "*.cassette")

    assert (again.read, again.unchanged, again.generation) == (0, 1, 1)


def test_what_changed_is_read_again_and_its_old_rows_go(tmp_path: Path) -> None:
    changed, same = older(made(tmp_path / "a.cassette", 4)), made(tmp_path / "b.cassette", 4)
    catalogue(tmp_path / "out", tmp_path / "*.cassette")
    changed.unlink()
    made(changed, 6, seed=2)

    again = catalogue(tmp_path / "out", tmp_path / "*.cassette")

    assert (again.read, again.unchanged, again.gone) == (1, 1, 0)
    found = [row["cassette"] for row in rows(tmp_path / "out", "triples")]
    assert (found.count(str(changed)), found.count(str(same))) == (6, 4)


def test_a_cassette_that_is_gone_loses_its_rows(tmp_path: Path) -> None:
    gone = made(tmp_path / "a.cassette")
    left = made(tmp_path / "b.cassette")
    catalogue(tmp_path / "out", tmp_path / "*.cassette")
    gone.unlink()

    again = catalogue(tmp_path / "out", tmp_path / "*.cassette")

    assert (again.read, again.unchanged, again.gone) == (0, 1, 1)
    catalogue(tmp_path / "fresh", left)
    assert everything(tmp_path / "out") == everything(tmp_path / "fresh")


def test_equal_bytes_at_two_places_are_two_cassettes(tmp_path: Path) -> None:
    first = made(tmp_path / "a.cassette")
    (tmp_path / "b.cassette").write_bytes(first.read_bytes())

    catalogue(tmp_path / "out", tmp_path / "*.cassette")

    assert [row["triples"] for row in rows(tmp_path / "out", "cassettes")] == [4, 4]
    assert len(rows(tmp_path / "out", "triples")) == 8


def test_a_build_that_adds_keeps_what_no_pattern_matches(tmp_path: Path) -> None:
    made(tmp_path / "a.cassette"), made(tmp_path / "b.cassette")
    catalogue(tmp_path / "out", tmp_path / "a.cassette")

    added = catalogue(tmp_path / "out", tmp_path / "b.cassette", adds=True)

    assert (added.read, added.unchanged, added.gone, added.rows["cassettes"]) == (1, 1, 0, 2)


def test_another_dialect_makes_other_rows(tmp_path: Path) -> None:
    made(tmp_path / "a.cassette")
    catalogue(tmp_path / "out", tmp_path / "*.cassette")
    text = (Path(__file__).parents[3] / "recorder/dialect/salesforce.toml").read_text()

    again = catalogue(tmp_path / "out", tmp_path / "*.cassette", settings=Settings((text, "salesforce.toml")))

    assert (again.read, rows(tmp_path / "out", "cassettes")[0]["dialect"]) == (1, "salesforce")
    assert {row["dialect"] for row in rows(tmp_path / "out", "events")} == {"salesforce"}


def test_an_unreadable_cassette_is_a_row_with_its_problem(tmp_path: Path) -> None:
    made(tmp_path / "a.cassette")
    (tmp_path / "b.cassette").write_bytes(b"no cassette")

    built = catalogue(tmp_path / "out", tmp_path / "*.cassette")
    again = catalogue(tmp_path / "out", tmp_path / "*.cassette")

    problem = "not a cassette (it does not begin with a cassette header)"
    assert built.unreadable == again.unreadable == {str(tmp_path / "b.cassette"): problem}
    assert (again.read, again.unchanged) == (0, 2)
    assert [(row["triples"], row["problem"]) for row in rows(tmp_path / "out", "cassettes")] == [
        (4, None),
        (0, problem),
    ]


def test_another_version_tries_what_could_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "a.cassette")
    (tmp_path / "b.cassette").write_bytes(b"no cassette")
    catalogue(tmp_path / "out", tmp_path)

    monkeypatch.setattr(building, "version", lambda _: "99")
    again = catalogue(tmp_path / "out", tmp_path)

    assert (again.read, again.unchanged) == (1, 1)


def test_a_damaged_cassette_keeps_its_findings_alone(tmp_path: Path) -> None:
    damaged = made(tmp_path / "a.cassette", 40, is_sealed=True)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)

    built = catalogue(tmp_path / "out", damaged)

    assert list(built.unreadable) == [str(damaged)]
    assert rows(tmp_path / "out", "triples") == rows(tmp_path / "out", "events") == []
    found = rows(tmp_path / "out", "findings")
    assert "damage" in {row["severity"] for row in found}
    assert rows(tmp_path / "out", "cassettes")[0]["findings"] == len(found) > 0


def test_a_cassette_in_the_clear_is_left_out_unless_it_is_asked_for(tmp_path: Path) -> None:
    header = REDACTED.__class__(REDACTED.started, REDACTED.upstream, REDACTED.dialect, "none")
    clear = written(tmp_path / "a.cassette", [], header)

    built = catalogue(tmp_path / "out", clear)
    again = catalogue(tmp_path / "out", clear)
    taken = catalogue(tmp_path / "out", clear, settings=Settings(takes_clear=True))
    dropped = catalogue(tmp_path / "out", clear)

    assert [built.clear, again.clear, taken.clear, dropped.clear] == [[str(clear)], [str(clear)], [], [str(clear)]]
    assert [built.read, again.read, taken.read, dropped.read] == [1, 0, 1, 1]


def test_of_two_builds_at_once_both_end_right(tmp_path: Path) -> None:
    first, second, out = made(tmp_path / "a.cassette"), made(tmp_path / "b.cassette"), tmp_path / "out"

    def meanwhile(make, args, items):
        catalogue(out, first)
        return in_turn(make, args, items)

    built = catalogue(out, second, spread=meanwhile, adds=True)

    assert (built.read, built.unchanged, built.generation) == (1, 1, 2)
    assert [row["url"] for row in rows(out, "cassettes")] == [str(first), str(second)]
    assert files_in(out) == live_in(out)


def test_a_build_that_another_one_took_rows_from_is_refused(tmp_path: Path) -> None:
    first, second, third = (made(tmp_path / f"{name}.cassette") for name in "abc")
    out = tmp_path / "out"
    catalogue(out, first)

    def meanwhile(make, args, items):
        catalogue(out, third)
        return in_turn(make, args, items)

    with pytest.raises(OutputError, match="another build ended meanwhile, and this one changed nothing"):
        catalogue(out, first, second, spread=meanwhile)

    assert [row["url"] for row in rows(out, "cassettes")] == [str(third)]
    assert files_in(out) == live_in(out)


def test_a_build_that_cannot_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "a.cassette")
    catalogue(tmp_path / "out", tmp_path / "a.cassette")
    made(tmp_path / "b.cassette")
    before = files_in(tmp_path / "out")

    def full(*_: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(Folder, "claim", full)
    with pytest.raises(OutputError, match="the disk is full"):
        catalogue(tmp_path / "out", tmp_path / "*.cassette")

    assert files_in(tmp_path / "out") == before == live_in(tmp_path / "out")


def files_in(output: Path) -> set[str]:
    return {str(path) for path in output.rglob("*.parquet")}


def live_in(output: Path) -> set[str]:
    found = Dataset.open(str(output))
    return {path for name in found.tables for path in found.files(name)}


def test_a_killed_build_leaves_the_old_catalogue_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    made(tmp_path / "a.cassette")
    catalogue(tmp_path / "out", tmp_path / "a.cassette")
    before = everything(tmp_path / "out")
    folder = Folder(str(tmp_path / "out"))
    with folder.writing("triples/dialect=x/day=2026-01-01/00000002-abcd-0001.parquet") as file:
        file.write(b"half")

    assert everything(tmp_path / "out") == before
    made(tmp_path / "b.cassette")
    catalogue(tmp_path / "out", tmp_path / "*.cassette")
    assert not list((tmp_path / "out").rglob("*-abcd-*"))
