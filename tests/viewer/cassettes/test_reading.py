"""What the page of one cassette asks for, and what it is told when the file becomes another one meanwhile."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import synthetic
from recorder.cassette.codec import encode, encode_header
from recorder.cli import main
from recorder.model import Note, Recording
from recorder.viewer.answers import Answer, Stream
from recorder.viewer.cassettes.reading import Reading
from recorder.viewer.cassettes.searching import PARCEL, searched
from recorder.viewer.cassettes.snapshot import Where
from tests.viewer.asking import PREVIEW, TOKEN, Viewer, request, viewing
from tests.viewer.cassettes.test_rows import journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(PREVIEW, tmp_path / "session.cassette"))


@pytest.fixture
def viewer(path: Path) -> Viewer:
    return viewing(path)


def printed(*arguments: str | Path) -> str:
    """What a command prints on stdout."""
    return CliRunner().invoke(main, list(map(str, arguments))).stdout


def lines(answer: Answer) -> list[Any]:
    assert dict(answer.headers)["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


def state(viewer: Viewer, edition: str = "") -> dict[str, Any]:
    found = viewer.json(f"c/1/api/state?edition={edition}")
    assert isinstance(found, dict)
    return found


# what the commands tell


@pytest.mark.parametrize("what", ["3", "3.1", "3.2", "1", "2.2"])
def test_an_explanation_is_that_of_the_command(viewer: Viewer, path: Path, what: str) -> None:
    assert viewer.json(f"c/1/api/explain?n={what}")["text"] == printed("explain", path, what)


@pytest.mark.parametrize("what", ["", "0", "7", "3.99", "u1", "x1", "../3", "<b>"])
def test_what_cannot_be_explained_is_told(viewer: Viewer, what: str) -> None:
    found = viewer.whole(f"c/1/api/explain?n={what}")

    assert found.status == 422
    assert json.loads(found.body)["error"]


def test_figures_are_those_of_the_command(viewer: Viewer, path: Path) -> None:
    assert viewer.json("c/1/api/stats") == json.loads(printed("stats", path, "--json"))


def test_findings_are_those_of_the_commands(tmp_path: Path) -> None:
    path = journal(tmp_path / "odd.cassette", 5)
    path.write_bytes(path.read_bytes() + encode(Note(21, 5, "odd", "the time went back")))
    expected = json.loads(printed("doctor", path, "--json"))

    found = viewing(path).json("c/1/api/findings")["findings"]

    assert [(row["level"], row["kind"], row["where"], row["text"]) for row in found if row["from"] == "doctor"] == [
        (row["level"], row["kind"], row["where"], row["text"]) for row in expected
    ]
    assert expected != []


def test_a_finding_names_the_item_that_it_is_about(tmp_path: Path) -> None:
    def scan(_: Path) -> Iterator[dict[str, object]]:
        for record in (None, 9, 10, 999):
            yield {"level": "error", "record": record, "part": "body", "where": "a.b", "kind": "JWT", "masked": "ey… 9"}

    path = tmp_path / "sealed.cassette"
    printed("seal", journal(tmp_path / "journal.cassette", 5), "-o", path)
    rows = [row for row in viewing(path, scan=scan).json("c/1/api/findings")["findings"] if row["from"] == "scan"]

    assert [row["where"] for row in rows] == ["body", "record 9, body", "record 10, body", "record 999, body"]
    shown = printed("explain", path, "1") + printed("explain", path, "2")
    assert rows[0]["item"] is rows[3]["item"] is None
    assert {row["severity"] for row in rows} == {"error"}
    assert all(row["item"] is None or f"{row['item']}  " in f"triple {shown}" for row in rows[1:3])


# search


@pytest.mark.parametrize(
    "wanted", ["", "Campaign1", "op:Get* ack:>1", "-state:complete", "desk-3 or desk-4", '"statusCode"']
)
def test_a_search_finds_what_the_command_lists(viewer: Viewer, path: Path, wanted: str) -> None:
    rows = lines(viewer.whole(f"c/1/api/search?filter={wanted}"))

    listed = printed("ls", path, "--json", "-f", wanted)
    assert [n for row in rows for n in row["found"]] == [row["n"] for row in json.loads(listed or "[]")]
    assert rows[-1] == {"done": 6, "of": 6, "found": [], "ended": True}


def test_a_mistake_in_a_filter_is_told_before_the_search(viewer: Viewer) -> None:
    found = viewer.whole("c/1/api/search?filter=op:")

    assert found.status == 422
    assert json.loads(found.body)["error"].startswith("filter, column 4")


def test_a_search_tells_how_far_it_is_and_ends_after_so_many_hits(tmp_path: Path) -> None:
    viewer = viewing(journal(tmp_path / "a.cassette", 2 * PARCEL + 5))

    rows = lines(viewer.whole("c/1/api/search?filter="))

    assert [row["done"] for row in rows] == [PARCEL, 2 * PARCEL, 2 * PARCEL + 5, 2 * PARCEL + 5]


def test_a_search_ends_after_so_many_hits() -> None:
    recording = read(PREVIEW)

    rows = list(searched("", set(), 6, lambda: nullcontext(recording), most=10))
    few = list(searched("op:*Preview*", set(), 6, lambda: nullcontext(recording), most=1, parcel=2))

    assert [row["found"] for row in rows] == [[1, 2, 3, 4, 5, 6], []]
    assert few == [{"done": 2, "of": 6, "found": [1, 2], "ended": True, "more": True}]


def read(path: Path) -> Recording:
    with Reading(Where(path, path.name), None, lambda: 0.0, None).turn() as snapshot:
        return snapshot.found.recording


def test_others_are_answered_while_a_search_goes_on(tmp_path: Path) -> None:
    viewer = viewing(journal(tmp_path / "a.cassette", 2 * PARCEL))
    stream = viewer.app.answer(request(f"/{TOKEN}/c/1/api/search?filter="))
    assert isinstance(stream, Stream)
    parts = stream.parts
    next(parts)

    assert viewer.whole("c/1/api/block?k=0").status == 200
    assert len(list(parts)) == 2


def test_many_threads_read_one_cassette(tmp_path: Path) -> None:
    viewer = viewing(journal(tmp_path / "a.cassette", 300))
    alone = [viewer.whole(f"c/1/api/block?k={k}").body for k in range(4)]
    wrong: list[int] = []

    def ask(first: int) -> None:
        for turn in range(12):
            k = (first + turn) % 4
            if viewer.whole(f"c/1/api/block?k={k}").body != alone[k]:
                wrong.append(k)

    threads = [Thread(target=ask, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert viewer.told == []


# the file becomes another one


def test_a_file_that_grows_is_told_and_read_anew_with_the_page(tmp_path: Path) -> None:
    path = tmp_path / "a.cassette"
    frames = [encode_header(synthetic.HEADER), *map(encode, synthetic.records(40))]
    path.write_bytes(b"".join(frames[:80]))
    viewer = viewing(path)
    edition = viewer.json("c/1/api/rows")["edition"]
    block = viewer.whole("c/1/api/block?k=0").body
    with path.open("ab") as file:
        file.write(b"".join(frames[80:]))

    assert state(viewer, edition)["state"] == "grown"
    assert state(viewer, edition)["text"] == "a.cassette has grown since this page was loaded"
    assert viewer.whole("c/1/api/block?k=0").body == block
    after = viewer.json("c/1/api/rows")
    assert len(after["recordings"][0]["triples"]["n"]) == 40
    assert state(viewer, after["edition"]) == {
        "state": "same",
        "text": "",
        "edition": after["edition"],
        "records": len(frames) - 1,
    }
    assert state(viewer, edition)["state"] == "changed"


def test_a_file_that_is_gone_is_told_and_what_was_in_it_stays(viewer: Viewer, path: Path) -> None:
    edition = viewer.json("c/1/api/rows")["edition"]
    path.unlink()

    assert state(viewer, edition) == {
        "state": "gone", "text": "session.cassette is gone; this page shows what was in it", "edition": edition,
        "records": 53,
    }  # fmt: skip
    assert viewer.whole("c/1/api/block?k=0").status == 200
    found = viewer.whole("c/1/api/rows")
    assert (found.status, json.loads(found.body)) == (
        410, {"error": "session.cassette: the file is gone", "gone": True},
    )  # fmt: skip
    shutil.copy(PREVIEW, path)
    assert viewer.whole("c/1/api/rows").status == 200


def test_a_file_that_is_replaced_is_told(viewer: Viewer, path: Path, tmp_path: Path) -> None:
    edition = viewer.json("c/1/api/rows")["edition"]
    journal(tmp_path / "other", 3).replace(path)

    assert state(viewer, edition)["state"] == "changed"
    assert len(viewer.json("c/1/api/rows")["recordings"][0]["triples"]["n"]) == 3


def test_a_file_that_becomes_something_else_is_a_line(viewer: Viewer, path: Path) -> None:
    viewer.json("c/1/api/rows")
    path.unlink()
    path.mkdir()

    assert viewer.whole("c/1/api/rows").status == 422
    assert state(viewer)["state"] in ("closed", "changed")
    assert viewer.told == []


def test_before_it_is_opened_nothing_is_known(viewer: Viewer) -> None:
    assert state(viewer) == {"state": "closed", "text": "", "records": 0}


@pytest.mark.parametrize("k", ["", "-1", "x", "99", "1" * 50, "0x0", "\u0661"])
def test_there_is_no_such_block(viewer: Viewer, k: str) -> None:
    assert viewer.whole(f"c/1/api/block?k={k}").status == 404


def test_only_some_cassettes_are_kept_open(tmp_path: Path) -> None:
    for place in range(10):
        shutil.copy(PREVIEW, tmp_path / f"{place}.cassette")
    viewer = viewing(folders=(tmp_path,))
    for k in range(1, 11):
        assert viewer.whole(f"c/{k}/api/rows").status == 200

    states = [viewer.json(f"c/{k}/api/state")["state"] for k in range(10, 0, -1)]

    assert states.count("same") <= 6
    assert viewer.whole("c/1/api/block?k=0").status == 200
