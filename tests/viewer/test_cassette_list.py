"""The files a viewer shows, by numbers."""

from __future__ import annotations

from pathlib import Path

from recorder.viewer.cassette_list import below
from tests.viewer.asking import PREVIEW


def test_it_looks_below_folders_but_not_in_hidden_ones_or_through_links(tmp_path: Path) -> None:
    for name in ("b/c/two.cassette", "b/one.cassette", ".git/no.cassette", "a.txt", "deep/" * 12 + "no.cassette"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "b")
    (tmp_path / "loop").symlink_to(tmp_path)

    assert [path.relative_to(tmp_path).as_posix() for path in below(tmp_path)] == ["b/one.cassette", "b/c/two.cassette"]


def test_a_folder_that_is_not_there_any_more_is_empty(tmp_path: Path) -> None:
    assert list(below(tmp_path / "gone")) == []
    assert list(below(PREVIEW)) == []
