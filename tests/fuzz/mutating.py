"""Change inputs at random, where no engine does it by the coverage that changes bring."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

LARGEST = 1 << 16  # bytes of an input
_LONG = 0.03  # share of inputs that are as long as can be
_ODD = (b"\x00", b"\xff", b"\r\n", b'"', b"\\", b"[" * 200, b"9" * 30, b"\xed\xa0\x80", b"%", b"{}", b"=", b"'")


def mutated(data: bytes, pool: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    """Return data with a few changes; `pool` has inputs to splice with, `tokens` texts to insert."""
    if random.random() < _LONG:
        return _swollen(data, tokens, random)
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        data = _changed(data, pool, tokens, random)[:LARGEST]
    return data


def _swollen(data: bytes, tokens: Sequence[bytes], random: Random) -> bytes:
    """Return the beginning of data, and then one or two texts over and over: what takes quadratic time shows it."""
    unit = b"".join(random.choice((*tokens, *_ODD)) for _ in range(random.choice((1, 1, 2)))) or b"x"
    begin = data[: random.choice((11, 11, random.randrange(len(data) + 1)))]
    return (begin + unit * (LARGEST // len(unit) + 1))[:LARGEST]


def _changed(data: bytes, pool: Sequence[bytes], tokens: Sequence[bytes], random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    match random.randrange(8):
        case 0 if data:
            changed = bytearray(data)
            for _ in range(random.choice((1, 1, 4))):
                changed[random.randrange(len(data))] = random.randrange(256)
            return bytes(changed)
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at + random.choice((1, 2, 10, 60)) :]
        case 3:
            other = random.choice(pool)
            return data[:at] + other[random.randrange(len(other) + 1) :]
        case 4:
            part = data[at : at + random.choice((1, 4, 30, 300))]
            return data[:at] + part * random.choice((2, 3, 20)) + data[at:]
        case 5:
            return data[:at] + random.randbytes(random.choice((1, 2, 8))) + data[at:]
        case _:
            token = random.choice((*tokens, *tokens, *_ODD))
            return data[:at] + token * random.choice((1, 1, 1, 1, 2, 100)) + data[at:]
