"""Connections to upstreams as they are, through the proxy of `recorder record` in this process."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mitmproxy.master")  # an extra: the suite runs without it too

import httpx

from recorder.capture.address import Address
from recorder.capture.mitm.upstream import UpstreamSettings
from recorder.cassette.reader import read
from recorder.errors import UpstreamError
from recorder.model import Request, Response
from tests.capture.mitm.lab import Answer, Lab, alerting, any_certificate, client, get, serving, serving_h2
from tests.certificates import Issued, authority, issued

LOGIN = b"Proxy-Authorization: Basic " + base64.b64encode(b"agent:hunter2")
REFUSAL = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
OPEN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

LONG_AGO = ssl.TLSVersion.TLSv1_1


@pytest.fixture(scope="module")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA of mitmproxy for all tests of the module: one takes long to make."""
    return tmp_path_factory.mktemp("mitmproxy")


@pytest.fixture
def lab(tmp_path: Path, confdir: Path) -> Lab:
    return Lab(tmp_path, confdir, authority())


def run(steps: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(steps())


def wanting(lab: Lab, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A server's context that wants a certificate of the client."""
    context = lab.context()
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, version
    context.load_verify_locations(lab.ca.saved(lab.folder / "clients.pem"))
    return context


def needs_ipv6() -> None:
    try:
        with closing(socket.create_server(("::1", 0), family=socket.AF_INET6)):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")


# Certificates of servers

REFUSED = [
    (lambda _ca: issued(None, "localhost"), "its certificate is self-signed; trust its CA by --upstream-ca"),
    (lambda _ca: issued(authority("Other CA"), "localhost"), "from a CA that is not trusted"),
    (lambda _ca: issued(authority(), "localhost"), "from another CA of the same name; trust its CA by --upstream-ca"),
    (lambda ca: issued(ca, "elsewhere.example"), "its certificate is for another name; --insecure"),
    (lambda ca: issued(ca, "localhost", days=-1), "its certificate has expired; --insecure"),
]


@pytest.mark.parametrize(("certificate", "says"), REFUSED)
def test_a_refused_certificate_is_told_at_the_start_and_recording_goes_on(
    certificate: Callable[[Issued], Issued], says: str, caplog: pytest.LogCaptureFixture, lab: Lab
) -> None:
    async def steps() -> None:
        async with serving(context=lab.context(certificate(lab.ca))) as server:
            url = f"https://localhost:{server.port}"
            async with lab.recording(url) as running:
                assert says in caplog.text
                async with client(running) as desk:
                    assert (await desk.asks(get())).startswith(b"HTTP/1.1 502")
            assert server.heads == []

    run(steps)

    ((kind, text),) = lab.told()
    assert kind == "certificate"
    assert says in text
    assert text.count("\n") == 0
    assert caplog.text.count(says) == 1


@pytest.mark.parametrize("certificate", [found[0] for found in REFUSED])
def test_insecure_records_them_all_and_says_so(
    certificate: Callable[[Issued], Issued], caplog: pytest.LogCaptureFixture, lab: Lab
) -> None:
    async def steps() -> None:
        async with serving(context=lab.context(certificate(lab.ca))) as server:
            url = f"https://localhost:{server.port}"
            async with lab.desk(url, settings=UpstreamSettings(insecure=True)) as desk:
                assert (await desk.asks(get())) == OPEN

    run(steps)

    ((kind, text),) = lab.told()
    assert kind == "certificate"
    assert text.startswith("WARNING: certificates of servers are not checked (--insecure)")
    assert text in caplog.text


def test_a_server_with_a_trusted_ca_is_recorded_without_a_word(lab: Lab) -> None:
    async def steps() -> None:
        async with serving(context=lab.context()) as server:
            url = f"https://localhost:{server.port}"
            async with lab.desk(url) as desk:
                assert (await desk.asks(get())) == OPEN

    run(steps)

    assert lab.told() == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("shown", "says"), [(False, "a certificate of the client"), (True, "does not trust the certificate of the client")]
)
def test_a_server_that_refuses_the_client_says_why(shown: bool, says: str, version: ssl.TLSVersion, lab: Lab) -> None:
    own = issued(authority("Other CA"), "desk.example").saved(lab.folder / "own.pem", key=True) if shown else None
    context = wanting(lab, version)

    async def steps() -> None:
        settings = UpstreamSettings(ca=lab.trusting.ca, client_cert=own)
        with alerting(context) as port:
            async with lab.desk(f"https://localhost:{port}", settings=settings) as desk:
                assert (await desk.asks(get())).startswith(b"HTTP/1.1 502")

    run(steps)

    ((kind, text),) = lab.told()
    assert kind == "certificate"
    assert says in text
    assert "--client-cert FILE" in text


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_recorders_own_certificate_is_shown(version: ssl.TLSVersion, lab: Lab) -> None:
    own = issued(lab.ca, "desk.example").saved(lab.folder / "own.pem", key=True)
    context = wanting(lab, version)

    async def steps() -> None:
        settings = UpstreamSettings(ca=lab.trusting.ca, client_cert=own)
        async with serving(context=context) as server:
            url = f"https://localhost:{server.port}"
            async with lab.desk(url, settings=settings) as desk:
                assert (await desk.asks(get())) == OPEN

    run(steps)

    assert lab.told() == []


def test_a_server_of_old_tls_is_named_as_one(lab: Lab) -> None:
    context = lab.context()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = LONG_AGO
    context.set_ciphers("ALL:@SECLEVEL=0")

    async def steps() -> None:
        with alerting(context) as port:
            async with lab.recording(f"https://localhost:{port}"):
                pass

    run(steps)

    assert "offers no TLS 1.2 or newer" in lab.told()[0][1]


def test_a_server_without_tls_is_named_as_one(lab: Lab) -> None:
    async def steps() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(99)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
        async with lab.recording(url):
            pass
        server.close()

    run(steps)

    assert "does not speak TLS there; record it by http://" in lab.told()[0][1]


# Clients


def test_a_client_that_does_not_trust_the_recorder_is_told(caplog: pytest.LogCaptureFixture, lab: Lab) -> None:
    async def steps() -> None:
        async with serving(context=lab.context()) as server, lab.recording(mode="regular") as running:
            for _ in range(2):
                async with client(running) as desk:
                    with pytest.raises(ssl.SSLCertVerificationError):
                        await desk.connects(f"localhost:{server.port}", ssl.create_default_context())

    run(steps)

    ((kind, text),) = lab.told()
    assert kind == "certificate"
    assert text.startswith("a client does not trust the recorder's certificate for localhost; make it trust the CA ")
    assert Path(text.split()[-1]).is_file()
    assert caplog.text.count("does not trust") == 1


@pytest.mark.parametrize(("leaving", "served", "tells"), [(1, 0, False), (2, 0, True), (3, 1, False)])
def test_clients_that_leave_without_a_word_are_told_if_none_stayed(
    leaving: int, served: int, tells: bool, lab: Lab
) -> None:
    async def steps() -> None:
        async with serving(context=lab.context()) as server, lab.recording(mode="regular") as running:
            for number in range(served + leaving):
                async with client(running) as desk:
                    await desk.connects(f"localhost:{server.port}", any_certificate())
                    if number < served:
                        await desk.asks(get())
            while running.master.addons.get("proxyserver").connections:  # noqa: ASYNC110  # mitmproxy has no event
                await asyncio.sleep(0.005)

    run(steps)

    assert ["clients close the connection" in text for _, text in lab.told()] == [True] * tells


# Proxies on the way


def gate(head: bytes, _connection: int) -> bytes:
    """A proxy that wants a login."""
    if LOGIN not in head:
        return REFUSAL
    return b"HTTP/1.1 200 OK\r\n\r\n" if head.startswith(b"CONNECT ") else OPEN


@pytest.mark.parametrize("login", [None, "agent:wrong"])
@pytest.mark.parametrize("secure", [False, True])
def test_a_proxy_that_refuses_a_login_is_told(
    login: str | None, secure: bool, caplog: pytest.LogCaptureFixture, lab: Lab
) -> None:
    async def steps() -> None:
        async with serving(gate) as between:
            mode, settings = f"upstream:http://127.0.0.1:{between.port}", UpstreamSettings(proxy_login=login)
            async with lab.desk(mode=mode, settings=settings) as desk:
                if secure:
                    await desk.connects("lab.example:443", any_certificate())
                await desk.asks(get("/x" if secure else "http://lab.example/x"))

    run(steps)

    ((kind, text),) = lab.told()
    assert kind == "proxy-auth"
    assert text.startswith("the proxy 127.0.0.1:")
    assert "(407); give one by --upstream-auth @FILE" in text
    assert text in caplog.text


@pytest.mark.parametrize("secure", [False, True])
def test_the_login_of_a_proxy_goes_to_the_proxy_alone(secure: bool, lab: Lab) -> None:
    context = lab.context()

    async def steps() -> None:
        settings = UpstreamSettings(ca=lab.trusting.ca, proxy_login="agent:hunter2")
        async with serving(gate) as between, serving(context=context) as server:
            mode = f"upstream:http://127.0.0.1:{between.port}"
            async with lab.desk(mode=mode, settings=settings) as desk:
                if secure:
                    await desk.connects(f"localhost:{server.port}", any_certificate())
                assert await desk.asks(get("/x" if secure else "http://lab.example/x")) == OPEN
            assert all(LOGIN in head for head in between.heads)
            assert not any(b"Proxy-" in head for head in server.heads)

    run(steps)

    assert lab.told() == []
    assert b"Proxy-Authorization" not in lab.path.read_bytes()


@pytest.mark.parametrize("secure", [False, True])
def test_reverse_mode_goes_through_a_proxy(secure: bool, lab: Lab) -> None:
    context = lab.context() if secure else None

    async def steps() -> None:
        async with serving(gate) as between, serving(context=context) as server:
            proxy = Address("http", "127.0.0.1", between.port)
            settings = UpstreamSettings(ca=lab.trusting.ca, proxy=proxy, proxy_login="agent:hunter2")
            url = f"http{'s' * secure}://localhost:{server.port}"
            async with lab.desk(url, settings=settings) as desk:
                assert [await desk.asks(get()), await desk.asks(get())] == [OPEN, OPEN]
            (connect,) = between.heads
            assert connect.startswith(f"CONNECT localhost:{server.port} ".encode())
            assert server.names == ["localhost"] * secure
            assert all(f"Host: localhost:{server.port}".encode() in head for head in server.heads)

    run(steps)

    assert lab.told() == []
    assert b"Proxy-Authorization" not in lab.path.read_bytes()


def test_reverse_mode_asks_for_its_proxy_before_it_makes_a_file(lab: Lab) -> None:
    async def steps() -> None:
        settings = UpstreamSettings(proxy=Address("http", "127.0.0.1", 1))
        async with lab.recording("http://lab.example", settings=settings):
            pass

    with pytest.raises(UpstreamError, match=r"the proxy http://127\.0\.0\.1:1 cannot be reached"):
        run(steps)
    assert not lab.path.exists()


def test_the_login_of_a_server_is_added_where_the_client_shows_none(lab: Lab) -> None:
    async def steps() -> None:
        async with serving() as server:
            settings = UpstreamSettings(server_login="agent:hunter2")
            async with lab.desk(f"http://127.0.0.1:{server.port}", settings=settings) as desk:
                await desk.asks(get())
                await desk.asks(get("/", "Authorization: Bearer own"))
            first, second = server.heads
            assert b"Authorization: " + LOGIN.partition(b": ")[2] in first
            assert b"Authorization: Bearer own" in second
            assert b"Basic" not in second

    run(steps)

    assert base64.b64encode(b"agent:hunter2") not in lab.path.read_bytes()


# Logins that are bound to a connection


def negotiating(*, bound_to: Callable[[int], int], scheme: str = "NTLM") -> Answer:
    """A server that logs in connections in two legs; `bound_to` says in which connection a leg counts."""
    legs: dict[int, int] = {}

    def answer(head: bytes, connection: int) -> bytes:
        place, token = bound_to(connection), ""
        if f"Authorization: {scheme} one".encode() in head:
            legs[place], token = 1, " challenge"
        elif f"Authorization: {scheme} two".encode() in head and legs.get(place) == 1:
            legs[place] = 2
        if legs.get(place) == 2:
            return OPEN
        return f"HTTP/1.1 401 No\r\nWWW-Authenticate: {scheme}{token}\r\nContent-Length: 0\r\n\r\n".encode()

    return answer


LEGS = [get(), get("/", "Authorization: NTLM one"), get("/", "Authorization: NTLM two"), get()]


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("mode", ["", "regular"])
def test_a_login_of_a_connection_works_through_the_recorder(mode: str, secure: bool, lab: Lab) -> None:
    context = lab.context() if secure else None

    async def steps() -> None:
        async with serving(negotiating(bound_to=lambda connection: connection), context=context) as server:
            url = f"http{'s' * secure}://localhost:{server.port}"
            async with lab.recording(url, mode=mode) as running, client(running) as desk, client(running) as other:
                for one in (desk, other):
                    if mode and secure:
                        await one.connects(f"localhost:{server.port}", any_certificate())
                legs = LEGS if secure or not mode else [leg.replace(b"/", url.encode() + b"/", 1) for leg in LEGS]
                answers = []
                for leg in legs:  # two desktops at a time
                    answers += [await desk.asks(leg), await other.asks(leg)]
                assert [int(answer.split()[1]) for answer in answers] == [401] * 4 + [200] * 4

    run(steps)

    assert lab.told() == []


def test_a_login_that_begins_anew_is_told(caplog: pytest.LogCaptureFixture, lab: Lab) -> None:
    async def steps() -> None:
        async with serving(negotiating(bound_to=lambda _connection: 0)) as server:
            url = f"http://localhost:{server.port}"
            async with lab.desk(url) as desk:
                for leg in (LEGS[0], LEGS[2], LEGS[0], LEGS[2]):
                    await desk.asks(leg)

    run(steps)

    ((kind, text),) = lab.told()
    assert kind == "connection-auth"
    assert "no login by NTLM at localhost:" in text
    assert "--mode regular" in text
    assert text in caplog.text


@pytest.mark.parametrize(
    ("scheme", "tells"), [("NTLM", True), ("Negotiate", True), ("Basic", False), ("Digest", False)]
)
def test_a_challenge_that_no_client_answers_is_told_of_bound_logins_alone(scheme: str, tells: bool, lab: Lab) -> None:
    async def steps() -> None:
        async with serving(negotiating(bound_to=int, scheme=scheme)) as server:
            url = f"http://localhost:{server.port}"
            async with lab.desk(url) as desk:
                await desk.asks(get())

    run(steps)

    assert [kind for kind, _ in lab.told()] == ["connection-auth"] * tells


def test_a_challenge_is_not_told_where_another_login_works(lab: Lab) -> None:
    both = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"

    async def steps() -> None:
        async with serving(lambda head, _connection: OPEN if b"Basic" in head else both) as server:
            url = f"http://localhost:{server.port}"
            async with lab.recording(url) as running, client(running) as desk, client(running) as other:
                await desk.asks(get())
                await other.asks(get())
                await desk.asks(get("/", "Authorization: Basic x"))

    run(steps)

    assert lab.told() == []


# IPv6, names, HTTP/2


@pytest.mark.parametrize("secure", [False, True])
def test_ipv6_has_brackets_everywhere(secure: bool, lab: Lab) -> None:
    needs_ipv6()
    context = lab.context(issued(lab.ca, "::1")) if secure else None

    async def steps() -> None:
        async with serving(context=context, host="::1") as server:
            url = f"http{'s' * secure}://[::1]:{server.port}"
            async with lab.recording(url, host="::1") as running:
                assert running.url.startswith("http://[::1]:")
                async with client(running) as desk:
                    assert await desk.asks(get()) == OPEN
            assert f"Host: [::1]:{server.port}".encode() in server.heads[0]

    run(steps)


@pytest.mark.parametrize("mode", ["regular", "upstream"])
def test_ipv6_servers_are_reached_through_proxies(mode: str, lab: Lab) -> None:
    needs_ipv6()
    context = lab.context(issued(lab.ca, "::1"))

    async def steps() -> None:
        async with (
            serving(lambda _head, _connection: b"HTTP/1.1 200 OK\r\n\r\n", host="::1") as between,
            serving(context=context, host="::1") as server,
        ):
            wanted = f"upstream:http://[::1]:{between.port}" if mode == "upstream" else mode
            async with lab.desk(mode=wanted) as desk:
                await desk.connects(f"[::1]:{server.port}", any_certificate())
                assert await desk.asks(get()) == OPEN
            assert [head.split(b"\r\n")[0] for head in between.heads] == [
                f"CONNECT [::1]:{server.port} HTTP/1.1".encode()
            ] * (mode == "upstream")

    run(steps)

    assert lab.told() == []


def test_the_other_loopback_is_named_if_localhost_is_not_it(lab: Lab) -> None:
    needs_ipv6()

    async def steps() -> None:
        async with serving(host="::1") as server:
            with suppress(ConnectionRefusedError):
                await asyncio.open_connection("localhost", server.port)
                pytest.skip("localhost is both here")
            async with lab.recording(f"http://localhost:{server.port}"):
                pass

    with pytest.raises(UpstreamError, match=r"it listens on \[::1\]"):
        run(steps)


def test_the_name_in_the_handshake_is_the_upstreams_whatever_the_client_asks_for(lab: Lab) -> None:
    async def steps() -> None:
        async with serving(context=lab.context()) as server:
            url = f"https://localhost:{server.port}"
            async with lab.recording(url) as running, client(running, any_certificate()) as desk:  # of desk.example
                assert await desk.asks(get()) == OPEN
            assert server.names == ["localhost", "localhost"]

    run(steps)

    assert lab.told() == []


def test_http_2_is_recorded_with_host_and_target(lab: Lab) -> None:
    async def steps() -> None:
        async with serving_h2(lab.context()) as server:
            url = f"https://localhost:{server.port}"
            async with lab.recording(url) as running:
                secure = running.url.replace("http:", "https:")
                async with httpx.AsyncClient(http1=False, http2=True, verify=any_certificate()) as desk:
                    answer = await desk.get(f"{secure}/api/v2/me?fields=%2A")
            assert (answer.status_code, answer.http_version, answer.content) == (200, "HTTP/2", b"{}")
            assert server.heads == [f"GET localhost:{server.port} /api/v2/me?fields=%2A".encode()]

    run(steps)

    request, response = (found for found in read(lab.path).records if isinstance(found, Request | Response))
    assert isinstance(request, Request)
    assert request.target == "/api/v2/me?fields=%2A"
    assert next(value for name, value in request.headers if name.lower() == "host").startswith("localhost:")
    assert isinstance(response, Response)
    assert (response.status, response.body) == (200, b"{}")


def test_a_proxy_that_has_ended_listens_no_more(lab: Lab) -> None:
    """Check that no client is served, unrecorded, while the event loop goes on with something else."""

    async def steps() -> None:
        async with serving() as server, serving() as other:
            urls = {"other": f"http://127.0.0.1:{other.port}"}
            async with lab.recording(f"http://127.0.0.1:{server.port}", also=urls) as running:
                ports = [int(url.rpartition(":")[2]) for url in (running.url, *running.urls.values())]
            for port in ports:
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection("127.0.0.1", port)
            assert len(ports) == 2

    run(steps)
