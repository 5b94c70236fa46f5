"""A redacted capture has the links and the sessions of the one it was made from."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from benchmarks.sessions import TOKENS, Shape, sessions
from recorder.bayeux.messages import parse as messages
from recorder.cassette.reader import read
from recorder.correlate.engine import correlate
from recorder.dialect.definition import load
from recorder.model import Record, Recording, Request, Response, Triple
from recorder.redaction import policy
from recorder.redaction.redactor import Redactor
from tests.replay.recordings import conversations
from tests.wire import HEADER, Wire, chained

CASSETTES = sorted((Path(__file__).parents[2] / "cassettes").glob("*.cassette"))
VECTORS = [
    Path(__file__).parents[1] / "vectors" / "v1" / f"{name}.cassette" for name in ("records", "sealed", "indexed")
]


# a policy that takes even what recordings are linked by
STRICT = """
name = "ids"
[headers]
keep = ["*"]
[urls]
routes = ["/api/v2/me/outbound-records/{recordHandle}", "/api/v2/me/outbound-campaigns/{campaignName}"]
[fields]
id = [
    "recordHandle", "gsw_record_handle", "applicationId", "gsw_application_id", "campaignName", "gsw_campaign_name",
    "campaign.name", "devicePath", "deviceId", "referenceId", "gsw_reference_id", "callingList", "gsw_calling_list",
    "phoneNumber", "gsw_phone",
]
"""


def redacted(records: list[Record], by: policy.Policy | None = None) -> list[Record]:
    redactor = Redactor(by or policy.load(), bytes(range(32)))
    return [redactor.redact(record) for record in records]


def graph(recording: Recording, alike: tuple[str, ...] = ("phone",)) -> Any:
    """All that was derived, without what stands in the records; of some keys only which values are the same."""
    known: dict[tuple[str, str], int] = {}

    def keys(triple: Triple) -> dict[str, str | int]:
        return {
            name: known.setdefault((name, value), len(known)) if name in alike else value
            for name, value in triple.keys.items()
        }

    def nodes(triples: tuple[Triple, ...]) -> Any:
        return [
            (
                triple.n, triple.operation, keys(triple), triple.session, triple.state, triple.request.seq,
                triple.ack and triple.ack.seq, triple.failure and triple.failure.seq,
                [(link.event.seq, link.event.index, link.event.channel, link.name, link.rule, link.confidence,
                  link.rivals) for link in triple.events],
            )
            for triple in triples
        ]  # fmt: skip

    unsolicited = [(u.event.seq, u.event.index, u.name, u.session) for u in recording.unsolicited]
    return (
        nodes(recording.triples), nodes(recording.plain), unsolicited, recording.session_starts, recording.poll_timeout,
        recording.windows,
    )  # fmt: skip


def graph_of(records: list[Record], alike: tuple[str, ...] = ("phone",)) -> Any:
    return graph(correlate(records, load(), HEADER), alike)


# Genesys puts what it knows of a customer into lists of keys and values; each name of a key may be seen as a value.
PAIRS = [
    {"key": "GSW_REFERENCE_ID", "type": "int", "value": 77},
    {"key": "tier", "type": "str", "value": "GSW_REFERENCE_ID"},
    {"value": "recordHandle", "type": "str", "key": "note"},
    {"key": "more", "type": "kvlist", "value": [{"key": "GSW_PHONE", "type": "str", "value": "415 555 2671"}]},
]
PERSONAL = {
    "phoneNumber": "+1 415 555 2671",
    "customFields": {"who": "Ada Löwenherz", "since": 1815, "vip": True, "pairs": PAIRS},
    "otherFields": ["recordHandle", "GSW_REFERENCE_ID", "referenceId"],
}


def with_customer(record: Record, number: int) -> Record:
    """A record of which every event, and every request, tells of a customer."""
    if not isinstance(record, Request | Response):
        return record
    found = messages(record.body)
    if found is None:
        return record
    for place, message in enumerate(found):
        data = message.get("data")
        if isinstance(data, dict):
            data.get("record", data).update(PERSONAL | {"email": f"ada{number + place}@acme.example"})
            data.setdefault("userData", {}).update({"GSW_PHONE": f"415555{number:04}", "loyalty": 77.5, "note": "Ada"})
            data["pairs"] = [{"key": "userData", "type": "kvlist", "value": PAIRS}]
        elif "channel" not in message:
            message.update(PERSONAL)
    body = json.dumps(found if record.body.lstrip()[:1] == b"[" else found[0]).encode()
    return replace(record, body=body)


def changes(one: Any, other: Any, path: str = "") -> set[str]:
    """Names of the values in which two documents differ."""
    match one, other:
        case dict(), dict():
            assert [*one] == [*other]
            return {found for name in one for found in changes(one[name], other[name], name)}
        case list(), list():
            return {found for mine, its in zip(one, other, strict=True) for found in changes(mine, its, path)}
    return set() if one == other else {path}


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_nothing_changes_in_a_shipped_cassette_but_secrets_and_what_tells_of_a_person(path: Path) -> None:
    records = list(read(path).records)
    found = redacted(records)
    pairs = [pair for pair in zip(records, found, strict=True) if isinstance(pair[0], Request | Response)]

    names = {
        name
        for a, b in pairs
        for mine, its in zip(a.headers, b.headers, strict=True)
        if mine != its
        for name in mine[:1]
    }
    members = {name for a, b in pairs if a.body != b.body for name in changes(json.loads(a.body), json.loads(b.body))}

    assert names <= {"Authorization", "Cookie", "Set-Cookie", "X-CSRF-TOKEN"}
    assert members <= {"phoneNumber", "GSW_PHONE", "customer_name", "userName", "firstName", "lastName"}
    assert [a.target for a, _ in pairs if isinstance(a, Request)] == [
        b.target for _, b in pairs if isinstance(b, Request)
    ]
    assert [a for a in records if not isinstance(a, Request | Response)] == [
        b for b in found if not isinstance(b, Request | Response)
    ]


@pytest.mark.parametrize("path", [*CASSETTES, *VECTORS], ids=lambda path: path.stem)
def test_a_shipped_cassette_has_the_same_graph_redacted(path: Path) -> None:
    records = list(read(path).records)

    assert graph_of(redacted(records)) == graph_of(records)


@settings(max_examples=60)
@given(conversations())
def test_a_drawn_conversation_has_the_same_graph_redacted(wire: Wire) -> None:
    told = [with_customer(record, place) for place, record in enumerate(wire.records)]

    assert graph_of(redacted(told)) == graph_of(told)


@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("missing", [0.0, 0.5, 1.0])
def test_busy_agents_have_the_same_graph_redacted(tokens: Any, missing: float) -> None:
    shape = Shape(agents=4, in_flight=5, missing=missing, operations=40, tokens=tokens)
    records = [step.record for step in sessions(shape, random.Random(7))]
    told = [with_customer(record, place) for place, record in enumerate(records)]

    assert graph_of(redacted(told)) == graph_of(told)


IDS = ("phone", "handle", "application", "campaign", "device", "reference", "inner_reference", "calling_list")


def strict() -> policy.Policy:
    return policy.parse(STRICT, path="ids.toml")


@pytest.mark.parametrize("path", [*CASSETTES, *VECTORS], ids=lambda path: path.stem)
def test_a_cassette_has_the_same_graph_when_even_its_ids_are_redacted(path: Path) -> None:
    records = list(read(path).records)

    found = redacted(records, strict())

    assert found != records
    assert graph_of(found, IDS) == graph_of(records, IDS)


@settings(max_examples=60)
@given(conversations())
def test_a_drawn_conversation_has_the_same_graph_when_even_its_ids_are_redacted(wire: Wire) -> None:
    assert graph_of(redacted(wire.records, strict()), IDS) == graph_of(wire.records, IDS)


def test_ids_keep_their_type_and_width() -> None:
    wire = Wire()
    wire.ack(wire.desk().post(chained(1001, "ref-17", callingList="List 1")))

    (request,) = [r for r in redacted(wire.records, strict()) if isinstance(r, Request) and "records" in r.target]

    assert re.fullmatch(r"/api/v2/me/outbound-records/[1-9]\d{3}", request.target)
    body = json.loads(request.body)
    assert re.fullmatch(r"/devices/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", body["devicePath"])
    assert 100 <= body["applicationId"] <= 999
    assert re.fullmatch(r"[a-z]{3}-\d\d", body["referenceId"])
    assert re.fullmatch(r"[A-Z][a-z]{7}\d", body["campaignName"])
