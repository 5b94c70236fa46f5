"""A value read in one search is the same text with the same holes as one that is read leaf by leaf."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recorder.dialect.definition import shipped
from recorder.diff.brief import Brief, BriefReader, exact
from recorder.diff.drafts import Drafts, canonical
from recorder.diff.holes import Leaf, Reader, Seen
from recorder.diff.words import Hole, Words
from recorder.model import Event, Recording, Unsolicited
from tests.wire import Wire, body, chained, done

GWS = shipped("gws-outbound")
_NODE = "node-17a.node-0002"  # a cookie of two words
IDS = ["reference-0001", "client-0001", "cookie-0001", _NODE, "12345678", "http://h:1"]
LITTLE = ["a", "", "x", "-", "%", "%22", "\\", '"', "•", "!", " ", ": ", "\n", "é", "1", "[", "\ud800"]
TEXTS = st.lists(st.sampled_from([*IDS, *LITTLE, *(word[1:] for word in IDS)]), max_size=4).map("".join)
NAMES = TEXTS | st.sampled_from(["referenceId", "devicePath", "timestamp", "longer-than-a-word"])
VALUES = st.recursive(
    TEXTS
    | st.sampled_from(
        [None, True, 12345678, -12345678, 1.5, 1e400, 1e16, float("nan"), 12, "/devices/reference-0001/7", 2**70]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def _recording() -> Recording:
    wire = Wire()
    desk = wire.desk("client-0001", headers=(("Cookie", f"JSESSIONID={_NODE}"),))
    desk.asks(chained(7, "reference-0001"), done(7, "reference-0001"))
    desk.asks(chained(7, "12345678"), done(7, "12345678"))
    wire.desk("cookie-0001")
    return wire.recording()


RECORDING = _recording()
READER = Reader(Drafts(RECORDING, GWS).ids, GWS, servers=["http://h:1/"])
BRIEF = BriefReader(READER, GWS.bare)


def of_event(event: Event) -> Brief:
    """The brief of the data of an event, by its draft."""
    one = replace(RECORDING, triples=(), plain=(), unsolicited=(Unsolicited(event, "x", None),))
    [draft] = Drafts(one, GWS).unsolicited()
    assert draft is not None
    return BRIEF.quick(draft[2]) or BRIEF.data(event)


def of_body(sent: bytes) -> Brief:
    """The brief of the body of a request, by its draft."""
    [triple] = RECORDING.triples[:1]
    changed = replace(triple, request=replace(triple.request, body=sent))
    [draft] = Drafts(replace(RECORDING, triples=(changed,)), GWS).triples()
    return BRIEF.quick(draft.body) or BRIEF.body(sent)


@given(VALUES)
@example(["\ud800", 1e16])
@example({"a": 1e-7, "b": [1 << 70, {"\ud800": 2e300}]})
def test_a_body_read_in_one_search_is_one_read_leaf_by_leaf(value: Any) -> None:
    sent = json.dumps(value).encode()

    quick, whole = of_body(sent), exact(READER.body(sent))

    assert quick.text == whole.text
    assert Counter(quick.holes) == Counter(whole.holes)


@given(VALUES)
def test_an_event_read_in_one_search_is_one_read_leaf_by_leaf(value: Any) -> None:
    event = Event(0, 0, 0, 0, "c", "/x", value)

    quick, whole = of_event(event), exact(READER.data(event))

    assert quick.text == whole.text
    assert Counter(quick.holes) == Counter(whole.holes)


@given(VALUES, st.data())
def test_holes_are_paired_as_they_are_leaf_by_leaf(value: Any, data: st.DataObject) -> None:
    other = _with_other_ids(value, data.draw)
    one, two = of_body(body({"value": value})), of_body(body({"value": other}))

    if (one.text, one.places) == (two.text, two.places):
        seen = (READER.body(body({"value": each})) for each in (value, other))
        assert Counter(zip(one.holes, two.holes, strict=True)) == Counter(_pairs(*seen))


def _with_other_ids(value: Any, draw: Any) -> Any:
    match value:
        case str():
            for one, other in (("reference-0001", "12345678"), ("client-0001", "cookie-0001"), ("cookie-0001", _NODE)):
                value = value.replace(one, other) if one in value and draw(st.booleans()) else value
            return value
        case list():
            return [_with_other_ids(item, draw) for item in value]
        case dict():
            return dict(reversed([(name, _with_other_ids(item, draw)) for name, item in value.items()]))
        case _:
            return value


def _pairs(old: Seen, new: Seen) -> Iterator[tuple[Hole, Hole]]:
    match old, new:
        case dict(), dict():
            for name, item in old.items():
                yield from _pairs(item, new[name])
        case list(), list():
            for both in zip(old, new, strict=True):
                yield from _pairs(*both)
        case Leaf(), Leaf():
            yield from zip(old.holes, new.holes, strict=True)


def test_most_bodies_are_read_in_one_search() -> None:
    found = of_body(body({"b": [1, "of client-0001"], "referenceId": "reference-0001", "a": {"x": "node"}}))

    assert "exact" not in found.places
    assert found.text == '{"a":{"x":"node"},"b":[1,"of •"],"referenceId":!"•"}'
    assert [hole.value for hole in found.holes] == ["reference-0001", "client-0001"]


@pytest.mark.parametrize("value", [1e16, float("nan"), float("inf"), [None, -float("inf")], 2**70, "\ud800", "null"])
def test_odd_values_keep_their_texts_apart(value: Any) -> None:
    assert json.loads(canonical({"b": None, "a": value})) == pytest.approx({"a": value, "b": None}, nan_ok=True)


def test_a_number_that_looks_like_an_id_is_no_id() -> None:
    assert of_body(body([12345678, "12345678"])).text == '[12345678,"•"]'


def test_the_name_of_a_member_is_no_id() -> None:
    assert of_body(body({"client-0001": "client-0001"})).text == '{"client-0001":"•"}'


def test_an_id_is_no_part_of_a_longer_word() -> None:
    words = Words({"abcdefgh": "k"})

    assert words.in_json('["xabcdefgh", "abcdefgh", "abcdefgh-"]') == (
        '["xabcdefgh", "•", "abcdefgh-"]',
        [("k", "abcdefgh")],
    )
