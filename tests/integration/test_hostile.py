"""A hostile cassette over a real socket, and hostile servers behind a real recorder."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.cassette.reader import read
from recorder.dialect.definition import load
from recorder.model import Headers, Note, Recording, Response
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.app import serve
from tests.lab.processes import MITMDUMP, recorder, serving, until
from tests.wire import Wire

ADDONS = Path(__file__).parents[2] / "addons"
CASSETTE = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
HOSTILE = "\r\nSet-Cookie: evil=1\r\n\r\nHTTP/1.1 200 OK\r\n\x00\x1b[2J\u202e\ud800\U0001f600é"

# A hostile cassette


def answered(status: int, headers: Headers, body: bytes, *, method: str = "GET") -> Recording:
    wire = Wire()
    wire.respond(wire.request(method, "/x", b"", ()), body, status, headers)
    return wire.recording()


async def _asked(recording: Recording, method: str) -> bytes:
    """All bytes that one request gets, until the server closes."""
    numbers = count()
    standin = ReplayEngine(recording, load(), new_id=lambda: f"id{next(numbers)}", rate=INSTANT)
    async with serve(standin) as address, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(f"{method} /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        found = await reader.read()
        writer.close()
        return found


class _Bytes:
    """Bytes as the socket that `http.client` reads from."""

    def __init__(self, data: bytes) -> None:
        left, self._right = socket.socketpair()
        threading.Thread(target=lambda: (left.sendall(data), left.close()), daemon=True).start()

    def makefile(self, mode: Any) -> Any:
        return self._right.makefile(mode)

    def close(self) -> None:
        self._right.close()


def only_answer(raw: bytes, method: str = "GET") -> tuple[int, list[tuple[str, str]], bytes]:
    """The one answer in these bytes; fails if it is malformed, or anything follows it."""
    source = _Bytes(raw)
    response = http.client.HTTPResponse(source, method=method)  # type: ignore[arg-type]
    response.begin()
    body = response.read()
    head = raw.partition(b"\r\n\r\n")[0]
    assert len(raw) == len(head) + 4 + len(body), raw
    assert head.count(b"\n") == head.count(b"\r") == head.count(b"\r\n"), head
    assert b"\x00" not in head
    source.close()
    response.close()
    return response.status, response.getheaders(), body


def replayed(status: int = 200, headers: Headers = (), body: bytes = b"body", method: str = "GET") -> bytes:
    return asyncio.run(_asked(answered(status, headers, body, method=method), method))


@pytest.mark.parametrize("name", ["X-A", "Location", "Set-Cookie", "Content-Type", "Set-Cookie: a=b\r\nX", "", "ü"])
def test_a_recorded_header_cannot_become_another_one(name: str) -> None:
    status, headers, body = only_answer(replayed(headers=((name, HOSTILE), (HOSTILE, "x"))))

    assert (status, body) == (200, b"body")
    assert "evil=1" not in [value for _, value in headers]


@pytest.mark.parametrize(
    "headers",
    [
        (("Transfer-Encoding", "chunked"), ("Content-Length", "9999")),
        (("transfer-encoding", "gzip, chunked"),),
        (("Content-Length", "1"), ("Content-Length", "2")),
        (("Content-Length ", "1"), ("Content-Encoding", "gzip")),
        (("Trailer", "X"), ("Upgrade", "websocket"), ("Connection", "upgrade")),
    ],
)
def test_recorded_framing_is_not_replayed(headers: Headers) -> None:
    assert only_answer(replayed(headers=headers))[::2] == (200, b"body")


def test_headers_of_the_recorded_connection_are_not_replayed() -> None:
    _, headers, _ = only_answer(replayed(headers=(("Connection", "x-hop, close"), ("X-Hop", "1"), ("X-End", "2"))))

    assert {name.lower() for name, _ in headers} & {"x-hop", "x-end"} == {"x-end"}


@pytest.mark.parametrize("status", [-1, 0, 1, 99, 100, 103, 199, 1000, 99999999])
def test_a_recorded_status_that_is_none_is_told_with_502(status: int) -> None:
    got, _, body = only_answer(replayed(status))

    assert (got, body) == (502, f"recorded with the status {status}, which is no answer\n".encode())


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(status: int) -> None:
    assert only_answer(replayed(status))[::2] == (status, b"")


def test_an_answer_to_head_has_no_body() -> None:
    assert only_answer(replayed(method="HEAD"), "HEAD")[::2] == (200, b"")


ANY = st.text(alphabet=st.characters(codec=None), max_size=12) | st.just(HOSTILE)
NAMES = ANY | st.sampled_from(["Content-Length", "Transfer-Encoding", "Connection", "Set-Cookie", "Location", "Date"])


@settings(max_examples=60, deadline=None)
@given(st.integers(-1, 1200), st.lists(st.tuples(NAMES, ANY), max_size=4).map(tuple), st.binary(max_size=20))
def test_whatever_was_recorded_one_well_formed_answer_comes(status: int, headers: Headers, body: bytes) -> None:
    assert 200 <= only_answer(replayed(status, headers, body))[0] <= 999


# Hostile servers


@contextmanager
def upstream(body: bytes, **headers: str) -> Iterator[str]:
    """A server that answers everything with this."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fetched(url: str) -> bytes:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request("GET", "/x")
    body = connection.getresponse().read()
    connection.close()
    return body


