"""Kinds of faults that fuzzing found, each in all the places where it was. Their inputs are in the corpus, too."""

from __future__ import annotations

import io
import zipfile
from itertools import pairwise

import click
import pytest
from click.testing import CliRunner

from recorder.cli import main
from recorder.cli.commands.slice import Numbers
from recorder.cli.options import Listen
from recorder.correlate.engine import correlate
from recorder.diagnose.answers import not_kept
from recorder.dialect.changing import changed
from recorder.dialect.definition import load, source
from recorder.dialect.definition import parse as parse_dialect
from recorder.dialect.paths import lookup, split
from recorder.diff.drafts import Drafts
from recorder.diff.holes import Reader
from recorder.errors import CassetteError, PolicyError
from recorder.formats.dates import moved
from recorder.formats.multipart import split as split_parts
from recorder.formats.streamed import EVENTS, units_of
from recorder.importers.containers import Container
from recorder.links.rewriting import Links, Origin, Server, links, server_at
from recorder.model import CUT, Note
from recorder.push.sse import EventStream
from recorder.redaction.policy import parse as parse_policy
from recorder.replay.engine.rewriting.pushed import _LINE
from recorder.replay.engine.rewriting.rewriter import Rewriter
from recorder.requests.bindings import HIDDEN, Bindings
from recorder.requests.hidden_text import HiddenText
from recorder.suggest.reading.values import is_number
from tests.costs import assert_cheap
from tests.fuzz.fuzz_standin import PREVIEW
from tests.wire import HEADER, Wire, body, chained, done

ENDLESS = "9" * 5000  # int() refuses more than 4300 digits, against attacks that cost quadratic time
HOST = "gws.example"
KNOWN = Links([Server(HOST, 0), Server("ws", 0)])


@pytest.mark.parametrize(
    ("kind", "text"),
    [(Numbers(), ENDLESS), (Numbers(), f"1-{ENDLESS}"), (Numbers(), "1-²"), (Listen(), f"localhost:{ENDLESS}")],
    ids=["number", "range", "superscript", "port"],
)
def test_a_number_without_end_among_options_is_a_mistake_that_is_told(kind: click.ParamType, text: str) -> None:
    with pytest.raises(click.UsageError):
        kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("1,3-5", [range(1, 2), range(3, 6)]),
        ("4-9,1-5,9,12", [range(1, 10), range(12, 13)]),
        ("5-3", []),
        ("0", [range(1)]),
        ("7-999999999999999999," * 2000 + "8", [range(7, 10**18)]),
    ],
    ids=["two", "shared", "none", "zero", "long"],
)
def test_ranges_of_numbers_take_no_memory_for_each_number(text: str, ranges: list[range]) -> None:
    assert list(Numbers().convert(text, None, None)) == ranges


@pytest.mark.parametrize("name", [ENDLESS, f"1.{ENDLESS}", f"u{ENDLESS}"], ids=["triple", "event", "unasked"])
def test_a_number_without_end_names_no_event(name: str) -> None:
    done = CliRunner().invoke(main, ["explain", str(PREVIEW), name])

    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(
    "value", [ENDLESS, f"/Date({ENDLESS})/", f"/Date(-{ENDLESS})/"], ids=["plain", "after", "before"]
)
def test_a_number_without_end_is_no_time(value: str) -> None:
    assert moved(value, 60) == value
    assert not is_number(value)
    assert not is_number("²")


def test_a_number_without_end_is_no_place_in_a_list() -> None:
    path = f"a.{ENDLESS}"

    assert lookup({"a": [1]}, path) is None
    assert changed({"a": [1]}, split(path), lambda _: 2) == {"a": [1]}


def test_a_number_without_end_in_the_form_of_a_mark_is_text() -> None:
    text = f'a zQ"{ENDLESS}>Qz'

    assert HiddenText.of(text, ["b"]).parts == (text,)
    assert Reader(Drafts(Wire().recording(), load()).ids, load()).body(body({"a": f"\ue000{ENDLESS}\ue001"}))


def test_a_number_without_end_in_a_note_names_no_record() -> None:
    assert not_kept(Note(0, 0, CUT, f"record {ENDLESS} is kept in part")) is None


