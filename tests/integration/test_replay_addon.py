"""Clients reach the stand-in by the recorded server's name, through a real mitmproxy; nothing else is ever reached."""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import os
import re
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any, Self

import aiohttp
import pytest
from aiocometd_noloop import Client, ConnectionType

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.cli.desktop import CHANNELS, Agent
from recorder.library.recording import load_recording
from recorder.model import Request, Response

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from mitmproxy.exceptions import OptionsError
from mitmproxy.test import taddons

from tests.integration.test_replaying import at_least, by_step, without_id
from tests.lab.byhand import Answer, Desk, Sent
from tests.lab.lab import run_js_client
from tests.lab.processes import MITMDUMP, serving, until
from tests.lab.sessions import preview_session

ROOT = Path(__file__).parents[2]
ADDON = ROOT / "addons" / "replay.py"
SESSION = ROOT / "cassettes" / "preview-session.cassette"
CAMPAIGN = "/api/v2/me/outbound-campaigns/Campaign1"
_LIMIT = 30.0


def written(path: Path, upstream: str) -> Path:
    """The shipped session as if it had been recorded from another server."""
    cassette = read(SESSION)
    old, new = cassette.header.upstream.encode(), upstream.encode()
    records = [
        replace(r, body=r.body.replace(old, new)) if isinstance(r, Request | Response) else r for r in cassette.records
    ]
    header = replace(cassette.header, upstream=upstream)
    path.write_bytes(encode_header(header) + b"".join(map(encode, records)))
    return path


@dataclass
class Proxy:
    """A mitmdump with the addon; `log` are the lines it wrote since it listens."""

    host: str
    port: int
    ca: Path
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)

    def logged(self, text: str) -> int:
        """In how many lines of the log a text stands."""
        return sum(text in line for line in self.log)


@contextmanager
def replaying(folder: Path, *options: str, mode: str = "regular", script: Path = ADDON) -> Iterator[Proxy]:
    command = [MITMDUMP, "-s", str(script), "--set", f"confdir={folder}", "--listen-host=127.0.0.1", "-p0"]
    sets = [part for option in options for part in ("--set", option)]
    with serving([*command, "--mode", mode, *sets], ready="listening at") as server:
        host, _, port = server.url.removeprefix("http://").rpartition(":")
        proxy = Proxy(host, int(port), folder / "mitmproxy-ca-cert.pem", server.process)
        reading = Thread(target=_collect, args=(server.process.stdout, proxy.log), daemon=True)
        reading.start()
        yield proxy
    reading.join(_LIMIT)
    assert server.code == 0, server.stderr
    assert not proxy.logged("Traceback"), "\n".join(proxy.log)


def _collect(stdout: Any, lines: list[str]) -> None:
    with suppress(ValueError):  # closed meanwhile
        lines.extend(line.rstrip() for line in stdout)


class Tunnelled(Desk):
    """A desktop that reaches a server through a proxy: by CONNECT where it is https, else by absolute addresses."""

    def __init__(self, proxy: Proxy, server: str, auth: str | None = None) -> None:
        super().__init__(server, auth)
        self._proxy, self._is_tls = proxy, server.startswith("https:")

    def sends(self, method: str, path: str, content: Any = None, **headers: str) -> Sent:
        connection: http.client.HTTPConnection
        if self._is_tls:
            connection = http.client.HTTPSConnection(
                self._proxy.host, self._proxy.port, timeout=_LIMIT, context=self._proxy.trust
            )
            connection.set_tunnel(self._address)
            target = path
        else:
            connection = http.client.HTTPConnection(self._proxy.host, self._proxy.port, timeout=_LIMIT)
            target = f"http://{self._address}{path}"
        body = b"" if content is None else json.dumps(content).encode()
        connection.request(method, target, body, {"Content-Type": "application/json"} | self.headers | headers)
        sent = Sent(connection, self)
        self._sent.append(sent)
        return sent

    def starts_session(self, reference: str) -> Sent:
        """The first operation of the recorded session; it causes one event."""
        content = json.loads(load_recording(SESSION).triples[0].request.body) | {"referenceId": reference}
        return self.posts(CAMPAIGN, content)


