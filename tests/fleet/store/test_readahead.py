"""Few bytes are fetched for a look-up, many for a reader that goes on, and none twice."""

from __future__ import annotations

import random

from recorder.fleet.store.readahead import LEAST, MOST, Held, ReadAhead

CONTENT = random.Random(1).randbytes(40 << 20)


class Far:
    """A file that counts what is fetched of it."""

    def __init__(self, most: int = 1 << 30) -> None:
        self.fetched: list[tuple[int, int]] = []
        self.most = most

    def fetch(self, start: int, end: int) -> bytes:
        self.fetched.append((start, min(end, start + self.most)))
        return CONTENT[start : min(end, start + self.most)]

    @property
    def bytes(self) -> int:
        return sum(end - start for start, end in self.fetched)


def reader(far: Far, held: Held | None = None) -> ReadAhead:
    return ReadAhead(len(CONTENT), far.fetch, held)


def test_a_scan_fetches_every_byte_once_in_ever_larger_steps() -> None:
    far, at, found = Far(), 0, bytearray()
    ahead = reader(far)

    while piece := ahead.read(at, 8192):
        found += piece
        at += len(piece)

    assert bytes(found) == CONTENT
    assert far.bytes == len(CONTENT)
    assert max(end - start for start, end in far.fetched) == MOST
    assert len(far.fetched) < 25


def test_a_look_up_fetches_little() -> None:
    far = Far()
    ahead = reader(far)

    for offset in random.Random(2).sample(range(len(CONTENT) - 100), 20):
        assert ahead.read(offset, 100) == CONTENT[offset : offset + 100]

    assert far.bytes <= 20 * LEAST


def test_the_end_comes_as_one() -> None:
    far = Far()
    ahead = reader(far)

    ahead.read(len(CONTENT) - 60, 60)
    ahead.read(len(CONTENT) - 30_000, 100)

    assert len(far.fetched) == 1
    assert ahead.read(len(CONTENT), 1) == b""


def test_what_was_fetched_is_not_fetched_for_another_reader() -> None:
    far, held = Far(), Held()
    reader(far, held).read(1_000_000, 100)
    far.fetched.clear()

    assert reader(far, held).read(1_000_050, 50) == CONTENT[1_000_050:1_000_100]
    assert far.fetched == []


def test_bytes_between_two_that_are_held_are_fetched_alone() -> None:
    far, held = Far(), Held()
    reader(far, held).read(100_000, 10)
    far.fetched.clear()

    assert reader(far, held).read(90_000, 10) == CONTENT[90_000:90_010]
    assert far.fetched == [(90_000, 100_000)]


def test_a_fetch_that_gives_less_is_gone_on_with() -> None:
    far = Far(most=10_000)

    assert reader(far).read(len(CONTENT) - 5, 5) == CONTENT[-5:]
    assert len(far.fetched) == 7


def test_no_more_is_held_than_there_is_room_for() -> None:
    far, held = Far(), Held(most=3 * LEAST)
    ahead = reader(far, held)

    for offset in range(0, 20 << 20, 1 << 20):
        assert ahead.read(offset, 10) == CONTENT[offset : offset + 10]

    assert held.get(0, 10) == b""
    assert held.get(19 << 20, 10) == CONTENT[19 << 20 : (19 << 20) + 10]
