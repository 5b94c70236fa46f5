"""What was valid for an hour when it was recorded is valid for an hour when it is replayed, on any day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from recorder.dialect.definition import parse, source
from recorder.formats.dates import seconds_of
from recorder.formats.web_tokens import claims, with_claims
from recorder.model import Headers, Recording
from recorder.replay.engine.http import HttpRequest, HttpResponse
from recorder.replay.engine.rewriting.dates import Today
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from tests.replay.stage import START, Stage
from tests.wire import HEADER, Ask, Wire, chained, done, get_me

RECORDED = 1772445600  # 2 March 2026, 10:00 UTC
AGE = 200 * 86_400
HOUR = 3600
KEY = b"secret"
SIGNED = with_claims("eyJhbGciOiJIUzI1NiJ9.e30.", {"exp": RECORDED + HOUR, "iat": RECORDED, "sub": "agent"}, KEY)
LOGIN = Ask("/auth/v3/oauth/token", {"grant_type": "password", "username": "agent"})
BROWSER: Headers = (("Host", "localhost:1"), ("Sec-Fetch-Site", "none"), ("User-Agent", "Mozilla/5.0 Chrome/156"))
SAFARI: Headers = (("Host", "localhost:1"), ("Sec-Fetch-Site", "none"), ("User-Agent", "Version/18 AppleWebKit/605"))
TLS: Headers = (("Host", "desk.example"), ("X-Forwarded-Proto", "https"))


def recording(wire: Wire) -> Recording:
    return replace(wire.recording(), header=replace(HEADER, started=RECORDED * 1_000_000))


def setting(*cookies: str, shown: str = "", **headers: str) -> Recording:
    wire = Wire()
    desk = wire.desk()
    sets: Headers = tuple(("Set-Cookie", cookie) for cookie in cookies)
    wire.respond(desk.post(get_me()), {}, headers=(*sets, *((n.replace("_", "-"), v) for n, v in headers.items())))
    wire.respond(desk.post(Ask("/api/v2/later", b"", "GET"), (("Cookie", shown),)), {})
    return recording(wire)


def answer(of: Recording, headers: Headers = (), after: float = AGE, **options: Any) -> HttpResponse:
    """The answer to the first request of a client that comes some seconds after the recording began."""
    stage = Stage(of, today=Today(RECORDED + after - START), **options)
    desk = stage.stranger(headers)
    return desk.replies[desk.sends("GET", get_me().target, b"")]


def cookies(of: Recording, headers: Headers = (), after: float = AGE) -> list[str]:
    return [value for name, value in answer(of, headers, after).headers if name == "Set-Cookie"]


def test_a_cookie_lives_as_long_as_it_was_to_live() -> None:
    found = cookies(setting("a=1; Path=/; Expires=Mon, 02 Mar 2026 11:00:00 GMT", "b=2; Max-Age=60"))

    assert found == ["a=1; Path=/; Expires=Fri, 18 Sep 2026 11:00:00 GMT", "b=2; Max-Age=60"]


@pytest.mark.parametrize(
    "cookie",
    ["a=; Expires=Thu, 01 Jan 1970 00:00:10 GMT", "a=deleted; Expires=Sun, 01 Mar 2026 10:00:00 GMT", "a=; Max-Age=0"],
)
def test_a_cookie_that_is_deleted_stays_deleted(cookie: str) -> None:
    assert cookies(setting(cookie)) == [cookie]


def test_a_cookie_that_its_client_showed_later_was_not_over() -> None:
    cookie = "a=1; Expires=Sun, 01 Mar 2026 10:00:00 GMT; Path=/"

    assert cookies(setting(cookie, shown="b=2; a=1")) == ["a=1; Path=/"]
    assert cookies(setting(cookie, shown="a=2")) == [cookie]


def test_without_a_wall_clock_all_stays_as_recorded() -> None:
    cookie = "a=1; Expires=Mon, 02 Mar 2026 11:00:00 GMT"
    stage = Stage(setting(cookie))
    desk = stage.stranger()

    assert dict(desk.replies[desk.sends("GET", get_me().target, b"")].headers)["Set-Cookie"] == cookie


ODD = (
    "s=1; Secure; HttpOnly",
    "n=1; Secure; SameSite=None",
    "p=1; Secure; SameSite=None; Partitioned",
    "__Host-h=1; Secure; Path=/",
)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), ["s=1; HttpOnly", "n=1", "p=1", ODD[3]]),
        (SAFARI, ["s=1; HttpOnly", "n=1", "p=1", ODD[3]]),
        (BROWSER, [*ODD]),
        (TLS, [*ODD]),
    ],
)
def test_a_client_gets_cookies_that_it_keeps(headers: Headers, expected: Sequence[str]) -> None:
    assert cookies(setting(*ODD), headers) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("flag; Path=/", ["flag; Path=/"]),
        ('q="a b"; Path=/', ['q="a b"; Path=/']),
        ("a=1,b=2; Path=/", ["a=1,b=2; Path=/"]),
        ("a=1; Path=/,b=2; Secure", ["a=1; Path=/", "b=2"]),
        ("a=1, b=2", ["a=1", "b=2"]),
        ("a=1; Expires=Mon, 02 Mar 2026 11:00:00 GMT, b=2", ["a=1; Expires=Fri, 18 Sep 2026 11:00:00 GMT", "b=2"]),
        ("k=k\udce4se", ["k=k\udce4se"]),
    ],
)
def test_odd_cookies_are_given_as_a_browser_reads_them(header: str, expected: list[str]) -> None:
    assert cookies(setting(header)) == expected


def test_an_answer_is_fresh_as_long_as_it_was() -> None:
    headers = dict(
        answer(setting(Expires="Mon, 02 Mar 2026 11:00:00 GMT", Last_Modified="Sun, 01 Mar 2026 10:00:00 GMT")).headers
    )

    assert headers["Expires"] == "Fri, 18 Sep 2026 11:00:00 GMT"
    assert headers["Last-Modified"] == "Sun, 01 Mar 2026 10:00:00 GMT"  # a client sends it back, to be compared


@pytest.mark.parametrize("value", ["0", "-1", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 02 Mar 2026 10:00:00 GMT"])
def test_an_answer_that_was_stale_stays_stale(value: str) -> None:
    assert dict(answer(setting(Expires=value)).headers)["Expires"] == value


# [replay] shift


class Shifting:
    """A stand-in by a dialect that moves dates, AGE seconds after the recording began."""

    def __init__(self, of: Recording, *shift: str, key: bytes | None = None) -> None:
        text = source("gws-outbound").replace("[replay]\n", f"[replay]\nshift = {list(shift)}\n")
        ids, self._numbers = count(1), count(1)
        self.standin = ReplayEngine(
            of,
            parse(text, path="x.toml"),
            new_id=lambda: f"id{next(ids)}",
            rate=INSTANT,
            today=Today(RECORDED + AGE - START, key),
        )

    def asks(self, ask: Ask, headers: Headers = (), connection: str = "c") -> HttpResponse:
        number = next(self._numbers)
        self.standin.receive(HttpRequest(number, connection, ask.method, ask.target, headers, ask.body), START)
        (reply,) = self.standin.replies(START)
        assert isinstance(reply, HttpResponse)
        return reply


def answering(content: Any, headers: Headers = ()) -> Recording:
    wire = Wire()
    wire.respond(wire.desk().post(get_me()), content, headers=headers)
    return recording(wire)


def test_the_dates_that_a_dialect_names_move_by_the_age_and_others_stay() -> None:
    content = {
        "issued_at": RECORDED,
        "expires_in": HOUR,
        "slots": [{"at": "2026-03-02T10:15:00Z"}],
        "born": "1980-01-01",
    }
    its = Shifting(answering(content), "body.issued_at", "body.slots.at", "body.expires_in")

    moved = json.loads(its.asks(get_me()).body)

    assert moved == content | {"issued_at": RECORDED + AGE, "slots": [{"at": "2026-09-18T10:15:00Z"}]}


def test_dates_move_in_an_answer_of_any_charset() -> None:
    of = answering({"name": "J", "exp": RECORDED + HOUR, "token": SIGNED})
    (triple,) = of.plain
    assert triple.ack is not None
    sent = triple.ack.body.replace(b'"J"', '"表"'.encode("shift_jis"))
    its_type = (("Content-Type", "application/json; charset=Shift_JIS"),)  # the second byte of the name is a backslash
    of = replace(of, plain=(replace(triple, ack=replace(triple.ack, headers=its_type, body=sent)),))
    its = Shifting(of, "body.exp", "body.token", key=KEY)

    moved = json.loads(its.asks(get_me()).body.decode("shift_jis"))

    assert (moved["name"], moved["exp"]) == ("表", RECORDED + AGE + HOUR)
    assert (claims(moved["token"]) or {})["exp"] == RECORDED + AGE + HOUR
    assert any("body.token (1)" in line for line in Shifting(of, "body.token").standin.fixed_dates)


def test_a_header_that_a_dialect_names_moves() -> None:
    its = Shifting(answering({}, (("Last-Modified", "Sun, 01 Mar 2026 10:00:00 GMT"),)), "header.last-modified")

    assert dict(its.asks(get_me()).headers)["Last-Modified"] == "Thu, 17 Sep 2026 10:00:00 GMT"


def test_dates_in_events_move_as_those_in_answers_do() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1", callback={"at": "2026-03-02T10:15:00Z"}))
    text = source("gws-outbound").replace(
        "[replay]\n", "[replay]\nshift = ['data.record.callback.at', 'data.callback.at']\n"
    )
    stage = Stage(recording(wire))
    ids = count(1)
    dialect = parse(text, path="x.toml")
    stage.standin = ReplayEngine(
        recording(wire), dialect, new_id=lambda: f"id{next(ids)}", rate=INSTANT, today=Today(RECORDED + AGE - START)
    )
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "live"))

    assert "2026-09-18T10:15:00Z" in json.dumps(desk.events)
    assert "live" in json.dumps(desk.events)


def test_a_web_token_is_signed_anew_with_later_dates() -> None:
    its = Shifting(answering({"id_token": SIGNED}), "body.id_token", key=KEY)

    token = json.loads(its.asks(get_me()).body)["id_token"]

    assert claims(token) == {"exp": RECORDED + HOUR + AGE, "iat": RECORDED + AGE, "sub": "agent"}
    assert with_claims(token, {"exp": RECORDED + HOUR, "iat": RECORDED}, KEY) == SIGNED
    assert list(its.standin.fixed_dates) == []


def test_a_web_token_without_its_key_stays_and_that_is_told() -> None:
    its = Shifting(answering({"id_token": SIGNED}), "body.id_token")

    assert json.loads(its.asks(get_me()).body) == {"id_token": SIGNED}
    assert "body.id_token (1) keep their recorded dates" in "".join(its.standin.fixed_dates)


def test_two_clients_that_log_in_get_tokens_of_their_own_with_later_dates() -> None:
    wire = Wire()
    for _ in range(2):
        wire.respond(wire.desk().post(LOGIN), {"access_token": SIGNED, "token_type": "Bearer", "expires_in": HOUR})
    its = Shifting(recording(wire), "body.access_token", key=KEY)

    one, other = (json.loads(its.asks(LOGIN, connection=name).body)["access_token"] for name in "ab")

    assert one != other
    assert [seconds_of((claims(token) or {})["exp"]) for token in (one, other)] == [RECORDED + HOUR + AGE] * 2
