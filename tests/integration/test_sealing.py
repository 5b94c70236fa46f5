"""`recorder record --seal` with a real recorder: a cassette that is sealed when the recording has ended."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.cassette.reader import open_cassette
from recorder.model import Note, Response
from tests.lab.bad import Bad
from tests.lab.processes import recorder, serving
from tests.lab.raw import connected

ASKS = b"GET /thing HTTP/1.1\r\nHost: desk\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with Bad({"thing": [ANSWER]}) as server:
        yield f"http://127.0.0.1:{server.port}"


def test_a_recording_is_sealed_when_it_has_ended(upstream: str, tmp_path: Path) -> None:
    with recorder("record", upstream, "-o", tmp_path / "s.cassette", "--seal") as server:
        with connected(server.url) as line:
            line.send(ASKS)
            assert line.socket.recv(100).startswith(b"HTTP/1.1 200")
        server.process.send_signal(signal.SIGINT)
        server.process.wait(20)

    with open_cassette(tmp_path / "s.cassette") as cassette:
        assert cassette.is_sealed
        cassette.verify()
        records = list(cassette.records())
    assert server.code == 0
    assert "s.cassette: sealed, " in server.stderr
    assert [record.body for record in records if isinstance(record, Response)] == [b"ok"]
    assert isinstance(records[-1], Note)
    assert records[-1].kind == "close"


SLOW_SEALING = """
import sys, time
from recorder.cassette.sealed import SealedWriter
from recorder.cli import main
def begin(self, *given):
    print("asked", flush=True)
    time.sleep(60)
SealedWriter.__init__ = begin
main(sys.argv[1:])
"""


def test_a_second_signal_leaves_the_journal(upstream: str, tmp_path: Path) -> None:
    words = ["record", upstream, "-o", str(tmp_path / "s.cassette"), "--seal"]
    with serving([sys.executable, "-c", SLOW_SEALING, *words], ready="listening on ") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.stdout.readline() == "asked\n"
        time.sleep(1.1)
        server.process.send_signal(signal.SIGINT)
        server.process.wait(20)

    with open_cassette(tmp_path / "s.cassette") as cassette:
        assert not cassette.is_sealed
        assert [record.kind for record in cassette.records()] == ["close"]
    assert server.code == 0
    assert "is being sealed; Ctrl-C leaves it as it is" in server.stderr
    assert "interrupted: is whole, but not sealed; recorder seal" in server.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["s.cassette"]
