"""A client that follows every link it is given by a replay never gets to the recorded server, where a trap listens."""

from __future__ import annotations

import html
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from recorder import StandIn
from recorder.cassette.codec import encode, encode_header
from recorder.model import Headers, Response
from tests.lab.byhand import BAYEUX, Desk
from tests.lab.processes import recorder
from tests.wire import HEADER, Ask, Wire, chained, done, state_event

TRAP = "trap.example:1"  # stands in the answers below for the address of the trap
XML, HTML, TEXT = "text/xml", "text/html; charset=iso-8859-1", "text/plain; charset=utf-16"
JSON, SCRIPT, STREAM = "application/json", "application/javascript", "text/event-stream"
URL = f"http://{TRAP}/next"
NESTED = json.dumps(json.dumps({"u": URL}).replace("/", r"\/"))
ANSWERS: list[tuple[str, bytes, Headers]] = [
    (JSON, json.dumps({"instance_url": URL, "connectUri": f"wss://{TRAP}/push", "rel": f"//{TRAP}/x"}).encode(), ()),
    (JSON, json.dumps({"u": URL}).replace("/", r"\/").encode(), ()),
    (JSON, json.dumps({"u": URL}).replace("/", r"\u002F").encode(), ()),
    (JSON, json.dumps({URL: NESTED}).encode(), ()),
    (XML, f"<e:Envelope xmlns:e='urn:e'><serverUrl>HTTP://{TRAP}/s</serverUrl></e:Envelope>".encode(), ()),
    (HTML, f'\xe9 <a href="//{TRAP}/x"> <img src=http:&#47;&#x2f;{TRAP}/y>'.encode("latin-1"), ()),
    (SCRIPT, f'cb({{"u":"https://{TRAP}/x"}})'.encode(), ()),
    (STREAM, f"event: a\ndata: http://{TRAP}/x\n\n".encode(), ()),
    (TEXT, f"see {URL}".encode("utf-16"), ()),
    ("application/x-www-form-urlencoded", f"next={quote(URL, safe='')}&n={quote(quote(URL, safe=''))}".encode(), ()),
    (JSON, b"{}", (("Location", URL), ("Content-Location", f"//{TRAP}/x"))),
    (JSON, b"{}", (("Location", f"/login?next={quote(URL, safe='')}"),)),
    (JSON, b"{}", (("Link", f'<{URL}>; rel="next", <//{TRAP}/p>; rel=prev'), ("Refresh", f"5; url={URL}"))),
    (JSON, b"{}", (("Set-Cookie", f"next={quote(URL, safe='')}; Path=/; Domain=trap.example"),)),
]
_LINK = re.compile(r"(?:(?:https?|wss?):|(?<![\w:.]))[/\\]{2}([\w.-]+):(\d+)", re.IGNORECASE)


def followed(text: str) -> set[tuple[str, int]]:
    """The addresses that a client connects to which follows all that looks like a link, however it is written."""
    texts = [text]
    for undo in (unquote, unquote, html.unescape, unescaped, unescaped, unescaped):
        texts.append(undo(texts[-1]))
    return {(host.lower(), int(port)) for one in texts for host, port in _LINK.findall(one)}


def unescaped(text: str) -> str:
    character = re.compile(r"\\(?:u00([0-9a-fA-F]{2})|([/\\\"]))")
    return character.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """Stands where the recorded server stood, and takes connections without answering."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield server


def visits(server: socket.socket) -> int:
    count = 0
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


def at(data: bytes, address: str) -> bytes:
    """An answer with an address in place of the trap's, in any of its spellings."""
    for spell in (str, lambda text: quote(text, safe=""), lambda text: quote(quote(text, safe=""), safe="")):
        for charset in ("utf-8", "utf-16-le"):
            data = data.replace(spell(TRAP).encode(charset), spell(address).encode(charset))
    return data


