"""A body is gathered piece by piece, and joined where that stalls nobody."""

from __future__ import annotations

import tracemalloc

import pytest

from recorder.capture.large.gathered import Gathered

SIZES: tuple[list[int], ...] = ([], [1], [65_536, 1], [1, 65_536, 70_000], [3] * 40_000)


def gathered(sizes: list[int]) -> tuple[Gathered, bytes]:
    body, whole = Gathered(), b""
    for number, size in enumerate(sizes):
        piece = bytes([number % 251]) * size
        body += piece
        whole += piece
    return body, whole


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("is_joined", [True, False])
def test_the_pieces_make_the_body(sizes: list[int], *, is_joined: bool) -> None:
    body, whole = gathered(sizes)
    if is_joined:
        body.join()

    assert (len(body), bool(body), bytes(body)) == (len(whole), bool(whole), whole)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_pieces_are_taken_in_their_order(sizes: list[int]) -> None:
    body, whole = gathered(sizes)

    assert b"".join(body.taken()) == whole
    assert (len(body), bytes(body)) == (0, b"")


def test_more_pieces_may_come_after_the_others_were_joined() -> None:
    body, whole = gathered([70_000, 1])
    body.join()
    body += b"end"

    assert bytes(body) == whole + b"end"


def test_pieces_of_one_byte_take_no_memory_of_their_own() -> None:
    tracemalloc.start()
    body, _ = Gathered(), None
    for _ in range(200_000):
        body += b"x"
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size < 2 * len(body)
