"""Upstreams as they are, before a real `recorder record`; tests/capture/mitm/test_connections.py has more of them."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("mitmproxy")  # an extra: the suite runs without it too

import recorder as api
from recorder.cassette.reader import read
from recorder.errors import UpstreamError
from recorder.model import Note
from tests.certificates import Issued, authority, issued
from tests.integration.captures import ADDON
from tests.lab.byhand import Desk
from tests.lab.processes import MITMDUMP, recorder, serving

pytestmark = pytest.mark.once


class _Guarded(BaseHTTPRequestHandler):
    """A server that wants the login agent:hunter2."""

    def do_GET(self) -> None:
        wanted = f"Basic {base64.b64encode(b'agent:hunter2').decode()}"
        self.send_response(200 if self.headers["Authorization"] == wanted else 401)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def ca() -> Issued:
    return authority()


@pytest.fixture(scope="module")
def guarded(ca: Issued, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a certificate of the lab's CA, which wants a certificate of the client and a login."""
    folder = tmp_path_factory.mktemp("guarded")
    context = issued(ca, "localhost").server(folder / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca.saved(folder / "ca.pem"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Guarded)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_guarded_server_is_recorded_and_no_login_is_in_the_cassette(guarded: str, ca: Issued, tmp_path: Path) -> None:
    own, login, cassette = tmp_path / "own.pem", tmp_path / "login", tmp_path / "s.cassette"
    issued(ca, "desk.example").saved(own, key=True)
    login.touch(0o600)
    login.write_text("agent:hunter2\n")
    options = ["--upstream-ca", ca.saved(tmp_path / "ca.pem"), "--client-cert", own, "--upstream-auth", f"@{login}"]

    with recorder("record", guarded.upper(), "-o", cassette, "--no-redaction", *options) as proxy:
        answer = Desk(proxy.url).sends("GET", "/api/v2/me").answer()

    assert answer.status == 200
    assert [type(r) for r in read(cassette).records if isinstance(r, Note)] == [Note]
    assert read(cassette).header.upstream == guarded
    assert "certificate" not in proxy.stderr
    assert not any(secret in cassette.read_bytes() for secret in (b"hunter2", base64.b64encode(b"agent:hunter2")))


def test_the_python_api_takes_the_options_and_tells_what_was_refused(guarded: str, tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    with api.Recorder(guarded, cassette, options=["--no-redaction"]) as recorded:
        answer = Desk(recorded.url).sends("GET", "/api/v2/me").answer()

    assert answer.status == 502
    (note,) = [r for r in read(cassette).records if isinstance(r, Note) and r.kind == "certificate"]
    assert "--upstream-ca FILE (or SSL_CERT_FILE)" in note.text

    with (
        pytest.raises(UpstreamError, match=r"none\.pem: cannot be read"),
        api.Recorder(guarded, tmp_path / "t.cassette", options=["--upstream-ca", str(tmp_path / "none.pem")]),
    ):
        pass
    assert not (tmp_path / "t.cassette").exists()


def test_the_script_names_the_options_of_mitmproxy(guarded: str, tmp_path: Path) -> None:
    cassette = tmp_path / "s.cassette"
    options = ["--set", f"cassette={cassette}", "--mode", f"reverse:{guarded}", "--listen-host=127.0.0.1", "-p0"]
    with serving([MITMDUMP, "-s", str(ADDON), *options], ready="listening at") as proxy:
        answer = Desk(f"http://{proxy.url.removeprefix('http://')}").sends("GET", "/api/v2/me").answer()

    assert answer.status == 502
    (note,) = [r for r in read(cassette).records if isinstance(r, Note) and r.kind == "certificate"]
    assert "--set ssl_verify_upstream_trusted_ca=FILE" in note.text
