from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.capture.pipeline import Counts, Pipeline
from recorder.cassette.codec import decode, encode_header
from recorder.cassette.frames import MAX_BODY, unframe
from recorder.cassette.packing import MAX_HEADERS
from recorder.cassette.reader import parse
from recorder.model import CUT, Chunk, Failure, Header, Note, Record, Request, Response, SocketMessage
from recorder.redaction.policy import load
from recorder.redaction.pseudonyms import Kind, Pseudonyms
from recorder.redaction.redactor import Redactor

HEADER = encode_header(Header(0, "", "gws", "none"))
STARTED = 1_000


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(None, STARTED)


def records(*frames: bytes) -> list[Record]:
    return [record for found in unframe(b"".join(frames)) if (record := decode(found, path="")) is not None]


def asks(pipeline: Pipeline, flow: str = "f1", now: int = STARTED, **own: Any) -> bytes:
    asked: dict[str, Any] = {"connection": "conn", "method": "POST", "target": "/a", "headers": (), "body": b"{}"}
    return pipeline.request(flow, now, **asked | own)


def answers(pipeline: Pipeline, flow: str = "f1", now: int = STARTED, **own: Any) -> bytes:
    told: dict[str, Any] = {"status": 200, "headers": (), "body": b"[]"}
    return pipeline.response(flow, now, **told | own)


# What becomes of what the proxy saw


def test_a_request_becomes_a_record(pipeline: Pipeline) -> None:
    frame = pipeline.request(
        "f1", 1_250, connection="conn", method="PUT", target="/a?b", headers=(("A", "b"),), body=b"\xff"
    )

    assert records(frame) == [Request(0, 250, 0, "conn", "PUT", "/a?b", (("A", "b"),), b"\xff")]


def test_a_response_joins_its_request(pipeline: Pipeline) -> None:
    asked = asks(pipeline)
    told = pipeline.response("f1", 1_300, status=503, headers=(("A", "b"),), body=b"no")

    assert records(asked, told)[1] == Response(1, 300, 0, 503, (("A", "b"),), b"no")


def test_a_response_that_lacks_something_is_followed_by_a_note_that_says_what(pipeline: Pipeline) -> None:
    asks(pipeline)

    response, note = records(answers(pipeline, lacks="the rest"))

    assert isinstance(response, Response)
    assert note == Note(2, response.t, CUT, "record 1 is kept with the beginning of its body: the rest")


def test_a_call_is_one_from_its_request_to_its_answer(pipeline: Pipeline) -> None:
    asks(pipeline, "call")
    asks(pipeline, "bayeux", body=b'[{"channel":"/meta/connect"}]')

    assert [pipeline.is_call(flow) for flow in ("call", "bayeux", "nothing")] == [True, False, False]

    answers(pipeline, "call")
    assert not pipeline.is_call("call")


def test_a_failure_joins_its_request(pipeline: Pipeline) -> None:
    asked = asks(pipeline)
    told = pipeline.failure("f1", 1_300, "Client disconnected.")

    assert records(asked, told)[1] == Failure(1, 300, 0, "Client disconnected.")


def test_a_stream_has_its_head_first_and_then_its_chunks(pipeline: Pipeline) -> None:
    frames = [
        asks(pipeline),
        pipeline.stream("f1", 1_100, status=200, headers=()),
        pipeline.chunk("f1", 1_200, b"data: 1\n\n"),
        pipeline.chunk("f1", 1_300, b"", is_last=True),
    ]

    assert records(*frames)[1:] == [
        Response(1, 100, 0, 200, (), b"", streamed=True),
        Chunk(2, 200, 0, b"data: 1\n\n"),
        Chunk(3, 300, 0, b"", is_last=True),
    ]
    assert not pipeline.knows("f1")
    assert (pipeline.counts.responses, pipeline.counts.open) == (1, 0)


