"""A recording for a URL is a file here until it is there."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from recorder.errors import OutputError
from recorder.fleet.store.fetched import at_hand
from recorder.fleet.store.keeping import Working
from recorder.fleet.store.places import place


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    there = fsspec.filesystem("memory")
    yield there
    there.store.clear()


def test_a_recording_for_this_machine_is_written_in_its_place(tmp_path: Path) -> None:
    working = Working(tmp_path / "a.cassette")

    assert working.path == working.target
    assert not working.is_elsewhere
    assert working.put() == []


def test_all_parts_are_put_and_gone_here(memory: fsspec.AbstractFileSystem) -> None:
    working = Working(place("memory://team/a.cassette"))
    working.path.write_bytes(b"one")
    for number in (10, 2):
        working.path.with_name(f"a-{number}.cassette").write_bytes(b"%d" % number)

    there = working.put()

    assert list(map(str, there)) == [
        "memory://team/a.cassette",
        "memory://team/a-2.cassette",
        "memory://team/a-10.cassette",
    ]
    assert memory.cat_file("/team/a-10.cassette") == b"10"
    assert not working.path.parent.exists()


def test_what_cannot_be_put_is_kept_and_told(memory: fsspec.AbstractFileSystem) -> None:
    working = Working(place("memory://team/a.cassette"))
    working.path.write_bytes(b"ours")
    memory.pipe_file("/team/a.cassette", b"of another")

    with pytest.raises(OutputError, match=r"the recording is kept in (\S+); to put it there: recorder seal \1 -o mem"):
        working.put()

    assert working.path.read_bytes() == b"ours"
    assert memory.cat_file("/team/a.cassette") == b"of another"


def test_a_recording_that_has_not_begun_leaves_no_folder() -> None:
    working = Working(place("memory://team/a.cassette"))
    folder = working.path.parent
    assert folder.is_dir()

    del working
    gc.collect()

    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))

    with pytest.raises(OutputError, match="none: cannot be written: No such file"):
        Working(place("memory://team/a.cassette"))


def test_a_file_at_hand_is_read_from_a_copy(memory: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    memory.pipe_file("/a", b"content")
    copied = at_hand(place("memory://a"))

    with copied.opened() as first, copied.opened() as second:  # type: ignore[attr-defined]
        memory.rm("/a")
        assert first.read(3) == b"con"
        assert second.read() == b"content"
        assert first.read() == b"tent"
    assert str(copied) == "memory://a"
    assert at_hand(tmp_path) is tmp_path
