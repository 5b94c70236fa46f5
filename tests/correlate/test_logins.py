"""Tokens that logins give out belong to one session with the tokens before them."""

from __future__ import annotations

from recorder.correlate.sessions import Logins, Sessions, as_tokens
from recorder.dialect.definition import load
from recorder.model import Request, Response
from tests.wire import body

PATH = "/oauth2/token"


def logins() -> tuple[Logins, Sessions]:
    sessions = Sessions(frozenset({"JSESSIONID"}))
    return Logins(load(), sessions), sessions


def asked(content: str = "", path: str = PATH) -> Request:
    return Request(0, 0, 1, "c1", "POST", path, (), content.encode())


def gave(**tokens: str) -> Response:
    return Response(1, 1, 1, 200, (), body(tokens))


def test_an_answer_gives_out_its_tokens() -> None:
    given, _ = logins()

    assert given.answered(asked(), gave(access_token="access-1", refresh_token="refresh-1"), frozenset()) == as_tokens(
        ["access-1", "refresh-1"]
    )


def test_an_answer_in_any_charset_gives_out_its_tokens() -> None:
    its_type = (("Content-Type", "application/json; charset=Shift_JIS"),)  # the second byte of the name is a backslash
    answer = Response(1, 1, 1, 200, its_type, '{"name": "表", "access_token": "access-1"}'.encode("shift_jis"))

    assert logins()[0].answered(asked(), answer, frozenset()) == as_tokens(["access-1"])


def test_a_refresh_shows_the_token_it_was_given() -> None:
    given, sessions = logins()
    first = given.answered(asked(), gave(access_token="access/1", refresh_token="refresh/1"), frozenset())
    sessions.handshaken("client1", as_tokens(["access/1"]), (1, 1))

    shown = given.shown(asked("grant_type=refresh_token&refresh_token=refresh%2F1"))
    given.answered(asked(), gave(access_token="access/2"), shown)

    assert shown <= first
    assert sessions.of_tokens(as_tokens(["access/2"])) == 1


def test_a_refresh_token_that_two_logins_gave_out_joins_nothing() -> None:
    given, sessions = logins()
    given.answered(asked(), gave(access_token="access-1", refresh_token="of-the-user"), frozenset())
    given.answered(asked(), gave(access_token="access-2", refresh_token="of-the-user"), frozenset())
    sessions.handshaken("client1", as_tokens(["access-1"]), (1, 1))

    given.answered(asked(), gave(access_token="access-3"), given.shown(asked("refresh_token=of-the-user")))

    assert sessions.of_tokens(as_tokens(["access-3"])) is None


def test_other_requests_show_nothing() -> None:
    given, _ = logins()
    given.answered(asked(), gave(access_token="access-1"), frozenset())

    assert given.shown(asked("access-1", "/other")) == frozenset()


def test_short_values_and_other_answers_give_out_nothing() -> None:
    given, _ = logins()

    assert given.answered(asked(), gave(access_token="short"), frozenset()) == frozenset()
    assert given.answered(asked(path="/me"), gave(access_token="access-1"), frozenset()) == frozenset()
