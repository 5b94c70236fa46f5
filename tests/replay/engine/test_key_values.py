"""A session whose user data is a list of {key, type, value}, as Genesys's desktop sends it, replays whole redacted."""

from __future__ import annotations

import json
from typing import Any

from recorder.correlate.engine import correlate
from recorder.dialect.definition import load as load_dialect
from recorder.model import Recording
from recorder.redaction.joins import fitted
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.replay.stage import Stage
from tests.wire import HEADER, Ask, Wire, complete, record_event

END = "RecordProcessedAcknowledge"
CUSTOMERS = [("Ada Löwenherz", "+49 351 4555-0123", 1815), ("Grace Hopper-Murray", "+1 415 555 2671", 1906)]


def pairs(customer: tuple[str, str, int], reference: str) -> list[dict[str, Any]]:
    """User data whose names are values elsewhere, in every order of members, and nested."""
    name, phone, born = customer
    return [
        {"key": "GSW_REFERENCE_ID", "type": "str", "value": reference},
        {"type": "str", "value": "recordHandle", "key": "wanted field"},
        {"value": name, "key": "full name", "type": "str"},
        {"key": "born", "type": "int", "value": born},
        {"key": "is new", "type": "bool", "value": True},
        {"key": "contact", "type": "kvlist", "value": [{"key": "phone", "type": "str", "value": phone}]},
    ]


def ask(number: int, customer: tuple[str, str, int]) -> Ask:
    return complete(number, f"r{number}", userData=pairs(customer, f"v-{number}"), comment=f"asked for {customer[0]}")


def session() -> Wire:
    wire = Wire()
    desk = wire.desk()
    for number, customer in enumerate(CUSTOMERS, 7):
        exchange = desk.post(ask(number, customer))
        ack = {"statusCode": 0, "recordHandle": number, "GSW_REFERENCE_ID": f"v-{number}"}
        wire.respond(exchange, ack)
        desk.hears(record_event(END, number, f"r{number}", userData=pairs(customer, f"v-{number}")))
    return wire


def recordings() -> tuple[Recording, Recording]:
    """The session as it was, and as it is in a cassette."""
    dialect, records = load_dialect(), session().records
    redactor = Redactor(fitted(load(), dialect), bytes(32))
    return tuple(correlate(one, dialect, HEADER) for one in (records, list(map(redactor.redact, records))))  # type: ignore[return-value]  # two of them


def links(recording: Recording) -> Any:
    return [(t.operation, t.keys["handle"], [(link.name, link.rule) for link in t.events]) for t in recording.triples]


def test_the_redacted_session_has_the_names_the_types_and_the_links_of_the_real_one() -> None:
    real, redacted = recordings()

    assert links(redacted) == links(real)
    for was, now in zip(real.triples, redacted.triples, strict=True):
        assert shape(json.loads(now.request.body)) == shape(json.loads(was.request.body))
        assert now.ack is not None
        assert was.ack is not None
        assert json.loads(now.ack.body) == json.loads(was.ack.body)
        for name, phone, _ in CUSTOMERS:
            assert name not in now.request.body.decode()
            assert phone not in now.request.body.decode()


def test_the_same_client_is_answered_whole_and_hears_its_own_values() -> None:
    stage = Stage(recordings()[1], redaction=fitted(load(), load_dialect()))
    desk = stage.desk()
    desk.listens()

    for number, customer in enumerate(CUSTOMERS, 7):
        desk.posts(ask(number, customer))

    assert stage.misses == []
    heard = [event["data"]["record"]["userData"] for event in desk.events]
    assert heard == [pairs(customer, f"v-{number}") for number, customer in enumerate(CUSTOMERS, 7)]


def shape(value: Any) -> Any:
    """Names and types, with the names and types that a list of pairs has as values."""
    match value:
        case dict():
            own = {name: value[name] for name in ("key", "type") if "value" in value and name in value}
            return {name: own.get(name) or shape(inner) for name, inner in value.items()}
        case list():
            return [shape(inner) for inner in value]
    return type(value)
