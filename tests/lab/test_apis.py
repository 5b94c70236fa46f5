"""The servers of the APIs and their clients agree, and the truth tells what was handed out."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.lab.apis.lab import Api, play, serving_api
from tests.lab.lab import available

REASON = available()
pytestmark = [pytest.mark.node, pytest.mark.once, pytest.mark.skipif(REASON is not None, reason=str(REASON))]

FAULTS = ("early", "lost", "wrong", "doubled", "refused")


@pytest.mark.parametrize(("api", "requests", "caused"), [("parcels", 74, 108), ("workspace", 52, 56)])
def test_each_client_gets_the_events_of_its_requests(api: Api, requests: int, caused: int, tmp_path: Path) -> None:
    with serving_api(api, tmp_path / "truth.jsonl") as served:
        verdicts = play(api, served.url)
        truth = served.truth()

    kinds = Counter(line["kind"] for line in truth)
    assert [[one[fault] for fault in FAULTS] for one in verdicts] == [[0] * len(FAULTS)] * 2, verdicts
    assert (kinds["request"], kinds["ack"], kinds["session"]) == (requests, requests, 2)
    assert sum(line["kind"] == "event" and line["cause"] is not None for line in truth) == caused
    assert all(_asked_by(line["cause"], truth) == line["agent"] for line in truth if line.get("cause") is not None)


@pytest.mark.parametrize(("api", "requests", "verdicts"), [("chain", 10, 1), ("transfer", 12, 2)])
def test_strict_servers_get_what_they_gave_out(api: Api, requests: int, verdicts: int, tmp_path: Path) -> None:
    with serving_api(api, tmp_path / "truth.jsonl", seed="another") as served:
        found = play(api, served.url)
        mistakes, truth = served.mistakes(), served.truth()

    assert [[one[fault] for fault in FAULTS] for one in found] == [[0] * len(FAULTS)] * verdicts, found
    assert mistakes == []
    assert sum(line["kind"] == "request" for line in truth) == requests


def test_a_strict_server_tells_of_an_id_that_it_never_gave(tmp_path: Path) -> None:
    with serving_api("chain", tmp_path / "truth.jsonl") as served:
        statuses = [_posted(f"{served.url}/chain/{leg}", {"ticket": "T-1"}) for leg in (1, 4)]
        (mistake,) = served.mistakes()

    assert statuses == [200, 409]
    assert mistake.startswith('leg 4 with "T-1" where {"leg":2,')


def _posted(url: str, body: dict[str, str]) -> int:
    asked = urllib.request.Request(url, json.dumps(body).encode())
    try:
        with urllib.request.urlopen(asked) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _asked_by(n: int, truth: list[dict[str, Any]]) -> str:
    return next(str(line["agent"]) for line in truth if line["kind"] == "request" and line["n"] == n)