class Trap:
    """A port that nobody may connect to."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @property
    def authority(self) -> str:
        return f"localhost:{self._listener.getsockname()[1]}"

    def connections(self) -> int:
        """How many came since the last call; the kernel takes them whether or not they are accepted."""
        count = 0
        with suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()
                count += 1
        return count


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A regular proxy that stands in for https://gws.example."""
    folder = tmp_path_factory.mktemp("proxy")
    cassette = written(folder / "gws.cassette", "https://gws.example")
    with replaying(folder, f"cassette={cassette}", "rate=instant") as running:
        yield running


@asynccontextmanager
async def agent(server: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Agent]:
    """An aiocometd desktop behind the proxy, as `recorder.cli.desktop` makes one without."""
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    bayeux = Client(f"{server}/api/v2/notifications", ConnectionType.LONG_POLLING, ssl=proxy.trust)
    session = aiohttp.ClientSession(trust_env=True, connector=aiohttp.TCPConnector(ssl=proxy.trust))
    bayeux._http_session = session  # aiocometd has no public way to a proxy
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # it never looks at the poll it cancels
    async with bayeux:
        for channel in CHANNELS:
            await bayeux.subscribe(channel)
        desktop = Agent(server, bayeux, session)
        listening = asyncio.create_task(desktop.listen())
        try:
            yield desktop
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


# The recorded host


