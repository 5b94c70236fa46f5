"""Large bodies go on in pieces, and others have a turn between two of them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.layers import http as layers
from mitmproxy.test import tflow

from recorder.capture.large.gathered import Gathered
from recorder.capture.mitm.protocol.hooks import JoinHook, TurnHook
from recorder.capture.mitm.protocol.layers import _PIECE, _in_turns

BODY = bytes(range(256)) * (_PIECE * 3 // 256) + b"end"
CLIENT: Any = tflow.tclient_conn()


def consumed(event: Any) -> layer.CommandGenerator[None]:
    got = yield commands.Log("before")
    assert got == "an answer"
    yield layers.SendHttp(event, CLIENT)
    yield layers.SendHttp(layers.ResponseEndOfMessage(1), CLIENT)


def ran(event: Any) -> list[Any]:
    body, found = Gathered(), list[Any]()
    passed = _in_turns(consumed(event), body)
    answer: Any = None
    try:
        while True:
            found.append(passed.send(answer))
            answer = "an answer" if isinstance(found[-1], commands.Log) else None
    except StopIteration:
        return found


@pytest.mark.parametrize("kind", [layers.RequestData, layers.ResponseData])
def test_a_large_body_goes_on_in_pieces_with_turns_between(
    kind: type[layers.RequestData | layers.ResponseData],
) -> None:
    found = ran(kind(1, BODY))

    sent = [one.event.data for one in found if isinstance(one, layers.SendHttp) and isinstance(one.event, kind)]
    turns = [one.waits for one in found if isinstance(one, TurnHook)]
    assert b"".join(sent) == BODY
    assert max(map(len, sent)) == _PIECE
    assert turns == [kind is layers.ResponseData] * len(sent)
    assert isinstance(found[0], JoinHook)
    assert isinstance(found[-1].event, layers.ResponseEndOfMessage)


def test_a_small_body_goes_on_as_it_is() -> None:
    event = layers.ResponseData(1, b"small")

    assert next(one.event for one in ran(event) if isinstance(one, layers.SendHttp)) is event
