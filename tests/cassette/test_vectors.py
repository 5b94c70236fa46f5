"""The conformance vectors of docs/format.md: our reader sees what they say, our writer writes the same bytes."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette import codec
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import open_cassette, read
from recorder.cassette.repair.recover import recover
from recorder.cassette.sealed import SealedWriter
from recorder.diagnose.check import Checked
from recorder.errors import CassetteError
from recorder.model import Header, Record, Row
from tests.vectors.seen import as_json, header_of, record_of, row_of, sampled, seen

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = sorted(f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("v[12]/*.json"))
JOURNALS = [
    *("v1/empty", "v1/records", "v1/bytes", "v1/lost"),
    *("v2/empty", "v2/records", "v2/bytes", "v2/no-texts", "v2/streams"),
]
SEALED = [
    *("v1/sealed", "v1/sealed-empty", "v1/sealed-bytes", "v1/repeated", "v1/publishes", "v1/indexed"),
    *("v2/sealed", "v2/sealed-empty", "v2/publishes", "v2/several-values", "v2/migrated"),
    "v2/streams-sealed",
]

# what doctor finds in the bytes; in all others nothing
FINDINGS = {
    "torn-body": ["torn-tail"],
    "torn-head": ["torn-tail"],
    "damaged": ["damaged", "gap"],
    "damaged-length": ["damaged", "gap"],
    "missing": ["gap"],
    "critical": ["unreadable"],
    "named-nowhere": ["unreadable"],
    "triple-number": ["index"],
    "lost": ["lost"],
    "sealed-cut": ["cut-off"],
    "sealed-torn": ["cut-off", "damaged"],
    "sealed-longer": ["cut-off"],
    "rules-torn": ["torn-tail"],
    "rules-damaged": ["damaged"],
    "several-none": ["index"],
    "streams-torn": ["torn-tail"],
    "streams-flag": ["unreadable"],
}
# numbers of the records that recovery cannot keep but knows of
LOST = {"damaged": [2], "damaged-length": [1], "missing": [1], "lost": [2]}
# how many records recovery keeps beyond those a reader sees up to the first error
BEHIND = {"rules-damaged": 1, "damaged": 5, "damaged-length": 6, "missing": 1, "critical": 1}
REFUSED = [
    "v1/newer",
    "v1/no-cassette",
    "v1/torn-header",
    "v2/newer",
    "v2/text-missing",
    "v2/text-long",
    "v2/torn-header",
]


def path(name: str) -> Path:
    return FOLDER / f"{name}.cassette"


def content(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def sealed(header: Header, records: list[Record], rows: list[Row], rest: dict[str, Any]) -> bytes:
    file = BytesIO()
    writer = SealedWriter(file, header)
    for record in records:
        writer.fact(record)
    for row in rows:
        writer.row(row)
    writer.finish(rest["unsolicited"], rest["summary"])
    writer.close()
    return file.getvalue()


def written_from_json(name: str) -> bytes:
    found = content(name)
    records, rows = map(record_of, found["records"]), map(row_of, found["triples"] + found["plain"])
    return sealed(header_of(found["header"]), list(records), list(rows), found)


def written_from_file(name: str) -> bytes:
    with open_cassette(path(name)) as cassette:
        records = list(cassette.records())
    with open_cassette(path(name)) as cassette:
        frames = list(cassette.frames())
    rows = [codec.decode_row(f, path=name) for f in frames if f.kind in (codec.TRIPLE, codec.PLAIN)]
    return sealed(cassette.header, records, rows, content(name))


@pytest.mark.parametrize("name", NAMES)
def test_our_reader_sees_what_a_vector_says(name: str) -> None:
    expected = content(name)

    found = seen(path(name), expected["keys"])

    assert {"about": expected["about"], "keys": expected["keys"]} | found == expected


@pytest.mark.parametrize("name", JOURNALS)
def test_our_writer_writes_the_bytes_of_a_journal(name: str) -> None:
    found = content(name)

    frames = [encode_header(header_of(found["header"])), *(encode(record_of(value)) for value in found["records"])]

    assert b"".join(frames) == path(name).read_bytes()


@pytest.mark.parametrize("name", [name for name in SEALED if name not in ("v1/indexed", "v2/migrated")])
def test_our_writer_writes_the_bytes_of_a_sealed_cassette(name: str) -> None:
    assert written_from_json(name) == path(name).read_bytes()


@pytest.mark.parametrize("name", SEALED)
def test_a_sealed_cassette_that_was_read_is_written_as_it_was(name: str) -> None:
    assert written_from_file(name) == path(name).read_bytes()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in REFUSED])
def test_doctor_finds_what_is_wrong_with_the_bytes_and_nothing_else(name: str) -> None:
    checked = Checked(path(name))

    list(checked.records())

    assert sorted(finding.kind for finding in checked.findings) == FINDINGS.get(name.partition("/")[2], [])


@pytest.mark.parametrize("name", [name for name in NAMES if name not in [*REFUSED, "v1/named-nowhere"]])
def test_recover_keeps_every_intact_record_and_its_output_is_sound(name: str, tmp_path: Path) -> None:
    target = tmp_path / "recovered.cassette"

    recover(path(name), target)

    records = read(target).records
    before = content(name)["counts"][0]
    lost = [record.seq for record in records if getattr(record, "kind", "") == "lost"]
    whole = [as_json(record) for record in records]
    checked = Checked(target)
    assert list(checked.records()) == list(records)
    assert {finding.kind for finding in checked.findings} <= {"lost"}
    assert sampled(whole[:before]) == content(name)["records"]
    assert lost == LOST.get(name.partition("/")[2], [])
    assert len(records) - before - len(set(lost) - set(range(before))) == BEHIND.get(name.partition("/")[2], 0)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_cassette_of_these_formats_is_refused(name: str) -> None:
    with pytest.raises(CassetteError):
        read(path(name))


def test_the_vectors_are_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.glob("v[12]/*")) < 1_500_000
