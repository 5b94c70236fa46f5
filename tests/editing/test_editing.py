"""A cassette as text: nothing is lost on the way there and back, and each mistake is told with its line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.codec import ARCHIVE
from recorder.cassette.reader import open_cassette
from recorder.editing.reading import from_text, write
from recorder.editing.writing import to_text
from recorder.errors import DialectError, EditError
from recorder.library.sealing import seal
from recorder.model import FORMAT, Chunk, Header, Part, Record, Request, Response
from tests.cassette.records import ANY_TEXT, HEADER, ONE_OF_EACH, RECORDS, numbered

ROOT = Path(__file__).parents[2]
CASSETTES = sorted(
    path
    for folder in ("cassettes", "tests/cassettes")
    for path in (ROOT / folder).rglob("*.cassette")
    if path.stat().st_size < 200_000
)

HEADERS = st.builds(
    Header,
    started=st.integers(-(2**63), 2**63 - 1) | st.integers(0, 4 * 10**15),
    upstream=ANY_TEXT,
    dialect=ANY_TEXT,
    redaction=ANY_TEXT,
    profile=st.sampled_from(["sealed", "archive"]),
    dialect_text=ANY_TEXT,
    policy_text=ANY_TEXT,
    fitted=ANY_TEXT,
    part=st.none() | st.builds(Part, ANY_TEXT, st.integers(1, 9), st.integers(0, 2**40), st.integers(0, 9)),
)


def text(header: Header, records: Iterable[Record]) -> str:
    return "".join(to_text(header, records))


def of_one(record: Record) -> str:
    """The text of a cassette with one record."""
    return text(HEADER, numbered([record]))


def request(body: bytes) -> Request:
    return Request(0, 1, 0, "c", "POST", "/x", (), body)


def mistakes(content: str) -> list[str]:
    with pytest.raises(EditError) as caught:
        from_text(content, "a.toml")
    return [str(one) for one in caught.value.problems]


@given(HEADERS, st.lists(RECORDS, max_size=6).map(numbered))
def test_any_recording_is_the_same_after_its_text(header: Header, records: tuple[Record, ...]) -> None:
    content = text(header, records)

    found, read = from_text(content, "a.toml")

    assert (found, tuple(read)) == (header, records)


@given(HEADERS, st.lists(RECORDS, max_size=3).map(numbered))
def test_the_text_is_toml_and_safe_on_a_terminal(header: Header, records: tuple[Record, ...]) -> None:
    content = text(header, records)

    assert len(tomllib.loads(content).get("record", ())) == len(records)
    assert all(char.isprintable() or char in "\n\t" for char in content)


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_cassette_is_sealed_to_equal_bytes_after_its_text(path: Path, tmp_path: Path) -> None:
    with open_cassette(path) as cassette:
        content = text(cassette.header, cassette.records())
        is_archive = cassette.header.profile == ARCHIVE
    seal(path, tmp_path / "sealed.cassette", archive=is_archive)
    written = BytesIO()

    write(written, *from_text(content, "a.toml"), "a.toml")

    assert written.getvalue() == (tmp_path / "sealed.cassette").read_bytes()


def test_each_kind_of_record_as_text() -> None:
    content = text(HEADER, ONE_OF_EACH)

    assert "started = 2025-07-20T08:26:40.000000Z\n" in content
    assert (
        "# record 0\n[[record]]\n"
        'kind = "request"\nat = 1\nexchange = 0\nconnection = "conn"\nmethod = "POST"\n'
        'target = "/api/v2/me/outbound-records/7?a=%20"\n'
        'headers = [\n  ["Accept", "*/*"],\n]\n'
        "json = '{\"referenceId\": 1}'\n"
    ) in content
    assert 'base64 = "/wAgbm90IHRleHQ="\n' in content
    assert "body = '''\ndata: \"é\"\n\n'''\n" in content


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b'{"a":[1,2]}', "json = '{\"a\": [1, 2]}'\n"),
        (b'{"a": [1, 2]}', "json = '{\"a\": [1, 2]}'\nspaced = true\n"),
        (b'{"a":1.0, "b":2}', 'body = \'{"a":1.0, "b":2}\'\n'),
        (b'{"a":1,"a":1}', 'body = \'{"a":1,"a":1}\'\n'),
        (b'{"a":1e5}', "body = '{\"a\":1e5}'\n"),
        (b'["\\ud800"]', "body = '[\"\\ud800\"]'\n"),
        (b"a=1&b=2", 'body = "a=1&b=2"\n'),
        (b"one\r\ntwo", 'body = """\none\\r\ntwo"""\n'),
        (b"it's '''\n", 'body = """\nit\'s \'\'\'\n"""\n'),
        (b"\xff", 'base64 = "/w=="\n'),
    ],
)
def test_a_body_is_written_as_people_edit_it(body: bytes, line: str) -> None:
    content = of_one(request(body))

    assert content.endswith(line)
    assert from_text(content, "a.toml")[1] == [request(body)]


