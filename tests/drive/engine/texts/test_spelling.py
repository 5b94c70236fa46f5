"""A value is read and written in the spelling of the text around it."""

from __future__ import annotations

import json
from urllib.parse import unquote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.drive.engine.texts.spelling import Edit, Spelling, decoded, rewritten

ESCAPES = ["&", "&amp;", "&#65;", "&#x20ac;", "&no", "\\", "\\n", "\\u00e9", "\\ud83d", "\\ude00", '"', "<", "'"]
ESCAPED = st.lists(st.sampled_from([*"ab/?=+ é€😀", "%41", "%C3%A9", "%c3", "%F0%9F%98", "%zz", "%", *ESCAPES])).map(
    "".join
)
SPELLED = st.sampled_from([s for s in Spelling if s is not Spelling.NUMBER])


@pytest.mark.parametrize(
    ("spelling", "written", "edit", "expected"),
    [
        (Spelling.JSON, r"caf\u00e9 A", Edit(5, 6, "B"), r"caf\u00e9 B"),
        (Spelling.JSON, r"a\/b", Edit(2, 3, "x/y"), r"a\/x\/y"),
        (Spelling.JSON, r"\ud83d\ude00!", Edit(1, 2, '"'), r"\ud83d\ude00\""),
        (Spelling.JSON, "1", Edit(0, 1, "ü"), "ü"),
        (Spelling.NUMBER, "12345678901234567890", Edit(0, 20, "98765432109876543210"), "98765432109876543210"),
        (Spelling.NUMBER, "17", Edit(0, 2, "007"), '"007"'),
        (Spelling.NUMBER, "17", Edit(0, 2, "x"), '"x"'),
        (Spelling.NUMBER, "17", Edit(0, 2, "-0.5e3"), "-0.5e3"),
        (Spelling.NUMBER, "1.50", Edit(0, 3, "2"), "2"),
        (Spelling.NUMBER, "1" * 5000, Edit(0, 5000, "2"), "2"),
        (Spelling.NUMBER, "-5", Edit(1, 2, "7"), "-7"),
        (Spelling.NUMBER, "1e2", Edit(0, 5, "7"), "7"),
        (Spelling.PERCENT, "a%3ab", Edit(0, 1, "x:/"), "x%3a%2f%3ab"),
        (Spelling.PERCENT, "a:b", Edit(0, 1, "x:/?"), "x:%2F%3F:b"),
        (Spelling.PERCENT, "%C3%A9-%C3%A9", Edit(2, 3, "ü"), "%C3%A9-%C3%BC"),
        (Spelling.PERCENT, "%c3a%", Edit(1, 2, "b"), "%c3b%"),
        (Spelling.PERCENT, "%F0%9F%98%41a", Edit(2, 3, "b"), "%F0%9F%98%41b"),
        (Spelling.JSON, r"\xa", Edit(2, 3, "b"), r"\xb"),
        (Spelling.PLUS, "a+b", Edit(0, 1, "x y&z=1"), "x+y%26z%3D1+b"),
        (Spelling.PLUS, "a%20b", Edit(0, 1, "x y+"), "x%20y%2B%20b"),
        (Spelling.MARKUP, "a&amp;b", Edit(2, 3, "<c>&"), "a&amp;&lt;c&gt;&amp;"),
        (Spelling.QUOTED, "a&#x26;b", Edit(0, 1, "\"'"), "&quot;&#39;&#x26;b"),
        (Spelling.CDATA, "a<b", Edit(0, 1, "]]>"), "]]]]><![CDATA[><b"),
        (Spelling.LINE, "Bearer X", Edit(7, 8, "y\r\nEvil: 1"), "Bearer y%0D%0AEvil: 1"),
        (Spelling.PLAIN, "a b", Edit(2, 3, "\r\n"), "a \r\n"),
    ],
)
def test_a_value_is_written_as_the_text_spells(spelling: Spelling, written: str, edit: Edit, expected: str) -> None:
    assert rewritten(spelling, written, [edit]) == expected


def test_ascii_json_stays_ascii() -> None:
    assert rewritten(Spelling.JSON, "1", [Edit(0, 1, "ü")], is_ascii=True) == r"\u00fc"


def test_half_a_surrogate_pair_is_escaped() -> None:
    assert rewritten(Spelling.JSON, "1", [Edit(0, 1, "\ud83d")]) == r"\ud83d"


def test_of_parts_that_overlap_the_first_is_changed() -> None:
    assert rewritten(Spelling.PLAIN, "abc", [Edit(0, 2, "x"), Edit(1, 3, "y")]) == "xc"


def test_a_part_at_the_end_and_one_of_nothing_are_changed() -> None:
    assert rewritten(Spelling.PLAIN, "abc", [Edit(3, 3, "x"), Edit(0, 0, "y")]) == "yabcx"
    assert rewritten(Spelling.PLAIN, "", [Edit(0, 0, "x")]) == "x"


def test_several_parts_of_a_text_are_changed_at_once() -> None:
    assert rewritten(Spelling.JSON, r"a\tb c", [Edit(4, 5, "zz"), Edit(0, 1, "yy")]) == r"yy\tb zz"


def test_an_entity_that_stands_for_two_characters_is_written_anew_where_one_of_them_changes() -> None:
    assert decoded(Spelling.MARKUP, "&fjlig;") == "fj"
    assert rewritten(Spelling.MARKUP, "&fjlig;", [Edit(0, 1, "g")]) == "gj"


@given(ESCAPED)
def test_percent_encoding_is_read_as_urllib_does(written: str) -> None:
    assert decoded(Spelling.PERCENT, written) == unquote(written)
    assert decoded(Spelling.PLUS, written) == unquote_plus(written)


@given(st.text(), st.booleans())
def test_json_is_read_as_json_does(text: str, is_ascii: bool) -> None:  # given by hypothesis
    written = json.dumps(text, ensure_ascii=is_ascii)[1:-1]

    assert decoded(Spelling.JSON, written) == text


@given(SPELLED, ESCAPED, st.data())
def test_what_is_written_is_read_again(spelling: Spelling, written: str, data: st.DataObject) -> None:
    text = decoded(spelling, written)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    value = data.draw(st.text(st.sampled_from("xyz /&+=%<>\"'\\ü€")))

    made = rewritten(spelling, written, [Edit(start, end, value)])

    assert decoded(spelling, made) == text[:start] + value + text[end:]
