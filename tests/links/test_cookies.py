"""A cookie is kept from another host, without TLS, and on another day, as its client kept it from its server."""

from __future__ import annotations

import pytest

from recorder.links.cookies import endless, ends, is_over, later, unbound

AT = 1772445600.0  # 2 March 2026, 10:00 UTC
YEAR = 365 * 86_400


def attributes(text: str) -> list[str]:
    return text.split(";")[1:]


@pytest.mark.parametrize(
    ("cookie", "plain", "secure"),
    [
        ("a; Path=/; HttpOnly", " Path=/; HttpOnly", " Path=/; HttpOnly"),
        ("a; Domain=.gws.example; Path=/", " Path=/", " Path=/"),
        ("a; domain = gws.example;Secure", "", "Secure"),
        ("a; Domain; Path=/", " Path=/", " Path=/"),
        ("a; SameSite=None; secure; Partitioned", "", " SameSite=None; secure; Partitioned"),
        ("a; SameSite=Lax; Max-Age=60", " SameSite=Lax; Max-Age=60", " SameSite=Lax; Max-Age=60"),
        ("__Secure-a; Secure; SameSite=None; Domain=x", " Secure; SameSite=None", " Secure; SameSite=None"),
        ("__Host-a; Secure; Path=/", " Secure; Path=/", " Secure; Path=/"),
        ("__host-a; Secure; Path=/; Partitioned", " Secure; Path=/; Partitioned", " Secure; Path=/; Partitioned"),
        ("__Http-a; Secure; HttpOnly; Domain=x", " Secure; HttpOnly", " Secure; HttpOnly"),
        ("__Host-Http-a; Secure; HttpOnly; Path=/", " Secure; HttpOnly; Path=/", " Secure; HttpOnly; Path=/"),
        ("__Host-a; Secure; Path=/; Domain=x", " Secure; Path=/; Domain=x", " Secure; Path=/; Domain=x"),
    ],
)
def test_what_binds_a_cookie_goes_but_what_its_prefix_needs(cookie: str, plain: str, secure: str) -> None:
    name, *its = cookie.split(";")

    assert ";".join(unbound(its, name=name)) == plain
    assert ";".join(unbound(its, secure=True, name=name)) == secure


@pytest.mark.parametrize(
    ("cookie", "is_so"),
    [
        ("a=1", False),
        ("a=1; Max-Age=0", True),
        ("a=1; Max-Age=-1", True),
        ("a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("a=1; Max-Age=0; Expires=Fri, 01 Jan 2027 00:00:00 GMT", True),
        ("a=1; max-age=x; expires=Thu, 01-Jan-70 00:00:10 GMT", True),
        ("a=1; Expires=Mon, 02 Mar 2026 10:00:01 GMT", False),
        ("a=1; Expires=Mon, 02 Mar 2026 10:00:00 GMT", True),
        ("a=1; Expires=Mon, 02 Mar 2026 09:00:00 GMT; Expires=Mon, 02 Mar 2026 11:00:00 GMT", False),
        ("a=1; Expires=soon", False),
        ("a=1; Max-Age=99999999999999999999999", False),
        ("a=1; Max-Age=-99999999999999999999999", True),
    ],
)
def test_the_time_of_a_cookie_is_over(cookie: str, is_so: bool) -> None:
    assert is_over(attributes(cookie), AT) is is_so


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        ("a=1; Expires=Mon, 02 Mar 2026 11:00:00 GMT; Path=/", " Expires=Tue, 02 Mar 2027 11:00:00 GMT; Path=/"),
        ("a=1;expires=Monday, 02-Mar-26 11:00:00 GMT", "expires=Tue, 02 Mar 2027 11:00:00 GMT"),
        ("a=1; Max-Age=60", " Max-Age=60"),
        ("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", " Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        ("a=1; Expires=soon", " Expires=soon"),
        ("a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", " Expires=Fri, 31 Dec 9999 23:59:59 GMT"),
    ],
)
def test_a_cookie_lives_as_long_as_it_did(cookie: str, expected: str) -> None:
    assert ";".join(later(attributes(cookie), AT, YEAR)) == expected


def test_a_cookie_without_end_ends_with_its_client() -> None:
    its = attributes("a=1; Path=/; Expires=Mon, 02 Mar 2026 11:00:00 GMT")

    assert (ends(its), endless(its), ends(endless(its))) == (True, [" Path=/"], False)
