"""The commands that make, mend and cut cassettes, as a user calls them; and how `record` begins, goes on and ends."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from recorder.cassette.codec import encode, encode_header, encode_rules
from recorder.cassette.journal import create
from recorder.cassette.reader import read
from recorder.cli import main
from recorder.diagnose.check import Level
from recorder.diagnose.doctor import examine
from recorder.library.recording import load_recording
from recorder.model import Request
from tests.lab.processes import RECORDER, recorder
from tests.replay.stage import Stage
from tests.wire import HEADER, Wire, body, chained, done

CASSETTES = Path(__file__).parents[2] / "cassettes"
PREVIEW = CASSETTES / "preview-session.cassette"
SMALL = CASSETTES / "get-chained-record.cassette"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def run_apart(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: mitmproxy warns of itself when it is imported."""
    command = [RECORDER, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def fails(code: int, *words: str, by: Result | subprocess.CompletedProcess[str]) -> None:
    """It ended with this code, nothing on stdout and one clear line."""
    assert (by.exit_code if isinstance(by, Result) else by.returncode, by.stdout) == (code, ""), by.stderr
    assert all(word in by.stderr.splitlines()[-1] for word in words), by.stderr


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "s.cassette"
    path.write_bytes(SMALL.read_bytes())
    return path


@pytest.fixture
def torn(small: Path) -> Path:
    small.write_bytes(small.read_bytes()[:-5])
    return small


@pytest.fixture
def damaged(small: Path) -> Path:
    data = bytearray(small.read_bytes())
    data[3000] ^= 1
    small.write_bytes(data)
    return small


# seal


def test_seal_replaces_the_file_and_says_so(small: Path) -> None:
    facts = read(small).records

    result = run("seal", small)

    assert (result.exit_code, result.stdout) == (0, "")
    assert re.search(r"s\.cassette: sealed, \d+ bytes before, \d+ now", result.stderr)
    assert (read(small).header.profile, read(small).records) == ("sealed", facts)


@pytest.mark.parametrize("option", [[], ["--archive"]])
def test_seal_into_another_file_leaves_the_first(small: Path, tmp_path: Path, option: list[str]) -> None:
    result = run("seal", small, "-o", tmp_path / "new", *option)

    assert result.exit_code == 0
    assert read(small).header.profile == "journal"
    assert read(tmp_path / "new").header.profile == ("archive" if option else "sealed")


def test_every_command_reads_sealed_cassettes(small: Path) -> None:
    listed = [run("ls", small, "--json").stdout, run("show", small, "1").stdout, run("textconv", small).stdout]
    run("seal", small, "--archive")

    assert [run("ls", small, "--json").stdout, run("show", small, "1").stdout, run("textconv", small).stdout] == listed


def test_seal_does_not_overwrite(small: Path) -> None:
    (small.parent / "there").write_bytes(b"precious")

    fails(2, "exists already", "--force", by=run("seal", small, "-o", small.parent / "there"))


def test_seal_of_a_torn_file_says_what_to_do(torn: Path) -> None:
    before = torn.read_bytes()

    fails(4, "torn tail", "recover it first", by=run("seal", torn))
    assert torn.read_bytes() == before


def test_seal_of_a_file_that_is_being_recorded_is_refused(tmp_path: Path) -> None:
    journal = create(tmp_path / "s", HEADER)

    fails(2, "another recorder is writing it", by=run("seal", tmp_path / "s"))
    journal.close()


# doctor


@pytest.mark.parametrize("path", [SMALL, PREVIEW])
def test_doctor_of_a_sound_cassette_ends_with_0(path: Path) -> None:
    result = run("doctor", path)

    assert result.exit_code == 0
    assert all(line == "sound" or line.startswith("remark: ") for line in result.stdout.splitlines())


def test_doctor_of_a_damaged_cassette_ends_with_4_and_names_the_place(damaged: Path) -> None:
    result = run("doctor", damaged)

    assert result.exit_code == 4
    assert re.search(r"^damage: damaged at byte \d+: \d+ bytes are not an intact frame$", result.stdout, re.MULTILINE)
    assert "recorder recover saves what is intact" in result.stderr


def test_doctor_of_a_cassette_that_cannot_be_ends_with_1(tmp_path: Path) -> None:
    wire = Wire()
    wire.respond(7, b"")
    (tmp_path / "s").write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))

    result = run("doctor", tmp_path / "s", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == [
        {
            "level": "problem",
            "kind": "orphan-ack",
            "where": "record 0",
            "text": "its request is missing, or has its answer already",
        }
    ]


# recover


def test_recover_saves_what_is_intact_beside_the_file(damaged: Path, tmp_path: Path) -> None:
    result = run("recover", damaged)

    assert result.exit_code == 0
    assert re.search(r"s\.cassette\.recovered: 16 records kept, 1 lost, \d+ bytes skipped", result.stderr)
    assert run("doctor", tmp_path / "s.cassette.recovered").exit_code == 0


def test_recover_of_a_damaged_header_says_what_is_unknown(small: Path) -> None:
    small.write_bytes(b"\x00" + small.read_bytes()[1:])

    result = run("recover", small)

    assert (result.exit_code, "the header was damaged" in result.stderr) == (0, True)


def test_recover_of_what_is_no_cassette(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")

    fails(4, "no intact frame", by=run("recover", tmp_path / "text"))


@pytest.mark.parametrize("archive", [[], ["--archive"]])
def test_recover_of_a_sealed_file_gives_a_journal(small: Path, tmp_path: Path, archive: list[str]) -> None:
    facts = read(small).records
    run("seal", small, *archive)
    small.write_bytes(small.read_bytes()[:-1])

    assert run("recover", small, "-o", tmp_path / "new").exit_code == 0
    assert (read(tmp_path / "new").header.profile, read(tmp_path / "new").records) == ("journal", facts)


# merge, slice, migrate, textconv


def test_merge_puts_cassettes_together(tmp_path: Path) -> None:
    result = run("merge", SMALL, PREVIEW, SMALL, "-o", tmp_path / "day.cassette")

    assert result.exit_code == 0
    assert len(load_recording(tmp_path / "day.cassette").triples) == 8
    assert run("doctor", tmp_path / "day.cassette").exit_code == 0


@pytest.mark.parametrize("command", ["merge", "slice"])
def test_a_torn_cassette_is_used_up_to_the_tear_with_a_warning(command: str, torn: Path, tmp_path: Path) -> None:
    result = run(command, torn, "-o", tmp_path / "new")

    assert result.exit_code == 0
    assert "warning" in result.stderr
    assert "ends inside a frame" in result.stderr


@pytest.mark.parametrize("command", ["merge", "slice"])
def test_an_output_that_exists_is_not_overwritten(command: str, small: Path) -> None:
    (small.parent / "there").write_bytes(b"precious")

    fails(2, "exists already", by=run(command, small, "-o", small.parent / "there"))


@pytest.mark.parametrize("command", ["merge", "slice", "textconv", "migrate", "seal"])
def test_a_damaged_cassette_is_not_worked_on(command: str, damaged: Path, tmp_path: Path) -> None:
    if command == "migrate":
        damaged.write_bytes(b"\x94" * 100)
    output = [] if command == "textconv" else ["-o", tmp_path / "new"]

    assert run(command, damaged, *output).exit_code == 4
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--triples", "3-5"], 3),
        (["--triples", "1,6"], 2),
        (["--operation", "GetChainedRecord"], 1),
        (["--handle", "1001"], 3),
        (["--reference", "desk-3"], 1),
        (["--session", "s1"], 6),
        (["--handle", "1001", "--triples", "1-3"], 1),
        ([], 6),
    ],
)
def test_slice_takes_the_triples_that_fit(options: list[str], count: int, tmp_path: Path) -> None:
    result = run("slice", PREVIEW, *options, "-o", tmp_path / "new")

    assert f"{count} of 6 triples" in result.stderr
    assert len(load_recording(tmp_path / "new").triples) == count
    assert run("doctor", tmp_path / "new").exit_code == 0


