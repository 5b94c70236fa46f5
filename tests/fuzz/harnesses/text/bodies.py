"""Redaction of bodies in every form: no error, the same structure, and no planted secret left.

Where a secret was planted in a form that another reader (json, urllib, ElementTree, csv) finds under a name that the
policy hides, no byte of it may be in what comes out.
"""

from __future__ import annotations

import gzip
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree as ET

from recorder.model import Note, Record, Request, Response, SocketMessage
from recorder.redaction.again import Again
from recorder.redaction.known import Known
from recorder.redaction.policy import load, shipped
from recorder.redaction.redactor import Redactor
from recorder.redaction.scan import Scan
from tests.fuzz.drawing import Draw

SECRET = "hunter2Tiger5Qx"
HIDDEN = "password"
PLANTED = b'"password":"hunter2Tiger5Qx"'
TOKENS = (
    PLANTED, b"password=hunter2Tiger5Qx", b"<password>hunter2Tiger5Qx</password>", b'password="hunter2Tiger5Qx"',
    b"hunter2Tiger5Qx", b"password", b"data: ", b"\n\n",
    b'--B\r\nContent-Disposition: form-data; name="password"\r\n\r\n', b"--B--", b"{", b"}", b"[", b"]", b'":', b",",
    b"\\u0022", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"&amp;", b"%22", b"+1 555 010 9999",
    b"eyJhbGciOiJub25lIn0.eyJhIjoxfQ.", b"for(;;);", b"cb(", b")", b"\xff\xfe", b"\x1e", b"/*", b"*/",
    b"password,note\n", b"\t", b"key", b'{"key":"password","value":"hunter2Tiger5Qx"}', b"aHVudGVyMlRpZ2VyNVF4",
    b"<?xml version='1.0' encoding='utf-16'?>", b"<!DOCTYPE x [", b"&#104;", b"https://a:hunter2Tiger5Qx@h/",
)  # fmt: skip
MEDIA = (
    "application/json", "application/x-www-form-urlencoded", "text/xml", "text/html", "text/plain",
    "text/event-stream", "multipart/form-data; boundary=B", "text/csv", "application/javascript",
    "application/x-ndjson", "", "image/png", "text/plain; charset=utf-16", "application/json; charset=nonsense",
    "application/octet-stream", "text/yaml", "multipart/mixed; boundary=", "application/json-seq",
    "application/graphql", "text/html; charset=iso-2022-jp",
)  # fmt: skip
SECONDS = 3.0  # a body is read four times, and escapes are the slowest of all texts
POLICIES = (load(), shipped("salesforce"))


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    media, kind, policy = draw.pick(MEDIA), draw.below(8), draw.pick(POLICIES)
    body = draw.rest()
    headers: tuple[tuple[str, str], ...] = (("Content-Type", media),) if media else ()
    if kind == 7:
        body, headers = gzip.compress(body, 1, mtime=0), (*headers, ("Content-Encoding", "gzip"))
    record = _record(kind, headers, body)

    made = Redactor(policy, bytes(32)).redact(record)
    _scanned(policy, record, made)

    if kind < 4 and isinstance(made, Request | Response):
        _keeps(media, body, made.body, policy is POLICIES[0])
    if isinstance(made, Request):
        _keeps_target(record, made)


def _record(kind: int, headers: tuple[tuple[str, str], ...], body: bytes) -> Record:
    text = body.decode("utf-8", "surrogateescape")
    match kind:
        case 4:
            return Request(0, 0, 0, "c", "GET", f"/a?{text}", (("Cookie", text[:200]), ("X-A", text[-50:])), b"")
        case 5:
            return SocketMessage(0, 0, 0, from_client=False, body=body)
        case 6:
            return Note(0, 0, "x", text)
        case 0:
            return Request(0, 0, 0, "c", "POST", "/", headers, body)
    return Response(0, 0, 0, 200, headers, body)


def _scanned(policy: Any, record: Record, made: Record) -> None:
    scan = Scan(policy, policy)
    scan.record(made)
    scan.settled(record)
    again = Again(policy, bytes(32))
    again.begin(Known(), {})
    again.learn(made)
    again.redact(made)


def _keeps(media: str, before: bytes, after: bytes, is_default: bool) -> None:
    """What another reader reads of the body has the same structure, and no secret under the hidden name."""
    kind = media.partition(";")[0]
    if kind == "application/json" and "charset" not in media:
        was = _json(before)
        if was is not None:
            now = _json(after)
            assert now is not None, "no JSON any more"
            assert _shape(was) == _shape(now)
            assert not _names(now, HIDDEN, SECRET), "a planted secret is left"
    elif kind == "application/x-www-form-urlencoded" and is_default and before[:1] not in b'[{<"' and before.isascii():
        pairs = _pairs(before)
        if pairs and (HIDDEN, SECRET) in pairs:
            assert (HIDDEN, SECRET) not in (_pairs(after) or []), "a planted secret is left"
    elif kind == "text/xml" and (was := _xml(before)) is not None:
        now = _xml(after)
        assert now is not None, "no XML any more"
        assert [e.tag for e in was.iter()] == [e.tag for e in now.iter()]
        assert not any(e.tag == HIDDEN and e.text == SECRET for e in now.iter()), "a planted secret is left"


def _keeps_target(before: Record, after: Request) -> None:
    assert isinstance(before, Request)
    was, now = _query(before.target), _query(after.target)
    if was is not None:
        assert now is not None
        assert (HIDDEN, SECRET) not in now


def _query(target: str) -> list[tuple[str, str]] | None:
    return (
        parse_qsl(urlsplit(target).query, max_num_fields=200) if target.count("&") < 200 and "[" not in target else None
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None


def _no_json(constant: str) -> Any:
    raise ValueError(constant)  # NaN and its like


def _shape(value: Any) -> Any:
    """The structure: kinds of values, and how many there are; names may be values of the policy."""
    if isinstance(value, dict):
        return {"": [_shape(item) for item in value.values()]}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value).__name__ if value is None or isinstance(value, bool) else ""


def _names(value: Any, name: str, wanted: str) -> bool:
    if isinstance(value, dict):
        return value.get(name) == wanted or any(_names(item, name, wanted) for item in value.values())
    return isinstance(value, list) and any(_names(item, name, wanted) for item in value)


def _pairs(body: bytes) -> list[tuple[str, str]] | None:
    try:
        return parse_qsl(body.decode(), max_num_fields=500)
    except ValueError:
        return None


def _xml(body: bytes) -> ET.Element | None:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body or len(body) > 4000:
        return None
    try:
        return ET.fromstring(body.decode())
    except (ET.ParseError, ValueError, LookupError):
        return None
