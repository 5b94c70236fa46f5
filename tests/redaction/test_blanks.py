"""With blanks in the places of values one sees which places they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.model import Request, Response
from recorder.redaction.blanks import BLANKS, blank, changes
from recorder.redaction.pseudonyms import Kind

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


def test_an_equal_record_has_no_changes() -> None:
    assert changes(RECORD, RECORD) == []
