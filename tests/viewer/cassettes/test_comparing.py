"""Two cassettes that are compared by a click: the differences are those of the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from recorder.viewer.cassettes import comparing
from tests.viewer.asking import CASSETTES, PREVIEW, Viewer, viewing
from tests.viewer.cassettes.test_reading import lines, printed

OTHER = CASSETTES / "get-chained-record.cassette"


@pytest.fixture
def viewer() -> Viewer:
    return viewing(PREVIEW, OTHER)


def test_the_differences_are_those_of_the_command(viewer: Viewer) -> None:
    page = viewer.json("diff/1/2/api/rows")

    expected = json.loads(printed("diff", PREVIEW, OTHER, "--json"))
    assert [(row["what"], row["where"]) for row in page["differences"]] == [(r["what"], r["where"]) for r in expected]
    assert [row["n"] for row in page["differences"]] == [
        [row["n"]["old"], row["n"]["new"] and row["n"]["new"] + 6] for row in expected
    ]
    assert [one["name"] for one in page["recordings"]] == [PREVIEW.name, OTHER.name]
    assert viewer.json("diff/1/2/api/state")["text"] == ""


def test_the_blocks_of_both_are_there(viewer: Viewer) -> None:
    assert len(viewer.json("diff/1/2/api/block?recording=0&k=0")) == 6
    assert len(viewer.json("diff/1/2/api/block?recording=1&k=0")) == 1
    for bad in ("recording=2&k=0", "recording=0&k=9", "k=0", "recording=0", "recording=-1&k=0"):
        assert viewer.whole(f"diff/1/2/api/block?{bad}").status == 404


def test_a_search_finds_in_both(viewer: Viewer) -> None:
    (row,) = lines(viewer.whole("diff/1/2/api/search?filter=op:GetChainedRecord"))

    assert row["found"] == [3, 7]


@pytest.mark.parametrize("pair", ["1/1", "0/1", "1/3", "1/x"])
def test_there_is_no_such_pair(viewer: Viewer, pair: str) -> None:
    assert viewer.whole(f"diff/{pair}/").status == 404


def test_more_differences_than_a_page_shows_are_told(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST_ROWS", 3)

    page = viewer.json("diff/1/2/api/rows")

    assert len(page["differences"]) == 3
    assert viewer.json("diff/1/2/api/state")["text"].startswith("This page shows the first 3 of ")


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    viewer = viewing(PREVIEW, tmp_path / "none.cassette")

    assert viewer.whole("diff/1/2/api/rows").status == 410


def test_a_file_that_changes_is_told(tmp_path: Path) -> None:
    path = Path(shutil.copy(OTHER, tmp_path / "b.cassette"))
    viewer = viewing(PREVIEW, path)
    before = viewer.json("diff/1/2/api/rows")
    assert viewer.json("diff/1/2/api/state") == {"state": "same", "text": ""}
    shutil.copy(PREVIEW, path)

    assert viewer.json("diff/1/2/api/state")["text"] == "b.cassette: changed since this page was loaded"
    assert before["differences"] != []
    assert viewer.json("diff/1/2/api/rows")["differences"] == []
