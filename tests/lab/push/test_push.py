"""The servers that push and the scripted desks agree, and the truth tells what each desk was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.browser import Browser, browsing
from tests.lab.browser import available as browser_available
from tests.lab.lab import available
from tests.lab.push.lab import FLAG, Library, Transport, cloud, heard, mcp, pair, play, script, serving_push

REASON = available()
pytestmark = [pytest.mark.node, pytest.mark.once, pytest.mark.skipif(REASON is not None, reason=str(REASON))]

# By transport: who plays alone, and who plays a pair; the matrix of tests/clients/push has all.
SEATS: dict[Transport, tuple[Library, Library]] = {
    "sse": ("eventsource", "httpx-sse"),
    "socket": ("aiohttp", "ws"),
    "rpc": ("websockets", "ws"),
    "graphql": ("graphql-ws", "graphql-ws"),
    "hub": ("@microsoft/signalr", "@microsoft/signalr"),
}
OWN = {"subscribed", "closed", "binary"}  # what no desk is told, but a client hears


@pytest.mark.parametrize("transport", SEATS)
def test_each_desk_hears_what_it_was_told(transport: Transport, tmp_path: Path) -> None:
    alone, together = SEATS[transport]

    with serving_push(transport, tmp_path / "truth.jsonl") as served:
        lines = play(alone, served.url, script(transport, "desk-"))
        told = served.truth()
        pairs = play(together, served.url, pair(transport, "desks-"))

    kinds = Counter(line["kind"] for line in told)
    assert _named(heard(lines)) == _told(told, "ann")
    assert Counter(name for name, _ in heard(lines))["closed"] == (transport != "sse")
    assert kinds["request"] == kinds["ack"] == sum(line["kind"] == "ack" for line in lines)
    assert [sorted(name for name, _ in _named(heard(pairs, client))) for client in (0, 1)] == [
        ["accepted", "changed", "hello", "packed", "removed", "sent"],
        ["accepted", "changed", "hello", "removed"],
    ]


def test_sessions_of_mcp_hear_what_they_caused_and_subscribed_to(tmp_path: Path) -> None:
    with serving_push("mcp", tmp_path / "truth.jsonl") as served:
        lines = play("mcp", served.url, mcp("a-", "b-", first=50))
        told = served.truth()

    tools = {line["n"]: line["body"]["params"]["name"] for line in told if _calls_a_tool(line)}
    pushed = [line for line in told if line["kind"] == "event" and line["channel"] != "message"]
    each = ["elicitation", "log", *["progress"] * 5, *["result"] * 4, "sampling", "updated"]
    assert [sorted(name for name, _ in heard(lines, client)) for client in (0, 1)] == [sorted([*each, "result"]), each]
    assert {(line["channel"].rpartition("/")[2], tools[line["cause"]]) for line in pushed} == {
        ("progress", "pack"),
        ("progress", "slow"),
        ("message", "pack"),
        ("create", "colour"),
        ("createMessage", "describe"),
        ("updated", "change"),
    }


def test_agents_of_a_contact_centre_hear_of_their_calls(tmp_path: Path) -> None:
    with serving_push("cloud", tmp_path / "truth.jsonl") as served:
        lines = play("cloud", served.url, cloud("desk-"))
        told = served.truth()

    asked = {line["n"]: line["path"].rpartition("/")[2] for line in told if line["kind"] == "request"}
    caused = Counter((line["agent"], asked[line["cause"]]) for line in told if line.get("cause") is not None)
    assert [len(heard(lines, client)) for client in (0, 1)] == [10, 9]
    assert caused["ann", "calls"] == 3
    assert {name for agent, name in caused if agent == "ben"} >= {"PURECLOUD", "replace", "wrapup"}


def _calls_a_tool(line: dict[str, Any]) -> bool:
    return line["kind"] == "request" and line["body"].get("method") == "tools/call"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    reason = browser_available()
    if reason is not None:
        pytest.skip(reason)
    with browsing(FLAG) as browser:
        yield browser


@pytest.mark.browser
@pytest.mark.parametrize("transport", ["sse", "socket", "rpc"])
def test_a_page_hears_what_it_was_told(transport: Transport, chromium: Browser, tmp_path: Path) -> None:
    with serving_push(transport, tmp_path / "truth.jsonl") as served:
        lines = play("page", served.url, script(transport, "desk-"), chromium)
        told = served.truth()

    assert _named(heard(lines)) == _told(told, "ann")


def _named(events: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(name.removeprefix("order."), data) for name, data in events if name not in OWN]


def _told(truth: list[dict[str, Any]], agent: str) -> list[tuple[str, Any]]:
    return [(line["channel"], line["data"]) for line in truth if line["kind"] == "event" and line["agent"] == agent]
