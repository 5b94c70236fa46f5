"""The values of a user are read from a file and the environment, and never shown."""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.drive.engine.fill import filled
from recorder.drive.engine.plan import COOKIE, HEADER, Act, Answer, Client, Hole
from recorder.drive.engine.values import Login, Values, variable
from recorder.errors import ValuesError
from recorder.redaction.pseudonyms import Kind

from .steps import call, message, with_holes

SECRET = "hunter2-zQ9"
FILE = """
[pseudonyms]
"user-1f3c" = "ann@example.com"
"tel-9" = { env = "PHONE" }

[keys]
handle = 1001
"Hold.handle" = "2002"
place = "env:PLACE"
path = "no name"

[headers]
Authorization = "Bearer all"

[cookies]
JSESSIONID = "c-all"

[login]
path = "/auth?x=1"
json = { user = "env:PHONE", more = [1, { env = "PLACE" }], on = true }
token = "body.data.token"

[client.s2.headers]
authorization = "Bearer two"

[client.s2.login]
method = "put"
path = "/auth2"
form = { user = "ann", pin = 12 }
"""
ENVIRONMENT = {
    "PHONE": "+49123",
    "PLACE": "Wien",
    "RECORDER_KEY_DEVICE_ID": "d-7",
    "RECORDER_HEADER_X_CSRF_TOKEN": "t",
    "RECORDER_COOKIE_LB": "n1",
    "RECORDER_PSEUDONYM_USER_77": "bob",
    "RECORDER_KEY_HANDLE": "from the environment",
}


def values() -> Values:
    return Values.parse(FILE, "values.toml", ENVIRONMENT)


def hole(name: str, recorded: str = "r", place: tuple[str | int, ...] = ("member", "x")) -> Hole:
    return Hole(place, 0, len(recorded), recorded, name)


@pytest.mark.parametrize(
    ("one", "operation", "value"),
    [
        (hole("handle"), None, "1001"),
        (hole("handle"), "Hold", "2002"),
        (hole("handle"), "Other", "1001"),
        (hole("place"), None, "Wien"),
        (hole("deviceId"), None, None),
        (hole("device_id"), None, "d-7"),
        (hole("device-id"), None, "d-7"),
        (hole("other", place=("member", "handle")), None, "1001"),
        (hole("other", "user-1f3c"), None, "ann@example.com"),
        (hole("other", "tel-9"), None, "+49123"),
        (hole("other", "user-77"), None, "bob"),
        (hole("other"), None, None),
        (hole(""), None, None),
        (hole("calls", place=("path", 2)), None, None),
    ],
)
def test_a_value_is_found_by_key_or_pseudonym(one: Hole, operation: str | None, value: str | None) -> None:
    assert values().value(one, "s1", operation) == value


def test_the_spelling_of_a_key_in_the_file_does_not_count() -> None:
    given = Values.parse('[keys]\ndevice_id = "d-7"\n', "v", {})

    assert given.value(hole("deviceId"), "s1") == "d-7"


def test_headers_of_a_client_go_before_those_of_all() -> None:
    assert dict(values().headers("s1")) == {"Authorization": "Bearer all", "X-Csrf-Token": "t"}
    assert dict(values().headers("s2")) == {"authorization": "Bearer two", "X-Csrf-Token": "t"}


def test_cookies_are_those_of_the_file_and_of_the_recording() -> None:
    shown = (("lb", "n", True), ("JSESSIONID", "s", True), ("a", "1", False), ("b", "2", True))
    cookies = tuple(Hole((COOKIE, name), 0, 1, value, name, is_hidden=hidden) for name, value, hidden in shown)

    assert values().cookies(Client("s1", cookies)) == {"lb": "n1", "JSESSIONID": "c-all", "a": "1"}


def test_logins() -> None:
    first, second = values().login("s1"), values().login("s2")

    assert first == Login(
        "POST", "/auth?x=1", (("Content-Type", "application/json"),),
        b'{"user": "+49123", "more": [1, "Wien"], "on": true}', "body.data.token",
    )  # fmt: skip
    assert first.title == "POST /auth"
    assert second == Login(
        "PUT", "/auth2", (("Content-Type", "application/x-www-form-urlencoded"),), b"user=ann&pin=12"
    )
    assert Values().login("s1") is None


def test_a_login_with_a_text_and_a_type() -> None:
    file = (
        '[login]\npath = "/a"\nbody = "<a/>"\nheader = "X-Token"\nprefix = ""\nheaders = { content-type = "text/xml" }'
    )

    assert Values.parse(file, "v", {}).login("s1") == Login(
        "POST", "/a", (("content-type", "text/xml"),), b"<a/>", "", "X-Token", ""
    )


