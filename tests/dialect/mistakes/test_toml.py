"""A text that is not TOML is explained; the lines of its statements are known."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.mistakes.toml import begins, explained, statements


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a = 1\nb = 2", [1, 2]),
        ("a = [\n  1,\n  2\n]\nb = 1", [1, 5]),
        ('a = """\nb = 1\n"""\nc = 1', [1, 4]),
        ("a = '''\n[b]\n'''\n[c]", [1, 4]),
        ("a = [\n  ['b'],\n  ['c']\n]\n[d]", [1, 5]),
        ("a = [ # ]\n 1 ]\nb = 1", [1, 3]),
        ('a = ["]", "\\"]"]\nb = 1', [1, 2]),
    ],
)
def test_a_statement_begins_outside_of_all_values(text: str, lines: list[int]) -> None:
    assert [number for number, _ in statements(text)] == lines


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("a = 1", ("a", False)),
        (' "a = {b}" = 1', ('"a = {b}"', False)),
        ("'a'.b . c=1", ("'a'.b . c", False)),
        ('[a."b]"] # [x]', ('a."b]"', True)),
        ("[[a]]", ("a", True)),
        ("# a = 1", None),
        ("[1, 2]", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_line_begins_a_pair_a_table_or_neither(line: str, key: tuple[str, bool] | None) -> None:
    assert begins(line) == key


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("a = [\n 1,\n\n[b]", 1, "before line 4"),
        ("a = [1,\nb = 2", 1, "before line 2"),
        ("a = {b = 1\nc = 2", 1, "write a comma between the members"),
        ("[a]\nb = 1\n[c]\nb = 1\n[a]\n", 5, "[a] is in line 1 already"),
        ("[a]\nb = 1\n[c]\nb = 1\nb = 2", 5, "'b' is in line 4 already"),
        ("a = 1\n[a.b]", 2, "write each key and each table once"),
        ("a = 1\n\n\n", None, ""),
        ("a = \n", 1, "Invalid value"),
        ("a = '''\n\n", 1, "end the text"),
        ("x", 1, "write KEY = VALUE"),
        pytest.param(f"a = 1\nb = {'9' * 5000}", 2, "too many digits", id="long"),
        pytest.param(f"a = 1\nb = [\n-1{'_0' * 5000}]", 3, "too many digits", id="long_"),
    ],
)
def test_a_mistake_is_explained_with_its_line(text: str, line: int | None, cause: str) -> None:
    if line is None:
        assert tomllib.loads(text)
        return
    with pytest.raises(ValueError, match=r"\w") as caught:
        tomllib.loads(text)

    at, told = explained(text, str(caught.value))

    assert (at, cause in told) == (line, True), told


@given(st.text("ab=[]{}\"'#,.\n\\ 1"))
def test_any_text_has_its_first_statement_in_line_1(text: str) -> None:
    assert next(statements(text))[0] == 1
    assert all(line == text.split("\n")[number - 1] for number, line in statements(text))
