"""Whatever a hostile client says, the server's side of Bayeux has an answer: one for each request, that can be sent."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.bayeux.messages import Message, join, parse_request
from recorder.bayeux.outbox import Queued
from recorder.bayeux.server import BayeuxServer
from recorder.bayeux.session import CALLBACK_POLLING, LONG_POLLING, WEBSOCKET, Answer
from tests.bayeux.hostile import messages, written

FOR_EVER = 1e9  # seconds; no poll is held until then


def server() -> BayeuxServer:
    numbers = count(1)
    return BayeuxServer(lambda: f"c{next(numbers)}", 30.0)


def settled(bayeux: BayeuxServer, answers: list[Answer]) -> list[Answer]:
    """All answers, with those to the polls that are still held."""
    return [*answers, *bayeux.flush(FOR_EVER)]


BODIES = st.binary(max_size=60) | messages().map(written) | messages().map(lambda m: b"message=" + written(m))


@given(BODIES, st.text(max_size=20) | st.just("/?message=[]"))
def test_whatever_is_read_from_any_bytes_can_be_answered(body: bytes, target: str) -> None:
    bayeux = server()

    asked = parse_request(target, body)
    answers = settled(bayeux, bayeux.receive(1, asked, 0.0)) if asked is not None else []

    assert [answer.request for answer in answers] == ([] if asked is None else [1])
    assert all(join(answer.texts or []) for answer in answers)


@pytest.mark.once  # our own code alone, and many examples of it
@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(messages(), st.sampled_from([LONG_POLLING, WEBSOCKET, CALLBACK_POLLING]), st.booleans()), max_size=8
    )
)
def test_each_request_of_any_conversation_gets_one_answer(
    conversation: list[tuple[list[Message], str, bool]],
) -> None:
    bayeux, answers = server(), list[Answer]()
    answers += bayeux.receive(0, [{"channel": "/meta/handshake"}], 0.0)
    for number, (asked, transport, pushed) in enumerate(conversation, start=1):
        answers += bayeux.receive(number, asked, float(number), transport)
        if pushed:
            bayeux.push("c1", Queued(f'{{"channel":"/x","data":{number}}}'))
            answers += bayeux.flush(float(number))
    answers = settled(bayeux, answers)

    assert sorted(answer.request for answer in answers) == list(range(len(conversation) + 1))
    assert all(join(answer.texts) for answer in answers if answer.texts is not None)
    assert {answer.status for answer in answers} <= {200, 400, 500}
    assert bayeux.deadline() is None


@given(messages(size=1))
def test_a_poll_is_held_for_no_longer_than_the_server_says(asked: list[Message]) -> None:
    bayeux = server()
    bayeux.receive(1, [{"channel": "/meta/handshake"}], 0.0)
    bayeux.receive(2, [{"channel": "/meta/connect", "clientId": "c1"}], 0.0)

    bayeux.receive(3, [asked[0] | {"channel": "/meta/connect", "clientId": "c1"}], 0.0)

    assert 0 <= (bayeux.deadline() or 0) <= 30.0
