"""No text of a peer takes more than linear time: four times the text takes four to five times as long.

`python -m benchmarks.worst` measures all rows at 1 MB, and looks for worse texts; here each reader reads a few of them.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable
from itertools import groupby

import pytest

from benchmarks.worst_rows import Row
from benchmarks.worst_texts import ROWS, VALUES, redact, response, scan
from recorder.capture.hosts import patterns
from recorder.capture.led_away import _field
from recorder.correlate.sessions import _PARAMETER
from recorder.formats import multipart
from recorder.links.cookies import unbound
from recorder.links.rewriting import Link, Server, links, path_behind
from recorder.redaction.again import has_free_form
from recorder.redaction.policy import FORMER, load, parse
from recorder.redaction.pseudonyms import Kind, Pseudonyms
from recorder.replay.engine.rewriting import pushed
from recorder.requests.hidden_text import _FORMS
from recorder.suggest import keys
from recorder.suggest.causing import kinds
from recorder.suggest.reading import values
from tests.costs import assert_cheap, seconds

SMALL, LARGE = 3_000, 12_000  # bytes
MOST_ROWS = 3  # of a reader; all together take half a minute on a busy machine
_PLAIN = [row for row in ROWS if not any(repr(value) in row.name for value in VALUES)]


def _reader(row: Row) -> str:
    return f"{row.part}: {row.name.partition(':')[0]}"


def _some(rows: Iterable[Row], count: int = MOST_ROWS) -> list[Row]:
    """Return a few of the rows, always the same."""
    found = list(rows)
    return random.Random(len(found)).sample(found, min(count, len(found)))


BY_READER = {
    reader: _some(rows) for reader, rows in groupby(sorted(_PLAIN, key=_reader), _reader) if "detector: " not in reader
} | {"detector": _some((row for row in _PLAIN if row.part == "detector"), 60)}


@pytest.mark.once
@pytest.mark.parametrize("reader", BY_READER)
def test_a_reader_takes_time_for_the_length_of_a_text_only(reader: str) -> None:
    slow = [row.name for row in BY_READER[reader] if all(_grows(row) for _ in range(3))]  # a machine may be busy once

    assert not slow


def _grows(row: Row) -> bool:
    """Return whether a row took much more than four times as long for four times the text."""
    small, large = row.make(SMALL), row.make(LARGE)
    took = seconds(lambda: row.act(large))
    return took > 0.1 and took > 8 * max(seconds(lambda: row.act(small)), 0.01)


N = 100_000
LINK = Link(Server("a", 0), None, is_socket=False, slash="/", start=0, end=0)
ONCE: dict[str, Callable[[], object]] = {
    "a pseudonym of a long value": lambda: Pseudonyms(b"k" * 32).of(Kind.SECRET, "aB3" * N),
    "the form of a pseudonym": lambda: has_free_form(Kind.SECRET, "=" * N),
    "the names of attributes": lambda: redact(response(f"<a {'a' * N}>", "text/xml")),
    "attributes that end in others": lambda: redact(response('<a b="Basic ' * (N // 12), "text/xml")),
    "parameters of a credential": lambda: _PARAMETER.findall("p" * N),
    "headers of a part": lambda: multipart.split(b"--XX\r\n" + b"a" * N + b"\r\n\r\n--XX--", b"XX"),
    "a user in a URL": lambda: list(links(f"//{'%252525' * 99}\\")),
    "a path behind a URL": lambda: [path_behind("\\" * 2_000 + "/", LINK) for _ in range(50)],
    "the field of a link": lambda: [_field(f'"a"{" " * 145}:{" " * 145}', LINK) for _ in range(200)],
    "an attribute of a cookie": lambda: unbound([f"secure{' ' * N}x"]),
    "lines of an event": lambda: list(pushed._LINE.finditer(b"|" * N)),
    "strings without an end": lambda: list(_FORMS[0].pattern.finditer('\\"' * N)),
    "a word with a number": lambda: values._COUNTED.fullmatch("a" * 50 + " "),
    "a name": lambda: values._NAME.fullmatch("a_" * 50 + "-"),
    "a counter": lambda: keys._counted("a" + ":a" * N),
    "the name of an id": lambda: keys._ID.search("transaction" * (N // 11) + ":"),
    "the name of a kind": lambda: kinds._HINT.search("notification" * (N // 12) + ":"),
    "many stars in a host": lambda: patterns(["*a" * 50 + "*b"])[0].fits("a" * 250, 443),
}


@pytest.mark.parametrize("act", ONCE.values(), ids=ONCE)
def test_what_took_minutes_takes_a_moment(act: Callable[[], object]) -> None:
    assert_cheap(act, below=2)


def test_the_places_of_a_deep_document_are_found_from_those_around_them() -> None:
    inner = json.dumps({f"m{number}": "x y" for number in range(3_000)})
    document = '{"a":' * 150 + inner + "}" * 150

    assert_cheap(lambda: scan(response(document, "application/json")), below=4)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("token: abc1def", "abc1def"),
        ("token: abcdefg", None),
        (f"secret: {'a' * 150}1", f"{'a' * 150}1"),
        (f"secret: {'a' * 300}", f"{'a' * 300}"),  # more than the former pattern found
    ],
)
def test_a_token_in_a_line_is_found_by_a_digit_near_its_begin(text: str, value: str | None) -> None:
    found = [text[start:end] for start, end, _ in load().values.spans(text)]

    assert found == ([] if value is None else [value])


def test_a_former_pattern_of_a_shipped_policy_has_its_later_form() -> None:
    (former, later) = next(iter(FORMER.items()))
    text = f'name = "mine"\nextends = "gws"\n[values]\nsecret = [{json.dumps(former)}]\n'

    own = parse(text, path="mine.toml").values.patterns[0][0]

    assert isinstance(own, re.Pattern)
    assert own.pattern == later