def test_aiocometd_plays_the_session_by_the_production_name_over_tls(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = load_recording(SESSION).triples

    async def play() -> list[list[dict[str, Any]]]:
        seen = []
        async with agent("https://gws.example", proxy, monkeypatch) as desktop:
            for triple in recorded:
                body = json.loads(triple.request.body) | {"referenceId": f"mine-{triple.n}"}
                status, ack = await desktop.post(triple.request.target, body)
                assert status == 200, ack
                seen.append(await desktop.events(at_least(len(triple.events)), limit=_LIMIT))
        return seen

    seen = asyncio.run(play())

    assert [[(e["channel"], without_id(e["data"])) for e in events] for events in seen] == [
        [(link.event.channel, without_id(link.event.data)) for link in triple.events] for triple in recorded
    ]
    ids = [{e["data"]["referenceId"] for e in events if "referenceId" in e["data"]} for events in seen]
    assert ids == [{f"mine-{n}"} for n in range(1, 7)]


def test_the_events_of_a_poll_that_is_given_up_come_with_the_next(proxy: Proxy) -> None:
    desk = Tunnelled(proxy, "https://gws.example", "abort:secret").connected()
    before = proxy.logged("server connect"), proxy.logged("server disconnect")
    poll = desk.polls()
    until(lambda: proxy.logged("server connect") > before[0], "the poll is on its way to the stand-in")
    poll.abort()
    until(lambda: proxy.logged("server disconnect") > before[1], "the proxy gives up its poll too")

    ack = desk.starts_session("after-abort").answer()
    events = desk.hears(1)

    assert ack.status == 200
    assert [data["referenceId"] for _, data in events] == ["after-abort"]


def test_a_held_poll_is_answered_when_its_event_comes(proxy: Proxy) -> None:
    desk = Tunnelled(proxy, "https://gws.example", "held:secret").connected()
    poll = desk.polls()

    assert desk.starts_session("held").answer().status == 200
    assert [data["referenceId"] for _, data in desk.hears(1, poll)] == ["held"]


def test_a_name_is_the_same_in_capitals_and_on_another_port(proxy: Proxy) -> None:
    answers = [
        Tunnelled(proxy, server, f"name{n}:secret").sends("GET", "/api/v2/me").answer()
        for n, server in enumerate(["https://GWS.example", "https://gws.example:8443", "http://gws.example:8090"])
    ]

    assert [answer.status for answer in answers] == [200, 200, 200]


def test_recorded_addresses_keep_the_name_and_the_scheme_the_client_uses(proxy: Proxy) -> None:
    me = Tunnelled(proxy, "https://gws.example", "me:secret").sends("GET", "/api/v2/me").answer()

    assert json.loads(me.body)["user"]["uri"] == "https://gws.example/api/v2/users/lab-agent"


def test_a_miss_is_in_the_log_of_mitmproxy(proxy: Proxy) -> None:
    answer = Tunnelled(proxy, "https://gws.example", "miss:secret").sends("GET", "/api/v2/nothing").answer()

    assert answer.status == 470
    for line in answer.body.decode().splitlines():
        until(lambda line=line: proxy.logged(line) > 0, f"in the log: {line}")


# All other hosts


def test_a_page_of_another_origin_is_refused_by_the_stand_in(proxy: Proxy) -> None:
    refused = Tunnelled(proxy, "https://gws.example").sends("GET", "/api/v2/me", Origin="https://evil.example").answer()
    own = Tunnelled(proxy, "https://gws.example").sends("GET", "/api/v2/me", Origin="https://gws.example").answer()

    assert refused.status == 403
    assert own.status != 403
    until(lambda: proxy.logged("--allow-origin https://evil.example") == 1, "the refusal is logged")


def test_more_hosts_and_pages_are_served_if_they_are_named(tmp_path: Path) -> None:
    cassette = written(tmp_path / "gws.cassette", "https://gws.example")
    allowed = ("hosts=other.example:8443", "allow_origins=https://desk.example", "allow_origins=null")
    with replaying(tmp_path, f"cassette={cassette}", *allowed) as proxy:
        for origin in ("https://desk.example", "null", "https://other.example"):
            desk = Tunnelled(proxy, "https://other.example:8443")
            assert desk.sends("GET", "/api/v2/me", Origin=origin).answer().status != 403
        desk = Tunnelled(proxy, "https://other.example:8443")
        assert desk.sends("GET", "/api/v2/me", Origin="https://evil.example").answer().status == 403


def test_another_host_is_refused_by_name(proxy: Proxy) -> None:
    answer = Tunnelled(proxy, "http://other.example").sends("GET", "/").answer()

    assert answer.status == 470
    assert answer.body == b"other.example:80 is not replayed, only gws.example; nothing was sent there\n"
    until(lambda: proxy.logged("refused: other.example:80") == 1, "the log tells of it")


def test_a_tunnel_to_another_host_is_refused_with_the_reason_in_the_status_line(proxy: Proxy) -> None:
    with pytest.raises(OSError, match=r"470 Recorder Miss: other\.example:443 is not replayed, only gws\.example"):
        Tunnelled(proxy, "https://other.example").sends("GET", "/")


def play(proxy: Proxy, server: str) -> Answer:
    return Tunnelled(proxy, server, "trapped:secret").connected().starts_session("trapped").answer()


def test_as_a_regular_proxy_it_never_connects_to_the_recorded_server(tmp_path: Path) -> None:
    with Trap() as trap, Trap() as other:
        cassette = written(tmp_path / "t.cassette", f"http://{trap.authority}")
        with replaying(tmp_path, f"cassette={cassette}", "connection_strategy=eager") as proxy:
            answers = [play(proxy, f"{scheme}://{trap.authority}") for scheme in ("http", "https")]
            refused = Tunnelled(proxy, f"http://{other.authority}").sends("GET", "/").answer()
            with pytest.raises(OSError, match="Recorder Miss"):
                Tunnelled(proxy, f"https://{other.authority}").sends("GET", "/")

        assert [answer.status for answer in answers] == [200, 200]
        assert refused.status == 470
        assert (trap.connections(), other.connections()) == (0, 0)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_as_a_reverse_proxy_it_never_connects_to_the_recorded_server(tmp_path: Path, scheme: str) -> None:
    with Trap() as trap:
        server = f"{scheme}://{trap.authority}"
        cassette = written(tmp_path / "t.cassette", server)
        with replaying(tmp_path, f"cassette={cassette}", mode=f"reverse:{server}") as proxy:
            desk = Desk(proxy.url, "reverse:secret").connected()
            poll = desk.polls()
            content = json.loads(load_recording(SESSION).triples[0].request.body)
            ack = desk.asks(CAMPAIGN, content)
            events = desk.hears(1, poll)
            me = desk.sends("GET", "/api/v2/me").answer()

        assert (ack.status, len(events)) == (200, 1)
        assert json.loads(me.body)["user"]["uri"] == f"{proxy.url}/api/v2/users/lab-agent"
        assert trap.connections() == 0


def test_in_front_of_another_proxy_it_never_connects_to_that(tmp_path: Path) -> None:
    with Trap() as trap:
        cassette = written(tmp_path / "t.cassette", "https://gws.example")
        with replaying(tmp_path, f"cassette={cassette}", mode=f"upstream:http://{trap.authority}") as proxy:
            answers = [play(proxy, f"{scheme}://gws.example") for scheme in ("http", "https")]
            refused = Tunnelled(proxy, "http://other.example").sends("GET", "/").answer()

        assert [answer.status for answer in answers] == [200, 200]
        assert refused.status == 470
        assert trap.connections() == 0


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param("def request(flow): flow.request.host, flow.request.port = {address}", id="turned away later"),
        pytest.param("def request(flow): flow.request.headers = None", id="a hook that fails"),
        pytest.param("def requestheaders(flow): flow.request.stream = True", id="streamed before it is whole"),
    ],
)
def test_whatever_other_scripts_do_nothing_else_is_connected_to(tmp_path: Path, hook: str) -> None:
    with Trap() as trap:
        host, _, port = trap.authority.partition(":")
        script = tmp_path / "other.py"
        script.write_text(hook.format(address=(host, int(port))))
        cassette = written(tmp_path / "t.cassette", f"http://{trap.authority}")
        options = [f"cassette={cassette}", f"scripts={script}"]
        with replaying(tmp_path, *options) as proxy, suppress(OSError, http.client.HTTPException):
            Tunnelled(proxy, f"http://{trap.authority}").posts("/api/v2/me", {"a": 1}).answer()

        assert trap.connections() == 0


