"""The process that redacts large records."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.capture.large.apart import Job, done
from recorder.capture.large.glimpse import HEAVY
from recorder.capture.mitm.large.worker import Gone, Here, Process, work
from recorder.model import Response
from recorder.redaction.policy import load

KEY = b"k" * 32
JSON = (("Content-Type", "application/json"),)
BODY = b'[{"password":"hunter2hunter2"},' + b'"plain text",' * (HEAVY // 12) + b"1]"
JOB = Job(Response(0, 0, 0, 200, JSON, BODY))


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    found = Process(load(), KEY)
    yield found
    found.close()


def test_a_process_redacts_as_this_one_does(process: Process) -> None:
    assert len(JOB.record.body) > HEAVY
    assert process(JOB) == done(JOB, load(), KEY)


def test_after_the_end_of_a_process_another_one_is_started(process: Process) -> None:
    before = process(JOB)
    assert process._process is not None
    os.kill(process._process.pid, signal.SIGKILL)

    with pytest.raises(Gone):
        process(JOB)

    assert process(JOB) == before


def test_what_is_being_redacted_can_be_ended_from_outside() -> None:
    process, large = (
        Process(load(), KEY),
        Response(0, 0, 0, 200, JSON, b"[" + b'{"phone":"+49 151 1234567"},' * 500_000),
    )
    begun = threading.Timer(0.5, process.kill)
    begun.start()

    with pytest.raises(Gone):
        process(Job(large))

    process.close()
    with pytest.raises(Gone):
        process(JOB)


def test_the_key_is_in_no_argument(process: Process) -> None:
    process(JOB)
    assert process._process is not None

    said = (
        Path(f"/proc/{process._process.pid}/cmdline").read_bytes()
        + Path(f"/proc/{process._process.pid}/environ").read_bytes()
    )

    assert KEY not in said


def test_without_an_interpreter_the_thread_that_asks_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)

    found = work(load(), KEY)

    assert isinstance(found, Here)
    assert found(JOB) == done(JOB, load(), KEY)


@pytest.mark.parametrize("memory", [number << 18 for number in range(20, 42, 3)])
def test_a_body_that_takes_too_much_memory_is_not_kept_and_the_process_goes_on(memory: int) -> None:
    process = Process(load(), KEY, memory=memory)
    phones = (b'{"phone":"+49 151 %07d"},' % number for number in range(60_000))  # each is learnt
    costly = replace(JOB.record, body=b"[" + b"".join(phones) + b"1]")

    found, after = process(Job(costly)), process(JOB)
    process.close()

    assert (found.record.body, found.lacks) == (b"", "its redaction would take too much memory")
    assert after == done(JOB, load(), KEY)


def test_a_process_replaces_hosts_without_redacting(process: Process) -> None:
    message = {"channel": "/meta/connect", "advice": {"hosts": ["a.example"]}, "password": "hunter2hunter2"}
    body = json.dumps([message] * 4_000).encode()

    found = process(Job(replace(JOB.record, body=body), host="here:1"))

    assert found.record.body == body.replace(b"a.example", b"here:1")
