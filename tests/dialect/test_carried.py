"""The dialect that a cassette holds: it counts before the shipped one, and is parsed under limits."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recorder.dialect.carried import are_same, dialect_of, differs_from_shipped, text_of
from recorder.dialect.definition import parse, shipped, source
from recorder.dialect.routes import route
from recorder.errors import CassetteError, DialectError
from recorder.model import Header
from tests.costs import assert_cheap

GWS = source("gws-outbound")
HEADER = Header(0, "", "gws-outbound", "none", dialect_text=GWS, file="s.cassette")
MINE = replace(HEADER, dialect="mine", dialect_text=GWS.replace('name = "gws-outbound"', 'name = "mine"'))


def _shorter(text: str) -> str:
    return re.sub(r"(?m)^open_for = .*", "open_for = 1", text)


def test_the_dialect_in_the_cassette_is_taken() -> None:
    assert dialect_of(MINE).name == "mine"
    assert dialect_of(MINE).text == MINE.dialect_text


def test_an_equal_dialect_is_parsed_once() -> None:
    assert dialect_of(MINE) is dialect_of(replace(MINE, file="other"))
    assert dialect_of(HEADER) is shipped("gws-outbound")


def test_a_cassette_without_a_text_has_the_shipped_dialect_of_its_name() -> None:
    assert dialect_of(replace(HEADER, dialect_text="")) is shipped("gws-outbound")


def test_a_cassette_without_a_text_and_of_no_shipped_dialect_is_told() -> None:
    with pytest.raises(DialectError, match="mine: name: no such dialect is shipped"):
        dialect_of(replace(MINE, dialect_text=""))


def test_the_text_counts_also_under_a_name_that_is_shipped() -> None:
    changed = replace(HEADER, dialect_text=_shorter(GWS))

    assert dialect_of(changed).open_for == 1
    assert differs_from_shipped(changed)


def test_comments_and_the_order_of_tables_make_no_other_dialect() -> None:
    remarked = replace(HEADER, dialect_text=f"# mine\n{GWS}")

    assert are_same(remarked, HEADER)
    assert are_same(replace(HEADER, dialect_text=""), HEADER)
    assert not differs_from_shipped(remarked)
    assert not are_same(MINE, HEADER)
    assert not are_same(MINE, replace(MINE, dialect_text=_shorter(MINE.dialect_text)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", r"dialect:\d+: TOML: Invalid value"),
        (MINE.dialect_text.replace("open_for", "opened_for"), r"dialect:\d+: open_for: is missing"),
        (GWS, r"dialect: name: is 'gws-outbound', but the header names 'mine'"),
        ("a" * 5000 + " = 1", r"more than 4000 characters or 500 dots in line 1"),
        ("# long\n" * 30_000, r"more than 131072 bytes"),
    ],
)
def test_a_dialect_that_cannot_be_used_is_told_with_the_file_and_the_way_out(text: str, problem: str) -> None:
    with pytest.raises(
        CassetteError, match=rf"^s\.cassette: the dialect 'mine' in it .*{problem}.*--dialect"
    ) as caught:
        dialect_of(replace(MINE, dialect_text=text))

    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_shipped_dialect_of_a_newer_version_says_so() -> None:
    with pytest.raises(CassetteError, match=r"--dialect gws-outbound reads it.*upgrade"):
        dialect_of(replace(HEADER, dialect_text=f"{GWS}\n[later]\n"))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "\n".join("x = " + "[" * 3000 for _ in range(40)),
        "\n".join(["a" + ".a" * 499 + f"{place} = 1" for place in range(50)]),
        "\n".join([" " * 3990 + "!"] * 30),
        "\n".join(f"k{place} = 1" for place in range(12_000)),
        "\n".join(["[" + "a." * 499 + f"a{place}]" for place in range(50)]),
    ],
    ids=["deep", "deeper", "dotted", "blank", "keys", "headers"],
)
def test_a_hostile_dialect_is_refused_soon(text: str) -> None:
    def act() -> None:
        with pytest.raises(CassetteError, match="cannot be used"):
            dialect_of(replace(MINE, dialect_text=text[:131_072]))

    assert_cheap(act, below=5)


PIECES = [
    "",
    "{",
    "[[",
    "]]",
    "'",
    "=",
    "=x",
    "nan",
    "1e999",
    "-1",
    "\x00",
    "\ud800",
    "\udcff",
    "{a}{b}",
    "(?P<",
    "*",
    "..",
    "#",
    "\n",
]


@given(st.lists(st.tuples(st.integers(0, len(GWS)), st.integers(0, 40), st.sampled_from(PIECES)), max_size=4))
@example([(GWS.index("outbound-records"), 0, "\ud800")])
@example([(GWS.index("outbound-campaigns"), 0, "\udcff")])
def test_any_text_is_a_dialect_or_is_told(changes: list[tuple[int, int, str]]) -> None:
    text = GWS
    for place, size, piece in changes:
        text = text[:place] + piece + text[place + size :]

    with suppress(CassetteError):
        assert dialect_of(replace(HEADER, dialect_text=text)).name == "gws-outbound"


def test_a_hostile_route_is_compared_soon() -> None:
    hostile = route("/{a}-{b}-{c}{d}{e}-{f}!")

    assert hostile.fullmatch("/" + "-" * 60_000) is None
    assert_cheap(lambda: hostile.fullmatch("/" + "-" * 60_000), below=2)


@pytest.mark.parametrize(
    ("where", "line", "count"),
    [
        ("[request.keys]", 'k{} = ["body.*"]', 250),
        ("[event.keys]", 'k{} = ["data.a"]', 250),
        ("[ack.keys]", f'k{{}} = ["{"{{body.a}}" * 98}"]', 5),
        ("[operations.EndContactCenterSession]", 'keys.k{} = ["body.*"]', 250),
    ],
)
def test_a_dialect_with_too_many_paths_is_neither_used_nor_written(where: str, line: str, count: int) -> None:
    """Each path is looked for in each message, which may be long."""
    many = "\n".join(line.format(number) for number in range(count))
    text = MINE.dialect_text.replace(f"{where}\n", f"{where}\n{many}\n")
    assert text != MINE.dialect_text

    with pytest.raises(CassetteError, match="has more than 500 names and paths"):
        dialect_of(replace(HEADER, dialect="mine", dialect_text=text))
    with pytest.raises(
        DialectError, match="has more than 500 names and paths in one place, so a cassette cannot hold it"
    ):
        text_of(parse(text, path="mine.toml", is_checked=False))


def test_a_dialect_with_many_operations_is_used() -> None:
    many = "\n".join(f'[operations.o{number}]\nevents = ["A{number}"]\nterminal = []' for number in range(1500))

    assert (
        len(dialect_of(replace(HEADER, dialect="mine", dialect_text=f"{MINE.dialect_text}\n{many}\n")).operations)
        > 1500
    )


def test_a_dialect_too_long_for_a_cassette_is_refused_where_it_is_written() -> None:
    with pytest.raises(DialectError, match="mine: file: has more than 131072 bytes, so a cassette cannot hold it"):
        text_of(replace(dialect_of(MINE), text="# long\n" * 30_000))
