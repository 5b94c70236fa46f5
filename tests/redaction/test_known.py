from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.redaction.known import Known
from recorder.redaction.pseudonyms import Kind

TOKEN = "abcDEF-123456"


@pytest.fixture
def known() -> Known:
    found = Known()
    found.add(TOKEN, Kind.SECRET)
    return found


def found_in(known: Known, text: str) -> list[str]:
    return [text[start:end] for start, end, _ in known.spans(text)]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "it is {}.",
        "a={}&b=1",
        "/a/{}/b",
        "'{}'!",
        "id_{}",
        "{}-suffix",
        "({})",
        "…{}…",
        "\n{}\t",
        "x:{}:y",
        "@{}",
    ],
)
def test_a_value_is_found_wherever_it_stands_as_words_of_its_own(known: Known, text: str) -> None:
    assert found_in(known, text.format(TOKEN)) == [TOKEN]


@pytest.mark.parametrize("text", ["x{}", "{}7", "abcDEF", "abcDEF 123456", ""])
def test_a_part_of_a_longer_word_is_no_value(known: Known, text: str) -> None:
    assert found_in(known, text.format(TOKEN)) == []


def test_a_value_is_found_as_often_as_it_stands_there(known: Known) -> None:
    assert found_in(known, f"{TOKEN} {TOKEN},{TOKEN}") == [TOKEN] * 3


def test_of_values_that_begin_alike_the_longest_is_found(known: Known) -> None:
    known.add("Ada Example", Kind.PERSONAL)
    known.add("Ada Example-Lovelace", Kind.PERSONAL)

    assert found_in(known, "Ada Example, Ada Example-Lovelace") == ["Ada Example", "Ada Example-Lovelace"]


def test_a_value_may_begin_with_no_word(known: Known) -> None:
    known.add("+1 (415) 555-2671", Kind.PERSONAL)

    assert found_in(known, "call +1 (415) 555-2671 now") == ["+1 (415) 555-2671"]


@pytest.mark.parametrize("value", ["short", "12345", "", "!!!???!!!"])
def test_what_is_short_or_has_no_word_is_not_remembered(known: Known, value: str) -> None:
    known.add(value, Kind.SECRET)

    assert found_in(known, f"a {value} b") == []


@pytest.mark.parametrize("value", ["Example", "customer", "123456789"])
def test_a_plain_word_of_a_customer_is_not_remembered(known: Known, value: str) -> None:
    known.add(value, Kind.PERSONAL)
    known.add(value, Kind.SECRET, plain=False)

    assert found_in(known, value) == []


def test_a_plain_word_that_is_a_password_is(known: Known) -> None:
    known.add("sunshine", Kind.SECRET)

    assert found_in(known, "said sunshine") == ["sunshine"]


def test_an_id_is_not_remembered(known: Known) -> None:
    known.add("id-of-something-7", Kind.ID)

    assert known.kind_of("id-of-something-7") is None


def test_the_kind_of_a_whole_value_is_known(known: Known) -> None:
    assert known.kind_of(TOKEN) is Kind.SECRET
    assert known.touch(TOKEN)
    assert not known.touch("another-123")


def test_values_that_were_not_seen_for_longest_are_forgotten(known: Known) -> None:
    for number in range(20_000):
        known.add(f"token-{number:06}-x", Kind.SECRET)
        known.touch("token-000000-x")

    assert known.kind_of(TOKEN) is None
    assert found_in(known, TOKEN) == []
    assert found_in(known, "token-000000-x, token-019999-x") == ["token-000000-x", "token-019999-x"]


def test_of_values_that_begin_alike_one_may_be_forgotten(known: Known) -> None:
    for name in ("Ada Example-1", "Ada Example-2", "Ada Example-22"):
        known.add(name, Kind.PERSONAL)
    for number in range(19_998):
        known.add(f"token-{number:06}-x", Kind.SECRET)

    assert found_in(known, "Ada Example-1, Ada Example-2, Ada Example-22") == ["Ada Example-2", "Ada Example-22"]

    for number in range(19_998, 20_000):
        known.add(f"token-{number:06}-x", Kind.SECRET)
    assert found_in(known, "Ada Example-2, Ada Example-22") == []


def test_values_of_too_many_forms_are_not_all_remembered(known: Known) -> None:
    for length in range(100):
        known.add(f"Ada {'x' * length}-1", Kind.PERSONAL)

    assert found_in(known, f"Ada {'x' * 50}-1") == [f"Ada {'x' * 50}-1"]
    assert found_in(known, f"Ada {'x' * 99}-1") == []


@given(st.lists(st.text("ab1 -.", min_size=6, max_size=9), max_size=6), st.text("ab1 -.", max_size=40))
def test_found_values_are_known_and_apart(values: list[str], text: str) -> None:
    known = Known()
    for value in values:
        known.add(value, Kind.SECRET)

    spans = known.spans(text)

    assert all(text[start:end] in values for start, end, _ in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


# Texts that hold nothing


def test_a_text_that_holds_nothing_is_remembered_until_a_value_in_it_becomes_known(known: Known) -> None:
    known.keep_empty("see k3y-0123 there")
    known.keep_empty("see nothing")

    known.add("k3y-0123", Kind.SECRET)

    assert known.empty == {"see nothing"}


def test_a_text_that_comes_and_goes_takes_no_more_memory_each_time(known: Known) -> None:
    for number in range(12_000):
        known.keep_empty("Ada was there")
        known.add(f"Ada number-{number}", Kind.SECRET)  # a value that begins like the text may be in it

    assert sum(map(len, known._empty_by_word.values())) <= 3 * 5_000


def test_not_all_texts_are_remembered(known: Known) -> None:
    for number in range(12_000):
        known.keep_empty(f"text {number}")
    known.keep_empty("x" * 10_000)

    assert 0 < len(known.empty) <= 5_000
    assert max(map(len, known.empty)) < 1_000
