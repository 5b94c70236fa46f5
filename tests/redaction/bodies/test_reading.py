"""The form of a body is told by its content first, then by its type."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.formats.charsets import charset_of
from recorder.redaction.bodies.change import Unread, told
from recorder.redaction.bodies.reading import Form, changed_body, form_of, kind_of, structured
from recorder.redaction.policy import without_rules
from tests.costs import assert_cheap
from tests.redaction.bodies.changes import Seen, finder, hashed

pytestmark = pytest.mark.once

FORM = "application/x-www-form-urlencoded"
# what carries the value `x y` under the name `password`, in each form
BODIES = {
    "JSON": '{"password": "x y"}',
    "JSON array": '[{"a": 1}, {"password": "x y"}]',
    "JSON lines": '{"a": 1}\r\n\r\n{"password": "x y"}\n',
    "JSON one after the other": '{"a": 1}{"password": "x y"}',
    "JSON in a string": json.dumps({"a": json.dumps({"password": "x y"})}),
    "JSON without an end": '{"a": 1, "password": "x y',
    "key and value": '[{"key": "password", "type": "str", "value": "x y"}]',
    "value and key": '[{"value": "x y", "type": "str", "key": "password"}]',
    "Name and Value": '{"list": [{"Name": "password", "Value": "x y"}]}',
    "key and list": '[{"key": "o", "value": [{"key": "password", "value": "x y"}]}]',
    "JSON Patch": '[{"op": "replace", "path": "/user/password", "value": "x y"}]',
    "HAR": '{"queryString": [{"name": "access_token", "value": "x y"}]}',
    "JSONP": '/**/a.b.cb({"password": "x y"});',
    "guarded": ')]}\',\n{"password": "x y"}',
    "endless loop": 'for(;;);{"password": "x y"}',
    "thrown": 'throw 1; < don\'t be evil >{"password": "x y"}',
    "assigned": 'window.state = {password: "x y"};',
    "Socket.IO": '42/admin,7["login",{"password": "x y"}]',
    "Socket.IO binary": '451-["login",{"password": "x y"}]',
    "Engine.IO 4": '0{"a": 1}\x1e42["login",{"password": "x y"}]',
    "SockJS": 'a["{\\"password\\": \\"x y\\"}"]',
    "SignalR": '{"type":1,"arguments":[{"password": "x y"}]}\x1e{"type":6}\x1e',
    "Phoenix": '["1","2","room","join",{"password": "x y"}]',
    "STOMP": 'SEND\ndestination:/q\n\n{"password": "x y"}\0',
    "STOMP header": "CONNECT\nhost:h\npassword:x y\n\n\0",
    "STOMP with XML": "SEND\r\ndestination:/q\r\n\r\n<password>x y</password>\0",
    "XML": "<a><password>x y</password></a>",
    "SSE": 'data: {"password": "x y"}\n\n',
    "GraphQL": 'mutation { a(password: "x y") }',
    "form": "a=1&password=x+y",
    "form of arrays": "user[password]=x+y&b[]=1",
    "form with a break": "a=1&password=x%20y\r\n",
    "properties": "# c\na = 1\npassword = x y\n",
    "INI": "[auth]\nuser: u\npassword = x y\n; c",
    "YAML": "a:\n  - password: x y\n  - b: c\n",
    "headers": "GET / HTTP/1.1\r\nHost: h\r\nX-Password: x y\r\n\r\n",
    "quoted": "the 'password': 'x y', as said",
}
VALUE = ("x y", "x+y", "x%20y")


def expected(text: str) -> str:
    for value in VALUE:
        text = text.replace(value, "#" if value == "x y" else "%23")
    return text


@pytest.mark.parametrize("form", BODIES)
def test_a_value_is_found_in_every_form(form: str) -> None:
    assert hashed(BODIES[form]) == expected(BODIES[form])


@pytest.mark.parametrize("form", BODIES)
def test_a_value_is_found_in_every_form_inside_a_value(form: str) -> None:
    inner, wanted = BODIES[form], expected(BODIES[form]).replace("%23", "#")

    in_json = json.loads(hashed(json.dumps({"blob": inner})))["blob"]
    in_a_form = unquote(hashed(f"a=1&blob={quote(inner, safe='')}").partition("blob=")[2])

    assert (in_json.replace("%23", "#"), in_a_form.replace("%23", "#")) == (wanted, wanted)


@pytest.mark.parametrize("form", BODIES)
def test_a_value_is_found_in_every_form_in_base64(form: str) -> None:
    inner = BODIES[form]
    found = json.loads(hashed(json.dumps({"blob": base64.b64encode(inner.encode()).decode()})))["blob"]

    assert base64.b64decode(found + "==").decode() == expected(inner) or "\0" in inner or "\x1e" in inner


@pytest.mark.parametrize("form", BODIES)
def test_no_value_is_found_in_a_body_in_which_nothing_is_named(form: str) -> None:
    body = BODIES[form].replace("password", "note").replace("access_token", "note").replace("X-Password", "X-Note")

    assert hashed(body) == body


@given(st.text(max_size=60) | st.sampled_from([*BODIES.values()]))
def test_a_change_of_nothing_leaves_any_text_as_it_is(text: str) -> None:
    body, policy, seen = text.encode("utf-8", "surrogatepass"), without_rules(), Seen()
    seen.unread = lambda *_: None  # type: ignore[method-assign]  # bodies that are no text may come

    assert changed_body(body, (), seen, policy, policy.root()) == body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            '{"password": 12, "userData": {"Ada": true, "b": null, "c": -1.5e3, "d": "", "e": [1, "x"]}}',
            '{"password": 0, "userData": {"Ada": true, "b": null, "c": 0, "d": "", "e": [0, "#"]}}',
        ),
        ('{"userData": "{\\"Ada\\": \\"Ada\\", \\"n\\": 3}"}', '{"userData": "{\\"Ada\\": \\"#\\", \\"n\\": 0}"}'),
        (
            '{"userData": [{"key": "Straße Nr", "value": "a"}, {"name": "A B", "value": "b"}]}',
            '{"userData": [{"key": "Straße Nr", "value": "#"}, {"name": "#", "value": "#"}]}',
        ),
        ('{"Authorization": "Bearer a b", "token": "basic"}', '{"Authorization": "Bearer #", "token": "#"}'),
        ('{"password": "a", "password": "b"}', '{"password": "#", "password": "#"}'),
        (
            '[{"key": "phone", "value": 4155551234}, {"key": "pin", "value": true}, {"key": "pin", "value": null}]',
            '[{"key": "phone", "value": 0}, {"key": "pin", "value": true}, {"key": "pin", "value": null}]',
        ),
        (
            '[{"key": "userData", "value": [{"key": "GSW_PHONE", "value": "a"}, {"key": "color", "value": "red"}]}]',
            '[{"key": "userData", "value": [{"key": "GSW_PHONE", "value": "#"}, {"key": "color", "value": "#"}]}]',
        ),
        (
            '{"userData": [{"key": "Ada", "value": "Ada"}], "note": "GSW_PHONE"}',
            '{"userData": [{"key": "Ada", "value": "#"}], "note": "GSW_PHONE"}',
        ),
        (
            '[{"op": "add", "path": "/users/0/email", "value": "x"}]',
            '[{"op": "add", "path": "/users/0/email", "value": "#"}]',
        ),
    ],
)
def test_names_and_types_stay(body: str, expected: str) -> None:
    assert hashed(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("user%5Bpassword%5D=x&user.password=y&a.b=z", "user%5Bpassword%5D=#&user.password=#&a.b=z"),
        ("password=&password&note=+", "password=&password&note=+"),
        ("password=%E4b%DF&note=%E4", "password=%23&note=%E4"),
        ("a=1;password=x;b=2", "a=1;password=#;b=2"),
        (
            "message=%7B%22userData%22%3A%7B%22Ada%22%3A%22Ada%22%7D%7D",
            "message=%7B%22userData%22%3A%7B%22Ada%22%3A%22%23%22%7D%7D",
        ),
        ("password=a=b==", "password=#"),
    ],
)
def test_fields_of_a_form_keep_their_names_and_encodings(body: str, expected: str) -> None:
    assert hashed(body, FORM) == expected


def test_a_name_in_latin_1_is_found_where_it_is_in_utf_8() -> None:
    find = finder()
    find.body('{"lastName": "Müllerström"}'.encode())

    assert find.body(b"note=by+M%FCllerstr%F6m", (("Content-Type", FORM),)) == b"note=by+%23"


@pytest.mark.parametrize(
    ("text", "kind", "form"),
    [
        ('{"a":1}', "", Form.JSON),
        ('{"a":1}\n{"b":2}', "", Form.LINES),
        ("cb([{}])", "", Form.AFTER),
        ("<a/>", "", Form.MARKUP),
        ("a=1&b=2", "", Form.FIELDS),
        ("a b", FORM, Form.FIELDS),
        ("a,b", "text/csv", Form.TABLE),
        ("a,b", "", Form.TEXT),
        ("x", "application/javascript", Form.SCRIPT),
        ("[INFO] a=1", "", Form.TEXT),
        ("a < b", "", Form.TEXT),
        ("1", "", Form.TEXT),
        ("", "", Form.TEXT),
    ],
)
def test_the_form_is_told_by_the_content_then_by_the_type(text: str, kind: str, form: Form) -> None:
    assert form_of(text, kind) is form


@pytest.mark.parametrize("text", ["", "a", "query", "<", "{", "a=1", "data: x"])
def test_a_plain_value_has_no_members(text: str) -> None:
    assert structured(text) is None


@pytest.mark.parametrize(
    ("media", "kind", "charset"),
    [
        ("", "", ""),
        ('text/XML; Charset="UTF-16"', "text/xml", "UTF-16"),
        (" application/ld+json ;a=b", "application/ld+json", ""),
        ("nonsense", "", ""),
        ("a/b; charset=", "a/b", ""),
        ("text/x;charset=latin-1;b", "text/x", "latin-1"),
    ],
)
def test_a_media_type_has_a_kind_and_a_charset(media: str, kind: str, charset: str) -> None:
    assert (kind_of(media), charset_of(media)) == (kind, charset)


def test_what_no_reader_takes_is_counted_and_told() -> None:
    find = finder()

    assert find.body(b"\0\1", (("Content-Type", "application/octet-stream"),)) == b""
    assert find.body(b"\0\1", (("Content-Type", "image/png"),)) == b"\0\1"
    assert find.body(b"hello", (("Content-Type", "text/troff"),)) == b"hello"
    assert find.body(b"hello", (("Content-Type", "text/plain"),)) == b"hello"
    assert find.unlooked == {
        ("application/octet-stream", Unread.DROPPED): 1,
        ("image/png", Unread.KEPT): 1,
        ("text/troff", Unread.PATTERNS): 1,
    }
    assert len(told(find.unlooked)) == 3


@pytest.mark.parametrize(
    "unit",
    [
        "/**/",
        "a.",
        "a(",
        "throw ",
        "for(;;);",
        "query ",
        "query{",
        "#\n",
        "a=",
        "a%3D",
        "[",
        "{",
        '{"value":',
        '[{"key":"a","value":',
        '"\\',
        "<",
    ],
)
def test_a_hostile_text_takes_linear_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))

    for start in ("", "{", "<", "query", "/**/", '{"a":"'):
        assert_cheap(lambda start=start: (form_of(start + text), structured(start + text)), below=1)  # type: ignore[misc]  # binds the start
    assert_cheap(lambda: finder().body(text.encode()), below=2)
