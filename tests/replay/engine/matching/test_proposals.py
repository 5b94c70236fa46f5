"""A miss names the one thing that the dialect would have to say, and shows no value that redaction hid."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recorder.dialect.definition import Dialect, load, parse, source
from recorder.redaction.joins import fitted
from recorder.redaction.policy import load as load_policy
from recorder.redaction.redactor import Redactor
from tests.replay.stage import Stage
from tests.wire import Ask, Wire, chained, done

GWS = load()


def missed(recorded: Ask, live: Ask, *events: dict[str, Any], headers: Any = (), dialect: Dialect = GWS) -> str:
    """The text of the miss."""
    wire = Wire()
    desk = wire.desk()
    exchange = wire.request(recorded.method, recorded.target, recorded.body, (*desk.headers, *headers))
    wire.ack(exchange)
    desk.hears(*events)
    stage = Stage(wire.recording(dialect), dialect=dialect)
    desk_live = stage.desk()
    desk_live.sends(live.method, live.target, live.body, headers)
    (miss,) = stage.standin.misses
    assert stage.standin.report()["misses"][0]["text"] == miss.text
    return miss.text


def volatile(path: str) -> str:
    return f'in the dialect: `{path}` differs each time: `volatile = ["{path}"]`\n'


FORM = (("Content-Type", "application/x-www-form-urlencoded"),)


@pytest.mark.parametrize(
    ("recorded", "live", "headers", "path"),
    [
        (Ask("/x?ts=1&a=1", b""), Ask("/x?a=1&ts=2", b""), (), "query.ts"),
        (Ask("/x?f[ts]=1", b""), Ask("/x?f[ts]=2", b""), (), "query.f.ts"),
        (Ask("/x?a=1", b""), Ask("/x?a=1&r=0.5", b""), (), "query.r"),
        (chained(7, sent=1), chained(7, sent=2), (), "body.sent"),
        (chained(7, a={"b": 1}), chained(7, a={"b": 2}), (), "body.a.b"),
        (chained(7, a=[{"b": 1}, 2]), chained(7, a=[{"b": 3}, 2]), (), "body.a.0.b"),
        (chained(7, a=[{"b": 1}, {"b": 2}]), chained(7, a=[{"b": 3}, {"b": 4}]), (), "body.a.*.b"),
        (chained(7, u=[{"key": "ts", "value": 1}]), chained(7, u=[{"key": "ts", "value": 2}]), (), "body.u.ts"),
        (Ask("/x", [{"ts": 1}]), Ask("/x", [{"ts": 2}]), (), "body.0.ts"),
        (Ask("/x", b"a=1&ts=2"), Ask("/x", b"ts=3&a=1"), FORM, "body.ts"),
        (Ask("/x?i=1&i=2", b""), Ask("/x?i=3&i=2", b""), (), "query.i.*"),
        (Ask("/x", b"i=1&i=2&k=1"), Ask("/x", b"i=0&i=2&k=1"), FORM, "body.i.*"),
        (Ask("/x", b"i=1&i=2"), Ask("/x", b"i=8&i=9"), FORM, "body.i.*"),
        (Ask("/x", b'{"a":1}\n{"a":2}'), Ask("/x", b'{"a":3}\n{"a":4}'), (), "body.*.a"),
    ],
)
def test_the_one_path_that_differs_is_proposed(recorded: Ask, live: Ask, headers: Any, path: str) -> None:
    assert volatile(path) in missed(recorded, live, headers=headers)


def test_what_is_proposed_for_an_upload_is_its_file_name() -> None:
    def upload(mark: str, file: str) -> Ask:
        head = f'Content-Disposition: form-data; name="f"; filename="{file}"\r\nContent-Type: text/csv'
        return Ask("/x", f"--{mark}\r\n{head}\r\n\r\n1,2\r\n--{mark}--\r\n".encode())

    assert volatile("body.f.filename") in missed(upload("A", "one.csv"), upload("B", "two.csv"))


@pytest.mark.parametrize(
    ("recorded", "live", "told"),
    [
        ("/api/users/77", "/api/users/78", '`routes = ["/api/users/{id}"]` in [request], `volatile = ["path.id"]` in'),
        ("/api/users/me", "/api/users/you", ""),
        ("/api/users/77", "/api/users/78/x", ""),
        ("/api/v2/me/outbound-records/77", "/api/v2/me/outbound-records/78", ""),
    ],
)
def test_an_id_in_a_path_is_proposed_unless_it_is_a_key(recorded: str, live: str, told: str) -> None:
    text = missed(Ask(recorded, b"", "GET"), Ask(live, b"", "GET"))

    assert told in text
    assert ("in the dialect" in text) is bool(told)


def test_a_part_that_a_route_names_is_proposed_by_its_name() -> None:
    text = source("gws-outbound").replace('name = "gws-outbound"', 'name = "mine"')
    mine = parse(text.replace("routes = [", 'routes = ["/api/users/{user}",'), path="mine.toml")

    assert volatile("path.user") in missed(Ask("/api/users/77", b""), Ask("/api/users/78", b""), dialect=mine)


def test_a_value_that_comes_back_is_proposed_as_an_id_of_the_client() -> None:
    event = done(7, "r1")
    event["data"]["ticket"] = "t-100"

    text = missed(chained(7, "r1", ticket="t-100"), chained(7, "r1", ticket="t-999"), event)

    assert "`body.ticket` differs each time, and comes back: " in text
    assert '`ticket = ["body.ticket"]` in [request.keys]' in text
    assert '`minted = ["ticket"]`' in text


@pytest.mark.parametrize(
    "live",
    [
        chained(7, a=1, b=2), Ask(chained(7).target + "?x=1", chained(7, a=5).content), Ask("/other", b""),
        Ask(chained(7).target, b"text"), chained(7, campaignName="C2", applicationId=9),
    ],
)  # fmt: skip
def test_nothing_is_proposed_where_more_than_one_thing_differs(live: Ask) -> None:
    assert "in the dialect" not in missed(chained(7), live)


def test_what_is_proposed_is_enough() -> None:
    text = source("gws-outbound").replace('name = "gws-outbound"', 'name = "mine"')
    mine = parse(text.replace("volatile = [", 'volatile = ["body.a.*.b",'), path="mine.toml")
    wire = Wire()
    wire.ack(wire.desk().post(chained(7, a=[{"b": 1}, {"b": 2}])))
    stage = Stage(wire.recording(mine), dialect=mine)

    assert stage.desk().answer(chained(7, a=[{"b": 3}, {"b": 4}])).status == 200


def test_a_miss_shows_no_value_that_redaction_hid() -> None:
    policy = fitted(load_policy(), GWS)
    redactor = Redactor(policy, bytes(32))
    wire = Wire()
    wire.ack(
        wire.desk().post(chained(7, phone="+49 351 45550123", ts=1, list=[{"key": "email", "value": "a@b.example"}]))
    )
    wire.records = list(map(redactor.redact, wire.records))
    stage = Stage(wire.recording(), redaction=policy)
    live = chained(7, phone="+49 351 99990000", ts=2, list=[{"key": "email", "value": "x@y.example"}])

    stage.desk().posts(live)

    (miss,) = stage.standin.misses
    assert volatile("body.ts") in miss.text
    assert not any(secret in json.dumps(stage.standin.report()) for secret in ("99990000", "x@y.example", "9999"))
