from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette import codec
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.frames import unframe
from recorder.cassette.journal import create
from recorder.cassette.reader import open_cassette, read
from recorder.diagnose.doctor import examine
from recorder.errors import CassetteError, UsageError
from recorder.library import stored
from recorder.library.index.rows import row_of
from recorder.library.recording import load_recording
from recorder.library.sealing import seal
from recorder.model import Record
from tests.wire import HEADER, Wire, chained, complete, done, get_me, record_event, state_event, twin

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "cassettes").glob("*.cassette"))
NEWER = ROOT / ".venv-newer" / "bin" / "python"
FORMS = pytest.mark.parametrize("archive", [False, True])


def journal(path: Path, records: list[Record]) -> Path:
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, records)))
    return path


def session(rounds: int = 3) -> list[Record]:
    """Two desktops, everything there is: operations, twins, unsolicited events, other exchanges, an open poll."""
    wire = Wire()
    desks = [wire.desk(headers=(("Authorization", f"Basic {n}"),)) for n in "ab"]
    for number in range(rounds):
        for place, desk in enumerate(desks):
            handle = 10 * number + place
            desk.asks(chained(handle, f"r{handle}"), done(handle, f"r{handle}"), twin("ChainedRecordsDataEnd", handle))
            desk.hears(state_event())
            desk.asks(complete(handle), record_event("RecordProcessedAcknowledge", handle), early=1)
    wire.ack(desks[0].post(get_me()))
    desks[0].polls()
    return wire.records


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return journal(tmp_path / "s.cassette", session())


@FORMS
def test_a_sealed_cassette_holds_the_facts_and_is_sound(source: Path, tmp_path: Path, archive: bool) -> None:
    seal(source, tmp_path / "sealed", archive=archive)

    assert read(tmp_path / "sealed").records == read(source).records
    assert [finding for finding in examine(tmp_path / "sealed") if finding.level.value != "remark"] == []
    assert [read(path).header.profile == "journal" for path in (source, tmp_path / "sealed")] == [True, False]


@FORMS
@pytest.mark.parametrize("shipped", [*SHIPPED, None], ids=lambda path: path.stem if path else "two desktops")
def test_the_stored_triples_are_the_derived_ones(
    source: Path, tmp_path: Path, shipped: Path | None, archive: bool
) -> None:
    seal(shipped or source, tmp_path / "sealed", archive=archive)

    with open_cassette(tmp_path / "sealed") as sealed:
        rows = [sealed.row(n) for n in range(1, sealed.stored + 1)]
        triples = [stored.triple(sealed, n) for n in range(1, sealed.stored + 1)]
    derived = load_recording(shipped or source).triples
    assert rows == [row_of(triple) for triple in derived]
    assert triples == list(derived)


@FORMS
def test_sealing_what_is_sealed_changes_nothing(source: Path, tmp_path: Path, archive: bool) -> None:
    seal(source, tmp_path / "once", archive=archive)
    seal(tmp_path / "once", tmp_path / "twice", archive=archive)
    once = (tmp_path / "once").read_bytes()
    seal(tmp_path / "once", tmp_path / "once", archive=archive)

    assert (tmp_path / "twice").read_bytes() == (tmp_path / "once").read_bytes() == once


def test_an_archive_sealed_for_git_is_as_if_it_had_never_been_one(source: Path, tmp_path: Path) -> None:
    seal(source, tmp_path / "plain")
    seal(source, tmp_path / "archive", archive=True)
    seal(tmp_path / "archive", tmp_path / "again")

    assert (tmp_path / "again").read_bytes() == (tmp_path / "plain").read_bytes()


_SEAL = """
import hashlib, sys
from pathlib import Path
from recorder.library.sealing import seal
seal(Path(sys.argv[1]), Path(sys.argv[2]))
print(hashlib.sha256(Path(sys.argv[2]).read_bytes()).hexdigest())
"""


