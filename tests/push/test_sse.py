"""Server-sent events are read by the rules of HTML, section 9.2, from pieces of any size."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.model import Chunk, Event, Failure, Response
from recorder.push.port import Closed, Observation, Opened
from recorder.push.rules import PushRules
from recorder.push.sse import EventStream, ServerSentEvent, SseDecoder, events_in

HEAD = (("Content-Type", "text/event-stream; charset=utf-8"),)
NO_RULES = PushRules()


def read(*pieces: bytes) -> list[ServerSentEvent]:
    stream = EventStream()
    return [found for piece in pieces for found in stream.feed(piece)]


def reference(body: bytes) -> list[ServerSentEvent]:
    """Read a whole stream at once, as the specification tells it."""
    text = body.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    lines = re.split("\r\n|\r|\n", text)[:-1]
    found: list[ServerSentEvent] = []
    data: list[str] = []
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        value = value[1:] if value[:1] == " " else value
        if line == "":
            if data or fields:
                retry = fields.get("retry")
                own = "\n".join(data) if data else None
                found.append(
                    ServerSentEvent(own, fields.get("event"), fields.get("id"), None if retry is None else int(retry))
                )
            data, fields = [], {}
        elif line[0] == ":" and (data or fields):
            pass
        elif line[0] == ":":
            found.append(ServerSentEvent(comment=value))
        elif name == "data":
            data.append(value)
        elif (
            name == "event"
            or (name == "id" and "\0" not in value)
            or (name == "retry" and re.fullmatch("[0-9]{1,15}", value))
        ):
            fields[name] = value
    return found


_LINES = st.sampled_from(
    [b"data: 1", b"data", b"data:x:y", b"data:  two", b": beat", b":", b"id: 7", b"id", b"id: a\0b", b"event: e",
     b"retry: 5", b"retry: 5s", b"other: 1", b"", b"", "data: ü".encode(), b"\xef\xbb\xbfdata: bom",
     b"data: \xff", b"retry: \xd9\xa3"]
)  # fmt: skip
_ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
_STREAMS = st.lists(st.tuples(_LINES, _ENDS), max_size=12).map(lambda ls: b"".join(line + end for line, end in ls))
_BODIES = st.one_of(_STREAMS, st.binary(max_size=60), st.tuples(_STREAMS, st.binary(max_size=9)).map(b"".join))


@given(_BODIES, st.lists(st.integers(0, 200), max_size=8))
def test_any_pieces_give_what_the_whole_gives(body: bytes, cuts: list[int]) -> None:
    places = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    pieces = [body[a:b] for a, b in pairwise(places)]

    assert read(*pieces) == reference(body)


@given(_BODIES)
def test_single_bytes_give_what_the_whole_gives(body: bytes) -> None:
    assert read(*(body[n : n + 1] for n in range(len(body)))) == reference(body)


@given(_BODIES, st.lists(st.integers(0, 200), max_size=8))
def test_raw_bytes_are_those_of_the_stream(body: bytes, cuts: list[int]) -> None:
    places = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})

    raw = b"".join(found.raw for found in read(*(body[a:b] for a, b in pairwise(places))))

    assert body.startswith(raw)
    assert read(raw) == read(body)


def test_comment_takes_its_blank_line_along() -> None:
    assert [found.raw for found in read(b": beat\n\ndata: 1\n: in it\n\n")] == [
        b": beat\n\n",
        b"data: 1\n: in it\n\n",
    ]


def test_lines_of_data_are_joined() -> None:
    assert read(b"event: add\nid: 1\ndata: a\ndata: b\n\n") == [ServerSentEvent("a\nb", "add", "1")]


def test_unfinished_block_counts_for_nothing() -> None:
    assert read(b"data: a\n\ndata: b\n") == [ServerSentEvent("a")]


def test_carriage_return_at_the_end_of_a_piece_is_no_line_of_its_own() -> None:
    assert read(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == [ServerSentEvent("a\nb")]


def test_endless_retry_is_no_time() -> None:
    assert read(b"retry: " + b"9" * 5000 + b"\n\n") == []


def opened(*, streamed: bool = True, body: bytes = b"", headers: tuple[tuple[str, str], ...] = HEAD) -> Response:
    return Response(4, 40, 2, 200, headers, body, streamed=streamed)


def decoded(*records: Response | Chunk | Failure, rules: PushRules = NO_RULES) -> list[Observation]:
    decoder = SseDecoder(rules)
    return [seen for record in records for seen in decoder.feed(record)]


def test_chunks_of_a_stream_are_events_with_their_own_times() -> None:
    first, last = Chunk(5, 50, 2, b'id: 9\nevent: add\ndata: {"a":1}\n\n: x\n\n'), Chunk(6, 60, 2, b"", is_last=True)

    assert decoded(opened(), first, last) == [
        Opened("stream-2", 2, 4, 40, "sse"),
        Event(5, 0, 50, 2, "stream-2", "add", {"a": 1}, {"id": "9", "event": "add"}),
        Event(5, 1, 50, 2, "stream-2", ":", "x"),
        Closed("stream-2", 2, 6, 60, ended=True),
    ]


def test_whole_body_of_a_stream_is_events_at_the_time_of_the_response() -> None:
    seen = decoded(opened(streamed=False, body=b"data: hi\n\nretry: 5\n\n"))

    assert seen == [
        Opened("stream-2", 2, 4, 40, "sse"),
        Event(4, 0, 40, 2, "stream-2", "message", "hi"),
        Event(4, 1, 40, 2, "stream-2", ":", None, {"retry": 5}),
        Closed("stream-2", 2, 4, 40, ended=True),
    ]
    assert [seen.beside for seen in seen[1:3]] == [None, {"retry": 5}]


def test_a_stream_that_broke_did_not_end() -> None:
    failure = Failure(5, 50, 2, "Client disconnected.")

    assert decoded(opened(), failure)[1:] == [Closed("stream-2", 2, 5, 50, False, reason="Client disconnected.")]


def test_topic_of_the_dialect_comes_before_the_name_in_the_stream() -> None:
    rules = PushRules(topic=lambda data: data.get("topicName"))
    body = b'event: e\ndata: {"topicName":"v2.users"}\n\nevent: e\ndata: {}\n\n'

    assert [event.channel for event in events_in(opened(streamed=False, body=body), rules)] == ["v2.users", "e"]


@pytest.mark.parametrize("media", ["TEXT/Event-Stream", " text/event-stream ;charset=utf-8"])
def test_media_type_is_read_in_any_case(media: str) -> None:
    headers = (("X-Other-Name", "text/plain"), ("CONTENT-TYPE", media))

    assert len(decoded(opened(body=b"data: 1\n\n", streamed=False, headers=headers))) == 3


@pytest.mark.parametrize("media", ["text/plain", "application/json", "text/event-streams", ""])
def test_other_media_types_are_no_streams(media: str) -> None:
    assert decoded(opened(body=b"data: 1\n\n", streamed=False, headers=(("Content-Type", media),))) == []


def test_empty_body_is_no_stream() -> None:
    assert decoded(opened(streamed=False)) == []


def test_chunks_of_another_exchange_are_left_alone() -> None:
    assert decoded(opened(), Chunk(5, 50, 3, b"data: 1\n\n"))[1:] == []
