"""Clients of all kinds on the fixture: in the test's thread, in its event loop, in other processes, in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.plugin.playing import Playing
from tests.lab.browser import Browser, play_in_page, serving_pages
from tests.lab.sessions import preview_session
from tests.plugin.conftest import Suite

ROOT = Path(__file__).parents[2]


def test_sync_clients(suite: Suite) -> None:
    result = suite(
        """
pytestmark = pytest.mark.cassette("preview-session", unplayed="fail")
def test_http_client(standin):
    assert len(works(standin.url, "mine-")) == 14
@pytest.mark.cassette(unplayed="ignore")
def test_urllib(standin):
    assert post(standin.url, "StartPreviewSession") == 200
@pytest.mark.cassette(unplayed="ignore")
def test_requests(standin):
    requests = pytest.importorskip("requests")
    from tests.plugin.desktop import request
    path, body = request("StartPreviewSession", "mine-1")
    assert requests.post(standin.url + path, json=body, timeout=20).json() == {"statusCode": 0}
""",
        "-n",
        "0",
    )  # in a process of its own: requests keeps the class of cookie jars that it found first

    result.assert_outcomes(passed=3)


def test_async_clients_in_an_event_loop_of_the_test(suite: Suite) -> None:
    result = suite("""
import aiohttp, asyncio, httpx
from recorder.cli.desktop import agent
from tests.plugin.desktop import OPERATIONS, request
pytestmark = [pytest.mark.cassette("preview-session", unplayed="ignore"), pytest.mark.anyio]
@pytest.fixture
def anyio_backend():
    return "asyncio"
@pytest.mark.cassette(unplayed="fail")
async def test_aiocometd(standin):
    async with agent(standin.url) as desktop:
        for name, step in OPERATIONS.items():
            status, _ = await desktop.post(*request(name, name))
            await desktop.events(lambda found: len(found) == step["events"])
        await asyncio.to_thread(standin.wait_idle)
        assert standin.session().parked
async def test_aiohttp(standin):
    path, body = request("StartPreviewSession", "mine-1")
    async with aiohttp.ClientSession() as http, http.post(standin.url + path, json=body) as answer:
        assert await answer.json() == {"statusCode": 0}
async def test_httpx(standin):
    path, body = request("StartPreviewSession", "mine-1")
    async with httpx.AsyncClient() as http:
        assert (await http.post(standin.url + path, json=body)).json() == {"statusCode": 0}
async def test_a_miss(standin):
    async with httpx.AsyncClient() as http:
        await http.get(standin.url + "/api/v2/other")
""")

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["no recorded request matches GET /api/v2/other*"])


def test_a_client_in_a_process_of_its_own(suite: Suite) -> None:
    result = suite("""
import subprocess, sys
@pytest.mark.cassette("preview-session", unplayed="fail")
def test_subprocess(standin):
    program = "import sys; from tests.plugin.desktop import works; works(sys.argv[1], 'mine-')"
    subprocess.run([sys.executable, "-c", program, standin.url], check=True)
    assert standin.session().left
""")

    result.assert_outcomes(passed=1)


@pytest.mark.node
@pytest.mark.once
def test_cometds_client_in_node(suite: Suite) -> None:
    result = suite("""
from tests.lab.lab import run_js_client
from tests.lab.sessions import preview_session
@pytest.mark.cassette("preview-session", unplayed="fail")
def test_node(standin):
    lines = run_js_client(standin.url, preview_session("js-", 0.0))
    assert sum(line["kind"] == "event" for line in lines) == 14
    assert standin.misses == []
""")

    result.assert_outcomes(passed=1)


@pytest.mark.browser
@pytest.mark.node
@pytest.mark.once
@pytest.mark.cassette(ROOT / "cassettes" / "preview-session.cassette", unplayed="fail")
def test_a_page_in_a_browser(standin: Playing, browser: Browser) -> None:
    with serving_pages() as origin:
        lines = play_in_page(browser, origin, standin.url, preview_session("page-", 0.0))

    assert sum(line["kind"] == "event" for line in lines) == 14


CLOSED = """
import sys
CONNECTED = set()
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.posix_spawn"):
        CONNECTED.add((event, *arguments[1:2]) if event.startswith("socket.c") else (event, str(arguments)))
sys.addaudithook(watch)
"""


def test_the_mode_none_opens_no_socket_to_anything_but_the_stand_in(suite: Suite) -> None:
    tests = (
        CLOSED
        + """
PORTS = set()
@pytest.fixture
def only_the_stand_in():
    yield
    assert {a for e, a in CONNECTED if e == "socket.connect"} == {("127.0.0.1", port) for port in PORTS}
    assert {e for e, _ in CONNECTED} <= {"socket.connect", "socket.getaddrinfo"}
    assert all("localhost" in a for e, a in CONNECTED if e == "socket.getaddrinfo")
@pytest.mark.cassette("preview-session", mode="once", upstream="http://gws.example:8090")
@pytest.mark.cassette(unplayed="ignore", misses="ignore")
@pytest.mark.parametrize("paced", [False, pytest.param(True, marks=pytest.mark.cassette(rate="instant"))])
def test_a(only_the_stand_in, standin, paced):
    PORTS.add(int(standin.url.rpartition(":")[2]))
    works(standin.url, "mine-", ["StartPreviewSession", "GetPreviewRecord"])
    assert post(standin.url, "UpdateRecord", phoneNumber=[], operationName="Nonsense") == 470
    standin.report()
@pytest.mark.cassette("missing", mode="once", upstream="http://gws.example:8090")
def test_missing(standin): pass
def test_the_trap_sees_connections():
    import socket
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", 1))
    assert ("socket.connect", ("127.0.0.1", 1)) in CONNECTED
"""
    )

    result = suite(tests, "--cassette-mode", "none", "-n", "0")  # in a process of its own: hooks stay

    result.assert_outcomes(passed=3, errors=1)
