"""A REST request belongs to a Bayeux session by its cookies, else by its Authorization, else by nothing."""

from __future__ import annotations

import pytest

from recorder.correlate.sessions import Sessions
from recorder.model import Headers

NAMES = frozenset({"JSESSIONID", "BAYEUX_BROWSER"})
AGENT1: Headers = (("Authorization", "Basic YWdlbnQx"),)
AGENT2: Headers = (("Authorization", "Basic YWdlbnQy"),)


def cookie(value: str, name: str = "JSESSIONID") -> Headers:
    return (("Cookie", f"{name}={value}"),)


def sessions_of(*handshakes: Headers) -> Sessions:
    """Sessions s1, s2 … of clients client1, client2 …, by what their handshakes showed."""
    sessions = Sessions(NAMES)
    for n, headers in enumerate(handshakes, 1):
        sessions.handshaken(f"client{n}", sessions.tokens(headers), at=(n, n))
    return sessions


def session_of(sessions: Sessions, headers: Headers) -> int | None:
    return sessions.of_tokens(sessions.tokens(headers))


def test_sessions_are_numbered_by_their_handshakes() -> None:
    sessions = sessions_of(cookie("a"), cookie("b"))

    assert (sessions.of_client("client1"), sessions.of_client("client2")) == (1, 2)
    assert sessions.starts == {1: (1, 1), 2: (2, 2)}


def test_a_client_whose_handshake_was_not_seen_has_no_session() -> None:
    assert sessions_of(cookie("a")).of_client("client9") is None


def test_a_request_is_joined_by_its_cookie() -> None:
    sessions = sessions_of(cookie("a"), cookie("b"))

    assert session_of(sessions, cookie("b")) == 2


def test_a_request_is_joined_by_its_authorization() -> None:
    sessions = sessions_of(AGENT1, AGENT2)

    assert session_of(sessions, AGENT2) == 2


def test_a_cookie_weighs_more_than_authorization() -> None:
    sessions = sessions_of((*AGENT1, *cookie("a")), (*AGENT2, *cookie("b")))

    assert session_of(sessions, (*AGENT1, *cookie("b"))) == 2


def test_unknown_tokens_mean_any_session_and_not_another_one() -> None:
    sessions = sessions_of(cookie("a"), cookie("b"))

    assert session_of(sessions, cookie("z")) is None


def test_cookies_of_other_names_do_not_count() -> None:
    sessions = sessions_of(cookie("x", "AWSELB"), cookie("x", "AWSELB"))

    assert session_of(sessions, cookie("x", "AWSELB")) is None
    assert sessions.of_client("client2") == 2


def test_the_same_value_under_another_name_is_another_cookie() -> None:
    sessions = sessions_of(cookie("x", "JSESSIONID"))

    assert session_of(sessions, cookie("x", "BAYEUX_BROWSER")) is None


def test_a_cookie_that_a_response_sets_counts() -> None:
    sessions = sessions_of((("Set-Cookie", "JSESSIONID=a; Path=/; HttpOnly"),), cookie("b"))

    assert session_of(sessions, cookie("a")) == 1


@pytest.mark.parametrize(
    "header",
    [
        "JSESSIONID=a",
        "theme=dark; JSESSIONID=a",
        'prefs={"lang":"en"}; JSESSIONID=a',
        "a b c; JSESSIONID=a",
        "caf\xe9=1; JSESSIONID=a",
        "JSESSIONID=a; broken",
        "=; JSESSIONID=a",
        "x=1;JSESSIONID=a",
    ],
)
def test_strange_cookies_do_not_hide_the_one_that_counts(header: str) -> None:
    sessions = sessions_of(cookie("a"))

    assert session_of(sessions, (("cookie", header),)) == 1


def test_a_new_handshake_with_a_known_cookie_goes_on_with_the_session() -> None:
    sessions = sessions_of(cookie("a"), cookie("b"))

    sessions.handshaken("client3", sessions.tokens(cookie("a")), at=(9, 9))

    assert sessions.of_client("client3") == 1
    assert sessions.starts[1] == (1, 1)


def test_a_new_handshake_with_a_known_authorization_and_no_cookie_goes_on_with_the_session() -> None:
    assert sessions_of(AGENT1, AGENT1).of_client("client2") == 1


def test_two_desktops_with_one_technical_user_are_told_apart_by_their_cookies() -> None:
    sessions = sessions_of((*AGENT1, *cookie("a")), (*AGENT1, *cookie("b")))

    assert sessions.of_client("client2") == 2
    assert session_of(sessions, (*AGENT1, *cookie("a"))) == 1
    assert session_of(sessions, (*AGENT1, *cookie("b"))) == 2


def test_an_authorization_that_two_sessions_share_tells_nothing() -> None:
    sessions = sessions_of((*AGENT1, *cookie("a")), (*AGENT1, *cookie("b")))

    assert session_of(sessions, AGENT1) is None


