from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from recorder.cassette import codec
from recorder.cassette.codec import ARCHIVE, END_SIZE, SEALED
from recorder.cassette.frames import unframe
from recorder.cassette.reader import open_cassette, parse
from recorder.cassette.sealed import INDEX_FROM, SealedWriter
from recorder.model import Note, Record, Row
from tests.cassette.records import HEADER, ONE_OF_EACH

ROW = Row(1, "GetChainedRecord", {"handle": "7"}, "s1", "complete", 0, 1, None, ())
PLAIN = replace(ROW, n=0, operation=None)
MANY = tuple(Note(n, n, "n", "text") for n in range(INDEX_FROM + 1))


def written(records: tuple[Record, ...], *rows: Row, profile: str = SEALED) -> bytes:
    file = BytesIO()
    with closing(SealedWriter(file, replace(HEADER, profile=profile))) as writer:
        for record in records:
            writer.fact(record)
        for row in rows:
            writer.row(row)
        writer.finish([[1, 0, "/x", "Pushed", None]], {"sessions": {}})
    return file.getvalue()


def kinds(data: bytes) -> list[int]:
    found = [frame.kind for frame in unframe(data)]
    return [kind for place, kind in enumerate(found) if found[place - 1 : place] != [kind]]


@pytest.mark.parametrize("profile", [SEALED, ARCHIVE])
@pytest.mark.parametrize("records", [(), ONE_OF_EACH, MANY])
def test_facts_come_back(records: tuple[Record, ...], profile: str) -> None:
    assert parse(written(records, ROW, profile=profile)).records == records


def test_the_parts_stand_in_a_fixed_order() -> None:
    assert kinds(written(MANY[:3], PLAIN, ROW)) == [
        codec.HEADER, codec.NOTE, codec.TRIPLE, codec.PLAIN, codec.UNSOLICITED, codec.SUMMARY, codec.END,
    ]  # fmt: skip


def test_only_a_large_cassette_has_an_index() -> None:
    assert codec.CONTENTS not in kinds(written(MANY[:-1], ROW))
    assert kinds(written(MANY, ROW))[-3:] == [codec.PAGE, codec.CONTENTS, codec.END]


def test_an_archive_has_an_index_always_and_its_facts_triples_and_pages_in_blocks() -> None:
    assert kinds(written(ONE_OF_EACH, ROW, profile=ARCHIVE)) == [
        codec.HEADER, codec.BLOCK, codec.SUMMARY, codec.BLOCK, codec.CONTENTS, codec.END,
    ]  # fmt: skip


@pytest.mark.parametrize("profile", [SEALED, ARCHIVE])
@pytest.mark.parametrize("records", [(), ONE_OF_EACH, MANY])
def test_the_end_has_a_fixed_size(records: tuple[Record, ...], profile: str) -> None:
    *_, end = unframe(data := written(records, profile=profile))

    assert (end.kind, len(data) - end.offset) == (codec.END, END_SIZE)


def test_one_changed_record_changes_that_record_and_the_end_only() -> None:
    before = list(unframe(written(ONE_OF_EACH, ROW)))
    after = list(
        unframe(written((*ONE_OF_EACH[:-1], replace(ONE_OF_EACH[-1], text="the capture ended another way")), ROW))
    )

    changed = [one.kind for one, other in zip(before, after, strict=True) if one.body != other.body]
    assert changed == [codec.NOTE, codec.END]


def test_what_no_block_may_hold_stands_uncompressed_and_is_found(tmp_path: Path) -> None:
    silence = replace(ONE_OF_EACH[1], seq=1, body=bytes(3 << 20))
    records = (
        ONE_OF_EACH[0],
        silence,
        replace(silence, seq=2),
        replace(silence, seq=3, body=bytes(60_000)),
        *MANY[4:9],
    )
    (tmp_path / "s").write_bytes(data := written(records, ROW, profile=ARCHIVE))

    assert parse(data).records == records
    with open_cassette(tmp_path / "s") as sealed:
        assert [sealed.record(seq) for seq in range(9)] == list(records)
        assert sealed.row(1) == ROW


def test_events_nobody_asked_for_may_come_anywhere_between_and_stand_behind_the_triples() -> None:
    one, two = [0, 0, "/a", "A", None], [1, 0, "/a", "A", "s1"]
    with closing(SealedWriter(file := BytesIO(), replace(HEADER, profile=SEALED))) as writer:
        writer.unsolicited(one)
        writer.row(ROW)
        writer.finish([two], {})

    found = [(frame.kind, codec.decode_value(frame, path="")) for frame in unframe(file.getvalue())]
    assert [kind for kind, _ in found][1:4] == [codec.TRIPLE, codec.UNSOLICITED, codec.UNSOLICITED]
    assert [value for kind, value in found if kind == codec.UNSOLICITED] == [one, two]
