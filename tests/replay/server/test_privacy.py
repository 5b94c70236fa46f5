"""A stand-in on a real socket: what strangers get of it, what is said about them, and what a token changes."""

from __future__ import annotations

import asyncio
import re

import pytest

from recorder.replay.engine.miss import Miss
from recorder.replay.server.admission import Rules
from recorder.replay.server.app import serve
from recorder.replay.server.driver import Callbacks
from tests.fuzz.fuzz_standin import request, upgrade
from tests.replay.server.clients import ASKED, LIMIT, standin, statuses, with_client

TOKEN = Rules(token="t0ken")
CONTROL = "/__recorder/state"
HANDSHAKE = b'[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}]'
JSONP = "/api/v2/notifications?jsonp=cb&message=" + HANDSHAKE.decode().replace('"', "%22")
OPERATION = request(ASKED.body, ASKED.target)


def get(target: str = "/x", **headers: str) -> bytes:
    return request(target=target, method="GET", **headers)


def answered(*parts: bytes, rules: Rules = Rules(), token: str | None = None) -> tuple[bytes, list[Miss], int]:  # noqa: B008
    """All that comes on a connection for each part, the misses that were told, and their number."""
    served, told = standin(), list[Miss]()

    async def run() -> bytes:
        found = b""
        async with serve(served, rules=rules, token=token, watch=Callbacks(miss=told.append)) as address:
            for part in parts:
                reader, writer = await asyncio.open_connection(address.host, address.port)
                writer.write(part)
                writer.write_eof()
                found += await asyncio.wait_for(reader.read(), LIMIT)
                writer.close()
        return found

    return asyncio.run(run()), told, served.missed


def length_of(head: bytes) -> int:
    found = re.search(rb"Content-Length: (\d+)", head)
    return int(found[1]) if found else 0


