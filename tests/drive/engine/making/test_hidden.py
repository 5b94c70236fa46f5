"""Pseudonyms and credentials in requests: a redacted recording and the same one in the clear."""

from __future__ import annotations

import pytest

from recorder.correlate.engine import correlate
from recorder.dialect.definition import load
from recorder.drive.engine.plan import Plan
from recorder.drive.engine.planning import plan_of
from recorder.redaction.policy import Policy
from recorder.redaction.redactor import Redactor
from tests.drive.engine.plans import hole, planned, titled
from tests.wire import HEADER, Ask, Wire, get_me, record_event

SECRETS = {"phone": "+49 30 1234567", "mail": "ann.miller@gws.example", "token": "tok-4f1c77aa"}


def conversation() -> Wire:
    wire = Wire()
    auth = ("Authorization", f"Bearer {SECRETS['token']}")
    desk = wire.desk(headers=(auth, ("Cookie", "JSESSIONID=abc123def")))
    desk.asks(get_me(), record_event("PreviewRecord", 1001, phoneNumber=SECRETS["phone"]))
    content = {"phoneNumber": SECRETS["phone"], "note": f"call {SECRETS['mail']} back", "count": 3, "active": True}
    desk.asks(Ask(f"/api/v2/calls?email={SECRETS['mail']}", content))
    return wire


def redacted() -> Plan:
    policy, dialect = Policy.load(), load()
    redactor = Redactor(policy, b"k" * 32)
    records = [redactor.redact(record) for record in conversation().records]
    return plan_of(correlate(records, dialect, HEADER), records, dialect, policy)


def test_pseudonyms_are_hidden_wherever_they_stand():
    step = titled(redacted(), "POST /api/v2/calls")

    assert {one.name for one in step.holes if one.is_hidden} == {"phone", "note", "email", "authorization"}
    assert hole(step, "note").recorded == hole(step, "email").recorded
    assert hole(step, "note").start == len("call ")
    assert SECRETS["mail"] not in {one.recorded for one in step.holes}


def test_a_pseudonym_that_the_server_told_is_learned():
    plan = redacted()

    found = hole(titled(plan, "POST /api/v2/calls"), "phone")
    assert [plan.told[one.told].name for one in found.sources] == ["PreviewRecord"]


def test_nothing_is_hidden_in_the_clear_but_credentials_are_known():
    plan = planned(conversation())
    step = titled(plan, "POST /api/v2/calls")

    assert not any(one.is_hidden for one in step.holes)
    assert [one.name for one in step.holes if one.is_credential] == ["authorization"]
    assert hole(step, "authorization").recorded == SECRETS["token"]
    assert [(one.is_hidden, one.is_credential) for one in plan.clients["s1"].cookies] == [(False, True)]


def test_cookies_of_a_redacted_recording_are_hidden():
    assert [(one.name, one.is_hidden) for one in redacted().clients["s1"].cookies] == [("JSESSIONID", True)]


@pytest.mark.parametrize(
    ("target", "content", "name"),
    [
        ("/login", {"user": "ann", "password": "secret"}, "password"),
        ("/login", b"user=ann&password=secret", "password"),
        ("/login?access_token=secret", b"", "access_token"),
        ("/login", b"<login><user>ann</user><password>secret</password></login>", "password"),
    ],
)
def test_credentials_in_each_part_of_a_request(target, content, name):
    wire = Wire()
    media = (("Content-Type", "text/xml"),) if isinstance(content, bytes) and content[:1] == b"<" else ()
    ask = Ask(target, content)
    wire.ack(wire.request("POST", ask.target, ask.body, media))

    (found,) = planned(wire).steps[0].holes

    assert (found.name, found.recorded, found.is_credential) == (name, "secret", True)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("X-Session-Id", True),
        ("Sforce-Session", True),
        ("Ocp-Apim-Subscription-Key", True),
        ("X-SSO_Ticket", True),
        ("Idempotency-Key", False),
        ("X-Author", False),
        ("X-Page", False),
        ("Accept-Language", False),
        ("Sec-Fetch-Site", False),
    ],
)
def test_headers_that_show_who_the_client_is(name, is_one):
    wire = Wire()
    wire.ack(wire.request("GET", "/x", b"", ((name, "value-77aa"),)))

    holes = titled(planned(wire), "GET /x").holes

    assert [one.place[1] for one in holes if one.is_credential] == ([name.lower()] if is_one else [])


@pytest.mark.parametrize(("offered", "is_one"), [("bearer, eyJhbGciOi.J9.abc", True), ("graphql-ws, v12.stomp", False)])
def test_a_token_that_is_offered_as_a_subprotocol(offered, is_one):
    wire = Wire()
    wire.upgrades("/ws", (("Sec-WebSocket-Protocol", offered),))

    holes = titled(planned(wire), "GET /ws").holes

    assert [one.recorded for one in holes if one.is_credential] == ([offered] if is_one else [])
