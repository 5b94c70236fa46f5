"""Cassettes that were damaged, killed, cut off by a full disk or made by an enemy: nothing that was written is
lost, and whoever reads them says what is wrong and never takes a wrong record for a right one.

Every byte of the smallest cassette is damaged, and every so many bytes of the others. With EVERY_BYTE=1 in the
environment it is every byte of all of them, in all three ways; that takes half an hour.
The kills are fifty then.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread

import pytest

from recorder.cassette import codec
from recorder.cassette.blocks import inside
from recorder.cassette.bodies import Remembered
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.frames import OVERHEAD, frame, unframe
from recorder.cassette.reader import open_cassette, parse, read
from recorder.cassette.repair.recover import LOST, recover
from recorder.diagnose.check import Level
from recorder.diagnose.doctor import examine
from recorder.errors import CassetteError
from recorder.library.recording import derive
from recorder.library.sealing import seal
from recorder.library.select import slice_records
from recorder.model import Note, Record, Response, Row
from tests.cassette.records import HEADER, ONE_OF_EACH
from tests.lab.processes import RECORDER, Server, recorder, serving

ROOT = Path(__file__).parents[2]
CASSETTES = ROOT / "cassettes"
EVERY_BYTE = bool(os.environ.get("EVERY_BYTE"))


@dataclass(frozen=True)
class Truth:
    """A sound cassette.

    Attributes:
        spans: Of each frame in the file: where it begins and ends, and the records in it.
        owners: By record: the record its body stands in.
    """

    data: bytes
    records: tuple[Record, ...]
    rows: tuple[Row, ...]
    spans: tuple[tuple[int, int, tuple[int, ...]], ...]
    owners: dict[int, int]

    def intact(self, begin: int, end: int) -> set[int]:
        """The records that must survive when the bytes from `begin` to `end` are damaged or gone."""
        whole = {seq for first, last, seqs in self.spans for seq in seqs if last <= begin or first >= end}
        return {seq for seq in whole if self.owners[seq] in whole}


@cache
def truth(name: str) -> Truth:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.cassette"
        source = CASSETTES / "get-chained-record.cassette"
        if name == "smallest":
            path.write_bytes(encode_header(HEADER) + b"".join(map(encode, ONE_OF_EACH)))
        elif name == "slice":
            whole = parse((CASSETTES / "preview-session.cassette").read_bytes())
            recording = derive(whole)
            records = slice_records(whole, recording, recording.triples[2:4])
            path.write_bytes(encode_header(whole.header) + b"".join(map(encode, records)))
        elif name == "journal":
            path.write_bytes(source.read_bytes())
        else:
            seal(source, path, archive=name == "archive")
        rows: tuple[Row, ...] = ()
        if name in ("sealed", "archive"):
            with open_cassette(path) as sealed:
                rows = tuple(sealed.row(n) for n in range(1, sealed.stored + 1))
        data = path.read_bytes()
    spans, owners = anatomy(data)
    return Truth(data, parse(data).records, rows, tuple(spans), owners)


def anatomy(data: bytes) -> tuple[list[tuple[int, int, tuple[int, ...]]], dict[int, int]]:
    spans: list[tuple[int, int, tuple[int, ...]]] = []
    owners: dict[int, int] = {}
    bodies = Remembered("truth")

    def body(seq: int) -> bytes:
        named.append(seq)
        return bodies.body(seq)

    for outer in unframe(data):
        seqs: list[int] = []
        for found in inside(outer, path="truth"):
            named: list[int] = []
            record = codec.decode(found, path="truth", body_of=body) if found.kind in codec.FACTS else None
            if record is not None:
                seqs.append(record.seq)
                owners[record.seq] = named[0] if named else record.seq
                bodies.feed(record)
        spans.append((outer.offset, outer.offset + OVERHEAD + len(outer.body), tuple(seqs)))
    return spans, owners


def wrong(original: Truth, data: bytes, begin: int, end: int, path: Path) -> Iterator[str]:
    """What readers, doctor and recovery make wrong of a damaged file."""
    path.write_bytes(data)
    unseen = data != original.data and begin < len(data)  # a cut between two frames cannot be seen in a journal
    try:
        cassette = parse(data)
        if cassette.records != original.records[: len(cassette.records)]:
            yield "reading gives a wrong record"
        if unseen and cassette.torn is None:
            yield "reading does not see the damage"
    except CassetteError:
        pass
    yield from _wrong_look_ups(original, path)
    try:
        if unseen and not any(finding.level is Level.DAMAGE for finding in examine(path)):
            yield "the doctor does not see the damage"
    except CassetteError:
        pass
    yield from _wrong_recovery(original, path, original.intact(begin, end))


def _wrong_look_ups(original: Truth, path: Path) -> Iterator[str]:
    with suppress(CassetteError), open_cassette(path) as sealed:
        assert len(sealed.checksum) == 32  # which needs an index, or there is nothing to look up
        for record in original.records:
            try:
                if sealed.record(record.seq) != record:
                    yield f"looking up gives a wrong record {record.seq}"
            except CassetteError:
                pass
        for row in original.rows:
            try:
                if sealed.row(row.n) != row:
                    yield f"looking up gives a wrong triple {row.n}"
            except CassetteError:
                pass


def _wrong_recovery(original: Truth, path: Path, intact: set[int]) -> Iterator[str]:
    target = path.with_name("recovered")
    try:
        recover(path, target, force=True)
    except CassetteError as exc:
        if intact:
            yield f"not recovered: {exc}"
        return
    records = parse(target.read_bytes()).records
    kept = {record.seq for record in records if not (isinstance(record, Note) and record.kind == LOST)}
    if any(record != original.records[record.seq] for record in records if record.seq in kept):
        yield "a wrong record was recovered"
    if not intact <= kept:
        yield f"not recovered: {sorted(intact - kept)}"
    bad = [finding for finding in examine(target) if finding.level is not Level.REMARK]
    if bad:
        yield f"what was recovered is not sound: {bad}"


def outcomes(name: str, way: str, stride: int, path: Path) -> dict[int, list[str]]:
    """All that is wrong, by the place of the damage."""
    original = truth(name)
    found: dict[int, list[str]] = {}
    for place in range(0, len(original.data), 1 if EVERY_BYTE else stride):
        if way == "cut":
            data, end = original.data[:place], len(original.data)
        else:
            flip = 0xFF if way == "all bits" else 1 << place % 8
            data, end = (
                original.data[:place] + bytes([original.data[place] ^ flip]) + original.data[place + 1 :],
                place + 1,
            )
        problems = list(wrong(original, data, place, end, path)) if data else []
        if problems:
            found[place] = problems
    return found


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk that syncs in no time, where there is one."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.timeout(0 if EVERY_BYTE else 120)
@pytest.mark.parametrize("way", ["cut", "one bit", "all bits"])
@pytest.mark.parametrize(
    ("name", "stride"), [("smallest", 1), ("archive", 29), ("journal", 97), ("sealed", 97), ("slice", 211)]
)
def test_damage_is_seen_and_costs_no_more_than_the_frame_it_is_in(
    name: str, stride: int, way: str, memory: Path
) -> None:
    assert outcomes(name, way, stride, memory / "damaged") == {}


# Killed


_RECORD = """
import itertools, sys
from pathlib import Path
from recorder.cassette.codec import encode
from recorder.cassette.journal import create, resume
from recorder.cassette.writer import Writer
from tests.cassette.records import HEADER
from tests.integration.test_durability import synthetic

