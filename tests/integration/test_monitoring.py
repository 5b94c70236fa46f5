"""A recorder and a stand-in as processes, watched from outside: health, counters, and a log that is rotated."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from recorder.cassette.reader import read
from recorder.model import Request
from tests.lab.processes import RECORDER, Server, recorder, serving, until
from tests.replay.server.test_monitoring import documented

HEALTH = "/__recorder/health"
OK = b'{"status": "ok"}\n'
WITH_TOKEN = os.environ | {"RECORDER_CONTROL_TOKEN": "c0ntrol"}
WAYS = {  # HAProxy asks as in the first of these
    "HTTP/1.0": f"GET {HEALTH} HTTP/1.0\r\n\r\n",
    "by a name": f"GET {HEALTH} HTTP/1.1\r\nHost: recorder.example\r\nConnection: close\r\n\r\n",
}


class Upstream(BaseHTTPRequestHandler):
    """A server that would answer for the recorder."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"other")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def asked(url: str, content: str) -> tuple[int, bytes]:
    """Status and body of the answer to these bytes; the server must close the connection behind it."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=20) as connection:
        connection.sendall(content.encode())
        found = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, body = found.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def counters(server: Server, token: str = "c0ntrol") -> dict[str, float]:
    head = f"Host: recorder.example\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    status, body = asked(server.url, f"GET /__recorder/metrics HTTP/1.1\r\n{head}")
    assert status == 200, body
    families = text_string_to_metric_families(body.decode())
    return {"".join((one.name, *one.labels.values())): one.value for family in families for one in family.samples}


def targets(cassette: Path) -> list[str]:
    return [record.target for record in read(cassette).records if isinstance(record, Request)]


def test_in_reverse_mode_health_is_the_recorders_at_each_port_and_is_not_recorded(
    upstream: str, tmp_path: Path
) -> None:
    cassette = tmp_path / "s.cassette"
    other = upstream.replace("127.0.0.1", "localhost")
    with recorder("record", upstream, "-o", cassette, "--also", f"login={other}") as server:
        line = server.process.stdout.readline() if server.process.stdout else ""
        answers = [asked(url, way) for url in (server.url, line.split()[-1]) for way in WAYS.values()]
        passed = asked(server.url, "GET /x HTTP/1.0\r\n\r\n")
        hidden = asked(server.url, "GET /__recorder/metrics HTTP/1.0\r\n\r\n")
        headed = asked(server.url, f"HEAD {HEALTH} HTTP/1.0\r\n\r\n")
        posted, _ = asked(server.url, f"POST {HEALTH} HTTP/1.0\r\nContent-Length: 2\r\n\r\n{{}}")

    assert answers == [(200, OK)] * 4
    assert passed == hidden == (200, b"other")  # without a token there are no counters
    assert headed == (200, b"")
    assert posted == 405
    assert targets(cassette) == ["/x", "/__recorder/metrics"]


@pytest.mark.parametrize("mode", ["regular", "upstream:"])
def test_in_other_modes_health_is_asked_for_at_the_proxys_own_address(mode: str, upstream: str, tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    how = ["--mode", mode + upstream * mode.endswith(":"), "--host", "127.0.0.1", "--ca-dir", tmp_path / "ca"]
    with recorder("record", *how, "-o", cassette) as server:
        answers = [asked(server.url, way) for way in WAYS.values()]
        through = asked(server.url, f"GET {upstream}{HEALTH} HTTP/1.0\r\n\r\n")

    assert answers == [(200, OK)] * 2
    assert through == (200, b"other")
    assert targets(cassette) == [HEALTH]


def test_a_port_of_socks_answers_for_the_health_in_plain_http_and_nothing_else(tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with recorder("record", "--mode", "socks5", "--ca-dir", tmp_path / "ca", "-o", cassette) as server:
        answers = [asked(server.url, way) for way in WAYS.values()]
        ahead = asked(
            server.url, WAYS["by a name"].replace("close", "keep-alive") + "GET http://127.0.0.1:1/ HTTP/1.0\r\n\r\n"
        )
        parts = urlsplit(server.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as connection:
            connection.sendall(b"GET /other HTTP/1.0\r\n\r\n")
            other = connection.recv(1)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as connection:
            connection.sendall(b"\x05\x01\x00")  # RFC 1928: version 5, no authentication
            greeted = connection.recv(2)

    assert [*answers, ahead] == [(200, OK)] * 3
    assert (other, greeted) == (b"", b"\x05\x00")
    assert targets(cassette) == []


def test_a_recorder_counts_what_it_records_and_says_when_it_does_not(upstream: str, tmp_path: Path) -> None:
    limited = ["bash", "-c", 'ulimit -f 24; exec "$0" "$@"', RECORDER, "record", upstream]
    command = [*limited, "-o", str(tmp_path / "s.cassette"), "--on-full", "pass", "--no-redaction"]
    with serving(command, ready="listening on ", env=WITH_TOKEN) as server:
        before = counters(server)
        asked(server.url, "GET /x HTTP/1.0\r\n\r\n")
        after = counters(server)
        refused = asked(server.url, "GET /__recorder/metrics HTTP/1.0\r\nAuthorization: Bearer other\r\n\r\n")
        for _ in range(10):
            asked(server.url, f"GET /{'x' * 4000} HTTP/1.0\r\n\r\n")
        until(lambda: counters(server)["recorder_recording"] == 0, "the disk is full")
        full, left = asked(server.url, WAYS["HTTP/1.0"]), counters(server)

    assert (before["recorder_requests_total"], after["recorder_requests_total"]) == (0, 1)
    assert (after["recorder_responses_total"], after["recorder_exchanges_open"], after["recorder_parts"]) == (1, 0, 1)
    assert after["recorder_recording"] == 1
    assert documented("A recorder:", "Both:") == {
        name.partition("_total")[0] + "_total" * ("_total" in name) for name in after if name.startswith("recorder_")
    }
    assert refused[0] == 403
    assert full == (200, b'{"status": "passing, not recorded"}\n')
    assert left["recorder_written_bytes_total"] >= after["recorder_written_bytes_total"] > 0
