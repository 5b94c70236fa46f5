from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import Cassette, Located, open_cassette
from recorder.errors import CassetteError
from recorder.exporters.har import har
from recorder.library.sealing import seal
from recorder.model import Chunk, Failure, Record, Request, Response, SocketMessage
from tests.cassette.records import HEADER, RECORDS
from tests.exchange.checks import checked
from tests.exporters.exports import hostile, preview_cassette, socket, two_sessions


def text(cassette: Cassette) -> str:
    return "".join(har(cassette.header, cassette.records, "1.2.3"))


def entries(cassette: Cassette) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text(cassette))["log"]["entries"]
    return found


def exchange(request: Request, *answers: Record) -> dict[str, Any]:
    (entry,) = entries(Cassette(replace(HEADER, started=1_000_000), (request, *answers)))
    return entry


ASKED = Request(0, 2_500_000, 0, "c", "POST", "/a?b=1&b=&c=%C3%A9", (("Cookie", "x=1; y=2"),), b'{"a":1}')


@pytest.mark.node
@pytest.mark.once
@pytest.mark.parametrize(
    "cassette",
    [preview_cassette(), hostile(), two_sessions(), socket()],
    ids=["preview", "hostile", "sessions", "socket"],
)
def test_it_is_valid_by_the_published_schema(cassette: Cassette, tmp_path: Path) -> None:
    read = checked("har", text(cassette), tmp_path)

    requests = [record for record in cassette.records if isinstance(record, Request)]
    assert len(read["log"]["entries"]) == len(requests)


def test_each_exchange_is_an_entry_with_its_times() -> None:
    entry = exchange(ASKED, Response(1, 12_500_000, 0, 200, (), b""))

    assert entry["startedDateTime"] == "1970-01-01T00:00:01.002500Z"
    assert entry["time"] == 10
    assert entry["timings"]["send"] + entry["timings"]["wait"] + entry["timings"]["receive"] == entry["time"]


def test_a_request_has_its_query_cookies_and_body() -> None:
    request = exchange(ASKED)["request"]

    assert request["queryString"] == [
        {"name": "b", "value": "1"}, {"name": "b", "value": ""}, {"name": "c", "value": "é"},
    ]  # fmt: skip
    assert request["cookies"] == [{"name": "x", "value": "1"}, {"name": "y", "value": "2"}]
    assert (request["postData"]["text"], request["bodySize"]) == ('{"a":1}', 7)


def test_a_response_has_its_cookies_with_what_they_say_of_themselves() -> None:
    cookie = "s=1;Path=/;Domain=example.com;HttpOnly;Secure;Expires=Wed, 25 Nov 2026 12:00:00 GMT"
    headers = (("Set-Cookie", cookie), ("Set-Cookie", "t=2; Expires=never"))

    response = exchange(ASKED, Response(1, 3_000_000, 0, 302, (*headers, ("Location", "/b")), b""))["response"]

    assert response["cookies"] == [
        {"name": "s", "value": "1", "path": "/", "domain": "example.com", "httpOnly": True, "secure": True}
        | {"expires": "2026-11-25T12:00:00Z"},
        {"name": "t", "value": "2"},
    ]
    assert (response["statusText"], response["redirectURL"]) == ("Found", "/b")


def test_sizes_are_those_of_the_wire_where_they_are_known() -> None:
    packed = (("Content-Encoding", "gzip"), ("Content-Length", "30"))

    plain = exchange(ASKED, Response(1, 3_000_000, 0, 200, (), b"12345"))["response"]
    known = exchange(ASKED, Response(1, 3_000_000, 0, 200, packed, b"12345"))["response"]
    unknown = exchange(ASKED, Response(1, 3_000_000, 0, 200, packed[:1], b"12345"))["response"]

    assert [r["bodySize"] for r in (plain, known, unknown)] == [5, 30, -1]
    assert known["content"]["size"] == 5


def test_a_body_that_is_no_text_is_base64() -> None:
    content = exchange(ASKED, Response(1, 3_000_000, 0, 200, (), b"\xff\x00"))["response"]["content"]

    assert (content["encoding"], base64.b64decode(content["text"])) == ("base64", b"\xff\x00")


def test_what_got_no_answer_has_the_status_0_and_the_reason() -> None:
    failed, still_open = (
        e for e in entries(hostile()) if e["response"]["status"] == 0 and "outbound" in e["request"]["url"]
    )

    assert failed["response"]["status"] == 0
    assert "touch" in failed["response"]["_error"]
    assert (still_open["response"]["status"], "_error" in still_open["response"]) == (0, False)


