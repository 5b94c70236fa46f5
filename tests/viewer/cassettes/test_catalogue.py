"""The list of cassettes: what each holds, counted in the background; foreign and damaged files are lines of it."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.viewer.cassettes import catalogue
from recorder.viewer.cassettes.catalogue import counted, glanced
from recorder.viewer.cassettes.snapshot import Where
from tests.viewer.asking import PREVIEW, Viewer, viewing
from tests.viewer.cassettes.test_rows import journal
from tests.views.late import late_session
from tests.wire import HEADER


def rows_of(viewer: Viewer) -> dict[str, dict[str, Any]]:
    """The rows by name, as soon as nothing is pending."""
    until = time.monotonic() + 30
    while True:
        rows = viewer.json("api/list")["cassettes"]
        if not any(row["pending"] for row in rows):
            return {row["name"]: row for row in rows}
        assert time.monotonic() < until, rows
        time.sleep(0.01)


def test_it_tells_what_each_cassette_holds(tmp_path: Path) -> None:
    shutil.copy(PREVIEW, tmp_path / "preview.cassette")
    journal(tmp_path / "journal.cassette", 20)
    late = late_session().records
    (tmp_path / "late.cassette").write_bytes(encode_header(HEADER) + b"".join(map(encode, late)))

    viewer = viewing(folders=(tmp_path,))
    rows = rows_of(viewer)

    sealed = rows["preview.cassette"]
    told = [sealed[name] for name in ("form", "triples", "sessions", "states", "error")]
    assert told == ["journal", 6, 1, {"complete": 6}, ""]
    for name, found in (("preview", {}), ("late", {"error": 2, "warning": 1})):
        row = rows[f"{name}.cassette"]
        page = viewer.json(f"c/{row['k']}/api/rows")["recordings"][0]
        severities = [severity for _, _, _, severity, *_ in page["problems"] if severity != "info"]
        assert row["problems"] == dict(Counter(severities)) == found
    assert sealed["size"] == PREVIEW.stat().st_size
    assert (rows["journal.cassette"]["form"], rows["journal.cassette"]["triples"]) == ("journal", 20)


def test_files_that_are_no_cassettes_are_lines_of_it(tmp_path: Path) -> None:
    whole = PREVIEW.read_bytes()
    (tmp_path / "empty.cassette").touch()
    (tmp_path / "text.cassette").write_text("hello")
    (tmp_path / "cut.cassette").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "folder.cassette").mkdir()
    os.mkfifo(tmp_path / "pipe.cassette")
    (tmp_path / "dangling.cassette").symlink_to(tmp_path / "nothing")
    (tmp_path / "out.cassette").symlink_to(PREVIEW)
    (tmp_path / "loop.cassette").symlink_to("loop.cassette")
    (tmp_path / "to.cassette").symlink_to("fro.cassette")
    (tmp_path / "fro.cassette").symlink_to("to.cassette")
    torn = journal(tmp_path / "torn.cassette", 20)
    torn.write_bytes(torn.read_bytes()[:-5])

    viewer = viewing(folders=(tmp_path,))
    errors = {name: row["error"] for name, row in rows_of(viewer).items()}

    assert errors.pop("cut.cassette") != ""
    assert {errors.pop(f"{name}.cassette") for name in ("loop", "to", "fro")} == {os.strerror(errno.ELOOP)}
    assert errors == {
        "empty.cassette": "is empty, not a cassette",
        "text.cassette": "not a cassette (it does not begin with a cassette header)",
        "pipe.cassette": "is not a regular file",
        "dangling.cassette": "the file is gone",
        "out.cassette": "is a link that leads out of the folder (name the file itself)",
        "torn.cassette": "its end was cut off, as by a crash",
    }
    assert viewer.told == []


def test_a_file_that_breaks_the_look_at_it_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal(tmp_path / "a.cassette", 5)
    journal(tmp_path / "b.cassette", 6)
    look = catalogue.glanced

    def breaking(where: Where) -> catalogue.Facts:
        if where.name == "a.cassette":
            raise MemoryError("too much")
        return look(where)

    monkeypatch.setattr(catalogue, "glanced", breaking)
    rows = rows_of(viewing(folders=(tmp_path,)))

    assert rows["a.cassette"]["error"] == "cannot be read: MemoryError('too much')"
    assert rows["b.cassette"]["triples"] == 6


def test_a_file_that_changed_is_counted_again(tmp_path: Path) -> None:
    path = journal(tmp_path / "a.cassette", 5)
    viewer = viewing(folders=(tmp_path,))
    before = rows_of(viewer)["a.cassette"]["triples"]
    journal(tmp_path / "a.cassette", 9)

    assert (before, rows_of(viewer)["a.cassette"]["triples"]) == (5, 9)
    path.unlink()
    assert rows_of(viewer)["a.cassette"]["error"] == "the file is gone"


def test_a_file_that_is_being_read_is_read_no_further_when_the_viewer_ends(tmp_path: Path) -> None:
    where = Where(journal(tmp_path / "a.cassette", 20), "a.cassette")
    asked: list[None] = []

    def ended() -> bool:
        asked.append(None)
        return len(asked) > 10

    facts = counted(where, None, glanced(where), ended)

    assert not facts.is_whole
    assert len(asked) == 11


def test_it_ends_with_the_viewer(tmp_path: Path) -> None:
    journal(tmp_path / "a.cassette", 5)
    viewer = viewing(folders=(tmp_path,))
    viewer.json("api/list")

    viewer.app._cassettes.close()  # type: ignore[attr-defined]

    assert viewer.json("api/list")["cassettes"][0]["k"] == 1
