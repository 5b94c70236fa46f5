"""A listing tells what would be sent, and no value."""

from __future__ import annotations

import json
from dataclasses import replace

from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.listing import Row, as_text, rows
from recorder.drive.engine.plan import HEADER, Act, Cause, Client, Hole, Plan, Source, Told, Why
from recorder.drive.engine.values import Values
from recorder.model import Event

from .steps import call, message, socket_message

SECOND = 1_000_000_000
SECRETS = ["hunter2", "s-77x", "v-given", "h-1001", "ref-5"]


def hole(name: str, recorded: str, *, place: tuple[str | int, ...] = ()) -> Hole:
    return Hole(place or ("member", name), 0, len(recorded), recorded, name)


def plan() -> Plan:
    event = Event(0, 0, 0, 0, "b1", "/calls", {})
    told = (
        Told(0, "", "", (1, 0), SECOND, 0),
        Told(1, "s2", "b2", (2, 0), SECOND, 0, event=event, name="Ringing"),
        Told(2, "s1", "b1", (2, 1), SECOND, None, event=event),
    )
    bearer = replace(hole("authorization", "s-77x", place=(HEADER, "authorization", 0)), is_credential=True)
    handle = replace(hole("handle", "h-1001"), sources=(Source(1, ("member", "call", "handle")),))
    steps = (
        replace(call("POST", "/login?password=hunter2", headers=(("Authorization", "x"),)), holes=(bearer,), client=""),
        replace(
            call("POST", "/calls/hold", operation="Hold"),
            number=1, t=3 * SECOND, client="s1", n=1,
            causes=(
                Cause(0, None, 0, Why.TURN),
                Cause(0, None, 0, Why.OTHER),
                Cause(None, 0, SECOND, Why.ORDER),
                Cause(None, 1, SECOND, Why.ORDER),
                Cause(None, 1, SECOND, Why.VALUE, ("handle", "device")),
                Cause(None, 2, SECOND, Why.ORDER),
                Cause(None, None, SECOND, Why.ORDER),
            ),
            holes=(
                handle,
                replace(hole("ref", "ref-5"), is_fresh=True),
                replace(hole("user", "user-1"), is_hidden=True),
                replace(hole("mail", "user-2"), is_hidden=True),
                hole("plain", "as-is"),
            ),
        ),
        replace(message(Act.SUBSCRIBE, {"channel": "/meta/subscribe", "subscription": "/v2/me"}), number=2, client="s2",
                causes=(Cause(1, None, 0, Why.OTHER),)),
        replace(socket_message(b"x"), number=3),
    )  # fmt: skip
    return Plan(steps, told, {"s1": Client("s1"), "s2": Client("s2")}, {}, "http://recorded")


VALUES = Values.parse('[pseudonyms]\nuser-1 = "v-given"\n[client.s2.login]\npath = "/auth?x=hunter2"', "v", {})


def test_each_step_is_listed_with_what_it_waits_for_and_its_values() -> None:
    listed = list(as_text(rows(plan(), VALUES, Allowed(["Hold"]))))

    events = "event Ringing of step 0 at s2 (value handle, device), event /calls"
    waits = f"step 0 POST /login, the answer to step 0 POST /login, {events}, 2.00 s of thinking"
    assert listed == [
        "   s2 login  POST /auth",
        "0  POST /login  NOT ALLOWED (--allow 'POST /login')",
        "     authorization (header authorization): MISSING",
        "1  s1 Hold  POST /calls/hold  (triple 1)",
        f"     waits for {waits}",
        "     handle (body.handle): event Ringing of step 0 at s2, body.call.handle",
        "     ref (body.ref): fresh",
        "     user (body.user): your values",
        "     mail (body.mail): MISSING",
        "     plain (body.plain): as recorded",
        "2  s2 subscribe /v2/me",
        "     waits for step 1 Hold of s1",
        "3  s1 GET /feed  message /feed  NOT ALLOWED (--allow 'MESSAGE /feed')",
    ]


def test_no_value_is_shown() -> None:
    for_all = rows(plan(), VALUES, Allowed(), send_credentials=True)

    text = "\n".join(as_text(for_all)) + json.dumps([row.as_json() for row in for_all]) + repr(for_all)

    assert [secret for secret in SECRETS if secret in text] == []


def test_what_is_given_or_may_be_sent_is_not_missing() -> None:
    given = Values.parse('[headers]\nAuthorization = "v-given"', "v", {})

    origins = [
        rows(plan(), given, Allowed())[0].values[0].origin,
        rows(plan(), Values(), Allowed(), to_recorded_host=True)[0].values[0].origin,
    ]

    assert origins == ["your values", "as recorded"]


def test_a_row_is_json() -> None:
    row = rows(plan(), VALUES, Allowed())[2]

    assert row.as_json() == {
        "step": 1,
        "n": 1,
        "client": "s1",
        "act": "call",
        "title": "Hold",
        "what": "POST /calls/hold",
        "waits_for": [
            "step 0 POST /login",
            "the answer to step 0 POST /login",
            "event Ringing of step 0 at s2 (value handle, device)",
            "event /calls",
        ],
        "think_seconds": 2.0,
        "values": [
            {
                "name": "handle",
                "where": "body.handle",
                "from": "event Ringing of step 0 at s2, body.call.handle",
                "missing": False,
            },
            {"name": "ref", "where": "body.ref", "from": "fresh", "missing": False},
            {"name": "user", "where": "body.user", "from": "your values", "missing": False},
            {"name": "mail", "where": "body.mail", "from": "MISSING", "missing": True},
            {"name": "plain", "where": "body.plain", "from": "as recorded", "missing": False},
        ],
        "allowed": False,
        "option": "--allow Hold",
    }


def test_an_empty_listing_has_no_lines() -> None:
    assert list(as_text([])) == []
    assert list(as_text([Row(None, "", "login", "login", "login")])) == ["   login"]