def test_the_messages_of_a_websocket_are_there_as_chromium_writes_them() -> None:
    entry = entries(socket())[0]

    messages = entry["_webSocketMessages"]
    assert entry["request"]["url"].startswith("ws://")
    assert [(m["type"], m["opcode"]) for m in messages] == [("send", 1), ("receive", 1), ("receive", 1), ("receive", 2)]
    assert [round(m["time"], 2) for m in messages] == [0, 0, 0.5, 0.75]
    assert base64.b64decode(messages[-1]["data"]) == b"\xff\xfe"
    assert entry["_webSocketClosed"]["reason"] == "websocket closed by client, code 1000"


def test_a_binary_message_is_in_base64_whatever_it_holds() -> None:
    upgrade = Response(1, 2_500_000, 0, 101, (), b"")
    message = SocketMessage(2, 3_000_000, 0, from_client=False, body=b"text", is_text=False)

    (found,) = exchange(ASKED, upgrade, message)["_webSocketMessages"]

    assert (found["opcode"], base64.b64decode(found["data"])) == (2, b"text")


def test_a_streamed_answer_has_its_whole_body_and_the_times_of_its_head_and_end() -> None:
    head = Response(1, 3_500_000, 0, 200, (("Content-Type", "text/event-stream"),), b"", streamed=True)

    entry = exchange(ASKED, head, Chunk(2, 4_000_000, 0, b"data: 1\n\n"), Chunk(3, 9_500_000, 0, b"data: 2\n\n", True))

    assert entry["response"]["content"]["text"] == "data: 1\n\ndata: 2\n\n"
    assert (entry["timings"]["wait"], entry["timings"]["receive"], entry["time"]) == (1, 6, 7)


@given(RECORDS)
def test_whatever_was_recorded_gives_json(record: Any) -> None:
    asked = replace(ASKED, exchange=getattr(record, "exchange", 0))

    assert json.loads(text(Cassette(HEADER, (asked, replace(record, seq=1)))))["log"]["version"] == "1.2"


# Long exchanges


CHUNKS = st.lists(st.binary(max_size=5) | st.sampled_from(["é".encode()[:1], "é".encode()[1:], b"data: x\n\n"]))


@given(bodies=CHUNKS, kind=st.sampled_from(["text/event-stream", "application/x-ndjson"]))
def test_a_long_stream_is_written_as_a_short_one(bodies: list[bytes], kind: str) -> None:
    head = Response(1, 5, 0, 200, (("Content-Type", kind),), b"", streamed=True)
    chunks = [Chunk(n, n * 7, 0, data, n == len(bodies) + 1) for n, data in enumerate(bodies, 2)]

    assert_alike(Cassette(HEADER, (ASKED, head, *chunks, Failure(len(bodies) + 2, 999, 0, "broke"))))


@given(messages=st.lists(st.tuples(st.booleans(), st.binary(max_size=5), st.booleans())))
def test_a_long_socket_is_written_as_a_short_one(messages: list[tuple[bool, bytes, bool]]) -> None:
    head = Response(1, 5, 0, 101, (), b"")
    sent = [SocketMessage(n, n, 0, *message) for n, message in enumerate(messages, 2)]

    assert_alike(Cassette(HEADER, (ASKED, head, *sent)))


@pytest.mark.parametrize("cassette", [preview_cassette(), hostile(), two_sessions(), socket()])
def test_any_exchange_is_written_alike_whatever_is_long(cassette: Cassette) -> None:
    assert_alike(cassette)


def assert_alike(cassette: Cassette) -> None:
    short = text(cassette)
    with patch("recorder.exporters.har._MANY", 0):
        assert text(cassette) == short


def test_a_file_is_written_as_what_is_in_memory(tmp_path: Path) -> None:
    path, whole = tmp_path / "s.cassette", replace(two_sessions(), header=replace(HEADER, dialect="gws-outbound"))
    path.write_bytes(encode_header(whole.header) + b"".join(map(encode, whole.records)))
    seal(path, sealed := tmp_path / "sealed.cassette")

    for file in (path, sealed):
        with open_cassette(file) as cassette:
            assert "".join(har(whole.header, Located(cassette), "1.2.3")) == text(whole)


def test_a_damaged_file_is_told_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    data = bytearray(encode_header(HEADER) + b"".join(map(encode, two_sessions().records)))
    data[-len(encode(two_sessions().records[-1])) - 9] ^= 1
    path.write_bytes(data)

    with open_cassette(path) as cassette, pytest.raises(CassetteError):
        next(har(HEADER, Located(cassette), "1.2.3"))
