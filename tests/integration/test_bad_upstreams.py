"""Bad servers: a client behind the recorder gets what it gets without it, or a clear 502, and the cassette says why."""

from __future__ import annotations

import gzip
import re
import ssl
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from recorder.cassette.reader import read
from recorder.diagnose.doctor import examine
from recorder.model import Failure, Note, Request
from tests.integration.captures import ADDON, by_command
from tests.lab.bad import RESET, STAY, Bad, Got, Steps, ask, endless, play, times
from tests.lab.bad_tls import ask_http2, certificate, http2, wrapping
from tests.lab.processes import MITMDUMP, Server, recorder, serving, until
from tests.lab.raw import Line, Raw, connected

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = OK + b"Content-Length: 2\r\n\r\nok"
MIB = b"x" * (1 << 20)


def answer(body: bytes, *headers: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    declared = b"Content-Length: %d" % (len(body) if length is None else length)
    return b"\r\n".join([b"HTTP/1.1 " + status, *headers, declared, b"", body])


def informed(*statuses: int) -> bytes:
    return b"".join(b"HTTP/1.1 %d Soon\r\nX-A: 1\r\n\r\n" % status for status in statuses)


KINDS: dict[str, Steps] = {
    # cut off
    "reset after the request": [RESET],
    "closed after the request": [],
    "reset in the status line": [b"HTTP/1.1 20", 0.01, RESET],
    "closed in the status line": [b"HTTP/1.1 20"],
    "reset in the headers": [OK + b"X-A: ", 0.01, RESET],
    "closed in the headers": [OK + b"X-A: 1\r\n"],
    "reset in the body": [answer(b"ok", length=100), 0.01, RESET],
    "closed in the body": [answer(b"ok", length=100)],
    "closed in a large body": [answer(MIB, length=2 << 20)],
    "reset in a chunk": [CHUNKED + b"10\r\nok", 0.01, RESET],
    "closed in a chunk": [CHUNKED + b"10\r\nok"],
    "closed between chunks": [CHUNKED + b"2\r\nok\r\n"],
    "closed after the last chunk": [CHUNKED + b"2\r\nok\r\n0\r\n"],
    "closed after the answer": [WHOLE],
    # no HTTP
    "garbage": [bytes(range(256))],
    "garbage with lines": [b"hello\r\n\r\n"],
    "nothing but an empty line": [b"\r\n\r\n"],
    "an empty line first": [b"\r\n" + WHOLE],
    "HTTP/0.9": [b"<html>hello</html>"],
    "a mail server": [b"220 mail.example ESMTP\r\n"],
    "a status that is no number": [b"HTTP/1.1 OK\r\n\r\n"],
    "HTTP/3.0": [b"HTTP/3.0 200 OK\r\n\r\n"],
    # lengths
    "too short a length": [answer(b"ok and more", length=2), STAY],
    "a negative length": [answer(b"ok", length=-1)],
    "a length that is no number": [OK + b"Content-Length: two\r\n\r\nok"],
    "two lengths": [answer(b"ok", b"Content-Length: 3")],
    "the same length twice": [answer(b"ok", b"Content-Length: 2"), STAY],
    "a list of the same length": [OK + b"Content-Length: 2, 2\r\n\r\nok", STAY],
    "a length and chunks": [OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", STAY],
    "an unknown transfer coding": [OK + b"Transfer-Encoding: x-own\r\n\r\nok"],
    "no length and no end": [OK + b"\r\nok"],
    "HTTP/1.0 without a length": [b"HTTP/1.0 200 OK\r\n\r\nok"],
    "a body after 204": [answer(b"ok", status=b"204 No Content"), STAY],
    "a body after 304": [answer(b"ok", status=b"304 Not Modified"), STAY],
    "two answers": [WHOLE + answer(b"no"), STAY],
    # heads
    "endless headers": [OK, endless(b"X-A: " + b"a" * 60_000 + b"\r\n")],
    "an endless header": [OK + b"X-A: ", endless(b"a" * 60_000)],
    "many headers": [OK + b"X-A: 1\r\n" * 500 + b"Content-Length: 2\r\n\r\nok", STAY],
    "a header of 60 KB": [answer(b"ok", b"X-A: " + b"a" * 60_000), STAY],
    "line feeds alone": [WHOLE.replace(b"\r", b""), STAY],
    "a folded header": [answer(b"ok", b"X-A: 1\r\n  2"), STAY],
    "NUL in a header": [answer(b"ok", b"X-A: 1\x002"), STAY],
    "8 bits in a header": [answer(b"ok", b"X-A: \xff\xe9"), STAY],
    "a header without a colon": [answer(b"ok", b"X-A")],
    "a header without a name": [answer(b"ok", b": 1")],
    "status 999": [answer(b"ok", status=b"999 Own"), STAY],
    "status 99": [answer(b"ok", status=b"99 Own")],
    "no reason": [answer(b"ok", status=b"200"), STAY],
    # chunks
    "trailers": [CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\nX-B: 2\r\n\r\n", STAY],
    "trailers that are none": [CHUNKED + b"2\r\nok\r\n0\r\nX-Sum\r\n\r\n"],
    "endless trailers": [CHUNKED + b"2\r\nok\r\n0\r\n", endless(b"X-A: " + b"a" * 60_000 + b"\r\n")],
    "chunk extensions": [CHUNKED + b"2;a=b;c\r\nok\r\n0;x\r\n\r\n", STAY],
    "an endless chunk extension": [CHUNKED + b"2;", endless(b"a" * 60_000)],
    "a chunk size that is none": [CHUNKED + b"two\r\nok\r\n0\r\n\r\n"],
    "a negative chunk size": [CHUNKED + b"-2\r\nok\r\n0\r\n\r\n"],
    "a chunk of exabytes": [CHUNKED + b"fffffffffffffff\r\nok"],
    # informational answers
    "100 before the answer": [informed(100) + WHOLE, STAY],
    "102 before the answer": [informed(102), 0.02, WHOLE, STAY],
    "103 before the answer": [informed(103) + WHOLE, STAY],
    "many before the answer": [informed(*[100, 102, 103, 199] * 300) + WHOLE, STAY],
    "103 and no answer": [informed(103)],
    "101 that nobody asked for": [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\nConnection: Upgrade\r\n\r\n"],
    # encodings
    "gzip that is none": [answer(b"ok", b"Content-Encoding: gzip"), STAY],
    "gzip that ends early": [answer(gzip.compress(MIB)[:300], b"Content-Encoding: gzip"), STAY],
    "a gzip bomb": [answer(gzip.compress(bytes(300 << 20), 1), b"Content-Encoding: gzip"), STAY],
    "stacked encodings": [answer(zlib.compress(gzip.compress(b"ok")), b"Content-Encoding: gzip, deflate"), STAY],
    "an encoding that is none": [answer(b"ok", b"Content-Encoding: UTF-8"), STAY],
    # no end
    "a slow body": [CHUNKED, *[b"1\r\nx\r\n", 0.05] * 5, b"0\r\n\r\n", STAY],
    "a redirect to itself": [answer(b"", b"Location: /a redirect to itself", status=b"302 Found"), STAY],
}


BROKEN = ("cut", "unreadable", "reset")

SAID = {  # words of the reason that the cassette gives
    "reset after the request": "server closed connection",
    "closed after the request": "server closed connection",
    "reset in the status line": "unexpected server response: b'HTTP/1.1 20'",
    "closed in the headers": "unexpected server response",
    "closed in the body": "without sending complete message body (received 2 bytes, expected 100)",
    "closed in a large body": "without sending complete message body",
    "closed in a chunk": "incomplete chunked read",
    "garbage with lines": "Bad HTTP response line: b'hello'",
    "HTTP/0.9": "unexpected server response: b'<html>",
    "a status that is no number": "Bad HTTP response line",
    "a negative length": "invalid content-length header: '-1'",
    "two lengths": "invalid content-length header: '3, 2'",
    "an unknown transfer coding": "unknown transfer-encoding header: 'x-own'",
    "endless headers": "the head of the answer has more than",
    "an endless header": "the head of the answer has more than",
    "a header without a colon": "Invalid header line: b'X-A'",
    "endless trailers": "a line between chunks has more than",
    "an endless chunk extension": "a line between chunks has more than",
    "trailers that are none": "illegal header line",
    "a chunk size that is none": "illegal chunk header",
    "103 and no answer": "server closed connection",
}


@dataclass
class Bench:
    server: Bad
    proxy: Server
    cassette: Path

    @property
    def direct(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def both(self, kind: str, method: str = "GET") -> tuple[Got, Got]:
        """What a client gets for the same request from the server itself, and through the recorder."""
        return ask(self.direct, kind, method), ask(self.proxy.url, kind, method)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    cassette = tmp_path_factory.mktemp("bench") / "s.cassette"
    with Bad(KINDS) as server, by_command(f"http://127.0.0.1:{server.port}", cassette) as proxy:
        yield Bench(server, proxy, cassette)


def same_or_clear(direct: Got, behind: Got) -> bool:
    """Whether a client lost nothing: broken as without the recorder, or a 502 in its place, in the same time."""
    broken = direct.end in BROKEN and behind.end in BROKEN and behind.body == direct.body
    refused = direct.end in BROKEN and behind.is_clear
    return (behind.same == direct.same or broken or refused) and behind.seconds < direct.seconds + 2


TOLERATED = ("an empty line first",)  # h11 refuses what mitmproxy and browsers skip
REFUSED = ("the same length twice", "a list of the same length")  # h11 takes one of the lengths, mitmproxy none


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_gets_what_it_gets_without_the_recorder_or_a_clear_502(bench: Bench, kind: str) -> None:
    direct, behind = bench.both(kind)

    match kind:
        case _ if kind in TOLERATED:
            assert (direct.end, behind.status, behind.end) == ("unreadable", 200, "whole")
        case _ if kind in REFUSED:
            assert (direct.end, behind.is_clear) == ("whole", True)
        case _:
            assert same_or_clear(direct, behind), (direct, behind)


def test_forty_kinds_and_more() -> None:
    assert len(KINDS) + len(GREETINGS) + len(SECURE) + len(STREAMS) > 80


GREETINGS: dict[str, Steps] = {
    "reset when it connects": [RESET],
    "closed when it connects": [b""],
    "an answer before the request": [WHOLE],
    "an answer before the request, and more": [WHOLE, STAY],
}


@pytest.mark.parametrize("name", GREETINGS)
def test_a_server_that_does_not_wait_for_the_request(bench: Bench, name: str) -> None:
    found = []
    for url in (bench.direct, bench.proxy.url):
        bench.server.greeting = GREETINGS[name]
        found.append(ask(url, "two answers"))

    assert same_or_clear(*found), found


def test_a_head_request_is_answered_without_a_body_though_one_comes(bench: Bench) -> None:
    direct, behind = bench.both("too short a length", "HEAD")

    assert behind.same == direct.same == (200, b"", "whole", (), ())


AGAIN = ["a redirect to itself", "closed after the answer", "trailers", "103 before the answer", "two answers"]


@pytest.mark.parametrize("kind", AGAIN)
def test_the_next_request_on_the_same_connection_is_answered(bench: Bench, kind: str) -> None:
    with connected(bench.proxy.url) as line:
        answers = [final(line, kind) for _ in range(3)]

    assert answers[0] is not None
    assert answers == [answers[0]] * 3


def final(line: Line, kind: str) -> Raw | None:
    line.send(b"GET /%s HTTP/1.1\r\nHost: desk\r\n\r\n" % quote(kind).encode())
    while (answer := line.message()) is not None and answer.status < 200:
        pass
    return answer


def test_the_cassette_says_how_each_exchange_ended_and_doctor_finds_it_sound(bench: Bench) -> None:
    for kind in SAID:
        ask(bench.proxy.url, f"{kind}?said")

    until(lambda: f"/{kind}?said" in failures(bench.cassette), "the last one is recorded")
    reasons = failures(bench.cassette)
    assert {kind for kind, words in SAID.items() if words not in reasons[f"/{kind}?said"]} == set()
    assert {finding.level.value for finding in examine(bench.cassette)} <= {"remark"}


def failures(cassette: Path) -> dict[str, str]:
    records = read(cassette).records
    asked = {r.exchange: unquote(r.target) for r in records if isinstance(r, Request)}
    return {asked[r.exchange]: r.reason for r in records if isinstance(r, Failure)}


def get(kind: str, *headers: bytes) -> bytes:
    lines = [b"GET /%s HTTP/1.1" % quote(kind).encode(), b"Host: desk", *headers, b"", b""]
    return b"\r\n".join(lines)


CHUNKS = b"Transfer-Encoding: chunked"
ODD_CLIENTS = {
    "three requests at once": [get("no reason") * 3],
    "an empty line first": [b"\r\n" + get("no reason"), b"\r\n" + get("no reason")],
    "trailers": [get("no reason", CHUNKS) + b"2\r\nok\r\n0\r\nX-Sum: 1\r\nX-B: 2\r\n\r\n", get("no reason")],
    "Expect": [get("no reason", b"Expect: 100-continue", b"Content-Length: 2"), b"ok"],
    "h2c": [get("no reason", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")],
}


@pytest.mark.parametrize("name", ODD_CLIENTS)
def test_an_odd_client_is_answered(bench: Bench, name: str) -> None:
    sent = ODD_CLIENTS[name]
    with connected(bench.proxy.url) as line:
        for part in sent:
            line.send(part)
        asked = b"".join(sent).count(b"GET ")
        answers = [line.message() for _ in range(asked + (name == "Expect"))]

    assert [answer.body for answer in answers if answer and answer.status == 200] == [b"ok"] * asked


def test_a_client_that_closes_an_idle_connection_leaves_none_to_the_server(bench: Bench) -> None:
    with connected(bench.proxy.url) as line:
        final(line, "no reason")
        held = len(connections(bench.proxy))

    until(lambda: len(connections(bench.proxy)) <= held - 2, "the client's and the server's are closed")


def connections(server: Server) -> list[str]:
    """The sockets of a process."""
    found = []
    for descriptor in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(OSError):
            found.append(str(descriptor.readlink()))
    return [name for name in found if name.startswith("socket:")]


# TLS


SECURE = {  # what the server does; what the client hears
    "a certificate nobody trusts": ("self-signed", (), "Certificate verify failed"),
    "an expired certificate": ("expired", (), "Certificate verify failed"),
    "a certificate of another host": ("other", (), "Certificate verify failed"),
    "plain HTTP on a TLS port": ("self-signed", [WHOLE], "not speak TLS"),
    "closed in the handshake": ("self-signed", [b"\x16\x03\x03\x00\x7a\x02"], ""),
    "reset in the handshake": ("self-signed", [0.05, RESET], ""),
    "garbage in the handshake": ("self-signed", [bytes(range(256))], ""),
}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bad, Server, Path, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("tls")
    made = {
        "self-signed": certificate(folder, "localhost"),
        "expired": certificate(folder, "localhost", days=-1),
        "other": certificate(folder, "other.example"),
    }
    wraps = {name: wrapping(path) for name, path in made.items()}
    with (
        Bad(KINDS) as server,
        recorder("record", f"https://localhost:{server.port}", "-o", folder / "s.cassette") as proxy,
    ):
        yield server, proxy, folder / "s.cassette", wraps


@pytest.mark.parametrize("name", SECURE)
def test_a_tls_server_that_cannot_be_spoken_to_is_a_clear_502(secure: Any, name: str) -> None:
    server, proxy, cassette, wraps = secure
    wrap, greeting, words = SECURE[name]
    server.wrap, server.greeting = wraps[wrap], greeting

    behind = ask(proxy.url, f"two answers?{name}")

    assert behind.is_clear, behind
    assert words in behind.body.decode()
    until(lambda: words in failures(cassette).get(f"/two answers?{name}", "…"), "it is recorded why")
    server.greeting = greeting
    with pytest.raises(OSError), connected(f"http://localhost:{server.port}") as line:
        ssl.create_default_context().wrap_socket(line.socket, server_hostname="localhost")


# HTTP/2


def answered(server: Any, stream: int, *, ends: bool = True) -> None:
    server.send_headers(stream, [(":status", "200")])
    server.send_data(stream, b"ok", end_stream=ends)


def goes_away(server: Any, connection: Any, stream: int) -> None:
    """Announce the end of the connection, then answer, as nginx does at each thousandth request."""
    connection.sendall(server.data_to_send() + GOAWAY + stream.to_bytes(4) + bytes(4))
    answered(server, stream)


def fails(server: Any, connection: Any, stream: int) -> None:
    connection.sendall(GOAWAY + stream.to_bytes(4) + (2).to_bytes(4))
    connection.close()


def with_trailers(server: Any, _: Any, stream: int) -> None:
    answered(server, stream, ends=False)
    server.send_headers(stream, [("x-sum", "1")], end_stream=True)


def early(server: Any, _: Any, stream: int) -> None:
    server.send_headers(stream, [(":status", "103"), ("link", "</a>")])
    answered(server, stream)


def cuts(server: Any, connection: Any, stream: int) -> None:
    answered(server, stream, ends=False)
    connection.sendall(server.data_to_send())
    connection.close()


def resets(server: Any, _: Any, stream: int) -> None:
    server.reset_stream(stream, 2)


def cancels(server: Any, _: Any, stream: int) -> None:
    server.reset_stream(stream, 8)


def resets_late(server: Any, connection: Any, stream: int) -> None:
    answered(server, stream, ends=False)
    connection.sendall(server.data_to_send())
    server.reset_stream(stream, 2)


def speaks_http1(_: Any, connection: Any, __: int) -> None:
    connection.sendall(WHOLE)
    connection.close()


GOAWAY = bytes([0, 0, 8, 7, 0, 0, 0, 0, 0])
STREAMS = {
    "an answer": lambda server, _, stream: answered(server, stream),
    "GOAWAY with an error": fails,
    "RST_STREAM": resets,
    "RST_STREAM with CANCEL": cancels,
    "RST_STREAM in the body": resets_late,
    "cut in the body": cuts,
    "settings that are none": lambda _, connection, __: connection.sendall(b"\0\0\5\4\0\0\0\0\0hello"),
    "HTTP/1.1 where HTTP/2 was agreed": speaks_http1,
    "103 before the answer": early,
    "trailers": with_trailers,
}


@pytest.fixture(scope="module")
def multiplexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    folder = tmp_path_factory.mktemp("h2")
    options = ["--set", f"cassette={folder / 's.cassette'}", "--set", "ssl_insecure=true", "--listen-host=127.0.0.1"]
    with http2(wrapping(certificate(folder, "localhost"), "h2"), STREAMS | {"GOAWAY": goes_away}) as port:
        url = f"https://localhost:{port}"
        command = [MITMDUMP, "-s", str(ADDON), *options, "-p0", "--mode", f"reverse:{url}"]
        with serving(command, ready="listening at") as proxy:
            yield url, f"//127.0.0.1:{proxy.url.rpartition(':')[2]}", folder / "s.cassette"


@pytest.mark.parametrize("kind", STREAMS)
def test_an_http2_client_gets_what_it_gets_without_the_recorder_or_a_clear_502(multiplexed: Any, kind: str) -> None:
    direct, proxy, _ = multiplexed

    direct, behind = (ask_http2(url, f"/{quote(kind)}") for url in (direct, proxy))

    assert same_or_clear(direct, behind), (direct, behind)


@pytest.mark.parametrize(("kind", "code"), [("RST_STREAM", "INTERNAL_ERROR"), ("RST_STREAM with CANCEL", "CANCEL")])
def test_a_stream_that_the_server_resets_is_not_told_of_the_client(multiplexed: Any, kind: str, code: str) -> None:
    _, proxy, cassette = multiplexed

    behind = ask_http2(proxy, f"/{quote(kind)}")

    reason = f"stream reset by server ({code})"
    assert (behind.status, reason in behind.body.decode()) == (502, True), behind
    until(lambda: failures(cassette).get(f"/{kind}") == reason, "it is recorded who did it")
    assert any(reason in finding.text for finding in examine(cassette))


def test_a_connection_that_goes_away_gets_no_further_request(multiplexed: Any) -> None:
    # the library `h2` takes no frame after a GOAWAY, so a client of it is better off with the recorder than without
    assert ask_http2(multiplexed[1], "/GOAWAY", times=3).same == (200, b"ok", "whole", (), ())
    assert {finding.level.value for finding in examine(multiplexed[2])} <= {"remark"}


# Size


PIECES = 300  # MiB
LARGE: dict[str, Steps] = {
    "declared": [OK + b"Content-Length: %d\r\n\r\n" % (PIECES << 20), times(PIECES, MIB)],
    "chunked": [CHUNKED, times(PIECES, b"100000\r\n" + MIB + b"\r\n"), b"0\r\n\r\n"],
}
POLL = b'[{"channel":"/meta/connect","clientId":"c1","connectionType":"long-polling"}]'


def peak(server: Server) -> int:
    """The most memory that a process has had, in MiB."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) >> 10


class Sink(Bad):
    """A server that reads uploads without keeping them, and answers with their size."""

    def _serve(self, connection: Any) -> None:
        with suppress(OSError, ValueError, IndexError), connection:
            line = Line(connection)
            lines = list(iter(line.take_line, b""))
            lengths = [int(value.split(b":")[1]) for value in lines if value.lower().startswith(b"content-length")]
            count = lengths[0] if lengths and lines[0].startswith(b"PUT") else 0
            while count > 0:
                count -= len(line.take(min(count, 1 << 16)))
            if lines[0].startswith(b"PUT"):
                line.send(WHOLE)
            else:
                line.take(lengths[0] if lengths else 0)
                play(self.kinds[lines[0].split()[1].decode().removeprefix("/")], line)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    cassette = tmp_path_factory.mktemp("large") / "s.cassette"
    with Sink(LARGE) as server, by_command(f"http://127.0.0.1:{server.port}", cassette) as proxy:
        yield Bench(server, proxy, cassette)


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("poll", [b"", POLL])
def test_a_large_answer_arrives_whole_in_bounded_memory(large: Bench, kind: str, poll: bytes) -> None:
    with connected(large.proxy.url) as line:
        line.send(b"POST /%s HTTP/1.1\r\nHost: desk\r\n" % kind.encode())
        line.send(b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(poll), poll))
        count = 0
        while count < PIECES << 20 and (piece := line.socket.recv(1 << 20)):
            count += len(piece)

    assert count >= PIECES << 20
    assert peak(large.proxy) < 300


def test_a_large_upload_arrives_whole_in_bounded_memory_and_its_beginning_is_kept(large: Bench) -> None:
    with connected(large.proxy.url) as line:
        line.send(b"PUT /upload HTTP/1.1\r\nHost: desk\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
        for _ in range(64):
            line.send(MIB)
        answer = line.message()

    until(lambda: b"more went to the server" in large.cassette.read_bytes(), "it is recorded")
    records = read(large.cassette).records
    (kept,) = (r for r in records if isinstance(r, Request) and r.method == "PUT")
    (note,) = (r.text for r in records if isinstance(r, Note) and f"record {kept.seq} " in r.text)
    assert answer == Raw((b"HTTP/1.1 200 OK", b"Content-Length: 2"), b"ok")
    assert kept.body == MIB * 16
    assert note.endswith("is kept with the beginning of its body: 50331648 bytes more went to the server")
    assert peak(large.proxy) < 300