def test_slice_of_nothing_ends_with_5(tmp_path: Path) -> None:
    fails(5, "no triple fits", by=run("slice", PREVIEW, "--handle", "9", "-o", tmp_path / "new"))


@pytest.mark.parametrize("numbers", ["x", "1-", "-1", "1,,2", "1-x", "", "²"])
def test_slice_with_numbers_that_are_none(numbers: str, tmp_path: Path) -> None:
    fails(2, "is not a list of numbers", by=run("slice", PREVIEW, f"--triples={numbers}", "-o", tmp_path / "new"))


def test_migrate_of_a_current_cassette_has_nothing_to_do(small: Path, tmp_path: Path) -> None:
    current = tmp_path / "current"
    run("migrate", small, "-o", current)
    result = run("migrate", current)
    copied = run("migrate", current, "-o", tmp_path / "new")

    assert (result.exit_code, "nothing to do" in result.stderr) == (0, True)
    assert not current.with_name(f"{current.name}.migrated").exists()
    assert (copied.exit_code, (tmp_path / "new").read_bytes()) == (0, current.read_bytes())


def test_migrate_of_an_old_cassette_writes_the_current_format(tmp_path: Path) -> None:
    old = Path(__file__).parents[1] / "vectors" / "v1" / "sealed.cassette"

    result = run("migrate", old, "-o", tmp_path / "new")

    assert result.exit_code == 0
    assert "converted from format 1 to 2" in result.stderr
    assert run("ls", tmp_path / "new").stdout == run("ls", old).stdout


