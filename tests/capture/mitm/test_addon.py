"""The hooks as mitmproxy calls them; real proxies are in tests/integration."""

from __future__ import annotations

import asyncio
import gzip
import resource
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette.codec import RULES_WITHIN, encode_header
from recorder.cassette.reader import Cassette, Whole, read
from recorder.dialect.definition import Dialect, parse, shipped, source
from recorder.dialect.fitting import Fit
from recorder.errors import UsageError
from recorder.formats.compression import zstd
from recorder.library.parts import gathered
from recorder.library.recording import load_recording
from recorder.model import Chunk, Failure, Header, Note, Record, Request, Response, SocketMessage, closing
from recorder.redaction.policy import Policy, load

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

import brotli
from mitmproxy import connection, exceptions, flow, http, websocket
from mitmproxy.proxy import server_hooks
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import taddons, tflow
from wsproto.frame_protocol import Opcode

from recorder.capture.mitm.addon import Recorder
from recorder.capture.mitm.capture import Settings
from recorder.capture.mitm.leading import HOST
from recorder.capture.mitm.protocol.sockets import TOO_BIG
from recorder.capture.parts import Limits
from recorder.capture.streams import KEPT
from tests.wrappings import WRAPPINGS

Steps = Callable[[Recorder], Awaitable[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.cassette"


def record(path: Path, steps: Steps, **options: Any) -> Cassette:
    """What a recorder writes while the hooks are called by `steps`."""
    names = ("policy", "key", "dialect", "upstream", "watch", "on_dialect")
    own = {name: options.pop(name) for name in names if name in options}

    async def run() -> None:
        recorder = Recorder(path, **{"policy": None} | own, settings=Settings(**options))
        with taddons.context(recorder) as context:
            context.configure(recorder)
            await steps(recorder)
            recorder.done()

    asyncio.run(run())
    return read(path)


def with_script(options: dict[str, Any], check: Callable[[Recorder], None]) -> None:
    """Run the script form of the recorder under these options of mitmproxy."""

    async def run() -> None:
        recorder = Recorder()
        with taddons.context(recorder) as context:
            try:
                context.configure(recorder, **options)
                check(recorder)
            finally:
                recorder.done()

    asyncio.run(run())


def call(status: int = 200, **own: Any) -> http.HTTPFlow:
    """An exchange with its answer; `own` are raw fields of the request."""
    made = tflow.tflow(resp=True)
    made.request.method, made.request.path, made.request.raw_content = "POST", "/api/v2/me?a=%20", b"{}"
    made.response.status_code, made.response.raw_content = status, b'{"statusCode":0}'
    for name, value in own.items():
        setattr(made.request.data, name, value)
    return made


def socket() -> http.HTTPFlow:
    made = tflow.twebsocketflow(messages=False)
    assert made.websocket is not None
    made.websocket.messages.clear()
    return made


def says(made: http.HTTPFlow, text: bytes, *, from_client: bool = False) -> http.HTTPFlow:
    """A message arrives: mitmproxy appends it and calls the hook."""
    assert made.websocket is not None
    made.websocket.messages.append(websocket.WebSocketMessage(Opcode.TEXT, from_client, text))
    return made


def facts(cassette: Cassette) -> list[Record]:
    """What was recorded before the note of the end."""
    *recorded, close = cassette.records
    assert isinstance(close, Note)
    assert close.kind == "close"
    return recorded


# HTTP


def test_a_request_and_its_response_are_recorded_as_they_were(path: Path) -> None:
    exchange = call()
    exchange.request.headers = http.Headers([(b"Accept", b"*/*"), (b"X-Odd", b"\xe9")])
    assert exchange.response is not None
    exchange.response.headers = http.Headers([(b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2")])

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)

    request, response = facts(record(path, steps))
    assert isinstance(request, Request)
    assert (request.seq, request.exchange, request.connection) == (0, 0, exchange.client_conn.id)
    assert (request.method, request.target, request.body) == ("POST", "/api/v2/me?a=%20", b"{}")
    assert request.headers == (("Accept", "*/*"), ("X-Odd", "\xe9"))
    assert isinstance(response, Response)
    assert (response.seq, response.exchange, response.status, response.body) == (1, 0, 200, b'{"statusCode":0}')
    assert response.headers == (("Set-Cookie", "a=1"), ("set-cookie", "b=2"))
    assert response.t >= request.t >= 0


def test_the_authority_of_http_2_is_recorded_as_the_host(path: Path) -> None:
    exchange = call(authority=b"api.example:8443")
    exchange.request.headers = http.Headers([(b"Accept", b"*/*")])

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)

    (request,) = facts(record(path, steps))
    assert isinstance(request, Request)
    assert request.headers == (("Host", "api.example:8443"), ("Accept", "*/*"))


def test_the_recorded_exchange_itself_is_left_alone(path: Path) -> None:
    exchange = call()
    exchange.request.headers["Cookie"] = "a=hunter2"
    before = exchange.get_state()

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)

    record(path, steps, policy=load())

    assert exchange.get_state() == before


def test_a_compressed_body_is_recorded_plain(path: Path) -> None:
    exchange = call()
    assert exchange.response is not None
    exchange.response.headers["Content-Encoding"] = "gzip"
    exchange.response.raw_content = gzip.compress(b"plain")

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)

    _, response = facts(record(path, steps))
    assert isinstance(response, Response)
    assert response.body == b"plain"


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "utf8", "idna", "no-such-thing"])
def test_a_body_that_is_not_what_its_encoding_says_is_recorded_as_it_is(path: Path, encoding: str) -> None:
    exchange = call()
    assert exchange.response is not None
    exchange.response.headers["Content-Encoding"] = encoding
    exchange.response.raw_content = b"\xff\x00 neither"

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)

    _, response = facts(record(path, steps))
    assert isinstance(response, Response)
    assert response.body == b"\xff\x00 neither"


@pytest.mark.parametrize("odd", [{"path": b"/\xff\x80?\xed\xa0\x80"}, {"method": b"G\xffT"}, {"content": None}])
def test_what_no_client_should_send_is_recorded_too(path: Path, odd: dict[str, Any]) -> None:
    async def steps(recorder: Recorder) -> None:
        exchange = call(**odd)
        await recorder.request(exchange)
        await recorder.response(exchange)
        await recorder.request(call())

    assert [type(found) for found in facts(record(path, steps))] == [Request, Response, Request]


def test_an_exchange_that_fails_is_recorded_with_its_reason(path: Path) -> None:
    exchange = call()
    exchange.error = flow.Error("Client disconnected.")

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.error(exchange)

    _, failure = facts(record(path, steps))
    assert isinstance(failure, Failure)
    assert (failure.exchange, failure.reason) == (0, "Client disconnected.")


