"""A recording ends within two seconds of a signal, whatever is open or hangs; what was recorded is sound."""

from __future__ import annotations

import functools
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from recorder.cassette.reader import read
from recorder.model import Note, Request
from tests.lab.bad import Bad, Steps, endless, times
from tests.lab.processes import Server, recorder, serving, until
from tests.lab.raw import Line, connected

LIMIT = 2.0
ATTEMPTS = 3  # other tests share the processor: in one of these a second must be a second
OK = b"HTTP/1.1 200 OK\r\n"
MIB = b"x" * (1 << 20)
WAITS = endless(b"", pause=0.1)
KINDS: dict[str, Steps] = {
    "poll": [WAITS],
    "half a head": [OK + b"X-A", WAITS],
    "events": [OK + b"Content-Type: text/event-stream\r\n\r\n", endless(b"data: 1\n\n" * 1000)],
    "text": [OK + b"Content-Type: text/plain\r\nContent-Length: 20971520\r\n\r\n", times(20, MIB)],
}
ASKS = b"GET /%s HTTP/1.1\r\nHost: desk\r\n\r\n"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with Bad(KINDS) as server:
        yield f"http://127.0.0.1:{server.port}"


def in_one_attempt(check: Callable[..., None]) -> Callable[..., None]:
    """Run a test of times again, in a folder of its own, if it fails; the last failure counts."""

    @functools.wraps(check)
    def checked(*, tmp_path: Path, **more: object) -> None:
        for attempt in range(ATTEMPTS):
            folder = tmp_path / str(attempt)
            folder.mkdir()
            try:
                return check(tmp_path=folder, **more)
            except AssertionError:
                if attempt == ATTEMPTS - 1:
                    raise
        return None

    return checked