HOSTILE = {
    "rebound": get(Host="evil.example:8090"),
    "rebound, an operation": request(ASKED.body, ASKED.target, Host="evil.example"),
    "a URL as target": get("http://evil.example/x"),
    "a URL as target, with another Host": get("http://localhost/x", Host="evil.example"),
    "HTTP/1.0": b"GET /x HTTP/1.0\r\nHost: evil.example\r\n\r\n",
    "OPTIONS *": request(target="*", method="OPTIONS", Host="evil.example"),
    "fetch": get(Origin="http://evil.example"),
    "HEAD": request(method="HEAD", Origin="http://evil.example"),
    "a form": request(ASKED.body, ASKED.target, Origin="http://evil.example", Sec_Fetch_Mode="navigate"),
    "a handshake": request(HANDSHAKE, Origin="null"),
    "a preflight": request(method="OPTIONS", Origin="http://evil.example", Access_Control_Request_Method="PUT"),
    "a WebSocket": upgrade(Origin="http://evil.example"),
    "a rebound WebSocket": upgrade(Host="evil.example", Origin="http://evil.example"),
    "h2c": get(Origin="http://evil.example", Connection="Upgrade", Upgrade="h2c"),
    "JSONP": get(JSONP, Sec_Fetch_Site="cross-site", Referer="http://evil.example/"),
    "JSONP without a Referer": get(JSONP, Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="script"),
    "JSONP of an old browser": get(JSONP, Referer="http://evil.example/"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_stranger_is_refused_counted_and_told_once(hostile: str) -> None:
    found, told, missed = answered(*[HOSTILE[hostile]] * 3)

    assert re.findall(rb"HTTP/1.1 (\d+)", found) == [b"403"] * 3
    assert found.count(b"\r\nX-Recorder-Miss: ") == 3
    assert b"Access-Control-" not in found
    assert b"clientId" not in found
    assert missed == 3
    assert len(told) == 1
    assert re.search(
        r"403, .*\nwhat to do: .*--allow-(host evil.example|origin (http://evil.example|null)) ", told[0].text
    )


def test_the_engine_sees_nothing_of_strangers() -> None:
    served, seen = standin(), list[object]()
    served.receive = lambda *asked: seen.append(asked)  # type: ignore[method-assign]

    async def run() -> None:
        async with serve(served) as address:
            for hostile in HOSTILE.values():
                reader, writer = await asyncio.open_connection(address.host, address.port)
                writer.write(hostile)
                await asyncio.wait_for(reader.read(), LIMIT)
                writer.close()

    asyncio.run(run())

    assert seen == []


def test_a_refusal_on_a_connection_does_not_come_from_a_known_head() -> None:
    found, _, _ = answered(OPERATION * 2 + request(ASKED.body, ASKED.target, Origin="http://evil.example"))

    assert statuses(found)[-1] == 403


def test_a_request_is_quoted_escaped() -> None:
    found, told, _ = answered(b"GET /\x1b[31m HTTP/1.1\r\nHost: \xff\x1b[0m" + b"x" * 900 + b"\r\n\r\n")

    assert b"\x1b" not in found
    assert [miss for miss in told if not miss.text.replace("\n", "").isprintable() or len(miss.text) > 2000] == []


def test_strangers_do_not_hold_a_virtual_clock() -> None:
    """A page that asks every millisecond would stop the test that it has nothing to do with."""
    served, idle = standin(), list[float]()

    async def run() -> None:
        async with serve(served, watch=Callbacks(idle=lambda: idle.append(1), idle_after=0.05)) as address:
            async with asyncio.timeout(LIMIT):
                for part in [get()] + [get(Host="evil.example")] * 1000:
                    reader, writer = await asyncio.open_connection(address.host, address.port)
                    writer.write(part)
                    await reader.readuntil(b"\r\n\r\n")
                    writer.close()
                    if idle:
                        break

    asyncio.run(run())

    assert idle


# pages that are allowed


def test_an_allowed_page_gets_its_preflight_and_its_answer() -> None:
    rules = Rules(origins=frozenset({"https://a.example"}))
    asks = {"Origin": "https://a.example", "Access_Control_Request_Method": "POST"}
    preflight = request(method="OPTIONS", **asks, Access_Control_Request_Private_Network="true")

    found, _, missed = answered(preflight, request(HANDSHAKE, Origin="https://a.example"), rules=rules)

    assert statuses(found) == [204, 200]
    assert found.count(b"Access-Control-Allow-Origin: https://a.example\r\n") == 2
    assert found.count(b"Access-Control-Allow-Private-Network: true\r\n") == 1
    assert missed == 0


# the token


@pytest.mark.parametrize(
    "asked",
    [
        request(HANDSHAKE, X_Recorder_Token="t0ken"),
        request(HANDSHAKE, Cookie="a=b; recorder_token=t0ken"),
        request(HANDSHAKE, "/api/v2/notifications?recorder_token=t0ken"),
    ],
)
def test_a_token_in_each_of_its_places_is_enough(asked: bytes) -> None:
    found, _, missed = answered(asked, rules=TOKEN)

    assert (statuses(found), missed) == ([200], 0)
    assert found.count(b"\r\nSet-Cookie: recorder_token=t0ken; Path=/; HttpOnly; SameSite=Lax\r\n") == (b"?" in asked)


def test_without_the_token_all_is_refused_and_the_token_is_told_nowhere() -> None:
    wrong = [get(), get("/x?recorder_token=wr0ng"), request(HANDSHAKE, X_Recorder_Token="wr0ng"), upgrade()]

    found, told, missed = answered(*wrong, rules=TOKEN)

    assert statuses(found) == [403] * 4
    assert missed == 4
    assert [miss.text.partition("403, ")[2][:31] for miss in told] == ["this stand-in needs its token, "]
    assert b"t0ken" not in found
    assert b"wr0ng" not in found
    assert "wr0ng" not in str(told)


def test_a_request_that_is_cut_off_does_not_tell_the_token() -> None:
    _, told, _ = answered(get("/x?recorder_token=t0ken").replace(b"\r\n\r\n", b"\r\n"), rules=TOKEN)

    assert "t0ken" not in str(told)


def test_a_websocket_shows_the_token_and_gets_it_as_a_cookie() -> None:
    opened = upgrade("/api/v2/notifications?recorder_token=t0ken")
    by_cookie = upgrade(Cookie="recorder_token=t0ken")

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(opened)
        return await reader.readuntil(b"\r\n\r\n")

    async def again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(by_cookie)
        return await reader.readuntil(b"\r\n\r\n")

    first, second = with_client(act, standin(), rules=TOKEN), with_client(again, standin(), rules=TOKEN)

    assert first.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nSet-Cookie: recorder_token=t0ken; Path=/; HttpOnly; SameSite=Lax\r\n" in first
    assert second.startswith(b"HTTP/1.1 101 ")
    assert b"recorder_token" not in second


def test_the_engine_never_sees_the_token() -> None:
    served, seen = standin(), list[str]()
    receive = served.receive

    def note(asked: object, now: float) -> None:
        seen.append(str(asked))
        receive(asked, now)

    served.receive = note  # type: ignore[method-assign, assignment]
    asked = [
        request(HANDSHAKE, "/api/v2/notifications?a=1&recorder_token=t0ken", Cookie="recorder_token=t0ken; c=d"),
        request(HANDSHAKE, X_Recorder_Token="t0ken", Referer="http://localhost/?recorder_token=t0ken"),
    ]

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in asked * 3:
            writer.write(part)
            await reader.readuntil(b"\r\n\r\n")

    with_client(act, served, rules=TOKEN)

    assert len(seen) == 6
    assert "t0ken" not in str(seen)
    assert "target='/api/v2/notifications?a=1'" in seen[0]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (get(CONTROL, X_Recorder_Token="c0ntrol"), 200),
        (get(CONTROL, Authorization="Bearer c0ntrol", Cookie="recorder_token=t0ken"), 200),
        (get(CONTROL, X_Recorder_Token="t0ken"), 403),
        (get(CONTROL + "?recorder_token=t0ken"), 403),
        (get("/__recorderx", X_Recorder_Token="c0ntrol"), 403),
        (get("/x", X_Recorder_Token="c0ntrol"), 403),
        (get("/x", X_Recorder_Token="t0ken"), 470),
    ],
)
def test_the_control_api_takes_its_own_token_and_no_other(asked: bytes, status: int) -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        port = str(writer.get_extra_info("peername")[1]).encode()
        before = get("/x", X_Recorder_Token="t0ken"), get(CONTROL, X_Recorder_Token="c0ntrol")
        for part in (*before, asked):
            writer.write(part.replace(b"Host: localhost", b"Host: localhost:" + port))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(length_of(head))
        return head

    assert with_client(act, standin(), rules=TOKEN, token="c0ntrol").startswith(b"HTTP/1.1 %d " % status)


def test_with_one_token_for_both_a_client_needs_one_header() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[bytes]:
        port = str(writer.get_extra_info("peername")[1])
        found = []
        for target in ("/x", CONTROL, "/x", CONTROL):
            writer.write(get(target, Host=f"localhost:{port}", X_Recorder_Token="t0ken"))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(length_of(head))
            found.append(head[9:12])
        return found

    assert with_client(act, standin(), rules=TOKEN, token="t0ken") == [b"470", b"200", b"470", b"200"]
