"""All names of one value of a dialect get one rule."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from recorder.cassette.reader import Cassette
from recorder.dialect import definition
from recorder.library.recording import derive
from recorder.model import Header, Record, Request, Response
from recorder.redaction import policy
from recorder.redaction.carried import carrying, described
from recorder.redaction.joins import fitted, of_cassette, stricter
from recorder.redaction.pseudonyms import Kind
from recorder.redaction.redactor import Redactor
from tests.redaction.leaks import request, response

DIALECT = """
name = "calls"
bayeux_prefix = "/cometd"
session_cookies = []
open_for = 60.0
grace = 2.0
[request]
methods = ["POST"]
[request.keys]
number = ["body.destination"]
call = ["path.call"]
case = ["body.ticket"]
[ack]
status = []
success = []
[ack.keys]
call = ["body.data.id"]
[event.keys]
number = ["data.call.dnis"]
call = ["data.call.connId", "data.userData.call"]
case = ["data.call.case"]
notification = ["data.messageType"]
[tuple]
same = ["number", "call", "case"]
enough = [["number"], ["call"], ["case"]]
[replay]
[operations.Dial]
request = "POST /calls/{call}/dial"
events = ["Ringing"]
terminal = ["Ringing"]
"""


def redacted(*records: Record) -> list[Record]:
    dialect = definition.parse(DIALECT, path="calls.toml")
    redactor = Redactor(fitted(policy.load(), dialect), bytes(range(32)))
    return [redactor.redact(record) for record in records]


def event(data: object) -> Response:
    return response([{"channel": "/calls", "data": data}])


def body(record: Record) -> object:
    assert isinstance(record, Request | Response)
    return json.loads(record.body)


def test_two_names_of_one_value_get_one_pseudonym() -> None:
    asked, told = redacted(
        request("/calls/1/dial", {"destination": "4155550123"}), event({"call": {"dnis": "4155550123"}})
    )

    sent = body(asked)["destination"]  # type: ignore[index]  # it is an object
    assert sent != "4155550123"
    assert body(told)[0]["data"]["call"]["dnis"] == sent  # type: ignore[index]  # as above


def test_elsewhere_the_same_name_is_no_key() -> None:
    (told,) = redacted(response({"trip": {"destination": "Berlin"}}))

    assert body(told) == {"trip": {"destination": "Berlin"}}


def test_an_id_stays_although_a_customer_wrote_it_too() -> None:
    learnt = request("/x", {"userData": {"a": "id-0047110815"}})
    asked, acked, told = redacted(
        learnt,
        request("/calls/id-0047110815/dial", {}),
        response({"data": {"id": "id-0047110815"}}),
        event({"call": {"connId": "id-0047110815"}, "userData": {"call": "id-0047110815"}}),
    )[1:]

    assert isinstance(asked, Request)
    assert asked.target == "/calls/id-0047110815/dial"
    assert body(acked) == {"data": {"id": "id-0047110815"}}
    assert body(told)[0]["data"]["call"]["connId"] == "id-0047110815"  # type: ignore[index]  # it is a list


def test_a_value_that_no_name_decides_is_not_replaced_by_memory() -> None:
    asked, told = redacted(
        request("/x", {"ticket": "T-2026-0007"}),
        event({"userData": {"note": "T-2026-0007"}, "call": {"case": "T-2026-0007"}}),
    )

    assert body(asked) == {"ticket": "T-2026-0007"}
    assert body(told)[0]["data"]["call"]["case"] == "T-2026-0007"  # type: ignore[index]  # it is a list
    assert "T-2026-0007" not in json.dumps(body(told)[0]["data"]["userData"])  # type: ignore[index]  # as above


@pytest.mark.parametrize(("value", "named"), [("s3cr3t-T0ken-99", {"password": "s3cr3t-T0ken-99"})])
def test_a_secret_is_replaced_even_there(value: str, named: object) -> None:
    _, asked = redacted(request("/x", named), request("/x", {"ticket": value}))

    assert value not in json.dumps(body(asked))


def test_a_replay_takes_the_policy_as_it_was_fitted_when_it_was_recorded() -> None:
    """The dialect may have been chosen after the first exchanges, when values were replaced already."""
    header = Header(0, "", "genesys-workspace", policy.DEFAULT, policy_text=described(policy.load()))

    assert of_cassette(header, described=True) == fitted(policy.load(), definition.shipped("genesys-workspace"))
    chosen = replace(header, fitted="gws-outbound")
    assert of_cassette(chosen, described=True) == fitted(policy.load(), definition.shipped("gws-outbound"))
    assert of_cassette(chosen) == of_cassette(chosen, described=True)


@pytest.mark.parametrize(("before", "after"), [("gws-outbound", "gws-outbound"), ("mine", ""), ("salesforce", "")])
def test_another_dialect_does_not_change_what_was_replaced(before: str, after: str) -> None:
    made = carrying(Header(0, "", before, "default", dialect_text="x"), definition.shipped("salesforce"))

    assert (made.dialect, made.fitted) == ("salesforce", after)
    assert carrying(made, definition.shipped("gws-outbound")).fitted == ("" if after else made.dialect)


@pytest.mark.parametrize("name", definition.names())
def test_the_default_policy_keeps_what_the_shipped_dialects_join_on(name: str) -> None:
    dialect = definition.load(name)
    own = policy.load()
    kept = fitted(own, dialect)

    changed = {path: rule for path, rule in kept.exact.items() if rule.kind is not None}
    assert set(changed) <= {
        "phonenumber",
        "data.record.phonenumber",
        "data.userdata.gsw_phone",
        "data.record.userdata.gsw_phone",
        # of Workspace: the number that is dialled, and what is attached to a call; equal ones have equal pseudonyms
        "data.destination",
        "data.call.dnis",
        "data.userdata.value",
    }


def test_a_cassette_that_is_read_by_another_dialect_was_redacted_as_before() -> None:
    other = definition.parse(DIALECT, path="calls.toml")
    cassette = Cassette(Header(0, "", "gws-outbound", "gws"), ())

    policy_of_it = of_cassette(derive(cassette, other).header, described=True)

    assert policy_of_it is fitted(policy.shipped("gws"), definition.shipped("gws-outbound"))


def test_a_policy_that_only_came_with_a_cassette_adds_rules_and_keeps_nothing() -> None:
    own = policy.parse(
        'name = "team"\n[headers]\nkeep = ["content-*", "x-shown"]\n'
        '[fields]\nsecret = ["nickcode"]\nkeep = ["password"]\n[inside]\npersonal = ["badge"]\n',
        path="team.toml",
    )

    made = stricter(policy.load(), own)

    assert made.name == "gws"
    assert {name: made.rule(name).kind for name in ("nickcode", "password")} == {
        "nickcode": Kind.SECRET,
        "password": Kind.SECRET,
    }
    assert made.walk(made.root(), "badge.number").rule.kind is Kind.PERSONAL
    assert ["content-type" in made.kept_headers, "x-shown" in made.kept_headers, "server" in made.kept_headers] == [
        True,
        False,
        False,
    ]
