"""Tables of text: values go by the names of their columns."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.redaction.bodies import table
from recorder.redaction.policy import load, without_rules
from tests.costs import assert_cheap
from tests.redaction.bodies.changes import Seen, finder, hashed

pytestmark = pytest.mark.once

ROWS = st.lists(st.lists(st.text("ab1 ,\"\n;\t'é", max_size=5), min_size=2, max_size=3), max_size=4)


@given(st.text('ab,;\t"\r\n |', max_size=60))
def test_a_change_of_nothing_leaves_any_text_as_it_is(text: str) -> None:
    policy = without_rules()

    assert table.changed(text, Seen(), policy, policy.root()) == text


@given(ROWS)
def test_values_are_those_that_the_csv_module_finds(rows: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([["a", "b", "c"], *rows])
    seen, policy = Seen(), without_rules()

    table.changed(written.getvalue(), seen, policy, policy.root())

    expected = [("abc"[place], value) for row in rows for place, value in enumerate(row) if value]
    assert seen.names == ["a", "b", "c"]
    assert seen.values == expected


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("text/csv", 'note,password,E-Mail\na,"b ""c"", d",\ne,f,g\n', 'note,password,E-Mail\na,"#",\ne,#,#\n'),
        ("text/csv; charset=utf-8", "\ufeffid;phone\r\n1;2 3\r\n", "\ufeffid;phone\r\n1;#\r\n"),
        ("text/tab-separated-values", "a\tpassword\n1\tx\n2\t", "a\tpassword\n1\t#\n2\t"),
        ("text/csv", "1,ada@acme.com\n2,bob@acme.com", "1,#\n2,#"),
        ("text/csv", 'a,password\n1,"cut o', 'a,password\n1,"#'),
        ("text/csv", "password\nx,y,z", "password\n#,y,z"),
    ],
)
def test_a_value_goes_by_the_name_of_its_column(kind: str, body: str, expected: str) -> None:
    assert hashed(body, kind) == expected


@pytest.mark.parametrize("unit", [",", '"', '""', '",', "\n", "a,", 'a"', "\r", ";"])
def test_a_hostile_table_takes_linear_time(unit: str) -> None:
    policy, text = load(), "a,b\n" + unit * (100_000 // len(unit))

    assert_cheap(lambda: table.changed(text, Seen(), policy, policy.root()), below=1)
    assert_cheap(lambda: finder().body(text.encode(), (("Content-Type", "text/csv"),)), below=2)
