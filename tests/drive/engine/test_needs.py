"""A drive that lacks a value says which, where, and how to give it."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from recorder.dialect.definition import load
from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.listing import rows
from recorder.drive.engine.needs import Missing, missing, with_given
from recorder.drive.engine.plan import COOKIE, HEADER, Act, Client, Hole, Plan, Source, Step
from recorder.drive.engine.reading import shown
from recorder.drive.engine.values import Values

from .steps import call, message

BODY_USER = Hole(("member", "user"), 0, 6, "user-1", "user", is_hidden=True)
PASSWORD = Hole(("member", "password"), 0, 7, "hunter2", "password", is_credential=True)
BEARER = Hole((HEADER, "authorization", 0), 7, 12, "s-77x", "authorization", is_hidden=True, is_credential=True)
COOKIE_HOLE = Hole((COOKIE, "SID"), 0, 3, "c-1", "SID", is_credential=True)
HEADERS = (("Authorization", "Bearer s-77x"),)


def plan(*steps: Step, cookies: tuple[Hole, ...] = ()) -> Plan:
    numbered = tuple(replace(step, number=number) for number, step in enumerate(steps))
    clients = {name: Client(name, cookies) for name in {step.client for step in steps}}
    return Plan(numbered, (), clients, {}, "http://recorded")


def lacking(whole: Plan, file: str = "", *, is_recorded: bool = False, send: bool = False) -> list[Missing]:
    return missing(whole, Values.parse(file, "v", {}), to_recorded_host=is_recorded, send_credentials=send)


def test_a_pseudonym_is_never_sent() -> None:
    whole = plan(replace(call(operation="Hold"), holes=(BODY_USER,)), replace(call(), holes=(BODY_USER,)))

    for_all = [lacking(whole), lacking(whole, is_recorded=True), lacking(whole, send=True)]

    line = '[pseudonyms]\nuser-1 = "…"'
    wanted = Missing("user-1", "step 0 Hold, body.user", 2, line, "RECORDER_PSEUDONYM_USER_1", is_hidden=True)
    assert for_all == [[wanted]] * 3
    assert wanted.text == (
        "user-1 (step 0 Hold, body.user and 1 more) is a pseudonym: "
        'write user-1 = "…" in [pseudonyms] of the values file, or set RECORDER_PSEUDONYM_USER_1'
    )


def test_a_recorded_credential_goes_to_another_host_by_the_word_of_the_user_alone() -> None:
    whole = plan(replace(call(), holes=(PASSWORD,)), cookies=(COOKIE_HOLE,))

    found = lacking(whole)

    assert [(one.name, one.line, one.variable) for one in found] == [
        ("cookie SID", '[cookies]\nSID = "…"', "RECORDER_COOKIE_SID"),
        ("key password", '[keys]\npassword = "…"', "RECORDER_KEY_PASSWORD"),
    ]
    assert "hunter2" not in repr(found) + "".join(one.text for one in found)
    assert "was sent to another host, and is not taken from the recording" in found[0].text
    assert lacking(whole, is_recorded=True) == lacking(whole, send=True) == []


def test_a_header_is_told_with_its_scheme() -> None:
    found = lacking(plan(replace(call(headers=HEADERS), holes=(BEARER,))))

    assert [one.line for one in found] == ['[headers]\nAuthorization = "Bearer …"']
    assert found[0].variable == "RECORDER_HEADER_AUTHORIZATION"


def test_headers_that_differ_between_clients_are_told_by_client() -> None:
    other = replace(BEARER, recorded="s-88x")
    steps = [
        replace(call(headers=HEADERS), holes=(hole,), client=name) for hole, name in ((BEARER, "s1"), (other, "s 2"))
    ]

    found = lacking(plan(*steps))

    assert [one.line.partition("\n")[0] for one in found] == ["[client.s1.headers]", '[client."s 2".headers]']
    assert [one.variable for one in found] == ["", ""]
    assert "or set" not in found[0].text


@pytest.mark.parametrize(
    "file",
    [
        '[headers]\nauthorization = "Bearer x"',
        '[client.s1.headers]\nAuthorization = "Bearer x"',
        '[login]\npath = "/a"\ntoken = "body.t"',
        '[pseudonyms]\ns-77x = "x"',
        '[keys]\nauthorization = "x"',
    ],
)
def test_a_header_that_is_given_is_not_missing(file: str) -> None:
    assert lacking(plan(replace(call(headers=HEADERS), holes=(BEARER,))), file) == []


@pytest.mark.parametrize(
    "hole",
    [
        replace(BODY_USER, is_fresh=True),
        replace(BODY_USER, sources=(Source(0, ("member", "user")),)),
        replace(BODY_USER, is_hidden=False),
        replace(PASSWORD, sources=(Source(0, ("member", "user")),)),
    ],
)
def test_values_that_come_by_themselves_are_not_missing(hole: Hole) -> None:
    assert lacking(plan(replace(call(), holes=(hole,)))) == []


def test_the_lines_that_are_told_are_a_values_file() -> None:
    odd = replace(BODY_USER, recorded='u "1"\\.é')
    whole = plan(replace(call(headers=HEADERS), holes=(odd, BEARER, PASSWORD)), cookies=(COOKIE_HOLE,))
    found = lacking(whole)

    file = "\n".join(one.line for one in found)

    assert tomllib.loads(file)["pseudonyms"] == {'u "1"\\.é': "…"}
    assert len(found) == 4
    assert lacking(whole, file) == []


def given(step: Step, file: str) -> list[tuple[str, str, str]]:
    own = Values.parse(file, "v", {})
    whole = with_given(plan(step), own, load())
    return [(shown(hole.place), hole.name, hole.recorded) for hole in whole.steps[0].holes]


def test_values_of_the_user_replace_what_a_client_sent_as_its_own() -> None:
    body = b'{"device_id":"x","at":{"place":"y"},"text":"call dn-7001!"}'
    step = call(
        "PUT", "/devices/dn-7001/state?place=Wien&n=7001", body,
        headers=(("place", "z"), ("X-Device", "dn-7001")), operation="Set",
    )  # fmt: skip

    found = given(step, '[keys]\ndeviceId = "a"\n"Set.place" = "b"\n[pseudonyms]\ndn-7001 = "dn-1"\n7001 = "no word"')

    assert found == [
        ("path 2", "path", "dn-7001"),
        ("query place", "place", "Wien"),
        ("query n", "n", "7001"),
        ("header x-device", "x-device", "dn-7001"),
        ("body.device_id", "device_id", "x"),
        ("body.at.place", "place", "y"),
        ("body.text", "text", "dn-7001"),
    ]


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (
            call("POST", "/api/v2/me/outbound-campaigns/Campaign1", b'{"operationName":"StartPreviewSession"}'),
            [("path 5", "campaign", "Campaign1")],
        ),
        (
            call("POST", "/a", b'{"devicePath":"/api/v2/devices/7"}'),
            [("body.devicePath", "device", "7")],
        ),
        (message(Act.PUBLISH, {"channel": "/a", "data": {"campaign": "x"}}), [("body.data.campaign", "campaign", "x")]),
        (message(Act.SUBSCRIBE, {"channel": "/meta/subscribe", "subscription": ["/a"]}), []),
    ],
)
def test_values_of_the_user_are_found_by_keys_of_the_dialect(step: Step, found: list[tuple[str, str, str]]) -> None:
    assert given(step, '[keys]\ncampaign = "a"\ndevice = "b"') == found


def test_a_hole_that_is_known_stays_alone() -> None:
    step = replace(call(body=b'{"user":"user-1"}'), holes=(BODY_USER,))

    assert given(step, '[keys]\nuser = "a"\n[pseudonyms]\nuser-1 = "b"') == [("body.user", "user", "user-1")]


@pytest.mark.parametrize(
    "file",
    [
        "",
        '[keys]\npath = "a"\nbody = "b"\nmember = "c"',
        '[headers]\nuser = "a"',
        '[pseudonyms]\nuser = "a"\n1 = "b"',
        '[keys]\nuse = "a"',
    ],
)
def test_a_plan_without_such_values_stays(file: str) -> None:
    whole = plan(call("GET", "/user-1", body=b'{"user":"user-1"}'))

    assert with_given(whole, Values.parse(file, "v", {}), load()) == whole


def test_keys_that_differ_between_clients_are_told_by_client() -> None:
    other = replace(PASSWORD, recorded="hunter3")
    steps = [replace(call(), holes=(hole,), client=name) for hole, name in ((PASSWORD, "s1"), (other, ""))]

    found = lacking(plan(*steps))

    assert [one.line.partition("\n")[0] for one in found] == ["[client.s1.keys]", '[client."".keys]']
    assert lacking(plan(*steps), "\n".join(one.line for one in found)) == []


def test_values_that_no_hole_takes_are_told() -> None:
    file = """
        [pseudonyms]
        user-1 = "a"
        user-2 = "a"
        [keys]
        pass_word = "a"
        "Hold.password" = "a"
        "Hodl.password" = "a"
        [client.s1.keys]
        user = "a"
        [client.s3.keys]
        user = "a"
    """
    whole = plan(replace(call(operation="Hold"), holes=(BODY_USER, PASSWORD)), cookies=(COOKIE_HOLE,))

    assert Values.parse(file, "v", {}).unused(whole) == [
        "pseudonyms.user-2",
        "keys.Hodl.password",
        "client.s3.keys.user",
    ]


def shown_to(host: str) -> Step:
    return replace(call("GET", headers=(*HEADERS, ("Host", host))), holes=(replace(BEARER, is_hidden=False),))


@pytest.mark.parametrize(
    ("hosts", "count"),
    [
        (("recorded", "recorded:80", "RECORDED"), 0),
        (("proxy:8080", "proxy:8080"), 0),  # the one name of the server that the client knew
        (("recorded", "login.example"), 1),
        (("recorded", "recorded:443", "recorded:8443"), 2),
        (("proxy:8080", "login.example"), 2),
    ],
)
def test_what_was_shown_to_another_host_of_the_recording_goes_to_no_other(hosts: tuple[str, ...], count: int) -> None:
    whole = plan(*map(shown_to, hosts))

    assert sum(one.count for one in lacking(whole, is_recorded=True)) == count
    assert lacking(whole, is_recorded=True, send=True) == []
    assert (
        sum(value.is_missing for row in rows(whole, Values(), Allowed(), to_recorded_host=True) for value in row.values)
        == count
    )


def test_cookies_of_a_recording_of_several_hosts_are_asked_for() -> None:
    whole = plan(shown_to("recorded"), shown_to("login.example"), cookies=(COOKIE_HOLE,))

    assert [one.name for one in lacking(whole, is_recorded=True)] == ["cookie SID", "header Authorization"]
