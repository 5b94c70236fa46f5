from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.codec import encode_header
from recorder.cassette.reader import Cassette, parse
from recorder.errors import CassetteError
from recorder.importers import ordering
from recorder.importers.ordering import Budget, Imported, frames, in_order
from recorder.model import Failure, Note, Request, Response, SocketMessage
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.cassette.records import HEADER

S = 1_000_000_000


def asked(exchange: int, t: int) -> Request:
    return Request(0, t, exchange, "c", "POST", f"/{exchange}", (("Authorization", "Basic YWdlbnQ6c2VjcmV0"),), b"")


def answer(exchange: int, t: int) -> Response:
    return Response(0, t, exchange, 200, (), b"{}")


def cassette(*parts: ordering.Part, redactor: Redactor | None = None) -> Cassette:
    written = b"".join(frames(Imported(0, "http://h", parts, ("a note",)), redactor))
    return parse(encode_header(HEADER) + written)


def test_parts_are_put_in_order_by_their_times() -> None:
    started, parts = in_order([asked(0, 5 * S), answer(0, 9 * S), asked(1, 6 * S), answer(1, 7 * S)], "f")

    assert started == 5_000_000
    assert [(type(part).__name__, part.exchange, part.t // S) for part in parts] == [
        ("Request", 0, 0), ("Request", 1, 1), ("Response", 1, 2), ("Response", 0, 4),
    ]  # fmt: skip


def test_at_one_time_an_answer_is_before_the_next_request_and_behind_its_own() -> None:
    _, parts = in_order([asked(1, 5 * S), asked(0, 4 * S), answer(0, 5 * S), answer(1, 5 * S)], "f")

    assert [(type(part).__name__, part.exchange) for part in parts] == [
        ("Request", 0), ("Response", 0), ("Request", 1), ("Response", 1),
    ]  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 9 * S), st.integers(0, 9 * S)), min_size=1, max_size=6))
def test_no_answer_is_before_its_request_whatever_the_clock_said(times: list[tuple[int, int]]) -> None:
    parts = [part for n, (a, b) in enumerate(times) for part in (answer(n, b), asked(n, a))]

    _, ordered = in_order(parts, "f")

    seen: set[int] = set()
    for part in ordered:
        assert part.exchange in seen or isinstance(part, Request)
        seen.add(part.exchange)
    assert [part.t for part in ordered] == sorted(part.t for part in ordered)


def test_nothing_is_no_session() -> None:
    with pytest.raises(CassetteError, match="no HTTP exchange"):
        in_order([], "f")


def test_the_cassette_is_numbered_and_says_what_it_was_made_of() -> None:
    found = cassette(asked(0, 0), answer(0, 1))

    assert [record.seq for record in found.records] == [0, 1, 2, 3]
    assert [record.kind for record in found.records if isinstance(record, Note)] == ["import", "close"]


def test_what_belongs_to_no_open_exchange_is_left_out() -> None:
    late = SocketMessage(0, 5, 0, from_client=False, body=b"")

    found = cassette(asked(0, 0), answer(0, 1), answer(0, 2), Failure(0, 3, 0, "x"), late, answer(7, 4))

    assert len(found.records) == 4
    assert [record.seq for record in found.records] == [0, 1, 2, 3]


def test_the_messages_of_a_socket_are_kept_until_it_is_closed() -> None:
    message = SocketMessage(0, 2, 0, from_client=True, body=b"[]")

    found = cassette(asked(0, 0), replace(answer(0, 1), status=101), message, Failure(0, 3, 0, "closed"), message)

    assert [type(record).__name__ for record in found.records[1:-1]] == [
        "Request", "Response", "SocketMessage", "Failure",
    ]  # fmt: skip


def test_it_is_redacted_on_the_way_in() -> None:
    found = cassette(asked(0, 0), redactor=Redactor(load("gws"), b"k" * 32))

    (request,) = (record for record in found.records if isinstance(record, Request))
    assert request.headers[0][1].startswith("Basic ")
    assert "YWdlbnQ6c2VjcmV0" not in request.headers[0][1]


def test_no_more_is_taken_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "LARGEST", 10)
    budget = Budget("some.har")

    assert budget.take(b"12345") == b"12345"
    with pytest.raises(CassetteError, match=r"some\.har: holds more than"):
        budget.take(b"123456")


def test_no_more_parts_are_taken_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "MOST", 1)
    budget = Budget("some.har")

    budget.take(b"")
    with pytest.raises(CassetteError):
        budget.take(b"")
