"""Paths of files at URLs behave as paths, and never as files on this machine."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from recorder.cassette.reader import open_cassette, read
from recorder.errors import CassetteError
from recorder.files import Remote
from recorder.fleet.store.places import RemotePath, found, place

SEALED = Path("tests/cassettes/v0.1/sealed.cassette")
DAY = place("s3://bucket/team/a//day.cassette")
SIGNED = place("https://me:secret@host:8443/a/day.cassette?X-Amz-Signature=secret")


@pytest.fixture
def memory() -> Iterator[None]:
    there = fsspec.filesystem("memory")
    for name in ("a.cassette", "team/b.cassette", "team/deep/c.cassette", "team/notes.txt"):
        there.pipe_file(f"/{name}", SEALED.read_bytes())
    yield
    there.store.clear()


def test_a_url_keeps_its_slashes() -> None:
    assert str(DAY) == os.fspath(DAY) == "s3://bucket/team/a//day.cassette"
    assert isinstance(DAY, Path)
    assert isinstance(place("a.cassette"), Path)
    assert not isinstance(place("a.cassette"), Remote)


def test_a_file_url_is_a_file_of_this_machine() -> None:
    assert place("file:///var/a.cassette") == Path("/var/a.cassette")


def test_the_parts_of_a_url_are_those_of_a_path() -> None:
    assert (DAY.name, DAY.stem, DAY.suffix) == ("day.cassette", "day", ".cassette")
    assert DAY.with_name("b") == place("s3://bucket/team/a//b")
    assert DAY.with_suffix(".har") == place("s3://bucket/team/a//day.har")
    assert DAY.with_stem("night") == place("s3://bucket/team/a//night.cassette")
    assert [str(folder) for folder in DAY.parents] == [
        "s3://bucket/team/a/",
        "s3://bucket/team/a",
        "s3://bucket/team",
        "s3://bucket",
    ]
    assert DAY.parts == ("s3://", "bucket", "team", "a", "", "day.cassette")


def test_a_url_is_joined_as_an_absolute_path() -> None:
    assert place("s3://bucket/team") / "a" / "b" == place("s3://bucket/team/a/b")
    assert Path("/local") / DAY == DAY
    assert "local" / DAY == DAY
    assert Path("/local") == DAY / "/local"


def test_a_url_is_absolute_and_resolved() -> None:
    assert DAY.resolve() is DAY.absolute() is DAY.expanduser() is DAY
    assert DAY.is_absolute()


def test_a_url_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(SIGNED)) == SIGNED
    assert pickle.loads(pickle.dumps(SIGNED)).url == SIGNED.url  # type: ignore[attr-defined]


def test_urls_and_files_can_be_sorted_and_be_keys() -> None:
    assert sorted([DAY, Path("a"), place("s3://bucket/a")]) == [Path("a"), place("s3://bucket/a"), DAY]
    assert {DAY: 1}[place(DAY.url)] == 1  # type: ignore[attr-defined]
    assert place("s3:/bucket/a") != place("s3://bucket/a")


def test_secrets_of_a_url_are_in_no_text_of_it() -> None:
    texts = [str(SIGNED), repr(SIGNED), os.fspath(SIGNED), SIGNED.as_uri(), bytes(SIGNED).decode(), str(SIGNED.parent)]

    assert not [text for text in texts if "secret" in text]
    assert str(SIGNED) == "https://…@host:8443/a/day.cassette?…"
    assert SIGNED.name == "day.cassette"


def test_the_container_of_an_account_is_no_secret() -> None:
    assert str(place("abfs://team@account/a?b")) == "abfs://team@account/a?b"


@pytest.mark.parametrize("name", ["mkdir", "touch", "unlink", "rmdir", "iterdir", "write_bytes", "rename"])
def test_nothing_is_done_on_the_disk_instead(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(OSError, match="is at a URL"):
        getattr(DAY, name)("other")

    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("memory")
def test_a_pattern_of_all_folders_finds_cassettes() -> None:
    assert [str(path) for path in found("memory://team/**")] == [
        "memory://team/b.cassette",
        "memory://team/deep/c.cassette",
    ]


@pytest.mark.usefixtures("memory")
def test_another_pattern_finds_any_file() -> None:
    assert [path.name for path in found("memory://team/*")] == ["b.cassette", "notes.txt"]
    assert [path.name for path in found("memory://**/c.cass*")] == ["c.cassette"]
    assert found("memory://none/*") == []


@pytest.mark.usefixtures("memory")
def test_a_name_with_letters_of_a_pattern_is_found() -> None:
    fsspec.filesystem("memory").pipe_file("/team/day[1].cassette", b"")

    assert found("memory://team/day[1].cassette") == [place("memory://team/day[1].cassette")]


def test_a_pattern_finds_files_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.cassette", "a.cassette", "deep/c.cassette", "notes.txt"):
        (tmp_path / name).touch()

    assert [path.name for path in found(f"{tmp_path}/**")] == ["a.cassette", "b.cassette", "c.cassette"]
    assert found(tmp_path / "none.cassette") == [tmp_path / "none.cassette"]


def test_a_query_is_no_pattern() -> None:
    assert found("https://host/a.cassette?b=[c]") == [place("https://host/a.cassette?b=[c]")]


@pytest.mark.usefixtures("memory")
def test_a_cassette_at_a_url_is_read() -> None:
    where = place("memory://team/b.cassette")

    assert read(where) == read(SEALED)
    with open_cassette(where) as cassette:
        assert cassette.row(1).n == 1
    assert where.stat().st_size == SEALED.stat().st_size
    assert where.exists()
    assert where.is_file()
    assert where.parent.is_dir()
    assert where.read_bytes() == SEALED.read_bytes()


@pytest.mark.usefixtures("memory")
def test_a_missing_file_is_told_as_one() -> None:
    assert not place("memory://none").exists()
    with pytest.raises(CassetteError, match=r"^memory://none: does not exist$"):
        read(RemotePath("memory://none"))
    with pytest.raises(CassetteError, match=r"^memory://team: is a folder; /\*\* behind it finds the cassettes in it$"):
        read(RemotePath("memory://team"))


@pytest.mark.usefixtures("memory")
def test_a_key_that_looks_like_a_pattern_is_itself_and_no_other_that_fits() -> None:
    fsspec.filesystem("memory").pipe_file("/team/day[1].cassette", b"")
    fsspec.filesystem("memory").pipe_file("/team/day1.cassette", b"")

    assert [str(path) for path in found("memory://team/day[1].cassette")] == ["memory://team/day[1].cassette"]
    assert [path.name for path in found("memory://team/day[12].cassette")] == ["day1.cassette"]