path = Path(sys.argv[1])
first = 0
if path.exists():
    journal, end = resume(path)
    first = end.seq
else:
    journal = create(path, HEADER)
writer = Writer(journal)
for n in itertools.count(first):
    writer.put(encode(synthetic(n)))
    if n % 10 == 0:
        print(first + writer.written, flush=True)
"""


def synthetic(n: int) -> Record:
    """The record every round writes under this number."""
    return Response(n, n, n, 200, (("Content-Type", "application/json"),), b"x" * (n * 7919 % 3000))


def killed(path: Path, lines: int) -> int:
    """Let a child record until it has said `lines` times how much is written, kill it, and return what it said last."""
    command = [sys.executable, "-c", _RECORD, str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(lines)]
    child.kill()
    said += child.stdout.readlines()
    child.stdout.close()
    child.wait()
    return max(int(line) for line in said if line.endswith("\n"))


@pytest.mark.timeout(0 if EVERY_BYTE else 120)
def test_a_recorder_that_is_killed_again_and_again_loses_nothing_it_said_was_written(tmp_path: Path) -> None:
    random, path, lost = Random(1), tmp_path / "s.cassette", []
    before = 0
    for round_ in range(50 if EVERY_BYTE else 8):
        acknowledged = killed(path, random.randrange(1, 60))
        found = read(path).records
        if len(found) < max(acknowledged, before) or any(record != synthetic(record.seq) for record in found):
            lost.append((round_, acknowledged, len(found)))
        before = len(found)

    assert lost == []


@pytest.fixture
def upstream() -> Iterator[str]:
    """A server that answers everything."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one segment, or each answer waits for a delayed acknowledgement

        def do_GET(self) -> None:
            content = b'{"statusCode":0,"filler":"' + b"x" * 500 + b'"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def load(url: str, requests: int) -> int:
    """Ask one after the other; how many were answered."""
    host = url.removeprefix("http://")
    connection = HTTPConnection(host, timeout=10)
    answered = 0
    try:
        for number in range(requests):
            connection.request("GET", f"/{number}")
            answered += connection.getresponse().read() != b""
    except (OSError, HTTPException):
        pass  # the proxy is gone: that is what the test wants
    finally:
        connection.close()
    return answered


