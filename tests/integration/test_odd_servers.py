"""A server that guards its JSON, is down for a while and forgets its client: all of it is recorded, and told apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeAlias

import pytest

from recorder.diagnose.doctor import examine
from recorder.library.recording import load_recording
from tests.lab.processes import recorder
from tests.replay.stage import Stage
from tests.wire import URL, Message, body, chained, done

pytestmark = pytest.mark.once

PHONE = "+4915112345678"
Answer: TypeAlias = tuple[int, bytes]


def guarded(value: Any) -> Answer:
    return 200, b"\xef\xbb\xbfwhile(1);" + body(value)


@contextmanager
def scripted(answers: list[Answer]) -> Iterator[str]:
    """A server that gives these answers, one after the other, whatever it is asked for."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, content = answers.pop(0)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is that of the base class
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_guards_its_json_fails_and_forgets(tmp_path: Path) -> None:
    cassette, ask = tmp_path / "s.cassette", chained(7, "r1", phoneNumber=PHONE)
    shake, connect, subscribe = (
        {"channel": f"/meta/{name}", "id": "1"} for name in ("handshake", "connect", "subscribe")
    )
    yes = {"successful": True, "clientId": "c1"}
    lost: Message = {"successful": False, "error": "403::Unknown client", "advice": {"reconnect": "handshake"}}
    talk: list[tuple[str, bytes, Answer]] = [
        (URL, body([shake]), guarded([shake | yes])),
        (
            URL,
            body([subscribe | {"clientId": "c1", "subscription": "/**"}]),
            guarded([subscribe | yes | {"subscription": "/**"}]),
        ),
        (URL, body([connect | {"clientId": "c1"}]), guarded([connect | yes])),
        (ask.target, ask.body, guarded({"statusCode": 0, "phoneNumber": PHONE})),
        (URL, body([connect | {"clientId": "c1"}]), guarded([done(7, "r1", phoneNumber=PHONE), connect | yes])),
        (URL, body([connect | {"clientId": "c1"}]), (503, b"<html>please wait</html>")),
        (URL, body([connect | {"clientId": "c1"}]), guarded([connect | lost])),
    ]

    with scripted([answer for _, _, answer in talk]) as upstream, recorder("record", upstream, "-o", cassette) as proxy:
        connection = HTTPConnection(proxy.url.removeprefix("http://"))
        heard = []
        for target, content, _ in talk:
            connection.request("POST", target, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            heard.append((response.status, response.read()))
        connection.close()

    assert heard == [answer for _, _, answer in talk]
    assert {finding.kind for finding in examine(cassette)} == {"poll-failed", "session-lost"}
    assert PHONE[1:].encode() not in cassette.read_bytes()
    recording = load_recording(cassette)
    assert [[link.name for link in t.events] for t in recording.triples] == [["ChainedRecordsDataEnd"]]
    desk = Stage(recording).stranger()
    shaken = desk.bayeux(shake)
    assert json.loads(desk.replies[shaken].body.removeprefix(b"while(1);"))[0]["successful"]
