"""The filter language: held to the vectors that the page of the report is held to as well, and to its laws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import FilterError, UsageError
from recorder.views.filter import ALL, NUMBER_KEYS, TEXT_KEYS, Expression, fits, parse

VECTORS = json.loads((Path(__file__).parent / "filter-vectors.json").read_text())
KEYS, TRIPLES = VECTORS["keys"], VECTORS["triples"]


def fitting(expression: Expression) -> list[int]:
    return [triple["n"] for triple in TRIPLES if fits(expression, triple)]


def problem(text: str) -> str:
    with pytest.raises(FilterError) as caught:
        parse(text, KEYS)
    return str(caught.value)


@pytest.mark.parametrize("vector", VECTORS["expressions"], ids=lambda vector: vector["expression"])
def test_an_expression_means_the_triples_of_its_vector(vector: dict[str, Any]) -> None:
    assert fitting(parse(vector["expression"], KEYS)) == vector["fits"]


@pytest.mark.parametrize("vector", VECTORS["mistakes"], ids=lambda vector: vector["expression"])
def test_a_mistake_is_told_with_its_column(vector: dict[str, Any]) -> None:
    with pytest.raises(FilterError) as caught:
        parse(vector["expression"], KEYS)

    assert caught.value.column == vector["column"]
    assert "\n" not in str(caught.value)


def test_the_vectors_use_every_key() -> None:
    used = " ".join(vector["expression"] for vector in VECTORS["expressions"])

    assert [key for key in (*TEXT_KEYS, *NUMBER_KEYS, "op", "ref") if f"{key}:" not in used] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(n:1", "filter, column 1: the bracket is not closed"),
        ("n:1)", "filter, column 4: there is no bracket to close"),
        ('x "y', "filter, column 3: the quote is not closed"),
        ("op: x", "filter, column 4: expected a value right behind 'op:'"),
        ("n:7..3", "filter, column 3: the range 7..3 is empty: write the smaller end first"),
        ("n:x", "filter, column 3: expected a number for n, as 5, >5, >=5, <5, <=5 or 3..7, not 'x'"),
        ("a or", "filter, column 5: expected a word, a quoted text, key:value or a bracket, not the end"),
        ("handel:7", "filter, column 1: 'handel' is no key; did you mean 'handle:'?"),
        ("http://x", "filter, column 1: 'http' is no key; put other texts with a colon in quotes"),
    ],
)
def test_a_mistake_says_what_was_expected(text: str, said: str) -> None:
    assert problem(text) == said


def test_a_mistake_is_the_users() -> None:
    assert issubclass(FilterError, UsageError)


def test_keys_of_the_dialect_are_known_only_where_it_has_them() -> None:
    assert parse("campaign:x", ["campaign"]) != ALL
    assert problem("colour:x")


def test_a_triple_of_which_little_is_known_fits_no_key_and_its_negation() -> None:
    keys = [*TEXT_KEYS, *NUMBER_KEYS]

    assert [key for key in keys if fits(parse(f"{key}:0"), {}) != (key == "events")] == []
    assert [key for key in keys if fits(parse(f"-{key}:0"), {}) == (key == "events")] == []


WORDS = st.sampled_from(["chained", '"spring sale"', "op:*record", "n:>2", "-status:200", "handle:7", "gap:>80", '"*"'])
EXPRESSIONS = st.recursive(
    WORDS,
    lambda inner: (
        inner.map("not ({})".format)
        | st.tuples(inner, inner).map("({0[0]} or {0[1]})".format)
        | st.tuples(inner, inner).map("({0[0]} {0[1]})".format)
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, EXPRESSIONS)
def test_it_is_an_algebra_of_sets(left: str, right: str) -> None:
    everything = {triple["n"] for triple in TRIPLES}
    one, other = set(fitting(parse(left, KEYS))), set(fitting(parse(right, KEYS)))

    assert set(fitting(parse(f"{left} {right}", KEYS))) == one & other
    assert set(fitting(parse(f"({left}) or ({right})", KEYS))) == one | other
    assert set(fitting(parse(f"-({left})", KEYS))) == everything - one


@given(st.text(alphabet=' -()":*\\<>.=or not19opn\t\n\u0669x') | st.text())
def test_any_text_is_an_expression_or_a_mistake_at_a_column_of_it(text: str) -> None:
    try:
        found, column = fitting(parse(text, KEYS)), 1
    except FilterError as mistake:
        found, column = [], mistake.column

    assert set(found) <= {triple["n"] for triple in TRIPLES}
    assert 1 <= column <= len(text) + 1


@given(st.text(min_size=1), st.text(), st.text())
def test_a_quoted_text_is_found_in_a_body_whatever_it_is(text: str, before: str, behind: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')

    # the lower case of a sigma depends on its neighbours
    body = f"{before} {text} {behind}".replace("\N{GREEK CAPITAL LETTER SIGMA}", "s")
    expression = parse(f'"{quoted}"'.replace("\N{GREEK CAPITAL LETTER SIGMA}", "s"))

    assert fits(expression, {"request": {"body": body}})


@given(st.lists(st.text(alphabet="ab"), min_size=1, max_size=4), st.text(alphabet="ab", max_size=9))
def test_a_star_is_any_text(pieces: list[str], value: str) -> None:
    def like(rest: str, *wanted: str) -> bool:
        first, *others = wanted
        if not others:
            return rest == first
        tails = [rest[at:] for at in range(len(first), len(rest) + 1)]
        return rest.startswith(first) and any(like(tail, *others) for tail in tails)

    expression = parse(f'op:"{"*".join(pieces)}"')

    assert fits(expression, {"operation": value}) == like(value, *pieces)


def test_many_stars_take_no_long_time() -> None:
    assert not fits(parse("op:" + "*a" * 500 + "b"), {"operation": "a" * 100_000})
