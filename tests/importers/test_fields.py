"""Fields of HAR entries as tools write them beside the specification."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest

from recorder.importers import fields
from recorder.importers.containers import Container
from recorder.importers.losses import Loss
from recorder.model import Headers

NOWHERE = Container.of_bytes(b"", "some.har")


def posted(data: Any, media: str = "", **request: Any) -> bytes:
    headers = (("Content-Type", media),) if media else ()
    body, _ = fields.posted({"postData": data, **request}, headers, NOWHERE)
    return body


def content(data: Any, *headers: tuple[str, str]) -> tuple[bytes, Loss | None]:
    return fields.content({"content": data}, headers, NOWHERE)


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://h/a?b=c#d", "https://h", "/a?b=c"),
        ("HTTPS://GWS.Example:443/A", "https://gws.example", "/A"),
        ("http://gws.example:80", "http://gws.example", "/"),
        ("http://gws.example:443/", "http://gws.example:443", "/"),
        ("wss://gws.example:443/s", "https://gws.example", "/s"),
        ("ws://gws.example./s", "http://gws.example", "/s"),
        ("https://user:secret@gws.example/", "https://gws.example", "/"),
        ("https://Bücher.example/ü", "https://xn--bcher-kva.example", "/%C3%BC"),
        ("https://h/a b?c=d\u20ac", "https://h", "/a%20b?c=d%E2%82%AC"),
        ("https://h/%2F%zz?a=%", "https://h", "/%2F%zz?a=%"),
        ("http://[::1]:8080/", "http://[::1]:8080", "/"),
        ("  https://h/  ", "https://h", "/"),
    ],
)
def test_one_server_has_one_origin(url: str, origin: str, target: str) -> None:
    assert fields.url_of(url) == fields.Url(origin, target)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", Loss.NO_URL), (None, Loss.NO_URL), (7, Loss.NO_URL), ("/a", Loss.NO_URL), ("https://", Loss.NO_URL),
        ("http://[", Loss.NO_URL), ("http://h:x/", Loss.NO_URL), ("{{ host }}/a", Loss.NO_URL),
        ("data:,x", Loss.NOT_HTTP), ("blob:https://h/1", Loss.NOT_HTTP), ("about:blank", Loss.NOT_HTTP),
        ("chrome-extension://abc/x", Loss.NOT_HTTP), ("file:///etc/hosts", Loss.NOT_HTTP),
        ("moz-extension://a/", Loss.NOT_HTTP), ("http://.", Loss.NO_URL),
    ],
)  # fmt: skip
def test_a_url_that_no_server_answers_has_a_reason(url: Any, reason: Loss) -> None:
    assert fields.url_of(url) == reason


@pytest.mark.parametrize("name", ["encoding", "_encoding"])
@pytest.mark.parametrize("value", ["base64", "BASE64", " base64 "])
def test_a_request_body_may_be_base64(name: str, value: str) -> None:
    assert posted({"text": base64.b64encode(b"[1]").decode(), name: value}) == b"[1]"


@pytest.mark.parametrize("name", ["", "utf-8", "UTF8", "none", "identity", None, 7])
def test_other_encodings_of_text_are_text(name: Any) -> None:
    assert posted({"text": "[1]", "encoding": name}) == b"[1]"


@pytest.mark.parametrize(
    "text", ["eHh4eA==", "eHh4eA", "eHh4\neA==\n", "eHh4\r\neA==", " eHh4 eA= =", "eHh4eA==\t"]
)  # fmt: skip
def test_base64_may_have_line_ends_or_no_padding(text: str) -> None:
    assert fields.from_base64(text) == b"xxxx"


def test_base64_may_have_the_alphabet_of_urls() -> None:
    assert fields.from_base64("-_8") == fields.from_base64("+/8=") == b"\xfb\xff"


@pytest.mark.parametrize("text", ["!", "a", "eHh4eA==eHh4eA==", "é", "{}"])
def test_what_is_no_base64_is_none(text: str) -> None:
    assert fields.from_base64(text) is None


@pytest.mark.parametrize(
    ("params", "size", "body"),
    [
        ([{"name": "a b", "value": "c&"}], 0, b"a+b=c%26"),
        ([{"name": "a", "value": "b%20c"}], 0, b"a=b%20c"),
        ([{"name": "message", "value": "%5B%7B%22a%22%3A1%7D%5D"}], 0, b"message=%5B%7B%22a%22%3A1%7D%5D"),
        ([{"name": "message", "value": '[{"a":1}]'}], 0, b"message=%5B%7B%22a%22%3A1%7D%5D"),
        ([{"name": "a", "value": "100%"}], 0, b"a=100%25"),
        ([{"name": "a", "value": "50%25"}], len("a=50%2525"), b"a=50%2525"),
        ([{"name": "a", "value": "b+c"}], len("a=b+c"), b"a=b+c"),
        ([{"name": "a", "value": "b+c"}], 0, b"a=b%2Bc"),
        ([{"name": "a"}, {"name": "b", "value": None}, {"name": "c", "value": 7}], 0, b"a=&b=&c=7"),
        ([{"value": "no name"}, "x", None], 0, b""),
    ],
)
def test_parameters_are_encoded_once(params: list[Any], size: int, body: bytes) -> None:
    assert posted({"params": params}, bodySize=size) == body


def test_text_comes_before_parameters() -> None:
    assert posted({"text": "a=b", "params": [{"name": "c", "value": "d"}]}) == b"a=b"


def test_parameters_of_a_multipart_body_become_parts() -> None:
    params = [
        {"name": "a", "value": "1"},
        {"name": "f", "fileName": 'x".txt', "contentType": "text/plain", "value": "hello"},
    ]

    body = posted({"params": params}, "multipart/form-data; boundary=XX")

    assert body.startswith(b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--XX\r\n')
    assert b'name="f"; filename="x%22.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n' in body
    assert body.endswith(b"--XX--\r\n")


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json", "é".encode()), ("text/plain; charset=iso-8859-1", b"\xe9"),
        ("text/plain; charset=UTF-8", "é".encode()), ("text/plain; charset=us-ascii", "é".encode()),
        ("text/plain; charset=nonsense", "é".encode()), ('text/plain;charset="windows-1252"', b"\xe9"),
    ],
)  # fmt: skip
def test_text_is_in_the_charset_of_its_media_type(media: str, body: bytes) -> None:
    assert content({"text": "é"}, ("Content-Type", media)) == (body, None)
    assert posted({"text": "é"}, media) == body


@pytest.mark.parametrize(
    ("data", "body"),
    [(gzip.compress(b"text", mtime=0), b"text"), (b"text", b"text"), (b"\x1f\x8bx", b"\x1f\x8bx")],
    ids=["as it was sent", "decoded, with the old header", "no gzip"],
)
def test_a_body_with_a_content_encoding_is_decoded_once(data: bytes, body: bytes) -> None:
    packed = {"text": base64.b64encode(data).decode(), "encoding": "base64"}

    assert content(packed, ("Content-Encoding", "gzip"), ("Content-Length", "7")) == (body, None)


def test_a_file_in_gzip_is_no_encoded_body() -> None:
    packed = {"text": base64.b64encode(gzip.compress(b"x")).decode(), "encoding": "base64"}

    body, _ = content(packed, ("Content-Type", "application/gzip"))

    assert gzip.decompress(body) == b"x"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"size": 7}, Loss.NO_BODY), ({"size": 7, "text": None}, Loss.NO_BODY), ({"size": 0}, None),
        (None, None), ("x", None),
        ({"text": "!", "encoding": "base64"}, Loss.BAD_BODY), ({"text": "x", "encoding": "rot13"}, Loss.BAD_BODY),
        ({"_file": "x"}, Loss.NO_FILE), ({"_file": 7}, Loss.NO_FILE),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_had_has_a_reason(data: Any, reason: Loss | None) -> None:
    assert content(data) == (b"", reason)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([{"name": "a", "value": "b", "comment": "c"}], (("a", "b"),)),
        ([["a", "b"], ["broken"], [1, 2], None, 7], (("a", "b"),)),
        ({"a": "b", "c": ["d", "e"]}, (("a", "b"), ("c", "d"), ("c", "e"))),
        ([{"name": "Content-Length", "value": 7}], (("Content-Length", "7"),)),
        ([{"name": "Set-Cookie", "value": "a=1\nb=2"}], (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))),
        ([{"name": ":method", "value": "GET"}, {"name": ":authority", "value": "h"}], (("Host", "h"),)),
        ([{"name": "", "value": "b"}, {"name": "a", "value": None}], ()),
        ("nonsense", ()),
        (None, ()),
    ],
)
def test_headers_are_objects_or_pairs(headers: Any, found: Headers) -> None:
    assert fields.headers_of({"headers": headers}) == found


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (200, 200),
        ("200", 200),
        (200.0, 200),
        (0, 0),
        (-1, 0),
        (None, 0),
        ("", 0),
        (True, 0),
        (99, 0),
        (1000, 0),
        ("x", 0),
    ],
)
def test_a_status_is_a_number_of_three_digits(value: Any, status: int) -> None:
    assert fields.status_of(value) == status


@pytest.mark.parametrize(
    ("value", "method"),
    [
        ("GET", "GET"),
        ("get", "GET"),
        ("Post", "POST"),
        (" PUT ", "PUT"),
        ("purge", "purge"),
        (None, ""),
        (7, ""),
        ("", ""),
    ],
)
def test_a_method_is_in_capitals_if_it_is_a_known_one(value: Any, method: str) -> None:
    assert fields.method_of(value) == method
