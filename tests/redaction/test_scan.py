"""A scan finds what a policy missed, reports it without its value, and does not take pseudonyms for secrets."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.reader import read
from recorder.model import Failure, Header, Headers, Note, Record, Request, Response, SocketMessage
from recorder.redaction.again import Again
from recorder.redaction.policy import Policy, load, parse
from recorder.redaction.redactor import Redactor
from recorder.redaction.scan import Finding, Scan, masked
from tests.redaction.leaks import jwt
from tests.redaction.test_detectors import JWT, PLANTED

GWS = load()
CASSETTES = sorted((Path(__file__).parents[2] / "cassettes").glob("*.cassette"))
HEADER = Header(started=0, upstream="http://gws.example", dialect="gws-outbound", redaction="gws")
# looks for nothing by itself, so that what a scan finds it has found alone
BLIND = parse('name = "blind"\n[headers]\nkeep = ["*"]\n[fields]\nkeep = ["clientid"]\n', path="blind.toml")


def message(body: bytes | str) -> SocketMessage:
    return SocketMessage(0, 0, 0, from_client=True, body=body if isinstance(body, bytes) else body.encode())


def request(target: str = "/api/v2/me", headers: Headers = ()) -> Request:
    return Request(0, 0, 0, "c", "POST", target, headers, b"")


def scanned(*records: Record, policy: Policy = BLIND, done: Policy | None = BLIND) -> list[Finding]:
    scan = Scan(policy, done)
    return [finding for record in records for finding in scan.record(record)]


def told(*records: Record) -> list[tuple[str, str]]:
    return [(finding.where, finding.kind) for finding in scanned(*records)]


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# where


@pytest.mark.parametrize(("kind", "value"), PLANTED)
@pytest.mark.parametrize(
    "form",
    [
        lambda value: message(json.dumps([{"data": {"note": f"it was {value} then"}}])),
        lambda value: message(json.dumps([{"data": {"note": quote(f"it was {value} then", safe="")}}])),
        lambda value: message(json.dumps([{"data": {"note": in_base64(f"it was {value} then")}}])),
        lambda value: message(json.dumps([{"data": {"note": json.dumps({"a": f"it was {value} then"})}}])),
    ],
    ids=["plain", "percent", "base64", "JSON in a string"],
)
def test_what_is_planted_is_found_in_every_form(kind: str, value: str, form: object) -> None:
    (finding,) = scanned(form(value))

    assert finding.kind == kind
    assert finding.where.startswith("body data.note")
    assert value not in str(finding)


@pytest.mark.parametrize(
    ("record", "where"),
    [
        (request(target="/mail/joe@corp.co"), "path"),
        (request(target="/?q=joe%40corp.co"), "query q"),
        (request(headers=(("Referer", "http://x/?q=joe@corp.co"),)), "header Referer"),
        (message('{"joe@corp.co":1}'), "body (a name)"),
        (message("message=%7B%22a%22%3A%22joe@corp.co%22%7D"), "body message a"),
        (message('call({"a":"joe@corp.co"})'), "body a"),
        (message(b"\xff joe@corp.co"), "body"),
        (message('{"broken": "joe@corp.co'), "body broken"),
        (Failure(0, 0, 0, "no answer for joe@corp.co"), "reason"),
        (Note(0, 0, "gap", "no way to joe@corp.co"), "text"),
        (Response(0, 0, 0, 200, (("Set-Cookie", "a=joe@corp.co"),), b""), "header Set-Cookie"),
    ],
)
def test_every_part_of_a_record_is_searched(record: Record, where: str) -> None:
    assert told(record) == [(where, "e-mail")]


def test_the_header_of_a_cassette_is_searched() -> None:
    (finding,) = Scan(GWS, GWS).header(replace(HEADER, upstream="http://joe:hunter2@gws.example"))

    assert (finding.record, finding.where, finding.kind) == (None, "upstream", "user and password in a URL")
    assert "hunter2" not in str(finding)


def test_ids_that_the_policy_keeps_may_look_random() -> None:
    word = PLANTED[-1][1]

    assert told(message(json.dumps({"clientId": word}))) == []
    assert told(message(json.dumps({"text": json.dumps({"clientId": word})}))) == []
    assert told(request(headers=(("ETag", f'"{word}"'),))) == []
    assert told(message(json.dumps({"other": word}))) == [("body other", "random word")]


def test_a_text_in_which_nothing_was_found_is_found_elsewhere_if_it_matters() -> None:
    word = PLANTED[-1][1]

    assert told(message(json.dumps({"clientId": word, "other": word}))) == [("body other", "random word")]


CALL, WORD = "007NG3LVD09BT6SHR4K6G2LAES000019", PLANTED[-1][1]


@pytest.mark.parametrize(
    "record",
    [
        request(target=f"/api/v2/me/calls/{CALL}"),
        request(target=f"/{CALL}"),
        request(target=f"/v1/{WORD}"),
        message(json.dumps({"uri": f"/v1/{WORD}", "self": f"https://gws.example/{WORD}/x"})),
        request(target=f"/api/v2/me/calls/{CALL}/hold?x=1"),
        request(headers=(("Referer", f"https://desk.example/calls/{CALL}?x=1"),)),
        Response(0, 0, 0, 201, (("Location", f"/api/v2/calls/{CALL}"),), b""),
        message(json.dumps({"uri": f"http://gws.example/api/v2/calls/{CALL}/x", "self": f"/api/v2/calls/{CALL}"})),
        message(
            json.dumps({"id": CALL, "connId": CALL, "callUuid": CALL, "metadata": {"correlationId": CALL.lower()}})
        ),
        message(json.dumps({"data": {"schema": "IeRuaY6cbI_HsV8Rv1Mc5g"}})),
    ],
)
def test_an_id_in_a_path_or_under_the_name_of_an_id_is_no_finding(record: Record) -> None:
    assert scanned(record, policy=GWS, done=GWS) == []


@pytest.mark.parametrize(
    ("record", "where", "kind"),
    [
        (request(target="/mail/joe@corp.co"), "path", "e-mail"),
        (request(target=f"/x/{JWT}"), "path", "JWT"),
        (request(target=f"/calls?q={WORD}"), "query q", "random word"),
        (request(headers=(("Referer", f"https://desk.example/x?q={WORD}"),)), "header Referer", "random word"),
        (message(json.dumps({"text": f"it was {WORD}"})), "body text", "random word"),
        (message(json.dumps({"text": f"/{WORD}"})), "body text", "random word"),
        (message(json.dumps({"uri": f"/v1/x?y={WORD}"})), "body uri", "random word"),
        (message(json.dumps({"text": f"see /calls/1 of {WORD}"})), "body text", "random word"),
    ],
)
def test_beside_paths_and_ids_a_value_is_found(record: Record, where: str, kind: str) -> None:
    assert told(record) == [(where, kind)]


# pseudonyms


def test_a_pseudonym_may_stand_before_the_record_that_names_its_value() -> None:
    token = jwt({"sub": "agent-4711"})
    records = [message(json.dumps({"note": token})), message(json.dumps({"access_token": token}))]
    again = Again(GWS, b"a key of sixteen")
    for record in records:
        again.learn(record)
    first, second = map(again.redact, records)
    scan = Scan(GWS, GWS)

    found = scan.record(first), scan.record(second)

    assert found != ([], [])  # it looks like a token
    assert scan.again(first) == []


def test_a_value_that_no_record_names_is_found_again() -> None:
    record = message(json.dumps({"note": JWT}))
    scan = Scan(GWS, GWS)

    assert scan.record(record) == scan.again(record) != []


def test_a_finding_that_a_later_record_may_explain_is_not_settled() -> None:
    scan = Scan(GWS, GWS)

    assert scan.settled(message(json.dumps({"note": WORD}))) is None


def test_a_value_at_a_place_of_the_policy_is_settled() -> None:
    records = [message(json.dumps({"phone": phone, "note": "x"})) for phone in ("+15556782828", "+15556782829")]
    scan = Scan(GWS, GWS)

    first = [scan.settled(record) for record in records]

    assert first == [scan.again(record) for record in records]
    assert [len(found or ()) for found in first] == [1, 1]


def test_what_another_policy_names_is_not_settled() -> None:
    scan = Scan(GWS, None)

    assert scan.settled(message(json.dumps({"phone": "+15556782828"}))) is None


@pytest.mark.parametrize(("phone", "more"), [("+15556782828", False), ("5556782828", True), ("joe@corp.co", True)])
def test_a_scan_tells_that_a_value_may_be_found_by_its_name_alone(phone: str, more: bool) -> None:
    scan = Scan(GWS, GWS)

    scan.settled(message(json.dumps({"phone": phone})))

    assert scan.names_more is more


def test_places_in_escaped_texts_are_told() -> None:
    record = message(r'{"note":"\u002b15556782828","phone":"+15556782828"}')
    scan = Scan(GWS, GWS)

    found = [scan.record(record) for _ in range(3)]

    assert [[finding.where for finding in findings] for findings in found] == [["body note"]] * 3


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_a_shipped_cassette_is_redacted_by_the_default_policy_and_passes_it(path: Path) -> None:
    cassette = read(path)

    assert cassette.header.redaction == GWS.name
    assert scanned(*cassette.records, policy=GWS, done=GWS) == []


SECRETS = st.from_regex(r"[A-Za-z0-9_-]{16,60}", fullmatch=True)
MAILS = st.from_regex(r"[a-z]{3,9}@[a-z]{3,9}\.(com|de)", fullmatch=True)
PHONES = st.from_regex(r"\+[1-9][0-9]{8,12}|\([2-8][0-9]{2}\) [0-9]{3}-[0-9]{4}|[1-8][0-9]{8,11}", fullmatch=True)


@given(SECRETS, MAILS, PHONES)
def test_no_pseudonym_is_taken_for_a_secret(secret: str, mail: str, phone: str) -> None:
    data = {
        "userData": {"x": secret, "y": mail, "z": phone},
        "text": f"{secret} {mail}",
        "inner": json.dumps({"phone": phone}),
    }
    headers = (
        ("Authorization", f"Bearer {secret}"),
        ("Cookie", f"a={secret}"),
        ("Referer", f"http://x/?token={secret}"),
    )
    record = Request(0, 0, 0, "c", "POST", f"/x?token={secret}&mail={mail}", headers, json.dumps(data).encode())
    new = Redactor(GWS, b"a key of sixteen").redact(record)

    assert scanned(new, policy=GWS, done=GWS) == []


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"email": "joe@corp.co"}, "e-mail"),
        ({"phone": "+49 351 4555-0"}, "telephone number"),
        ({"phone": 4155552671}, "telephone number"),
        ({"token": JWT}, "JWT"),
        ({"note": f"it was {JWT}"}, "JWT"),
    ],
)
def test_a_real_value_in_the_place_of_a_pseudonym_is_found(data: dict[str, object], kind: str) -> None:
    (finding,) = scanned(message(json.dumps(data)), policy=GWS, done=GWS)

    assert (finding.where, finding.kind) == (f"body {next(iter(data))}", kind)


def test_without_redaction_all_that_the_policy_names_is_found() -> None:
    record = request(headers=(("Authorization", "Bearer x"), ("Accept", "*/*")))

    found = scanned(record, message('{"phone":5550100,"pin":"1","id":7}'), policy=GWS, done=None)

    assert [(f.where, f.kind) for f in found] == [
        ("header Authorization", "secret by its name"),
        ("body phone", "personal value by its name"),
        ("body pin", "secret by its name"),
    ]


def test_a_stricter_policy_finds_what_it_names_beyond_the_first() -> None:
    strict = parse(
        GWS.text.replace('"gws"', '"mine"', 1).replace("personal = [", 'personal = ["campaign", ', 1), path="mine.toml"
    )
    record = Redactor(GWS, b"a key of sixteen").redact(message('{"campaign":"Loans","phone":"5550100","pin":"123456"}'))

    found = scanned(record, policy=strict, done=GWS)

    assert [(f.where, f.kind) for f in found] == [("body campaign", "personal value by its name")]


@pytest.mark.parametrize(
    ("value", "shown"),
    [("4155552671", "41… (10 characters)"), ("1234", "… (4 characters)"), ("\x1b[31m-hidden", "… (12 characters)")],
)
def test_a_value_is_masked(value: str, shown: str) -> None:
    assert masked(value) == shown
