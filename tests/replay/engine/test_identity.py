"""Whose request it is, from the login on: credentials without their schemes, and values that logins give out."""

from __future__ import annotations

import json
from dataclasses import replace
from http.cookies import SimpleCookie
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest

from recorder.correlate.engine import Correlator
from recorder.dialect.definition import Dialect, load, parse, source
from recorder.formats.charsets import as_utf8
from recorder.model import Headers, Recording, Request, Response
from recorder.redaction.policy import load as policy_of
from recorder.replay.engine.http import HttpRequest, HttpResponse
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from tests.replay.stage import Desk, Stage
from tests.wire import HEADER, Ask, Wire, chained, done

LOGIN = Ask("/services/oauth2/token", b"grant_type=password&username=u")
TOKEN, REFRESH = "00D5i!AQ4.first", "5Aep861.refresh!1"


def shows(value: str, scheme: str = "Bearer") -> Headers:
    return (("Authorization", f"{scheme} {value}"),)


def oauth(token: str = TOKEN, **more: Any) -> dict[str, Any]:
    return {"access_token": token, "instance_url": "http://gws.example", "token_type": "Bearer"} | more


def says(wire: Wire, ask: Ask, answer: Any, headers: Headers = (), own: Headers = ()) -> None:
    wire.respond(wire.request(ask.method, ask.target, ask.body, headers), answer, headers=own)
    wire.wait(0.1)


def with_words(words: str) -> Dialect:
    return parse(source("gws-outbound").replace('name = "gws-outbound"', 'name = "mine"') + words, path="mine.toml")


def recorded(wire: Wire, dialect: Dialect | None = None) -> Recording:
    correlator = Correlator(dialect or load())
    for record in wire.records:
        correlator.feed(record)
    return correlator.finish(HEADER)


class Scene(Stage):
    """A stage with a dialect of the test's own."""

    def __init__(self, wire: Wire, dialect: Dialect | None = None, **options: Any) -> None:
        super().__init__(wire.recording())
        ids = count(1)
        dialect = dialect or load()
        self.standin = ReplayEngine(
            recorded(wire, dialect), dialect, new_id=lambda: f"id{next(ids)}", rate=INSTANT, **options
        )

    def client(self) -> Desk:
        """A client without cookies."""
        return self.stranger(cookies=False)


def value_of(reply: HttpResponse, name: str = "access_token") -> str:
    return str(json.loads(reply.body)[name])


def session(wire: Wire, token: str, name: str = "c1", reference: str = "r1") -> None:
    """A recorded session under a token, with one operation."""
    desk = wire.desk(name, shows(token, "OAuth"))
    post = desk.post(chained(7, reference), shows(token))
    desk.hears(done(7, reference))
    wire.ack(post)
    wire.wait(1)


def logged_in() -> Wire:
    wire = Wire()
    says(wire, LOGIN, oauth())
    session(wire, TOKEN)
    return wire


def goes_on(desk: Desk, token: str) -> None:
    """Open the push session under a token, and hold a poll."""
    desk.headers = shows(token, "OAuth")
    desk.handshakes()
    desk.listens()


def asks(desk: Desk, ask: Ask, token: str, scheme: str = "bearer") -> HttpResponse:
    """A request that shows the token in place of what the desk shows in its push session."""
    stream, desk.headers = desk.headers, shows(token, scheme)
    reply = desk.answer(ask)
    desk.headers = stream
    return reply


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token", "OAuth"])
def test_a_credential_is_one_client_under_any_scheme(scheme: str) -> None:
    stage = Scene(logged_in())
    desk = stage.client()
    goes_on(desk, "elsewhere")

    asks(desk, chained(7, "live"), "elsewhere", scheme)

    assert desk.references == ["live"]


def test_each_login_gives_out_a_value_of_its_own() -> None:
    stage = Scene(logged_in())
    one, other = stage.client(), stage.client()

    first, second = value_of(one.answer(LOGIN)), value_of(other.answer(LOGIN))

    assert len({first, second, TOKEN}) == 3
    assert [len(first), first[5:6]] == [len(TOKEN), "!"]
    assert stage.misses == []


