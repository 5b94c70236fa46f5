"""Tell ids, words and times apart, and find the ids in paths."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.suggest.reading.personal import personal
from recorder.suggest.reading.templates import Templates
from recorder.suggest.reading.traffic import Pushed, flat
from recorder.suggest.reading.values import chance, is_name, is_random


@pytest.mark.parametrize(
    "random", ["5ea7f0ba-1c2d-4e5f-8a9b-0c1d2e3f4a5b", "778d6c4869530e14", "0015i00000C0AKfAAN", "+15550442601"]
)
def test_an_id_is_random(random: str) -> None:
    assert is_random(random)


@pytest.mark.parametrize("common", ["17", "Account", "high", "2026-11-28T12:58:10.913Z", "1795870690913", "room-5"])
def test_a_word_a_short_number_or_a_time_is_not_random(common: str) -> None:
    assert not is_random(common)


def test_a_longer_number_is_rarer() -> None:
    assert chance("1") > chance("17") > chance("170") > chance("1700000")


@pytest.mark.parametrize(("text", "named"), [("OrderAccepted", True), ("order.created", True), ("desk-17", False)])
def test_names_are_words(text: str, *, named: bool) -> None:
    assert is_name(text) == named


def test_lists_of_pairs_lead_by_their_keys() -> None:
    assert flat({"userData": [{"key": "REF", "type": "str", "value": "r1"}]}, "body") == {"body.userData.REF": ("r1",)}


def test_lists_have_all_their_values() -> None:
    assert flat({"items": [{"id": 1}, {"id": 2}]}, "body") == {"body.items.*.id": ("1", "2")}


def test_the_part_after_the_last_slash_counts_too() -> None:
    assert flat({"device": "/devices/d1"}, "body") == {"body.device": ("/devices/d1",), "body.device/": ("d1",)}


def test_actions_are_no_ids() -> None:
    paths = [
        f"/api/v1/orders/{order}/{verb}" for order in (17, 18) for verb in ("hold", "ship", "close", "cancel", "pack")
    ]
    templates = Templates(paths, lambda value: value in {"hold", "ship"})
    assert templates.of("/api/v1/orders/17/hold") == ("", "api", "v1", "orders", "{}", "hold")


def test_names_that_messages_repeat_are_ids() -> None:
    users = ["anna", "bert", "carl", "dora", "emil"]
    templates = Templates([f"/users/{user}/calls" for user in users], users.__contains__)
    assert templates.of("/users/anna/calls") == ("", "users", "{}", "calls")


def test_versions_are_no_ids() -> None:
    assert Templates(["/api/2/orders", "/api/2/calls"], lambda _: True).of("/api/2/calls") == ("", "api", "2", "calls")


def test_a_place_with_one_value_a_session_is_personal() -> None:
    pushed = [
        Pushed(
            number,
            0,
            (number, 0),
            number,
            "/me",
            "c",
            {"data.user": (f"u{session}",), "data.at": (str(number),)},
            session,
        )
        for number, session in enumerate([0, 1, 0, 1])
    ]
    assert personal(pushed) == {"data.user"}
    assert not personal([replace(event, session=0) for event in pushed])
