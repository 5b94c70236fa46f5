"""The small org does what the clients of Salesforce expect of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.lab import LabError
from tests.lab.salesforce.lab import Library, Org, heard, play, serving_org

pytestmark = [pytest.mark.node, pytest.mark.once]

CHANGES = "/data/AccountChangeEvent"
CREATE = {"do": "create", "fields": {"Name": "Acme"}}


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    with serving_org(tmp_path_factory.mktemp("org") / "truth.jsonl") as served:
        yield served


def names(lines: list[dict[str, Any]]) -> list[str]:
    return [data["payload"]["Name"] for _, data in heard(lines)]


@pytest.mark.parametrize("library", ["jsforce", "aiosfstream"])
def test_a_client_logs_in_and_hears_what_it_changed(library: Library, org: Org) -> None:
    lines = play(library, org.url, {"subscribe": [CHANGES], "steps": [{**CREATE, "events": 1}]})

    ((channel, data),) = heard(lines)
    ack = next(line["body"] for line in lines if line["kind"] == "ack")
    assert channel == CHANGES
    assert data["payload"]["ChangeEventHeader"]["recordIds"] == [ack["id"]]


def test_jsforce_logs_in_by_soap(org: Org) -> None:
    lines = play("jsforce", org.url, {"login": "soap", "subscribe": [CHANGES], "steps": [{**CREATE, "events": 1}]})

    assert names(lines) == ["Acme"]
    assert lines[0]["instance"] == org.url


@pytest.mark.parametrize("library", ["jsforce", "aiosfstream"])
def test_a_token_of_nobody_is_denied(library: Library, org: Org) -> None:
    with pytest.raises(LabError, match=r"(?i)denied|session expired|invalid"):
        play(library, org.url, {"login": "none", "token": "nobody", "subscribe": [CHANGES], "steps": [CREATE]})


@pytest.mark.parametrize("library", ["jsforce", "aiosfstream"])
def test_a_late_subscriber_hears_what_was_retained(library: Library, org: Org) -> None:
    play("aiosfstream", org.url, {"subscribe": [CHANGES], "steps": [{"do": "create", "fields": {"Name": "Early"}}]})

    lines = play(library, org.url, {"subscribe": [CHANGES], "replay": -2, "steps": [], "total": 1})

    assert "Early" in names(lines)


def test_a_request_without_a_token_is_refused(org: Org) -> None:
    asked = urllib.request.Request(f"{org.url}/services/data/v60.0/sobjects/Account", json.dumps({}).encode())

    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(asked)

    refused.value.close()


def test_what_was_published_is_written_down(org: Org) -> None:
    before = len(org.events())
    lines = play("aiosfstream", org.url, {"subscribe": [CHANGES], "steps": [{**CREATE, "events": 1}]})

    published = org.events()[before:]

    assert [event for event in published if event[0] == CHANGES] == heard(lines)
    assert [channel for channel, _ in published] == [CHANGES, "/topic/AccountUpdates"]