def test_two_clients_that_log_in_at_once_hear_their_own_events() -> None:
    stage = Scene(logged_in())
    one, other = stage.client(), stage.client()
    first, second = value_of(one.answer(LOGIN)), value_of(other.answer(LOGIN))
    goes_on(one, first)
    goes_on(other, second)

    asks(other, chained(7, "other"), second)
    asks(one, chained(7, "one"), first)

    assert (one.references, other.references, stage.misses) == (["one"], ["other"], [])


def test_of_equal_logins_each_client_that_is_there_makes_another_one() -> None:
    """One user was there twice at once: two live clients of that user are as the two recorded ones."""
    wire = Wire()
    for number in range(2):
        says(wire, LOGIN, oauth(f"00D5i!AQ4.login{number}", place=number))
    for number in range(2):
        session(wire, f"00D5i!AQ4.login{number}", f"c{number}", f"r{number}")
    stage = Scene(wire)

    replies = [stage.client().answer(LOGIN) for _ in range(3)]

    assert [json.loads(reply.body)["place"] for reply in replies] == [0, 1, 0]


def test_of_equal_logins_one_after_the_other_each_client_begins_with_the_first() -> None:
    """Who was gone, and came again, is no other client: a live one that comes may begin anew."""
    wire = Wire()
    for number in range(2):
        says(wire, LOGIN, oauth(f"00D5i!AQ4.login{number}", place=number))
        session(wire, f"00D5i!AQ4.login{number}", f"c{number}", f"r{number}")
    stage = Scene(wire)

    replies = [stage.client().answer(LOGIN) for _ in range(2)]

    assert [json.loads(reply.body)["place"] for reply in replies] == [0, 0]


def test_equal_seeds_give_out_equal_values() -> None:
    wire = logged_in()

    assert value_of(Scene(wire).client().answer(LOGIN)) == value_of(Scene(wire).client().answer(LOGIN))


def test_a_value_given_out_is_the_recorded_one_in_paths_queries_and_bodies() -> None:
    wire = Wire()
    says(wire, LOGIN, oauth())
    says(wire, Ask(f"/by/{quote(TOKEN, safe='')}/path", b"", "GET"), {"is": "path"})
    says(wire, Ask(f"/query?access_token={quote(TOKEN, safe='')}", b"", "GET"), {"is": "query"})
    says(wire, Ask("/form", f"token={quote(TOKEN, safe='')}".encode()), {"is": "form"})
    says(wire, Ask("/json", {"of": [TOKEN]}), {"is": "json", "again": f"you showed {TOKEN}"})
    stage = Scene(wire)
    desk = stage.client()

    token = value_of(desk.answer(LOGIN))
    quoted = quote(token, safe="")
    answers = [
        desk.answer(ask).body
        for ask in (
            Ask(f"/by/{quoted}/path", b"", "GET"),
            Ask(f"/query?access_token={quoted}", b"", "GET"),
            Ask("/form", f"token={quoted}".encode()),
            Ask("/json", {"of": [token]}),
        )
    ]

    assert stage.misses == []
    assert [json.loads(answer)["is"] for answer in answers] == ["path", "query", "form", "json"]
    assert json.loads(answers[-1])["again"] == f"you showed {token}"


@pytest.mark.parametrize("written", [r"\/", r"\u002f", r"\u002F"])
def test_a_value_given_out_is_known_however_json_spells_it(written: str) -> None:
    wire = Wire()
    says(wire, LOGIN, oauth("00D5i!AQ4/first"))
    says(wire, Ask("/json", {"of": ["00D5i!AQ4/first"], "text": '"\\/\x01\ud800'}), {"is": "json"})
    stage = Scene(wire)
    desk = stage.client()
    token = value_of(desk.answer(LOGIN))

    text = json.dumps({"of": [token.replace("/", "|")], "text": '"\\/\x01\ud800'}).replace("|", written)
    answer = desk.answer(Ask("/json", text.encode()))

    assert stage.misses == []
    assert json.loads(answer.body) == {"is": "json"}


