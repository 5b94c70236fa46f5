"""Hosts that are not recorded, and the recorder's own page, at the hooks of mitmproxy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from mitmproxy import connection, http
from mitmproxy.proxy import server_hooks
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import taddons, tflow

from recorder.capture.hosts import Others, patterns
from recorder.capture.mitm.addon import Recorder
from recorder.capture.mitm.ca import Authority
from recorder.capture.mitm.unrecorded import UNRECORDED, Onboarding, PassOthers, Watched
from recorder.cassette.reader import Cassette, read
from recorder.model import Note, Request
from recorder.redaction.policy import Policy, load


def call(host: str, port: int = 80, path: str = "/", **headers: str) -> http.HTTPFlow:
    made = tflow.tflow(resp=True)
    made.request = http.Request.make("GET", f"http://{host}:{port}{path}", b"", {"Host": host} | headers)
    made.client_conn.sockname = ("127.0.0.1", 8080)
    return made


def hello(host: str, port: int = 443, sni: str | None = None) -> Any:
    server = SimpleNamespace(address=(host, port) if host else None)
    return SimpleNamespace(
        context=SimpleNamespace(server=server), client_hello=SimpleNamespace(sni=sni), ignore_connection=False
    )


@pytest.mark.parametrize(
    ("wanted", "data", "ignored"),
    [
        (["app"], hello("app", 443, "app"), False),
        (["app"], hello("cdn", 443, "cdn"), True),
        (["app:443"], hello("app", 8443), True),
        (["app"], hello("10.0.0.1", 443, "app"), False),  # SOCKS clients resolve the name
        (["10.0.0.1"], hello("10.0.0.1", 443, "app"), False),
        (["app"], hello("", 0, "cdn"), False),  # TLS to the proxy itself
        ([], hello("cdn", 443, "cdn"), False),
    ],
)
def test_tls_to_other_hosts_is_not_decrypted(wanted: list[str], data: Any, ignored: bool) -> None:
    others = Others(patterns(wanted))

    PassOthers(others).tls_clienthello(data)

    assert (data.ignore_connection, others.passed.total()) == (ignored, ignored)


@pytest.mark.parametrize(
    ("connected", "named", "wanted", "records"),
    [
        ("app", "cdn", "app", False),  # one connection of HTTP/2 for several hosts
        ("cdn", "app", "app", True),
        ("10.0.0.1", "app", "app", True),  # SOCKS clients resolve the name
        ("10.0.0.1", "app", "10.0.0.1", True),
        ("10.0.0.1", "cdn", "app", False),
        ("::1", "[::1]", "[::1]", True),
    ],
)
def test_a_request_is_recorded_by_the_host_that_it_names(
    connected: str, named: str, wanted: str, records: bool
) -> None:
    flow = call("any")
    flow.request.host, flow.request.host_header = connected, named

    PassOthers(Others(patterns([wanted]))).requestheaders(flow)

    assert (UNRECORDED not in flow.metadata) is records


def test_other_hosts_are_told_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    others = Others(patterns(["app"]))
    addon = PassOthers(others)

    for flow in (call("cdn"), call("cdn"), call("ads", 8080), call("app")):
        addon.requestheaders(flow)

    assert caplog.messages == [
        "cdn passes unrecorded: no --host names it",
        "ads:8080 passes unrecorded: no --host names it",
    ]
    assert str(others) == "3 connections and requests to 2 other hosts went through unrecorded"


@pytest.mark.parametrize(("mode", "arrives"), [("regular", False), ("upstream:http://proxy:3128", True)])
def test_a_login_for_the_proxy_does_not_reach_a_server(mode: str, arrives: bool) -> None:
    for host in ("app", "cdn"):
        flow = call(host, **{"Proxy-Authorization": "Basic dTpw", "Proxy-Connection": "keep-alive"})
        flow.client_conn.proxy_mode = ProxyMode.parse(mode)

        PassOthers(Others(patterns(["app"]))).requestheaders(flow)

        assert ("Proxy-Authorization" in flow.request.headers) is arrives
        assert ("Proxy-Connection" in flow.request.headers) is arrives


def test_very_many_hosts_are_counted_and_not_all_named() -> None:
    others = Others(patterns(["app"]))

    told = [others.count(f"host{number}") for number in range(20_000)]

    assert sum(told) == 100
    assert others.passed.total() == 20_000
    assert len(others.passed) <= 10_001


def recorded(path: Path, steps: Callable[[list[Any]], Any], *hosts: str, policy: Policy | None = None) -> Cassette:
    """What is written while the hooks of the addons are called by `steps`."""

    async def run() -> None:
        others = Others(patterns(hosts))
        recorder = Recorder(path, policy=policy, others=others)
        with taddons.context(recorder) as context:
            context.configure(recorder)
            await steps([PassOthers(others), recorder])
            recorder.done()

    asyncio.run(run())
    return read(path)


async def played(addons: list[Any], flow: http.HTTPFlow) -> None:
    for hook in ("requestheaders", "request", "responseheaders", "response"):
        for addon in addons:
            found = getattr(addon, hook, None)
            result = found(flow) if found else None
            if result is not None:
                await result


def test_what_is_not_wanted_is_not_in_the_cassette(tmp_path: Path) -> None:
    flows = [call("app", path="/mine"), call("cdn", path="/theirs"), call("app", path="/mine")]

    async def steps(addons: list[Any]) -> None:
        for flow in flows:
            await played(addons, flow)

    records = recorded(tmp_path / "s", steps, "app").records

    assert [r.target for r in records if isinstance(r, Request)] == ["/mine", "/mine"]
    assert [(r.kind, r.text) for r in records if isinstance(r, Note)] == [
        ("not-recorded", "1 connection to 1 other host went through unrecorded"),
        ("close", "the capture ended cleanly"),
    ]
    assert (flows[1].request.stream, flows[1].response.stream) == (True, True)  # not held in memory
    assert (flows[0].request.stream, flows[0].response.stream) == (False, False)


def test_another_host_that_is_down_is_no_gap(tmp_path: Path) -> None:
    async def steps(addons: list[Any]) -> None:
        for host in ("cdn", "app"):
            server = connection.Server(address=(host, 443))
            server.error = f"{host} is down"
            await addons[1].server_connect_error(server_hooks.ServerConnectionHookData(server, tflow.tclient_conn()))

    notes = [r.text for r in recorded(tmp_path / "s", steps, "app").records if isinstance(r, Note)]

    assert notes[0] == "the upstream cannot be reached: app is down"
    assert not any("cdn" in text for text in notes)


def test_a_connection_to_another_host_that_is_not_http_is_not_named_in_the_cassette(tmp_path: Path) -> None:
    async def steps(addons: list[Any]) -> None:
        for host in ("token.cdn", "token.app"):
            flow = tflow.ttcpflow()
            flow.server_conn.address, flow.client_conn.sni = (host, 22), None
            for addon in addons:
                addon.tcp_start(flow)

    cassette = recorded(tmp_path / "s", steps, "*.app", policy=load("gws"))

    assert [r.text for r in cassette.records if isinstance(r, Note)] == [
        "a connection to token.app that is not HTTP is forwarded, but not recorded",
        "1 connection to 1 other host went through unrecorded",
        "the capture ended cleanly",
    ]


def test_a_refused_login_at_another_host_is_not_named_in_the_cassette(tmp_path: Path) -> None:
    async def steps(addons: list[Any]) -> None:
        for host in ("cdn", "app"):
            flow = call(host)
            flow.server_conn.address = (host, 80)
            flow.response = http.Response.make(401, b"", {"WWW-Authenticate": "NTLM"})
            await played([*addons, *addons[1].addons], flow)

    notes = [r.text for r in recorded(tmp_path / "s", steps, "app").records if isinstance(r, Note)]

    assert any("NTLM at app" in text for text in notes)
    assert not any("cdn" in text for text in notes)


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., http.HTTPFlow]:
    """The answer of the recorder itself to a request, if it gives one."""
    for form in ("pem", "cer", "p12"):
        (tmp_path / f"mitmproxy-ca-cert.{form}").write_bytes(form.encode())
    addon = Onboarding(Authority(tmp_path, "AB:CD", "c3BraQ==", is_new=False), patterns(["*.app"]))

    def asked(*words: Any, **headers: str) -> http.HTTPFlow:
        flow = call(*words, **headers)
        flow.response = None
        addon.requestheaders(flow)
        return flow

    return asked


@pytest.mark.parametrize(("host", "port"), [("recorder.test", 80), ("127.0.0.1", 8080), ("LocalHost", 8080)])
def test_the_recorder_shows_its_page(page: Callable[..., http.HTTPFlow], host: str, port: int) -> None:
    flow = page(host, port)

    assert flow.metadata[UNRECORDED]
    assert "Only *.app is recorded" in flow.response.text
    assert "AB:CD" in flow.response.text


def test_who_comes_to_the_recorder_through_itself_sees_its_page(tmp_path: Path) -> None:
    addon = Onboarding(Authority(tmp_path, "AB:CD", "c3BraQ==", is_new=False), ())
    server = connection.Server(address=("my-name", 8080))
    server.sockname = ("127.0.0.1", 50123)
    data = server_hooks.ServerConnectionHookData(server, tflow.tclient_conn())
    flows = [call("my-name", 8080) for _ in range(3)]
    for flow in flows:
        flow.response = None
    for flow in flows[1:]:
        flow.client_conn.peername = ("127.0.0.1", 50123)

    addon.requestheaders(flows[0])
    addon.server_connected(data)
    addon.requestheaders(flows[1])
    addon.server_disconnected(data)
    addon.requestheaders(flows[2])

    assert [flow.response is not None for flow in flows] == [False, True, False]


def test_a_client_without_a_name_because_it_has_reset_its_connection_is_no_error(tmp_path: Path) -> None:
    flow = call("my-name", 8080)
    flow.response = None
    flow.client_conn.peername = None  # type: ignore[assignment]  # mitmproxy sets it, whatever its annotation says

    Onboarding(Authority(tmp_path, "AB:CD", "c3BraQ==", is_new=False), ()).requestheaders(flow)

    assert flow.response is None


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("/recorder-ca.pem", "application/x-x509-ca-cert", "pem"),
        ("/recorder-ca.cer?", "application/x-x509-ca-cert", "pem"),
        ("/recorder-ca.p12", "application/x-pkcs12", "p12"),
        ("/proxy.pac", "application/x-ns-proxy-autoconfig", '(shExpMatch(host, "*.app")) ? "PROXY 127.0.0.1:8080"'),
    ],
)
def test_it_gives_its_files(page: Callable[..., http.HTTPFlow], path: str, kind: str, content: str) -> None:
    answer = page("recorder.test", 80, path).response

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert content in answer.text


def test_what_it_has_not_is_404(page: Callable[..., http.HTTPFlow]) -> None:
    assert page("recorder.test", 80, "/mitmproxy-ca.pem").response.status_code == 404


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 8081), ("app", 8080), ("x.recorder.test", 80)])
def test_other_servers_answer_for_themselves(page: Callable[..., http.HTTPFlow], host: str, port: int) -> None:
    flow = page(host, port)

    assert flow.response is None
    assert UNRECORDED not in flow.metadata


def watched(flow: http.HTTPFlow, mode: str = "regular", token: str | None = "c0ntrol") -> http.HTTPFlow:
    """A call of a client that has no answer yet, after `Watched` has seen it."""
    flow.response, flow.client_conn.proxy_mode = None, ProxyMode.parse(mode)
    Watched(lambda: "ok", lambda: (), token).requestheaders(flow)
    return flow


@pytest.mark.parametrize(
    ("host", "port", "mode", "answered"),
    [
        ("127.0.0.1", 8080, "regular", True),
        ("localhost", 8080, "upstream:http://proxy:3128", True),
        ("127.0.0.1", 8081, "regular", False),
        ("app", 8080, "regular", False),
        ("app", 443, "reverse:https://app", True),
    ],
)
def test_health_is_answered_at_the_recorders_own_address(host: str, port: int, mode: str, answered: bool) -> None:
    flow = watched(call(host, port, "/__recorder/health?x"), mode)

    assert (flow.response is not None, UNRECORDED in flow.metadata) == (answered, answered)


@pytest.mark.parametrize(("token", "shown", "status"), [("t", "t", 200), ("t", "u", 403), (None, "t", None)])
def test_counters_are_shown_to_the_token(token: str | None, shown: str, status: int | None) -> None:
    flow = watched(call("127.0.0.1", 8080, "/__recorder/metrics", Authorization=f"Bearer {shown}"), token=token)

    assert (flow.response.status_code if flow.response else None) == status


@pytest.mark.parametrize("header", [("Content-Length", str(1 << 30)), ("Transfer-Encoding", "chunked")])
def test_a_request_with_a_body_that_would_be_streamed_is_cut_off(header: tuple[str, str]) -> None:
    flow = call("127.0.0.1", 8080, "/__recorder/health")
    flow.request.headers[header[0]] = header[1]
    flow.live = True

    watched(flow)

    assert flow.response is None
    assert flow.error is not None