def test_a_stream_that_breaks_has_an_answer_and_is_no_failed_call(pipeline: Pipeline) -> None:
    asks(pipeline)
    pipeline.stream("f1", 1_100, status=200, headers=())

    (told,) = records(pipeline.closed("f1", 1_200, "Client disconnected."))

    assert told == Failure(2, 200, 0, "Client disconnected.")
    assert (pipeline.counts.open, pipeline.counts.failures) == (0, 0)


def test_a_note_stands_by_itself(pipeline: Pipeline) -> None:
    assert records(pipeline.note(1_001, "close", "done")) == [Note(0, 1, "close", "done")]


def test_times_never_go_back_if_a_note_overtakes_an_answer(pipeline: Pipeline) -> None:
    asked = asks(pipeline)
    note = pipeline.note(1_500, "led-away", "told while the answer was looked at")
    told = answers(pipeline, now=1_400)

    assert [record.t for record in records(asked, note, told)] == [0, 500, 500]


def test_a_watcher_gets_each_record_once_whatever_the_parts() -> None:
    seen: list[Record] = []
    pipeline = Pipeline(None, STARTED, watch=seen.append)
    asks(pipeline)
    pipeline.next_part(STARTED + 50)  # repeats the open request
    answers(pipeline, now=STARTED + 70)

    assert [(type(record), record.seq, record.t) for record in seen] == [(Request, 0, 0), (Response, 2, 70)]


def test_answers_in_another_order_join_their_own_requests(pipeline: Pipeline) -> None:
    frames = [asks(pipeline, "f1"), asks(pipeline, "f2"), answers(pipeline, "f2"), answers(pipeline, "f1")]

    assert [(r.seq, r.exchange) for r in records(*frames) if not isinstance(r, Note)] == [
        (0, 0),
        (1, 1),
        (2, 1),
        (3, 0),
    ]


def test_a_socket_stays_open_after_its_upgrade(pipeline: Pipeline) -> None:
    frames = [
        asks(pipeline),
        answers(pipeline, status=101),
        pipeline.message("f1", 1_001, from_client=True, body=b"[1]"),
        pipeline.message("f1", 1_002, from_client=False, body=b"[2]"),
        pipeline.closed("f1", 1_003, "closed by client, code 1000"),
    ]

    assert records(*frames)[2:] == [
        SocketMessage(2, 1, 0, from_client=True, body=b"[1]"),
        SocketMessage(3, 2, 0, from_client=False, body=b"[2]"),
        Failure(4, 3, 0, "closed by client, code 1000"),
    ]
    assert not pipeline.knows("f1")


def test_an_exchange_is_known_from_its_request_to_its_end(pipeline: Pipeline) -> None:
    before = pipeline.knows("f1")
    asks(pipeline)
    between = pipeline.knows("f1")
    answers(pipeline)

    assert (before, between, pipeline.knows("f1")) == (False, True, False)


def test_an_exchange_that_failed_is_known_no_more(pipeline: Pipeline) -> None:
    asks(pipeline)
    pipeline.failure("f1", STARTED, "gone")

    assert not pipeline.knows("f1")


def test_what_happened_is_counted(pipeline: Pipeline) -> None:
    for flow in ("f1", "f2", "f3", "f4"):
        asks(pipeline, flow)
    answers(pipeline, "f1")
    pipeline.failure("f2", STARTED, "gone")
    answers(pipeline, "f3", status=101)
    pipeline.message("f3", STARTED, from_client=True, body=b"")
    pipeline.closed("f3", STARTED, "closed")

    assert pipeline.counts == Counts(requests=4, responses=2, failures=1, messages=1)
    assert pipeline.counts.open == 1


# Nothing that comes from the wire makes a hole in the numbers


@pytest.mark.parametrize(
    "odd",
    [
        {"target": "/\udcff\udc80"},
        {"method": "P\udcff"},
        {"connection": "\ud800"},
        {"headers": (("\udcff", "\ud800"),)},
    ],
)
def test_text_that_is_no_unicode_is_kept(pipeline: Pipeline, odd: dict[str, Any]) -> None:
    found = parse(HEADER + asks(pipeline, **odd) + answers(pipeline)).records

    assert {name: getattr(found[0], name) for name in odd} == odd


