"""Desks whose events come by a stream or by a WebSocket are driven too, and the one waits for the other."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from tests.integration.drive.stage import LABS, driven, told
from tests.lab.push.lab import serving_push

pytestmark = [pytest.mark.node, pytest.mark.once]


@pytest.mark.parametrize("transport", ["sse", "socket"])
def test_a_desk_changes_the_order_that_the_other_made(transport: Literal["sse", "socket"], tmp_path: Path) -> None:
    with serving_push(transport, tmp_path / "truth.jsonl") as served:
        report = driven(LABS / f"orders-{transport}.cassette", served.url)
        truth = served.truth()

    statuses = [line["status"] for line in truth if line["kind"] == "ack" and line["status"] is not None]
    assert told(report) == []
    assert [status for status in statuses if status >= 400] == []
    assert [line["method"] for line in truth if line["kind"] == "request" and "/orders" in line["path"]] == [
        "POST",
        "PATCH",
        "DELETE",
    ]
