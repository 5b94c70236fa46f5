"""The beginning of a body that was cut: its values are replaced as in the whole one, and no part of one is left."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.model import Response
from recorder.redaction.bodies.prefix import readable
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEubG92ZWxhY2UifQ.dGhpc2lzbm90YXNpZ25hdHVyZQ"
SECRETS = ("hunter2hunter2", "+49 151 23456789", "ada.lovelace@engine.example", JWT, "pässwörterlang")
MARKS = (
    "hunter",
    "23456",
    "lovelace",
    "eyJhbGci",
    "pässw",
    "pÃ¤ssw",
)  # parts of these, as they are shown in any reading


def a_json(secret: str) -> bytes:
    rows = [
        {"id": n, "password": secret, "note": f"call {secret} now", "deep": json.dumps({"token": secret})}
        for n in (1, 2, 3)
    ]
    return json.dumps({"rows": rows}, ensure_ascii=False).encode()


def a_bayeux(secret: str) -> bytes:
    return json.dumps([{"channel": "/v2/out", "data": {"password": secret, "phone": secret}}] * 3).encode()


def lines(secret: str) -> bytes:
    return b"".join(json.dumps({"password": secret, "n": n}).encode() + b"\n" for n in range(4))


def a_form(secret: str) -> bytes:
    return f"a=1&password={secret.replace(' ', '+')}&b=2&token={secret}&c=".encode()


def a_multipart(secret: str) -> bytes:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{secret}\r\n'
        for name in ("password", "a", "token")
    ]
    return "".join([*parts, "--x--\r\n"]).encode()


def an_xml(secret: str) -> bytes:
    row = f'<r password="{secret}"><password>{secret}</password><token><![CDATA[{secret}]]></token></r>'
    return f"<?xml version='1.0'?><a>{row * 3}</a>".encode()


def a_text(secret: str) -> bytes:
    return f"one line\npassword: {secret}\ntwo\nBearer {secret}\nthree".encode()


def events(secret: str) -> bytes:
    return f'event: a\ndata: {{"password":"{secret}"}}\n\ndata: {secret}\n\n: end'.encode()


FORMS = {
    "application/json": (a_json, a_bayeux),
    "application/x-ndjson": (lines,),
    "application/x-www-form-urlencoded": (a_form,),
    "multipart/form-data; boundary=x": (a_multipart,),
    "text/xml": (an_xml,),
    "text/plain": (a_text,),
    "text/event-stream": (events,),
}
CASES = [(media, make) for media, made in FORMS.items() for make in made]


def redactor() -> Redactor:
    """One that has met the secrets before, as in a cookie or a login."""
    found = Redactor(load(), b"k" * 32)
    for secret in SECRETS:
        found.redact(
            Response(0, 0, 0, 200, (("Content-Type", "application/json"),), json.dumps({"password": secret}).encode())
        )
    return found


KNOWING = redactor()


def kept(body: bytes, media: str) -> str:
    headers = (("Content-Type", media),)
    made = KNOWING.redact(Response(0, 0, 0, 200, headers, readable(body, headers)))
    assert isinstance(made, Response)
    return made.body.decode("utf-8", "replace")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CASES), st.sampled_from(SECRETS), st.data())
def test_no_part_of_a_value_is_left_wherever_a_body_is_cut(case: tuple, secret: str, data: st.DataObject) -> None:  # type: ignore[type-arg]  # of `CASES`
    media, make = case
    whole = make(secret)
    cut = data.draw(st.integers(0, len(whole)))

    left = kept(whole[:cut], media)

    assert not [mark for mark in MARKS if mark in left]


@pytest.mark.parametrize(("media", "body", "expected"), [
    ("application/json", b'[{"a":"b","password":"hun', b'[{"a":"b","password":'),
    ("application/json", b'[{"a":"b","pin":12', b'[{"a":"b","pin":'),
    ("application/json", '[{"a":"M\u00fc'.encode()[:-1], b'[{"a":'),
    ("application/x-www-form-urlencoded", b"a=b&password=hun", b"a=b&"),
    ("text/xml", b"<a><p>x</p><password>hun", b"<a><p>x</p><password>"),
    ("text/xml", b"<a><b/><password><![CDATA[hu>n", b"<a><b/><password>"),
    ("text/plain", b"one\ntwo th", b"one\n"),
    ("text/plain", b"no line", b""),
    ("text/plain", b"one\n-----BEGIN PRIVATE KEY-----\nMIIB\nabc", b"one\n"),
    ("text/event-stream", b"data: 1\n\ndata: 2\nda", b"data: 1\n\n"),
    ("image/png", b"\x89PNG\r\n\x00\x01", b"\x89PNG\r\n\x00\x01"),
])  # fmt: skip
def test_what_is_unfinished_is_left_out(media: str, body: bytes, expected: bytes) -> None:
    assert readable(body, (("Content-Type", media),)) == expected


def test_the_last_part_of_a_multipart_body_keeps_its_name_alone() -> None:
    whole = a_multipart("hunter2hunter2")
    cut = whole[: whole.index(b'name="token"') + 22]

    left = kept(cut, "multipart/form-data; boundary=x")

    assert left.endswith('name="token"\r\n\r\n')
    assert left.count("--x\r\n") == 3
