from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette.codec import encode, encode_header, encode_row
from recorder.cassette.frames import unframe
from recorder.cassette.repair.recover import LOST
from recorder.diagnose.doctor import examine
from recorder.errors import CassetteError
from recorder.library.sealing import seal
from recorder.model import Chunk, Failure, Header, Note, Record, Response
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.fuzz.fuzz_cassette import with_checksums
from tests.wire import HEADER, Wire, body, chained, done, state_event

REDACTED = replace(HEADER, redaction="headers-1", started=1_753_000_000_000_000)


def written(path: Path, records: list[Record], header: Header = REDACTED) -> Path:
    numbered = [replace(record, seq=seq) for seq, record in enumerate(records)]
    path.write_bytes(encode_header(header) + b"".join(map(encode, numbered)))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.cassette"


def kinds(path: Path) -> list[tuple[str, str]]:
    return [(finding.level.value, finding.kind) for finding in examine(path)]


def with_response(**own: object) -> list[Record]:
    wire = Wire()
    wire.ack(wire.request("GET", "/api/v2/me", b""))
    return [wire.records[0], replace(wire.records[1], **own)]


def test_a_session_that_can_have_happened_has_no_findings(path: Path) -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))

    assert kinds(written(path, wire.records)) == []


def test_an_answer_to_no_request_is_a_problem(path: Path) -> None:
    assert kinds(written(path, with_response()[1:])) == [("problem", "orphan-ack")]


@pytest.mark.parametrize("end", [Chunk(3, 0, 1, b"", is_last=True), Failure(3, 0, 1, "Client disconnected.")])
def test_a_stream_ends_once(path: Path, end: Record) -> None:
    request, response = with_response(streamed=True, body=b"")
    stream = [request, response, Chunk(2, 0, 1, b"data: 1\n\n"), end]
    whole = [replace(record, t=0) for record in stream]

    assert kinds(written(path, whole)) == []
    assert kinds(written(path.with_name("2.cassette"), [*whole, Failure(4, 0, 1, "Client disconnected.")])) == [
        ("problem", "orphan-ack")
    ]


def test_an_answer_whose_request_was_lost_is_no_riddle(path: Path) -> None:
    lost = Note(0, 0, LOST, "gone")

    assert kinds(written(path, [lost, *with_response()[1:]])) == [("remark", "orphan-ack"), ("remark", "lost")]


def test_a_second_answer_is_a_problem(path: Path) -> None:
    records = with_response()

    assert kinds(written(path, [*records, records[1]])) == [("problem", "orphan-ack")]


def test_a_time_that_goes_back_is_a_problem(path: Path) -> None:
    request, response = with_response()

    assert kinds(written(path, [replace(request, t=5), response])) == [("problem", "time")]


def test_an_event_to_which_nobody_subscribed_is_a_remark(path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    wire.records = [r for r in wire.records if b"subscri" not in getattr(r, "body", b"")]
    desk.hears(state_event())

    assert kinds(written(path, wire.records)) == [("remark", "unsubscribed")]


def test_an_event_that_comes_again_is_a_remark(path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    desk.hears(state_event())
    desk.hears(state_event())

    assert kinds(written(path, wire.records)) == [("remark", "duplicate")]


def test_what_disturbed_the_session_is_a_remark(path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    desk.polls()

    assert kinds(written(path, wire.records)) == [("remark", "overlapping-polls")]


def dated(*dates: str) -> list[Record]:
    records: list[Record] = []
    for exchange, date in enumerate(dates):
        request, response = with_response()
        records += [
            replace(request, exchange=exchange),
            replace(response, exchange=exchange, headers=(("Date", date),)),
        ]
    return records


def test_a_clock_that_moves_is_a_remark(path: Path) -> None:
    assert kinds(written(path, dated("Mon, 20 Nov 2020 10:00:00 GMT", "Mon, 20 Nov 2020 10:00:09 GMT"))) == [
        ("remark", "clock-skew")
    ]


@pytest.mark.parametrize(
    "date",
    ["", " ", ",", "x", "Mon, 20 Nov 99999999999999999999 10:00:00 GMT", "Mon, 20 Nov 2020 10:00:00 +99999999999999",
     "Mon, 99 Nov 2020 99:99:99 GMT", "Mon, 20 Nov 0 10:00:00 GMT", "\ud800", "1" * 5000],
)  # fmt: skip
def test_a_date_that_is_none_is_no_finding(path: Path, date: str) -> None:
    assert kinds(written(path, dated(date, date))) == []


@pytest.mark.parametrize(
    "text",
    ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.x", "http://agent:secret@gws.example", "-----BEGIN PRIVATE KEY-----"],
)  # fmt: skip
def test_what_looks_like_a_secret_is_a_problem(path: Path, text: str) -> None:
    assert kinds(written(path, with_response(body=body({"a": text})))) == [("problem", "secret")]


@pytest.mark.parametrize(
    "text", ["eyJ", "eyJhbGciOiJIUzI1NiJ9.x.y", "http://gws.example:8090/a@b", "a:b@c", "PRIVATE KEY"]
)
def test_what_only_resembles_a_secret_is_none(path: Path, text: str) -> None:
    assert kinds(written(path, with_response(body=body({"a": text})))) == []


@pytest.mark.parametrize(("value", "found"), [("Basic dG9tOnNlY3JldA==", 1), ("Basic 00ffa1", 0), ("hunter2", 1)])
def test_a_credential_in_a_header_is_a_problem(path: Path, value: str, found: int) -> None:
    assert len(kinds(written(path, with_response(headers=(("Authorization", value),))))) == found


POLICIES = ["gws", "unknown", "mine"]  # shipped, lost with the header, and of a file


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "text",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJqIjoxMjM0NX0.abcdefgh",
        "http://agent:secret@gws.example",
        f"-----BEGIN PRIVATE KEY-----{'A' * 60}-----END",
    ],
)
def test_a_pseudonym_in_the_shape_of_a_secret_is_none(path: Path, text: str, policy: str) -> None:
    header = replace(HEADER, redaction=policy)
    record = with_response(body=body({"a": text}), headers=(("Authorization", "Basic dG9tOnNlY3JldHM="),))
    redactor = Redactor(load(), b"a key of sixteen")

    assert kinds(written(path, list(map(redactor.redact, record)), header)) == []


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "own",
    [
        {"body": body({"a": "eyJhbGciOiJIUzI1NiJ9.eyJqIjoxMjM0NX0.abcdefgh"})},
        {"headers": (("Authorization", "Basic dG9tOnNlY3JldHM="),)},
    ],
    ids=["JWT", "Basic"],
)
def test_what_cannot_be_a_pseudonym_is_a_problem(path: Path, own: dict[str, Any], policy: str) -> None:
    header = replace(HEADER, redaction=policy)

    assert kinds(written(path, with_response(**own), header)) == [("problem", "secret")]


