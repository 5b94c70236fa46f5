"""No secret and no personal value stays, wherever it stands and in whatever form.

A value is caught by its name (a header, a member, a parameter), by its format (an e-mail address, a telephone number
with a country or blanks, a token with a known start), or because it was named before. What none of them catches
stays: a value without a name or a format that is seen before it is named, e.g. a password in the text of a log line,
a customer's name in a note, ten digits that are a telephone number. So do plain words: a customer whose name is a
single word is found where its name tells so and nowhere else. So does what is in a form that is not undone:
hexadecimal, base64 in lines, a part of a multi-part form, an element of XML; and what is wrapped deeper than four
forms.
"""

from __future__ import annotations

import json

import pytest

from recorder.model import Record
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.redaction.leaks import (
    NAMED,
    as_bytes,
    b64,
    forms_of,
    found_in,
    frame,
    jwt,
    percent,
    places_of,
    request,
    response,
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
