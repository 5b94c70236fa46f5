"""Health is for anybody, counters for who has the token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NoReturn

import pytest

from recorder.model import Headers
from recorder.monitoring.answers import ENDING, UNRECORDED, health, metrics
from recorder.monitoring.openmetrics import Family, counter

TOKEN = "s3cret-ü"


def families() -> Iterator[Family]:
    yield counter("recorder_requests", "Requests.", 1)


def never() -> NoReturn:
    raise AssertionError("a stranger makes no work")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_says_ok_and_is_not_kept(method: str) -> None:
    answer = health(method)

    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})
    assert ("Cache-Control", "no-store") in answer.headers


def test_who_ends_is_not_healthy_and_who_passes_traffic_on_is() -> None:
    assert health("GET", ENDING)[::2] == (503, b'{"status": "ending"}\n')
    assert health("GET", UNRECORDED)[::2] == (200, b'{"status": "passing, not recorded"}\n')


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_other_methods_get_405_with_the_ones_that_are_allowed(method: str) -> None:
    shown = (("X-Recorder-Token", TOKEN),)

    for answer in (health(method), metrics(method, shown, TOKEN, never)):
        assert answer.status == 405
        assert ("Allow", "GET, HEAD") in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("X-Recorder-Token", "other"),),
        (("Authorization", f"Basic {TOKEN}"),),
        (("Authorization", "Bearer"),),
        (("X-Recorder-Token", TOKEN), ("Origin", "http://localhost:8090")),
    ],
)
def test_strangers_and_pages_get_no_counters_and_make_no_work(headers: Headers) -> None:
    assert metrics("GET", headers, TOKEN, never).status == 403


@pytest.mark.parametrize("header", [("X-Recorder-Token", TOKEN), ("authorization", f"bearer {TOKEN}")])
def test_who_shows_the_token_gets_the_counters(header: tuple[str, str]) -> None:
    answer = metrics("GET", (header,), TOKEN, families)

    assert answer.status == 200
    assert b"recorder_requests_total 1\n" in answer.body
    assert dict(answer.headers)["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
