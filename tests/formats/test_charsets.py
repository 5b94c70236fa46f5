"""Bytes and texts: any declared encoding, marks of byte order, and texts that no codec fits."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recorder.formats import charsets
from recorder.redaction.bodies.reading import changed_body
from recorder.redaction.policy import without_rules
from tests.redaction.bodies.changes import Seen, finder

CODECS = [
    "utf-8",
    "latin-1",
    "windows-1252",
    "shift_jis",
    "gb18030",
    "koi8-r",
    "cp500",
    "utf-16-le",
    "utf-16-be",
    "utf-32-le",
]
MARKED = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
TEXTS = {
    "JSON": '{"password":"h\xfcnter2x","n":1}',
    "XML": "<a><password>h\xfcnter2x</password></a>",
    "form": "note=1&password=h\xfcnter2x",
    "plain": "password: h\xfcnter2x",
    "SSE": 'data: {"password":"h\xfcnter2x"}\n\n',
    "script": 'var x = {password: "h\xfcnter2x"};',
}


def read(body: bytes, media: str = "") -> bytes:
    return finder().body(body, (("Content-Type", media),) if media else ())


@given(st.binary(max_size=60), st.sampled_from(["", *CODECS, "utf-16", "none", "utf-7", "idna"]))
def test_decoded_bytes_are_encoded_as_they_were(body: bytes, charset: str) -> None:
    text, codec = charsets.decoded(body, charset)

    assert isinstance(text, str)
    assert charsets.encoded(text, codec).decode(codec) == text


@given(
    st.binary(max_size=40), st.sampled_from(["", "text/xml; charset=cp500", "text/plain; charset=utf-16", "image/png"])
)
def test_a_change_of_nothing_leaves_any_bytes_as_they_are(body: bytes, media: str) -> None:
    policy, seen = without_rules(), Seen()
    seen.unread = lambda *_: None  # type: ignore[method-assign]  # bodies that are no text may come

    assert changed_body(body, (("Content-Type", media),), seen, policy, policy.root()) == body or not body


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("codec", ["utf-8", "latin-1", "windows-1252", "cp500", "utf-16-le", "utf-16-be", "utf-32-be"])
def test_every_form_is_read_in_its_declared_charset(codec: str, form: str) -> None:
    made = read(TEXTS[form].encode(codec), f"text/plain; charset={codec}")

    assert made.decode(codec) == TEXTS[form].replace("h\xfcnter2x", "#")


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("codec", MARKED)
def test_every_form_is_read_after_a_byte_order_mark_and_the_mark_stays(codec: str, form: str) -> None:
    made = read(MARKED[codec] + TEXTS[form].encode(codec))

    assert made == MARKED[codec] + TEXTS[form].replace("h\xfcnter2x", "#").encode(codec)


@pytest.mark.parametrize("form", ["JSON", "XML"])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("media", ["", "application/json", "text/xml; charset=utf-16"])
def test_wide_json_and_xml_need_no_mark(codec: str, form: str, media: str) -> None:
    made = read(TEXTS[form].encode(codec), media)

    assert made.decode(codec) == TEXTS[form].replace("h\xfcnter2x", "#")


@pytest.mark.parametrize(
    "codec", ["iso-8859-1", "windows-1252", "shift_jis", "euc-jp", "koi8-r", "cp500", "cp037", "utf-16"]
)
def test_the_encoding_that_xml_declares_counts(codec: str) -> None:
    value = "ж" if codec in ("shift_jis", "koi8-r", "euc-jp") else "ü"
    text = f'<?xml version="1.0" encoding="{codec}"?><a><password>{value}</password><b>{value}</b></a>'

    made = read(text.encode(codec), "text/xml")

    assert made.decode(codec) == text.replace(value, "#", 1)


def test_a_charset_of_the_media_type_that_does_not_fit_is_no_reason_to_miss_a_value() -> None:
    for charset in ("ascii", "utf-8", "shift_jis", "none", "hex", "idna"):
        assert b"hunter" not in read(b'{"a":"\xff\xfe","password":"hunter2x"}', f"application/json; charset={charset}")


@given(st.text(st.characters(exclude_characters=map(chr, range(0xDC80, 0xDD00)))), st.binary())
@example("\ud800", b"\xff")
def test_a_text_is_bytes_again(text: str, body: bytes) -> None:
    plain = body.decode("utf-8", "surrogateescape")

    assert charsets.as_utf8(plain) == body
    assert charsets.as_utf8(text).decode("utf-8", "surrogatepass") == text
    assert charsets.as_utf8(plain + "\ud800" + text) == body + b"\xed\xa0\x80" + charsets.as_utf8(text)


@pytest.mark.parametrize(
    ("markup", "expected"), [(False, '{"a":"\\u00fc\\ud83d\\ude00"}'), (True, '{"a":"&#252;&#128512;"}')]
)
def test_a_character_that_a_codec_lacks_is_written_as_the_form_allows(markup: bool, expected: str) -> None:
    made = charsets.encoded('{"a":"ü\U0001f600"}', "ascii", markup=markup).decode()

    assert made == expected
    assert markup or json.loads(made) == {"a": "ü\U0001f600"}


@pytest.mark.parametrize(
    ("body", "charset", "expected"),
    [
        (b"plain", "", True),
        ("ü".encode(), "", True),
        (b"\xfc", "", False),
        (b"\xfc", "latin-1", True),
        (b"a\0", "", False),
        ("ü".encode("utf-16"), "", True),
        (b"\x1f\x8b", "latin-1", False),
    ],
)
def test_plain_text_decodes_strictly_and_has_no_control_bytes(body: bytes, charset: str, expected: bool) -> None:
    assert charsets.is_plain_text(body, charset) is expected