def test_migrate_of_a_newer_cassette_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(encode_header(replace(HEADER, format=3)))

    fails(4, "written in format 3", "upgrade", by=run("migrate", tmp_path / "s"))


def test_textconv_prints_the_session() -> None:
    result = run("textconv", PREVIEW)

    assert result.stdout.splitlines()[:3:2] == [
        "cassette of gws-outbound, redaction gws", "triple 1 StartPreviewSession: complete",
    ]  # fmt: skip


# record


@pytest.fixture
def upstream() -> Iterator[str]:
    """A small GWS: handshakes, subscriptions, and one event for each operation at the next poll."""
    events: list[bytes] = []

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            content = self.answer(asked)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def answer(self, asked: dict[str, str]) -> bytes:
            if "operationName" in asked:
                events.append(body(done(7, asked["referenceId"])))
                return body({"statusCode": 0, "filler": "x" * 300})
            reply = {"channel": asked["channel"], "successful": True, "clientId": "client-1"}
            if asked["channel"] == "/meta/subscribe":
                reply["subscription"] = asked["subscription"]
            pushed, events[:] = b"".join(event + b"," for event in events), []
            return b"[" + pushed + body(reply) + b"]"

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Desktop:
    """A Bayeux client that keeps its session."""

    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
        self._numbers = count(1)

    def starts(self) -> None:
        self.asks("/api/v2/notifications", {"channel": "/meta/handshake"})
        self.asks(
            "/api/v2/notifications", {"channel": "/meta/subscribe", "clientId": "client-1", "subscription": "/**"}
        )

    def works(self) -> None:
        """One operation and the poll that brings its event."""
        self.asks(chained(7).target, chained(7, f"r{next(self._numbers)}").content)
        self.asks("/api/v2/notifications", {"channel": "/meta/connect", "clientId": "client-1"})

    def asks(self, target: str, content: object) -> None:
        self._connection.request("POST", target, body(content))
        assert self._connection.getresponse().read()

    def leaves(self) -> None:
        self._connection.close()


def record(upstream: str, output: str, rounds: int, *options: str) -> str:
    """Record a desktop for some operations; what was said."""
    with recorder("record", upstream, "-o", output, *options) as server:
        desktop = Desktop(server.url)
        desktop.starts()
        for _ in range(rounds):
            desktop.works()
        desktop.leaves()
    assert server.code == 0, server.stderr
    return server.stderr


