"""A large text is packed in one copy, to the same bytes as any other text."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.cassette.packing import Utf8, body_text, packed_record, packed_text, text_or_bytes

LARGE = b"x" * (300 << 10)


@pytest.mark.parametrize("fields", [
    {"n": 1, "t": 2, "b": LARGE},
    {"n": 1, "b": LARGE, "last": True},
    {"n": 1 << 40, "h": [["a", "b"]], "b": LARGE},
    {"n": 1, "u": "/\udcff", "h": [["a", "\udc80"]], "b": LARGE},
])  # fmt: skip
def test_both_ways_give_the_same_bytes(fields: dict[str, Any]) -> None:
    assert packed_record(2, fields | {"b": Utf8(LARGE)}) == packed_text(2, fields | {"b": LARGE.decode()})


@pytest.mark.parametrize(("body", "kind"), [
    (LARGE, Utf8), (LARGE + "\u00fc".encode(), Utf8), ("\u20ac".encode() * (100 << 10), Utf8), (b"x", str),
    (LARGE + b"\xff", bytes), (LARGE + b"\xc3", bytes), (b"\xed\xa0\x80" + LARGE, bytes),
    (b"\xff", bytes),
])  # fmt: skip
def test_only_a_large_text_is_packed_in_one_copy(body: bytes, kind: type) -> None:
    found = body_text(body)

    assert type(found) is kind
    assert packed_record(2, {"b": found}) == packed_text(2, {"b": text_or_bytes(body)})


def test_a_large_text_over_the_limit_of_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="a frame holds at most"):
        packed_record(2, {"b": Utf8(b"x" * (64 << 20))})
