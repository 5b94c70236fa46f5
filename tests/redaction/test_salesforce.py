"""A session with Salesforce that was redacted has its links, and nothing that tells of a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recorder.dialect.definition import shipped
from recorder.model import Record, Request, Response
from recorder.redaction.joins import fitted
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from recorder.redaction.scan import Scan
from tests.correlate.test_other_dialect import ask, change, links, session, told
from tests.wire import JSON_TYPE, Wire, body

ACCOUNT, CONTACT, USER = "0015i00000C0AKfAAN", "0035i00000C0AKkAAN", "0055i00000BQ7kPAAT"
PERSON = {
    "FirstName": "Ada", "LastName": "Löwenherz", "Email": "ada@acme.co", "MobilePhone": "+49 351 4555-0",
    "MailingStreet": "Ringweg 7", "MailingCity": "Dresden", "Description": "met Peter Müller",
    "Full_Name__c": "Ada Löwenherz",
}  # fmt: skip
REST = {
    "AccountId": ACCOUNT,
    "OwnerId": USER,
    "Account__c": ACCOUNT,
    "Industry": "Technology",
    "Order_Number__c": "ON-17",
}
SESSION = "00D5i000000a1Xy!AQEAQKcVqZs0xWmvR.1lT2uYbNoP_e4GhJkLmNpQrS"


@pytest.fixture
def wire() -> Wire:
    """A contact is made, changed and removed; each change is heard, and the answers name the session."""
    wire, desk = session()
    event = PERSON | REST | {"CreatedById": USER, "LastModifiedById": USER}
    wire.respond(ask(desk, "POST", "/Contact", **PERSON, **REST), {"id": CONTACT, "success": True, "errors": []}, 201)
    desk.hears(change("CREATE", "Contact", CONTACT, **event))
    wire.respond(ask(desk, "PATCH", f"/Contact/{CONTACT}", Email="eve@acme.co"), b"", 204)
    desk.hears(change("UPDATE", "Contact", CONTACT, Email="eve@acme.co"))
    wire.respond(ask(desk, "GET", f"/Contact/{CONTACT}"), {"Id": CONTACT, **PERSON, **REST})
    wire.respond(
        wire.request("GET", f"/secur/frontdoor.jsp?sid={SESSION}", b"", ()), {"message": f"no session {SESSION}"}
    )
    wire.respond(ask(desk, "DELETE", f"/Contact/{CONTACT}"), b"", 204)
    desk.hears(change("DELETE", "Contact", CONTACT))
    return wire


def redacted(wire: Wire) -> list[Record]:
    redactor = Redactor(load("salesforce"), bytes(range(32)))
    return [redactor.redact(record) for record in wire.records]


def bodies(records: list[Record]) -> list[Any]:
    return [json.loads(r.body) for r in records if isinstance(r, Request | Response) and r.body]


def names(value: Any) -> Any:
    """A document with the type of each value in its place."""
    match value:
        case dict():
            return {name: names(inner) for name, inner in value.items()}
        case list():
            return [names(inner) for inner in value]
    return type(value)


def test_the_links_are_those_of_the_session(wire: Wire) -> None:
    before = told(wire)
    wire.records = redacted(wire)
    after = told(wire)

    assert [len(events) for _, _, events in links(before)] == [1, 1, 1]
    assert links(after) == links(before)
    assert [triple.keys for triple in after.triples] == [triple.keys for triple in before.triples]


@pytest.mark.parametrize("value", [*PERSON.values(), "eve@acme.co", SESSION, SESSION.partition("!")[2]])
def test_nothing_tells_of_a_person_or_opens_a_session(value: str, wire: Wire) -> None:
    assert value in str([json.dumps(body, ensure_ascii=False) for body in bodies(wire.records)]) + str(wire.records)
    assert value not in str([json.dumps(body, ensure_ascii=False) for body in bodies(redacted(wire))])
    assert value not in str(redacted(wire))


@pytest.mark.parametrize("value", [ACCOUNT, CONTACT, USER, "Technology", "ON-17", "0002343d", "1753000000000"])
def test_ids_and_plain_values_stay(value: str, wire: Wire) -> None:
    assert str(redacted(wire)).count(value) == str(wire.records).count(value) > 0


def test_names_and_types_of_members_stay(wire: Wire) -> None:
    assert names(bodies(redacted(wire))) == names(bodies(wire.records))


def test_a_scan_finds_the_person_before_the_redaction_and_nothing_after(wire: Wire) -> None:
    policy = load("salesforce")
    before, after = Scan(policy, None), Scan(policy, policy)

    found = {finding.where for record in wire.records for finding in before.record(record)}
    assert {"body LastName", "body MailingCity", "query sid", "body data.payload.Full_Name__c"} <= found
    assert [finding for record in redacted(wire) for finding in after.record(record)] == []


def test_the_text_of_a_refusal_is_no_id_of_an_event() -> None:
    """The ack of a platform event has its id where that of a refused record has a text, which may tell of a person."""
    policy = fitted(load("salesforce"), shipped("salesforce"))
    refused = [{"success": False, "errors": [{"message": "invalid email: ada@acme.co, +49 351 4555-0"}]}]
    uuid = "c1b6a239-0153-4996-9aaa-42bb35bd52d3"
    enqueued = {"id": ACCOUNT, "errors": [{"statusCode": "OPERATION_ENQUEUED", "message": uuid}]}
    told, kept = (
        Redactor(policy, bytes(range(32))).redact(Response(0, 0, 0, 200, JSON_TYPE, body(content)))
        for content in (refused, enqueued)
    )

    assert isinstance(told, Response)
    assert isinstance(kept, Response)
    assert b"ada@acme.co" not in told.body
    assert b"351" not in told.body
    assert uuid.encode() in kept.body
