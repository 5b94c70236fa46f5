"""Links in events are counted however their values are written, and none is overlooked for being odd."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recorder.model import Response
from recorder.requests.index.foreign import Foreign

LINK = "http://far.example/a"


@pytest.mark.parametrize(
    "data",
    [
        {"to": LINK},
        {"to": json.dumps(LINK).replace("/", "\\/")},
        {"to": LINK.replace("/", "%2F").replace(":", "%3A")},
        {"to": LINK.replace("/", "&#47;")},
        {"a": "é ü", "to": LINK},
        {"a": "\ud800", "to": LINK},
        {"a": [1 << 70, float("nan"), 1e300], "to": LINK},
        {LINK: 1},
        LINK,
    ],
)
def test_a_link_in_an_event_is_counted(data: Any) -> None:
    data_first, beside_first = Foreign(), Foreign()

    data_first.told(data, None)
    beside_first.told(None, data)

    assert data_first.unknown == beside_first.unknown == {"far.example": 1}


@pytest.mark.parametrize("data", [{"a": "b"}, None, 1, "a/b", {"a": "\ud800"}, [{}]])
def test_an_event_without_a_link_counts_nothing(data: Any) -> None:
    foreign = Foreign()

    foreign.told(data, data)

    assert not foreign.unknown


def test_each_answer_counts_a_host_once_though_its_headers_come_again() -> None:
    foreign = Foreign()
    headers = (("Location", LINK), ("Content-Type", "text/plain"))

    for seq in range(3):
        foreign.answer(Response(seq, seq, seq, 200, headers, b"see http://far.example/b or http://two.example/"))

    assert foreign.unknown == {"far.example": 3, "two.example": 3}
