"""A stream through the recorder: byte for byte, at once, and stored event by event with nothing in the clear.

A server sends a body in pieces that are cut anywhere, each after the one before it has arrived at the client.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from threading import Semaphore

import pytest

from recorder.cassette.reader import read
from recorder.model import Chunk, Response
from tests.integration.test_transparency import piece, request
from tests.lab.processes import recorder, until
from tests.lab.raw import Line, Raw, Upstream, connected

SECRET = "hunter2-hunter2"
NAMED = json.dumps({"password": SECRET, "name": "Zo\u00eb \U0001f600"}, ensure_ascii=False)
EVENTS = [
    "\ufeffretry: 10\r\n\r\n",
    f"id: 1\r\nevent: told\r\ndata: {NAMED}\r\n\r\n",
    ":\n",
    'data: {"user":\ndata: {"password":\ndata: "' + SECRET + '"}}\n\n',
    f"data:{NAMED}\r\r",
    ": ping\n\n",
    "data\n\n",
]
BODY = "".join(EVENTS).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


class Trickling:
    """A server that sends each piece when the one before it has arrived."""

    def __init__(self) -> None:
        self.head, self.pieces, self.arrived = b"", list[bytes](), Semaphore(0)

    def __call__(self, _: Raw, line: Line) -> None:
        line.send(self.head + CHUNKED + b"\r\n")
        for one in self.pieces:
            line.send(piece(one))
            self.arrived.acquire(timeout=20)
        line.send(piece(b""))

    def played(self, url: str, pieces: Sequence[bytes], head: bytes = HEAD) -> list[bytes]:
        """What a client gets, chunk by chunk."""
        self.head, self.pieces, found = head, list(pieces), []
        with connected(url) as line:
            line.send(request("/events", method="GET"))
            while line.take_line():
                pass
            for one in [*pieces, b""]:
                got = b""
                while len(got) < len(one) or not one:
                    size = int(line.take_line(), 16)
                    got += line.take(size)
                    line.take_line()
                    if not size:
                        break
                found.append(got)
                self.arrived.release()
        return found


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trickling, str, Path]]:
    server, cassette = Trickling(), tmp_path_factory.mktemp("streams") / "s.cassette"
    with Upstream(server) as upstream, recorder("record", upstream.url, "-o", cassette) as proxy:
        yield server, proxy.url, cassette


def stored(cassette: Path, number: int) -> list[Chunk]:
    """The chunks of the stream of that number, as soon as it has ended."""
    found: list[Chunk] = []

    def is_over() -> bool:
        records = read(cassette).records
        heads = [record.exchange for record in records if isinstance(record, Response)]
        found[:] = [r for r in records if isinstance(r, Chunk) and heads[number:] and r.exchange == heads[number]]
        return bool(found) and found[-1].is_last

    until(is_over, "the end of the stream is recorded")
    return found


def packed(body: bytes, size: int) -> list[bytes]:
    stage = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    found = [stage.compress(one) + stage.flush(zlib.Z_SYNC_FLUSH) for one in cut(body, size)]
    return cut(b"".join(found) + stage.flush(), size)


CASES = {
    "whole": (HEAD, [BODY]),
    "byte by byte": (HEAD, cut(BODY, 1)),
    "odd pieces": (HEAD, cut(BODY, 7)),
    "packed, odd pieces": (HEAD + b"Content-Encoding: gzip\r\n", packed(BODY, 13)),
}


def test_a_stream_arrives_as_it_was_sent_and_its_redaction_does_not_depend_on_its_pieces(
    stage: tuple[Trickling, str, Path],
) -> None:
    server, url, cassette = stage

    arrived = {name: server.played(url, pieces, head) for name, (head, pieces) in CASES.items()}

    assert arrived == {name: [*pieces, b""] for name, (_, pieces) in CASES.items()}
    chunks = [stored(cassette, number) for number in range(len(CASES))]
    (body,) = {b"".join(chunk.body for chunk in one) for one in chunks}
    assert len(body) == len(BODY)  # a pseudonym has the length of its value
    assert SECRET.encode() not in body
    assert all(chunk.t <= later.t for one in chunks for chunk, later in pairwise(one))
    assert len(chunks[1]) == len(EVENTS) + 1


@pytest.mark.parametrize("encoding", [b"", b"Content-Encoding: gzip\r\n"])
def test_an_event_that_is_unfinished_when_the_recorder_is_killed_is_not_in_the_cassette(
    tmp_path: Path, encoding: bytes
) -> None:
    server, cassette = Trickling(), tmp_path / "s.cassette"
    whole, half = b"data: 1\n\n", f'data: {{"password": "{SECRET}'.encode()
    stage = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    pieces = [stage.compress(one) + stage.flush(zlib.Z_SYNC_FLUSH) if encoding else one for one in (whole, half)]
    with Upstream(server) as upstream, recorder("record", upstream.url, "-o", cassette) as proxy:
        server.head, server.pieces = HEAD + encoding, pieces
        with connected(proxy.url) as line:
            line.send(request("/events", method="GET"))
            while line.take_line():
                pass
            assert line.take(len(piece(pieces[0]))) == piece(pieces[0])
            server.arrived.release()
            assert line.take(len(piece(pieces[1]))) == piece(pieces[1])
            until(lambda: any(isinstance(r, Chunk) for r in read(cassette).records), "the first event is recorded")
            proxy.process.kill()
            proxy.process.wait(20)

    chunks = [record for record in read(cassette).records if isinstance(record, Chunk)]
    assert [chunk.body for chunk in chunks] == [whole]
    assert b"hunter2" not in cassette.read_bytes()
