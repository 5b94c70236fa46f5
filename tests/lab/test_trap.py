"""The trap counts all that comes, and the line on which things get lost loses what it is told to."""

from __future__ import annotations

import http.client
import socket

import pytest

from tests.lab.processes import until
from tests.lab.relay import Relay
from tests.lab.trap import Told, Trap


def ask(url: str, method: str = "GET", path: str = "/", body: bytes | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request(method, path, body)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def test_every_request_is_counted_with_what_it_held() -> None:
    with Trap() as trap:
        for method in ("GET", "POST", "BREW"):
            assert ask(trap.url, method, "/x?a=1", b"body").status == 200

        assert [(one.method, one.path, one.body) for one in trap.requests] == [
            (method, "/x?a=1", b"body") for method in ("GET", "POST", "BREW")
        ]
        assert trap.connections == 3


def test_a_connection_without_a_request_is_counted_too() -> None:
    with Trap() as trap:
        socket.create_connection(("localhost", int(trap.url.rpartition(":")[2]))).close()
        until(lambda: trap.connections == 1, "the connection is counted")

        assert trap.requests == []


def test_it_answers_what_it_is_told() -> None:
    with Trap(Told(302, {"Location": "http://localhost:1/"})) as trap:
        response = ask(trap.url)

    assert (response.status, response.headers["Location"]) == (302, "http://localhost:1/")


def test_a_line_can_be_cut_and_takes_new_connections() -> None:
    with Trap() as trap, Relay(trap.url, loses=b"") as relay:
        open_one = socket.create_connection(("localhost", relay.port), timeout=10)
        until(lambda: trap.connections == 1, "the line is through")
        relay.cut()

        assert open_one.recv(1) == b""
        open_one.close()
        assert ask(relay.url).status == 200


@pytest.mark.parametrize("lost", [b"200 OK", b"application/json"])
def test_an_answer_is_lost_once(lost: bytes) -> None:
    with Trap() as trap, Relay(trap.url, loses=lost) as relay:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            ask(relay.url)

        assert ask(relay.url).status == 200
        assert len(trap.requests) == 2