@pytest.mark.parametrize("half", [0xD800, 0xDCFF])
def test_a_value_given_out_may_hold_half_a_character(half: int) -> None:
    token = f"00D5i!{chr(half)}.first"
    wire = Wire()
    says(wire, LOGIN, oauth(token))
    quoted = quote(as_utf8(token), safe="")
    says(wire, Ask("/form", f"token={quoted}".encode()), {"is": "form"})
    says(wire, Ask("/text", f"see {token}".encode("utf-8", "backslashreplace")), {"is": "text"})
    desk = wire.desk("c1", shows(token, "OAuth"))
    wire.ack(desk.post(Ask(LOGIN.target, f"grant_type=refresh_token&refresh_token={quoted}".encode())))
    stage = Scene(wire)
    client = stage.client()

    live = value_of(client.answer(LOGIN))
    answer = client.answer(Ask("/form", f"token={quote(as_utf8(live), safe='')}".encode()))

    assert json.loads(answer.body) == {"is": "form"}
    assert live != token


def test_events_carry_the_clients_own_value() -> None:
    wire = Wire()
    says(wire, LOGIN, oauth())
    desk = wire.desk("c1", shows(TOKEN, "OAuth"))
    post = desk.post(chained(7, "r1"), shows(TOKEN))
    desk.hears(done(7, "r1", link=f"/frontdoor?sid={TOKEN}"))
    wire.ack(post)
    stage = Scene(wire)
    live = stage.client()
    token = value_of(live.answer(LOGIN))
    goes_on(live, token)

    asks(live, chained(7, "live"), token)

    assert live.events[0]["data"]["record"]["link"] == f"/frontdoor?sid={token}"


def refreshed() -> Wire:
    """Login, an operation, a refresh, and another operation under the new token."""
    wire = Wire()
    says(wire, LOGIN, oauth(refresh_token=REFRESH))
    session(wire, TOKEN)
    says(
        wire,
        Ask(LOGIN.target, f"grant_type=refresh_token&refresh_token={quote(REFRESH)}".encode()),
        oauth("00D5i!AQ4.later"),
    )
    desk = wire.desk("c1", shows("00D5i!AQ4.later", "OAuth"))
    post = desk.post(chained(8, "r2"), shows("00D5i!AQ4.later"))
    desk.hears(done(8, "r2"))
    wire.ack(post)
    return wire


def test_a_refresh_goes_on_with_the_session() -> None:
    stage = Scene(refreshed())
    one, other = stage.client(), stage.client()
    login, theirs = one.answer(LOGIN), other.answer(LOGIN)
    goes_on(one, value_of(login))
    goes_on(other, value_of(theirs))
    asks(one, chained(7, "one"), value_of(login))

    refresh = f"grant_type=refresh_token&refresh_token={quote(value_of(login, 'refresh_token'))}"
    renewed = value_of(stage.client().answer(Ask(LOGIN.target, refresh.encode())))
    asks(one, chained(8, "later"), renewed)

    assert (one.references, other.references, stage.misses) == (["one", "later"], [], [])
    assert [len(one["played"]) for one in stage.standin.state(stage.now)["sessions"]] == [2, 0]


@pytest.mark.parametrize(
    "written", ["grant_type=refresh_token&refresh_token=5Aep861.refresh%211", r'{"of":"5Aep861.refresh\u00211"}']
)
def test_a_refreshed_session_is_one_in_the_recording(written: str) -> None:
    wire = refreshed()
    old = b"grant_type=refresh_token&refresh_token=5Aep861.refresh%211"
    wire.records = [
        replace(r, body=r.body.replace(old, written.encode()))
        for r in wire.records
        if isinstance(r, Request | Response)
    ]

    recording = recorded(wire)

    assert list(recording.session_starts) == ["s1"]
    assert {triple.session for triple in (*recording.triples, *recording.plain)} == {"s1"}


def test_a_refresh_token_from_elsewhere_is_no_clients_own() -> None:
    refresh = Ask(LOGIN.target, f"grant_type=refresh_token&refresh_token={REFRESH}".encode())
    wire = Wire()
    says(wire, refresh, oauth(refresh_token=REFRESH))
    session(wire, TOKEN)
    stage = Scene(wire, redaction=policy_of("gws"))
    one, other = stage.client(), stage.client()
    theirs = Ask(LOGIN.target, b"grant_type=refresh_token&refresh_token=from-the-settings-of-both")

    first, second = one.answer(theirs), other.answer(theirs)
    goes_on(one, value_of(first))
    goes_on(other, value_of(second))
    asks(other, chained(7, "other"), value_of(second))

    assert value_of(first, "refresh_token") == "from-the-settings-of-both"
    assert value_of(first) != value_of(second)
    assert (one.references, other.references, stage.misses) == ([], ["other"], [])


