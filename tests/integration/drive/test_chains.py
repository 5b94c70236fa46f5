"""Requests that need what events told are driven with what this server told, whatever form it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.drive.engine.plan import Found
from tests.integration.drive.stage import LABS, driven, told
from tests.lab.apis.lab import Api, serving_api

pytestmark = [pytest.mark.node, pytest.mark.once]

_PARCELS = str(Path(__file__).parents[2] / "dialect" / "parcels.toml")


@pytest.mark.parametrize(
    ("api", "rate", "requests"), [("chain", "instant", 10), ("transfer", "instant", 12), ("transfer", 5.0, 12)]
)
def test_each_request_has_what_this_server_gave_out(api: Api, rate: object, requests: int, tmp_path: Path) -> None:
    with serving_api(api, tmp_path / "truth.jsonl", seed="of this run") as served:
        report = driven(LABS / f"{api}.cassette", served.url, rate=rate)
        mistakes, truth = served.mistakes(), served.truth()

    assert (mistakes, told(report)) == ([], [])
    assert [line["status"] // 100 for line in truth if line["kind"] == "ack"] == [2] * requests
    assert report.heard == report.events


def test_agents_of_many_ids_and_forms_are_driven_together(tmp_path: Path) -> None:
    with serving_api("parcels", tmp_path / "truth.jsonl", seed="of this run") as served:
        # whom the server tells of the orders and customers of others depends on who is first
        report = driven(LABS / "parcels.cassette", served.url, dialect=_PARCELS, on_missing="send", patience=1.0)
        truth = served.truth()

    assert {one.found for one in report.findings} <= {Found.MISSING_EVENT, Found.UNEXPECTED}, told(report)
    assert sum(line["kind"] == "request" for line in truth) == 74
    assert [line["status"] for line in truth if line["kind"] == "ack" and line["status"] >= 400] == [
        409,
        409,
    ]  # as recorded