def flushed(encoding: str, *pieces: bytes) -> list[bytes]:
    """Pieces compressed as a server does it that sends each one at once."""
    match encoding:
        case "gzip":
            stage = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
            return [stage.compress(piece) + stage.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
        case "deflate":
            stage = zlib.compressobj()
            return [stage.compress(piece) + stage.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
        case "br":
            compressor = brotli.Compressor()
            return [compressor.process(piece) + compressor.flush() for piece in pieces]
    packer = zstd().ZstdCompressor()
    return [packer.compress(piece, packer.FLUSH_BLOCK) for piece in pieces]


def streamed(kind: bytes = b"text/event-stream", **own: Any) -> http.HTTPFlow:
    """An answer of which nothing but the headers came yet."""
    made = call(**own)
    assert made.response is not None
    made.response.headers, made.response.raw_content = http.Headers([(b"Content-Type", kind)]), None
    return made


async def handed_on(recorder: Recorder, made: http.HTTPFlow, *pieces: bytes) -> list[bytes]:
    """What goes to the client as these pieces come from the server."""
    await recorder.request(made)
    recorder.responseheaders(made)
    assert made.response is not None
    assert callable(made.response.stream)
    return [made.response.stream(piece) for piece in pieces]  # type: ignore[misc]


def chunks_of(records: Iterable[Record]) -> list[bytes]:
    return [found.body for found in records if isinstance(found, Chunk)]


def test_a_stream_is_handed_on_piece_by_piece_and_recorded_event_by_event(path: Path) -> None:
    made, handed = streamed(), []

    async def steps(recorder: Recorder) -> None:
        handed.extend(await handed_on(recorder, made, b"data: 1", b"\n\ndata: 2\n\nda", b"ta: 3\n\n", b""))
        await recorder.response(made)

    _, answer, *chunks = facts(record(path, steps))

    assert handed == [b"data: 1", b"\n\ndata: 2\n\nda", b"ta: 3\n\n", b""]
    assert answer == Response(1, answer.t, 0, 200, (("Content-Type", "text/event-stream"),), b"", streamed=True)
    assert [replace(chunk, t=0) for chunk in chunks] == [
        Chunk(2, 0, 0, b"data: 1\n\ndata: 2\n\n"),
        Chunk(3, 0, 0, b"data: 3\n\n"),
        Chunk(4, 0, 0, b"", is_last=True),
    ]
    assert [chunk.t for chunk in chunks] == sorted(chunk.t for chunk in chunks)


def test_an_event_is_written_before_the_next_one_comes(path: Path) -> None:
    made = streamed()
    seen: list[Record] = []

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, b"data: 1\n\n", b"data: hunter2")
        assert chunks_of(seen) == [b"data: 1\n\n"]

    record(path, steps, watch=seen.append)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_compressed_stream_is_handed_on_as_it_is_and_recorded_plain(path: Path, encoding: str) -> None:
    made, wire = streamed(), flushed(encoding, b"data: 1\n\n", b"data: 2\n\n")
    handed: list[bytes] = []
    assert made.response is not None
    made.response.headers["Content-Encoding"] = encoding

    async def steps(recorder: Recorder) -> None:
        handed.extend(await handed_on(recorder, made, *wire, b""))
        await recorder.response(made)

    cassette = record(path, steps)

    assert handed == [*wire, b""]
    assert chunks_of(cassette.records) == [b"data: 1\n\n", b"data: 2\n\n", b""]


@pytest.mark.parametrize("policy", [None, load()])
def test_a_stream_that_cannot_be_decoded_is_not_kept(path: Path, policy: Policy | None) -> None:
    made = streamed()
    assert made.response is not None
    made.response.headers["Content-Encoding"] = "gzip"

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, b"\xff\x00\xff\xff data: 1\n\n", b"data: 2\n\n", b"")
        await recorder.response(made)

    cassette = record(path, steps, policy=policy)

    assert set(chunks_of(cassette.records)) == {b""}
    (note,) = (found for found in facts(cassette) if isinstance(found, Note))
    assert "is kept without its body: it is not valid 'gzip'" in note.text


def test_a_stream_that_names_an_encoding_and_has_none_is_kept(path: Path) -> None:
    made = streamed()
    assert made.response is not None
    made.response.headers["Content-Encoding"] = "gzip"

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, b"d", "ata: é\n\n".encode()[:6], "ata: é\n\n".encode()[6:])

    assert chunks_of(record(path, steps).records) == ["data: é\n\n".encode()]


def test_an_event_without_an_end_is_bounded(path: Path) -> None:
    made = streamed()

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, b"data: ", bytes(KEPT), b"x" * 9, b"\n\ndata: 2\n\n", b"")
        await recorder.response(made)

    cassette = record(path, steps)

    assert chunks_of(cassette.records) == [b"", b"data: 2\n\n", b""]
    (note,) = (found for found in facts(cassette) if isinstance(found, Note))
    assert note.text == "record 2 is kept without its body: an event or a line has more than 16 MiB"


def test_of_many_lines_the_beginning_is_kept(path: Path) -> None:
    made, line = streamed(b"application/x-ndjson"), b"1" * (KEPT // 2) + b"\n"

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, line, line, b"1\n", b"")
        await recorder.response(made)

    cassette = record(path, steps)

    assert chunks_of(cassette.records) == [line, b"", b""]
    (note,) = (found for found in facts(cassette) if isinstance(found, Note))
    assert note.text.endswith(f"{len(line) + 2} bytes more went to the client")


def test_half_an_answer_is_none(path: Path) -> None:
    made = streamed(b"application/json")
    made.error = flow.Error("Client disconnected.")

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, b"data: 1")
        await recorder.error(made)

    assert [type(found) for found in facts(record(path, steps))] == [Request, Failure]


@pytest.mark.parametrize("is_closed", [True, False])
def test_of_a_stream_that_breaks_or_is_open_at_the_end_whole_events_are_kept(path: Path, *, is_closed: bool) -> None:
    made = streamed()
    made.error = flow.Error("Client disconnected.")

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, b"data: 1\n\ndata: hunter")
        if is_closed:
            await recorder.error(made)

    cassette = record(path, steps)

    assert chunks_of(cassette.records) == [b"data: 1\n\n", b""]
    _, _, _, _, note, *end = facts(cassette)
    assert isinstance(note, Note)
    assert note.text.endswith("12 bytes of an event or a line that did not end")
    assert [found.reason for found in end if isinstance(found, Failure)] == ["Client disconnected."] * is_closed


