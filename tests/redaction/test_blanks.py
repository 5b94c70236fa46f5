"""With blanks in the places of values one sees which places they are."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest

from recorder.model import Request, Response
from recorder.redaction.blanks import BLANKS, blank, changes
from recorder.redaction.finder import Finder
from recorder.redaction.known import Known
from recorder.redaction.policy import load
from recorder.redaction.pseudonyms import Kind
from recorder.redaction.redactor import redacted

RECORD = Response(0, 0, 0, 200, (("Cookie", "a=1; b=2"),), b'{"a":"x","n":12}')


@pytest.mark.parametrize("kind", Kind)
def test_a_blank_says_of_which_kind_the_value_was(kind: Kind) -> None:
    after = replace(RECORD, body=f'{{"a":"{blank(kind, "x")}","n":{blank(kind, "12", number=True)}}}'.encode())

    assert [(leaf.where, leaf.text, found) for leaf, found in changes(RECORD, after)] == [
        ("body a", "x", kind),
        ("body n", "12", kind),
    ]


@pytest.mark.parametrize("kind", Kind)
def test_a_blank_stays_one(kind: Kind) -> None:
    again = blank(Kind.SECRET, blank(kind, "x"))
    number = blank(Kind.SECRET, blank(kind, "12", number=True), number=True)

    assert (again, number) == (BLANKS[kind], blank(kind, "12", number=True))


def test_each_blank_counts() -> None:
    after = replace(RECORD, headers=(("Cookie", "a=¤; b=¤"),))

    assert [leaf.where for leaf, _ in changes(RECORD, after)] == ["header Cookie", "header Cookie"]


def test_where_the_places_are_others_the_whole_is_compared() -> None:
    before = Request(0, 0, 0, "c", "GET", "/", (), b'{"secret":"x"}')
    after = replace(before, body='{"¤":"x"}'.encode())

    assert [(leaf.where, kind) for leaf, kind in changes(before, after)] == [("body", Kind.SECRET)]


@pytest.mark.parametrize(
    "write",
    [
        lambda inner: json.dumps({"note": inner}),
        lambda inner: json.dumps({"note": json.dumps({"deeper": inner})}),
        lambda inner: json.dumps({"note": base64.b64encode(inner.encode()).decode()}),
        lambda inner: f"note={quote(inner, safe='')}&b=1",
        lambda inner: f"<a>{escape(inner)}</a>",
        lambda inner: f"<a><![CDATA[{inner}]]></a>",
        lambda inner: f"data: {inner}\n\n",
        lambda inner: f"a[{json.dumps(inner)}]",
        lambda inner: f"cb({json.dumps(inner)[:0]}{inner});",
    ],
)
def test_a_value_in_any_dress_is_a_change(write: Callable[[str], str]) -> None:
    before = Request(0, 0, 0, "c", "POST", "/", (), write('{"password":"hunter2x"}').encode())
    after = redacted(before, Finder(load(), blank, Known()))

    assert [kind for _, kind in changes(before, after)] == [Kind.SECRET]


def test_an_equal_record_has_no_changes() -> None:
    assert changes(RECORD, RECORD) == []
