from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import open_cassette, read
from recorder.cassette.sealed import SealedWriter
from recorder.errors import CassetteError
from recorder.library import stored
from recorder.library.index.rows import row_of
from recorder.library.recording import load_recording
from recorder.library.sealing import seal
from recorder.library.stored import triples
from tests.answers import DIALECT, publish, result, yes
from tests.wire import HEADER, URL, Wire

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
RECORDING = load_recording(PREVIEW)


@pytest.fixture(params=["plain", "archive"])
def sealed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    target = tmp_path / "sealed.cassette"
    seal(PREVIEW, target, archive=request.param == "archive")
    return target


def test_a_stored_triple_is_the_one_that_was_derived(sealed: Path) -> None:
    with open_cassette(sealed) as cassette:
        assert [stored.triple(cassette, n) for n in range(1, 7)] == list(RECORDING.triples)


def test_triples_are_found_by_their_keys_operation_and_channel(sealed: Path) -> None:
    with open_cassette(sealed) as cassette:
        found = {
            "handle": [t.n for t in stored.with_key(cassette, "handle", "1001")],
            "reference": [t.n for t in stored.with_key(cassette, "reference", "desk-5")],
            "operation": [t.n for t in stored.with_key(cassette, "operation", "GetPreviewRecord")],
            "channel": [t.n for t in stored.with_key(cassette, "channel", "/me/internal")],
        }

    assert found == {"handle": [3, 4, 5], "reference": [5], "operation": [2], "channel": [2, 3, 4, 5]}


def test_a_key_nobody_has_finds_nothing(sealed: Path) -> None:
    with open_cassette(sealed) as cassette:
        assert list(stored.with_key(cassette, "handle", "1002")) == []


@pytest.mark.parametrize("n", [0, -1, 7])
def test_a_number_that_is_not_there_is_refused(sealed: Path, n: int) -> None:
    with open_cassette(sealed) as cassette, pytest.raises(CassetteError, match="holds no entry"):
        stored.triple(cassette, n)


@pytest.mark.parametrize(
    "lie",
    [{"request": 1}, {"ack": 0}, {"failure": 0}, {"state": "dreaming"}],
    ids=["request", "ack", "failure", "state"],
)
def test_a_triple_that_names_records_of_another_kind_is_refused(lie: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "lying.cassette"
    whole = read(PREVIEW)
    with path.open("wb") as file:
        writer = SealedWriter(file, replace(whole.header, profile="sealed"))
        for record in whole.records:
            writer.fact(record)
        writer.row(replace(row_of(RECORDING.triples[0]), **lie))  # type: ignore[arg-type]
        writer.finish([], {})
        writer.close()

    with open_cassette(path) as cassette, pytest.raises(CassetteError, match="records of another kind"):
        stored.triple(cassette, 1)


def test_a_triple_that_names_an_event_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lying.cassette"
    whole, row = read(PREVIEW), row_of(RECORDING.triples[0])
    with path.open("wb") as file:
        writer = SealedWriter(file, replace(whole.header, profile="sealed"))
        for record in whole.records:
            writer.fact(record)
        writer.row(replace(row, events=(replace(row.events[0], index=99),)))
        writer.finish([], {})
        writer.close()

    with open_cassette(path) as cassette, pytest.raises(CassetteError, match="an event that is not there"):
        stored.triple(cassette, 1)


def test_stored_publishes_are_read_back_as_requests(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    one, two = publish(desk, "r1"), publish(desk, "r2")
    wire.respond(desk.bayeux(one, two), [result("r2"), yes(two), yes(one)])
    socket = wire.request("GET", URL, b"")
    wire.respond(socket, b"", status=101)
    wire.frame(socket, publish(desk, "r3"), from_client=True)
    wire.frame(socket, result("r3"), from_client=False)
    wire.frame(socket, yes(publish(desk, "r3")), from_client=False)
    path = tmp_path / "journal"
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))
    seal(path, tmp_path / "sealed", dialect=DIALECT)

    with open_cassette(tmp_path / "sealed") as cassette:
        found = list(triples(cassette))

    assert found == list(wire.recording(DIALECT).triples)
    assert [(t.request.message, t.ack and t.ack.message) for t in found] == [(0, 2), (1, 1), (0, 0)]


def test_a_stored_publish_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    exchange = desk.bayeux(publish(desk, "r1"))
    wire.respond(exchange, [yes(publish(desk, "r1"))])
    row = row_of(wire.recording(DIALECT).triples[0])
    for wrong in (replace(row, message=1), replace(row, reply=1), replace(row, request=row.ack or 0)):
        path = tmp_path / "wrong"
        with path.open("wb") as file:
            writer = SealedWriter(file, replace(HEADER, profile="sealed"))
            for record in wire.records:
                writer.fact(record)
            writer.row(wrong)
            writer.finish([], {"poll_timeout": None, "sessions": {}})
            writer.close()

        with open_cassette(path) as cassette, pytest.raises(CassetteError, match="names a"):
            list(triples(cassette))