def test_long_json_is_written_with_line_breaks_and_read_without() -> None:
    body = b'{"name":"' + b"x" * 90 + b'","list":[1,{"deep":null}]}'

    content = of_one(request(body))
    changed = content.replace('"deep": null', '"deep": "it\'s é"')

    assert "json = '''\n{\n  \"name\": " in content
    assert from_text(changed, "a.toml")[1] == [request(body.replace(b"null", '"it\'s é"'.encode()))]


def test_records_are_numbered_by_their_place() -> None:
    content = text(HEADER, ONE_OF_EACH[:3])
    begin, end = content.index("# record 1\n"), content.index("# record 2\n")

    _, records = from_text(content[:begin] + content[end:], "a.toml")

    assert [(record.seq, type(record)) for record in records] == [(0, Request), (1, Request)]


def test_line_ends_of_windows_change_nothing() -> None:
    content = of_one(Chunk(0, 1, 1, b"data: 1\n\n"))

    assert from_text(content.replace("\n", "\r\n"), "a.toml") == from_text(content, "a.toml")


def test_a_text_without_texts_takes_the_shipped_dialect() -> None:
    header, records = from_text(of_one(request(b"")).replace('"gws"', '"gws-outbound"'), "a.toml")
    written = BytesIO()

    write(written, header, records, "a.toml")

    assert (header.dialect_text, header.format) == ("", FORMAT)
    assert b"gws-outbound" in written.getvalue()


def test_a_dialect_that_is_not_there() -> None:
    with pytest.raises(DialectError, match="no such dialect is shipped"):
        write(BytesIO(), *from_text(of_one(request(b"")), "a.toml"), "a.toml")


