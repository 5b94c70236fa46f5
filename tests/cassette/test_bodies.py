from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette import bodies
from recorder.cassette.bodies import REMEMBERED, SHORT, Remembered, Repeated
from recorder.errors import CassetteError
from recorder.model import Failure, Record, Request, Response, SocketMessage
from tests.cassette.records import ONE_OF_EACH

RESPONSE = ONE_OF_EACH[1]
LONG = b"x" * SHORT


def answer(seq: int, body: bytes) -> Record:
    return replace(RESPONSE, seq=seq, body=body)


def read_back(records: list[Record]) -> list[bytes]:
    """The bodies as a reader gets them of what a writer names."""
    writer, reader, found = Repeated(), Remembered("s.cassette"), []
    for record in records:
        named = writer.earlier(record)
        body = getattr(record, "body", b"") if named is None else reader.body(named)
        reader.feed(record)
        found.append(body)
    return found


def test_a_body_that_was_there_before_is_named() -> None:
    repeated = Repeated()

    assert [repeated.earlier(answer(seq, LONG)) for seq in range(3)] == [None, 0, 0]


def test_requests_and_messages_name_the_bodies_of_responses() -> None:
    repeated = Repeated()
    repeated.earlier(answer(0, LONG))

    assert repeated.earlier(replace(ONE_OF_EACH[0], seq=1, body=LONG)) == 0
    assert repeated.earlier(replace(ONE_OF_EACH[4], seq=2, body=LONG)) == 0


@pytest.mark.parametrize("body", [b"", b"{}", LONG[:-1]])
def test_a_short_body_is_not_worth_naming(body: bytes) -> None:
    repeated = Repeated()

    assert [repeated.earlier(answer(seq, body)) for seq in range(2)] == [None, None]


def test_what_has_no_body_names_none() -> None:
    repeated = Repeated()

    assert [repeated.earlier(Failure(seq, 0, 0, LONG.decode())) for seq in range(2)] == [None, None]


def test_the_oldest_body_is_forgotten_by_writer_and_reader_alike() -> None:
    bodies = [LONG + str(number).encode() for number in range(REMEMBERED + 1)]
    records = [answer(seq, body) for seq, body in enumerate([*bodies, bodies[0], bodies[-1], bodies[1], bodies[2]])]

    assert read_back(records) == [getattr(record, "body", b"") for record in records]


def test_a_body_that_is_not_there_is_refused() -> None:
    with pytest.raises(CassetteError, match=r"s\.cassette: a record names the body of record 7, which is not"):
        Remembered("s.cassette").body(7)


def test_a_body_that_only_named_another_cannot_be_named() -> None:
    reader = Remembered("s.cassette")
    reader.feed(answer(0, LONG))
    reader.body(0)
    reader.feed(answer(1, LONG))

    with pytest.raises(CassetteError, match="names the body of record 1"):
        reader.body(1)


def test_a_body_that_was_missed_does_not_spoil_the_record_that_follows() -> None:
    reader = Remembered("s.cassette")
    with pytest.raises(CassetteError):
        reader.body(7)

    reader.feed(answer(8, LONG))

    assert reader.body(8) == LONG


@given(st.lists(st.tuples(st.sampled_from([Request, Response, SocketMessage]), st.integers(0, 9)), max_size=60))
def test_any_order_of_bodies_comes_back(order: list[tuple[type, int]]) -> None:
    kinds = {type(record): record for record in ONE_OF_EACH}
    records = [
        replace(kinds[kind], seq=seq, body=b"a body that is long enough to be worth its name" * 2 + bytes([number]))
        for seq, (kind, number) in enumerate(order)
    ]

    assert read_back(records) == [getattr(record, "body", b"") for record in records]


def test_a_very_long_body_is_not_remembered() -> None:
    repeated, huge = Repeated(), b"x" * (bodies.LONG + 1)

    assert [repeated.earlier(answer(seq, huge)) for seq in range(2)] == [None, None]
