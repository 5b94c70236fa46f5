from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.capture.address import Address, authority, bracketed, parse
from recorder.errors import UsageError


def read(text: str) -> Address:
    return parse(text, what="UPSTREAM", example="http://gws.example:8090")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://gws.example:8090", "http://gws.example:8090"),
        ("http://gws.example:8090/", "http://gws.example:8090"),
        ("HTTPS://GWS.Example", "https://gws.example"),
        ("https://gws.example:443", "https://gws.example"),
        ("http://gws.example:443", "http://gws.example:443"),
        ("http://[::1]:8090", "http://[::1]:8090"),
        ("https://[FE80::1]/", "https://[fe80::1]"),
        ("https://bücher.example:8443", "https://xn--bcher-kva.example:8443"),
        ("http://agent:pa%40ss@gws.example:8090", "http://gws.example:8090"),
    ],
)
def test_an_address_is_written_in_one_way(text: str, url: str) -> None:
    assert read(text).url == url
    assert read(read(text).url).url == url


def test_the_login_of_a_url_is_decoded_and_kept_apart() -> None:
    found = read("http://agent%20one:p%40ss:word@[::1]:8090/")

    assert (found.login, found.host, found.port) == ("agent one:p@ss:word", "::1", 8090)
    assert "word" not in repr(found)


def test_a_raw_at_sign_in_a_password_belongs_to_the_password() -> None:
    assert read("http://agent:p@ss@gws.example").login == "agent:p@ss"


def test_a_user_without_a_password_is_a_login() -> None:
    assert read("http://token@gws.example").login == "token:"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gws.example:8090", "must begin with http:// or https://"),
        ("ftp://gws.example", "must begin with http:// or https://"),
        ("http://", "names no host"),
        ("http://gws .example", "names no host"),
        ("http://gws\n.example", "names no host"),
        ("http://gws.example:0x50", "is no address"),
        ("http://gws.example:99999", "is no address"),
        ("http://[::1", "is no address"),
        ("http://a..ü", "is no address"),
        ("https://gws.example/api/v2", "takes no path: name https://gws.example,"),
        ("https://gws.example?x", "takes no path"),
        ("http://gws.example:8090@9000", "after '@': give the address by --listen"),
    ],
)
def test_what_is_no_address_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(text)

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["http://agent:hunter2@gws/api", "agent:hunter2@gws", "http://agent:hunter2@gws:x"])
def test_no_refusal_repeats_a_password(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(text)

    assert "hunter2" not in str(refused.value)
    assert "gws" in str(refused.value)


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        found = read("http://" + text)
    except UsageError:
        return
    assert read(found.url).url == found.url


def test_hosts_in_headers_have_brackets_but_no_zone() -> None:
    assert authority("http", "fe80::1%eth0", 8090) == "[fe80::1]:8090"
    assert authority("https", "::1", 443) == "[::1]"
    assert bracketed("127.0.0.1") == "127.0.0.1"
