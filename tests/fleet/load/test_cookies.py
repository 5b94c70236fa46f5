import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.fleet.load.cookies import Cookies

NOW = 1_700_000_000.0


def kept(*lines, host="gws.example", target="/app/page?x=/y", given=None, asked=None):
    """Return the header Cookie after an answer with these headers Set-Cookie."""
    cookies = Cookies(host, given or {})
    cookies.take(lines, target, NOW)
    return cookies.header(target if asked is None else asked, NOW)


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("a=1", "a=1"),
        ("a=b=c/d; Path=/; Secure; HttpOnly; SameSite=Lax", "a=b=c/d"),
        (' a = "q" ; path=/', 'a="q"'),
        ("a=; Path=/", "a="),
        ("=1", ""),
        ("a", ""),
        ("", ""),
        ("a=\x011", ""),
        ("a=1; Path=/other", ""),
        ("a=1; Path=/app", "a=1"),
        ("a=1; Path=/ap", ""),
        ("a=1; Path=/app/", "a=1"),
        ("a=1; Path=app", "a=1"),
        ("a=1; Max-Age=0", ""),
        ("a=1; Max-Age=-1; Expires=Fri, 01 Jan 2999 00:00:00 GMT", ""),
        ("a=1; Max-Age=x", "a=1"),
        ("a=1; Max-Age=" + "9" * 5000, "a=1"),
        ("a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT", ""),
        ("a=1; Expires=Fri, 01 Jan 2999 00:00:00 GMT", "a=1"),
        ("a=1; Expires=never", "a=1"),
        ("a=1; Domain=gws.example", "a=1"),
        ("a=1; Domain=.GWS.example", "a=1"),
        ("a=1; Domain=example", "a=1"),
        ("a=1; Domain=", "a=1"),
        ("a=1; Domain=evil.example", ""),
        ("a=1; Domain=ws.example", ""),
        ("a=" + "x" * 20_000, ""),
    ],
)
def test_a_cookie_comes_back_where_it_belongs(line, sent):
    assert kept(line) == sent


@pytest.mark.parametrize(
    ("domain", "sent"), [("127.0.0.1", "a=1"), ("0.0.1", ""), (".1", ""), ("127.0.0.2", ""), ("::1", "")]
)
def test_an_address_has_no_domains_around_it(domain, sent):
    assert kept(f"a=1; Domain={domain}", host="127.0.0.1") == sent


def test_longer_paths_come_first_and_the_last_of_a_name_counts():
    lines = "a=1; Path=/", "b=2; Path=/app", "a=3; Path=/", "a=4; Path=/app"

    assert kept(*lines) == "b=2; a=4; a=3"


def test_a_cookie_of_the_user_goes_everywhere_and_can_be_replaced():
    assert kept(given={"own": "1 2"}, asked="/") == "own=1 2"
    assert kept("own=3; Path=/", given={"own": "1 2"}, asked="/z") == "own=3"
    assert kept("own=; Path=/; Max-Age=0", given={"own": "1 2"}) == ""


def test_a_cookie_ends_in_its_time():
    cookies = Cookies("gws.example", {})
    cookies.take(["a=1; Max-Age=10"], "/", NOW)

    assert (cookies.header("/", NOW + 9), cookies.header("/", NOW + 10)) == ("a=1", "")


def test_a_server_that_sets_cookies_without_an_end_fills_no_memory():
    cookies = Cookies("gws.example", {})
    cookies.take((f"n{number}=1" for number in range(5000)), "/", NOW)

    assert cookies.header("/", NOW).count(";") < 1000


@given(st.text(max_size=60), st.text(max_size=10))
def test_any_line_is_a_cookie_or_none(line, path):
    cookies = Cookies("127.0.0.1", {})
    cookies.take([line, f"a=1;{line}", f"a=1; Max-Age={line}; Expires={line}; Path={line}"], f"/{path}", NOW)

    assert isinstance(cookies.header(f"/{path}", math.nextafter(NOW, 0)), str)
