"""What was asked is kept for a second pass."""

from __future__ import annotations

import pytest

from recorder.correlate.ordering import asked
from recorder.model import Request, State, Triple
from recorder.requests.index.asked import Asked, AskedTriples


def triple(n: int, body: bytes = b"{}") -> Triple:
    headers = (("Host", "h.example"), ("X", "half \ud800"))
    sent = Request(2 * n, n, n, "c", "POST", f"/a/{n}", headers, body, None if n % 2 else 3)
    return Triple(n, "Make", {}, None if n % 3 else "A", State.ACKED, sent, None, None, ())


@pytest.mark.parametrize("count", [0, 1, 256, 700])
def test_requests_come_back_in_order_and_again(count: int) -> None:
    kept, given = Asked(), [triple(n) for n in range(count)]
    for one in given:
        kept.add(one)
    first, second = iter(kept), iter(kept)
    assert list(zip(first, second, strict=True)) == list(zip(given, given, strict=True))
    kept.close()
    kept.close()


def test_large_bodies_are_not_held_in_memory() -> None:
    kept = Asked()
    for n in range(5):
        kept.add(triple(n, b"x" * (1 << 20)))
        assert not kept._batch
    assert sum(len(one.request.body) for one in kept) == 5 << 20
    kept.close()


def test_triples_with_requests_beside_them_are_asked_for_these() -> None:
    kept, given = Asked(), (triple(1), triple(2))
    for one in given:
        kept.add(one)
    beside = AskedTriples(given, kept)
    assert (len(beside), beside[1], list(beside)) == (2, given[1], list(given))
    assert asked(beside) is kept
    assert asked(given) is given
    kept.close()
