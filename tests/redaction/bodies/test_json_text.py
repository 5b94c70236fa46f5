from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.redaction.bodies import json_text
from recorder.redaction.bodies.change import Unread
from recorder.redaction.policy import NO_RULE, Place, Policy, Rule, parse
from recorder.redaction.pseudonyms import Kind
from tests.costs import assert_cheap

POLICY = """\
name = "test"
[headers]
keep = []
[fields]
secret = ["password", "user.name"]
keep = ["id"]
[inside]
personal = ["userdata"]
"""
SCALARS = st.text("aü'\"\\\ud83d", max_size=8) | st.integers() | st.floats() | st.booleans() | st.none()
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("aü'\"\\ ", max_size=5), inner, max_size=3),
)
WHITE_SPACE = re.compile(r"(?<=[\]}\[{,:])\s+")
LINES = st.tuples(
    st.booleans(), st.sampled_from([None, 1, "\t"]), st.sampled_from([None, (" , ", "\n:  "), (",", ":")])
)


def changed(text: str, change: Upside, policy: Policy) -> str:
    return json_text.changed(text, change, policy, policy.root())


class Upside:
    """Turns strings round and makes numbers negative; remembers what it was asked."""

    def __init__(self) -> None:
        self.empty: set[str] = set()
        self.seen: list[tuple[str, Rule]] = []

    def value(self, content: str, place: Place) -> str:
        self.seen.append((content, place.rule))
        return content[::-1] + "'\"\\ü"

    def number(self, digits: str, place: Place) -> str:
        self.seen.append((digits, place.rule))
        return digits.removeprefix("-") if digits.startswith("-") else f"-{digits}"

    def text(self, text: str) -> str:
        return text

    wants_names = False

    def name(self, name: str, place: Place) -> None:
        raise AssertionError(name)

    def fields(self, text: str, place: Place) -> str:
        raise AssertionError(text)

    def unread(self, kind: str, why: Unread) -> None:
        raise AssertionError(kind)


class Nothing(Upside):
    """Leaves everything as it is."""

    def value(self, content: str, place: Place) -> str:
        return content

    def number(self, digits: str, place: Place) -> str:
        return digits


@pytest.fixture(scope="module")
def policy() -> Policy:
    return parse(POLICY, path="test.toml")


def mapped(value: Any) -> Any:
    """What `Upside` makes of a parsed document; names are kept as pairs, so that repeated ones are seen."""
    match value:
        case tuple():
            return tuple((name, mapped(inner)) for name, inner in value)
        case list():
            return [mapped(inner) for inner in value]
        case str():
            return value[::-1] + "'\"\\ü"
        case Number():
            return Number(value.digits.removeprefix("-") if value.digits.startswith("-") else f"-{value.digits}")
    return value


class Number:
    def __init__(self, digits: str) -> None:
        self.digits = digits

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and self.digits == other.digits

    def __hash__(self) -> int:
        return hash(self.digits)


def parsed(text: str) -> Any:
    return json.loads(text, object_pairs_hook=tuple, parse_int=Number, parse_float=Number, parse_constant=str.encode)


def rules_of(text: str, policy: Policy) -> dict[str, Rule]:
    """What went for each value."""
    change = Upside()
    changed(text, change, policy)
    return dict(change.seen)


# Nothing else changes


@given(st.text())
def test_a_text_in_which_nothing_changes_stays_byte_for_byte(text: str) -> None:
    assert changed(text, Nothing(), parse(POLICY, path="t")) == text


@given(
    st.lists(st.sampled_from(['"', "\\", "{", "}", "[", "]", ":", ",", " ", "a", "1", '"a":', "null", "\\u12"])).map(
        "".join
    )
)
def test_so_does_what_only_looks_like_json(text: str) -> None:
    assert changed(text, Nothing(), parse(POLICY, path="t")) == text


@given(VALUES, LINES)
def test_values_are_changed_and_the_rest_of_a_document_is_not(value: Any, how: tuple[bool, Any, Any]) -> None:
    ascii_only, indent, separators = how
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=separators)

    found = changed(text, Upside(), parse(POLICY.replace('keep = ["id"]', ""), path="t"))

    assert parsed(found) == mapped(parsed(text))
    assert WHITE_SPACE.findall(found) == WHITE_SPACE.findall(text)


