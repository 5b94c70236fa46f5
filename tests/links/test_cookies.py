"""A cookie is kept from another host, and without TLS only what needs none."""

from __future__ import annotations

import pytest

from recorder.links.cookies import unbound


@pytest.mark.parametrize(
    ("attributes", "plain", "secure"),
    [
        (" Path=/; HttpOnly", " Path=/; HttpOnly", " Path=/; HttpOnly"),
        (" Domain=.gws.example; Path=/", " Path=/", " Path=/"),
        (" domain = gws.example;Secure", "", "Secure"),
        (" SameSite=None; secure; Partitioned", "", " SameSite=None; secure; Partitioned"),
        (" SameSite=Lax; Max-Age=60", " SameSite=Lax; Max-Age=60", " SameSite=Lax; Max-Age=60"),
    ],
)
def test_what_binds_a_cookie_goes(attributes: str, plain: str, secure: str) -> None:
    assert ";".join(unbound(attributes.split(";"))) == plain
    assert ";".join(unbound(attributes.split(";"), secure=True)) == secure