@pytest.mark.parametrize(
    ("kind", "pieces", "kept"),
    [
        (b"application/x-ndjson", (b'{"a":1}\n{"a":', b"2}"), [b'{"a":1}\n', b'{"a":2}', b""]),
        (b"text/event-stream", (b"data: 1\n\ndata: ", b"2"), [b"data: 1\n\n", b"", b""]),
    ],
)
def test_the_end_of_a_stream_finishes_its_last_line_but_no_event(
    path: Path, kind: bytes, pieces: tuple[bytes, ...], kept: list[bytes]
) -> None:
    made = streamed(kind)

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, *pieces, b"")
        await recorder.response(made)

    assert chunks_of(record(path, steps).records) == kept


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_an_answer_that_cannot_have_a_body_has_no_chunks(path: Path, method: str, status: int) -> None:
    made = streamed()
    made.request.method = method
    assert made.response is not None
    made.response.status_code = status

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, b"")
        await recorder.response(made)

    _, answer = facts(record(path, steps))
    assert isinstance(answer, Response)
    assert not answer.streamed


def test_a_cassette_of_format_1_goes_on_without_chunks(path: Path) -> None:
    path.write_bytes(encode_header(Header(0, "", "gws-outbound", "none", format=1)))
    made = streamed()

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, b"data: 1\n\n", b"")
        await recorder.response(made)

    *_, answer = facts(record(path, steps, append=True))
    assert isinstance(answer, Response)
    assert (answer.body, answer.streamed) == (b"data: 1\n\n", False)


def test_a_stream_goes_on_in_the_next_part(path: Path) -> None:
    made = streamed()

    async def steps(recorder: Recorder) -> None:
        await handed_on(recorder, made, b"data: 1\n\n", b"data: " + b"2" * 3000 + b"\n\n", b"data: 3\n\n", b"")
        await recorder.response(made)

    record(path, steps, limits=Limits(size=2000))

    request, head, *chunks = facts(read(path.with_name("s-2.cassette")))
    assert (request.seq, head.seq) == (0, 1)
    assert isinstance(head, Response)
    assert head.streamed
    assert [chunk.body for chunk in chunks if isinstance(chunk, Chunk)] == [b"data: 3\n\n", b""]
    assert {chunk.exchange for chunk in chunks} == {head.exchange}  # type: ignore[union-attr]  # no notes


@pytest.mark.parametrize("stream", [True, False])
def test_what_others_want_to_be_streamed_is_recorded_all_the_same(path: Path, *, stream: bool) -> None:
    made = call()
    assert made.response is not None
    made.response.headers, made.response.stream = http.Headers([(b"Content-Length", b"2")]), stream

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        recorder.responseheaders(made)
        recorder.responseheaders(call())  # nobody asked

    record(path, steps)

    assert callable(made.response.stream) is stream


@pytest.mark.parametrize(
    ("body", "kind", "is_handed_on"),
    [
        (b"{}", b"application/json", True),
        (b'[{"channel":"/meta/connect"}]', b"application/json", False),
        (b'[{"channel":"/meta/connect"}]', b"text/event-stream", True),
    ],
)
def test_an_answer_to_bayeux_messages_is_waited_for_unless_it_is_a_stream_of_events(
    path: Path, body: bytes, kind: bytes, *, is_handed_on: bool
) -> None:
    made = streamed(kind)
    made.request.raw_content = body

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        recorder.responseheaders(made)

    record(path, steps)

    assert made.response is not None
    assert callable(made.response.stream) is is_handed_on


def sent_on(recorder: Recorder, made: http.HTTPFlow, *pieces: bytes) -> list[bytes]:
    """What goes to the server as these pieces come from the client."""
    assert callable(made.request.stream)
    return [made.request.stream(piece) for piece in pieces]  # type: ignore[misc]


def upload(length: bytes = b"17000000") -> http.HTTPFlow:
    """A request of which nothing but the headers came yet."""
    made = call(headers=http.Headers([(b"Content-Length", length)]), content=None)
    made.response = None
    return made


def test_a_large_upload_is_sent_on_piece_by_piece_and_its_beginning_is_kept(path: Path) -> None:
    made, sent = upload(), []

    async def steps(recorder: Recorder) -> None:
        recorder.requestheaders(made)
        sent.extend(sent_on(recorder, made, b"a", bytes(KEPT), b""))
        await recorder.request(made)

    request, note = facts(record(path, steps))

    assert sent == [b"a", bytes(KEPT), b""]
    assert len(request.body) == KEPT
    assert note.text.endswith("is kept with the beginning of its body: 1 byte more went to the server")


def test_an_upload_that_is_not_large_is_waited_for(path: Path) -> None:
    made = upload(b"%d" % KEPT)

    async def steps(recorder: Recorder) -> None:
        recorder.requestheaders(made)

    record(path, steps)

    assert made.request.stream is False


def test_an_answer_before_the_end_of_an_upload_begins_the_exchange(path: Path) -> None:
    made = upload()

    async def steps(recorder: Recorder) -> None:
        recorder.requestheaders(made)
        sent_on(recorder, made, b"a")
        made.response = http.Response.make(413)
        rest = recorder.responseheaders(made)
        assert rest is not None
        await rest
        await recorder.response(made)
        sent_on(recorder, made, b"b")
        await recorder.request(made)

    request, note, response = facts(record(path, steps))

    assert (request.body, response.status) == (b"a", 413)
    assert note.text.endswith("the beginning of its body: the answer came before the end of the request")


def test_an_upload_that_breaks_off_is_a_failure(path: Path) -> None:
    made = upload()
    made.error = flow.Error("Client disconnected.")

    async def steps(recorder: Recorder) -> None:
        recorder.requestheaders(made)
        sent_on(recorder, made, b"a")
        await recorder.error(made)

    request, note, failure = facts(record(path, steps))

    assert (request.body, failure.reason) == (b"a", "Client disconnected.")
    assert note.text.endswith("the beginning of its body: Client disconnected.")


def test_an_upload_that_is_open_at_the_end_is_kept(path: Path) -> None:
    made = upload()

    async def steps(recorder: Recorder) -> None:
        recorder.requestheaders(made)
        sent_on(recorder, made, b"a")

    request, note = facts(record(path, steps))

    assert request.body == b"a"
    assert note.text.endswith("the beginning of its body: the capture ended before its end")


@pytest.mark.parametrize("is_request", [True, False])
def test_a_body_that_outgrows_what_is_kept_is_streamed(path: Path, *, is_request: bool) -> None:
    made = upload(b"") if is_request else call()
    message: Any = made.request if is_request else made.response

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        recorder.outgrown(made)

    record(path, steps)

    assert callable(message.stream)