def test_a_body_that_is_too_large_leaves_a_note_instead(pipeline: Pipeline) -> None:
    frames = [asks(pipeline), answers(pipeline, body=bytes(MAX_BODY)), pipeline.note(STARTED, "close", "")]

    _, response, note, close = parse(HEADER + b"".join(frames)).records
    assert isinstance(response, Response)
    assert (response.status, response.body) == (200, b"")
    assert isinstance(note, Note)
    assert note.kind == "cut"
    assert note.text.startswith("record 1 is kept without its body: a frame holds at most 67108864 bytes")
    assert close.seq == 3


def test_a_message_that_is_too_large_leaves_a_note_instead(pipeline: Pipeline) -> None:
    frames = [asks(pipeline), answers(pipeline, status=101)]
    frames.append(pipeline.message("f1", STARTED, from_client=False, body=bytes(MAX_BODY)))

    *_, message, note = parse(HEADER + b"".join(frames)).records
    assert message == SocketMessage(2, 0, 0, from_client=False, body=b"")
    assert isinstance(note, Note)


def test_too_many_headers_leave_a_note_and_the_first_of_them(pipeline: Pipeline) -> None:
    headers = tuple((f"h{n}", "") for n in range(MAX_HEADERS + 1))

    request, note = parse(HEADER + asks(pipeline, headers=headers)).records

    assert isinstance(request, Request)
    assert request.headers == headers[:-1]
    assert isinstance(note, Note)
    assert note.text == "record 0 is kept without its body: a record holds at most 4096 headers, this record has 4097"


# Redaction


def test_secrets_are_gone_before_there_is_a_frame() -> None:
    pipeline = Pipeline(Redactor(load(), bytes(32)), STARTED)

    frames = asks(pipeline, headers=(("Authorization", "Basic hunter2hunter2"), ("Cookie", "a=hunter2hunter2")))
    frames += answers(
        pipeline, headers=(("Set-Cookie", "a=hunter2hunter2; Path=/"), ("X-CSRF-TOKEN", "hunter2hunter2"))
    )

    assert b"hunter2" not in frames
    assert frames.count(Pseudonyms(bytes(32)).of(Kind.SECRET, "hunter2hunter2").encode()) == 4


SECRETS = st.text("abcXYZ0189-_.~+/é", min_size=8, max_size=60).map(lambda text: f"h2/{text}")


@given(SECRETS, st.binary(min_size=32, max_size=32))
def test_no_secret_of_a_header_is_ever_in_a_frame(secret: str, key: bytes) -> None:
    pipeline = Pipeline(Redactor(load(), key), STARTED)
    asked = (
        ("Authorization", f"Bearer {secret}"),
        ("Proxy-Authorization", secret),
        ("Cookie", f"JSESSIONID={secret}; {secret}"),
        ("X-CSRF-TOKEN", secret),
    )
    told = (("Set-Cookie", f"JSESSIONID={secret}; Path=/; HttpOnly"), ("X-CSRF-TOKEN", secret))

    frames = asks(pipeline, headers=asked) + answers(pipeline, headers=told)

    assert secret.encode() not in frames
    assert secret.encode("latin-1") not in frames


def test_without_redaction_headers_are_kept(pipeline: Pipeline) -> None:
    (request,) = records(asks(pipeline, headers=(("Cookie", "a=hunter2"),)))

    assert isinstance(request, Request)
    assert request.headers == (("Cookie", "a=hunter2"),)


# Parts


def test_a_capture_that_goes_on_goes_on_with_its_numbers() -> None:
    pipeline = Pipeline.resumed(None, STARTED, None, seq=7, exchange=3)

    (request,) = records(asks(pipeline, now=1_500))

    assert isinstance(request, Request)
    assert (request.seq, request.exchange, request.t) == (7, 3, 500)


