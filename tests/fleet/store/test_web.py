"""Files of web servers are read by ranges, or whole where a server has none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from recorder.cassette.reader import open_cassette, read
from recorder.errors import CassetteError, InputError, UsageError
from recorder.files import Remote
from recorder.fleet.store.places import RemotePath
from recorder.output import refuse

SEALED = Path("tests/cassettes/v0.1/sealed.cassette")
LARGE = bytes(range(256)) * 4000


class Site(ThreadingHTTPServer):
    """A web server.

    Attributes:
        files: Contents by path.
        has_ranges: Whether it answers with ranges.
        busy: Number of requests that it does not answer now.
        lies: Headers of a part that are other than they should be; None: it lacks.
        surplus: Bytes behind those of a part.
        asked: Method, path with its query, and range of each request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.has_ranges = True
        self.busy = 0
        self.lies: dict[str, str | None] = {}
        self.surplus = b""
        self.asked: list[str] = []

    def at(self, path: str) -> Remote:
        return RemotePath(f"http://me:secret@127.0.0.1:{self.server_port}{path}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        self.server.asked.append(f"{self.command} {self.path} {self.headers.get('Range', '')}")
        content = self.server.files.get(self.path.partition("?")[0])
        if self.server.busy:
            self.server.busy -= 1
            self._send(503, b"")
        elif content is None or self.path.endswith("?denied"):
            self._send(404 if content is None else 403, b"")
        elif wanted and self.server.has_ranges:
            first, last = int(wanted[1]), min(int(wanted[2]), len(content) - 1)
            part = content[first : last + 1] + self.server.surplus
            self._send(206, part, f"bytes {first}-{last}/{len(content)}", str(hash(content)))
        else:
            self._send(200, content)

    def _send(self, status: int, content: bytes, placed: str = "", mark: str = "") -> None:
        self.send_response(status)
        headers: dict[str, str | None] = {"Content-Range": placed, "ETag": f'"{mark}"'} if placed else {}
        for name, value in (headers | self.server.lies if placed else headers).items():
            if value is not None:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.files = {"/a.cassette": SEALED.read_bytes(), "/large": LARGE, "/empty": b""}
        yield server
        server.shutdown()
        thread.join()


def test_a_cassette_is_read_by_ranges(site: Site) -> None:
    assert read(site.at("/a.cassette?sig=secret")) == read(SEALED)
    assert site.asked[0] == "GET /a.cassette?sig=secret bytes=0-32767"


def test_a_look_up_asks_for_a_part(site: Site) -> None:
    with site.at("/large").opened() as file:
        file.seek(500_000)

        assert file.read(10) == LARGE[500_000:500_010]
    assert [asked.rpartition(" ")[2] for asked in site.asked] == ["bytes=0-32767", "bytes=500000-532767"]


def test_a_server_without_ranges_is_read_whole_once(site: Site) -> None:
    site.has_ranges = False

    with site.at("/large").opened() as file:
        file.seek(500_000)
        assert file.read(10) == LARGE[500_000:500_010]
        file.seek(0)
        assert file.read() == LARGE
    assert len(site.asked) == 1


def test_a_file_that_was_replaced_is_no_mix_of_two(site: Site) -> None:
    with site.at("/large").opened() as file:
        file.read(10)
        site.files["/large"] = LARGE[::-1]

        with pytest.raises(InputError, match=r"^http://…@127.0.0.1:\d+/large: was replaced while it was read"):
            file.read()


def test_what_the_server_refuses_is_told_without_secrets(site: Site) -> None:
    with pytest.raises(CassetteError, match=r"^http://…@127.0.0.1:\d+/none: does not exist$"):
        open_cassette(site.at("/none"))
    with pytest.raises(CassetteError, match=r"^http://…@127.0.0.1:\d+/a.cassette\?…: access denied") as told:
        open_cassette(site.at("/a.cassette?denied"))
    assert "secret" not in str(told.value)
    with pytest.raises(CassetteError, match="is empty, not a cassette"):
        open_cassette(site.at("/empty"))


def test_a_size_is_known_without_a_head_request(site: Site) -> None:
    assert site.at("/large").stat().st_size == len(LARGE)
    assert site.at("/large").exists()
    assert not site.at("/none").exists()
    assert not [asked for asked in site.asked if not asked.startswith("GET")]


def test_a_busy_server_is_asked_again(site: Site) -> None:
    site.busy = 2

    assert site.at("/large").read_bytes() == LARGE
    assert len([asked for asked in site.asked if asked.endswith("bytes=0-32767")]) == 3


def test_nothing_is_written_there(site: Site) -> None:
    with pytest.raises(UsageError, match="is on the web"):
        refuse(site.at("/new"), force=True)
    assert site.asked == []


@pytest.mark.parametrize(
    "lies",
    [
        {"ETag": None},
        {"Content-Range": "bytes 0-32767/*"},
        {"Content-Range": f"bytes 0-32767/{'9' * 5000}"},
        {"Content-Range": "bytes 5-32767/1024000"},
        {"Content-Encoding": "br-or-else"},
    ],
    ids=["no mark", "no size", "no number", "other place", "packed"],
)
def test_a_file_whose_ranges_cannot_be_trusted_is_read_whole(lies: dict[str, str | None], site: Site) -> None:
    site.lies = lies

    with site.at("/large").opened() as file:
        site.files["/large"] = LARGE[::-1]
        file.seek(500_000)

        assert file.read(10) == LARGE[500_000:500_010]
    assert [asked.rpartition(" ")[2] for asked in site.asked] == ["bytes=0-32767", ""]


def test_more_bytes_than_were_asked_for_are_not_taken(site: Site) -> None:
    site.surplus = b"surplus" * 100_000

    with site.at("/large").opened() as file:
        assert file.read() == LARGE