def test_a_number_without_end_that_a_client_sends_takes_the_place_of_no_number() -> None:
    bindings = Bindings()
    bindings.bind(HIDDEN, "1234567890", ENDLESS)

    assert Rewriter(load(), bindings).value({"x": 1234567890, "y": "1234567890"}) == {"x": 1234567890, "y": ENDLESS}


@pytest.mark.parametrize(
    "damage",
    [(6, b"\x7f"), (42, b"\xff\xff\xff\x7f"), (10, b"\x63\x00"), (10, b"\x0e\x00")],
    ids=["version", "place", "method", "lzma"],
)
def test_a_zip_file_that_is_damaged_or_too_new_is_refused_in_a_line(damage: tuple[int, bytes]) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.har", b"{}" * 50)
    data = bytearray(written.getvalue())
    at = data.index(b"PK\x01\x02") + damage[0]
    data[at : at + len(damage[1])] = damage[1]

    with (
        pytest.raises(CassetteError, match="cannot be read") as told,
        Container.of_bytes(bytes(data), "x").reading() as found,
    ):
        found.read()

    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "text", ["http%3A%2F%2Fws://m", "https://ws://gws.example/", f"ws://http://{HOST}", f"//https://{HOST}"]
)
def test_the_host_of_a_link_is_not_the_scheme_of_another(text: str) -> None:
    found = list(links(text))

    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(link.scheme is None or found[0] is link or found[0].end <= link.scheme[0] for link in found)
    assert KNOWN.rewritten(text, Origin("h:1")).count("h:1") <= len(found)


@pytest.mark.parametrize("pattern", ["a{99999999999}", "(" * 5000 + "a" + ")" * 5000], ids=["repeated", "nested"])
def test_a_pattern_that_python_cannot_compile_is_a_mistake_of_the_policy(pattern: str) -> None:
    with pytest.raises(PolicyError, match="is not a regular expression"):
        parse_policy(f"name = 'x'\nextends = 'gws'\n[values]\nsecret = ['{pattern}']\n", path="x")


def test_a_path_of_a_dialect_without_end_leads_nowhere() -> None:
    """A cassette brings its dialect along, so that any stranger may write one."""
    text = source("gws-outbound").replace('"body.recordHandle"', f'"body{".a" * 5000}"')
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))

    recording = correlate(wire.records, parse_dialect(text, path="x", is_checked=False), HEADER)

    assert recording.triples[0].operation == "GetChainedRecord"


@pytest.mark.parametrize("unit", ["\\", "%25", "%", "&amp;", "&#0", "\\x", "25"])
def test_escapes_of_a_host_are_read_in_linear_time(unit: str) -> None:
    host = unit * (60_000 // len(unit)) + "h"

    # 60 seconds for backslashes, when each of them was tried as the first
    assert_cheap(lambda: server_at(host), below=1)


def test_a_line_of_a_stream_that_has_not_ended_is_read_in_linear_time() -> None:
    def act() -> None:
        EventStream().feed(b"data: 1\n" + b"x" * 1_000_000)
        assert _LINE.findall(b"data: 1\r\n\n" + b"x" * 1_000_000) == [(b"data: 1", b"\r\n"), (b"", b"\n")]

    assert_cheap(act, below=1)  # 3 seconds for 32 KB, when each byte of the line was tried as its first


def test_a_line_in_the_head_of_a_part_that_is_no_header_is_read_in_linear_time() -> None:
    head = b"--B\r\n" + b"x" * 1_000_000 + b"\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n--B--"

    # 4 seconds for 32 KB, when each byte of the line was tried as its first
    assert_cheap(lambda: split_parts(head, b"B"), below=1)
    found = split_parts(head, b"B")
    assert found is not None
    assert [part.name for part in found.parts] == ["a"]


@pytest.mark.parametrize("behind", [b"data: 1\n\n", b": comment\n\n"])
def test_blank_lines_of_a_stream_are_passed_over_once(behind: bytes) -> None:
    body = b"\n" * 100_000 + behind

    assert b"".join(units_of(body, EVENTS)) == body
    assert units_of(b"\n\n\n\n" + b"data: 1\n\n", EVENTS) == [b"\n\n", b"\n\n", b"data: 1\n\n"]
    assert units_of(b"\n\n\n: c\n\n", EVENTS) == [b"\n\n\n: c\n\n"]
    assert_cheap(lambda: units_of(body, EVENTS), below=1)  # more than 3 seconds for 16 KB
