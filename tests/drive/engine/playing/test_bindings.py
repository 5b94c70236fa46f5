"""Which live value stands for which recorded one."""

from __future__ import annotations

import pytest

from recorder.drive.engine.playing.bindings import Bindings, Known, is_distinct, texts_in

from ..simulated import Script


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", False), ("abc", False), ("abcd", False), ("ab12", True), ("abcdefgh", True), ("", False)],
)
def test_an_id_is_long_or_has_a_digit(text, expected):
    assert is_distinct(text) is expected


def test_a_leaf_and_its_words_have_places():
    data = {"a": [1, True, None, "x"], "url": "/devices/1001", "n": 2.5}
    assert texts_in(data) == {
        ("a", 0): "1",
        ("a", 3): "x",
        ("url",): "/devices/1001",
        ("url", 0): "devices",
        ("url", 1): "1001",
        ("n",): "2.5",
    }
    assert texts_in("plain") == {(): "plain"}


def test_a_short_value_is_an_id_under_its_name_alone():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 0.0)
    script.answer(0, 0.1, {"callHandle": "7"})
    script.step("s1", 1.0, {"handle": "7"}, learned={"handle": [(0, "callHandle")]})
    known = Known(script.plan())

    assert "7" in known
    assert known.is_id("7", ("call", "call_handle"))
    assert known.is_id("7", ("handles", 0)) is False
    assert known.is_id("7", ("count",)) is False
    assert known.is_id("8", ("handle",)) is False


def test_values_contradict_if_one_of_them_is_known_to_be_another():
    bindings = Bindings()
    bindings.bind("r1", "l1")
    bindings.bind("r1", "l2")

    assert not bindings.contradict("r1", "l1")
    assert not bindings.contradict("r1", "l2")
    assert bindings.contradict("r1", "l3")
    assert bindings.contradict("r2", "l1")
    assert not bindings.contradict("r1", "r1")
    assert not bindings.contradict("r2", "l3")
    assert bindings.pairs() == [("r1", "l1"), ("r1", "l2")]
    assert list(bindings.recorded("l2")) == ["r1"]


def test_a_recorded_value_that_now_stands_for_another_contradicts():
    bindings = Bindings()
    bindings.bind("1001", "1002")
    bindings.bind("1002", "1003")

    assert bindings.contradict("1002", "1002")
    assert not bindings.contradict("1001", "1001")
