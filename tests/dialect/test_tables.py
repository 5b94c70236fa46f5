"""TOML that is checked as it is taken: all mistakes are found, each with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.tables import finish, read
from recorder.errors import DialectError

TEXT = """\
name = 7
list = [
    "a", # b = c
]

[table] # of things
'quoted key' = 1
dotted."inner key" = [1]

[a."b c".d]
x = "1"

[[many]]
y = 1
"""


def problems(text: str, *take: tuple[str, ...]) -> list[str]:
    """What is wrong with a text of which these texts are taken."""
    top = read(text, "f.toml", DialectError)
    for *tables, key in take:
        table = top
        for name in tables:
            table = table.table(name)
        table.text(key)
    try:
        finish(top)
    except DialectError as exc:
        return [str(problem) for problem in exc.problems]
    return []


def test_each_mistake_is_found_and_they_are_told_by_line() -> None:
    found = problems(TEXT, ("table", "none"), ("table", "quoted key"), ("a", "b c", "d", "x"), ("name",))

    assert found == [
        'f.toml:1: name: must be a string; write name = "7"',
        "f.toml:2: list: is unknown; known here: a, name, table; delete it",
        'f.toml:6: table.none: is missing; write none = "…"',
        'f.toml:7: table.quoted key: must be a string; write "quoted key" = "1"',
        "f.toml:8: table.dotted: is unknown; known here: none, quoted key; delete it",
        "f.toml:13: many: is unknown; known here: a, name, table; delete it",
    ]


def test_what_is_right_is_no_mistake() -> None:
    assert problems('a = "1"\n[t]\nb = "2"', ("a",), ("t", "b")) == []


def test_a_table_that_is_missing_is_one_mistake() -> None:
    assert problems("", ("t", "a"), ("t", "b")) == ["f.toml:1: t: is missing; write a table [t]"]


def test_a_near_name_is_offered() -> None:
    assert problems('methods = "x"', ("method",)) == [
        "f.toml:1: method: is missing; rename 'methods' to 'method'",
        "f.toml:1: methods: is unknown; did you mean 'method'?",
    ]


@given(st.text() | st.text("[]{}=.\"'\n# ab1"))
def test_any_text_has_mistakes_or_none(text: str) -> None:
    try:
        top = read(text, "f.toml", DialectError)
        finish(top)
    except DialectError as exc:
        assert str(exc).startswith("f.toml")  # noqa: PT017  # many texts are right


def test_nesting_without_end_is_a_mistake() -> None:
    with pytest.raises(DialectError, match=r"^f\.toml:1: TOML"):
        read("a = " + "[" * 100_000, "f.toml", DialectError)


def test_a_file_with_very_many_mistakes_is_read_no_further() -> None:
    with pytest.raises(DialectError) as caught:
        finish(read("".join(f"x{n} = 1\n" for n in range(10_000)), "f.toml", DialectError))

    assert len(caught.value.problems) == 200