@pytest.mark.timeout(0 if EVERY_BYTE else 300)
def test_a_proxy_that_is_killed_under_load_goes_on_with_all_that_was_written(upstream: str, tmp_path: Path) -> None:
    path, random = tmp_path / "s.cassette", Random(2)
    kept: Sequence[Record] = ()
    for _ in range(50 if EVERY_BYTE else 2):
        with recorder("record", upstream, "-o", f"+{path}", "--no-redaction") as proxy:
            clients = [Thread(target=load, args=(proxy.url, 10_000)) for _ in range(4)]
            for client in clients:
                client.start()
            load(proxy.url, random.randrange(20, 60))
            proxy.process.kill()
            for client in clients:
                client.join()
        found = read(path).records
        assert found[: len(kept)] == kept
        assert len(found) >= len(kept) + 40  # a request and its answer are on the disk long before the next one
        kept = found
    seal_after_recovery(path, tmp_path)


def seal_after_recovery(path: Path, folder: Path) -> None:
    recover(path, folder / "good")
    seal(folder / "good", folder / "sealed")
    assert [finding for finding in examine(folder / "sealed") if finding.level is not Level.REMARK] == []


# A disk that is full


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Path, list[str]]]:
    """A folder with room for 64 KiB, and what a command begins with to have no more: a small disk, else a limit."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = shutil.which("mount") is not None and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], stderr=subprocess.DEVNULL
    )
    try:
        yield folder, [] if mounted else ["bash", "-c", 'ulimit -f 64; exec "$0" "$@"']
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)


@contextmanager
def recording(upstream: str, small: tuple[Path, list[str]], *options: str) -> Iterator[Server]:
    folder, prefix = small
    command = [*prefix, RECORDER, "record", upstream, "-o", str(folder / "s.cassette"), "--no-redaction", *options]
    with serving(command, ready="listening on ") as server:
        yield server


def test_a_full_disk_stops_the_proxy_with_one_clear_message(upstream: str, small: tuple[Path, list[str]]) -> None:
    with recording(upstream, small) as server:
        answered = load(server.url, 200)
        server.process.wait(20)

    told = [line for line in server.stderr.splitlines() if "writing failed" in line]
    assert server.code == 4
    assert len(told) == 1
    assert re.search(r"(No space left on device|File too large); \d+ records are safe", told[0])
    assert "Traceback" not in server.stderr
    assert answered < 200
    safe = int(re.findall(r"(\d+) records are safe", told[0])[0])
    found = read(small[0] / "s.cassette")
    assert (found.torn, len(found.records) >= safe > 50) == (None, True)


def test_a_full_disk_lets_traffic_pass_if_that_was_asked_for(upstream: str, small: tuple[Path, list[str]]) -> None:
    with recording(upstream, small, "--on-full", "pass") as server:
        answered = load(server.url, 200)

    assert (answered, server.code) == (200, 4)
    assert server.stderr.count("UNRECORDED") == 1
    found = read(small[0] / "s.cassette")
    assert (found.torn, len(found.records) > 50) == (None, True)


# Hostile


_READ_ALL = """
import os, resource, sys, time
from pathlib import Path
from recorder.errors import CassetteError
from tests.fuzz.fuzz_cassette import TARGETS, peak

def read(path):
    for number, target in enumerate(TARGETS):
        start = time.monotonic()
        try:
            target(path)
        except CassetteError:
            pass
        except BaseException as exc:
            print(path.stem, number, repr(exc)[:200], flush=True)
        if time.monotonic() - start > 10:
            print(path.stem, number, time.monotonic() - start, "seconds", flush=True)
    if peak() > 300 << 20:
        print(path.stem, peak() >> 20, "MB", flush=True)

