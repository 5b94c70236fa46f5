from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.index import (
    ADDRESS_WIDTH,
    KEY_WIDTH,
    PAGE,
    Addresses,
    Keys,
    address_at,
    key_hash,
    triples_in,
)

NAMES = st.sampled_from(["operation", "handle", "reference"])
VALUES = st.text(st.characters(codec=None), max_size=3)


def key_pages(entries: list[tuple[str, str, int]]) -> list[tuple[int, bytes]]:
    with closing(Keys()) as keys:
        for name, value, triple in entries:
            keys.add(name, value, triple)
        return list(keys.pages())


def test_addresses_come_back_by_their_place() -> None:
    with closing(Addresses()) as addresses:
        for place in range(PAGE + 1):
            addresses.append(place * 1_000_000_007)
        (first, page), (second, last) = addresses.pages()

    assert (addresses.count, first, second) == (PAGE + 1, 0, PAGE)
    assert [address_at(page, place) for place in (0, 1, PAGE - 1)] == [0, 1_000_000_007, (PAGE - 1) * 1_000_000_007]
    assert (address_at(last, 0), len(last)) == (PAGE * 1_000_000_007, ADDRESS_WIDTH)


def test_no_addresses_and_no_keys_have_no_pages() -> None:
    with closing(Addresses()) as addresses:
        assert list(addresses.pages()) == []
    assert key_pages([]) == []


def test_the_hash_of_a_key_is_that_of_the_specification() -> None:
    assert key_hash("handle", "7").to_bytes(8, "big") == sha256(b"handle\x007").digest()[:8]


def test_half_a_surrogate_pair_has_a_hash_too() -> None:
    assert key_hash("reference", "\ud800") != key_hash("reference", "\udfff")


@given(st.lists(st.tuples(NAMES, VALUES, st.integers(1, 2**32 - 1)), max_size=50))
def test_every_key_finds_its_triples_and_no_other(entries: list[tuple[str, str, int]]) -> None:
    pages = key_pages(entries)

    for name, value, _ in entries:
        found = [n for _, page in pages for n in triples_in(page, key_hash(name, value))]
        assert found == sorted({n for other, same, n in entries if (other, same) == (name, value)})
    assert not any(list(triples_in(page, key_hash("absent", ""))) for _, page in pages)


@pytest.mark.parametrize("count", [65_535, 65_536, 65_537, 140_000])
def test_runs_that_were_sorted_apart_are_one_order(count: int) -> None:
    pages = key_pages([("handle", str(n % 5000), n) for n in range(1, count + 1)])

    entries = [page[at : at + KEY_WIDTH] for _, page in pages for at in range(0, len(page), KEY_WIDTH)]
    assert len(entries) == count
    assert all(before < after for before, after in pairwise(entries))
    assert [first.to_bytes(8, "big") for first, _ in pages] == [page[:8] for _, page in pages]
    assert [len(page) for _, page in pages[:-1]] == [PAGE * KEY_WIDTH] * (len(pages) - 1)


def test_a_key_that_was_added_twice_is_there_once() -> None:
    ((_, page),) = key_pages([("handle", "7", 1), ("handle", "7", 1)])

    assert triples_in(page, key_hash("handle", "7")) == [1]
