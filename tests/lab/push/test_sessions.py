"""Whole sessions under shipped dialects: recorded with default redaction, played to other clients by cause."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest

from recorder.api.standin import StandIn
from recorder.cassette.reader import read
from recorder.dialect.definition import load
from recorder.dialect.fitting import best_fit, every
from tests.lab.processes import recorder
from tests.lab.push.lab import Line, cloud, heard, mcp, play, serving_push

pytestmark = pytest.mark.once

Pace: TypeAlias = Literal["1", "20", "instant", "virtual"]
PACES: tuple[Pace, ...] = ("1", "20", "instant", "virtual")
TOLD = "channel.metadata"  # heartbeats come as long as a client listens


def derived(
    shipped: str, asked: Mapping[str, str], pushed: Mapping[str, str], lasting: bool, volatile: str = ""
) -> str:
    """A shipped dialect that knows more values which clients make up: their places in requests and in events."""
    text = load(shipped).text
    name = f'name = "{shipped}"'
    for table, keys in (("request", asked), ("event", pushed)):
        lines = "".join(f'{key} = ["{path}"]\n' for key, path in keys.items())
        text = text.replace(f"[{table}.keys]\n", f"[{table}.keys]\n{lines}", 1)
    minted = json.dumps([*(["call", "progress"] if shipped == "mcp" else []), *asked])
    replay = f"[replay]\nminted = {minted}\nper_operation = {[] if lasting else minted}\n"
    replay += f'volatile = ["{volatile}"]\n' if volatile else ""
    before, _, after = text.partition("[replay]\n")
    if after:
        after = after.partition("\n\n")[2]
    else:
        before, _, after = text.partition("[operations.")
        after = f"[operations.{after}"
    exact = "" if lasting else ', "ref"]'
    text = f"{before}{replay}\n{after}".replace(
        'exact = ["call", "progress"]', f'exact = ["call", "progress"{exact}', 1
    )
    return text.replace(name, f'name = "{shipped}-lab"', 1)


MCP = derived("mcp", {"ref": "body.params.arguments.ref"}, {"ref": "data.params.data.ref"}, lasting=False)
CLOUD = derived(
    "genesys-cloud",
    {"uui": "body.uuiData", "case": "body.attributes.caseId", "notes": "body.notes"},
    {
        "uui": "data.eventBody.uuiData",
        "case": "data.eventBody.participants.*.attributes.caseId",
        "notes": "data.eventBody.participants.*.wrapup.notes",
    },
    lasting=True,
    volatile="body.message",
)


Taken: TypeAlias = tuple[Path, list[Line]]  # a cassette, and what the recorded client printed


def taken(server: Literal["mcp", "cloud"], folder: Path) -> Taken:
    """Record a session."""
    dialect, cassette = folder / f"{server}.toml", folder / f"{server}.cassette"
    dialect.write_text(MCP if server == "mcp" else CLOUD)
    script = mcp("recorded-", first=50) if server == "mcp" else cloud("recorded-")
    with serving_push(server, folder / f"{server}.jsonl") as served:
        with recorder("record", served.url, "-o", cassette, "--dialect", dialect) as proxy:
            lines = play(server, proxy.url, script)
        assert proxy.code == 0, proxy.stderr
    return cassette, lines


@pytest.fixture(scope="module")
def of_mcp(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    return taken("mcp", tmp_path_factory.mktemp("mcp"))


@pytest.fixture(scope="module")
def of_cloud(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    return taken("cloud", tmp_path_factory.mktemp("cloud"))


def test_sessions_are_told_by_their_traffic(of_mcp: Taken, of_cloud: Taken) -> None:
    chosen = [best_fit(read(cassette).records, every()).dialect for cassette, _ in (of_mcp, of_cloud)]

    assert [one.name for one in chosen if one] == ["mcp", "genesys-cloud"]


def told(lines: Sequence[Line], client: int, prefix: str = "recorded-") -> list[tuple[str, Any]]:
    """What a client heard, in order, with the ids of the recorded one in place of its own."""
    events = [(name, data) for name, data in heard(lines, client) if name != TOLD]
    return [(name, json.loads(json.dumps(data).replace(prefix, "recorded-"))) for name, data in events]


def standin(cassette: Path, pace: Pace) -> StandIn:
    rate: float | Literal["instant"] = 20 if pace == "20" else "instant" if pace == "instant" else 1
    return StandIn(cassette, rate=rate, clock="virtual" if pace == "virtual" else "wall")


@pytest.mark.parametrize("pace", PACES)
def test_a_session_of_mcp_is_played_under_other_ids(of_mcp: Taken, pace: Pace) -> None:
    cassette, live = of_mcp

    with standin(cassette, pace) as served:
        lines = play("mcp", served.url, mcp("another-", first=7))

    assert served.misses == []
    assert served.unplayed == ()
    assert "recorded-" not in json.dumps(lines)
    heard, recorded = told(lines, 0, "another-"), told(live, 0)
    # it comes on the stream of the session, in no order with the results on streams of calls
    assert [one for one in heard if one[0] != "updated"] == [one for one in recorded if one[0] != "updated"]
    assert sorted(heard, key=repr) == sorted(recorded, key=repr)


@pytest.mark.parametrize("pace", PACES)
def test_two_agents_of_a_cloud_hear_of_each_other_under_other_ids(of_cloud: Taken, pace: Pace) -> None:
    cassette, live = of_cloud

    with standin(cassette, pace) as served:
        lines = play("cloud", served.url, cloud("another-"))

    assert served.misses == []
    assert served.unplayed == ()
    assert "recorded-" not in json.dumps(lines)
    assert [told(lines, client, "another-") for client in (0, 1)] == [told(live, client) for client in (0, 1)]


def test_no_code_and_no_number_of_a_customer_is_in_the_cassette(of_cloud: Taken) -> None:
    cassette, _ = of_cloud

    content = b"".join(getattr(record, "body", b"") for record in read(cassette).records)
    assert b"phoneNumber" in content
    assert b"+13175550123" not in content
    assert b"code=ann" not in content