def test_a_large_answer_that_nobody_asked_for_passes(path: Path) -> None:
    made = call()

    async def steps(recorder: Recorder) -> None:
        recorder.outgrown(made)

    record(path, steps)

    assert made.response is not None
    assert made.response.stream is True


def test_a_request_that_was_not_sent_is_told_once(path: Path) -> None:
    made = upload()
    made.error = flow.Error("HTTP/1 protocol error: illegal chunk header")

    async def steps(recorder: Recorder) -> None:
        await recorder.error(made)
        await recorder.error(made)

    (note,) = facts(record(path, steps))

    assert note == Note(
        0, note.t, "not-carried",
        "a request was not sent on, nor recorded: HTTP/1 protocol error: illegal chunk header",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "reason", "is_told"),
    [(1009, TOO_BIG, True), (1009, "error in extension", True), (1009, "by the server", False), (1000, TOO_BIG, False)],
)
def test_a_socket_that_the_recorder_closes_at_a_large_message_is_told(
    path: Path, code: int, reason: str, *, is_told: bool
) -> None:
    made = socket()
    made.websocket.close_code, made.websocket.close_reason, made.websocket.closed_by_client = code, reason, False

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        await recorder.response(made)
        await recorder.websocket_end(made)

    told = [r.text for r in facts(record(path, steps)) if isinstance(r, Note)]

    text = "a WebSocket was closed: a message has more than 16 MiB, more than the recorder forwards (from the server)"
    assert told == [text] * is_told


def test_of_a_connection_that_is_no_http_nothing_is_kept(path: Path) -> None:
    made = tflow.ttcpflow()

    async def steps(recorder: Recorder) -> None:
        recorder.tcp_start(made)
        recorder.tcp_message(made)

    (note,) = facts(record(path, steps))

    assert note.text == "a connection to address that is not HTTP is forwarded, but not recorded"
    assert made.messages == []


def test_times_are_those_of_the_clock_it_was_given(path: Path) -> None:
    times = iter([1_000, 1_500, 1_700, 9_000])

    async def steps(recorder: Recorder) -> None:
        exchange = call()
        await recorder.request(exchange)
        await recorder.response(exchange)

    recorded = record(path, steps, clock=lambda: next(times)).records

    assert [found.t for found in recorded] == [500, 700, 8_000]


def test_an_upgrade_is_no_stream(path: Path) -> None:
    made = socket()

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        recorder.responseheaders(made)

    record(path, steps)

    assert made.response is not None
    assert made.response.stream is False


HOSTS = b'[{"channel":"/meta/connect","advice":{"hosts":["a.example"]}}]'


@pytest.mark.parametrize("wrapping", ["UTF-16 little", "mark and loop", "comment"])
def test_hosts_in_an_advice_lead_back_to_the_proxy_whatever_wraps_it(path: Path, wrapping: str) -> None:
    made, told = call(), WRAPPINGS[wrapping](HOSTS)
    assert made.response is not None
    made.response.content = told
    made.client_conn.proxy_mode = ProxyMode.parse("reverse:http://gws.example")
    made.metadata[HOST] = "desk.example"

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        await recorder.response(made)

    _, answer = facts(record(path, steps))

    assert isinstance(answer, Response)
    assert answer.body == told
    assert made.response.content == WRAPPINGS[wrapping](HOSTS.replace(b"a.example", b"desk.example"))


@pytest.mark.parametrize(("host", "named"), [(None, "127.0.0.1:8091"), ("desk.example", "desk.example")])
def test_hosts_in_an_advice_lead_back_to_the_proxy(path: Path, host: str | None, named: str) -> None:
    made = call()
    assert made.response is not None
    made.response.content = HOSTS
    made.client_conn.proxy_mode = ProxyMode.parse("reverse:http://gws.example")
    made.client_conn.sockname = ("127.0.0.1", 8091)
    made.metadata |= {} if host is None else {HOST: host}

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        await recorder.response(made)

    _, answer = facts(record(path, steps))

    assert isinstance(answer, Response)
    assert answer.body == HOSTS
    assert made.response.content == HOSTS.replace(b"a.example", named.encode())
    assert made.response.headers["content-length"] == str(len(made.response.content))


def test_an_upstream_that_cannot_be_reached_leaves_a_note(path: Path) -> None:
    server = connection.Server(address=("gws.example", 8090))
    server.error = "Connect call failed"

    async def steps(recorder: Recorder) -> None:
        await recorder.server_connect_error(server_hooks.ServerConnectionHookData(server, tflow.tclient_conn()))

    (note,) = facts(record(path, steps))

    assert isinstance(note, Note)
    assert (note.kind, note.text) == ("gap", "the upstream cannot be reached: Connect call failed")


def test_a_failure_without_a_reason_is_recorded(path: Path) -> None:
    async def steps(recorder: Recorder) -> None:
        exchange = call()
        await recorder.request(exchange)
        await recorder.error(exchange)

    _, failure = facts(record(path, steps))
    assert isinstance(failure, Failure)
    assert failure.reason == "unknown"


def test_a_failure_after_the_response_is_none(path: Path) -> None:
    exchange = call()
    exchange.error = flow.Error("Client disconnected.")

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)
        await recorder.error(exchange)

    assert [type(found) for found in facts(record(path, steps))] == [Request, Response]


@pytest.mark.parametrize("hook", ["response", "error", "websocket_message", "websocket_end"])
def test_what_belongs_to_no_recorded_request_is_left_out(path: Path, hook: str) -> None:
    async def steps(recorder: Recorder) -> None:
        await getattr(recorder, hook)(says(socket(), b"[]"))

    assert facts(record(path, steps)) == []


def test_exchanges_that_overlap_are_told_apart(path: Path) -> None:
    poll, post = call(), call(201)

    async def steps(recorder: Recorder) -> None:
        await recorder.request(poll)
        await recorder.request(post)
        await recorder.response(post)
        await recorder.response(poll)

    found = [item for item in facts(record(path, steps)) if isinstance(item, Request | Response)]
    assert [(item.seq, item.exchange) for item in found] == [(0, 0), (1, 1), (2, 1), (3, 0)]


# WebSocket


