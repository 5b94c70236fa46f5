"""A body in pieces changes as the whole one does, wherever it is cut."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.links.pieces import Pieces
from recorder.links.rewriting import Links, Origin, Server
from tests.costs import assert_cheap

LINKS, HERE = Links([Server("gws.example", 8090)]), Origin("desk:9")
STREAM = (
    b'event: a\ndata: {"u":"http://gws.example:8090/a"}\n\n'
    b"data: ws:\\/\\/gws.example:8090/b <//gws.example:8090/c>\n\nend"
    b"[WSS://gws.example:8090]{HTTP&#58;\\u002f/gws.example:8090,%68ttps%3A//gws.example:8090"
)


def change(body: bytes) -> bytes:
    return LINKS.body(body, (("Content-Type", "text/event-stream"),), HERE)


def in_pieces(pieces: list[bytes]) -> bytes:
    found = Pieces(change)
    return b"".join(part for piece in [*(piece for piece in pieces if piece), b""] for part in found.feed(piece))


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_is_rewritten_however_it_is_cut(cuts: list[int]) -> None:
    pieces = [STREAM[begin:end] for begin, end in pairwise(sorted([0, *cuts, len(STREAM)]))]

    assert in_pieces(pieces) == change(STREAM)
    assert b"gws" not in in_pieces(pieces)


def test_an_event_leaves_when_it_is_whole() -> None:
    pieces = Pieces(change)

    assert pieces.feed(b"data: http://gws.exam") == [b"data: "]
    assert pieces.feed(b"ple:8090/a\n\n") == [b"http://desk:9/a\n\n"]
    assert pieces.feed(b"") == []


@pytest.mark.parametrize("piece", [b'{"beat":1}', b"[1,2,3]", b"...", "läuft".encode(), b'{"a":true}{'])
def test_what_begins_no_link_leaves_at_once(piece: bytes) -> None:
    pieces = Pieces(change)

    assert [b"".join(pieces.feed(piece)) for _ in range(3)] == [piece] * 3


@pytest.mark.parametrize("size", [1 << 17, (1 << 16) + 1])
def test_little_is_held_back(size: int) -> None:
    assert Pieces(change).feed(b"x" * size) == [b"x" * size]


@given(st.binary(max_size=40) | st.text(" /\\%&\0hHtTpPsSwW:x\"'<\n", max_size=40).map(str.encode))
def test_what_waits_is_behind_the_last_end_of_a_link_and_may_begin_one(text: bytes) -> None:
    pieces = Pieces(lambda piece: piece)
    behind = re.split(rb"[\s\"'<>]", text)[-1]
    waits = re.search(rb"[/\\%&\0]|(?:h|ht|htt|https?|w|wss?):?\Z", behind, re.IGNORECASE) is not None

    left = b"".join(pieces.feed(text))

    assert left == (text.removesuffix(behind) if waits and behind else text)


def test_a_piece_without_links_is_passed_in_the_time_of_a_search() -> None:
    pieces, piece = Pieces(lambda piece: piece), b"x" * (1 << 16)

    def act() -> None:
        for _ in range(160):
            pieces.feed(piece)

    assert_cheap(act, below=0.4)  # of 10 MB; a regular expression took 1.5 s, between turns of others
