"""A cassette of hostile traffic, as a proxy may record it: all commands read it, and it can be played."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.cassette.codec import encode, encode_header
from recorder.cli import main
from recorder.dialect.definition import load
from recorder.model import Headers, Recording
from recorder.replay.engine.http import HttpRequest
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from tests.bayeux.hostile import VALUES, messages, written
from tests.cassette.records import ANY_TEXT
from tests.wire import HEADER, URL, Message, Wire, chained

COMMANDS = (
    ["ls"], ["ls", "--all", "--json"], ["ls", "--filter", "chained"], ["show", "1"], ["show", "1", "--json"],
    ["explain", "1"], ["explain", "--filter", "n:>0"], ["stats"], ["stats", "--json"], ["timeline"],
    ["timeline", "--jsonl"], ["tail"], ["tail", "--jsonl"], ["doctor"],
)  # fmt: skip
FINE = {0, 1, 5}  # exit codes: good, findings, nothing selected

TARGETS = st.sampled_from([chained(7).target, URL, "/api/v2/me", "/internal-api/operations"]) | ANY_TEXT
EVENTS = st.fixed_dictionaries(
    {"channel": st.sampled_from(["/v2/me/outbound", "/me/internal", "/\ud800"])},
    optional={
        "data": VALUES
        | st.fixed_dictionaries(
            {}, optional={"referenceId": VALUES, "record": VALUES, "userData": VALUES, "notificationType": VALUES}
        )
    },
)
OPERATIONS = st.fixed_dictionaries(
    {"operationName": st.just("GetChainedRecord") | VALUES},
    optional={"referenceId": VALUES, "devicePath": VALUES, "campaignName": VALUES, "applicationId": VALUES},
)
BODIES = OPERATIONS.map(written) | messages().map(written) | st.binary(max_size=20) | st.just(b"[" * 5000)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["Cookie", "Set-Cookie", "Location", "Date"]) | ANY_TEXT, ANY_TEXT), max_size=2
)
EXCHANGES = st.tuples(
    st.sampled_from(["GET", "POST", ""]),
    TARGETS,
    BODIES,
    HEADERS.map(tuple),
    st.lists(EVENTS, max_size=3),
    st.integers(0, 999),
    BODIES | st.none(),
)
TRAFFIC = st.lists(EXCHANGES, min_size=1, max_size=4)
Exchange = tuple[str, str, bytes, Headers, list[Message], int, bytes | None]


def recorded(traffic: list[Exchange]) -> Wire:
    """A desktop whose every request has hostile events and a hostile ack, or none."""
    wire = Wire()
    desk = wire.desk()
    for method, target, content, headers, events, status, ack in traffic:
        exchange = wire.request(method, target, content, headers)
        if events:
            desk.hears(*events)
        if ack is None:
            wire.fail(exchange)
        else:
            wire.respond(exchange, ack, status, headers)
    return wire


@pytest.mark.once  # our own code alone, and many examples of it
@settings(max_examples=30)
@given(TRAFFIC)
def test_all_commands_read_it(traffic: list[Exchange]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "hostile"
        path.write_bytes(encode_header(HEADER) + b"".join(map(encode, recorded(traffic).records)))

        results = [CliRunner().invoke(main, [command, str(path), *options]) for command, *options in COMMANDS]

    assert [r.exception for r in results if r.exception and not isinstance(r.exception, SystemExit)] == []
    assert {result.exit_code for result in results} <= FINE, [result.output for result in results]


@pytest.mark.once  # our own code alone, and many examples of it
@settings(max_examples=50)
@given(TRAFFIC)
def test_it_can_be_played(traffic: list[Exchange]) -> None:
    recording = recorded(traffic).recording()

    answers = list(played(recording))

    assert answers == list(range(len(answers)))


def played(recording: Recording) -> Iterator[int]:
    """Ask for all that was asked for; the numbers of what was answered, in their order."""
    ids = count()
    standin = ReplayEngine(recording, load(), new_id=lambda: f"id{next(ids)}", rate=INSTANT)
    requests = [triple.request for triple in (*recording.triples, *recording.plain)]
    for number, asked in enumerate(requests):
        standin.receive(HttpRequest(number, "c1", asked.method, asked.target, asked.headers, asked.body), 0.0)
    replies, now = standin.replies(0.0), 0.0
    while (deadline := standin.deadline()) is not None:
        assert deadline > now
        now = deadline
        replies += standin.replies(now)
    yield from sorted(reply.number for reply in replies)
    assert len(replies) == len(requests)
