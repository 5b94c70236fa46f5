"""The rows of a cassette say what `recorder ls` and `recorder doctor` say of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.synthetic import records
from recorder.diagnose.doctor import examine
from recorder.dialect.carried import dialect_of
from recorder.dialect.definition import Dialect
from recorder.fleet.catalogue.reading import Settings
from recorder.fleet.catalogue.rows import Maker
from recorder.fleet.catalogue.schema import TABLES
from recorder.library.lazy import open_recording
from recorder.library.recording import load_recording
from recorder.model import Header, Record, Request, Response
from recorder.redaction.carried import carrying
from recorder.views import data
from tests.correlate import tape
from tests.correlate.tape import Tape
from tests.fleet.catalogue.tables import REDACTED, catalogue, rows, written
from tests.wire import Wire, body, campaign_event, chained, complete, done, error_event, preview, state_event, twin

ROOT = Path(__file__).parents[3]
CASSETTES = sorted([*(ROOT / "tests/cassettes/labs").glob("*.cassette"), *(ROOT / "cassettes").glob("*.cassette")])


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of real recordings, of all kinds of push."""
    found = tmp_path_factory.mktemp("labs") / "catalogue"
    catalogue(found, *CASSETTES, settings=Settings(takes_clear=True))
    return found


def of(output: Path, table: str, cassette: Path) -> list[dict[str, Any]]:
    return [row for row in rows(output, table) if row["cassette"] == str(cassette)]


@pytest.mark.parametrize("cassette", CASSETTES, ids=lambda path: path.stem)
def test_triples_and_events_are_those_of_ls(output: Path, cassette: Path) -> None:
    recording = load_recording(cassette)
    shown = [data.triple(item) for item in recording.triples]
    pushed = list(data.unsolicited(recording.unsolicited))
    triples = sorted(of(output, "triples", cassette), key=lambda row: row["n"])
    events = sorted(of(output, "events", cassette), key=lambda row: (row["n"] or 0, row["place"]))

    assert [told_of_triple(row) for row in triples] == [
        (
            row["n"], row["operation"], row["session"], row["state"], row["request"]["method"], row["request"]["path"],
            row["handle"], row["referenceId"], row["ack"] and row["ack"]["status"], row["ack"] and row["ack"]["ms"],
            max((event["offset_ms"] for event in row["events"]), default=None), len(row["events"]),
        )
        for row in shown
    ]  # fmt: skip
    assert [
        (row["n"], row["name"], row["channel"], row["delay_ms"], row["rule"], row["confidence"])
        for row in events
        if row["n"] is not None
    ] == [
        (row["n"], event["name"], event["channel"], event["offset_ms"], event["rule"], event["confidence"])
        for row in shown
        for event in row["events"]
    ]
    assert [(row["session"], row["name"], row["channel"]) for row in events if row["n"] is None] == [
        (row["session"], row["name"], row["channel"]) for row in pushed
    ]


@pytest.mark.parametrize("cassette", CASSETTES, ids=lambda path: path.stem)
def test_findings_and_sessions_are_those_of_doctor_and_stats(output: Path, cassette: Path) -> None:
    recording, sessions = load_recording(cassette), of(output, "sessions", cassette)

    assert {(row["severity"], row["kind"], row["place"], row["text"]) for row in of(output, "findings", cassette)} == {
        (one.level.value, one.kind, one.where, one.text) for one in examine(cassette, beside=False)
    }
    assert {row["session"] for row in sessions} == set(recording.session_starts)
    assert sum(row["triples"] for row in sessions) == sum(item.session is not None for item in recording.triples)
    assert all(row["client"] and row["transport"] and row["began"] <= row["ended"] for row in sessions)


def test_the_transports_of_real_clients(output: Path) -> None:
    found = {Path(row["cassette"]).stem: row["transport"] for row in rows(output, "sessions")}

    assert (found["desk"], found["desk-websocket"]) == ("long-polling", "websocket")


def test_a_cassette_has_its_counts_and_days(output: Path) -> None:
    for row in rows(output, "cassettes"):
        own = {table: of(output, table, Path(row["url"])) for table in ("triples", "events", "sessions", "findings")}
        assert {table: row[table] for table in own} == {table: len(some) for table, some in own.items()}
        assert set(row["days"]) == {one["day"] for some in own.values() for one in some}


def told_of_triple(row: dict[str, Any]) -> tuple[Any, ...]:
    names = "n", "operation", "session", "state", "method", "path", "handle", "reference", "status", "ack_ms"
    return (*(row[name] for name in names), row["terminal_ms"], row["events"])


