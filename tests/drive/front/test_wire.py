import asyncio
import gzip

import aiohttp
import pytest
from aiohttp import web

from recorder.drive.front.tap import Sending
from recorder.drive.front.target import Target
from recorder.drive.front.wire import _SENDING, Gate, NotSent, reason_of
from recorder.errors import UpstreamError

from .world import serving, wired


def fetched(handler, *sendings, headers=(), hosts=frozenset(), cookies=None, follows=False):
    """Send requests to a server one after the other; return the answers, and the lines of the tape."""

    async def run():
        async with serving(handler) as url, wired(url, hosts=hosts, cookies=cookies) as (wire, tape):
            own = tuple((name, value.replace("URL", url)) for name, value in headers)
            answers = [await wire.fetch(one, wire.headers(own), follows=follows) for one in sendings]
            return answers, tape, url

    return asyncio.run(run())


async def echo(request):
    return web.json_response({"path": request.raw_path, "headers": dict(request.headers)})


def headers_seen(headers, **more):
    seen = {}

    async def look(request):
        seen.update({name.lower(): value for name, value in request.headers.items()})
        return web.Response()

    _, tape, url = fetched(look, Sending("s1", "GET", "/"), headers=headers, **more)
    return seen, tape, url


@pytest.mark.parametrize("is_proxy", [False, True])
def test_no_connection_is_given_out_to_another_server(is_proxy):
    asked = []

    async def look(request):
        asked.append(request.path)
        return web.Response()

    async def run():
        async with (
            serving(look) as url,
            serving(look) as other,
            aiohttp.ClientSession(connector=Gate(Target.at(url))) as session,
        ):
            _SENDING.set(Sending("s1", "GET", "/"))  # one that was not sent yet
            with pytest.raises(NotSent, match="was not sent"):
                await (session.get(url, proxy=other) if is_proxy else session.get(other))
            await session.get(url)

    asyncio.run(run())

    assert asked == ["/"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "GET"])
