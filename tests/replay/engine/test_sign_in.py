"""A sign-in that gives out a cookie alone begins a client of its own, as one that gives out a token does."""

from __future__ import annotations

import json

import pytest

from recorder.model import Headers
from recorder.redaction.policy import load as policy_of
from recorder.replay.engine.http import HttpResponse
from tests.replay.engine.test_identity import Scene, says, with_words
from tests.replay.stage import Desk
from tests.wire import Ask, Wire, chained, done

USERS = ("ann", "bob")


def sign_in(user: str, name: str = "user") -> Ask:
    return Ask("/login", json.dumps({name: user}).encode())


def cookie(user: str) -> Headers:
    return (("Cookie", f"JSESSIONID=recorded-{user}"),)


def recorded(*users: str, name: str = "user") -> Wire:
    """Users who sign in, one after the other, and then ask for an operation each."""
    wire, desks = Wire(), []
    for place, user in enumerate(users):
        own = (("Set-Cookie", f"JSESSIONID=recorded-{user}; Path=/"),)
        says(wire, sign_in(user, name), {"user": user, "place": place}, own=own)
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


@pytest.mark.parametrize(
    ("users", "meant"),
    [(("ann", "bob"), [0, 1]), (("bob", "ann"), [0, 1]), (("ann", "ann"), [0, 0]), (("ann", "bob", "eve"), [0, 1, 0])],
)
def test_of_redacted_sign_ins_each_user_gets_one_of_their_own(users: tuple[str, ...], meant: list[int]) -> None:
    """A pseudonym stands for one user: who signs in after another does not get the session of that one again."""
    stage = Scene(recorded("tho", "yal", name="username"), redaction=policy_of("gws"))

    replies = [stage.stranger().answer(sign_in(user, "username")) for user in users]

    assert [json.loads(reply.body)["place"] for reply in replies] == meant


def test_a_redacted_code_that_an_answer_gave_out_tells_whose_session_begins() -> None:
    """Then what comes without a request comes at its time, not only after the first operation."""
    wire = Wire()
    for user, code in (("tho", "815118"), ("yal", "8an68a")):
        says(wire, sign_in(user, "username"), {"go": code})
        own = (("Set-Cookie", f"JSESSIONID=recorded-{user}; Path=/"),)
        says(wire, Ask(f"/begin?otp={code}", b"{}"), {}, own=own)
        recorded_desk = wire.desk(f"desk of {user}", cookie(user))
        recorded_desk.hears(done(7, f"news for {user}"))
    stage = Scene(wire, redaction=policy_of("gws"))

    for user, meant in (("ann", "tho"), ("bob", "yal")):
        desk = stage.stranger()
        desk.answer(Ask(f"/begin?otp={json.loads(desk.answer(sign_in(user, 'username')).body)['go']}", b"{}"))
        opens(desk)
        assert desk.references == [f"news for {meant}"]
    assert stage.misses == []


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