def test_any_interpreter_and_any_order_of_hashes_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    interpreters = [python for python in (Path(sys.executable), NEWER) if python.exists()]
    seal(source, tmp_path / "sealed")

    digests = {
        subprocess.run(
            [python, "-c", _SEAL, source, tmp_path / "other"],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for python in interpreters
        for seed in ("0", "1", "4711")
    }

    assert digests == {hashlib.sha256((tmp_path / "sealed").read_bytes()).hexdigest()}


@pytest.mark.parametrize("count", range(0, len(session(1)), 3))
def test_a_journal_that_was_cut_off_is_sealed_as_one_that_ended_there(tmp_path: Path, count: int) -> None:
    records = session(1)
    whole = journal(tmp_path / "whole", records).read_bytes()
    size = len(journal(tmp_path / "ended", records[:count]).read_bytes())
    (tmp_path / "cut").write_bytes(whole[:size])

    seal(tmp_path / "ended", tmp_path / "a")
    seal(tmp_path / "cut", tmp_path / "b")

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_bodies_that_come_again_stand_once(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    for _ in range(20):
        desk.asks(chained(7), done(7))
    seal(journal(tmp_path / "s", wire.records), tmp_path / "sealed")

    assert (tmp_path / "s").read_bytes().count(b'"operationName":"GetChainedRecord"') == 20
    assert (tmp_path / "sealed").read_bytes().count(b'"operationName":"GetChainedRecord"') == 1
    assert read(tmp_path / "sealed").records == tuple(wire.records)


def test_a_cassette_of_many_records_has_an_index_and_the_same_triples(tmp_path: Path) -> None:
    source = journal(tmp_path / "s", session(300))
    seal(source, tmp_path / "sealed")

    kinds = {frame.kind for frame in unframe((tmp_path / "sealed").read_bytes())}
    with open_cassette(tmp_path / "sealed") as sealed:
        found = [stored.triple(sealed, n) for n in sealed.find("handle", "2990")]
    assert codec.CONTENTS in kinds
    assert found == [triple for triple in load_recording(source).triples if triple.keys["handle"] == "2990"]


def test_ids_with_halves_of_surrogate_pairs_are_kept(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    sent = b'{"operationName":"GetChainedRecord","referenceId":"\\ud800"}'
    desk.polls()
    wire.ack(wire.request("POST", "/api/v2/me/outbound-records/7", sent))
    pushed = b'[{"channel":"/v2/me/outbound","data":{"referenceId":"\\ud800"}},{"channel":"/\\udfff","data":1}]'
    wire.respond(wire.records[-2].exchange - 1, pushed)
    seal(journal(tmp_path / "s", wire.records), tmp_path / "sealed")

    with open_cassette(tmp_path / "sealed") as sealed:
        (n,) = sealed.find("reference", "\ud800")
        assert stored.triple(sealed, n) == load_recording(tmp_path / "s").triples[0]
    assert [finding.kind for finding in examine(tmp_path / "sealed")] == []


# What cannot be sealed


def test_a_torn_cassette_is_not_sealed_and_stays_as_it_is(source: Path) -> None:
    torn = source.read_bytes()[:-1]
    source.write_bytes(torn)

    with pytest.raises(CassetteError, match=r"has a torn tail: .*recover it first"):
        seal(source, source)

    assert [(path.name, path.read_bytes()) for path in source.parent.iterdir()] == [(source.name, torn)]


def test_a_damaged_cassette_is_not_sealed(source: Path, tmp_path: Path) -> None:
    data = bytearray(source.read_bytes())
    data[1000] ^= 1
    source.write_bytes(data)

    with pytest.raises(CassetteError, match="checksum"):
        seal(source, tmp_path / "sealed")
    assert not (tmp_path / "sealed").exists()


def test_a_cassette_that_is_being_recorded_is_not_sealed_in_its_place(tmp_path: Path) -> None:
    journal = create(tmp_path / "s", HEADER)
    before = (tmp_path / "s").read_bytes()

    with pytest.raises(UsageError, match="another recorder is writing it"):
        seal(tmp_path / "s", tmp_path / "s")

    journal.append([encode(replace(session()[0], seq=0))])
    journal.close()
    assert len(read(tmp_path / "s").records) == 1
    assert (tmp_path / "s").read_bytes().startswith(before)


_SEAL_UP_TO_A_LIMIT = """
import resource, sys
from pathlib import Path
from recorder.library.sealing import seal
from recorder.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    seal(Path(sys.argv[1]), Path(sys.argv[1]))
except OutputError as exc:
    print(exc)
"""


def test_a_disk_that_fills_up_while_sealing_is_told_and_the_cassette_stays(source: Path) -> None:
    before = source.read_bytes()

    done = subprocess.run(
        [sys.executable, "-c", _SEAL_UP_TO_A_LIMIT, source], capture_output=True, text=True, check=True
    )

    assert done.stdout == f"{source}: cannot be written: File too large; nothing was changed\n"
    assert [(path.name, path.read_bytes()) for path in source.parent.iterdir()] == [(source.name, before)]
