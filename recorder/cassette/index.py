"""Hash what the index of a sealed cassette tells of triples: their keys, and the frames that they stand in."""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache

from .frames import Frame, frame

KEY = struct.Struct(">QI")  # hash of a key, number of a triple
_REPEATED = 1000  # keys whose hashes are remembered: operations, channels, and the values that a whole session has
DIGEST = 8  # bytes of the digest of a frame


@lru_cache(_REPEATED)
def key_hash(name: str, value: str) -> int:
    """Return the 64-bit hash under which the index lists a key.

    Two keys may share a hash, so a caller must compare the keys of each triple found.
    """
    digest = hashlib.sha256(f"{name}\0{value}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


def key_entry(name: str, value: str, n: int) -> bytes:
    """Return the entry of a key of triple number `n`."""
    return KEY.pack(key_hash(name, value), n)


def frame_digest(found: Frame) -> bytes:
    """Return the start of the SHA-256 of a frame; a look-up compares it, as it cannot compare that of the file."""
    return encoded_digest(frame(found.kind, found.body))


def encoded_digest(encoded: bytes) -> bytes:
    """Return the same of the bytes of a frame."""
    return hashlib.sha256(encoded).digest()[:DIGEST]
