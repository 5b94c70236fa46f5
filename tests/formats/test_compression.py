"""Decompression with a limit."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.formats.compression import (
    Broken,
    Decompressor,
    EncodingError,
    EndsEarly,
    TooLarge,
    Unknown,
    decompress,
    zstd,
)

brotli = pytest.importorskip("brotli")  # comes with the extra `record`
PLAIN = bytes(range(256)) * 400


def bare(data: bytes) -> bytes:
    """Deflate without the zlib format around it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush()


def packed(data: bytes) -> bytes:
    return bytes(zstd().compress(data))


COMPRESS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", packed),
}
FORMS = st.sampled_from(sorted(COMPRESS))
ENCODINGS = st.sampled_from(["gzip", "x-gzip", "deflate", "br", "zstd"])
each = pytest.mark.parametrize(("encoding", "compress"), COMPRESS.values(), ids=COMPRESS)


def produced(data: bytes, encoding: str, limit: int) -> int | EncodingError:
    """How many bytes came out, or our error."""
    try:
        return len(decompress(data, encoding, limit))
    except EncodingError as exc:
        return exc


@given(st.binary(max_size=5000), FORMS)
def test_what_was_compressed_comes_back(plain: bytes, form: str) -> None:
    encoding, compress = COMPRESS[form]

    assert decompress(compress(plain), encoding, len(plain)) == plain


@given(st.binary(max_size=300), ENCODINGS, st.integers(0, 1000))
def test_any_bytes_give_bytes_up_to_the_limit_or_our_error(data: bytes, encoding: str, limit: int) -> None:
    outcome = produced(data, encoding, limit)

    assert isinstance(outcome, EncodingError) or outcome <= limit


@given(st.binary(max_size=300), FORMS, st.integers(0, 40), st.integers(0, 255))
def test_one_changed_byte_gives_bytes_up_to_the_limit_or_our_error(
    plain: bytes, form: str, place: int, byte: int
) -> None:
    encoding, compress = COMPRESS[form]
    data = bytearray(compress(plain))
    data[place % len(data)] = byte

    outcome = produced(bytes(data), encoding, 400)

    assert isinstance(outcome, EncodingError) or outcome <= 400


@given(st.binary(min_size=1, max_size=2000), FORMS, st.integers(0, 1999))
def test_one_byte_more_than_the_limit_is_too_large(plain: bytes, form: str, below: int) -> None:
    encoding, compress = COMPRESS[form]
    data = compress(plain)

    assert isinstance(produced(data, encoding, below % len(plain)), TooLarge)


@each
def test_of_what_is_too_large_the_beginning_is_told(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    with pytest.raises(TooLarge) as caught:
        decompress(compress(PLAIN), encoding, len(PLAIN) // 2)

    assert caught.value.beginning == PLAIN[: len(PLAIN) // 2]


@each
def test_of_what_ends_early_the_beginning_is_told(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    with pytest.raises(EndsEarly, match=r"^ends early$") as caught:
        decompress(compress(PLAIN)[:-1], encoding, len(PLAIN))

    assert PLAIN.startswith(caught.value.beginning)


@each
def test_nothing_is_the_beginning_of_anything(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    with pytest.raises(EndsEarly):
        decompress(b"", encoding, 1)


@each
def test_what_is_larger_than_a_piece_is_joined(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    noise = b"".join(zlib.crc32(n.to_bytes(4)).to_bytes(4) for n in range(100_000))

    assert decompress(compress(noise), encoding, len(noise)) == noise


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_members_are_joined_or_the_first_one_is_taken(encoding: str) -> None:
    compress = COMPRESS[encoding][1]
    data = compress(b"a") + compress(b"b")

    assert decompress(data, encoding, 2) == b"ab"
    assert decompress(data, encoding, 1, only_first=True) == b"a"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_members_beyond_number_are_refused(encoding: str) -> None:
    with pytest.raises(Broken, match="has more than 10000 members"):
        decompress(COMPRESS[encoding][1](b"") * 10_001, encoding, 1)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_what_follows_a_member_and_is_none_is_broken(encoding: str) -> None:
    with pytest.raises(Broken, match=f"is not valid {encoding!r}"):
        decompress(COMPRESS[encoding][1](b"a") + b"token=hunter2", encoding, 100)


def test_gzip_may_be_padded_with_any_number_of_zeros() -> None:
    assert decompress(gzip.compress(b"a") + bytes(200_000) + gzip.compress(b"b") + bytes(9), "gzip", 2) == b"ab"


def test_zstd_that_needs_a_larger_window_than_servers_may_use_is_broken() -> None:
    parameter = zstd().CompressionParameter
    options = {parameter.window_log: 24, parameter.content_size_flag: 0}
    compressor = zstd().ZstdCompressor(options=options)
    data = compressor.compress(bytes(20 << 20)) + compressor.flush()

    with pytest.raises(Broken):
        decompress(data, "zstd", 32 << 20)


@pytest.mark.parametrize("encoding", ["", "identity", "compress", "GZIP", "gzip, br"])
def test_other_encodings_are_unknown(encoding: str) -> None:
    with pytest.raises(Unknown, match=r"its encoding .* is not supported"):
        decompress(b"x", encoding, 1)


@pytest.mark.parametrize("encoding", ["br", "zstd"])
def test_an_encoding_whose_library_is_not_there_is_unknown(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    library = zstd().__name__ if encoding == "zstd" else "brotli"
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(Unknown) as caught:
        decompress(b"x", encoding, 1)

    assert caught.value.library == library


@each
@given(st.lists(st.integers(0, 4000), max_size=9))
def test_pieces_give_what_the_whole_gives(encoding: str, compress: Callable[[bytes], bytes], cuts: list[int]) -> None:
    data, stage = compress(PLAIN[:3000]), Decompressor(encoding)
    places = [0, *sorted(cut % len(data) for cut in cuts), len(data)]

    found = [stage.feed(data[start:end], len(PLAIN)) for start, end in pairwise(places)]

    assert (b"".join(found), stage.eof) == (PLAIN[:3000], True)
