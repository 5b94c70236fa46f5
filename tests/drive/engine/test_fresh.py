"""Fresh ids have the shape of the recorded ones, and none comes twice."""

from __future__ import annotations

import re
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.drive.engine.fresh import new_ids
from recorder.drive.engine.plan import Hole


def hole(recorded: str) -> Hole:
    return Hole(("member", "id"), 0, len(recorded), recorded, "id", is_fresh=True)


@pytest.mark.parametrize(
    ("recorded", "shape"),
    [
        (
            "3f2a91c0-7b1e-4c55-9d2e-0a1b2c3d4e5f",
            r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        ),
        (
            "3F2A91C0-7B1E-1C55-9D2E-0A1B2C3D4E5F",
            r"[0-9A-F]{8}-[0-9A-F]{4}-1[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}",
        ),
        ("10045", r"[1-9]\d{4}"),
        ("00045", r"\d{5}"),
        ("call-10045", r"call-[1-9]\d{4}"),
        ("Session_77", r"[A-Z][a-z]{6}_[1-9]\d"),
        ("d41d8cd98f00b204", r"[0-9a-f]{16}"),
        ("D41D8CD98F00B204", r"[0-9A-F]{16}"),
        ("aB3", r"[a-z][A-Z]\d"),
        ("grüße", r"[a-z]{2}üß[a-z]"),
        ("9007199254740993", r"[1-8]\d{15}"),
        ("1007199254740993", r"1\d{15}"),
    ],
)
def test_a_fresh_id_has_the_shape_of_the_recorded_one(recorded: str, shape: str) -> None:
    mint = new_ids(Random(1).randbytes)

    made = [mint(hole(recorded)) for _ in range(50)]

    assert [one for one in made if not re.fullmatch(shape, one)] == []
    assert len({*made, recorded}) == 51


def test_a_uuid_stays_one() -> None:
    mint = new_ids(Random(1).randbytes)

    assert UUID(mint(hole("018f3e6a-5c1d-7abc-8def-0123456789ab"))).version == 7


@pytest.mark.parametrize("recorded", ["1", "a", "", "-", "ü", "10"])
def test_a_shape_with_few_ids_gets_longer(recorded: str) -> None:
    mint = new_ids(Random(1).randbytes)

    made = [mint(hole(recorded)) for _ in range(200)]

    assert len({*made, recorded}) == 201
    assert max(map(len, made)) < 8


def test_equal_randomness_mints_equal_ids() -> None:
    first, second = new_ids(Random(7).randbytes), new_ids(Random(7).randbytes)

    assert [first(hole("a-1")) for _ in range(5)] == [second(hole("a-1")) for _ in range(5)]


@given(st.lists(st.text(max_size=8), max_size=20))
def test_no_id_comes_twice(recorded: list[str]) -> None:
    mint = new_ids(Random(3).randbytes)

    made = [mint(hole(one)) for one in recorded]

    assert len(set(made)) == len(made)
    assert [one for one, old in zip(made, recorded, strict=True) if one == old] == []
