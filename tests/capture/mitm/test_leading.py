"""What the recorder changes in flows: links in both directions, conditional requests; and what it tells."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette.reader import read
from recorder.model import Note, Record, Request, Response, SocketMessage
from recorder.push.pieces import joined

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from mitmproxy import http, websocket
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import taddons, tflow
from wsproto.frame_protocol import Opcode

from recorder.capture.mitm.addon import Recorder

JSON = {"content-type": "application/json"}
OWN, GWS = "http://127.0.0.1:5000", "https://gws.example"


def call(method: str = "GET", path: str = "/", body: bytes = b"", **headers: str) -> http.HTTPFlow:
    """A request to the recorder that stands before GWS at OWN."""
    made = tflow.tflow()
    made.client_conn.proxy_mode = ProxyMode.parse("reverse:https://gws.example")
    made.client_conn.sockname = ("127.0.0.1", 5000)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    made.request = http.Request.make(method, f"{OWN}{path}", body, given)
    return made


def answered(flow: http.HTTPFlow, body: bytes, status: int = 200, **headers: str) -> http.HTTPFlow:
    flow.response = http.Response.make(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
    return flow


def record(path: Path, act: Callable[[Recorder], Awaitable[Any]], **options: bool) -> list[Record]:
    async def run() -> None:
        recorder = Recorder(path, policy=None, **options)
        with taddons.context(recorder) as context:
            context.configure(recorder)
            await act(recorder)
            recorder.done()

    asyncio.run(run())
    return [*read(path).records]


def exchange(path: Path, flow: http.HTTPFlow, **options: bool) -> list[Record]:
    """Pass a whole exchange through the hooks, streamed if the recorder wants it so; return what was recorded."""

    async def act(recorder: Recorder) -> None:
        recorder.requestheaders(flow)
        await recorder.request(flow)
        recorder.responseheaders(flow)
        assert flow.response is not None
        stream = flow.response.stream
        if callable(stream):
            parts: list[bytes] = []
            for piece in (flow.response.raw_content or b"", b""):
                found = stream(piece)
                parts += [found] if isinstance(found, bytes) else found
            flow.response.raw_content = b"".join(parts)
        await recorder.response(flow)

    return record(path, act, **options)


def rewritten(path: Path, flow: http.HTTPFlow) -> tuple[http.HTTPFlow, Request, Response]:
    request, response, *_ = joined(exchange(path, flow, rewrite_links=True), joins_events=True)
    assert isinstance(request, Request)
    assert isinstance(response, Response)
    return flow, request, response


# Links


def test_the_client_gets_the_recorders_address_and_the_cassette_keeps_the_servers(tmp_path: Path) -> None:
    body = json.dumps({"instance_url": GWS, "é": "x"}, ensure_ascii=False).encode()
    flow = answered(call(), body, 201, location=f"{GWS}/a", strict_transport_security="max-age=1", digest="x", **JSON)

    _, _, response = rewritten(tmp_path / "s", flow)

    assert flow.response is not None
    assert flow.response.json() == {"instance_url": OWN, "é": "x"}
    assert flow.response.headers["content-length"] == str(len(flow.response.raw_content or b""))
    assert flow.response.headers["location"] == f"{OWN}/a"
    assert {"strict-transport-security", "digest"}.isdisjoint(flow.response.headers)
    assert response.body == body
    assert dict(response.headers)["location"] == f"{GWS}/a"
    assert dict(response.headers)["content-length"] == str(len(body))
    assert {"strict-transport-security", "digest"} <= set(dict(response.headers))


def test_a_request_goes_on_and_is_recorded_with_the_upstreams_address(tmp_path: Path) -> None:
    sent = call("POST", f"/a?to={OWN}/b", json.dumps({"cb": f"{OWN}/cb"}).encode(), origin=OWN, **JSON)

    flow, request, _ = rewritten(tmp_path / "s", answered(sent, b"{}", **JSON))

    assert flow.request.path == request.target == f"/a?to={GWS}/b"
    assert json.loads(flow.request.content or b"") == json.loads(request.body) == {"cb": f"{GWS}/cb"}
    assert flow.request.headers["content-length"] == str(len(request.body))
    assert flow.request.headers["origin"] == dict(request.headers)["origin"] == GWS


@pytest.mark.parametrize("encoding", ["gzip", "UTF-8"])
def test_an_encoded_body_is_rewritten_too(encoding: str, tmp_path: Path) -> None:
    plain = json.dumps({"u": GWS}).encode()
    sent = answered(call(accept_encoding="gzip, br"), b"", **JSON)
    assert sent.response is not None
    sent.response.headers["content-encoding"] = encoding
    sent.response.raw_content = gzip.compress(plain) if encoding == "gzip" else plain

    flow, request, response = rewritten(tmp_path / "s", sent)

    assert flow.response is not None
    assert flow.response.raw_content == json.dumps({"u": OWN}).encode()
    assert flow.response.headers["content-length"] == str(len(flow.response.raw_content))
    assert flow.response.headers.get("content-encoding") == (None if encoding == "gzip" else "UTF-8")
    assert response.body == plain
    assert dict(request.headers)["accept-encoding"] == "identity"


def test_a_charset_stays(tmp_path: Path) -> None:
    body = f"<a>\xe9 {GWS}/</a>".encode("latin-1")

    flow, _, _ = rewritten(tmp_path / "s", answered(call(), body, content_type="text/xml; charset=iso-8859-1"))

    assert flow.response is not None
    assert flow.response.raw_content == f"<a>\xe9 {OWN}/</a>".encode("latin-1")


def test_a_stream_is_rewritten_and_recorded_as_it_came(tmp_path: Path) -> None:
    body = f"data: {GWS}/a\n\n".encode()
    flow = answered(call(), body, content_type="text/event-stream", link=f"<{GWS}/x>")
    assert flow.response is not None
    del flow.response.headers["content-length"]

    _, _, response = rewritten(tmp_path / "s", flow)

    assert flow.response.raw_content == f"data: {OWN}/a\n\n".encode()
    assert flow.response.headers["link"] == f"<{OWN}/x>"
    assert response.body == body
    assert dict(response.headers)["link"] == f"<{GWS}/x>"


def test_an_answer_of_some_megabytes_keeps_a_right_length(tmp_path: Path) -> None:
    body = json.dumps([GWS] * 60_000).encode()

    flow, _, response = rewritten(tmp_path / "s", answered(call("POST"), body, **JSON))

    assert flow.response is not None
    assert flow.response.raw_content == body.replace(GWS.encode(), OWN.encode())
    assert flow.response.headers["content-length"] == str(len(flow.response.raw_content or b""))
    assert response.body == body


@pytest.mark.parametrize("status", [206, 200])
def test_binary_bodies_and_parts_of_documents_stay(status: int, tmp_path: Path) -> None:
    body, kind = (b"\x89PNG\0" + GWS.encode(), "image/png") if status == 200 else (GWS.encode(), "text/plain")

    flow, _, _ = rewritten(tmp_path / "s", answered(call(), body, status, content_type=kind))

    assert flow.response is not None
    assert flow.response.raw_content == body


def test_an_answer_to_head_keeps_its_length(tmp_path: Path) -> None:
    sent = answered(call("HEAD"), b"", content_location=f"{GWS}/x", **JSON)
    assert sent.response is not None
    sent.response.headers["content-length"] = "4711"

    flow, _, response = rewritten(tmp_path / "s", sent)

    assert flow.response is not None
    assert (flow.response.headers["content-length"], flow.response.headers["content-location"]) == ("4711", f"{OWN}/x")
    assert (dict(response.headers)["content-length"], response.body) == ("4711", b"")


def test_messages_on_a_websocket_are_rewritten_both_ways(tmp_path: Path) -> None:
    flow = tflow.twebsocketflow(messages=False)
    flow.client_conn.proxy_mode, flow.client_conn.sockname = ProxyMode.parse(f"reverse:{GWS}"), ("127.0.0.1", 5000)
    assert flow.websocket is not None
    messages = flow.websocket.messages
    messages.clear()

    async def act(recorder: Recorder) -> None:
        await recorder.request(flow)
        await recorder.response(flow)
        for from_client, text in ((True, f'["{OWN}/a"]'), (False, f'["wss://gws.example/b", "{GWS}"]')):
            messages.append(websocket.WebSocketMessage(Opcode.TEXT, from_client, text.encode()))
            await recorder.websocket_message(flow)
            passed.append(messages[-1].content.decode())

    passed: list[str] = []
    found = [
        record.body.decode()
        for record in record(tmp_path / "s", act, rewrite_links=True)
        if isinstance(record, SocketMessage)
    ]

    assert passed == [f'["{GWS}/a"]', f'["ws://127.0.0.1:5000/b", "{OWN}"]']
    assert found == [f'["{GWS}/a"]', f'["wss://gws.example/b", "{GWS}"]']


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("has_length", [True, False])
def test_without_the_option_urls_of_push_lead_to_the_recorder_all_the_same(
    encoding: str, has_length: bool, tmp_path: Path
) -> None:
    body = json.dumps({"connectUri": "wss://gws.example/channels/7", "selfUri": f"{GWS}/channels/7"}).encode()
    flow = answered(call("POST", "/channels"), b"", **JSON)
    assert flow.response is not None
    flow.response.raw_content = gzip.compress(body) if encoding == "gzip" else body
    flow.response.headers["content-encoding"] = encoding
    if has_length:
        flow.response.headers["content-length"] = str(len(flow.response.raw_content))
    else:
        del flow.response.headers["content-length"]
        flow.response.headers["transfer-encoding"] = "chunked"
    if encoding == "identity":
        del flow.response.headers["content-encoding"]

    kept = [one.body for one in exchange(tmp_path / "s.cassette", flow) if isinstance(one, Response)]

    assert kept == [body]
    assert flow.response.content is not None
    assert json.loads(flow.response.content) == {
        "connectUri": "ws://127.0.0.1:5000/channels/7",
        "selfUri": f"{GWS}/channels/7",
    }


def test_in_other_modes_nothing_is_rewritten(tmp_path: Path) -> None:
    sent = answered(call(referer=OWN), GWS.encode(), content_type="text/plain")
    sent.client_conn.proxy_mode = ProxyMode.parse("regular")

    flow, request, _ = rewritten(tmp_path / "s", sent)

    assert flow.response is not None
    assert (flow.response.raw_content, dict(request.headers)["referer"]) == (GWS.encode(), OWN)


def test_without_the_option_nothing_is_rewritten_and_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flow = answered(call(referer=OWN), json.dumps({"u": GWS}).encode(), **JSON)

    with caplog.at_level(logging.WARNING, "recorder.capture"):
        request, note, *_ = exchange(tmp_path / "s", flow)

    assert flow.response is not None
    assert flow.response.json() == {"u": GWS}
    assert isinstance(request, Request)
    assert dict(request.headers)["referer"] == OWN
    assert isinstance(note, Note)
    assert note.kind == "led-away"
    assert note.text in caplog.text
    assert "gws.example (u)" in note.text


# Conditional requests


@pytest.mark.parametrize(
    ("method", "name", "value", "goes_on"),
    [
        ("GET", "If-None-Match", '"e"', False),
        ("GET", "if-modified-since", "Tue, 01 Dec 2026 10:00:00 GMT", False),
        ("HEAD", "If-None-Match", '"e"', False),
        ("PUT", "If-None-Match", "*", True),
        ("PUT", "If-Match", '"e"', True),
        ("GET", "If-Range", '"e"', True),
        ("GET", "Range", "bytes=0-1", True),
    ],
)
def test_a_browsers_cache_does_not_decide_what_is_recorded(
    method: str, name: str, value: str, goes_on: bool, tmp_path: Path
) -> None:
    flow = answered(call(method), b"")
    flow.request.headers[name] = value

    request, *_ = exchange(tmp_path / "s", flow)

    assert isinstance(request, Request)
    assert (name in flow.request.headers) is (name in dict(request.headers)) is goes_on


def test_conditional_requests_can_be_kept(tmp_path: Path) -> None:
    flow = answered(call(if_none_match='"e"'), b"", 304)

    request, *_ = exchange(tmp_path / "s", flow, keep_conditional=True)

    assert isinstance(request, Request)
    assert dict(request.headers)["if-none-match"] == '"e"'