def test_a_socket_is_recorded_from_its_upgrade_to_its_end(path: Path) -> None:
    exchange = socket()

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)
        await recorder.websocket_message(says(exchange, b"[1]", from_client=True))
        await recorder.websocket_message(says(exchange, b"[2]"))
        await recorder.websocket_end(exchange)

    _, upgrade, asked, told, end = facts(record(path, steps))
    assert isinstance(upgrade, Response)
    assert upgrade.status == 101
    assert isinstance(asked, SocketMessage)
    assert (asked.from_client, asked.body) == (True, b"[1]")
    assert isinstance(told, SocketMessage)
    assert (told.from_client, told.body) == (False, b"[2]")
    assert isinstance(end, Failure)
    assert closing(end.reason) == (1000, "", True)


def test_a_binary_message_is_told_from_text_and_a_close_frame_keeps_its_reason(path: Path) -> None:
    exchange = socket()
    assert exchange.websocket is not None
    exchange.websocket.closed_by_client, exchange.websocket.close_code = True, 4000
    exchange.websocket.close_reason = "moved: elsewhere"

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)
        await recorder.websocket_message(says(exchange, b"[1]"))
        exchange.websocket.messages.append(websocket.WebSocketMessage(Opcode.BINARY, True, b"[1]"))  # positional
        await recorder.websocket_message(exchange)
        await recorder.websocket_end(exchange)

    _, _, text, binary, end = facts(record(path, steps))
    assert (text, binary) == (
        SocketMessage(2, text.t, 0, from_client=False, body=b"[1]"),
        SocketMessage(3, binary.t, 0, from_client=True, body=b"[1]", is_text=False),
    )
    assert isinstance(end, Failure)
    assert closing(end.reason) == (4000, "moved: elsewhere", False)


def test_the_messages_of_a_socket_do_not_pile_up_in_memory(path: Path) -> None:
    exchange = socket()

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)
        for number in range(100):
            await recorder.websocket_message(says(exchange, b"%d" % number))

    found = facts(record(path, steps))

    assert exchange.websocket is not None
    assert [message.content for message in exchange.websocket.messages] == [b"99"]
    assert len(found) == 102


# Begin and end


def test_polls_that_are_open_at_the_end_are_left_open(path: Path) -> None:
    poll = call()

    async def steps(recorder: Recorder) -> None:
        await recorder.request(poll)
        recorder.done()
        poll.error = flow.Error("Client disconnected.")
        await recorder.error(poll)  # mitmproxy calls it after `done`

    assert [type(found) for found in facts(record(path, steps))] == [Request]


def test_the_end_may_come_twice(path: Path) -> None:
    async def steps(recorder: Recorder) -> None:
        await recorder.request(call())
        recorder.done()
        recorder.done()
        recorder.close()

    assert len(facts(record(path, steps))) == 1


def test_nothing_is_recorded_after_the_end(path: Path) -> None:
    async def steps(recorder: Recorder) -> None:
        recorder.done()
        await recorder.request(call())

    assert facts(record(path, steps)) == []


def test_what_was_seen_is_counted(path: Path) -> None:
    seen: list[object] = []

    async def steps(recorder: Recorder) -> None:
        exchange = call()
        await recorder.request(exchange)
        await recorder.request(call())
        await recorder.response(exchange)
        counts = recorder.counts
        seen.extend((counts.requests, counts.responses, counts.open, recorder.size > 0))

    record(path, steps)

    assert seen == [2, 1, 1, True]


def test_a_recorder_that_was_not_opened_has_seen_nothing() -> None:
    assert (Recorder().counts.requests, Recorder().size) == (0, 0)


@pytest.mark.parametrize(("policy", "name"), [(load(), "gws"), (None, "none")])
def test_the_header_says_what_was_recorded_and_how(path: Path, policy: Policy | None, name: str) -> None:
    async def steps(_: Recorder) -> None: ...

    header = record(path, steps, policy=policy, upstream="http://gws.example").header

    assert (header.upstream, header.redaction, header.profile) == ("http://gws.example", name, "journal")
    assert header.started > 1_700_000_000_000_000