def test_the_trap_would_tell() -> None:
    with Trap() as trap:
        host, _, port = trap.authority.partition(":")
        socket.create_connection((host, int(port))).close()

        assert trap.connections() == 1


# Start and end


@pytest.mark.node
def test_the_cometd_client_plays_the_session_through_a_reverse_proxy(tmp_path: Path) -> None:
    cassette = written(tmp_path / "gws.cassette", "https://gws.example")
    with replaying(tmp_path, f"cassette={cassette}", "rate=20", mode="reverse:https://gws.example") as proxy:
        lines = run_js_client(proxy.url, preview_session("other-", 0.0))

    expected = [
        [(link.event.channel, without_id(link.event.data)) for link in triple.events]
        for triple in load_recording(SESSION).triples
    ]
    steps = by_step(lines)
    assert [steps[step] for step in sorted(steps)] == expected


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "set the option cassette"),
        (["cassette={missing}"], "cannot replay"),
    ],
)
def test_what_cannot_be_replayed_ends_mitmproxy_at_once(tmp_path: Path, options: list[str], reason: str) -> None:
    sets = [part for option in options for part in ("--set", option.format(missing=tmp_path / "missing"))]

    ended = subprocess.run(
        [MITMDUMP, "-s", str(ADDON), "--set", f"confdir={tmp_path}", "--listen-host=127.0.0.1", "-p0", *sets],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert ended.returncode == 1
    assert reason in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("cassette", "options", "reason"),
    [
        ("good", {"rate": "fast"}, "'fast' is neither a positive number nor 'instant'"),
        ("missing", {}, "cannot replay"),
        ("bad", {}, "cannot replay"),
        ("nameless", {}, "the cassette names no host"),
        ("good", {"hosts": "gws.example:no"}, "cannot replay"),
        ("good", {"dialect": "no.toml"}, "cannot replay: no.toml: file: cannot be read"),
    ],
)
def test_what_cannot_be_replayed_is_an_error_in_the_options(
    tmp_path: Path, cassette: str, options: dict[str, str], reason: str
) -> None:
    written(tmp_path / "good", "http://gws.example")
    (tmp_path / "bad").write_bytes(b"no cassette")
    (tmp_path / "nameless").write_bytes(encode_header(replace(read(SESSION).header, upstream="")))

    async def configured() -> None:
        with loaded() as (addon, context):
            context.configure(addon, cassette=[str(tmp_path / cassette)], **options)

    with pytest.raises(OptionsError, match=re.escape(reason)):
        asyncio.run(configured())