def test_what_a_session_showed_later_is_learned() -> None:
    sessions = sessions_of(cookie("a"), cookie("b"))

    sessions.learn(sessions.tokens(AGENT2), 2)

    assert session_of(sessions, AGENT2) == 2


def test_the_only_session_is_known_while_there_is_one() -> None:
    assert sessions_of().only() is None
    assert sessions_of(cookie("a")).only() == 1
    assert sessions_of(cookie("a"), cookie("b")).only() is None


def test_a_cookie_that_is_deleted_tells_nothing() -> None:
    deleted: Headers = (("Set-Cookie", "JSESSIONID=; Max-Age=0"),)

    assert Sessions(NAMES).tokens(deleted) == frozenset()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bearer T0ken+/=", "OAuth T0ken+/="),
        ("bearer T0ken", "BEARER   T0ken"),
        ("T0ken", "Token T0ken"),
        ('Token token="T0ken"', "Bearer T0ken"),
        (
            'OAuth oauth_nonce="1", oauth_token="T0ken", oauth_signature="x"',
            'OAuth oauth_token="T0ken", oauth_nonce="2"',
        ),
        ('Digest username="agent1", nonce="a", response="b"', 'digest username="agent1", nonce="c", response="d"'),
        ("AWS4-HMAC-SHA256 Credential=AKID/day, Signature=a", "AWS4-HMAC-SHA256 Credential=AKID/day, Signature=b"),
        ("Basic YWdlbnQx", "basic YWdlbnQx"),
    ],
)
def test_a_credential_is_compared_without_its_scheme(one: str, other: str) -> None:
    sessions = sessions_of((("Authorization", one),), AGENT2)

    assert session_of(sessions, (("authorization", other),)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bearer YWdlbnQx", "Basic YWdlbnQx"),
        ("Bearer T0ken", "Bearer t0ken"),
        ('Digest username="agent1"', 'Digest username="agent2"'),
        ("Negotiate YIIabc", "Negotiate YIIabc"),
        ("NTLM TlRMTVNT", "NTLM TlRMTVNT"),
    ],
)
def test_what_is_no_equal_token_is_another_credential(one: str, other: str) -> None:
    sessions = sessions_of((("Authorization", one),), AGENT2)

    assert session_of(sessions, (("Authorization", other),)) is None


@pytest.mark.parametrize(
    "deletes",
    ["JSESSIONID=gone; Max-Age=0", "JSESSIONID=gone; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT", "JSESSIONID="],
)
def test_a_deleted_cookie_tells_nothing_in_any_form(deletes: str) -> None:
    assert Sessions(NAMES).tokens((("Set-Cookie", deletes),)) == frozenset()


def test_cookies_that_were_merged_into_one_header_all_count() -> None:
    merged = "BAYEUX_BROWSER=b; expires=Wed, 21 Oct 2026 07:28:00 GMT, JSESSIONID=a; Path=/"

    assert Sessions(NAMES).tokens((("Set-Cookie", merged),)) == {"BAYEUX_BROWSER=b", "JSESSIONID=a"}


def test_a_cookie_that_takes_the_place_of_another_belongs_to_its_session() -> None:
    sessions = sessions_of(cookie("a"), cookie("b"))
    sessions.renewed_cookies(sessions.tokens(cookie("a")), sessions.tokens((("Set-Cookie", "JSESSIONID=a2"),)))
    sessions.renewed_cookies(sessions.tokens(cookie("a2")), sessions.tokens((("Set-Cookie", "JSESSIONID=a3; Secure"),)))

    assert session_of(sessions, cookie("a3")) == 1


def test_a_cookie_that_is_new_beside_another_takes_no_place() -> None:
    sessions = sessions_of(cookie("a"), cookie("b"))
    sessions.renewed_cookies(sessions.tokens(cookie("a")), sessions.tokens((("Set-Cookie", "BAYEUX_BROWSER=new"),)))

    assert session_of(sessions, cookie("new", "BAYEUX_BROWSER")) is None


def test_a_token_renewed_before_the_handshake_belongs_to_its_session() -> None:
    sessions = Sessions(NAMES)
    sessions.renewed(frozenset({"authorization first"}), frozenset({"authorization later"}))
    sessions.handshaken("client1", frozenset({"authorization later"}), at=(1, 1))
    sessions.handshaken("client2", frozenset({"authorization else"}), at=(2, 2))

    assert session_of(sessions, (("Authorization", "Bearer first"),)) == 1


def test_a_token_renewed_after_both_were_seen_belongs_to_the_session_of_either() -> None:
    sessions = sessions_of((("Authorization", "OAuth later"),), AGENT2)
    sessions.renewed(frozenset({"authorization first"}), frozenset({"authorization later"}))

    assert session_of(sessions, (("Authorization", "Bearer first"),)) == 1
