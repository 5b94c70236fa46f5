"""Values at the paths of a dialect are changed in a copy."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.dialect.changing import changed
from recorder.dialect.definition import parse, source
from recorder.errors import DialectError

VALUE: dict[str, Any] = {"a": {"b": 1, "c": [{"b": 2}, {"b": 3}, 4]}, "b": 5}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("b", VALUE | {"b": 50}),
        ("a.b", {"a": {"b": 10, "c": VALUE["a"]["c"]}, "b": 5}),
        ("a.c.b", {"a": {"b": 1, "c": [{"b": 20}, {"b": 30}, 4]}, "b": 5}),
        ("a.c.*.b", {"a": {"b": 1, "c": [{"b": 20}, {"b": 30}, 4]}, "b": 5}),
        ("a.c.1.b", {"a": {"b": 1, "c": [{"b": 2}, {"b": 30}, 4]}, "b": 5}),
        ("a.c.2", {"a": {"b": 1, "c": [{"b": 2}, {"b": 3}, 40]}, "b": 5}),
        ("*.b", {"a": {"b": 10, "c": VALUE["a"]["c"]}, "b": 5}),
    ],
)
def test_a_value_is_changed_where_a_path_leads(path: str, expected: Any) -> None:
    assert changed(VALUE, path.split("."), lambda leaf: leaf * 10) == expected


@pytest.mark.parametrize("path", ["x", "a", "a.x", "a.c.9", "b.c", "a.c.x.b"])
def test_where_a_path_leads_nowhere_the_value_is_the_same_object(path: str) -> None:
    assert changed(VALUE, path.split("."), lambda leaf: leaf * 10) is VALUE


def dialect(shift: str) -> Any:
    return parse(source("gws-outbound").replace("[replay]\n", f"[replay]\nshift = {shift}\n"), path="x.toml")


def test_a_dialect_names_the_dates_that_a_replay_moves() -> None:
    paths = ("body.expires_at", "data.callback.*.at", "header.Last-Modified")

    assert dialect(str(list(paths))).shift == paths


@pytest.mark.parametrize("path", ["body", "body.", "query.ts", "expires_at", "data..at", "header.a.b"])
def test_a_path_that_leads_to_no_date_is_a_mistake(path: str) -> None:
    with pytest.raises(DialectError, match="shift"):
        dialect(f"['{path}']")