def test_a_proxy_whose_script_changes_ends_and_does_not_go_on_without_it(tmp_path: Path) -> None:
    script = tmp_path / "copy.py"
    script.write_bytes(ADDON.read_bytes())
    cassette = written(tmp_path / "gws.cassette", "https://gws.example")
    with replaying(tmp_path, f"cassette={cassette}", script=script) as proxy:
        assert Tunnelled(proxy, "http://gws.example").sends("GET", "/api/v2/me").answer().status == 200
        script.write_text("addons = []")
        later = script.stat().st_mtime + 10
        os.utime(script, (later, later))

        until(lambda: proxy.process.poll() is not None, "mitmdump ends")


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("replay_script", ADDON)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def loaded() -> Iterator[tuple[Any, taddons.context]]:
    """The addon in a mitmproxy of this process, without a proxy server."""
    addon = script().Replay()
    with taddons.context() as context:
        for name, kind, value in OPTIONS:
            context.options.add_option(name, kind, value, "")
        context.master.addons.add(addon)
        yield addon, context


def test_the_server_is_closed_when_mitmproxy_is_done_with_the_script(tmp_path: Path) -> None:
    cassette = written(tmp_path / "gws.cassette", "https://gws.example")

    async def run() -> tuple[bool, bool]:
        with loaded() as (addon, context):
            context.configure(addon, cassette=[str(cassette)])
            addon.running()
            await asyncio.wait_for(addon._up.wait(), _LIMIT)
            before = await connects(addon._address.port)
            addon.done()
            await asyncio.wait([addon._serving], timeout=_LIMIT)
            return before, await connects(addon._address.port)

    assert asyncio.run(run()) == (True, False)


def test_the_cassette_is_played_under_the_dialect_of_the_option(tmp_path: Path) -> None:
    cassette = written(tmp_path / "gws.cassette", "https://gws.example")

    async def triples(**options: str) -> int:
        with loaded() as (addon, context):
            context.configure(addon, cassette=[str(cassette)], **options)
            return len(addon._standin.recording.triples)

    assert asyncio.run(triples()) == 6
    assert asyncio.run(triples(dialect="salesforce-changes")) == 0


OPTIONS = [  # of mitmproxy's proxy server, which is not here
    ("connection_strategy", str, "eager"),
    ("keep_host_header", bool, False),
    ("stream_large_bodies", str | None, "1m"),
]


async def connects(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def test_a_websocket_is_one_to_the_stand_in(proxy: Proxy) -> None:
    limits = aiohttp.ClientWSTimeout(ws_receive=_LIMIT, ws_close=_LIMIT)

    async def shake() -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                "wss://gws.example/api/v2/notifications", proxy=proxy.url, ssl=proxy.trust, timeout=limits
            ) as ws,
        ):
            types = ["websocket"]
            message = {"channel": "/meta/handshake", "id": "1", "version": "1.0", "supportedConnectionTypes": types}
            await ws.send_json([message])
            return await ws.receive_json(timeout=_LIMIT)

    (reply,) = asyncio.run(shake())

    assert reply["successful"] is True
    assert reply["clientId"]
