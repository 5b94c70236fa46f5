"""Bodies without their encodings, and how much of them."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

brotli = pytest.importorskip("brotli")  # comes with the extra `record`
zstandard = pytest.importorskip("zstandard")

from recorder.formats.compression import TooLarge  # noqa: E402  # a missing library is told first
from recorder.redaction.bodies import encodings as module  # noqa: E402  # see above
from recorder.redaction.bodies.encodings import NotSupported, NotUndone, content, encodings  # noqa: E402  # see above
from tests.costs import assert_cheap  # noqa: E402  # see above

PLAIN = b'{"referenceId":"r1","name":"x"}' * 10_000
BOMB = 64 << 20


def undone(body: bytes, applied: list[str], limit: int = 16 << 20, charset: str = "") -> tuple[bytes, str | None]:
    return module.undone(body, applied, limit, charset)


def bare(data: bytes) -> bytes:
    """Deflate without the zlib format around it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush()


def zstd(data: bytes) -> bytes:
    return bytes(zstandard.ZstdCompressor().compress(data))


ENCODE: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd),
}
each = pytest.mark.parametrize(("name", "encode"), ENCODE.values(), ids=ENCODE)


# What is undone


@each
def test_an_encoding_is_undone(name: str, encode: Callable[[bytes], bytes]) -> None:
    assert undone(encode(PLAIN), [name]) == (PLAIN, None)


@given(st.binary(max_size=400), st.lists(st.sampled_from(sorted(ENCODE)), max_size=5))
def test_several_encodings_are_undone_from_the_last_one_on(plain: bytes, chosen: list[str]) -> None:
    body = plain
    for key in chosen:
        body = ENCODE[key][1](body)

    assert undone(body, [ENCODE[key][0] for key in chosen]) == (plain, None)


def test_gzip_members_are_joined_and_zeros_after_them_are_nothing() -> None:
    assert undone(gzip.compress(b"a") + gzip.compress(b"b") + bytes(9), ["gzip"]) == (b"ab", None)


def test_zstd_frames_are_joined() -> None:
    assert undone(zstd(b"a") + zstd(b"b"), ["zstd"]) == (b"ab", None)


def test_no_body_has_no_encoding() -> None:
    assert undone(b"", ["gzip"]) == (b"", None)


def test_encodings_of_the_content_come_before_those_of_the_transfer() -> None:
    headers = (
        ("Transfer-Encoding", "GZIP, chunked"),
        ("content-encoding", "deflate, identity"),
        ("Content-Encoding", "br"),
    )

    assert encodings(headers) == ["deflate", "br", "gzip"]


# What is not


@pytest.mark.parametrize("name", ["gzip", "deflate", "br"])
def test_of_one_that_ends_early_its_beginning_is_left(name: str) -> None:
    whole = ENCODE[name][1](bytes(range(256)) * 400)

    body, lacks = undone(whole[:-10], [name])

    assert body
    assert (bytes(range(256)) * 400).startswith(body)
    assert lacks == f"its {name!r} data ends early"


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "deflate", "br", "zstd"])
def test_what_is_not_encoded_as_it_says_is_an_error(name: str) -> None:
    with pytest.raises(NotUndone, match="it is not valid"):
        undone(b"\xff\x00 neither", [name])


@pytest.mark.parametrize("applied", [["rot13"], ["gzip", "utf8"], ["compress"], ["gzip"] * 6])
def test_an_unknown_encoding_of_what_is_no_text_is_an_error(applied: list[str]) -> None:
    with pytest.raises(NotUndone):
        undone(b"\x00\xff", applied)


def test_an_encoding_that_is_not_supported_is_told_from_one_that_is_broken() -> None:
    with pytest.raises(NotSupported):
        undone(b"\x00\xff", ["compress"])
    with pytest.raises(NotUndone) as broken:
        undone(b"\x00\xff", ["gzip"])
    assert not isinstance(broken.value, NotSupported)


# Encodings that are none


@pytest.mark.parametrize(
    "name",
    ["utf-8", "iso-8859-1", "binary", "null", "aws-chunked", "none, utf-8", "7bit", "gzip", "deflate", "br", "zstd"],
)
def test_plain_text_is_kept_whatever_encoding_is_named(name: str) -> None:
    assert undone('{"a":"ä"}'.encode(), encodings((("Content-Encoding", name),))) == ('{"a":"ä"}'.encode(), None)