def test_white_space_numbers_escapes_order_and_repeated_names_stay(policy: Policy) -> None:
    text = ' {\t"b" :1.50e+3,\r\n"a":"\\u0061\\/" , "a":[ ],"id":-0.0,"password": "x","c":NaN}\n'

    class One(Nothing):
        def value(self, content: str, place: Place) -> str:
            return "y" if place.rule.kind else content

    assert changed(text, One(), policy) == text.replace('"x"', '"y"')


@pytest.mark.parametrize(
    ("before", "after"),
    [('{"password":"a"}', '{"password":"\\u00fc"}'), ('{"password":"ä"}', '{"password":"ü"}')],
)
def test_a_text_without_other_letters_gets_none(policy: Policy, before: str, after: str) -> None:
    class Umlaut(Nothing):
        def value(self, content: str, place: Place) -> str:
            return "ü"

    assert changed(before, Umlaut(), policy) == after


def test_half_a_surrogate_pair_stays_an_escape(policy: Policy) -> None:
    class Same(Nothing):
        def value(self, content: str, place: Place) -> str:
            return content + "!"

    assert changed('["\\ud83dü"]', Same(), policy) == '["\\ud83d\\u00fc!"]'


# What goes for a value


SECRET, PERSONAL, KEPT = Rule(Kind.SECRET), Rule(Kind.PERSONAL), Rule(kept=True)


def test_a_name_tells_what_goes_for_its_value_and_all_in_it(policy: Policy) -> None:
    rules = rules_of('{"password":["a",{"b":1}],"other":"c"}', policy)

    assert rules == {"a": SECRET, "1": SECRET, "c": NO_RULE}


def test_after_something_that_is_named_comes_what_is_around_it_again(policy: Policy) -> None:
    rules = rules_of('[{"password":{"x":["a"]},"b":"c"},"d"]', policy)

    assert rules == {"a": SECRET, "c": NO_RULE, "d": NO_RULE}


def test_values_of_one_array_have_one_rule(policy: Policy) -> None:
    rules = rules_of('{"password":[{"x":"a"},"b",[["c"]]]}', policy)

    assert set(rules.values()) == {SECRET}


def test_a_name_with_dots_looks_at_what_it_stands_in(policy: Policy) -> None:
    rules = rules_of('{"user":[{"name":"a"}],"name":"b"}', policy)

    assert rules == {"a": SECRET, "b": NO_RULE}


def test_a_name_is_read_with_its_escapes(policy: Policy) -> None:
    assert rules_of('{"p\\u0061ssword":"a"}', policy) == {"a": SECRET}


def test_what_is_in_a_container_of_the_customer_is_personal_unless_it_is_named(policy: Policy) -> None:
    rules = rules_of('{"userdata":{"x":"a","password":"b","id":"c"}}', policy)

    assert rules == {"a": PERSONAL, "b": SECRET}  # what is kept is not asked for


@pytest.mark.parametrize("text", ['{"password":"hunt', '{"password" : "hunt', '[{"password":["hunt'])
def test_a_value_that_is_cut_off_has_its_rule(policy: Policy, text: str) -> None:
    assert rules_of(text, policy) == {"hunt": SECRET}


@pytest.mark.parametrize("word", ["true", "false", "null"])
def test_words_of_json_are_no_values(policy: Policy, word: str) -> None:
    assert rules_of(f'{{"password":{word}\n}}', policy) == {}


# Time


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "".join(f'{{"n{place}":' for place in range(30_000)),
        "]" * 100_000 + "{" * 100_000,
        '["' + "x" * 1_000_000,
        '"' + "\\" * 1_000_001,
        '["' + '\\"' * 300_000 + '"]',
        '"a"' + " " * 500_000 + "x",
        '"a" ' * 100_000,
        "1" * 1_000_000,
        " " * 1_000_000,
        '{"' + "a.password" * 50_000 + '":1}',
    ],
    ids=range(12),
)
def test_what_nests_or_is_long_takes_time_in_proportion(policy: Policy, text: str) -> None:
    assert_cheap(lambda: changed(text, Nothing(), policy), below=2)


@pytest.mark.parametrize("names", [("key", "value"), ("Key", "Value"), ("KEY", "VALUE"), ("name", "v\\u0061lue")])
def test_a_pair_is_one_whatever_its_names_are_written_like(policy: Policy, names: tuple[str, str]) -> None:
    key, value = names

    assert rules_of(f'[{{"{value}":"a","{key}":"password"}}]', policy) == {"a": SECRET}
