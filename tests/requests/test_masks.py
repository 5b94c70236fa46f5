"""Leaves are cut out of a request: what is left is compared, their texts are compared apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.requests.masks import Address, cut, named, parameters_of, path_of


@pytest.mark.parametrize(
    ("address", "target", "text", "left"),
    [
        (("path", 2), "/a/b%20c/d?x=1", "b c", "/a/•/d?x=1"),
        (("path", 5), "/a/b", None, "/a/b"),
        (("query", "x", 0), "/a?x=b+c%2B&y=2", "b c+", "/a?x=•&y=2"),
        (("query", "x", 1), "/a?x=1&x=2&x=3", "2", "/a?x=1&x=•&x=3"),
        (("query", "", 0), "/a?b%20c", "b c", "/a?•"),
        (("query", "", 0), "/a?x=1&bQ==", "bQ==", "/a?x=1&•"),
        (("query", "z", 0), "/a?x=1", None, "/a?x=1"),
    ],
)
def test_a_leaf_of_a_target_is_cut_out(address: Address, target: str, text: str | None, left: str) -> None:
    assert cut((address,), target, b"") == (left, b"", (text,))


@pytest.mark.parametrize(
    ("place", "text", "left"),
    [
        (("a",), "x", {"a": "•", "b": [1, {"c": 2.5}, True]}),
        (("b", 0), "1", {"a": "x", "b": [0, {"c": 2.5}, True]}),
        (("b", 1, "c"), "2.5", {"a": "x", "b": [1, {"c": 0}, True]}),
        (("b", 2), None, {"a": "x", "b": [1, {"c": 2.5}, True]}),
        (("b", 1), None, {"a": "x", "b": [1, {}, True]}),
        (("b",), None, {"a": "x", "b": []}),
        (("a", "b"), None, {"a": "x", "b": [1, {"c": 2.5}, True]}),
        (("b", 7), None, {"a": "x", "b": [1, {"c": 2.5}, True]}),
        (("b", "0"), None, {"a": "x", "b": [1, {"c": 2.5}, True]}),
        ((0,), None, {"a": "x", "b": [1, {"c": 2.5}, True]}),
    ],
)
def test_a_member_is_cut_out_by_a_blank_of_its_type(place: Address, text: str | None, left: Any) -> None:
    _, body, texts = cut((("member", *place),), "/", json.dumps({"a": "x", "b": [1, {"c": 2.5}, True]}).encode())

    assert (json.loads(body), texts) == (left, (text,))


@pytest.mark.parametrize(
    ("address", "body", "text", "left"),
    [
        (("form", "b", 0), b"a=1&b=x+y&c=", "x y", "a=1&b=•&c="),
        (("form", "b", 0), b"a text", None, "•"),
        (("form", "b", 0), b"", None, ""),
        (("body",), b"a text", "a text", "•"),
        (("body",), b"caf\xe9", "café", "•"),
        (("body",), b'{"a": 1}', None, "•"),
        (("body",), b"", None, ""),
        (("member", "a"), b"a text", None, "•"),
    ],
)
def test_a_leaf_of_another_body_is_cut_out_or_all_of_it(
    address: Address, body: bytes, text: str | None, left: str
) -> None:
    assert cut((address,), "/", body) == ("/", left.encode(), (text,))


def test_several_leaves_are_cut_out_in_their_order() -> None:
    mask: tuple[Address, ...] = (("path", 1), ("query", "q", 0), ("member", "a"), ("member", "b"))

    assert cut(mask, "/x?q=y", b'{"a": "1", "b": "2"}') == ("/•?q=•", b'{"a": "\\u2022", "b": "\\u2022"}', (
        "x", "y", "1", "2",
    ))  # fmt: skip
    assert path_of(mask) == (("path", 1),)


def test_leaves_are_named_as_in_differences() -> None:
    addresses: list[Address] = [
        ("path", 1),
        ("query", "q", 0),
        ("query", "", 0),
        ("member", "a", 1, "b"),
        ("form", "x", 0),
    ]

    assert [named(one, "body") for one in addresses] == ["path", "query.q", "query", "body.a[1].b", "body.x"]
    assert named(("body",), "data") == "data"


@given(
    st.text(),
    st.binary(),
    st.lists(st.sampled_from([("path", 1), ("query", "a", 0), ("form", "a", 0), ("body",), ("member", "a")])),
)
def test_any_request_can_be_cut(target: str, body: bytes, addresses: list[Address]) -> None:
    assert len(cut(tuple(addresses), target, body).texts) == len(addresses)


def test_parameters_are_numbered_by_name() -> None:
    assert list(parameters_of("a=1&b&a=2&&c=")) == [
        ("a", 0, "1"),
        ("", 0, "b"),
        ("a", 1, "2"),
        ("", 1, ""),
        ("", 2, "c="),
    ]
