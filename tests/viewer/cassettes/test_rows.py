"""The rows and the blocks of a cassette: by its stored triples the same as by its records, and each thing once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import synthetic
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import open_cassette
from recorder.cli import main
from recorder.errors import CassetteError
from recorder.library.sealing import seal
from recorder.model import FORMAT, Header, Request, Response
from recorder.viewer.cassettes import rows, wire
from recorder.viewer.cassettes.rows import Layout
from recorder.viewer.cassettes.snapshot import Snapshot, Where
from recorder.views.pages import light
from recorder.views.pages.columns import Columns
from tests.viewer.asking import CASSETTES, PREVIEW

KEPT = Path(__file__).parents[2] / "cassettes"
EVERY = sorted([*CASSETTES.glob("*.cassette"), *KEPT.rglob("*.cassette")])


def journal(path: Path, triples: int, header: Header = synthetic.HEADER) -> Path:
    path.write_bytes(encode_header(header) + b"".join(map(encode, synthetic.records(triples))))
    return path


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed")
    target = folder / "sealed.cassette"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("recorder.cassette.sealed.INDEX_FROM", 10)
        main(["seal", str(journal(folder / "journal.cassette", 300)), "-o", str(target)], standalone_mode=False)
    return target


def of(path: Path) -> Snapshot:
    return Snapshot.of(Where(path, path.name), None)


def told(snapshot: Snapshot) -> tuple[object, object]:
    """What the rows tell of triples and of unsolicited events, by the triples themselves."""
    recording = snapshot.found.recording
    return [light.light(item) for item in recording.triples], [light.pushed(item) for item in recording.unsolicited]


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.parent.name + "/" + path.name)
def test_the_rows_of_each_kept_cassette_are_those_of_its_triples(path: Path) -> None:
    snapshot = of(path)
    records = snapshot.wire()

    assert ([*rows._triples(snapshot, records)], [*rows._pushed(snapshot, records)]) == told(snapshot)
    snapshot.found.close()


def test_the_rows_of_a_large_sealed_cassette_are_those_of_its_triples(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = of(sealed).wire()
    monkeypatch.setattr(wire, "EXACT", 10)
    snapshot = of(sealed)
    glanced = snapshot.wire()

    assert snapshot.found.is_stored
    assert glanced.is_plain
    assert (glanced.times, glanced.statuses, glanced.ended) == (exact.times, exact.statuses, exact.ended)
    assert glanced.notes == exact.notes
    assert ([*rows._triples(snapshot, glanced)], [*rows._pushed(snapshot, glanced)]) == told(snapshot)
    assert glanced.polls({}) == ()
    assert exact.polls({}) != ()


def test_a_journal_and_its_sealed_file_have_the_same_rows(sealed: Path) -> None:
    both = [json.loads(rows.document(of(path), "x")) for path in (sealed.parent / "journal.cassette", sealed)]

    editions = {page.pop("edition") for page in both}
    assert len(editions) == 2
    assert opened(both[0]) == opened(both[1])


NUMBERED = {"operation", "session", "state", "method", "target", "reason", "name", "channel", "rule", "failure"}


def opened(page: dict[str, Any]) -> dict[str, Any]:
    """A page whose columns have texts in place of the numbers of texts."""
    for recording in page["recordings"]:
        texts = [*recording.pop("texts"), None]  # -1 is None
        for kind in ("triples", "plain", "events", "unsolicited", "polls"):
            columns = recording[kind]
            for name in columns.keys() & NUMBERED:
                columns[name] = [texts[number] for number in columns[name]]
            if "keys" in columns:
                columns["keys"] = [[name, [texts[n] for n in column]] for name, column in columns["keys"]]
    return page


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.parent.name + "/" + path.name)
def test_stored_triples_that_are_read_at_once_give_the_rows_of_the_general_way(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.cassette.sealed.INDEX_FROM", 0)
    target = tmp_path / "sealed.cassette"
    seal(journal_of(path, tmp_path / "journal.cassette"), target)
    pages = []
    for most, quickly in ((10**6, False), (10**6, True), (0, True)):
        monkeypatch.setattr(wire, "EXACT", most)
        snapshot = of(target)
        assert snapshot.found.is_stored
        records = snapshot.wire()
        columns = rows.columns_of(snapshot, records) if quickly else generally(snapshot, records)
        found = list(columns.found([], records.ended // 1000))
        pages.append(opened(page_of(columns)) | {"problems": found, "usual": columns.usual.rows()})
        snapshot.found.close()

    assert pages[1] == pages[0]
    assert pages[2] == pages[0]


def journal_of(path: Path, target: Path) -> Path:
    with open_cassette(path) as cassette:
        header = replace(cassette.header, profile="journal", format=FORMAT)
        target.write_bytes(encode_header(header) + b"".join(map(encode, cassette.records())))
    return target


def generally(snapshot: Snapshot, records: wire.Wire) -> Columns:
    columns = Columns()
    for item in rows._triples(snapshot, records):
        columns.triples.add(item)
    for exchange in snapshot.found.recording.plain:
        columns.plain.add(light.light(exchange))
    for pushed in rows._pushed(snapshot, records):
        columns.unsolicited.add(pushed)
    return columns


def page_of(columns: Columns) -> dict[str, Any]:
    kinds = {
        "triples": columns.triples.rows(0, 0),
        "events": columns.events.rows(),
        "plain": columns.plain.rows(0, 0),
        "unsolicited": columns.unsolicited.rows(0),
        "polls": {},
        "texts": columns.texts.all(),
    }
    return {"recordings": [kinds]}


def test_a_record_that_is_missing_is_told(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "EXACT", 10)
    snapshot = of(sealed)
    monkeypatch.setattr(type(snapshot.found.cassette), "count", property(lambda _: 10_000))

    with pytest.raises(CassetteError, match=r"record \d+ is missing"):
        snapshot.wire()


def test_a_triple_that_is_missing_is_told(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = of(sealed)
    records = snapshot.wire()
    first = next(snapshot.found.cassette.spans("triples", 100))
    monkeypatch.setattr(type(snapshot.found.cassette), "spans", lambda *_: iter([first]))

    with pytest.raises(CassetteError, match="holds 100 triples, not 300"):
        rows.columns_of(snapshot, records)


def test_the_blocks_hold_each_item_once(sealed: Path) -> None:
    snapshot = of(sealed)
    recording = snapshot.found.recording
    page = json.loads(rows.document(snapshot, "x"))
    first = page["recordings"][0]["blocks"]
    counts = {kind: sum(len(block(snapshot, k)) for k, _ in blocks) for kind, blocks in first.items()}

    assert counts == {"triples": 300, "unsolicited": len(recording.unsolicited)}
    numbers = [k for blocks in first.values() for k, _ in blocks]
    assert numbers == list(range(len(numbers)))
    assert rows.block(snapshot, len(numbers)) is None
    for kind, blocks in first.items():
        for k, place in blocks:
            assert Layout.of(snapshot).items(k) == (kind, range(place, place + len(block(snapshot, k))))


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -(2**63)])
def test_numbers_that_no_capture_has_are_shown(number: int, tmp_path: Path) -> None:
    request, response = Request(0, 5, 0, "c", "GET", "/", (), b""), Response(1, number, 0, number, (), b"")
    path = tmp_path / "a.cassette"
    path.write_bytes(encode_header(synthetic.HEADER) + encode(request) + encode(response))

    snapshot = of(path)

    assert json.loads(rows.document(snapshot, "a"))["title"] == "a"


def block(snapshot: Snapshot, k: int) -> list[object]:
    found = rows.block(snapshot, k)
    assert found is not None
    items = json.loads(found)
    assert isinstance(items, list)
    return items


def test_a_block_has_what_the_wire_has() -> None:
    (item, *_) = block(of(PREVIEW), 0)

    assert isinstance(item, dict)
    assert json.loads(item["body"])["operationName"] == "StartPreviewSession"
    assert [event["why"] for event in item["events"]] != []