def test_a_second_login_in_its_turn_is_the_same_clients() -> None:
    wire = logged_in()
    says(wire, LOGIN, oauth("00D5i!AQ4.later"))
    post = wire.request("POST", chained(8, "r2").target, chained(8, "r2").body, shows("00D5i!AQ4.later"))
    wire.ack(post)
    stage = Scene(wire)
    desk = stage.client()
    token = value_of(desk.answer(LOGIN))
    goes_on(desk, token)
    asks(desk, chained(7, "one"), token)

    later = value_of(stage.client().answer(LOGIN))
    asks(desk, chained(8, "later"), later)

    assert [one["played"] for one in stage.standin.state(stage.now)["sessions"]] == [[1, 2]]


def test_a_login_that_began_a_playhead_is_united_with_the_session_that_shows_its_token() -> None:
    wire = logged_in()
    stage = Scene(wire)
    desk = stage.client()
    goes_on(desk, "elsewhere")

    token = value_of(stage.client().answer(LOGIN))
    desk.headers = shows(token, "OAuth")
    desk.bayeux({"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/more"})
    asks(desk, chained(7, "live"), token)

    assert desk.references == ["live"]
    assert len(stage.standin.state(stage.now)["sessions"]) == 1


def test_events_that_were_due_to_a_login_come_with_the_session_that_shows_its_token() -> None:
    stage = Scene(logged_in())
    desk = stage.client()
    goes_on(desk, "elsewhere")
    stranger = stage.client()
    token = value_of(stranger.answer(LOGIN))
    stranger.headers = shows(token)
    stranger.posts(chained(7, "live"))

    desk.headers = shows(token, "OAuth")
    desk.polls()
    stage.wait(1)

    assert desk.references == ["live"]
    assert stage.standin.unheard == []


def test_a_token_in_the_query_of_a_websocket_identifies_its_client() -> None:
    dialect = with_words('\n[session]\ntokens = ["query.access_token"]\n')
    stage = Scene(logged_in(), dialect)
    target = "/api/v2/notifications?access_token=elsewhere"
    other = "/api/v2/notifications?access_token=another"

    stage.standin.upgrade(HttpRequest(900, "socket", "GET", target, (), b""))
    stage.standin.upgrade(HttpRequest(901, "other socket", "GET", other, (), b""))
    desk = stage.client()
    desk.headers = shows("elsewhere")
    desk.posts(chained(7, "live"))

    assert [one["played"] for one in stage.standin.state(stage.now)["sessions"]] == [[1], []]


def test_a_websocket_that_a_client_opens_beside_its_handshake_is_no_other_client() -> None:
    """Faye opens one before it knows the cookie of its handshake, and tells its clientId there later."""
    stage = Scene(logged_in())
    desk = stage.client()
    desk.handshakes()
    stage.standin.upgrade(HttpRequest(900, "socket", "GET", "/api/v2/notifications", (), b""))

    desk.posts(chained(7, "live"))
    before = len(stage.standin.state(stage.now)["sessions"])
    poll = json.dumps([{"channel": "/meta/connect", "clientId": desk.client_id, "connectionType": "websocket"}])
    stage.standin.receive(HttpRequest(901, "socket", "GET", "/", (), poll.encode(), on_socket=True), stage.now)

    assert (before, len(stage.standin.state(stage.now)["sessions"]), stage.misses) == (2, 1, [])


def test_a_websocket_that_shows_a_token_of_a_login_is_of_that_client() -> None:
    """jsforce opens its stream by a WebSocket while its session by long-polling is there already."""
    stage = Scene(logged_in())
    one, other = stage.client(), stage.client()
    first, second = value_of(one.answer(LOGIN)), value_of(other.answer(LOGIN))
    goes_on(one, first)
    goes_on(other, second)

    for number, token in enumerate((first, second)):
        upgrade = HttpRequest(
            900 + number, f"socket {number}", "GET", "/api/v2/notifications", shows(token, "OAuth"), b""
        )
        stage.standin.upgrade(upgrade)
    asks(one, chained(7, "one"), first)
    asks(other, chained(7, "two"), second)

    assert (one.references, other.references, stage.misses) == (["one"], ["two"], [])
    assert len(stage.standin.state(stage.now)["sessions"]) == 2


