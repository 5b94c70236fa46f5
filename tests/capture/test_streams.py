from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.capture.streams import Kept, is_small
from recorder.formats.streamed import is_event_stream
from recorder.model import Headers

EVENTS: Headers = (("content-TYPE", "Text/Event-Stream; charset=utf-8"),)
SMALL: Headers = (("Content-Length", " 17 "),)
LARGE: Headers = (("Content-Length", "9000000"),)


@pytest.mark.parametrize(
    "headers", [LARGE, (), (("Content-Length", "9" * 5000),), (("Content-Length", "x"),), (*SMALL, *LARGE)]
)
def test_an_answer_that_may_take_long_is_not_small(headers: Headers) -> None:
    assert not is_small(headers)


def test_an_answer_that_says_so_is_small() -> None:
    assert is_small(SMALL)


def test_server_sent_events_are_told_by_their_type() -> None:
    assert is_event_stream(EVENTS)
    assert not is_event_stream((("Content-Type", "text/plain"), ("Accept", "text/event-stream")))


@given(st.lists(st.binary(max_size=9)), st.integers(0, 40))
def test_all_is_handed_on_and_the_beginning_is_kept(pieces: list[bytes], limit: int) -> None:
    kept, whole = Kept(limit), b"".join(pieces)

    assert [kept.passes(piece) for piece in pieces] == pieces
    body = kept.take()
    assert body == whole[:limit]
    assert kept.lost == len(whole) - len(body)
