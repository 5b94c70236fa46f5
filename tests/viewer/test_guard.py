"""Who may ask the viewer: its own pages, and nobody else."""

from __future__ import annotations

import pytest

from recorder.viewer.guard import refused
from tests.viewer.asking import HOST, PORT, TOKEN, request

POST = {"origin": f"http://{HOST}", "content_type": "application/json"}


def status(target: str = f"/{TOKEN}/", method: str = "GET", port: int = PORT, **headers: str) -> int | None:
    found = refused(request(target, method, **headers), TOKEN, port)
    assert found is None or found.body == b""
    return found and found.status


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_a_page_of_this_machine_is_served(host: str) -> None:
    assert status(host=host) is None
    assert status(host=host, sec_fetch_site="same-origin") is None
    assert status(host=host, sec_fetch_site="none") is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", f"127.0.0.1.evil.example:{PORT}", "127.0.0.1", "localhost", "",
     f"127.0.0.1:{PORT}1", f"127.0.0.1:{PORT}@evil.example", f"127.0.0.2:{PORT}", f"localhost.:{PORT}"],
)  # fmt: skip
def test_a_foreign_name_of_this_machine_is_refused(host: str) -> None:
    assert status(host=host) == 403


def test_two_hosts_are_refused() -> None:
    twice = request(f"/{TOKEN}/")._replace(headers=(("Host", HOST), ("Host", "evil.example")))

    assert (found := refused(twice, TOKEN, PORT)) is not None
    assert found.status == 403


def test_the_port_of_http_need_not_be_named() -> None:
    assert status(host="localhost", port=80) is None
    assert status(host="localhost:80", port=80) is None
    assert status(host="evil.example", port=80) == 403


@pytest.mark.parametrize(
    "target",
    ["/", "", "/favicon.ico", "/view.js", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/", f"/x/{TOKEN}/", f"//{TOKEN}/",
     f"/?{TOKEN}/", "*", f"http://{HOST}/{TOKEN}/", f"{TOKEN}/", f"/{TOKEN.upper()}/", "/\xff/", "/\udcff/",
     f"/%74{TOKEN[1:]}/"],
)  # fmt: skip
def test_without_the_token_there_is_nothing(target: str) -> None:
    for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT"):
        assert status(target, method) == 404


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr("hmac.compare_digest", lambda *both: compared.append(both) or False)

    assert status() == 404
    assert compared == [(TOKEN.encode(), TOKEN.encode())]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "anything"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"https://{HOST}"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": f"http://localhost:{PORT}"},  # another name is another origin
        {"origin": f"http://{HOST}", "sec_fetch_site": "cross-site"},
    ],
    ids=str,
)
def test_a_page_of_another_origin_is_refused(headers: dict[str, str]) -> None:
    assert status(**headers) == 403
    assert status(method="POST", **{"content_type": "application/json", **headers}) == 403


def test_a_post_says_where_it_comes_from_and_holds_json() -> None:
    assert status(method="POST", **POST) is None
    assert status(method="POST", **POST | {"content_type": "application/json; charset=utf-8"}) is None
    assert status(method="POST", **POST | {"origin": ""}) == 403
    for kind in ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"):
        assert status(method="POST", **POST | {"content_type": kind}) == 415


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "get", "BREW"])
def test_other_methods_are_refused(method: str) -> None:
    assert status(method=method) == 405