def test_the_password_of_an_application_is_no_client() -> None:
    app: Headers = (("Authorization", "Basic YXBwOnNlY3JldA=="),)
    wire = Wire()
    says(wire, LOGIN, oauth(), app)
    session(wire, TOKEN)
    stage = Scene(wire)
    one, other = stage.stranger(app, cookies=False), stage.stranger(app, cookies=False)

    first, second = value_of(one.answer(LOGIN)), value_of(other.answer(LOGIN))
    goes_on(one, first)
    goes_on(other, second)
    asks(one, chained(7, "one"), first)

    assert (one.references, other.references, stage.misses) == (["one"], [], [])


def test_a_client_that_has_a_token_from_elsewhere_needs_no_login() -> None:
    stage = Scene(logged_in())
    desk = stage.client()
    goes_on(desk, "elsewhere")

    asks(desk, chained(7, "live"), "elsewhere")

    assert desk.references == ["live"]


SOAP = """
[session]
tokens = ["query.sid", "header.X-Session"]
[session.minted]
"POST /Soap/u/{version}" = ["body.sessionId"]
"GET /csrf" = ["header.X-CSRF-Token"]
"""


def test_a_dialect_names_logins_in_xml_and_tokens_in_headers_and_queries() -> None:
    dialect = with_words(SOAP)
    envelope = f"<s:Envelope><s:Body><m:sessionId>{TOKEN}</m:sessionId></s:Body></s:Envelope>".encode()
    ask = Ask("/Soap/u/60", b"<login/>")
    wire = Wire()
    says(wire, ask, envelope)
    says(wire, Ask(f"/me?sid={quote(TOKEN)}", b"", "GET"), {"n": 1})
    session(wire, TOKEN)
    stage = Scene(wire, dialect)
    one, other = stage.client(), stage.client()

    first, second = (
        desk.answer(ask).body.decode()[len("<s:Envelope><s:Body><m:sessionId>") :][: len(TOKEN)]
        for desk in (one, other)
    )
    goes_on(one, first)
    goes_on(other, second)
    other.sends("POST", chained(7, "other").target, chained(7, "other").body, (("X-Session", second),))
    answered = one.answer(Ask(f"/me?sid={quote(first, safe='')}", b"", "GET"))

    assert len({TOKEN, first, second}) == 3
    assert answered.status == 200
    assert (one.references, other.references, stage.misses) == ([], ["other"], [])


def test_a_token_in_a_query_identifies_and_is_not_compared() -> None:
    dialect = with_words('\n[session]\ntokens = ["query.access_token"]\n')
    wire = Wire()
    desk = wire.desk("c1", shows(TOKEN, "OAuth"))
    ask = chained(7, "r1")
    post = desk.post(replace(ask, target=f"{ask.target}?access_token={quote(TOKEN)}"), ())
    desk.hears(done(7, "r1"))
    wire.ack(post)
    stage = Scene(wire, dialect)
    live, idle = stage.client(), stage.client()
    goes_on(idle, "another")
    goes_on(live, "elsewhere")

    live.headers = ()
    live.posts(replace(chained(7, "live"), target=f"{ask.target}?access_token=elsewhere"))

    assert stage.misses == []
    assert recorded(wire, dialect).triples[0].session == "s1"
    live.headers = shows("elsewhere")
    assert live.references == ["live"]


def test_a_csrf_token_in_a_header_is_each_clients_own() -> None:
    dialect = with_words(SOAP)
    wire = Wire()
    says(wire, Ask("/csrf", b"", "GET"), {}, own=(("X-CSRF-Token", "0a1b2c3d4e5f6071"),))
    says(wire, Ask("/save", {"csrf": "0a1b2c3d4e5f6071"}), {"ok": True})
    stage = Scene(wire, dialect)
    desk = stage.client()

    token = dict(desk.answer(Ask("/csrf", b"", "GET")).headers)["X-CSRF-Token"]

    assert token != "0a1b2c3d4e5f6071"
    assert desk.answer(Ask("/save", {"csrf": token})).status == 200


def test_a_web_token_keeps_its_claims() -> None:
    wire = Wire()
    says(wire, LOGIN, oauth("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJlLW9m"))
    token = value_of(Scene(wire).client().answer(LOGIN))

    assert token.startswith("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.")
    assert not token.endswith(".c2lnbmF0dXJlLW9m")