def test_no_request_is_sent_again_when_the_server_closes_the_connection(method):
    seen = []

    async def closing(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            seen.append(head.split(b" ")[:2])
            if len(seen) > 1:
                break
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def run():
        server = await asyncio.start_server(closing, "127.0.0.1", 0)
        async with server, wired(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as (wire, tape):
            await wire.fetch(Sending("s1", "GET", "/first"), wire.headers(()))
            with pytest.raises(aiohttp.ClientConnectionError):
                await wire.fetch(Sending("s1", method, "/second"), wire.headers(()))
        return tape

    tape = asyncio.run(run())

    assert seen == [[b"GET", b"/first"], [method.encode(), b"/second"]]
    assert [line[0] for line in tape.lines] == ["request", "response", "request", "failure"]


def test_a_redirect_to_the_target_is_followed_and_each_hop_recorded():
    async def hop(request):
        if request.path == "/a":
            return web.Response(status=302, headers={"Location": "/b?x=%2F"})
        return web.Response(text=request.raw_path)

    (answer,), tape, _ = fetched(hop, Sending("s1", "GET", "/a"), follows=True)

    assert (answer.status, answer.body) == (200, b"/b?x=%2F")
    assert [line[2:4] for line in tape.lines if line[0] == "request"] == [("GET", "/a"), ("GET", "/b?x=%2F")]


@pytest.mark.parametrize(
    ("method", "to"),
    [
        ("GET", "http://127.0.0.2:9/b"),
        ("GET", "//127.0.0.2/b"),
        ("GET", "https://127.0.0.1/b"),
        ("GET", "http://[::bad/"),
        ("POST", "/b"),
    ],
)
def test_other_redirects_are_answers(method, to):
    seen = []

    async def hop(request):
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": to})

    (answer,), _, _ = fetched(hop, Sending("s1", method, "/a"), follows=True)

    assert (answer.status, seen) == (307, ["/a"])


@pytest.mark.parametrize(
    ("to", "headers"),
    [
        ("/b?_method=DELETE", ()),
        ("/b?x=1&_METHOD=delete", ()),
        ("/b", (("X-HTTP-Method-Override", "PUT"),)),
    ],
)
def test_no_redirect_leads_to_a_write(to, headers):
    seen = []

    async def hop(request):
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": to})

    (answer,), _, _ = fetched(hop, Sending("s1", "GET", "/a"), follows=True, headers=headers)

    assert (answer.status, seen) == (307, ["/a"])


@pytest.mark.parametrize(
    ("method", "target", "headers", "told"),
    [
        ("GE T", "/a", (), "its method"),
        ("", "/a", (), "its method"),
        ("G\r\nX: y", "/a", (), "its method"),
        ("GET", "/a\r\nX: y", (), "its path"),
        ("GET", "/a b", (), "its path"),
        ("GET", "/\ud800", (), "its path"),
        ("GET", "/a", (("X\r\nY", "1"),), "the name of a header"),
        ("GET", "/a", (("X", "hunter2\r\nY: 1"),), "its header X"),
        ("GET", "/a", (("X", "hunter2\x00"),), "its header X"),
        ("GET", "/a", (("X", "hunter2\ud83d"),), "its header X"),
    ],
)
def test_what_is_no_request_is_not_sent(method, target, headers, told):
    seen = []

    async def look(request):
        seen.append(request.path)
        return web.Response()

    with pytest.raises(NotSent, match=told) as caught:
        fetched(look, Sending("s1", method, target), headers=headers)

    assert seen == []
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"\x00\x1b[31mSSH-2.0\r\n\r\n", "no valid HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", "no valid HTTP answer"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "status 403, and no WebSocket"),
    ],
    ids=["other protocol", "long header", "refused"],
)
def test_a_reason_has_no_url_and_is_short(answer, told):
    async def answering(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def run():
        server = await asyncio.start_server(answering, "127.0.0.1", 0)
        async with server, wired(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as (wire, _):
            with pytest.raises(aiohttp.ClientError) as caught:
                await wire.upgrade(Sending("s1", "GET", "/ws?token=hunter2"), wire.headers(()))
        return caught.value

    error = asyncio.run(run())
    around = ConnectionError(str(error))
    around.__cause__ = error

    for one in (error, around):
        reason = reason_of(one)
        assert told in reason
        assert "hunter2" not in reason
        assert len(reason) <= 201
        assert reason == " ".join(reason.split())


def test_redirects_have_an_end():
    async def loop(request):
        return web.Response(status=302, headers={"Location": request.path + "x"})

    (answer,), tape, _ = fetched(loop, Sending("s1", "GET", "/a"), follows=True)

    assert answer.status == 302
    assert len(tape.lines) < 50


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    (answer,), _, _ = fetched(echo, Sending("s1", "GET", "/a"))

    assert answer.status == 200


@pytest.mark.parametrize("target", ["http://127.0.0.2/x", "@127.0.0.2/x", ":9/x", "", "*"])
def test_what_is_no_path_is_not_asked_for(target):
    with pytest.raises(UpstreamError, match="is no path"):
        fetched(echo, Sending("s1", "GET", target))


@pytest.mark.parametrize("target", ["//127.0.0.2/x", "/a/../b", "/%2e%2e/%7E?q=a+b%20c", "/a;b=c?&&"])
def test_a_path_is_sent_as_it_is_written(target):
    (answer,), _, _ = fetched(echo, Sending("s1", "GET", target))

    assert f'"{target}"'.encode() in answer.body


def test_cookies_come_back_also_from_an_address_and_the_secure_ones():
    seen = []

    async def cookies(request):
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "sid=a=b/c; Path=/; Secure; HttpOnly"})

    fetched(cookies, Sending("s1", "GET", "/"), Sending("s1", "GET", "/x"), cookies={"own": "1 2"})

    assert seen == ["own=1 2", "own=1 2; sid=a=b/c"]


def test_headers_of_the_recorded_connection_are_left_out():
    recorded = (("Host", "gws.example"), ("Content-Length", "7"), ("Accept-Encoding", "br"), ("Cookie", "a=b"))
    seen, _, url = headers_seen((*recorded, ("X-Own", "1"), ("Sec-WebSocket-Key", "k"), ("Connection", "close")))

    assert seen["host"] == url.partition("//")[2]
    assert seen["x-own"] == "1"
    assert {"content-length", "cookie", "sec-websocket-key", "user-agent"}.isdisjoint(seen)


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        ("http://gws.example:80/app?token=1#f", "URL/app"),
        ("http://gws.example:80?token=1", "URL"),
        ("http://ann:hunter2@gws.example/app", "URL/app"),
        ("https://ann:hunter2@Desk.example/app#token=1", "https://Desk.example/app"),
        ("https://GWS.example:80", "URL"),
        ("https://desk.example", "https://desk.example"),
        ("null", "null"),
        ("http://[", "http://["),
    ],
)
def test_pages_of_the_recorded_server_lead_to_the_target(recorded, sent):
    seen, _, url = headers_seen((("Origin", recorded), ("Referer", recorded)), hosts=frozenset({"gws.example:80"}))

    assert seen["origin"] == seen["referer"] == sent.replace("URL", url)


