"""Blocks of content: what comes out is what went in, in the order of each kind, and memory does not grow with it."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.views.pages import blocks
from recorder.views.pages.blocks import ITEMS, Blocks, content
from tests.wire import Wire, chained, done

JSON_TYPE = (("Content-Type", "application/json"),)
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def read(found: Blocks) -> list[Any]:
    return [json.loads(gzip.decompress(block)) for block in found.all()]


def filled(*items: tuple[str, str]) -> Blocks:
    found = Blocks()
    for kind, item in items:
        found.add(kind, item)
    found.finish()
    return found


@given(st.lists(st.tuples(st.sampled_from(["triples", "plain"]), st.integers()), max_size=ITEMS * 3))
def test_each_kind_comes_back_in_its_order(items: list[tuple[str, int]]) -> None:
    found = filled(*[(kind, json.dumps(number)) for kind, number in items])

    all_ = read(found)
    for kind in ("triples", "plain"):
        numbers: list[int] = []
        for k, first in found.first.get(kind, []):
            assert first == len(numbers)
            assert 0 < len(all_[k]) <= ITEMS
            numbers += all_[k]
        assert numbers == [number for one, number in items if one == kind]
    assert len(found) == len(all_)


def test_large_items_stand_in_blocks_of_their_own() -> None:
    large, small = json.dumps("x" * (1 << 20)), json.dumps("y")

    found = filled(("triples", small), ("triples", large), ("triples", large), ("triples", small))

    assert found.first == {"triples": [[0, 0], [1, 1], [2, 2], [3, 3]]}


def test_the_same_items_give_the_same_bytes() -> None:
    one, other = (list(filled(("triples", "1"), ("plain", "2")).all()) for _ in range(2))

    assert one == other


def test_memory_does_not_grow_with_content() -> None:
    chance = random.Random(7)
    tracemalloc.start()
    try:
        found = Blocks()
        for _ in range(64):
            found.add("triples", json.dumps(chance.randbytes(1 << 19).hex()))
        found.finish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert sum(map(len, found.all())) > 32 << 20
    assert peak < 28 << 20
    found.close()


@given(VALUES)
def test_a_body_that_is_json_stands_there_as_its_text(value: Any) -> None:
    body = json.dumps(value).encode()

    found = content(body, JSON_TYPE)

    if value is None:
        assert found is None
    elif isinstance(value, str):
        assert found == [value]
    else:
        assert isinstance(found, str)
        assert json.dumps(json.loads(found)) == json.dumps(value)


@pytest.mark.parametrize(
    ("body", "found"),
    [(b"", None), (b"text", ["text"]), (b"a \xff", ["a \\xff"]), (b'{"a": 1.0}', '{"a":1.0}'), (b'"x"', ["x"])],
)
def test_other_bodies(body: bytes, found: object) -> None:
    assert content(body, ()) == found


def test_a_triple_has_all_that_is_not_light() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    [triple] = wire.recording().triples

    found = json.loads(blocks.of_triple(triple, lambda _seq, _index: [(3, "another handle")]))

    assert list(found) == ["headers", "body", "ack", "events"]
    assert found["ack"]["body"] == '{"statusCode":0}'
    [event] = found["events"]
    assert json.loads(event["data"]) == triple.events[0].event.data
    assert event["others"] == [[3, "another handle"]]
    assert event["why"] == triple.events[0].why