@pytest.mark.parametrize("encode", [gzip.compress, zstd, zlib.compress], ids=["gzip", "zstd", "deflate"])
@pytest.mark.parametrize("name", ["utf-8", "gzip, utf-8", "utf-8, gzip"])
def test_the_first_bytes_tell_the_encoding_where_the_name_does_not(name: str, encode: Callable[[bytes], bytes]) -> None:
    names = encodings((("Content-Encoding", name),))
    if encode is not gzip.compress and "gzip" in names:
        names.remove("gzip")

    assert undone(encode(PLAIN), names) == (PLAIN, None)


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "shift_jis"])
def test_text_is_what_decodes_in_its_charset(charset: str) -> None:
    body = {"shift_jis": "日本"}.get(charset, "Löwe").encode(charset)

    assert undone(body, ["utf-8"], charset=charset) == (body, None)
    with pytest.raises(NotUndone):
        undone(body, ["utf-8"])


def test_a_body_is_decoded_by_its_headers() -> None:
    text = "Löwe".encode("iso-8859-1")
    typed = ("Content-Type", "text/plain; charset=iso-8859-1")

    assert content(text, (typed, ("Content-Encoding", "utf-8")), limit=10) == (text, None)
    assert content(gzip.compress(text), (("Content-Encoding", "gzip"),), limit=10) == (text, None)
    assert content(b"\x00\xff", (typed,), limit=1) == (b"\x00\xff", None)


@pytest.mark.parametrize("body", [b"\x00\x01\x02", b"a\x07b", b"\xc3\x28", b"\x1f\x8b\x08broken"])
def test_what_is_no_text_is_not_kept(body: bytes) -> None:
    with pytest.raises(NotUndone):
        undone(body, ["utf-8"])


def test_what_follows_a_gzip_member_and_is_none_is_an_error() -> None:
    with pytest.raises(NotUndone):
        undone(gzip.compress(b"a") + b"token=hunter2", ["gzip"])


@given(st.binary(max_size=200), st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd"]), min_size=1, max_size=3))
def test_any_bytes_are_undone_or_an_error(body: bytes, applied: list[str]) -> None:
    with suppress(NotUndone, TooLarge):
        undone(body, applied, limit=1 << 16)


# Bombs


def bomb(name: str) -> bytes:
    """64 MB of zeros, without holding it."""
    if name == "br":
        compressor = brotli.Compressor(quality=5, lgwin=24)
        return b"".join(compressor.process(bytes(1 << 20)) for _ in range(BOMB >> 20)) + bytes(compressor.finish())
    if name == "zstd":
        frame = zstandard.ZstdCompressor(level=3).compressobj()
        return b"".join(frame.compress(bytes(1 << 20)) for _ in range(BOMB >> 20)) + bytes(frame.flush())
    deflate = zlib.compressobj(9, zlib.DEFLATED, {"gzip": 31, "deflate": 15}[name])
    return b"".join(deflate.compress(bytes(1 << 20)) for _ in range(BOMB >> 20)) + deflate.flush()


@pytest.mark.once
@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_left_out_in_little_memory_and_time(name: str) -> None:
    packed = bomb(name)

    def act() -> None:
        with pytest.raises(TooLarge, match=f"^decoded from {name!r} it has more than 16777216 bytes$"):
            undone(packed, [name])

    assert len(packed) < 1 << 20
    assert_cheap(act, below=2)
    tracemalloc.start()
    act()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 80 << 20


@pytest.mark.once
def test_a_bomb_in_a_bomb_is_left_out() -> None:
    with pytest.raises(TooLarge):
        undone(gzip.compress(bomb("gzip")), ["gzip", "gzip"])


@pytest.mark.parametrize("applied", [["gzip"], ["gzip", "gzip"], ["gzip", "gzip", "gzip"]])
def test_of_a_body_that_is_too_large_the_beginning_is_told(applied: list[str]) -> None:
    packed = PLAIN
    for _ in applied:
        packed = gzip.compress(packed, 0)

    with pytest.raises(TooLarge) as caught:
        undone(packed, applied, limit=100_000)

    assert len(caught.value.beginning) > 90_000
    assert PLAIN.startswith(caught.value.beginning)


def test_a_bomb_of_nothing_is_an_error() -> None:
    nothing = gzip.compress(gzip.compress(b"") * 100_000)

    with pytest.raises(NotUndone, match="more than 10000 members"):
        undone(nothing, ["gzip", "gzip"])


def test_the_limit_itself_is_kept() -> None:
    assert undone(gzip.compress(bytes(1000)), ["gzip"], limit=1000) == (bytes(1000), None)
    with pytest.raises(TooLarge):
        undone(gzip.compress(bytes(1001)), ["gzip"], limit=1000)
