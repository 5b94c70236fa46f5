from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.codec import encode_header
from recorder.cassette.reader import Cassette, parse
from recorder.errors import CassetteError
from recorder.importers import ordering, spool
from recorder.importers.losses import Loss, Losses
from recorder.importers.ordering import Imported, frames
from recorder.importers.spool import Part, Parts, Spool
from recorder.model import Failure, Note, Request, Response, SocketMessage
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.cassette.records import HEADER

S = 1_000_000_000


def asked(exchange: int, t: int) -> Request:
    return Request(0, t, exchange, "c", "POST", f"/{exchange}", (("Authorization", "Basic YWdlbnQ6c2VjcmV0"),), b"")


def answer(exchange: int, t: int) -> Response:
    return Response(0, t, exchange, 200, (), b"{}")


def kept(*parts: Part) -> Spool:
    found = Spool()
    for part in parts:
        found.add(part, "f")
    return found


def in_order(parts: list[Part]) -> tuple[int, Parts]:
    return ordering.in_order(kept(*parts), "f", Losses("HAR"))


def cassette(*parts: Part, redactor: Redactor | None = None) -> Cassette:
    losses = Losses("HAR")
    losses.lose(Loss.NO_URL, 2)
    there = kept(*parts)
    imported = Imported(0, "http://h", Parts(there, there.items, 0), ("a note",), losses)
    written = b"".join(frames(imported, redactor))
    return parse(encode_header(HEADER) + written)


def test_parts_are_put_in_order_by_their_times() -> None:
    started, parts = in_order([asked(0, 5 * S), answer(0, 9 * S), asked(1, 6 * S), answer(1, 7 * S)])

    assert started == 5_000_000_000
    assert [(type(part).__name__, part.exchange, part.t // S) for part in parts] == [
        ("Request", 0, 0), ("Request", 1, 1), ("Response", 1, 2), ("Response", 0, 4),
    ]  # fmt: skip


def test_at_one_time_an_answer_is_before_the_next_request_and_behind_its_own() -> None:
    _, parts = in_order([asked(1, 5 * S), answer(1, 5 * S), asked(0, 4 * S), answer(0, 5 * S)])

    assert [(type(part).__name__, part.exchange) for part in parts] == [
        ("Request", 0), ("Response", 0), ("Request", 1), ("Response", 1),
    ]  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 9 * S), st.integers(0, 9 * S)), min_size=1, max_size=6))
def test_no_answer_is_before_its_request_whatever_the_clock_said(times: list[tuple[int, int]]) -> None:
    parts = [part for n, (a, b) in enumerate(times) for part in (asked(n, a), answer(n, b))]

    _, ordered = in_order(parts)

    seen: set[int] = set()
    for part in ordered:
        assert part.exchange in seen or isinstance(part, Request)
        seen.add(part.exchange)
    assert [part.t for part in ordered] == sorted(part.t for part in ordered)


def test_nothing_is_no_session() -> None:
    with pytest.raises(CassetteError, match="no HTTP exchange"):
        in_order([])


def test_the_cassette_is_numbered_and_says_what_it_was_made_of() -> None:
    found = cassette(asked(0, 0), answer(0, 1))

    assert [record.seq for record in found.records] == [0, 1, 2, 3, 4]
    assert [record.kind for record in found.records if isinstance(record, Note)] == ["import", "left-out", "close"]


def test_what_belongs_to_no_open_exchange_is_left_out() -> None:
    late = SocketMessage(0, 5, 0, from_client=False, body=b"")

    found = cassette(asked(0, 0), answer(0, 1), answer(0, 2), Failure(0, 3, 0, "x"), late, answer(7, 4))

    assert len(found.records) == 5
    assert [record.seq for record in found.records] == [0, 1, 2, 3, 4]


def test_the_messages_of_a_socket_are_kept_until_it_is_closed() -> None:
    message = SocketMessage(0, 2, 0, from_client=True, body=b"[]")

    found = cassette(asked(0, 0), replace(answer(0, 1), status=101), message, Failure(0, 3, 0, "closed"), message)

    assert [type(record).__name__ for record in found.records[2:-1]] == [
        "Request", "Response", "SocketMessage", "Failure",
    ]  # fmt: skip


def test_it_is_redacted_on_the_way_in() -> None:
    found = cassette(asked(0, 0), redactor=Redactor(load("gws"), b"k" * 32))

    (request,) = (record for record in found.records if isinstance(record, Request))
    assert request.headers[0][1].startswith("Basic ")
    assert "YWdlbnQ6c2VjcmV0" not in request.headers[0][1]


def test_no_more_is_taken_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "LARGEST", 200)

    with pytest.raises(CassetteError, match=r"f: holds more than"):
        kept(asked(0, 0), asked(1, 1), asked(2, 2))


def test_no_more_parts_are_taken_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MOST", 1)

    with pytest.raises(CassetteError):
        kept(asked(0, 0), asked(1, 1))


def test_a_body_that_is_not_there_is_noted_behind_its_record() -> None:
    there = Spool()
    there.add(asked(0, 0), "f")
    there.add(answer(0, 1), "f", lacks="the HAR does not hold it")

    written = b"".join(frames(Imported(0, "", Parts(there, there.items, 0), (), Losses("HAR")), None))

    notes = [record for record in parse(encode_header(HEADER) + written).records if isinstance(record, Note)]
    assert [note.kind for note in notes] == ["cut", "close"]
    assert "the HAR does not hold it" in notes[0].text


def test_parts_wait_on_disk_before_their_folder_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY", 100)
    with Spool(tmp_path / "new" / "folder") as there:
        for n in range(5):
            there.add(asked(n, n), "f")

        assert [there.read(item) for item in there.items] == [asked(n, n) for n in range(5)]
    assert list(tmp_path.iterdir()) == []


def test_more_headers_than_a_cassette_holds_are_cut_off() -> None:
    (request,) = Parts(there := kept(replace(asked(0, 0), headers=(("a", "b"),) * 5000)), there.items, 0)

    assert len(request.headers) == 4096