def withheld(server: Server) -> float:
    """The seconds in which the server could run, but got no processor."""
    try:
        return int(Path(f"/proc/{server.process.pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):  # it has ended, or the system does not count them
        return 0.0


def ended(server: Server, *signals: signal.Signals) -> float:
    """The seconds from the first signal to the end, as far as other processes did not hold the processor."""
    began, before, latest = time.monotonic(), withheld(server), 0.0
    for number in signals:
        server.process.send_signal(number)
        time.sleep(0.2 * (len(signals) > 1))
    while server.process.poll() is None:
        assert time.monotonic() < began + 20
        latest = max(latest, withheld(server) - before)
        time.sleep(0.01)
    return time.monotonic() - began - latest


def kinds(cassette: Path) -> list[str]:
    return [record.kind for record in read(cassette).records if isinstance(record, Note)]


OPEN = {
    "polls": [ASKS % b"poll"] * 20,
    "half an answer": [ASKS % b"half%20a%20head"],
    "streams that nobody reads": [ASKS % b"events"] * 2,
    "half a request": [b"GET / HTTP/1.1\r\nHost"],
    "half an upload": [b"POST /poll HTTP/1.1\r\nHost: desk\r\nContent-Length: 90000000\r\n\r\n" + MIB],
    "half a TLS handshake": [b"\x16\x03\x01\x02\x00\x01\x00"],
    "nothing sent": [b""],
}


@in_one_attempt
def test_a_recording_with_all_that_can_be_open_ends_in_time(upstream: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(recorder("record", upstream, "-o", tmp_path / "s.cassette"))
        for sent in (one for many in OPEN.values() for one in many):
            stack.enter_context(connected(server.url)).send(sent)
        until(lambda: len(read(tmp_path / "s.cassette").records) >= 23, "all has come")
        took = ended(server, signal.SIGINT)

    *others, last = (record for record in read(tmp_path / "s.cassette").records if isinstance(record, Note))
    assert took < LIMIT
    assert last.kind == "close"
    assert not [note for note in others if "had to end" in note.text]  # but a stream may end within an event
    assert server.code == 0


def drained(line: Line, count: int) -> None:
    while count > 0:
        count -= len(line.socket.recv(1 << 20))


@in_one_attempt
def test_a_body_that_takes_long_to_redact_is_left_out(upstream: str, tmp_path: Path) -> None:
    with recorder("record", upstream, "-o", tmp_path / "s.cassette") as server, connected(server.url) as line:
        line.send(ASKS % b"text")
        drained(line, 20 << 20)
        took = ended(server, signal.SIGTERM)

    records = read(tmp_path / "s.cassette").records
    (cut,) = (note.text for note in records if isinstance(note, Note) and note.kind == "cut")
    assert took < LIMIT
    assert cut == "record 1 is kept without its body: the capture had to end before it was redacted"
    assert kinds(tmp_path / "s.cassette")[-1] == "close"


STUBBORN = """
import signal, sys, time, urllib.request
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
open(sys.argv[1], "w").close()
time.sleep(60)
"""


@pytest.mark.parametrize(("signals", "limit"), [([signal.SIGINT], LIMIT), ([signal.SIGINT] * 2, 1.2)])
@in_one_attempt
def test_a_command_that_does_not_end_is_killed_and_at_once_after_a_second_signal(
    signals: list[signal.Signals], limit: float, upstream: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", STUBBORN, tmp_path / "runs"]
    with recorder("record", upstream, "-o", tmp_path / "s.cassette", "--", *command) as server:
        until((tmp_path / "runs").exists, "the command runs")
        took = ended(server, *signals)

    assert took < limit
    assert server.code == 128 + signal.SIGKILL
    assert kinds(tmp_path / "s.cassette") == ["close"]


SLOW_NAMES = """
import socket, sys, time
from recorder.cli import main
real = socket.getaddrinfo
def getaddrinfo(host, *more, **named):
    if host == "slow.example":
        print("asked", flush=True)
        time.sleep(60)
    return real(host, *more, **named)
socket.getaddrinfo = getaddrinfo
main(sys.argv[1:])
"""


@in_one_attempt
def test_a_name_server_that_does_not_answer_does_not_hold_the_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLOW_NAMES, "record", "--mode", "regular", "-o", str(tmp_path / "s.cassette")]
    with serving(command, ready="listening on ") as server, connected(server.url) as line:
        line.send(b"CONNECT slow.example:443 HTTP/1.1\r\nHost: slow.example:443\r\n\r\n")
        assert server.process.stdout.readline() == "asked\n"
        took = ended(server, signal.SIGINT)

    assert took < LIMIT
    assert kinds(tmp_path / "s.cassette") == ["close"]
    assert server.code == 0
    assert "0 requests, 0 still open at the end" in server.stderr


@in_one_attempt
def test_a_signal_while_the_upstream_is_looked_for_ends_it_and_leaves_no_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLOW_NAMES, "record", "http://slow.example", "-o", str(tmp_path / "s.cassette")]
    with serving(command, ready="asked") as server:
        took = ended(server, signal.SIGTERM)

    assert took < LIMIT
    assert server.code == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


SLOW_SIFTING = """
import sys, time
from recorder.capture.sifting import ApiHosts
from recorder.cli import main
def feed(self, record):
    print("asked", flush=True)
    time.sleep(60)
ApiHosts.feed = feed
main(sys.argv[1:])
"""


def test_a_signal_while_hosts_are_removed_leaves_them_in(tmp_path: Path) -> None:
    words = ["record", "--mode", "regular", "-o", str(tmp_path / "s.cassette")]
    with serving([sys.executable, "-c", SLOW_SIFTING, *words], ready="listening on ") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.stdout.readline() == "asked\n"
        time.sleep(1.1)
        took = ended(server, signal.SIGTERM)

    assert took < LIMIT
    assert server.code == 0
    assert "removes hosts without an API; Ctrl-C leaves them in" in server.stderr
    assert "interrupted: the hosts without an API are still in it" in server.stderr
    assert kinds(tmp_path / "s.cassette") == ["close"]
    assert [path.name for path in tmp_path.iterdir()] == ["s.cassette"]


HANGING_DISK = """
import os, sys, time
from recorder.cli import main
real = os.fdatasync
def fdatasync(descriptor):
    print("asked", flush=True)
    time.sleep(60)
os.fdatasync = fdatasync
main(sys.argv[1:])
"""


@in_one_attempt
def test_a_disk_that_hangs_does_not_hold_the_end_and_what_was_written_is_sound(upstream: str, tmp_path: Path) -> None:
    words = ["record", upstream, "-o", str(tmp_path / "s.cassette"), "--fsync", "always"]
    command = [sys.executable, "-c", HANGING_DISK, *words]
    with serving(command, ready="listening on ") as server, connected(server.url) as line:
        line.send(ASKS % b"poll")
        assert server.process.stdout.readline() == "asked\n"
        took = ended(server, signal.SIGINT)

    assert took < LIMIT
    assert server.code == 4
    assert "does not answer; what was not yet written is lost" in server.stderr
    assert [type(record) for record in read(tmp_path / "s.cassette").records] == [Request]


LONG_SIFTING = SLOW_SIFTING.replace("time.sleep(60)", "time.sleep(3)")


def test_hosts_without_an_api_are_removed_however_long_it_takes(tmp_path: Path) -> None:
    words = ["record", "--mode", "regular", "-o", str(tmp_path / "s.cassette")]
    with serving([sys.executable, "-c", LONG_SIFTING, *words], ready="listening on ") as server:
        took = ended(server, signal.SIGINT)

    assert took > 3
    assert server.code == 0
    assert "interrupted" not in server.stderr