def test_a_recording_without_logins_is_read_as_it_is() -> None:
    wire = Wire()
    session(wire, TOKEN)
    stage = Scene(wire)
    desk = stage.client()
    goes_on(desk, TOKEN)
    asks(desk, chained(7, "live"), TOKEN)

    assert desk.references == ["live"]


# Cookies


class Jar(dict[str, str]):
    """The cookies of a client, which reads one cookie of each header, and drops those that are deleted."""

    def reads(self, reply: HttpResponse) -> None:
        for name, value in reply.headers:
            if name.lower() == "set-cookie":
                cookie, morsel = next(iter(SimpleCookie(value).items()))
                self[cookie] = morsel.value
                if morsel["max-age"] == "0":
                    del self[cookie]


def browser(stage: Stage) -> tuple[Desk, Jar]:
    desk, jar = stage.client() if isinstance(stage, Scene) else stage.stranger(cookies=False), Jar()
    desk.jar = jar
    desk.handshakes()
    jar.reads(next(reply for reply in desk.replies.values() if b"handshake" in reply.body))
    desk.listens()
    return desk, jar


@pytest.mark.parametrize(
    "sets",
    [
        ["JSESSIONID=new; Path=/; HttpOnly"],
        ["JSESSIONID=new; Path=/, BAYEUX_BROWSER=more; expires=Wed, 21 Oct 2099 07:28:00 GMT"],
        ["JSESSIONID=new; Path=/; Secure; SameSite=None", "BAYEUX_BROWSER=more; Domain=gws.example"],
        ["JSESSIONID=gone; Max-Age=0; Path=/"],
    ],
    ids=["renewed", "merged", "attributes", "deleted"],
)
def test_a_client_whose_cookies_change_is_one_client(sets: list[str]) -> None:
    me = Ask("/api/v2/me", b"", "GET")
    wire = Wire()
    desk = wire.desk("c1", (), (("Set-Cookie", "JSESSIONID=a; Path=/"), ("Set-Cookie", "BAYEUX_BROWSER=b; Path=/")))
    says(wire, me, {}, (("Cookie", "JSESSIONID=a; BAYEUX_BROWSER=b"),), tuple(("Set-Cookie", one) for one in sets))
    post = desk.post(chained(7, "r1"), (("Cookie", "JSESSIONID=new"),))
    desk.hears(done(7, "r1"))
    wire.ack(post)
    wire.desk("c2", (), (("Set-Cookie", "JSESSIONID=other; Path=/"),))
    stage = Scene(wire)
    (one, jar), (other, others) = browser(stage), browser(stage)

    for desk_, cookies in ((one, jar), (other, others)):
        cookies.reads(desk_.answer(me))
    other.posts(chained(7, "other"))
    one.posts(chained(7, "one"))

    assert (one.references, other.references, stage.misses) == (["one"], ["other"], [])
    assert recorded(wire).triples[0].session == "s1"
    assert all(value not in ("new", "more", "gone") for value in jar.values())


# Clients that are not joined


def apart() -> Scene:
    stage = Scene(logged_in())
    desk = stage.client()
    goes_on(desk, "one-token")
    stranger = stage.client()
    stranger.headers = shows("another-token")
    stranger.posts(chained(7, "live"))
    stage.wait(2)
    return stage


def test_events_due_to_a_client_without_a_push_session_are_told_with_both_identities() -> None:
    assert apart().standin.report()["unheard"] == [
        {
            "client": "p2",
            "shows": ["Authorization"],
            "events": 1,
            "listening": [{"client": "p1", "shows": ["Authorization"]}],
        }
    ]


def test_the_value_of_a_token_is_never_told() -> None:
    assert "token" not in json.dumps(apart().standin.report()["unheard"])


def test_a_client_that_shakes_hands_later_is_not_told() -> None:
    stage = apart()
    late = stage.client()
    goes_on(late, "another-token")

    assert stage.standin.unheard == []
    assert late.references == ["live"]


def test_a_client_alone_is_not_told() -> None:
    stage = Scene(logged_in())
    desk = stage.client()
    desk.headers = shows("only")
    desk.posts(chained(7, "live"))

    assert stage.standin.unheard == []
