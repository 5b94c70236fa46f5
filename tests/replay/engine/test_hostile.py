"""Whatever hostile clients send, each request gets one reply, that can be written and is no server's error."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.library.recording import load_recording
from recorder.model import Headers
from recorder.replay.engine.http import HttpRequest, HttpResponse
from recorder.replay.engine.miss import STATUS
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from tests.bayeux.hostile import VALUES, messages, written

RECORDING = load_recording(Path(__file__).parents[3] / "cassettes" / "preview-session.cassette")
TARGETS = [triple.request.target for triple in RECORDING.triples]
URL = "/api/v2/notifications"

RECORDED = st.sampled_from([(t.request.method, t.request.target, t.request.body) for t in RECORDING.triples])
BAYEUX = st.tuples(
    st.just("POST"),
    st.sampled_from([URL, URL + "/connect", URL + "/", "/other"]),
    messages(st.sampled_from(["id1", "id2", "id3", "id4"])).map(written),
)
REST = st.tuples(
    st.sampled_from(["GET", "POST", "PUT", "\x7f", ""]),
    st.sampled_from(TARGETS)
    | st.text(max_size=12)
    | st.sampled_from(["", "//", "/%", "/?message=[", "http://[", "*", "/\udcff", "/\n", "?\udcff=\n"]),
    st.binary(max_size=20)
    | VALUES.map(written)
    | st.builds(lambda v, w: written({"operationName": v, "referenceId": w}), VALUES, VALUES),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Cookie", "Authorization", "Host", "X-Forwarded-Proto", "Content-Type"]),
        st.sampled_from(["BAYEUX_BROWSER=id2", "JSESSIONID=id1", "Basic x", "", ";=;", "a=b; a=c"])
        | st.text(max_size=8),
    ),
    max_size=3,
).map(tuple)
REQUESTS = st.tuples(RECORDED | BAYEUX | REST, HEADERS, st.booleans(), st.booleans())
HANDSHAKE = ("POST", URL, written([{"channel": "/meta/handshake"}]))


def standin() -> ReplayEngine:
    numbers = count(1)
    return ReplayEngine(RECORDING, load(RECORDING.header.dialect), new_id=lambda: f"id{next(numbers)}", rate=INSTANT)


def finished(playing: ReplayEngine, now: float, replies: list[HttpResponse]) -> None:
    """Come back at each deadline until there is none; each poll is answered by then."""
    replies += playing.replies(now)
    while (deadline := playing.deadline()) is not None:
        assert deadline > now, "a deadline that has passed already would make a front spin"
        now = deadline
        replies += playing.replies(now)


@pytest.mark.once  # our own code alone, and many examples of it
@settings(max_examples=150)
@given(st.lists(REQUESTS, max_size=10))
def test_each_request_of_any_conversation_gets_one_reply(
    conversation: list[tuple[tuple[str, str, bytes], Headers, bool, bool]],
) -> None:
    playing, replies, given_up = standin(), list[HttpResponse](), set[int]()
    asked = [(HANDSHAKE, (), False, False), *conversation]
    for number, ((method, target, body), headers, on_socket, gives_up) in enumerate(asked):
        now = float(number)
        playing.receive(HttpRequest(number, f"c{number % 3}", method, target, headers, body, on_socket), now)
        if gives_up:
            given_up.add(number)
            playing.abort(number)
        replies += playing.replies(now)
        for reply in replies:
            playing.sent(reply.number)
    finished(playing, float(len(asked)), replies)

    numbers = [reply.number for reply in replies]
    assert len(set(numbers)) == len(numbers)
    assert set(range(len(asked))) - given_up <= set(numbers) <= set(range(len(asked)))
    assert {reply.status for reply in replies} <= {200, 400, 402, 500, STATUS}
    assert all(json.loads(reply.body) or reply.body == b"[]" for reply in replies if reply.status == 200 and reply.body)
    assert all(_fits_a_header(value) for reply in replies for _, value in reply.headers)


def _fits_a_header(value: str) -> bool:
    return value.isascii() and "\r" not in value and "\n" not in value and "\x00" not in value