def test_secrets_never_reach_the_file(path: Path) -> None:
    exchange = call()
    exchange.request.headers["Authorization"] = "Basic hunter2hunter2"
    exchange.request.headers["Cookie"] = "JSESSIONID=hunter2hunter2"
    assert exchange.response is not None
    exchange.response.headers["Set-Cookie"] = "JSESSIONID=hunter2hunter2; Path=/"

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)

    request, response = facts(record(path, steps, policy=load()))

    assert b"hunter2" not in path.read_bytes()
    assert isinstance(request, Request)
    assert isinstance(response, Response)
    sent, given = dict(request.headers)["Cookie"], dict(response.headers)["Set-Cookie"]
    assert given == f"{sent}; Path=/"


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files cannot grow over 32 KiB, of which the header takes a third: writing more fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32 << 10, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_disk")
def test_a_capture_that_cannot_be_kept_stops_the_proxy_and_keeps_what_it_has(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        recorder = Recorder(path)
        with taddons.context(recorder) as context:
            context.configure(recorder)
            for _ in range(200):
                await recorder.request(call())
            recorder.done()
            recorder.done()
        await asyncio.wait_for(context.master.should_exit.wait(), 10)
        assert recorder.failure is not None
        assert "writing failed: File too large" in str(recorder.failure)

    asyncio.run(run())

    found = read(path)
    assert caplog.text.count("stopping") == 1
    assert found.torn is None
    assert all(isinstance(item, Request) for item in found.records)


@pytest.mark.usefixtures("small_disk")
def test_a_disk_that_fails_stops_the_proxy_though_nothing_more_comes(path: Path) -> None:
    async def run() -> None:
        recorder = Recorder(path)
        with taddons.context(recorder) as context:
            context.configure(recorder)
            await recorder.request(call(content=b"x" * (32 << 10)))
            await asyncio.wait_for(context.master.should_exit.wait(), 10)
            recorder.done()
        assert "writing failed: File too large; 0 records are safe" in str(recorder.failure)

    asyncio.run(run())


# In mitmproxy


@pytest.mark.parametrize(
    ("modes", "upstream"),
    [
        (["reverse:http://gws.example:8090"], "http://gws.example:8090"),
        (["reverse:http://gws.example:8090@5000"], "http://gws.example:8090"),
        (["reverse:https://gws.example@127.0.0.1:5000"], "https://gws.example"),
        (["regular@5001", "reverse:http://[::1]:8090@5000", "reverse:http://b.example@5002"], "http://[::1]:8090"),
        (["regular@5001"], ""),
    ],
)
def test_the_script_records_into_the_file_of_its_option(path: Path, modes: list[str], upstream: str) -> None:
    with_script({"cassette": str(path), "mode": modes}, lambda _: None)

    assert read(path).header.upstream == upstream


def test_an_existing_file_is_an_error_of_the_options(path: Path) -> None:
    path.write_bytes(b"precious")

    with pytest.raises(exceptions.OptionsError, match=r"s\.cassette: exists already"):
        with_script({"cassette": str(path)}, lambda _: None)
    assert path.read_bytes() == b"precious"


def test_what_cannot_be_written_is_an_error_of_the_options() -> None:
    async def run() -> None:
        recorder = Recorder(Path("/dev/full"), settings=Settings(force=True))
        with taddons.context() as context:
            context.configure(recorder)
            recorder.configure(set())

    with pytest.raises(exceptions.OptionsError, match="is not a regular file"):
        asyncio.run(run())


def test_an_existing_file_is_the_callers_fault_in_process(path: Path) -> None:
    path.write_bytes(b"precious")

    with pytest.raises(UsageError, match="exists already"):
        Recorder(path).open()


def test_a_script_without_its_option_says_that_nothing_is_recorded(caplog: pytest.LogCaptureFixture) -> None:
    with_script({"mode": ["regular"]}, lambda recorder: recorder.running())

    assert "nothing is recorded: set the option cassette" in caplog.text


def test_a_script_with_its_option_has_nothing_to_say(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with_script({"cassette": str(path)}, lambda recorder: recorder.running())

    assert caplog.text == ""


def test_hooks_of_a_script_without_its_option_do_nothing() -> None:
    async def run() -> None:
        recorder, exchange = Recorder(), says(socket(), b"[]")
        with taddons.context(recorder):
            await recorder.request(exchange)
            await recorder.response(exchange)
            await recorder.error(exchange)
            await recorder.websocket_message(exchange)
            await recorder.websocket_end(exchange)
            recorder.done()
        assert recorder.counts.requests == 0

    asyncio.run(run())


# Back-pressure


def test_records_stay_in_order_while_hooks_wait_for_room(path: Path) -> None:
    exchanges = [call() for _ in range(300)]

    async def steps(recorder: Recorder) -> None:
        hooks = []
        for exchange in exchanges:
            hooks.append(asyncio.create_task(recorder.request(exchange)))
            await asyncio.sleep(0)  # they come one after the other, whether there is room or not
        await asyncio.gather(*hooks)

    recorded = facts(record(path, steps, queue_limit=1))

    assert [r.seq for r in recorded] == list(range(300))


def test_a_part_that_ends_while_hooks_wait_for_room_is_whole(path: Path) -> None:
    exchanges = [call() for _ in range(60)]

    async def steps(recorder: Recorder) -> None:
        await asyncio.gather(*(recorder.request(exchange) for exchange in exchanges))
        await asyncio.gather(*(recorder.response(exchange) for exchange in exchanges))

    record(path, steps, queue_limit=1, limits=Limits(size=4000))
    parts = [read(part).records for part in sorted(path.parent.glob("s*.cassette"))]

    assert len(parts) > 2
    answered = {(r.exchange) for part in parts for r in part if isinstance(r, Response)}
    assert len(answered) == 60


def test_a_body_in_an_encoding_that_is_none_is_kept_as_it_came(path: Path) -> None:
    exchange = call()
    assert exchange.response is not None
    exchange.response.headers["Content-Encoding"] = "rot13"

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)

    _, response = facts(record(path, steps))

    assert isinstance(response, Response)
    assert response.body == b'{"statusCode":0}'


def test_a_capture_goes_on_only_with_the_redaction_it_began_with(path: Path) -> None:
    async def nothing(_: Recorder) -> None:
        """No traffic."""

    record(path, nothing, policy=load())

    with pytest.raises(exceptions.OptionsError, match="was recorded with redaction 'gws'; continue with that policy"):
        record(path, nothing, append=True, policy=None)
    record(path, nothing, append=True, policy=load())  # and it is not locked any more


def test_a_new_part_leaves_the_files_of_an_earlier_capture_alone(path: Path) -> None:
    path.with_name("s-2.cassette").write_text("precious")
    exchanges = [call() for _ in range(60)]

    async def steps(recorder: Recorder) -> None:
        for exchange in exchanges:
            await recorder.request(exchange)
            await recorder.response(exchange)

    record(path, steps, limits=Limits(size=4000))

    assert path.with_name("s-2.cassette").read_text() == "precious"
    assert path.with_name("s-3.cassette").is_file()


@pytest.mark.parametrize("encoding", ["rot13", "gzip", "no-such-thing"])
def test_a_body_that_redaction_cannot_look_through_is_not_kept(path: Path, encoding: str) -> None:
    exchange = call()
    assert exchange.response is not None
    for message in (exchange.request, exchange.response):
        message.headers["Content-Encoding"], message.raw_content = encoding, b"uhagre2\x00\xff"

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)

    asked, note, answered, other = facts(record(path, steps, policy=load()))

    assert isinstance(asked, Request)
    assert isinstance(answered, Response)
    assert (asked.body, answered.body) == (b"", b"")
    assert isinstance(note, Note)
    assert isinstance(other, Note)
    assert (note.kind, other.kind) == ("cut", "cut")
    assert note.text.startswith("record 0 is kept without its body: it")
    assert other.text.startswith("record 2 is kept without its body: it")


def test_an_encoding_of_the_transfer_is_undone_too(path: Path) -> None:
    exchange = call()
    assert exchange.response is not None
    exchange.response.headers["Transfer-Encoding"] = "gzip, chunked"
    exchange.response.raw_content = gzip.compress(b"plain")

    async def steps(recorder: Recorder) -> None:
        await recorder.request(exchange)
        await recorder.response(exchange)

    _, response = facts(record(path, steps))
    assert isinstance(response, Response)
    assert response.body == b"plain"


def commented(flows: list[http.HTTPFlow], **options: Any) -> list[str]:
    """The comments on flows after they have passed."""

    async def run() -> None:
        recorder = Recorder()
        with taddons.context(recorder) as context:
            context.configure(recorder, **options)
            for made in flows:
                await recorder.request(made)
                await recorder.response(made)
            recorder.done()

    asyncio.run(run())
    return [made.comment for made in flows]


def operation_and_poll() -> list[http.HTTPFlow]:
    post, poll = call(), call()
    post.request.path = "/api/v2/me/outbound-records/7"
    post.request.content = b'{"operationName":"GetChainedRecord","referenceId":"r1"}'
    poll.request.path, poll.request.content = "/api/v2/notifications", b'[{"channel":"/meta/connect","clientId":"c"}]'
    poll.response.content = b'[{"channel":"/v2/me/devices","data":{}},{"channel":"/meta/connect","successful":true}]'
    return [post, poll]


