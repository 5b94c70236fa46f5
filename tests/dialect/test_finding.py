"""A Finder finds what its sources find one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.finding import Finder, bare
from recorder.dialect.values import find
from recorder.model import value_of, values

NAMES = st.sampled_from(["a", "b", "0", "key", "value"])
PATHS = st.lists(st.one_of(NAMES, st.just("*")), max_size=3).map(lambda parts: ".".join(["data", *parts]))
SOURCES = st.one_of(PATHS, PATHS.map("{{{}}}-x".format), st.sampled_from(["=always", "=", "channel", "channel.part"]))
TABLES = st.dictionaries(NAMES, st.lists(SOURCES, min_size=1, max_size=3).map(tuple))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["", "/", "a", "x/y"]))
DATA = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=9,
)


def one_by_one(table: dict[str, tuple[str, ...]], roots: dict[str, Any], path_keys: frozenset[str]) -> dict[str, Any]:
    found = {name: find(sources, roots) for name, sources in table.items()}
    for name in path_keys & found.keys():
        found[name] = value_of(short for text in values(found[name] or ()) if (short := bare(text)))
    return {name: value for name, value in found.items() if value is not None}


@given(TABLES, DATA, st.frozensets(NAMES))
def test_all_keys_are_found_as_one_by_one(table: dict[str, tuple[str, ...]], data: Any, paths: frozenset[str]) -> None:
    roots = {"data": data, "channel": "/a/b", "channel.": {"part": "p"}}

    found = Finder(table, paths).find(roots)

    expected = one_by_one(table, roots, paths)
    assert found == expected
    assert list(found) == list(expected)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"id": "", "old": 0}, "0"),
        ({"id": None, "old": "b"}, "b"),
        ({"id": {"no": "text"}, "old": "b"}, "b"),
        ({"id": True, "old": "b"}, "b"),
        ({"list": [{"key": "id", "value": "c"}], "old": "b"}, "c"),
        ([{"id": "d"}], None),
    ],
)
def test_the_first_source_with_a_value_counts(data: Any, found: str | None) -> None:
    finder = Finder({"key": ("data.id", "data.list.id", "data.old")}, frozenset())

    assert finder.find({"data": data}).get("key") == found
