"""Parts that are made when they are first read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from recorder.lazy import Lazy, Makes, made_of, shared


@dataclass(slots=True)
class Basket(Lazy):
    """An object with parts of both kinds."""

    MAKES: ClassVar[Makes] = {"apples": made_of(list), "names": lambda basket: [basket.owner]}

    owner: str
    apples: list[str] = field(init=False, repr=False)
    names: list[str] = field(init=False, repr=False)


def test_a_part_is_made_once_and_then_kept() -> None:
    basket = Basket("ann")

    basket.apples.append("red")

    assert basket.apples == ["red"]
    assert Basket("bob").apples == []


def test_a_part_may_be_made_of_the_object() -> None:
    assert Basket("ann").names == ["ann"]


def test_to_ask_for_a_part_does_not_make_it() -> None:
    basket = Basket("ann")

    before = basket.has("apples")
    basket.apples.append("red")

    assert not before
    assert basket.has("apples")


def test_a_part_that_was_never_named_is_an_error_as_of_any_object() -> None:
    with pytest.raises(AttributeError, match="'Basket' object has no attribute 'pears'"):
        getattr(Basket("ann"), "pears")  # noqa: B009  # the checker knows that there is none


def test_equal_sets_are_one_object() -> None:
    first = shared(frozenset({"/a", "/b"}))

    assert shared(frozenset(["/b", "/a"])) is first
