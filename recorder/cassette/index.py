"""Hash what the index of a sealed cassette tells of triples: their keys, and the frames that they stand in."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from hashlib import sha256

from .frames import Frame, frame

KEY = struct.Struct(">QI")  # hash of a key, number of a triple
_HASH = 8  # bytes of a hash
DIGEST = 8  # bytes of the digest of a frame


def key_hash(name: str, value: str) -> int:
    """Return the 64-bit hash under which the index lists a key.

    Two keys may share a hash, so a caller must compare the keys of each triple found.
    """
    return int.from_bytes(_hashed(name, value), "big")


def key_entries(keys: Iterable[tuple[str, str]], n: int) -> list[bytes]:
    """Return the entries of some keys of triple number `n`."""
    number = n.to_bytes(KEY.size - _HASH, "big")
    return [_hashed(name, value) + number for name, value in keys]


def _hashed(name: str, value: str) -> bytes:
    return sha256(f"{name}\0{value}".encode("utf-8", "surrogatepass")).digest()[:_HASH]


def frame_digest(found: Frame) -> bytes:
    """Return the start of the SHA-256 of a frame; a look-up compares it, as it cannot compare that of the file."""
    return encoded_digest(frame(found.kind, found.body))


def encoded_digest(encoded: bytes) -> bytes:
    """Return the same of the bytes of a frame."""
    return sha256(encoded).digest()[:DIGEST]
