"""No secret and no personal value stays, wherever it stands and in whatever form.

A value is caught by its name (a header, a member, a parameter), by its format (an e-mail address, a telephone number
with a country or blanks, a token with a known start), or because it was named before. What none of them catches
stays: a value without a name or a format that is seen before it is named, e.g. a password in the text of a log line,
a customer's name in a note, ten digits that are a telephone number. So do plain words: a customer whose name is a
single word is found where its name tells so and nowhere else. So does what is in a form that is not undone:
hexadecimal, base64 in lines (except as a part of a multipart body); and what is wrapped deeper than four forms.
"""

from __future__ import annotations

import json
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import pytest

from recorder.model import Record
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.redaction.leaks import (
    NAMED,
    as_bytes,
    b64,
    element,
    forms_of,
    found_in,
    frame,
    jwt,
    multipart,
    percent,
    places_of,
    request,
    response,
    socket_text,
)

pytestmark = pytest.mark.once

KEY = bytes(range(32))
WITH_FORMAT = ["telephone", "e-mail", "JWT", "card"]
FORMS, PLACES = list(forms_of("")), list(places_of(""))


def redacted(*records: Record) -> list[Record]:
    redactor = Redactor(load(), KEY)
    return [redactor.redact(record) for record in records]


def leaks(records: list[Record], value: str) -> set[str]:
    return found_in(b"\n".join(map(as_bytes, records)), [value])


def named(value: str, name: str = "password") -> dict[str, Record]:
    """A value under its name, in the forms a message may have."""
    content = {name: value}
    inner = json.dumps(content)
    return {
        "JSON": response(content),
        "JSON with escapes": response(inner.replace("a", "\\u0061").replace("o", "\\u006f").encode()),
        "JSON in arrays": response([[[content]]]),
        "JSON in JSON": response({"inner": inner}),
        "JSON in JSON in JSON": response({"outer": json.dumps({"inner": inner})}),
        "base64 of JSON": response({"blob": b64(inner)}),
        "percent-encoded JSON": request(f"/a?message={percent(inner)}"),
        "JSON in a form": request(body=f"message={percent(inner)}".encode()),
        "JSONP": response(f"/**/callback({inner});".encode()),
        "JSON with a byte order mark": response(b"\xef\xbb\xbf" + inner.encode()),
        "JSON in UTF-16": response(inner.encode("utf-16")),
        "cut off JSON": response(inner.encode()[:-2]),
        "JWT claim": response({"about": f"see {jwt(content)}"}),
        "two parts of a JWT": response({"about": ".".join(jwt(content).split(".")[:2])}),
        "XML": response(element(name, value).encode()),
        "XML in UTF-16": response(element(name, value).encode("utf-16")),
        "XML attribute": response(f"<r {name}={quoteattr(value)}/>".encode()),
        "CDATA": response(f"<r><{name}><![CDATA[{value}]]></{name}></r>".encode()),
        "param": response(f"<r><param value={quoteattr(value)} name='{name}'/></r>".encode()),
        "property list": response(f"<dict><key>{name}</key><string>{value}</string></dict>".encode()),
        "XML in JSON": response({"inner": element(name, value)}),
        "JSON in XML": response(element("inner", inner).encode()),
        "SOAP in SSE": response(f"data: <r>\ndata: <{name}>{value}</{name}></r>\n\n".encode()),
        "SSE": response(f"id: 7\ndata: {inner}\n\n".encode()),
        "part": request(body=multipart((f'{name}"', value))),
        "JSON part": request(body=multipart(('a"\r\nContent-Type: application/json', inner))),
        "part in base64": request(body=multipart((f'{name}"\r\nContent-Transfer-Encoding: base64', b64(value)))),
        "JSON part in base64": request(body=multipart(('a"\r\nContent-Transfer-Encoding: base64', b64(inner)))),
        "key and value": frame([{"data": [{"key": name, "type": "str", "value": value}]}]),
        "value and key": frame([{"data": [{"value": value, "name": name}]}]),
        "JSON Patch": request(body=[{"op": "add", "path": f"/a/{name}", "value": value}]),
        "script": response(f"var a = {{{name}: {json.dumps(value)}}};".encode()),
        "GraphQL": request(body={"query": f"mutation {{ a({name}: {json.dumps(value, ensure_ascii=False)}) }}"}),
        "variables of GraphQL": request(body={"query": "mutation { a }", "variables": content}),
        "properties": response(f"a = 1\n{name} = {value}\n".encode()),
        "YAML": response(f"a:\n  - {name}: {value}\n".encode()),
        "printed header": socket_text(f"GET / HTTP/1.1\r\n{name}: {value}\r\n\r\n"),
        "table": response(f"a,{name}\n1,{value}\n".encode(), Content_Type="text/csv"),
        "Socket.IO": socket_text(f'42["a",{inner}]'),
        "SockJS": socket_text(f"a[{json.dumps(inner)}]"),
        "SignalR": socket_text(f"{inner}\x1e"),
        "STOMP": socket_text(f"SEND\ndestination:/a\n\n{inner}\0"),
        "Latin-1 form": request(body=f"{name}={quote(value, encoding='latin-1')}".encode()),
        "frame": frame([{"data": content}]),
        "ext": frame([{"channel": "/meta/handshake", "ext": content}]),
        "form": request(body=f"{name}={percent(value)}".encode()),
        "query": request(f"/a?b=1&{name}={percent(value)}&c=2"),
        "path parameter": request(f"/a;{name}={percent(value)}"),
        "URL in JSON": response({"uri": f"https://host.example/a?{name}={percent(value)}&b=1"}),
        "fragment": request(Referer=f"https://host.example/a#{name}={percent(value)}&b=1"),
        "Location": response(Location=f"https://host.example/a?{name}={percent(value)}&b=1"),
        "log line": response({"log": f"login with {name}={percent(value)}, agent 7"}),
    }


@pytest.mark.parametrize("secret", NAMED)
def test_what_a_name_tells_is_replaced_where_it_does(secret: str) -> None:
    value, record = NAMED[secret]

    assert leaks([record], value)
    assert not leaks(redacted(record), value)


@pytest.mark.parametrize("form", named(""))
@pytest.mark.parametrize("name", ["password", "access_token", "phoneNumber", "userData"])
def test_a_named_value_is_replaced_in_every_form_of_a_message(name: str, form: str) -> None:
    value = "hunter2-Hunter2 öé"
    record = named(value, name)[form]

    assert not leaks(redacted(record), "hunter2")


@pytest.mark.parametrize("secret", NAMED)
@pytest.mark.parametrize("form", FORMS)
def test_what_was_named_once_is_found_in_every_form_and_place(secret: str, form: str) -> None:
    value, record = NAMED[secret]
    planted = places_of(forms_of(value)[form])

    found = redacted(record, *planted.values())[1:]

    assert {place for place, kept in zip(planted, found, strict=True) if leaks([kept], value)} == set()


@pytest.mark.parametrize("secret", WITH_FORMAT)
@pytest.mark.parametrize("form", FORMS)
def test_what_has_a_format_is_found_before_it_was_named(secret: str, form: str) -> None:
    value, _ = NAMED[secret]
    planted = places_of(forms_of(value)[form])

    found = redacted(*planted.values())

    assert {place for place, kept in zip(planted, found, strict=True) if leaks([kept], value)} == set()