def test_the_bytes_of_a_header_stay():
    recorded = (("X-Name", "Jörg".encode().decode("latin-1")),)
    seen, tape, _ = headers_seen(recorded)

    assert seen["x-name"].encode("utf-8", "surrogateescape") == "Jörg".encode()
    assert ("X-Name", "Jörg".encode().decode("latin-1")) in tape.headers


def test_an_encoded_answer_is_recorded_decoded():
    async def zipped(request):
        return web.Response(body=gzip.compress(b"plain"), headers={"Content-Encoding": "gzip"})

    (answer,), tape, _ = fetched(zipped, Sending("s1", "GET", "/"))

    assert answer.body == b"plain"
    assert tape.lines[-1] == ("response", "0", 200, b"plain")
    assert ("Content-Encoding", "gzip") in answer.headers


def test_lines_that_come_in_pieces_are_recorded_so():
    async def lines(request):
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        await answer.write(b"{}\n{")
        await answer.write(b"}\n")
        return answer

    (answer,), tape, _ = fetched(lines, Sending("s1", "GET", "/"))

    assert answer.body == b"{}\n{}\n"
    assert b"".join(line[2] for line in tape.lines if line[0] == "chunk") == b"{}\n{}\n"
    assert tape.lines[-1] == ("chunk", "0", b"", True)


def test_an_answer_that_breaks_off_is_a_failure():
    async def broken(request):
        answer = web.StreamResponse(headers={"Content-Length": "9"})
        await answer.prepare(request)
        await answer.write(b"x")
        request.transport.close()
        return answer

    async def run():
        async with serving(broken) as url, wired(url) as (wire, tape):
            with pytest.raises(aiohttp.ClientError):
                await wire.fetch(Sending("s1", "GET", "/"), wire.headers(()))
            return tape

    assert [line[0] for line in asyncio.run(run()).lines] == ["request", "failure"]


def test_a_request_that_is_given_up_is_a_failure():
    async def run():
        begun = asyncio.Event()

        async def held(request):
            begun.set()
            await asyncio.sleep(60)

        async with serving(held) as url, wired(url) as (wire, tape):
            task = asyncio.create_task(wire.fetch(Sending("s1", "GET", "/"), wire.headers(())))
            await begun.wait()
            task.cancel()
            await asyncio.wait([task])
            return tape

    tape = asyncio.run(run())

    assert tape.lines[-1] == ("failure", "0", "the client closed the connection")


def test_a_websocket_is_recorded_from_begin_to_end():
    async def socket(request):
        answer = web.WebSocketResponse(protocols=["v1"])
        await answer.prepare(request)
        async for message in answer:
            await answer.send_str(message.data.upper())
            await answer.send_bytes(b"\0")
        return answer

    async def run():
        async with serving(socket) as url, wired(url) as (wire, tape):
            opened = await wire.upgrade(Sending("s1", "GET", "/ws"), wire.headers(()), ("v1",))
            await opened.send(b"hi")
            assert (await opened.receive()).data == "HI"
            assert (await opened.receive()).data == b"\0"
            await opened.close()
            await opened.close()
            with pytest.raises(aiohttp.ClientConnectionResetError):
                await opened.send(b"late")
            return tape

    tape = asyncio.run(run())

    assert tape.lines == [
        ("request", "0", "GET", "/ws", b""),
        ("response", "0", 101, b""),
        ("message", "0", True, b"hi", True),
        ("message", "0", False, b"HI", True),
        ("message", "0", False, b"\0", False),
        ("closed", "0", "websocket closed by client, code 1000"),
    ]


@pytest.mark.parametrize("to", ["/other", "http://127.0.0.2:9/other"])
def test_a_websocket_follows_no_redirect(to):
    seen = []

    async def hop(request):
        seen.append(request.path)
        return web.Response(status=302, headers={"Location": to})

    async def run():
        async with serving(hop) as url, wired(url) as (wire, tape):
            with pytest.raises(aiohttp.ClientError):
                await wire.upgrade(Sending("s1", "GET", "/ws"), wire.headers(()))
            return tape

    tape = asyncio.run(run())

    assert seen == ["/ws"]
    assert tape.lines[0][0] == "request"
    assert len(tape.lines) == 2


def test_a_long_body_is_sent_whole_with_its_length():
    seen = []

    async def measure(request):
        seen.append((request.headers.get("Content-Length"), len(await request.read())))
        return web.Response()

    fetched(measure, Sending("s1", "POST", "/", b"x" * 900_000), Sending("s1", "POST", "/"))

    assert seen == [("900000", 900_000), ("0", 0)]
