"""A recorded text with pseudonyms is compared with a live one: equal around them, and one value for each."""

from __future__ import annotations

import base64
import json
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.redaction.pseudonyms import Kind
from recorder.requests.bindings import HIDDEN, Bindings, Pairs
from recorder.requests.hidden_text import Coded, HiddenText, Marks, marked_number

FORMS = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "url-safe base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "percent": lambda text: quote(text, safe=""),
    "json": json.dumps,
    "xml": lambda text: f"<a>{escape(text)}</a>",
    "base64 in percent": lambda text: quote(base64.b64encode(text.encode() + b"??>").decode(), safe=""),
    "percent in base64": lambda text: base64.b64encode(quote(text, safe="").encode()).decode(),
    "base64 in base64": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "json in json": lambda text: json.dumps(json.dumps({"a": text})),
    "base64 in json": lambda text: json.dumps({"a": base64.b64encode(text.encode()).decode()}),
}


def read(*parts: str, form: str = "") -> HiddenText:
    """Read a text in which each second part is a pseudonym."""
    marks = Marks()
    marked = "".join(marks(Kind.SECRET, part) if number % 2 else part for number, part in enumerate(parts))
    return HiddenText.of(FORMS[form](marked) if form else marked, marks.values)


def pairs(recorded: HiddenText, live: str, session: Bindings | None = None) -> dict[str, str] | None:
    found = recorded.pairs(live, Pairs(session or Bindings()))
    return None if found is None else dict(found.added)


def test_values_of_this_shape_are_paired() -> None:
    assert pairs(read("from ", "ab-12", " to ", "Cd-3", "."), "from xy-98 to Zz-9.") == {
        "ab-12": "xy-98",
        "Cd-3": "Zz-9",
    }


@pytest.mark.parametrize(
    "live", ["from xy-98 to", "from xy-98 to Zz-9. ", "FROM xy-98 to Zz-9.", "from xy98 to Zz-9.", "from  to Zz-9.", ""]
)
def test_another_text_has_no_pairs(live: str) -> None:
    assert pairs(read("from ", "ab-12", " to ", "Cd-3", "."), live) is None


def test_one_pseudonym_has_one_value() -> None:
    twice = read("", "ab-12", " ", "ab-12", "")

    assert pairs(twice, "xy-98 xy-98") == {"ab-12": "xy-98"}
    assert pairs(twice, "xy-98 xy-99") is None


def test_one_value_stands_for_one_pseudonym() -> None:
    both = read("", "ab-12", " ", "cd-34", "")

    assert pairs(both, "xy-98 xy-98") is None
    assert pairs(both, "ab-12 xy-98") == {"cd-34": "xy-98"}


def test_a_bound_value_may_have_any_shape_and_no_other_value_will_do() -> None:
    session = Bindings()
    session.bind(HIDDEN, "ab-12", "a value of words")

    assert pairs(read("<", "ab-12", " of it>"), "<a value of words of it>", session) == {}
    assert pairs(read("<", "ab-12", " of it>"), "<xy-98 of it>", session) is None
    assert pairs(read("<", "ab-12", " of it>"), "<ab-12 of it>", session) == {}


@pytest.mark.parametrize(
    ("pseudonym", "value"),
    [
        ("+99949 351 4555-0123", "+49 351 4555-0124"),
        ("xyz-at-abcd.xy@example.com", "ada@acme.io"),
        ("9995551234567", "5559876543"),
        ("4c2f48e372bfd23c0921573554a3b143", "7b3f9e4a5c1d4a6f8b2c0d9e1f3a5b7c"),
    ],
)
def test_a_pseudonym_may_be_longer_than_its_value(pseudonym: str, value: str) -> None:
    assert pairs(read("to ", pseudonym, " now"), f"to {value} now") == {pseudonym: value}


@pytest.mark.parametrize("form", FORMS)
def test_values_in_encoded_parts_are_paired(form: str) -> None:
    recorded = read("it is ", "ab-12 cd", " here, and so on", form=form)

    assert any(isinstance(part, Coded) for part in recorded.parts) or form == "xml"
    assert pairs(recorded, FORMS[form]("it is xy-98 zz here, and so on")) == {"ab-12 cd": "xy-98 zz"}
    assert pairs(recorded, FORMS[form]("it was xy-98 zz here, and so on")) is None


@pytest.mark.parametrize("form", FORMS)
def test_a_bound_value_is_found_in_encoded_parts_however_it_is_written(form: str) -> None:
    session = Bindings()
    session.bind(HIDDEN, "ab-12", 'Zoë & "co" <1>')

    recorded = read("it is ", "ab-12", ", and so on", form=form)

    assert pairs(recorded, FORMS[form]('it is Zoë & "co" <1>, and so on'), session) == {}


def test_a_value_at_the_place_of_a_rule_has_any_shape_and_ends_where_the_text_goes_on() -> None:
    marks = Marks()
    marked = "".join(
        ["<a>", marks(Kind.SECRET, "ab-12"), "</a>", marks(Kind.SECRET, "cd"), "<", marks(Kind.SECRET, "ab-12")]
    )
    recorded = HiddenText.of(marked, marks.values, {"ab-12"})

    assert pairs(recorded, "<a>any text</a>xy<any text") == {"ab-12": "any text", "cd": "xy"}
    assert pairs(recorded, "<a>any text</a>xy<any thing") is None
    assert pairs(recorded, "<a>any text</a>xyz<any text") is None
    assert pairs(recorded, "<a></a>xy<") is None


def test_a_value_of_any_shape_ends_before_nothing_but_literal_text() -> None:
    marks = Marks()
    marked = marks(Kind.SECRET, "ab-12") + marks(Kind.SECRET, "cd-34")

    assert pairs(HiddenText.of(marked, marks.values, {"ab-12", "cd-34"}), "any text") is None
    assert pairs(HiddenText.of(marked, marks.values, {"cd-34"}), "xy-98any text") == {
        "ab-12": "xy-98",
        "cd-34": "any text",
    }


def test_what_only_looks_encoded_is_literal() -> None:
    recorded = read('AAAABBBBCCCC "a\\" %41 &amp; ', "ab-12", "")

    assert recorded.parts[0] == 'AAAABBBBCCCC "a\\" %41 &amp; '


def test_a_mark_of_no_value_is_literal() -> None:
    assert HiddenText.of('zQ"7>Qz', []).parts == ('zQ"7>Qz',)
    assert list(marked_number("12").values) == ["12"]


def test_values_between_literal_parts_are_surrounded() -> None:
    recorded = read("from ", "ab-12", " to ", "Cd-3", ".")

    assert recorded.surrounds("from any to other.")
    assert not recorded.surrounds("from any at other.")
    assert not recorded.surrounds("of any to other.")
    assert not recorded.surrounds("from any to other")
    assert not read("aba", "x", "ba").surrounds("aba")
    assert read("a", "x", "").surrounds("anything")


@given(st.lists(st.text(st.sampled_from("ab1 -@"), min_size=1), min_size=2, max_size=7))
def test_a_text_always_has_its_own_pseudonyms(parts: list[str]) -> None:
    assert pairs(read(*parts), "".join(parts)) is not None


def test_a_long_text_of_many_values_is_compared_at_once() -> None:
    recorded = read(*[part for number in range(2000) for part in (" of ", f"ab-{number:05}")])

    found = pairs(recorded, "".join(f" of xy-{number:05}" for number in range(2000)))

    assert found is not None
    assert len(found) == 2000