def test_flows_are_commented_where_that_is_wanted(path: Path) -> None:
    assert commented(operation_and_poll(), cassette=str(path), recorder_comments=True) == [
        "GetChainedRecord 7 r1", "/v2/me/devices",
    ]  # fmt: skip


def test_flows_are_left_as_they_are_otherwise(path: Path) -> None:
    assert commented(operation_and_poll(), cassette=str(path)) == ["", ""]


def test_a_comment_of_the_user_stays(path: Path) -> None:
    flows = operation_and_poll()
    flows[0].comment = "mine"

    assert commented(flows, cassette=str(path), recorder_comments=True)[0] == "mine"


def test_what_is_told_is_kept_as_a_note(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def steps(recorder: Recorder) -> None:
        for place in ("a.example", "a.example", "b.example"):
            recorder.tell("certificate", place, f"{place}: no trust")

    notes = [item.text for item in record(path, steps).records if isinstance(item, Note)]

    assert notes == ["a.example: no trust", "b.example: no trust", "the capture ended cleanly"]
    assert caplog.text.count("no trust") == 2


def test_a_watcher_gets_each_record_as_it_is_kept(path: Path) -> None:
    seen: list[Any] = []

    async def steps(recorder: Recorder) -> None:
        exchange = call()
        await recorder.request(exchange)
        await recorder.response(exchange)

    assert list(record(path, steps, watch=seen.append).records) == seen


def test_what_disturbed_the_sessions_is_said_at_the_end(path: Path) -> None:
    told: list[str] = []

    async def steps(recorder: Recorder) -> None:
        poll = call(503, content=b'[{"channel":"/meta/connect","clientId":"c1","id":"2"}]')
        poll.response.raw_content = b"<html>down</html>"
        await recorder.request(poll)
        await recorder.response(poll)
        told.extend(recorder.remarks)

    record(path, steps)

    assert len(told) == 1
    assert told[0].startswith("1 poll got no Bayeux messages: ")
    assert "503" in told[0]


# the dialect


CREATE = {"path": b"/services/data/v60.0/sobjects/Account", "raw_content": b'{"Name":"Acme","Phone":"+4989123456"}'}


def exchanges(count: int, **own: Any) -> Steps:
    async def steps(recorder: Recorder) -> None:
        for _ in range(count):
            exchange = call(**own)
            await recorder.request(exchange)
            await recorder.response(exchange)

    return steps


def created(count: int) -> Steps:
    return exchanges(count, path=CREATE["path"], content=CREATE["raw_content"])


@pytest.mark.parametrize("count", [1, 6])  # chosen at the end, and before
def test_a_cassette_has_the_dialect_that_fits_its_traffic(path: Path, count: int) -> None:
    told: list[tuple[str, str]] = []
    found = record(path, created(count), on_dialect=lambda dialect, fit: told.append((dialect.name, str(fit))))

    assert found.header.dialect == "salesforce"
    assert found.header.dialect_text == source("salesforce")
    number = min(count, 4)
    of_it = "1 is an operation of it" if count == 1 else "4 are operations of it"
    assert told == [("salesforce", f"of {number} request{'s' * (number > 1)} {of_it}")]


def test_a_cassette_of_another_api_has_the_default(path: Path) -> None:
    told: list[tuple[str, str]] = []
    found = record(path, exchanges(2), on_dialect=lambda dialect, fit: told.append((dialect.name, str(fit))))

    assert found.header.dialect == "gws-outbound"
    assert told == [("gws-outbound", "2 requests, 0 events")]


def test_many_files_before_the_first_operation_do_not_hide_the_dialect(path: Path) -> None:
    async def steps(recorder: Recorder) -> None:
        await exchanges(500, method=b"GET", path=b"/app.js")(recorder)
        await created(1)(recorder)

    assert record(path, steps).header.dialect == "salesforce"


def test_a_choice_is_made_before_a_journal_can_say_it_no_more(path: Path) -> None:
    told: list[tuple[str, str]] = []

    async def steps(recorder: Recorder) -> None:
        await exchanges(RULES_WITHIN // 2, method=b"GET", path=b"/app.js")(recorder)
        await created(9)(recorder)

    found = record(path, steps, on_dialect=lambda dialect, fit: told.append((dialect.name, str(fit))))

    assert found.header.dialect == "gws-outbound"
    assert told == [("gws-outbound", "1800 requests, 0 events")]


@pytest.mark.parametrize("count", [3, 12])  # chosen at the end, and before
def test_all_parts_of_a_capture_have_the_dialect_that_is_chosen(path: Path, count: int) -> None:
    whole = record(path.with_name("whole"), created(count), policy=load(), key=bytes(32))
    record(path, created(count), limits=Limits(size=600), policy=load(), key=bytes(32))

    parts = [read(part) for part in path.parent.glob("*.cassette")]
    assert len(parts) > 1
    same = {replace(part.header, started=0, file="", part=None) for part in parts}
    assert same == {replace(whole.header, started=0, file="")}


def test_parts_of_a_capture_are_read_as_one(path: Path) -> None:
    whole = record(path.with_name("whole"), created(12), policy=load(), key=bytes(32))
    record(path, created(12), limits=Limits(size=600), policy=load(), key=bytes(32))

    (gathered_path,), told = gathered(sorted(path.parent.glob("*.cassette")))

    assert len(told) == 1  # session-2 stands before session in the order of names
    found = read(gathered_path)
    assert [replace(one, t=0) for one in content(found)] == [replace(one, t=0) for one in content(whole)]
    assert replace(found.header, started=0, file="") == replace(whole.header, started=0, file="")


def test_a_part_that_is_continued_later_has_parts_that_follow_it(path: Path) -> None:
    record(path, created(12), limits=Limits(size=600))
    *_, last = _numbered(path)

    record(last, created(12), limits=Limits(size=600), append=True)

    found = _numbered(path)
    ((whole,), _) = gathered(found)
    assert isinstance(whole, Whole)
    assert len(whole.files) == len(found) > len([part for part in found if part == last])
    assert len(load_recording(whole).triples) == 24


def _numbered(path: Path) -> list[Path]:
    """The parts of a capture by the numbers in their headers."""
    parts = [(read(file).header.part, file) for file in path.parent.glob("*.cassette")]
    return [file for part, file in sorted(parts, key=lambda one: one[0].number if one[0] else 0)]


def test_a_choice_does_not_change_the_redaction(path: Path, tmp_path: Path) -> None:
    """The policy of a capture does not depend on its traffic: a guess could let values stay."""
    guessed = record(path, created(6), policy=load(), key=bytes(32))
    default = record(tmp_path / "d", created(6), policy=load(), key=bytes(32), dialect=shipped("gws-outbound"))

    assert [replace(one, t=0) for one in content(guessed)] == [replace(one, t=0) for one in content(default)]
    assert guessed.header.redaction == default.header.redaction == "gws"
    assert (guessed.header.dialect, default.header.dialect) == ("salesforce", "gws-outbound")


def content(cassette: Cassette) -> list[Record]:
    """The records, without the names of connections, which are random."""
    named = (replace(one, connection="") if isinstance(one, Request) else one for one in cassette.records)
    return list(named)


def test_a_dialect_that_is_given_decides(path: Path) -> None:
    told: list[object] = []
    mine = parse(source("gws-outbound").replace('"gws-outbound"', '"mine"'), path="mine.toml")
    found = record(path, created(6), dialect=mine, on_dialect=lambda dialect, fit: told.append((dialect.name, fit)))

    assert (found.header.dialect, found.header.dialect_text) == ("mine", mine.text)
    assert told == [("mine", None)]


def test_a_capture_goes_on_under_the_dialect_of_its_cassette(path: Path) -> None:
    record(path, exchanges(1), dialect=shipped("gws-outbound"))
    assert record(path, created(6), append=True).header.dialect == "gws-outbound"

    with pytest.raises(exceptions.OptionsError, match="has the dialect 'gws-outbound', not 'salesforce'; cont"):
        record(path, exchanges(1), append=True, dialect=shipped("salesforce"))
    record(path, exchanges(1), append=True, dialect=shipped("gws-outbound"))  # and it is not locked any more


def test_a_capture_does_not_go_on_under_other_rules_of_one_name(path: Path) -> None:
    mine = source("gws-outbound").replace('"gws-outbound"', '"mine"')
    record(path, exchanges(1), dialect=parse(mine, path="mine.toml"))

    other = parse(mine.replace("open_for = 60.0", "open_for = 30.0"), path="mine.toml")
    with pytest.raises(exceptions.OptionsError, match="holds another dialect of the name 'mine'; continue without"):
        record(path, exchanges(1), append=True, dialect=other)
    same = parse(f"# a comment\n{mine}", path="mine.toml")
    assert record(path, exchanges(1), append=True, dialect=same).header.dialect_text == mine


@pytest.mark.parametrize("before", [0, 2])  # exchanges of no shipped dialect
def test_a_capture_that_goes_on_chooses_what_was_not_chosen_before(path: Path, before: int) -> None:
    record(path, exchanges(before))
    told: list[tuple[str, str]] = []

    def tell(dialect: Dialect, fit: Fit | None) -> None:
        told.append((dialect.name, str(fit)))

    found = record(path, created(6), append=True, on_dialect=tell)

    assert (found.header.dialect, found.header.fitted) == ("salesforce", "gws-outbound")
    assert told == [("salesforce", "of 4 requests 4 are operations of it")]
    assert record(path, exchanges(1), append=True).header == found.header


def test_a_capture_that_goes_on_takes_a_dialect_where_none_was_chosen(path: Path) -> None:
    mine = parse(source("gws-outbound").replace('"gws-outbound"', '"mine"'), path="mine.toml")
    record(path, exchanges(2))
    found = record(path, exchanges(2), append=True, dialect=mine, policy=None)

    assert (found.header.dialect, found.header.dialect_text, found.header.fitted) == ("mine", mine.text, "gws-outbound")
    assert len([one for one in found.records if isinstance(one, Request)]) == 4


def test_a_journal_that_is_too_long_to_say_a_dialect_goes_on_without(path: Path) -> None:
    record(path, exchanges(RULES_WITHIN // 2, method=b"GET", path=b"/app.js"))

    assert record(path, created(6), append=True).header.dialect == "gws-outbound"
    with pytest.raises(exceptions.OptionsError, match="has the dialect 'gws-outbound', not 'salesforce'"):
        record(path, exchanges(1), append=True, dialect=shipped("salesforce"))


def test_a_capture_that_goes_on_redacts_as_before(path: Path) -> None:
    """Of one key all names are treated alike, by the dialect that the header says the policy was fitted to."""
    joins = source("gws-outbound").replace('"gws-outbound"', '"mine"')
    mine = parse(joins.replace('phone = ["', 'phone = ["body.who", "', 1), path="mine.toml")
    content = b'{"who":"Ann Example"}'
    kept = {"policy": load(), "key": bytes(32)}
    first = record(path, exchanges(1, content=content), dialect=mine, **kept)
    more = record(path, exchanges(1, content=content), append=True, **kept)
    same = record(path, exchanges(1, content=content), append=True, dialect=mine, **kept)

    bodies = [one.body for one in (*first.records, *more.records, *same.records) if isinstance(one, Request)]
    assert len(bodies) == 6
    assert set(bodies) == {bodies[0]} != {content}


def test_a_capture_whose_dialect_comes_later_goes_on_redacting_by_the_default(path: Path) -> None:
    joins = source("gws-outbound").replace('"gws-outbound"', '"mine"')
    mine = parse(joins.replace('phone = ["', 'phone = ["body.who", "', 1), path="mine.toml")
    content = b'{"who":"Ann Example"}'
    kept = {"policy": load(), "key": bytes(32)}
    record(path, exchanges(1, content=content), **kept)
    record(path, exchanges(1, content=content), append=True, dialect=mine, **kept)
    found = record(path, exchanges(1, content=content), append=True, dialect=mine, **kept)

    assert (found.header.dialect, found.header.fitted) == ("mine", "gws-outbound")
    assert [one.body for one in found.records if isinstance(one, Request)] == [content] * 3


def test_a_script_takes_a_dialect(path: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(source("gws-outbound").replace('"gws-outbound"', '"mine"'))

    with_script({"dialect": str(mine), "cassette": str(path)}, lambda _: None)

    assert read(path).header.dialect == "mine"


@pytest.mark.parametrize(
    ("dialect", "told"), [("klingon", "no such dialect is shipped"), ("no.toml", "cannot be read")]
)
def test_a_script_says_what_is_wrong_with_a_dialect(path: Path, dialect: str, told: str) -> None:
    with pytest.raises(exceptions.OptionsError, match=told):
        with_script({"dialect": dialect, "cassette": str(path)}, lambda _: None)

    assert not path.exists()


def test_a_script_logs_its_choice(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        recorder = Recorder()
        with taddons.context(recorder) as context, caplog.at_level("INFO", "recorder.capture"):
            context.configure(recorder, cassette=str(path))
            await created(6)(recorder)
            recorder.done()

    asyncio.run(run())

    assert "dialect: salesforce (of 4 requests 4 are operations of it)" in caplog.messages
