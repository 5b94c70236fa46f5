from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from recorder.cassette.codec import SEALED, encode, encode_header
from recorder.cassette.reader import open_cassette
from recorder.cli.group import _exit
from recorder.cli.jobs import blocks, mapped
from recorder.correlate.engine import Correlator
from recorder.dialect.carried import dialect_of
from recorder.errors import CassetteError, WorkerError
from recorder.library.sealing import write_sealed
from recorder.model import Chunk, Header, Note, Record, Request, Response
from tests.cli.test_cassettes import run

HEADER = Header(0, "http://gws.example", "gws-outbound", "gws")
BODY = b"a body that is long enough for a later record to name it instead of writing it again"
STREAM = (("Content-Type", "text/event-stream"),)
RECORDS: list[Record] = [
    Request(0, 0, 1, "c", "GET", "/events", (), b""),
    Response(1, 1, 1, 200, STREAM, b"", streamed=True),
    Request(2, 2, 2, "c", "POST", "/a", (), BODY),
    Response(3, 3, 2, 200, (), BODY),
    Chunk(4, 4, 1, b"data: 1\n\n", False),
    Request(5, 5, 3, "c", "POST", "/a", (), BODY),
    Response(6, 6, 3, 200, (), BODY),
    Chunk(7, 7, 1, b"data: 2\n\n", True),
]


def doubler(by: int) -> Callable[[int], int]:
    return lambda number: by * number


def broken(by: int) -> Callable[[int], int]:
    def fail(number: int) -> int:
        if number == by:
            raise CassetteError("a.cassette", "is damaged", offset=number, hint="try another")
        return number

    return fail


def killer(by: int) -> Callable[[int], int]:
    def kill(number: int) -> int:
        if number == by:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    return kill


@pytest.fixture(params=["journal", "sealed"])
def cassette(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "a.cassette"
    with path.open("wb") as file:
        if request.param == "journal":
            file.write(encode_header(HEADER) + b"".join(map(encode, RECORDS)))
        else:
            header = Header(0, "http://gws.example", "gws-outbound", "gws", profile=SEALED)
            write_sealed(file, header, iter(RECORDS), Correlator(dialect_of(header)), tmp_path)
    return path


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("items", [[], [1], [1, 2, 3, 4, 5, 6, 7]])
def test_results_come_in_the_order_of_their_items(items: list[int], jobs: int) -> None:
    assert list(mapped(doubler, (3,), items, jobs)) == [3 * item for item in items]


def told() -> Callable[[object], str]:
    return repr


@pytest.mark.parametrize("jobs", [1, 2])
def test_items_may_be_none_or_empty(jobs: int) -> None:
    assert list(mapped(told, (), [None, 0, None, ()], jobs)) == ["None", "0", "None", "()"]


def test_error_of_a_worker_comes_whole_after_the_results_before_it() -> None:
    results = mapped(broken, (3,), [1, 2, 3, 4, 5], 2)

    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(CassetteError, match=r"a\.cassette, byte 3: is damaged \(try another\)"):
        next(results)


@pytest.mark.timeout(30)
def test_killed_worker_ends_the_work_with_an_error() -> None:
    """The commands raise on SIGTERM, by which a pool ends its other workers."""
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        with pytest.raises(WorkerError, match="--jobs 1"):
            list(mapped(killer, (2,), range(50), 2))
    finally:
        signal.signal(signal.SIGTERM, before)


ENDLESS = """
import time
from recorder.cli.jobs import mapped
def sleeper(): return time.sleep
for _ in mapped(sleeper, (), [0.1] * 10_000, 2): print("worked", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_end_with_the_process_that_they_work_for() -> None:
    with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "worked\n"
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert len(workers) == 2
    assert [worker for worker in workers if Path(f"/proc/{worker}").exists()] == []


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("intact", [[], [1], [1, 2], [1, 2, 3]])
def test_error_of_the_items_comes_after_the_results_before_it(intact: list[int], jobs: int) -> None:
    def items() -> Iterator[int]:
        yield from intact
        raise CassetteError("a.cassette", "is cut off")

    results = mapped(doubler, (1,), items(), jobs)

    assert list(islice(results, len(intact))) == intact
    with pytest.raises(CassetteError, match="is cut off"):
        next(results)


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_blocks_hold_all_records_in_order(cassette: Path, most: int) -> None:
    with open_cassette(cassette) as opened:
        expected = list(opened.records())
        found = [record for block in blocks(cassette, opened, most=most) for record in block.records()]

    assert found == expected == RECORDS


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_records_are_picked_from_blocks(cassette: Path, most: int) -> None:
    with open_cassette(cassette) as opened:
        found = [record for block in blocks(cassette, opened, most=most) for record in block.picked({1, 3, 6})]

    assert found == [RECORDS[1], RECORDS[3], RECORDS[6]]


def test_block_knows_the_streams_that_began_before_it(cassette: Path) -> None:
    with open_cassette(cassette) as opened:
        first, *later = [dict(block.streams) for block in blocks(cassette, opened, most=2)]

    assert first == {}
    assert later
    assert all(streams == {1: "text/event-stream"} for streams in later)


def _asked(seq: int, body: bytes) -> Request:
    return Request(seq, seq, seq, "c", "POST", "/a", (), body)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a journal of two blocks, whose last record names a value that stands in a text of the first one."""
    path = tmp_path_factory.mktemp("many") / "many.cassette"
    records: list[Record] = [_asked(0, b'{"note":"call with tok-Ab12Cd34Ef"}')]
    records += [Note(n, n, "mark", "x") for n in range(1, 8_200)]
    records += [_asked(n, b'{"phone":"+49 351 %07d"}' % n) for n in range(8_200, 8_220)]
    records.append(_asked(8_220, b'{"password":"tok-Ab12Cd34Ef"}'))
    path.write_bytes(encode_header(replace(HEADER, redaction="none")) + b"".join(map(encode, records)))
    return path


@pytest.fixture(scope="module")
def redacted(many: Path) -> dict[int, Path]:
    made = {jobs: many.with_name(f"by-{jobs}.cassette") for jobs in (1, 2)}
    for jobs, path in made.items():
        told = run("redact", many, "-o", path, "--redaction-key-file", many.with_name("key"), "--jobs", str(jobs))
        assert told.exit_code == 0
    return made


def test_number_of_processes_changes_no_byte(redacted: dict[int, Path]) -> None:
    assert redacted[1].read_bytes() == redacted[2].read_bytes()


def test_value_that_a_later_block_names_is_replaced_in_the_first_one(redacted: dict[int, Path]) -> None:
    assert b"tok-Ab12Cd34Ef" not in redacted[2].read_bytes()


def test_scan_by_several_processes_finds_the_same_in_the_same_order(many: Path) -> None:
    alone, together = (run("scan", many, "--jobs", jobs) for jobs in ("1", "2"))

    assert alone.stdout == together.stdout
    assert len(alone.stdout.splitlines()) > 20


def garbage(_: int) -> Callable[[int], tuple[int, int, int]]:
    return lambda _: gc.get_threshold()


def test_processes_that_start_afresh_work_as_this_one_does() -> None:
    before = gc.get_threshold()
    gc.set_threshold(12_345)
    try:
        found = list(mapped(garbage, (0,), range(3), 2, afresh=True))
    finally:
        gc.set_threshold(*before)

    assert {first for first, *_ in found} == {12_345}
    assert list(mapped(doubler, (2,), range(5), 2, afresh=True)) == [0, 2, 4, 6, 8]