def test_a_new_part_begins_at_zero_with_what_is_still_open(pipeline: Pipeline) -> None:
    asks(pipeline, "f1", now=1_100, target="/over")
    answers(pipeline, "f1")
    asks(pipeline, "f2", now=1_200, target="/open")

    begun = pipeline.next_part(9_000)
    after = answers(pipeline, "f2", now=9_500)

    found = parse(HEADER + b"".join(begun) + after).records
    assert [type(item) for item in found] == [Request, Response]
    assert isinstance(found[0], Request)
    assert isinstance(found[1], Response)
    assert (found[0].target, found[0].t) == ("/open", 0)
    assert (found[1].exchange, found[1].t) == (found[0].exchange, 500)


def test_a_capture_of_one_part_follows_nothing() -> None:
    pipeline = Pipeline(None, STARTED, None)
    asks(pipeline)

    assert (pipeline.next_part(9_000), pipeline.quiet(9_000)) == ([], 0.0)
    assert pipeline.is_call("f1")


def test_the_size_of_a_part_is_that_of_its_frames(pipeline: Pipeline) -> None:
    first = asks(pipeline) + answers(pipeline)
    before = pipeline.size
    pipeline.next_part(2_000)

    assert (before, pipeline.size) == (len(first), 0)


def test_secrets_in_a_part_are_not_redacted_twice() -> None:
    pipeline = Pipeline(Redactor(load(), bytes(32)), STARTED)
    first = asks(pipeline, headers=(("Cookie", "a=hunter2hunter2"),))

    (repeated,) = pipeline.next_part(2_000)

    assert isinstance(request := records(first)[0], Request)
    assert isinstance(again := records(repeated)[0], Request)
    assert again.headers == request.headers


# A capture that has to end at once

LONG = b'{"statusCode":0}' * 5_000


class Slow(Redactor):
    """A redactor that is interrupted in the middle of a long body."""

    def redact(self, record: Record) -> Record:
        if len(getattr(record, "body", b"")) > 1_000:
            hurried.hurry()
        return super().redact(record)


hurried: Pipeline


def test_a_long_body_whose_redaction_is_interrupted_is_left_out_and_told() -> None:
    global hurried  # noqa: PLW0603  # a signal's handler reaches the pipeline from outside too
    hurried = Pipeline(Slow(load("gws"), b"k" * 32), STARTED)
    asks(hurried)

    answer, note = records(answers(hurried, body=LONG))

    assert (answer.status, answer.body) == (200, b"")
    assert note.text == "record 1 is kept without its body: the capture had to end before it was redacted"


@pytest.mark.parametrize(("body", "is_kept"), [(LONG, False), (LONG[:5_000], False), (b"[1]", True)])
def test_a_capture_in_a_hurry_keeps_short_bodies_alone(body: bytes, is_kept: bool) -> None:
    pipeline = Pipeline(Redactor(load("gws"), b"k" * 32), STARTED)
    asks(pipeline)
    pipeline.hurry()

    answer, *notes = records(answers(pipeline, body=body))

    assert (answer.body == body, len(notes)) == (is_kept, not is_kept)


def test_a_stream_goes_on_without_a_long_event_in_a_hurry() -> None:
    pipeline = Pipeline(Redactor(load("gws"), b"k" * 32), STARTED)
    asks(pipeline)
    pipeline.stream("f1", STARTED, status=200, headers=(("Content-Type", "text/event-stream"),))
    pipeline.hurry()

    found = records(pipeline.chunk("f1", STARTED, b"data: " + LONG + b"\n\n"), pipeline.chunk("f1", STARTED, b": 1\n"))

    assert [record.body for record in found if isinstance(record, Chunk)] == [b"", b": 1\n"]
    assert [record.kind for record in found if isinstance(record, Note)] == [CUT]


def test_without_redaction_a_hurry_costs_nothing(pipeline: Pipeline) -> None:
    asks(pipeline)
    pipeline.hurry()

    (answer,) = records(answers(pipeline, body=LONG))

    assert answer.body == LONG
