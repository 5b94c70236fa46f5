"""What a balancer must hand through: the end of a poll, events as they come, the Host, and cookies carried by hand."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.deploy.balancers import ROOT, address, balancer
from tests.lab.processes import recorder, until

pytestmark = [pytest.mark.once, pytest.mark.balancers]

PREVIEW = ROOT / "cassettes" / "preview-session.cassette"
STREAM = ROOT / "tests" / "cassettes" / "labs" / "orders-sse.cassette"
BAYEUX = "/api/v2/notifications"
START = {
    "operationName": "StartPreviewSession",
    "devicePath": "/devices/c259da54-7c22-4a43-9440-77a92facc86b",
    "applicationId": 134,
    "campaignName": "Campaign1",
    "referenceId": "mine",
}


class Client:
    """A client with a jar, whose requests each take a connection of their own."""

    def __init__(self, url: str) -> None:
        self.netloc = urlsplit(url).netloc
        self.jar: dict[str, str] = {}

    def sends(self, method: str, path: str, body: Any = None, **headers: str) -> HTTPConnection:
        """Send a request; the answer is read by `takes`."""
        connection = HTTPConnection(self.netloc, timeout=20)
        shown = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items())} if self.jar else {}
        content = None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, {"Content-Type": "application/json"} | shown | headers)
        return connection

    def takes(self, connection: HTTPConnection) -> tuple[int, bytes]:
        response = connection.getresponse()
        for header in response.headers.get_all("Set-Cookie") or []:
            name, value = re.match(r"([^=]+)=([^;]*)", header).groups()  # type: ignore[union-attr]  # it is one
            self.jar[name] = value
        content = response.read()
        connection.close()
        return response.status, content

    def asks(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        return self.takes(self.sends(method, path, body, **headers))

    def bayeux(self, **message: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.asks("POST", BAYEUX, [message])[1])
        return found


@contextmanager
def before(kind: str, cassette: Path, folder: Path, *options: str) -> Iterator[tuple[str, str]]:
    """A balancer before stand-ins `one` and `two`, of which `two` is alive; yield the URLs of both."""
    arguments = ["replay", cassette, "--listen", "127.0.0.1:0", "--instance", "two", *options]
    with recorder(*arguments, env=os.environ | {"RECORDER_CONTROL_TOKEN": "t0ken"}) as standin:
        dead = "127.0.0.1:9"  # nobody listens there
        addresses = {"one": dead, "two": address(standin), "three": dead}
        with balancer(kind, addresses, folder) as url:
            yield url, standin.url


def gauge(url: str, name: str) -> float:
    request = urllib.request.Request(f"{url}/__recorder/metrics", headers={"X-Recorder-Token": "t0ken"})
    with urllib.request.urlopen(request, timeout=20) as response:
        found = re.search(rf"^{name} (\S+)$", response.read().decode(), re.MULTILINE)
    assert found is not None
    return float(found[1])


@pytest.fixture(params=["haproxy", "nginx"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_polls_end_with_their_clients_hosts_are_handed_on_and_dead_servers_are_passed_by(
    kind: str, tmp_path: Path
) -> None:
    with before(kind, PREVIEW, tmp_path, "--rate", "instant") as (url, own):
        client = Client(url)
        client.jar["recorder_instance"] = "one"  # which is dead: what it was asked goes to the next one
        client_id = client.bayeux(channel="/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"])[
            0
        ]["clientId"]
        assert client.jar["recorder_instance"] == "two"
        assert client.jar["BAYEUX_BROWSER"].startswith("two~")
        client.bayeux(channel="/meta/subscribe", clientId=client_id, subscription="/**")
        poll = {"channel": "/meta/connect", "clientId": client_id, "connectionType": "long-polling"}
        client.bayeux(**poll)
        held = client.sends("POST", BAYEUX, [poll])
        until(lambda: gauge(own, "recorder_polls_held") == 1, "the poll is held")

        held.close()
        until(lambda: gauge(own, "recorder_polls_held") == 0, "the poll ends with its client")
        status, _ = client.asks("POST", "/api/v2/me/outbound-campaigns/Campaign1", START)
        events = [m["data"].get("referenceId") for m in client.bayeux(**poll) if m["channel"].startswith("/v2")]
        refused = client.asks("GET", "/api/v2/me", Host="evil.example")

    assert (status, events) == (200, ["mine"])
    assert refused[0] == 403
    assert b"evil.example" in refused[1]


def test_a_client_with_the_cookie_of_its_session_alone_is_kept(kind: str, tmp_path: Path) -> None:
    with (
        recorder("replay", PREVIEW, "--listen", "127.0.0.1:0", "--instance", "one") as one,
        recorder("replay", PREVIEW, "--listen", "127.0.0.1:0", "--instance", "three") as three,
        balancer(kind, {"one": address(one), "two": "127.0.0.1:9", "three": address(three)}, tmp_path) as url,
    ):
        client, told = Client(url), []
        for value in ("three", "one", "three", "three", "one", "one"):
            client.jar = {"JSESSIONID": f"{value}~{'0' * 32}", "other": "a=b"}
            client.asks("GET", "/api/v2/me")
            told.append(client.jar["recorder_instance"])

    assert told == ["three", "one", "three", "three", "one", "one"]


def test_events_of_a_stream_leave_as_they_come(kind: str, tmp_path: Path) -> None:
    """The first ones are read while the stream is open: what is kept back until its end would never come."""
    with before(kind, STREAM, tmp_path, "--rate", "instant") as (url, _):
        client = Client(url)
        client.asks("POST", "/login", {"agent": "ann"})
        connection = client.sends("GET", "/events", Accept="text/event-stream")
        response = connection.getresponse()
        first = response.readline()
        is_open = not response.isclosed()
        response.close()
        connection.close()

    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert (first[:1] != b"", is_open) == (True, True)
