"""A sign-in that gives out a cookie alone begins a client of its own, as one that gives out a token does."""

from __future__ import annotations

import json

import pytest

from recorder.model import Headers
from recorder.replay.engine.http import HttpResponse
from tests.replay.engine.test_identity import Scene, says, with_words
from tests.replay.stage import Desk
from tests.wire import Ask, Wire, chained, done

USERS = ("ann", "bob")


def sign_in(user: str) -> Ask:
    return Ask("/login", json.dumps({"user": user}).encode())


def cookie(user: str) -> Headers:
    return (("Cookie", f"JSESSIONID=recorded-{user}"),)


def recorded(*users: str) -> Wire:
    """Users who sign in, one after the other, and then ask for an operation each."""
    wire, desks = Wire(), []
    for user in users:
        says(wire, sign_in(user), {"user": user}, own=(("Set-Cookie", f"JSESSIONID=recorded-{user}; Path=/"),))
        desks.append(wire.desk(f"desk of {user}", cookie(user)))
    for user, desk in zip(users, desks, strict=True):
        post = desk.post(chained(7, f"r-{user}"), cookie(user))
        desk.hears(done(7, f"r-{user}"))
        wire.ack(post)
        wire.wait(1)
    return wire


def session_of(reply: HttpResponse) -> str:
    return next(value for name, value in reply.headers if name.lower() == "set-cookie").partition(";")[0]


def opens(desk: Desk) -> None:
    desk.handshakes()
    desk.listens()


NAMED = """
[operations.SignIn]
request = "POST /login"
events = []
terminal = []
"""


@pytest.mark.parametrize("words", ["", NAMED], ids=["no operation", "an operation"])
@pytest.mark.parametrize("users", [("ann",), USERS])
def test_two_clients_that_sign_in_before_they_shake_hands_hear_their_own_events(
    users: tuple[str, ...], words: str
) -> None:
    stage = Scene(recorded(*users), with_words(words))
    one, other = stage.stranger(), stage.stranger()
    replies = [one.answer(sign_in(users[0])), other.answer(sign_in(users[-1]))]
    opens(one)
    opens(other)

    other.answer(chained(7, "other"))
    one.answer(chained(7, "one"))

    assert len({session_of(reply) for reply in replies}) == 2
    assert (one.references, other.references, stage.misses) == (["one"], ["other"], [])


def test_a_client_that_signs_in_after_another_has_opened_its_session_is_another() -> None:
    stage = Scene(recorded(*USERS))
    one, other = stage.stranger(), stage.stranger()
    one.answer(sign_in("ann"))
    opens(one)
    other.answer(sign_in("bob"))
    opens(other)

    other.answer(chained(7, "other"))
    one.answer(chained(7, "one"))

    assert (one.references, other.references, stage.misses) == (["one"], ["other"], [])


def test_an_operation_whose_answer_sets_a_cookie_is_no_sign_in() -> None:
    """Some clients keep the cookies of requests and of push apart, or none: their requests are still theirs."""
    wire = Wire()
    desk = wire.desk("c1")
    post = desk.post(chained(7, "r1"))
    desk.hears(done(7, "r1"))
    wire.respond(post, {"statusCode": 0}, headers=(("Set-Cookie", "JSESSIONID=recorded; Path=/"),))
    wire.wait(1)
    stage = Scene(wire)
    live = stage.client()
    opens(live)

    live.answer(chained(7, "live"))

    assert (live.references, stage.misses) == (["live"], [])
