"""Large bodies through a real recorder: others are served meanwhile, and a recording ends in time at each moment."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.cassette.reader import read
from recorder.model import CUT, Note, Response
from tests.integration.captures import ADDON
from tests.integration.test_ending import LIMIT, ended, in_one_attempt
from tests.lab.bad import STAY, Bad, Steps
from tests.lab.processes import MITMDUMP, Server, recorder, serving, until
from tests.lab.raw import Line, connected

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
EVENT = json.dumps({"channel": "/v2/out", "data": {"phone": "+49 151 2345678", "text": "hello"}}).encode()
LARGE = b"[" + b",".join([EVENT] * ((1 << 20) // len(EVENT))) + b"]"
HUGE = b"[" + b",".join([EVENT] * ((12 << 20) // len(EVENT))) + b"]"
KINDS: dict[str, Steps] = {
    "large": [OK + b"Content-Length: %d\r\n\r\n" % len(LARGE), LARGE, STAY],
    "huge": [OK + b"Content-Length: %d\r\n\r\n" % len(HUGE), HUGE, STAY],
    "open": [OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (2 * len(HUGE)), HUGE, STAY],
    "small": [OK + b"Content-Length: 2\r\n\r\n{}", STAY],
}
POLL = b'[{"channel":"/meta/connect","clientId":"7f3a","connectionType":"long-polling"}]'
ASKS = (
    b"POST /%b HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % (b"%b", len(POLL))
    + POLL
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with Bad(KINDS) as server:
        yield f"http://127.0.0.1:{server.port}"


def workers(server: Server) -> list[int]:
    """The processes that redact."""
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    return [int(number) for task in tasks for number in task.read_text().split()]


def has_come(line: Line) -> bool:
    line.socket.settimeout(0.01)
    try:
        return bool(line.socket.recv(100))
    except TimeoutError:
        return False


def test_another_client_is_served_while_a_large_answer_is_held(upstream: str, tmp_path: Path) -> None:
    path, answered = tmp_path / "s.cassette", 0
    with (
        recorder("record", upstream, "-o", path) as server,
        connected(server.url) as waits,
        connected(server.url) as works,
    ):
        waits.send(ASKS % b"large")
        while not has_come(waits):
            works.send(ASKS % b"small")
            answer = works.message()
            assert answer is not None
            assert answer.status == 200
            answered += 1

    responses = [one for one in read(path).records if isinstance(one, Response)]
    assert answered > 5
    assert [len(one.body) > (1 << 19) for one in responses[-2:]].count(True) == 1
    assert b"2345678" not in b"".join(one.body for one in responses)


@in_one_attempt
def test_a_recording_ends_in_time_while_a_large_answer_is_held(upstream: str, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    with recorder("record", upstream, "-o", path) as server, connected(server.url) as waits:
        waits.send(ASKS % b"huge")
        until(lambda: bool(workers(server)), "a process that redacts")
        took = ended(server, signal.SIGINT)

    *_, response, cut, close = read(path).records
    assert took < LIMIT
    assert isinstance(response, Response)
    assert isinstance(cut, Note)
    assert isinstance(close, Note)
    assert (response.body, cut.kind, close.kind) == (b"", CUT, "close")


def test_a_recording_goes_on_when_the_process_that_redacts_is_killed(upstream: str, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    with recorder("record", upstream, "-o", path) as server, connected(server.url) as line:
        line.send(ASKS % b"huge")
        until(lambda: bool(workers(server)), "a process that redacts")
        os.kill(workers(server)[0], signal.SIGKILL)
        first = line.message()
        with connected(server.url) as other:
            other.send(ASKS % b"large")
            second = other.message()

    records = read(path).records
    notes = [one.text for one in records if isinstance(one, Note) and one.kind == CUT]
    assert first is not None
    assert second is not None
    assert (first.body, second.body) == (HUGE, LARGE)
    assert notes == ["record 1 is kept without its body: the process that redacts it has ended"]
    assert [len(one.body) > 0 for one in records if isinstance(one, Response)] == [False, True]


@in_one_attempt
def test_a_mitmdump_ends_in_time_while_a_large_stream_is_open(upstream: str, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    options = ["--set", f"cassette={path}", "--mode", f"reverse:{upstream}", "--listen-host=127.0.0.1", "-p0"]
    with serving([MITMDUMP, "-s", str(ADDON), *options], ready="listening at") as server:
        server.url = f"http://{server.url.removeprefix('http://')}"
        with connected(server.url) as line:
            line.send(b"POST /open HTTP/1.1\r\nHost: desk\r\nContent-Length: 2\r\n\r\n{}")
            got = 0
            while got < len(HUGE):
                got += len(line.socket.recv(1 << 20))
            took = ended(server, signal.SIGINT)

    *_, response, cut, close = read(path).records
    assert took < LIMIT
    assert isinstance(response, Response)
    assert isinstance(cut, Note)
    assert isinstance(close, Note)
    assert (response.body, cut.kind, close.kind) == (b"", CUT, "close")
