"""A Finder finds what its sources find one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.finding import Finder, bare
from recorder.dialect.values import find, text, texts
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


@given(TABLES, st.lists(DATA, min_size=1, max_size=4), st.frozensets(NAMES))
def test_all_keys_are_found_as_one_by_one(
    table: dict[str, tuple[str, ...]], messages: list[Any], paths: frozenset[str]
) -> None:
    finder = Finder(table, paths)
    for data in messages:  # a finder remembers the shapes of those before
        roots = {"data": data, "channel": "/a/b", "channel.": {"part": "p"}}

        found = finder.find(roots)

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


def test_what_is_remembered_of_shapes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.dialect.finding._PLANS", 1)
    finder = Finder({"key": ("data.a.id", "data.b.id", "data.id")}, frozenset())

    found = [finder.find({"data": data}) for data in ({"a": {"id": "1"}}, {"b": {"id": "2"}}, {"id": "3"}, {"id": "4"})]

    assert found == [{"key": "1"}, {"key": "2"}, {"key": "3"}, {"key": "4"}]
    assert len(finder._plans) == 1


@given(SOURCES, DATA)
def test_the_first_text_is_that_of_all(source: str, data: Any) -> None:
    roots = {"data": data, "channel": "/a/b", "channel.": {"part": "p"}}

    assert text(source, roots) == next(texts(source, roots), None)
