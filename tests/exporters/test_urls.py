from __future__ import annotations

import pytest
from hypothesis import given

from recorder.exporters.urls import header, url_of
from recorder.model import Request
from tests.cassette.records import ANY_TEXT


def asked(target: str, *headers: tuple[str, str]) -> Request:
    return Request(0, 0, 0, "c", "GET", target, headers, b"")


def test_a_url_is_the_recorded_server_and_what_was_asked_of_it() -> None:
    assert url_of(asked("/a?b=%20&c"), "http://gws.example:8090") == "http://gws.example:8090/a?b=%20&c"
    assert url_of(asked("/a"), "https://gws.example", socket=True) == "wss://gws.example/a"


def test_without_a_server_the_host_header_tells() -> None:
    assert url_of(asked("/a", ("HOST", "desk.example")), "") == "http://desk.example/a"
    assert url_of(asked("/a"), "") == "http://unknown.invalid/a"


@pytest.mark.parametrize("upstream", ["http://[", "http://[::1]:80", "http://a b", "://"])
@given(target=ANY_TEXT)
def test_whatever_was_asked_gives_a_url_in_ascii(upstream: str, target: str) -> None:
    url = url_of(asked(target), upstream)

    assert url.isascii()
    assert not set(url) & set(' \n\r\t"<>\\^`{|}')
    assert url.startswith("http://")


def test_a_header_is_found_by_any_case() -> None:
    assert header((("Content-TYPE", "a"), ("content-type", "b")), "content-type") == "a"
    assert header((), "host") == ""
