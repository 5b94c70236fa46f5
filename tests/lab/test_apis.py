"""The servers of the APIs and their clients agree, and the truth tells what was handed out."""

from __future__ import annotations

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


def _asked_by(n: int, truth: list[dict[str, Any]]) -> str:
    return next(str(line["agent"]) for line in truth if line["kind"] == "request" and line["n"] == n)