def test_a_capture_goes_on_in_the_same_file(upstream: str, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    record(upstream, f"+{path}", 2)
    first = read(path).records
    path.write_bytes(path.read_bytes() + b"\x94\x02\xce\x00")

    record(upstream, f"+{path}", 3)

    found = read(path)
    exchanges = [record.exchange for record in found.records if isinstance(record, Request)]
    assert (found.torn, found.records[: len(first)]) == (None, first)
    assert [record.t for record in found.records] == sorted(record.t for record in found.records)
    assert len(set(exchanges)) == len(exchanges) == 2 * 2 + 5 * 2
    assert len(load_recording(path).triples) == 5
    assert [finding for finding in examine(path) if finding.level is not Level.REMARK] == []


def test_a_merged_cassette_goes_on_with_numbers_of_its_own(upstream: str, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    late = Wire()
    late.wait(100)
    late.ack(late.desk().post(chained(7, "late")))
    (tmp_path / "late").write_bytes(encode_header(HEADER) + b"".join(map(encode, late.records)))
    early = Wire()
    early.ack(early.desk().post(chained(7, "early")))
    (tmp_path / "early").write_bytes(encode_header(HEADER) + b"".join(map(encode, early.records)))
    assert run("merge", tmp_path / "late", tmp_path / "early", "-o", path).exit_code == 0

    record(upstream, f"+{path}", 1, "--no-redaction")

    exchanges = [record.exchange for record in read(path).records if isinstance(record, Request)]
    assert len(set(exchanges)) == len(exchanges)


def test_a_sealed_cassette_does_not_go_on(upstream: str, small: Path) -> None:
    run("seal", small)
    before = small.read_bytes()

    fails(2, "is sealed, no record can be added", by=run_apart("record", upstream, "-o", f"+{small}"))
    assert small.read_bytes() == before


def test_a_damaged_cassette_does_not_go_on(upstream: str, damaged: Path) -> None:
    fails(4, "checksum", by=run_apart("record", upstream, "-o", f"+{damaged}"))


def test_two_captures_into_one_file_are_refused(upstream: str, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    with recorder("record", upstream, "-o", path):
        fails(2, "another recorder is writing it", by=run_apart("record", upstream, "-o", f"+{path}"))
        fails(2, "another recorder is writing it", by=run_apart("record", upstream, "-o", path, "--force"))


def parts(path: Path) -> list[Path]:
    return [path, *(found for n in range(2, 99) if (found := path.with_name(f"{path.stem}-{n}{path.suffix}")).exists())]


def header_size(path: Path) -> int:
    """Bytes of the header and of the dialect that may follow it: no traffic, which the size of a part limits."""
    header = read(path).header
    return len(encode_header(header)) + len(encode_rules(header.dialect, header.dialect_text))


def assert_each_part_stands_alone(found: list[Path], rounds: int) -> None:
    acked, events = [], []
    for path in found:
        recording = load_recording(path)
        whole = [t for t in recording.triples if t.ack is not None and t.events]
        stage = Stage(recording)
        desk = stage.desk()
        desk.listens()
        for triple in whole:
            desk.sends("POST", triple.request.target, triple.request.body)
        assert [finding for finding in examine(path) if finding.level is not Level.REMARK] == []
        assert {t.session for t in recording.triples} <= {"s1"}
        assert {pushed.session for pushed in recording.unsolicited} <= {"s1"}
        assert stage.misses == []
        assert {t.keys["reference"] for t in whole} <= set(desk.references)
        acked += [t.keys["reference"] for t in recording.triples if t.ack is not None]
        # without a quiet moment a part may end between an operation and its event
        events += [pushed.event.data["referenceId"] for pushed in recording.unsolicited]
        events += [t.keys["reference"] for t in whole]
    assert acked == events == [f"r{n}" for n in range(1, rounds + 1)]


def test_each_part_of_a_capture_stands_alone(upstream: str, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"

    record(upstream, str(path), 30, "--max-size=4K")

    found = parts(path)
    assert len(found) > 2
    assert all(part.stat().st_size - header_size(part) < 4096 * 1.25 + 1500 for part in found)
    assert_each_part_stands_alone(found, 30)


def test_a_capture_goes_on_in_a_new_file_after_some_time(upstream: str, tmp_path: Path) -> None:
    path, rounds = tmp_path / "s.cassette", 0
    with recorder("record", upstream, "-o", path, "--max-duration=0.2") as server:
        desktop = Desktop(server.url)
        desktop.starts()
        while len(parts(path)) < 3 and rounds < 2000:
            desktop.works()
            rounds += 1
        desktop.leaves()

    assert len(parts(path)) >= 3
    assert_each_part_stands_alone(parts(path), rounds)


@pytest.mark.parametrize("size", ["0", "-1", "1T", "x", "", "0K", "1.5M", "9999999999999"])
def test_a_size_that_is_none_is_refused(size: str, tmp_path: Path) -> None:
    fails(2, "is not a size", by=run("record", "http://127.0.0.1:9", "-o", tmp_path / "s", f"--max-size={size}"))


@pytest.mark.parametrize("seconds", ["0", "-1", "x"])
def test_a_duration_that_is_none_is_refused(seconds: str, tmp_path: Path) -> None:
    fails(
        2, "--max-duration", by=run("record", "http://127.0.0.1:9", "-o", tmp_path / "s", f"--max-duration={seconds}")
    )
