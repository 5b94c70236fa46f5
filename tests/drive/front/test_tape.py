import asyncio
import json
import time
from threading import Event

import pytest

from recorder.capture.mitm.capture import Settings
from recorder.cassette.reader import open_cassette
from recorder.cassette.writer import Fsync
from recorder.dialect.definition import load as load_dialect
from recorder.drive.front.tape import Tape
from recorder.errors import CaptureError, UsageError
from recorder.library.recording import load_recording
from recorder.model import Note, Request
from recorder.redaction.policy import load as load_policy
from recorder.redaction.redactor import Redactor
from tests.costs import MOST_RUNS

BODY = b'{"operationName":"GetChainedRecord","referenceId":"7","userData":{"phone":"+4930123456"}}'
HEADERS = (("Content-Type", "application/json"), ("Authorization", "Basic c2VjcmV0OnNlY3JldA=="))


def tape(path, **more):
    dialect = load_dialect("gws-outbound")
    return Tape(path, upstream="http://staging.example", dialect=dialect, policy=load_policy(), **more)


def record(path, **more):
    async def run():
        made = tape(path, **more)
        made.open()
        made.open()
        target = "/api/v2/me/outbound-records/7"
        made.request("0", 10**9, connection="s1", method="POST", target=target, headers=HEADERS, body=BODY)
        made.response("0", 2 * 10**9, status=200, headers=HEADERS[:1], body=b'{"statusCode":0}')
        made.close()
        made.close()

    asyncio.run(run())


def test_a_drive_is_recorded_as_the_recorder_does_it(tmp_path):
    path = tmp_path / "live.cassette"

    record(path)

    recording = load_recording(path)
    header = recording.header
    assert (header.upstream, header.dialect, header.redaction) == ("http://staging.example", "gws-outbound", "gws")
    assert [triple.operation for triple in recording.triples] == ["GetChainedRecord"]
    with open_cassette(path) as cassette:
        assert list(cassette.records())[-1].text == "the capture ended cleanly"


def test_no_secret_is_on_the_tape(tmp_path):
    path = tmp_path / "live.cassette"

    record(path)

    with open_cassette(path) as cassette:
        text = repr(list(cassette.records()))
    assert "c2VjcmV0" not in text
    assert "4930123456" not in text


def test_a_cassette_is_not_overwritten(tmp_path):
    path = tmp_path / "live.cassette"
    record(path)

    with pytest.raises(UsageError, match=r"live\.cassette"):
        record(path)

    record(path, settings=Settings(force=True, fsync=Fsync.NEVER))


def test_a_tape_that_is_not_open_takes_nothing(tmp_path):
    with pytest.raises(CaptureError, match="is not open"):
        tape(tmp_path / "live.cassette").closed("0", 0, "x")


def test_a_long_body_holds_up_nobody(tmp_path):
    body = json.dumps([{"name": f"Ann {number}", "phone": f"+4930{number:07d}"} for number in range(2_000)]).encode()

    async def run(name):
        made = tape(tmp_path / name)
        made.open()
        before = time.thread_time()
        made.request("0", 1, connection="s1", method="GET", target="/", headers=(), body=b"")
        made.response("0", 2, status=200, headers=HEADERS[:1], body=body)
        taken = time.thread_time() - before
        made.close()
        return taken

    # Seconds; redaction takes several times as many.
    assert any(asyncio.run(run(f"{number}.cassette")) < 0.05 for number in range(MOST_RUNS))
    with open_cassette(tmp_path / "0.cassette") as cassette:
        assert len(list(cassette.records())[1].body) >= len(body)


def test_an_interrupted_drive_keeps_no_long_bodies_of_what_waits(tmp_path):
    body = json.dumps([{"name": f"Ann {number}"} for number in range(2_000)]).encode()

    async def run():
        made = tape(tmp_path / "live.cassette")
        made.open()
        for flow in "012":
            made.request(flow, 1, connection="s1", method="GET", target="/", headers=(), body=b"")
            made.response(flow, 2, status=200, headers=HEADERS[:1], body=body)
        made.close(hurries=True)

    asyncio.run(run())

    with open_cassette(tmp_path / "live.cassette") as cassette:
        texts = [record.text for record in cassette.records() if isinstance(record, Note)]
    assert any("had to end before it was redacted" in text for text in texts)
    assert texts[-1] == "the capture ended cleanly"


def test_a_redaction_that_goes_on_holds_up_no_interrupted_drive(tmp_path, monkeypatch):
    begun, may_end = Event(), Event()

    def redact(self, record):
        begun.set()
        may_end.wait(30)
        return record

    async def run():
        made = tape(tmp_path / "live.cassette")
        made.open()
        made.request("0", 1, connection="s1", method="GET", target="/a", headers=(), body=b"")
        while made.waiting:  # noqa: ASYNC110  # a thread of the tape writes
            await asyncio.sleep(0.001)
        monkeypatch.setattr(Redactor, "redact", redact)
        made.request("1", 2, connection="s1", method="GET", target="/b", headers=(), body=b"")
        await asyncio.to_thread(begun.wait, 30)
        monkeypatch.undo()
        for flow in "23":
            made.request(flow, 3, connection="s1", method="GET", target="/c", headers=(), body=b"")
        made.close(hurries=True)
        may_end.set()

    asyncio.run(run())

    with open_cassette(tmp_path / "live.cassette") as cassette:
        kept = list(cassette.records())
    assert [record.target for record in kept if isinstance(record, Request)] == ["/a"]
    texts = [record.text for record in kept if isinstance(record, Note)]
    assert "the drive was interrupted before the last 3 records were redacted; they are left out" in texts
    assert texts[-1] == "the capture ended cleanly"


def test_whoever_reads_waits_until_there_is_room(tmp_path, monkeypatch):
    may_go_on, redact = Event(), Redactor.redact

    def held(self, record):
        may_go_on.wait(30)
        return redact(self, record)

    async def run():
        made = tape(tmp_path / "live.cassette")
        made.open()
        await made.room()
        monkeypatch.setattr(Redactor, "redact", held)
        made.request("0", 1, connection="s1", method="GET", target="/", headers=(), body=b"")
        made.stream("0", 2, status=200, headers=(("Content-Type", "application/x-ndjson"),))
        for _ in range(6_000):
            made.chunk("0", 3, b'{"a": 1}\n')
        assert made.waiting > 5_000
        may_go_on.set()
        await made.room()
        assert made.waiting <= 5_000
        await made.drained()
        assert made.waiting == 0
        made.close()

    asyncio.run(run())


def test_long_bodies_leave_less_room(tmp_path, monkeypatch):
    monkeypatch.setattr("recorder.drive.front.tape._LARGEST", 1_000)

    async def run():
        made = tape(tmp_path / "live.cassette")
        made.open()
        made.request("0", 1, connection="s1", method="POST", target="/", headers=(), body=b"x" * 2_000)
        await made.room()
        assert made.waiting == 0
        made.close()

    asyncio.run(run())


def test_a_record_that_cannot_be_made_is_a_failure(tmp_path):
    async def run():
        made = tape(tmp_path / "live.cassette")
        made.open()
        made.closed("no such flow", 1, "x")
        made.close()

    with pytest.raises(CaptureError, match="a record cannot be made"):
        asyncio.run(run())
