"""Tables that fit a terminal, whatever strangers put into them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from recorder.printable import printable
from recorder.views.screen import Column, Screen, aligned, cells

PLAIN = Screen(40, color=False)
COLUMNS = [Column("n", right=True), Column("name", "bold", least=6), Column("state")]


def widths(text: str) -> list[int]:
    return [cell_len(line) for line in text.splitlines()]


def test_a_table_that_fits_is_whole() -> None:
    assert PLAIN.table(COLUMNS, [["1", "GetChainedRecord", ("failed", "red")], ["22", "x", "complete"]]) == (
        " n  name              state\n 1  GetChainedRecord  failed\n22  x                 complete\n"
    )


def test_in_a_narrow_one_the_widest_column_that_may_be_is_cut() -> None:
    shown = Screen(20, color=False).table(COLUMNS, [["1", "GetChainedRecord", "failed"]])

    assert shown == "n  name       state\n1  GetChain…  failed\n"
    assert max(widths(shown)) == 20


def test_a_column_keeps_its_least() -> None:
    shown = Screen(7, color=False).table([Column("a", least=4), Column("b")], [["abcdef", "x"]])

    assert shown.splitlines()[1] == "abc…  x"


def test_without_colours_there_is_no_code_at_all() -> None:
    row: list[Any] = ["1", ("x", "bold red"), ("y", "green")]

    assert "\x1b" not in PLAIN.table(COLUMNS, [row])
    assert "\x1b" not in PLAIN.line(("x", "red"))
    assert "\x1b[31my\x1b[0m" in Screen(40).line("x", ("y", "red"))


def test_a_long_line_goes_on_below_its_indent() -> None:
    assert PLAIN.line("  event    ", "word " * 8, indent=11) == (
        "  event    word word word\n           word word word word word\n"
    )


@pytest.mark.parametrize("text", ["[red]x[/red]", ":smile:", "[link=file:///etc]x[/link]", "1234 'abc' None"])
def test_text_is_no_markup(text: str) -> None:
    assert Screen(80).line(text) == f"{text}\n"
    assert text in Screen(80).table([Column("a")], [[text]])


def test_wide_letters_take_two_cells_and_accents_none() -> None:
    assert (cells("abc"), cells("世界"), cells("e\u0301"), cells("🎉")) == (3, 4, 1, 2)


def test_a_plain_table_is_aligned_by_cells() -> None:
    assert aligned([["世界", "x"], ["abcd", "y"], ["ש", "z"]]) == "世界  x\nabcd  y\nש     z\n"


TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("\x1b\u202e\u200d\u0301世界🎉שلا\n\t"), max_size=30)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), st.integers(20, 120))
def test_no_row_is_wider_than_the_screen_nor_out_of_line(rows: list[tuple[str, str]], width: int) -> None:
    harmless: list[Sequence[str]] = [(printable(one), printable(other), "|") for one, other in rows]

    shown = Screen(width, color=False).table([Column("", least=4), Column("", least=4), Column("")], harmless)

    lines = shown.split("\n")[1:-1]
    assert {cell_len(line) for line in lines if line.endswith("|")} == {max(widths(shown))}
    assert max(widths(shown)) <= width
    assert len(lines) == len(rows)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
