"""Messages with large bodies are held until they are redacted, and other clients are served meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from mitmproxy import http, websocket
from mitmproxy.test import taddons, tflow
from wsproto.frame_protocol import Opcode

from recorder.capture.large.glimpse import HEAVY
from recorder.capture.mitm.addon import Recorder
from recorder.capture.mitm.large import decoding
from recorder.capture.streams import KEPT
from recorder.cassette.reader import read
from recorder.model import CUT, Chunk, Note, Record, Request, Response, SocketMessage

SECRET = "hunter2hunter2"
ROW = json.dumps({"password": SECRET, "text": f"it is {SECRET}"}).encode()
BODY = b"[" + ROW + b',"plain text"' * (HEAVY // 12) + b"," + ROW + b"]"
KEY = b"k" * 32

Steps = Callable[[Recorder], Awaitable[None]]


def record(path: Path, steps: Steps, *, in_clear: bool = False) -> list[Record]:
    async def run() -> None:
        recorder = Recorder(path, key=KEY, **({"policy": None} if in_clear else {}))
        with taddons.context(recorder) as context:
            context.configure(recorder)
            await steps(recorder)
            recorder.done()

    asyncio.run(run())
    return [one for one in read(path).records if not (isinstance(one, Note) and one.kind == "close")]


def flow(body: bytes = b"[]", answer: bytes = b"[]", media: str = "application/json") -> http.HTTPFlow:
    made = tflow.tflow(resp=True)
    made.request.method, made.request.content = "POST", body
    made.response = http.Response.make(200, answer, {"Content-Type": media})
    return made


def bodies(records: list[Record]) -> str:
    return b"".join(getattr(one, "body", b"") for one in records).decode()


@pytest.mark.parametrize("in_clear", [True, False])
def test_large_bodies_are_recorded_both_ways(tmp_path: Path, *, in_clear: bool) -> None:
    made = flow(BODY, BODY)

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        await recorder.response(made)

    request, response = record(tmp_path / "s.cassette", steps, in_clear=in_clear)

    assert isinstance(request, Request)
    assert isinstance(response, Response)
    assert request.body == response.body
    assert (SECRET in bodies([request]), len(json.loads(request.body))) == (in_clear, HEAVY // 12 + 2)


def test_a_value_in_a_large_body_is_found_in_later_ones(tmp_path: Path) -> None:
    first, second = flow(BODY), flow(f'{{"note":"it is {SECRET}"}}'.encode())

    async def steps(recorder: Recorder) -> None:
        await recorder.request(first)
        await recorder.request(second)

    found = record(tmp_path / "s.cassette", steps)

    assert SECRET not in bodies(found)


def test_others_are_recorded_while_a_large_one_is_held(tmp_path: Path) -> None:
    held, other = flow(BODY), flow(b'{"n":1}')

    async def steps(recorder: Recorder) -> None:
        large = asyncio.create_task(recorder.request(held))
        await asyncio.sleep(0)
        await recorder.request(other)
        assert not large.done()
        await large

    small, large = record(tmp_path / "s.cassette", steps)

    assert isinstance(small, Request)
    assert isinstance(large, Request)
    assert (small.body, large.seq) == (b'{"n":1}', 1)
    assert large.t >= small.t


def test_a_small_body_that_inflates_is_held_too(tmp_path: Path) -> None:
    made = flow()
    assert made.response is not None
    made.response.raw_content = gzip.compress(BODY)
    made.response.headers["content-encoding"] = "gzip"
    assert len(made.response.raw_content) < 8 << 10

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        large = asyncio.create_task(recorder.response(made))
        await asyncio.sleep(0)
        assert not large.done()
        await large

    _, response = record(tmp_path / "s.cassette", steps)

    assert isinstance(response, Response)
    assert SECRET not in bodies([response])
    assert len(response.body) > HEAVY


def test_a_large_event_waits_and_those_behind_it_keep_their_order(tmp_path: Path) -> None:
    made = flow(media="text/event-stream")

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        recorder.responseheaders(made)
        assert made.response is not None
        assert callable(made.response.stream)
        for piece in (b"data: 1\n\n", b"data: " + BODY + b"\n\n", b"data: 2\n\n"):
            made.response.stream(piece)
        await recorder.large_chunks(made)
        made.response.stream(b"data: 3\n\n")
        await recorder.response(made)

    found = [one for one in record(tmp_path / "s.cassette", steps) if isinstance(one, Chunk)]

    assert [len(one.body) > HEAVY for one in found] == [False, True, False, False, False]
    assert [one.body[6:7] for one in found] == [b"1", b"[", b"2", b"3", b""]
    assert SECRET not in bodies([*found])


def test_a_large_message_on_a_websocket_is_held(tmp_path: Path) -> None:
    made = tflow.twebsocketflow()
    assert made.websocket is not None
    made.websocket.messages = [websocket.WebSocketMessage(Opcode.TEXT, False, BODY)]  # mitmproxy's signature

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        await recorder.response(made)
        await recorder.websocket_message(made)

    *_, message = record(tmp_path / "s.cassette", steps)

    assert isinstance(message, SocketMessage)
    assert SECRET not in bodies([message])
    assert len(json.loads(message.body)) == HEAVY // 12 + 2


def test_an_answer_that_is_held_at_the_end_is_recorded_without_its_body(tmp_path: Path) -> None:
    made = flow(answer=BODY)

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        large = asyncio.create_task(recorder.response(made))
        await asyncio.sleep(0)
        recorder.close()
        await large

    _, response, note = record(tmp_path / "s.cassette", steps)

    assert isinstance(response, Response)
    assert isinstance(note, Note)
    assert (response.status, response.body, note.kind) == (200, b"", CUT)
    assert note.text == "record 1 is kept without its body: the capture had to end before it was redacted"


def test_a_streamed_upload_that_is_held_at_the_end_is_recorded_without_its_body(tmp_path: Path) -> None:
    made = flow(b"")
    made.request.headers["content-length"] = str(KEPT + 1)

    async def steps(recorder: Recorder) -> None:
        recorder.requestheaders(made)
        assert callable(made.request.stream)
        made.request.stream(BODY)
        large = asyncio.create_task(recorder.request(made))
        await asyncio.sleep(0)
        recorder.close()
        await large

    request, note = record(tmp_path / "s.cassette", steps)

    assert isinstance(request, Request)
    assert isinstance(note, Note)
    assert (request.body, note.kind) == (b"", CUT)


def test_a_large_event_that_waits_at_the_end_is_told(tmp_path: Path) -> None:
    made = flow(media="text/event-stream")

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        recorder.responseheaders(made)
        assert made.response is not None
        assert callable(made.response.stream)
        made.response.stream(b"data: " + BODY + b"\n\n")
        recorder.close()

    *_, chunk, note = record(tmp_path / "s.cassette", steps)

    assert isinstance(chunk, Chunk)
    assert isinstance(note, Note)
    assert (chunk.body, note.kind) == (b"", CUT)


def test_of_a_large_answer_to_operations_the_watcher_sees_its_messages(tmp_path: Path) -> None:
    event = json.dumps({"channel": "/v2/out", "data": {"text": "plain"}})
    seen: list[Record] = []
    made = flow(answer=f"[{','.join([event] * (HEAVY // 40))}]".encode())

    async def run() -> None:
        recorder = Recorder(tmp_path / "s.cassette", key=KEY, watch=seen.append)
        with taddons.context(recorder) as context:
            context.configure(recorder)
            await recorder.request(made)
            await recorder.response(made)
            recorder.done()

    asyncio.run(run())

    response = next(one for one in seen if isinstance(one, Response))
    assert 1_000 < len(response.body) < HEAVY
    assert json.loads(response.body)[0] == json.loads(event)


@pytest.mark.parametrize("is_streamed", [True, False])
def test_of_a_body_that_inflates_to_too_much_the_beginning_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_streamed: bool
) -> None:
    monkeypatch.setattr(decoding, "KEPT", len(BODY) - len(ROW) // 2)
    made = flow()
    assert made.response is not None
    packed = made.response.raw_content = gzip.compress(BODY)
    made.response.headers["content-encoding"] = "gzip"

    async def steps(recorder: Recorder) -> None:
        await recorder.request(made)
        if is_streamed:
            recorder.outgrown(made)
            assert made.response is not None
            assert callable(made.response.stream)
            assert made.response.stream(packed) == packed
        await recorder.response(made)

    _, response, note = record(tmp_path / "s.cassette", steps)

    assert isinstance(response, Response)
    assert isinstance(note, Note)
    assert len(response.body) > HEAVY
    assert SECRET[:8] not in bodies([response])
    assert note.text.startswith("record 1 is kept with the beginning of its body: decoded from 'gzip' it has more than")
