"""The table of worst texts says what misses its bound."""

from __future__ import annotations

import pytest

pytest.importorskip("mitmproxy.io")  # an extra; the rows of flow files need it

from benchmarks import worst, worst_texts  # see above
from benchmarks.rows import Scale
from benchmarks.worst import Measured
from benchmarks.worst_rows import Row


def row(part: str) -> Row:
    return Row(part, "all: 'a' repeated", lambda size: b"a" * size, len, unit=2)


@pytest.mark.parametrize(
    ("part", "small", "large", "holds"),
    [
        ("detector", 0.2, 0.9, True),
        ("detector", 0.25, 1.1, False),  # a detector has a second, though it is linear
        ("redaction", 0.5, 2.1, True),
        ("redaction", 0.2, 3.2, False),  # 16 times as long for four times the text
        ("scan", 0.01, 0.9, True),
    ],
)
def test_a_reader_is_held_to_a_second_or_to_linear_growth(part: str, small: float, large: float, holds: bool) -> None:
    assert Measured(row(part), small, large).holds is holds


def test_a_slow_row_says_how_many_pieces_it_reads_in_a_second() -> None:
    assert str(Measured(row("scan"), 0.5, 2.0)).endswith("scan: all: 'a' repeated, 250,000 a second")


def test_the_page_has_a_row_for_each_part_with_its_worst_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worst, "ROWS", [row(part) for part in worst._PARTS])

    found = worst.rows(Scale.SMOKE)

    assert [one.holds for one in found] == [True] * len(worst._PARTS)
    assert found[0].what.endswith("each detector of secrets and personal values, also with a hit in each word")
    assert found[0].facts[0].startswith("`all: 'a' repeated`: 0.00 s")


def test_each_row_is_of_a_part_that_the_page_has() -> None:
    assert {row.part for row in worst.ROWS} == set(worst._PARTS)


def test_a_row_is_of_a_text_of_its_size() -> None:
    sizes = {one.name: len(one.make(6_000)) for one in worst_texts.ROWS}

    assert {name for name, size in sizes.items() if not 3_000 < size <= 12_100} == set()