shared = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()  # what the libraries map
resource.setrlimit(resource.RLIMIT_AS, (shared + (300 << 20), resource.RLIM_INFINITY))
for path in sorted(Path(sys.argv[1]).glob("*.hostile")):
    if os.fork() == 0:
        read(path)
        os._exit(0)
    os.wait()
"""


def bomb(raw: bytes) -> bytes:
    """A block of what any writer may put in one."""
    zstd = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    return codec.encode_value(codec.BLOCK, [len(raw), bytes(zstd.compress(raw))])


def hostile() -> dict[str, bytes]:
    """Files that were made to hurt a reader."""
    start = encode_header(replace(HEADER, profile="archive"))
    end = codec.encode_value(codec.END, bytes(40))
    first = encode(ONE_OF_EACH[0])
    bodies = {
        "deep": b"\x91" * 1_000_000,
        "deep-maps": b"\x81\xa0" * 500_000,
        "giant-array": b"\xdd\xff\xff\xff\xff",
        "giant-map": b"\xdf\xff\xff\xff\xff",
        "claims": b"\xdc\x10\x00" * 300_000,
        "empty-lists": b"\xdc\x0f\xa0" + (b"\xdc\x10\x00" + b"\x90" * 4096) * 4000,
        "empty-maps": b"\xdc\x0f\xa0" + (b"\xdc\x10\x00" + b"\x80" * 4096) * 4000,
        "nothings": b"\xdc\x0f\xa0" + (b"\xdc\x10\x00" + b"\xc0" * 4096) * 4000,
    }
    files = {name: start + frame(2, body) + end for name, body in bodies.items()}
    files |= {f"contents-{name}": start + frame(codec.CONTENTS, body) + end for name, body in bodies.items()}
    files |= {f"triple-{name}": start + frame(codec.TRIPLE, body) + end for name, body in bodies.items()}
    note, answer = ONE_OF_EACH[7], ONE_OF_EACH[1]
    numbers = (-1, 1, 1000, 2**31, 2**53, 2**63 - 1, 2**64 - 1)
    files |= {f"seq-{n}": start + first + encode(replace(note, seq=n)) + encode(note) + end for n in numbers}
    files |= {f"time-{n}": start + encode(replace(answer, seq=0, t=n)) + end for n in numbers}
    files |= {f"started-{n}": encode_header(replace(HEADER, started=n)) + first for n in numbers}
    files |= {f"body-{n}": start + encode(replace(answer, seq=0), same_body_as=n) + end for n in numbers}
    lengths = (0, 1, 1 << 20, 64 << 20, (64 << 20) + 1, 0xFFFFFFFF)
    files |= {f"length-{n}": start + first + b"\x94\x02\xce" + n.to_bytes(4, "big") for n in lengths}
    big = encode(replace(answer, seq=0, body=bytes(64 << 20 >> 1)))
    files["bomb"] = start + bomb(big) + end
    files["bombs"] = start + bomb(bytes(1 << 20)) * 1000 + end
    filled = [encode(replace(answer, seq=n, body=bytes(60_000) + str(n).encode())) for n in range(5000)]
    files["bombs-of-records"] = start + b"".join(map(bomb, filled)) + end
    junk = b"\xdd\x00\x00\x0f\xa0" + (b"\xdc\x10\x00" + b"\x90" * 4096) * 250
    files["leaks"] = start + b"".join(bomb(frame(2, junk + bytes([n]))) for n in range(50)) + end
    files["leaks-in-maps"] = start + b"".join(bomb(frame(2, b"\x83\xa0" + junk + bytes([n]))) for n in range(50)) + end
    files["leaks-of-text"] = start + b"".join(frame(2, junk[: 1 << 20] + b"\xa1\xff") for n in range(50)) + end
    files["block-in-block"] = start + bomb(bomb(bomb(first))) + end
    files["heads"] = start + b"\x94\x02\xce\x00\x00\x00\x00" * 100_000
    files["gap"] = start + first + encode(replace(note, seq=999_000)) + end
    return files


@pytest.mark.timeout(300)
def test_hostile_files_cost_neither_memory_nor_time_and_nothing_but_an_error(tmp_path: Path) -> None:
    for name, data in hostile().items():
        (tmp_path / f"{name}.hostile").write_bytes(data)

    done = subprocess.run(
        [sys.executable, "-c", _READ_ALL, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
