"""The cookies of an instance: who gave them out."""

from __future__ import annotations

import pytest

from recorder.errors import UsageError
from recorder.model import Headers
from recorder.replay.engine.sessions.instances import checked, is_minted, minting, told

ID = "0123456789abcdef" * 2
HOST = ("Host", "localhost:8090")
SETS = "recorder_instance=one; Path=/; HttpOnly"


def test_a_cookie_begins_with_the_name_of_its_instance() -> None:
    assert minting("standin-0", lambda: ID)() == f"standin-0~{ID}"
    assert minting(None, lambda: ID)() == ID


@pytest.mark.parametrize("name", ["a", "standin-0", "eu.west_1"])
def test_the_cookie_of_an_instance_is_known_by_its_form(name: str) -> None:
    assert is_minted(minting(name, lambda: ID)())


@pytest.mark.parametrize("value", ["", ID, f"~{ID}", f"a~{ID}0", f"a~{ID[1:]}", f"a b~{ID}", "route~A1B2", f"a~b~{ID}"])
def test_other_cookies_are_of_no_instance(value: str) -> None:
    assert not is_minted(value)


def asks(*headers: tuple[str, str]) -> tuple[Headers, Headers]:
    return told((HOST, *headers), "one")


@pytest.mark.parametrize(
    ("cookie", "left"),
    [
        ("recorder_instance=one", None),
        ("a=b; recorder_instance=one", "a=b"),
        ("recorder_instance=one;a=b ;c=d", "a=b; c=d"),
        ('recorder_instance="one"', None),
        ("recorder_instance=one; recorder_instance=one", None),
    ],
)
def test_a_client_of_this_instance_is_told_nothing(cookie: str, left: str | None) -> None:
    found = asks(("Cookie", cookie))

    assert found == ((HOST,) if left is None else (HOST, ("Cookie", left)), ())


@pytest.mark.parametrize(
    ("cookie", "left"),
    [
        ("recorder_instance=two", None),
        ("recorder_instance=", None),
        ("recorder_instance=ONE; a=b", "a=b"),
        ("recorder_instance=one; recorder_instance=two", None),
        ("xrecorder_instance=one", "xrecorder_instance=one"),
        ("a=recorder_instance=one", "a=recorder_instance=one"),
        ("a=b;c=d", "a=b;c=d"),
    ],
)
def test_another_client_gets_the_cookie(cookie: str, left: str | None) -> None:
    found = asks(("Cookie", cookie))

    assert found == ((HOST,) if left is None else (HOST, ("Cookie", left)), (("Set-Cookie", SETS),))


@pytest.mark.parametrize(
    "headers",
    [
        (("X-Forwarded-Proto", "https"),),
        (("Sec-Fetch-Site", "cross-site"), ("User-Agent", "Mozilla/5.0 AppleWebKit/537.36 Chrome/150.0 Safari/537.36")),
    ],
    ids=["TLS before us", "a browser that trusts this machine"],
)
def test_pages_of_other_sites_send_the_cookie_where_a_browser_lets_them(headers: Headers) -> None:
    assert asks(*headers)[1] == (("Set-Cookie", f"{SETS}; Secure; SameSite=None"),)


@pytest.mark.parametrize("name", ["one", "standin-0", "eu.west_1", "1", "a" * 63])
def test_names_of_hosts_and_pods_are_names_of_instances(name: str) -> None:
    assert checked(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "a;b", "a~b", "ä", "a\n", "a" * 64, "a=b"])
def test_what_no_cookie_may_hold_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"^--instance: .* give up to 63 letters"):
        checked(name)