def test_the_token_of_a_login_is_shown_in_its_header() -> None:
    own = values()
    login = own.login("s1")
    assert login is not None

    assert own.logged_in("s1", login, Answer(200, body=b'{"data":{"token":"t-1\\n"}}'))
    assert dict(own.headers("s1"))["Authorization"] == "Bearer t-1"
    assert dict(own.headers("s2"))["authorization"] == "Bearer two"
    assert not own.logged_in("s1", login, Answer(200, body=b"{}"))
    assert own.logged_in("s1", replace(login, token=""), Answer(204))


def test_what_covers_a_hole() -> None:
    own = values()

    assert own.covers(hole("authorization", place=(HEADER, "authorization", 0)), "s1")
    assert not own.covers(hole("x-key", place=(HEADER, "x-key", 0)), "s1")
    assert own.covers(hole("x", place=(COOKIE, "LB")), "s1")
    assert not own.covers(hole("x", place=(COOKIE, "lc")), "s1")
    assert own.covers(hole("handle"), "s1")
    login = Values.parse('[login]\npath = "/a"\ntoken = "header.X-Auth"\nheader = "X-Key"', "v", {})
    assert login.covers(hole("x-key", place=(HEADER, "x-key", 0)), "s1")


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("keys", "deviceId", "RECORDER_KEY_DEVICEID"),
        ("keys", "device_id", "RECORDER_KEY_DEVICE_ID"),
        ("headers", "X-CSRF-Token", "RECORDER_HEADER_X_CSRF_TOKEN"),
        ("cookies", "JSESSIONID", "RECORDER_COOKIE_JSESSIONID"),
        ("pseudonyms", "user-1f3c", "RECORDER_PSEUDONYM_USER_1F3C"),
    ],
)
def test_names_of_variables(kind: str, name: str, expected: str) -> None:
    assert variable(kind, name) == expected


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (f'[keys]\nx = ["{SECRET}"]', "v:2: keys.x: must be a text"),
        (f'[keys]\nx = {{ a = "{SECRET}" }}', "v:2: keys.x: must be a text"),
        ("[keys]\nx = 2020-01-01", "v:2: keys.x: must be a text; dates"),
        (f'[keys]\nx = "env:{SECRET}"', "v:2: keys.x: the variable it names of the environment is not set"),
        ('[keys]\nx = "env:PHONE"', "v:2: keys.x: the variable PHONE of the environment is not set"),
        (f'[headers]\nX-A = "{SECRET}\\r\\nX: y"', "v:2: headers.X-A: has a control character"),
        (f'[headers]\n"X A" = "{SECRET}"', "v:2: headers.X A: is no name of a header"),
        (f'[cookies]\na = "{SECRET}\\n"', "v:2: cookies.a: has a control character"),
        (f'[cookies]\n"a b" = "{SECRET}"', "v:2: cookies.a b: is no name of a cookie"),
        (f'[key]\nx = "{SECRET}"', "v:1: key: is unknown; did you mean 'keys'?"),
        ("[login]\n", "v:1: login.path: is missing"),
        (f'[login]\npath = "{SECRET}"', "v:2: login.path: must be the path on the server"),
        ('[login]\npath = "https://other.example/"', "v:2: login.path: must be the path on the server"),
        ('[login]\npath = "//other.example/"', "v:2: login.path: must be the path on the server"),
        (f'[login]\npath = "/a"\ntoken = "{SECRET}"', "v:3: login.token: must be the place"),
        (f'[login]\npath = "/a"\nheader = "{SECRET} x"', "v:3: login.header: must be the name"),
        (f'[login]\npath = "/a"\nmethod = "{SECRET} x"', "v:3: login.method: must be an HTTP method"),
        (f'[login]\npath = "/a"\nbody = "{SECRET}"\njson = {{ a = "{SECRET}" }}', "v:3: login.body: stands beside"),
        (f'[login]\npath = "/a"\npassword = "{SECRET}"', "v:3: login.password: is unknown"),
        (f'[keys]\nx = {SECRET}"', "v:2: TOML: "),
        (f'[keys]\nx = "{SECRET}', "v:2: TOML: "),
        (f'[keys]\nx = "a"\nx = "{SECRET}"', "v:3: TOML: "),
        (f'[client.s2.keys]\nx = ["{SECRET}"]', "v:2: client.s2.keys.x: must be"),
        (f'[client]\ns2 = "{SECRET}"', "v:2: client.s2: must be a table"),
        (f'keys = "{SECRET}"', "v:1: keys: must be a table"),
        (f'login = "{SECRET}"', "v:1: login: must be a table"),
        (f'[login]\npath = "/a"\njson = "{SECRET}"', "v:3: login.json: must be a table"),
    ],
)
def test_a_mistake_tells_its_line_and_no_value(file: str, told: str) -> None:
    with pytest.raises(ValuesError) as caught:
        Values.parse(file, "v", {})

    assert str(caught.value).startswith(told)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(caught.value.problems)


