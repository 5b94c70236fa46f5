"""Ten ways to ask for what was not recorded: one thing is changed at a time, and the first line names it."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from recorder.cassette.codec import encode, encode_header
from tests.lab.processes import Server, recorder
from tests.wire import HEADER, Ask, Wire, chained, complete, done, preview, record_event

pytestmark = pytest.mark.once

PATH = "/api/v2/me/outbound-records/7"
URL = "/api/v2/notifications"


def session() -> bytes:
    """Two agents; the first does three things, the second one."""
    wire = Wire()
    one, two = (wire.desk(headers=(("Cookie", f"JSESSIONID={name}"),)) for name in "ab")
    one.asks(preview("r1"), record_event("PreviewRecord", 7, "r1"))
    one.asks(chained(7, "r2"), done(7, "r2"))
    one.asks(complete(7, "r3"), record_event("RecordProcessedAcknowledge", 7, "r3"))
    two.asks(chained(8, "r4"), done(8, "r4"))
    return encode_header(HEADER) + b"".join(map(encode, wire.records))


class Case(NamedTuple):
    """What is asked after what else, and what the first line says."""

    ask: Ask
    cause: str
    before: tuple[Ask, ...] = (preview("x"),)
    options: tuple[str, ...] = ()
    cookie: bool = True


FIRST = (preview("x"),)
CASES = {
    "wrong path": Case(Ask(PATH.replace("outbound-records", "records"), chained().content), "path differs: recorded"),
    "wrong operation": Case(chained(7).but(operationName="RejectRecord"), "operation differs: recorded"),
    "a field differs": Case(
        complete(7, callResult="Busy"), 'body.callResult differs: recorded nothing, live "Busy"', (*FIRST, chained(7))
    ),
    "unknown handle": Case(chained(9), 'handle "9" is in no recorded GetChainedRecord; there is "7", "8"'),
    "played already": Case(chained(7, "z"), "played already: triple 2,", (*FIRST, chained(7, "y"))),
    "out of order": Case(complete(7), "out of order: triple 3,", FIRST, ("--strict",)),
    "another session's": Case(
        chained(8), "other session's: triple 4,", (*FIRST, chained(7), complete(7)), ("--strict",)
    ),
    "no session": Case(chained(7), "2 sessions are live, and this request does not show its own", (), (), False),
    "wrong method": Case(Ask(PATH, chained().content, "PUT"), 'method differs: recorded "POST", live "PUT"'),
    "no JSON": Case(Ask(PATH, b"operationName=GetChainedRecord"), "body (live: no JSON object) differs: recorded"),
}


class Client:
    """The least of a client: requests with a cookie jar of one cookie."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")
        self.cookie = ""

    def send(self, method: str, target: str, content: bytes, *, cookie: bool = True) -> tuple[int, str, str]:
        connection = HTTPConnection(self._host, timeout=20)
        headers = {"Content-Type": "application/json"} | ({"Cookie": self.cookie} if cookie and self.cookie else {})
        connection.request(method, target, content, headers)
        response = connection.getresponse()
        text = response.read().decode()
        self.cookie = (response.getheader("Set-Cookie") or self.cookie).partition(";")[0]
        connection.close()
        return response.status, response.getheader("X-Recorder-Miss") or "", text

    def shakes_hands(self) -> None:
        message = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        assert self.send("POST", URL, json.dumps([message]).encode())[0] == 200


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    path = tmp_path / "s.cassette"
    path.write_bytes(session())
    return path


def missed(cassette: Path, case: Case) -> tuple[Server, tuple[int, str, str]]:
    with recorder("replay", cassette, "--rate", "instant", "--json", *case.options) as standin:
        first, second = Client(standin.url), Client(standin.url)
        first.shakes_hands()
        second.shakes_hands()
        for ask in case.before:
            assert first.send(ask.method, ask.target, ask.body)[0] == 200
        return standin, first.send(case.ask.method, case.ask.target, case.ask.body, cookie=case.cookie)


@pytest.mark.parametrize("name", CASES)
def test_the_first_line_names_the_true_cause_wherever_it_is_told(name: str, cassette: Path) -> None:
    case = CASES[name]

    standin, (status, header, text) = missed(cassette, case)

    report: dict[str, Any] = json.loads(standin.stdout.splitlines()[-1])
    first = text.splitlines()[0]
    assert status == 470
    assert case.cause in first
    assert "what to do: " in text
    assert header == first
    assert text in standin.stderr
    assert [miss["text"] for miss in report["misses"]] == [text]
    assert standin.code == 1


def test_ten_classes_are_told_apart() -> None:
    assert len({case.cause for case in CASES.values()}) == len(CASES) == 10