BEGIN = '[cassette]\nstarted = 0\nupstream = ""\ndialect = "gws-outbound"\nredaction = "none"\n'
RESPONSE = f'{BEGIN}[[record]]\nkind = "response"\nat = 1\nexchange = 2\nstatus = 200\n'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", ["a.toml:1: cassette: the table [cassette] is missing"]),
        ("a = 1\n", ["a.toml:1: a: stands before the first table; write [cassette] first"]),
        ("[[record]]\n", ["a.toml:1: record 0, record: the text begins with the table [cassette]"]),
        (f"{BEGIN}[other]\n", ["a.toml:6: other: 'other' is not allowed here; the tables are"]),
        (f"{BEGIN}{BEGIN}", ["a.toml:6: cassette: 'cassette' is not allowed here"]),
        (BEGIN.replace("= 0", "= 2026-01-01"), ["a.toml:2: started: is a date with time and time zone"]),
        (f"{BEGIN}[[record]]\nkind = 'reqest'\nat = 0\n", ["a.toml:7: record 0, kind: 'reqest' is none; did you"]),
        (f"{BEGIN}[[record]]\nat = 0\n", ["a.toml:6: record 0, kind: is missing; it is one of chunk, "]),
        (RESPONSE.replace("200", '"200"'), ["a.toml:10: record 0, status: is a whole number"]),
        (RESPONSE.replace("at = 1\n", ""), ["a.toml:6: record 0, at: is missing; it is a whole number"]),
        (RESPONSE + "stream = true\n", ["a.toml:11: record 0, stream: did you mean streamed?"]),
        (RESPONSE + "streamed = 1\n", ["a.toml:11: record 0, streamed: is true or false"]),
        (RESPONSE + "headers = ['a']\n", ["a.toml:11: record 0, headers: is a list of pairs"]),
        (RESPONSE + "json = '''\n{\n  1}'''\n", ["a.toml:11: record 0, json: is no JSON: Expecting property name"]),
        (RESPONSE + "json = '{}'\nbody = ''\n", ["a.toml:12: record 0, body: give one of json and body"]),
        (RESPONSE + "spaced = true\n", ["a.toml:11: record 0, spaced: is true or false, beside json"]),
        (RESPONSE + "base64 = '!'\n", ["a.toml:11: record 0, base64: is no Base64"]),
        (RESPONSE + "body = 7\n", ["a.toml:11: record 0, body: is a text"]),
        (RESPONSE + "body = 'a\n", ["a.toml:11: record: Expected"]),
        (RESPONSE + "\nbody = '''a\n\n[[record]]\n", ["a.toml:"]),
        (RESPONSE.replace("at = 1", f"at = {'9' * 5000}"), ["a.toml:8: record: a number has too many digits; write a"]),
        (RESPONSE.replace("at = 1", f"at = {1 << 65}"), ["a.toml:8: record 0, at: is larger than a number in a"]),
        (f"{BEGIN}part = {{ number = 1 }}\n", ["a.toml:6: part: is { capture = TEXT"]),
        (f"{BEGIN}part = {{ number = 1, after = 0, repeated = 0 }}\n", ["a.toml:6: capture: is missing; it is a text"]),
        (BEGIN + "[texts]\ndialekt = ''\n", ["a.toml:7: dialekt: did you mean dialect?"]),
        (
            RESPONSE.replace("200", "0x") + "\n", ["a.toml:10: record: "]
        ),
        (
            RESPONSE.replace("= 2\n", "= 'a'\n").replace("200", "'b'"),
            ["a.toml:9: record 0, exchange: is a whole number", "a.toml:10: record 0, status: is a whole number"],
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(content: str, told: list[str]) -> None:
    found = mistakes(content)

    assert len(found) == len(told)
    assert all(one.startswith(begin) for one, begin in zip(found, told, strict=True)), found


def test_the_first_mistake_tells_how_many_there_are() -> None:
    with pytest.raises(EditError, match=r"\(1 more mistake: recorder edit --from a.toml\)$"):
        from_text(RESPONSE.replace("= 2\n", "= 'a'\n").replace("200", "'b'"), "a.toml")


def test_what_a_cassette_cannot_hold_is_a_mistake() -> None:
    many = replace(request(b""), headers=(("a", "b"),) * 4097)

    assert "4096 at most" in mistakes(of_one(many))[0]
    assert "cannot hold that" in mistakes(text(replace(HEADER, dialect_text="x" * 140_000), []))[0]


@given(st.text() | st.text(st.sampled_from("[]'\"=\n#\\ record")).map(BEGIN.__add__))
def test_any_text_is_read_or_refused(content: str) -> None:
    try:
        header, records = from_text(content, "a.toml")
    except EditError:
        return
    else:
        assert from_text(text(header, records), "a.toml") == (header, records)


def test_a_hostile_text_is_read_in_little_time() -> None:
    assert mistakes(BEGIN + "[[record]]\n" + "x = '''\n" * 5_000)
    assert mistakes(BEGIN + "[[record]]\nbody = " + "[" * 20_000)
    assert len(mistakes(BEGIN + "[[record]]\n" * 1_000)) >= 1_000


def test_a_response_is_read() -> None:
    assert from_text(RESPONSE + "streamed = true\n", "a.toml")[1] == [Response(0, 1, 2, 200, (), b"", streamed=True)]
