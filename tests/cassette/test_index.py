from __future__ import annotations

from hashlib import sha256

from recorder.cassette.index import KEY, key_entries, key_hash


def test_the_hash_of_a_key_is_that_of_the_specification() -> None:
    assert key_hash("handle", "7").to_bytes(8, "big") == sha256(b"handle\x007").digest()[:8]


def test_half_a_surrogate_pair_has_a_hash_too() -> None:
    assert key_hash("reference", "\ud800") != key_hash("reference", "\udfff")


def test_an_entry_is_the_hash_of_its_key_and_the_number_of_its_triple() -> None:
    entries = key_entries([("handle", "7"), ("channel", "/a")], 9)

    assert list(map(KEY.unpack, entries)) == [(key_hash("handle", "7"), 9), (key_hash("channel", "/a"), 9)]