def cassette(path: Path, address: str, upstream: str, headers: Headers) -> list[tuple[bytes, Headers]]:
    """Record a session whose server names itself in every way; return its answers."""
    wire, answers = Wire(), []
    desk = wire.desk(headers=headers)
    desk.hears(state_event(f"see http://{address}/x"))
    for place, (kind, body, own) in enumerate(ANSWERS):
        exchange = desk.post(Ask(f"/answers/{place}", b"", method="GET"))
        wire.respond(exchange, at(body, address))
        shown = (("Content-Type", kind), *((name, at(value.encode(), address).decode()) for name, value in own))
        last = wire.records[-1]
        assert isinstance(last, Response)
        wire.records[-1] = replace(last, headers=shown)
        answers.append((at(body, address), shown))
    desk.asks(chained(7, "r1"), done(7, "r1", uri=f"http://{address}/x", push=f"ws://{address}/p", b=f"//{address}"))
    path.write_bytes(encode_header(replace(HEADER, upstream=upstream)) + b"".join(map(encode, wire.records)))
    return answers


def text_of(body: bytes, headers: Headers) -> str:
    charset = "utf-16" if "utf-16" in dict(headers).get("Content-Type", "") else "latin-1"
    return body.decode(charset) + "\n" + "\n".join(value for _, value in headers)


def answer(connection: HTTPConnection, path: str, headers: dict[str, str]) -> str:
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    assert response.status == 200
    return text_of(response.read(), tuple(response.getheaders()))


def told(url: str) -> list[str]:
    """All that a session is told: answers with their headers, and its events over each transport."""
    desk = Desk(url).connected()
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=20)) as connection:
        found = [answer(connection, f"/answers/{place}", desk.headers) for place in range(len(ANSWERS))]
    assert desk.asks(chained(7).target, chained(7, "live").content).status == 200
    polled = desk.fetches().body.decode()
    desk.leaves()
    return [*found, polled]


def pushed(url: str) -> list[str]:
    """The event that follows a subscription, by callback-polling and on a WebSocket."""
    desk, other = Desk(url), Desk(url)
    desk.shakes_hands()
    desk.subscribes()
    poll = quote(json.dumps([desk.connect(0, kind="callback-polling")]))
    script = desk.sends("GET", f"{BAYEUX}?jsonp=cb&message={poll}").answer()
    ws = other.opens_socket()
    ws.connected(other)
    heard = ws.hears("/v2/me/devices")
    other.leaves()
    desk.leaves()
    return [script.body.decode(), json.dumps(heard)]


@pytest.mark.parametrize("regular", [False, True], ids=["reverse", "regular"])
def test_a_client_that_follows_every_link_never_reaches_the_recorded_server(
    regular: bool, trap: socket.socket, tmp_path: Path
) -> None:
    port = trap.getsockname()[1]
    address, path = f"127.0.0.1:{port}", tmp_path / "s.cassette"
    upstream, headers = ("regular", (("Host", address),)) if regular else (f"http://{address}", ())
    recorded = cassette(path, address, upstream, headers)

    with recorder("replay", path, "--rate", "instant", "--repeat", "last") as standin:
        said = [*told(standin.url), *pushed(standin.url)]
        for text in said:
            for host, number in followed(text):
                socket.create_connection((host, number), timeout=20).close()

    own = int(standin.url.rpartition(":")[2])
    assert [("127.0.0.1", port) in followed(text_of(*answer)) for answer in recorded] == [True] * len(ANSWERS)
    assert [{number for _, number in followed(text)} for text in said] == [{own}] * len(said)
    assert visits(trap) == 0
    assert "not in the recording" not in standin.stderr


def test_links_that_leave_the_replay_are_told_once_at_its_start(tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    cassette(path, "other.example:81", "http://gws.example", ())

    with recorder("replay", path) as standin:
        pass

    assert StandIn(path).foreign_hosts == {"other.example:81": len(ANSWERS) + 2}
    assert standin.stderr.count(f"other.example:81 ({len(ANSWERS) + 2} answers)") == 1
    assert "a client that follows them leaves the replay" in standin.stderr
