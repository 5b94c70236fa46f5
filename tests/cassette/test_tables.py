from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.index import KEY, key_entries, key_hash
from recorder.cassette.tables import PAGE, Rows, Spool, Table, in_page
from recorder.errors import CassetteError

NAMES = st.sampled_from(["operation", "handle", "reference"])
VALUES = st.text(st.characters(codec=None), max_size=3)


@contextmanager
def table_of(entries: list[bytes], width: int, *, is_sorted: bool) -> Iterator[Table]:
    rows = Rows(width, is_sorted=is_sorted)
    for entry in entries:
        rows.add(entry)
    pages = list(rows.pages())
    rows.close()
    contents = [content for _, content in pages]
    places = [(first, place) for place, (first, _) in enumerate(pages)]
    yield Table(width, places, contents.__getitem__, path="a", name="keys")


def eight(numbers: list[int]) -> list[bytes]:
    return [number.to_bytes(8, "big") for number in numbers]


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 70_000, 140_000])
@pytest.mark.parametrize("is_sorted", [False, True])
def test_entries_come_back_by_place_in_pages_that_are_full(count: int, *, is_sorted: bool) -> None:
    entries = eight([n * 7_919 % 1_000_003 for n in range(count)])
    wanted = sorted(entries) if is_sorted else entries

    with table_of(entries, 8, is_sorted=is_sorted) as table:
        assert (len(table), list(table)) == (count, wanted)
        assert [table[place] for place in range(0, count, 777)] == wanted[::777]
        assert table.read(PAGE - 3, PAGE + 2) == b"".join(wanted[PAGE - 3 : PAGE + 2])
        with pytest.raises(IndexError):
            table[count]


def test_runs_that_were_sorted_apart_are_one_order_and_a_page_begins_with_its_first_entry() -> None:
    rows = Rows(KEY.size, is_sorted=True)
    for n in range(1, 140_001):
        rows.extend(key_entries([("handle", str(n % 5000))], n))
    pages = list(rows.pages())
    rows.close()

    entries = [page[at : at + KEY.size] for _, page in pages for at in range(0, len(page), KEY.size)]
    assert len(entries) == 140_000
    assert all(before < after for before, after in pairwise(entries))
    assert [first.to_bytes(8, "big") for first, _ in pages] == [page[:8] for _, page in pages]
    assert {len(page) for _, page in pages[:-1]} == {PAGE * KEY.size}


def test_an_entry_that_was_added_twice_is_in_a_sorted_table_once() -> None:
    with table_of(eight([7, 7]), 8, is_sorted=True) as once, table_of(eight([7, 7]), 8, is_sorted=False) as twice:
        assert (len(once), len(twice)) == (1, 2)


@given(st.lists(st.tuples(NAMES, VALUES, st.integers(1, 2**32 - 1)), max_size=50))
def test_every_key_finds_its_triples_and_no_other(keys: list[tuple[str, str, int]]) -> None:
    entries = chain.from_iterable(key_entries([(name, value)], n) for name, value, n in keys)
    with table_of(list(entries), KEY.size, is_sorted=True) as table:
        for name, value, _ in keys:
            found = [KEY.unpack(one)[1] for one in table.starting(key_hash(name, value).to_bytes(8, "big"))]
            assert found == sorted({n for other, same, n in keys if (other, same) == (name, value)})
        assert not list(table.starting(key_hash("absent", "").to_bytes(8, "big")))


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(0, 41), st.integers(1, 12))
def test_the_first_entry_not_below_is_found_over_pages_of_any_kind(
    numbers: list[int], wanted: int, in_page: int
) -> None:
    entries = sorted(n.to_bytes(4, "big") * 3 for n in numbers)
    contents = [b"".join(entries[at : at + in_page]) for at in range(0, len(entries), in_page)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recorder.cassette.tables.PAGE", in_page)
        pages = [(int.from_bytes(content[:8], "big"), place) for place, content in enumerate(contents)]
        table = Table(12, pages, contents.__getitem__, path="a", name="keys")

        for prefix in (wanted.to_bytes(4, "big"), wanted.to_bytes(4, "big") * 3):
            assert table.first(prefix) == sum(entry < prefix for entry in entries)
            assert list(table.starting(prefix)) == [entry for entry in entries if entry.startswith(prefix)]


def test_a_page_of_wide_entries_has_fewer() -> None:
    entries = [number.to_bytes(256, "big") for number in range(1000)]

    assert (in_page(4), in_page(12), in_page(13), in_page(256)) == (8192, 8192, 7561, 384)
    with table_of(entries, 256, is_sorted=False) as table:
        assert list(table) == entries
        assert (table[384], table.read(383, 385)) == (entries[384], entries[383] + entries[384])


def test_a_page_that_lacks_entries_is_told() -> None:
    contents = [bytes(8 * (PAGE - 1)), bytes(8)]
    table = Table(8, [(0, 0), (PAGE, 1)], contents.__getitem__, path="a", name="records")

    assert table[PAGE] == bytes(8)
    with pytest.raises(CassetteError, match="holds no entry 8191 of its records"):
        table[PAGE - 1]
    with pytest.raises(CassetteError):
        table.read(0, PAGE)


def test_a_spool_gives_back_what_it_got() -> None:
    spool = Spool()
    contents = [b"", b"a" * 2_000_000, b"b"]
    addresses = [spool.add(content) for content in contents]

    assert [spool.at(address) for address in reversed(addresses)] == contents[::-1]
    spool.close()