def test_values_and_logins_show_nothing() -> None:
    own = values()
    login = own.login("s1")
    assert login is not None
    own.logged_in("s1", login, Answer(200, body=b'{"data":{"token":"t-1"}}'))

    shown = repr(own) + str(own) + repr(login) + repr(own.logins)

    secrets = ["ann@", "+49123", "1001", "2002", "Wien", "all", "two", "d-7", "t-1", "bob"]
    assert [secret for secret in secrets if secret in shown] == []


@given(st.text())
def test_any_text_gives_values_or_our_error(text: str) -> None:
    with suppress(ValuesError):
        Values.parse(text, "v", {})


def test_variables_lose_the_line_break_at_their_end_and_empty_ones_are_not_set() -> None:
    environment = {
        "RECORDER_HEADER_AUTHORIZATION": "Bearer x\r\n",
        "RECORDER_KEY_A": "",
        "RECORDER_KEY_B": "y\n",
        "T": "z\n",
    }

    own = Values.parse('[headers]\nX-T = "env:T"', "v", environment)

    assert dict(own.headers("s1")) == {"Authorization": "Bearer x", "X-T": "z"}
    assert own.value(hole("a"), "s1") is None
    assert own.value(hole("b"), "s1") == "y"


@pytest.mark.parametrize("name", ["RECORDER_HEADER_X_A", "RECORDER_COOKIE_A"])
@pytest.mark.parametrize("value", [f"{SECRET}\nX-B: y", f"{SECRET}\x00", f"{SECRET}\udcff"])
def test_a_variable_that_no_header_may_have_is_a_mistake(name: str, value: str) -> None:
    with pytest.raises(ValuesError) as caught:
        Values.parse("", "environment", {name: value})

    assert str(caught.value) == f"environment: {name}: has a control character, which no header may have"
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_what_is_sent_and_answered_shows_no_value() -> None:
    step = with_holes(message(Act.PUBLISH, {"channel": "/a", "data": {"pin": "0000"}}))
    out = filled(step, lambda _: SECRET, (("Authorization", SECRET),))
    other = filled(with_holes(call("POST", "/a?b=c", b'{"pin":"0000"}')), lambda _: SECRET)
    answer = Answer(200, (("Set-Cookie", SECRET),), SECRET.encode(), {"ext": SECRET})

    assert SECRET in f"{out.message}{out.headers}{other.target}{other.body!r}"
    assert SECRET not in f"{out!r}{other!r}{answer!r}"


SECRETS = """
[pseudonyms]
"user-1f3c" = "ann@example.com"
short = "ann"
[headers]
Authorization = "Bearer tok-4f1c77aa"
[cookies]
AWSALB = "cookie-77aa"
[keys]
campaign = "TestCampaign"
[login]
path = "/login"
json = { user = "ann.miller", password = "hunter2!" }
[client.s2.pseudonyms]
"user-2" = "bob@example.com"
"""


def test_what_no_cassette_may_keep():
    values = Values.parse(SECRETS, "v.toml", {"RECORDER_PSEUDONYM_CARD": "card-4111"})

    assert dict(values.hidden()) == {
        "ann.miller": Kind.SECRET,
        "hunter2!": Kind.SECRET,
        "ann@example.com": Kind.PERSONAL,
        "ann": Kind.PERSONAL,
        "bob@example.com": Kind.PERSONAL,
        "card-4111": Kind.PERSONAL,
    }


def test_texts_for_people_show_no_value():
    values = Values.parse(SECRETS, "v.toml", {})
    text = (
        "Bearer tok-4f1c77aa, tok-4f1c77aa of ann@example.com (ann, bob@example.com) cookie-77aa hunter2! TestCampaign"
    )

    assert values.masked(text) == "…, … of … (ann, …) … … TestCampaign"


def test_a_token_of_a_login_is_masked_too():
    values = Values.parse('[login]\npath = "/login"\ntoken = "body.token"\n', "v.toml", {})
    login = values.login("s1")
    assert login is not None

    assert values.logged_in("s1", login, Answer(200, body=b'{"token": "live-99887766"}'))

    assert values.masked("Bearer live-99887766 and live-99887766") == "… and …"