def highest(pid: int) -> int:
    """Bytes of memory a process has had at most."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) << 10


def packed(size: int) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(deflate.compress(bytes(1 << 20)) for _ in range(size >> 20)) + deflate.flush()


@pytest.mark.once
def test_a_bomb_passes_as_it_is_and_does_not_go_off_in_the_recorder(tmp_path: Path) -> None:
    pytest.importorskip("mitmproxy")
    bomb, cassette = packed(256 << 20), tmp_path / "s.cassette"
    with upstream(bomb, Content_Encoding="gzip") as url, recorder("record", url, "-o", cassette) as proxy:
        before = highest(proxy.process.pid)

        got = fetched(proxy.url)

        until(lambda: any(isinstance(record, Note) for record in read(cassette).records), "it is recorded")
        grown = highest(proxy.process.pid) - before
    _, response, note, *_ = read(cassette).records
    assert got == bomb
    assert grown < 100 << 20
    assert isinstance(response, Response)
    assert response.body == b""
    assert isinstance(note, Note)
    assert note.text == "record 1 is kept without its body: decoded from 'gzip' it has more than 16777216 bytes"


@pytest.mark.once
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"frperg=uhagre2uhagre2\x00", {"Content_Encoding": "rot13"}),
        (b"secret=hunter2hunter2\xff", {"Content_Encoding": "gzip"}),
    ],
)
def test_what_cannot_be_looked_through_is_not_kept(tmp_path: Path, body: bytes, headers: dict[str, str]) -> None:
    pytest.importorskip("mitmproxy")
    cassette = tmp_path / "s.cassette"
    with upstream(body, **headers) as url, recorder("record", url, "-o", cassette) as proxy:
        assert fetched(proxy.url) == body
    _, response, note, *_ = read(cassette).records

    assert isinstance(response, Response)
    assert response.body == b""
    assert isinstance(note, Note)
    assert note.kind == "cut"
    assert body not in cassette.read_bytes()


@pytest.mark.once
def test_what_names_an_encoding_and_is_text_is_looked_through_and_kept(tmp_path: Path) -> None:
    pytest.importorskip("mitmproxy")
    cassette, body = tmp_path / "s.cassette", b'{"note":"kept","secret":"hunter2hunter2"}'
    with upstream(body, Content_Encoding="UTF-8") as url, recorder("record", url, "-o", cassette) as proxy:
        assert fetched(proxy.url) == body
    _, response, *_ = read(cassette).records

    assert isinstance(response, Response)
    assert b'"note":"kept"' in response.body
    assert b"hunter2" not in cassette.read_bytes()


# Scripts in a mitmproxy of one's own


@pytest.mark.once
@pytest.mark.parametrize(
    ("script", "cassette"), [("record.py", "new.cassette"), ("replay.py", str(CASSETTE))], ids=["record", "replay"]
)
def test_a_script_listens_on_loopback_unless_told_otherwise(tmp_path: Path, script: str, cassette: str) -> None:
    pytest.importorskip("mitmproxy")
    options = ["--set", f"cassette={tmp_path / cassette}", "--set", "hosts=gws.example", "-p0"]
    with serving([MITMDUMP, "-s", str(ADDONS / script), *options], ready="listening at") as server:
        port = int(server.url.rpartition(":")[2])

        socket.create_connection(("127.0.0.1", port), 5).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), 5)
