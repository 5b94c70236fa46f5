from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from recorder.model import Chunk, Failure, Note, Record, Request, Response
from recorder.push.pieces import Pieces, joined

LINES = (("Content-Type", "application/x-ndjson"),)
EVENTS = (("Content-Type", "text/event-stream"),)
ASKED = Request(0, 1, 0, "c", "GET", "/lines", (), b"")
HEAD = Response(1, 2, 0, 200, LINES, b"", streamed=True)


def test_lines_become_one_answer_at_their_end() -> None:
    pieces = Pieces()
    note = Note(3, 4, "gap", "")

    given_ = [pieces.feed(record) for record in (ASKED, HEAD, Chunk(2, 3, 0, b"1\n"), note, Chunk(4, 9, 0, b"22\n"))]

    assert given_ == [[ASKED], [], [], [note], []]
    assert pieces.feed(Chunk(5, 10, 0, b"", is_last=True)) == [
        Response(1, 2, 0, 200, LINES, b"1\n22\n", pieces=((3, 2), (9, 3)))
    ]
    assert pieces.end() == []


def test_lines_that_broke_off_are_given_before_their_failure() -> None:
    failure = Failure(3, 4, 0, "the server closed")

    found = list(joined([ASKED, HEAD, Chunk(2, 3, 0, b"1\n"), failure]))

    assert found == [ASKED, Response(1, 2, 0, 200, LINES, b"1\n", pieces=((3, 2),)), failure]


def test_lines_that_are_open_at_the_end_of_the_records_are_given() -> None:
    assert list(joined([HEAD, Chunk(2, 3, 0, b"1\n")])) == [Response(1, 2, 0, 200, LINES, b"1\n", pieces=((3, 2),))]


def test_an_event_stream_passes_unless_whole_bodies_are_wanted() -> None:
    stream = [Response(0, 0, 0, 200, EVENTS, b"", streamed=True), Chunk(1, 1, 0, b"data: 1\n\n", is_last=True)]

    assert list(joined(stream)) == stream
    assert [record.body for record in joined(stream, joins_events=True)] == [b"data: 1\n\n"]  # type: ignore[union-attr]  # a response


BODIES = st.lists(st.binary(max_size=5), max_size=5)


@given(st.lists(BODIES, max_size=4), st.randoms(use_true_random=False))
def test_bodies_of_streams_that_cross_come_back(bodies: list[list[bytes]], random: Random) -> None:
    queues: list[list[Record]] = [
        [
            Response(0, 0, number, 200, LINES, b"", streamed=True),
            *(Chunk(0, at, number, body) for at, body in enumerate(body_)),
            Chunk(0, 9, number, b"", is_last=True),
        ]
        for number, body_ in enumerate(bodies)
    ]
    mixed: list[Record] = []
    while queues := [queue for queue in queues if queue]:
        mixed.append(random.choice(queues).pop(0))

    found = {record.exchange: record for record in joined(mixed) if isinstance(record, Response)}

    assert {number: found[number].body for number in found} == {n: b"".join(body) for n, body in enumerate(bodies)}
    assert all(sum(length for _, length in record.pieces) == len(record.body) for record in found.values())