def made(
    folder: Path, records: list[Record], header: Header = REDACTED, dialect: Dialect | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The rows of some records, as dictionaries."""
    path = written(folder / "a.cassette", records, header)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    with closing(open_recording(path)) as recording:
        for table, day, values in Maker("a", recording, dialect or dialect_of(header), examine(path, beside=False)):
            names = [column.name for column in TABLES[table].stored]
            found[table].append(dict(zip(names, values, strict=True)) | {"day": day})
    return found


def test_what_went_wrong_is_told_by_its_least_words(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(preview("refused")), body({"statusCode": 2}))
    wire.respond(desk.post(complete(1, "a")), b"", status=503)
    wire.fail(desk.post(complete(2, "b")), "Client disconnected.")
    wire.ack(desk.post(chained(3, "c")))
    desk.hears(done(3, "c"))

    triples = made(tmp_path, wire.records)["triples"]

    assert [(row["state"], row["refused"], row["error"]) for row in triples] == [
        ("failed", True, "statusCode 2"),
        ("failed", True, "HTTP 503"),
        ("aborted", False, "Client disconnected."),
        ("complete", False, None),
    ]


def test_an_error_event_is_marked_and_is_the_error_of_its_triple(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(chained(7, "r")), body({"statusCode": 3}))
    desk.hears(error_event())

    found = made(tmp_path, wire.records)

    assert [(row["error"], row["n"]) for row in found["events"]] == [("ErrorMessage", 1)]
    assert found["triples"][0]["error"] == "statusCode 3"


def test_ids_are_those_of_the_triple_and_its_events(tmp_path: Path) -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r"), done(8, "r"), twin("ChainedRecordsDataEnd", 8))

    found = made(tmp_path, wire.records)

    assert {"7", "8", "r"} <= set(found["triples"][0]["ids"])
    assert "7" not in found["events"][0]["ids"]
    assert "ChainedRecordsDataEnd" not in found["triples"][0]["ids"]
    assert [row["is_terminal"] for row in found["events"]] == [True, True]


def test_an_event_of_nobody_has_no_triple_and_its_own_ids(tmp_path: Path) -> None:
    wire = Wire()
    wire.desk().hears(campaign_event("CampaignStarted"), state_event())

    events = made(tmp_path, wire.records)["events"]

    assert [(row["n"], row["place"], row["delay_ms"], row["is_terminal"]) for row in events] == [
        (None, 1, None, False),
        (None, 2, None, False),
    ]
    assert "Campaign1" in events[0]["ids"]


def test_a_capture_over_midnight_has_rows_of_two_days(tmp_path: Path) -> None:
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    wire = Wire()
    desk = wire.desk()
    wire.wait(1)
    desk.asks(chained(7, "r"), done(7, "r"), ms=800)
    header = replace(REDACTED, started=int((midnight - timedelta(seconds=2)).timestamp() * 1e6))

    found = made(tmp_path, wire.records, header)

    day = (midnight.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    assert [row["day"] for row in found["triples"]] == [day - 1]
    assert [row["day"] for row in found["events"]] == [day]
    assert found["triples"][0]["time"] == header.started + 1_000_000


def test_a_time_that_no_date_can_tell_is_the_last_that_can(tmp_path: Path) -> None:
    found = made(tmp_path, Wire().records, replace(REDACTED, started=0))
    late = [Request(0, 2**63 - 1, 1, "c", "POST", "/x", (), b""), Request(1, 0, 2, "c", "POST", "/x", (), b"")]

    assert found["triples"] == []
    far = catalogue(tmp_path / "out", written(tmp_path / "b.cassette", late, replace(REDACTED, started=2**62)))
    assert far.unreadable == {}


def test_a_finding_about_a_record_names_its_triple(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    asked = desk.post(chained(7, "r"))
    wire.wait(-0.001)
    wire.ack(asked)

    (finding,) = made(tmp_path, wire.records)["findings"]

    assert (finding["kind"], finding["severity"], finding["n"], finding["session"]) == ("time", "problem", 1, "s1")


def test_half_a_surrogate_pair_is_replaced(tmp_path: Path) -> None:
    wire = Wire()
    wire.desk().hears(state_event() | {"channel": "/\ud800"})
    path = written(tmp_path / "a.cassette", wire.records)

    catalogue(tmp_path / "out", path)

    assert [row["channel"] for row in rows(tmp_path / "out", "events")] == ["/?"]


def test_streams_have_sessions_too(tmp_path: Path) -> None:
    taped = Tape()
    stream = taped.stream(sid="a")
    taped.order("r1", sid="a")
    taped.tell(stream, "Shipped", "r1")
    taped.end(stream)
    header = carrying(replace(REDACTED, dialect="push"), tape.dialect())

    found = made(tmp_path, taped.records, header, tape.dialect())

    assert [(row["transport"], row["client"]) for row in found["sessions"]] == [("sse", "stream-0")]
    assert [(row["session"], row["client"]) for row in found["triples"]] == [("s1", "stream-0")]


def test_a_number_that_no_column_holds_does_not_end_a_build(tmp_path: Path) -> None:
    odd = [replace(one, status=2**40) if isinstance(one, Response) else one for one in records(4, seed=1, agents=2)]
    written(tmp_path / "a.cassette", odd)
    written(tmp_path / "b.cassette", records(4, seed=1, agents=2))

    built = catalogue(tmp_path / "out", tmp_path)

    assert (built.rows["triples"], built.unreadable) == (8, {})
    assert {row["status"] for row in rows(tmp_path / "out", "triples") if row["cassette"].endswith("a.cassette")} == {
        2**31 - 1
    }
