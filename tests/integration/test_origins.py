"""A stand-in lets pages of other origins in, but not to its controls; what a browser makes of it is test_browser's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.lab.processes import Server, recorder

WITH_TOKEN = os.environ | {"RECORDER_CONTROL_TOKEN": "t0ken"}
PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
PAGE = {"Origin": "http://localhost:3000"}
ASKS = PAGE | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-recorder-token"}


@pytest.fixture(scope="module")
def standin() -> Iterator[Server]:
    with recorder("replay", PREVIEW, "--rate", "instant", env=WITH_TOKEN) as server:
        yield server


def ask(server: Server, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer; headers by their names in small letters."""
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    connection.request(method, path, None, headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.headers.items()}, body


def report(server: Server) -> bytes:
    """What was played, and the misses."""
    return ask(server, "GET", "/__recorder/report", {"X-Recorder-Token": "t0ken"})[2]


def test_a_preflight_is_answered_wherever_it_asks_and_leaves_no_trace(standin: Server) -> None:
    before = report(standin)

    answers = [ask(standin, "OPTIONS", path, ASKS) for path in ("/api/v2/me", "/api/v2/notifications", "/nowhere")]

    assert {status for status, _, _ in answers} == {204}
    assert {headers["access-control-allow-origin"] for _, headers, _ in answers} == {PAGE["Origin"]}
    assert {headers["access-control-allow-headers"] for _, headers, _ in answers} == {"x-recorder-token"}
    assert report(standin) == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/v2/me", 200), ("POST", "/api/v2/notifications", 400), ("GET", "/nowhere", 470)],
)
def test_each_answer_can_be_read_by_the_page_that_asked(method: str, path: str, status: int, standin: Server) -> None:
    found, headers, _ = ask(standin, method, path, PAGE)

    assert found == status
    assert headers["access-control-allow-origin"] == PAGE["Origin"]
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["vary"] == "Origin"


def test_who_is_no_page_is_told_nothing_of_origins(standin: Server) -> None:
    _, headers, _ = ask(standin, "GET", "/api/v2/me", {})

    assert not [name for name in headers if name.startswith("access-control-") or name == "vary"]


@pytest.mark.parametrize(("method", "headers"), [("OPTIONS", ASKS), ("GET", PAGE | {"X-Recorder-Token": "t0ken"})])
def test_the_controls_stay_shut_to_pages(method: str, headers: dict[str, str], standin: Server) -> None:
    status, answer, _ = ask(standin, method, "/__recorder/state", headers)

    assert status == 403
    assert not [name for name in answer if name.startswith("access-control-")]