def test_an_old_pseudonym_is_none_in_a_cassette_that_lost_its_header(path: Path) -> None:
    record = with_response(headers=(("Authorization", "Basic 9817a403dfb5e3b4b2dc"),))

    assert kinds(written(path, record, replace(HEADER, redaction="unknown"))) == []


def test_a_cassette_that_says_it_is_not_redacted_may_hold_secrets(path: Path) -> None:
    assert kinds(written(path, with_response(body=b"-----BEGIN PRIVATE KEY-----"), HEADER)) == []


@pytest.mark.parametrize(
    "part", [b"eyJ", b"://a", b"eyJaaaaaaaa.", b"-----BEGIN A", b"://a:b", b"eyJaaaaaaaa.eyJaaaaaaaa"]
)
def test_a_body_made_to_be_slow_is_looked_through_all_the_same(path: Path, part: bytes) -> None:
    written(path, with_response(body=part * 100_000))
    start = time.monotonic()

    examine(path)

    assert time.monotonic() - start < 10


@pytest.mark.parametrize("depth", [100, 900, 990, 1000, 5000, 100_000])
def test_deep_nesting_is_no_trouble(path: Path, depth: int) -> None:
    wire = Wire()
    desk = wire.desk()
    poll = desk.polls()
    wire.respond(poll, b'[{"channel":"/x","data":' + b"[" * depth + b"]" * depth + b"}]")

    assert kinds(written(path, wire.records)) == [("remark", "poll-failed")]


# Sealed cassettes


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r1"), done(7, "r1"))
    seal(written(tmp_path / "journal", wire.records), tmp_path / "s.cassette")
    return tmp_path / "s.cassette"


def change_row(path: Path, **own: object) -> None:
    """Change the triple of a sealed cassette; all checksums fit again."""
    from recorder.cassette import codec

    frames = list(unframe(path.read_bytes()))
    row = replace(next(codec.decode_row(f, path="") for f in frames if f.kind == codec.TRIPLE), **own)
    (changed,) = unframe(encode_row(row))
    path.write_bytes(with_checksums([changed if f.kind == codec.TRIPLE else f for f in frames]))


def test_a_sealed_cassette_is_sound(sealed: Path) -> None:
    assert kinds(sealed) == []


def test_a_triple_that_is_not_what_the_facts_give_is_stale(sealed: Path) -> None:
    change_row(sealed, state="failed")

    assert kinds(sealed) == [("problem", "stale")]


def test_an_event_that_came_before_its_request_is_a_problem(sealed: Path) -> None:
    change_row(sealed, request=99)

    assert kinds(sealed) == [("problem", "stale"), ("problem", "event-before-request")]


def test_a_triple_too_few_is_a_problem(sealed: Path) -> None:
    frames = [frame for frame in unframe(sealed.read_bytes()) if frame.kind != 0x10]
    sealed.write_bytes(with_checksums(frames))

    assert kinds(sealed) == [("problem", "stale")]


def test_triples_of_a_dialect_that_is_not_shipped_are_not_compared(sealed: Path) -> None:
    _, *frames = unframe(sealed.read_bytes())
    (other,) = unframe(encode_header(replace(REDACTED, dialect="klingon", profile="sealed")))
    sealed.write_bytes(with_checksums([other, *frames]))

    assert kinds(sealed) == [("remark", "unknown-dialect")]


def test_damage_comes_before_all_else(path: Path) -> None:
    written(
        path,
        [*dated("Mon, 20 Nov 2020 10:00:00 GMT", "Mon, 20 Nov 2020 10:00:09 GMT"), Response(9, 0, 77, 200, (), b"")],
    )
    path.write_bytes(path.read_bytes() + b"\x94\x02")

    assert [level for level, _ in kinds(path)] == ["damage", "problem", "remark"]


def test_a_file_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(CassetteError, match="No such file"):
        examine(path)


def test_files_beside_a_cassette_are_none_of_it_for_who_asks_so(path: Path) -> None:
    written(path, with_response())
    path.with_name(f".{path.name}.0123456789ab.part").write_bytes(b"half")

    assert [finding.kind for finding in examine(path)] == ["leftover"]
    assert examine(path, beside=False) == []
