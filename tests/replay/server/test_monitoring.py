"""Who watches a stand-in is no client of it: health for a balancer, counters for a scraper."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from recorder.dialect.definition import load
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.server.admission import Rules
from recorder.replay.server.app import Address, serve
from recorder.replay.server.driver import Callbacks
from tests.fuzz.fuzz_standin import request, upgrade
from tests.replay.server.clients import ASKED, LIMIT, standin, statuses
from tests.wire import Wire

HEALTH = "/__recorder/health"
BY_BALANCER = f"GET {HEALTH} HTTP/1.0\r\n\r\n".encode()  # HAProxy: option httpchk GET /__recorder/health
WAYS = {
    "HTTP/1.0 without a Host": BY_BALANCER,
    "HTTP/1.0 by HEAD": f"HEAD {HEALTH} HTTP/1.0\r\n\r\n".encode(),
    "by address": request(target=HEALTH, method="GET", Host="10.1.2.3:8090"),
    "by a name": request(target=HEALTH, method="GET", Host="standin.example"),
    "with a query": request(target=f"{HEALTH}?probe=1", method="GET"),
    "as a URL": request(target=f"http://standin.example{HEALTH}", method="GET"),
    "from a page": request(target=HEALTH, method="GET", Origin="http://evil.example"),
    "as a WebSocket": upgrade(HEALTH),
}
Found = TypeVar("Found")


async def sent(address: Address, content: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(content)
    writer.write_eof()
    found = await asyncio.wait_for(reader.read(), LIMIT)
    writer.close()
    return found


def served(act: Callable[[Address], Awaitable[Found]], engine: ReplayEngine | None = None, **how: object) -> Found:
    async def run() -> Found:
        async with serve(engine or standin(), **how) as address:  # type: ignore[arg-type]  # any of its arguments
            return await asyncio.wait_for(act(address), LIMIT)

    return asyncio.run(run())


def documented(since: str, until: str) -> set[str]:
    """The counters in a part of the documentation."""
    text = (Path(__file__).parents[3] / "docs" / "operation.md").read_text()
    return set(re.findall(r"`(recorder_\w+)(?:\{[^`]*)?`", text.partition(since)[2].partition(until)[0]))


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def counters(text: bytes) -> dict[str, float]:
    families = text_string_to_metric_families(text.decode())
    return {"".join((one.name, *one.labels.values())): one.value for family in families for one in family.samples}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rules", [Rules(), Rules(token="t0ken")], ids=["open", "with a token"])
@pytest.mark.parametrize("token", [None, "c0ntrol"])
def test_health_is_answered_however_it_is_asked_for(way: str, rules: Rules, token: str | None) -> None:
    engine = standin()

    answer = served(lambda address: sent(address, WAYS[way]), engine, rules=rules, token=token)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Cache-Control: no-store\r\n" in answer
    assert body_of(answer) == (b"" if way.endswith("HEAD") else b'{"status": "ok"}\n')
    assert engine.missed == 0


def test_health_is_only_asked_for_by_get_and_head() -> None:
    engine = standin()

    answer = served(lambda address: sent(address, request(b"{}", HEALTH)), engine)

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"Allow: GET, HEAD\r\n" in answer
    assert engine.missed == 0


def test_health_comes_before_a_recording_with_such_a_path() -> None:
    wire = Wire()
    wire.respond(wire.request("GET", HEALTH, b""), {"recorded": True})
    played = wire.recording()
    engine = ReplayEngine(played, load(played.header.dialect), new_id=iter(map(str, range(9))).__next__)

    assert body_of(served(lambda address: sent(address, BY_BALANCER), engine)) == b'{"status": "ok"}\n'


@pytest.mark.parametrize("virtual", [False, True])
def test_a_balancer_neither_ends_an_idle_time_nor_takes_a_turn(*, virtual: bool) -> None:
    """`--idle` goes on, `--exit-when-done` is not asked, and a virtual clock does not settle anew."""
    turns, idle = list[int](), list[int]()
    watch = Callbacks(idle=lambda: idle.append(1), turn=lambda: turns.append(1), idle_after=0.001)

    async def act(address: Address) -> None:
        for _ in range(3):
            await sent(address, BY_BALANCER)
            await asyncio.sleep(0.005)

    served(act, watch=watch, virtual=virtual)

    assert (turns, idle) == ([], [])


def test_counters_tell_of_requests_misses_answers_and_events() -> None:
    asks = request(target="/__recorder/metrics", method="GET", Authorization="Bearer c0ntrol", Host="standin.example")

    async def act(address: Address) -> dict[str, float]:
        for content in (
            request(ASKED.body, ASKED.target),
            request(target="/none", method="GET"),
            BY_BALANCER,
            b"?\r\n\r\n",
        ):
            await sent(address, content)
        return counters(body_of(await sent(address, asks)))

    found = served(act, token="c0ntrol")

    assert found["recorder_requests_total"] == 2
    assert (found["recorder_misses_total"], found["recorder_refused_total"]) == (2, 1)
    assert (found["recorder_answers_total2xx"], found["recorder_answers_total4xx"]) == (1, 1)
    assert (found["recorder_triples"], found["recorder_triples_unplayed"]) == (1, 0)
    assert (found["recorder_sessions_total"], found["recorder_connections_open"]) == (1, 1)
    assert found["process_open_fds"] > 0
    assert documented("A stand-in:", "A recorder:") == {
        re.sub("[1-5]xx$", "", name) for name in found if name.startswith("recorder_")
    }


def test_counters_need_the_token_and_without_control_there_are_none() -> None:
    asks = request(target="/__recorder/metrics", method="GET")

    assert statuses(served(lambda address: sent(address, asks), token="c0ntrol")) == [403]
    assert statuses(served(lambda address: sent(address, asks))) == [470]


def test_counters_hold_nothing_of_the_clients_or_the_recording() -> None:
    asks = request(target="/__recorder/metrics", method="GET", X_Recorder_Token="c0ntrol")

    async def act(address: Address) -> bytes:
        await sent(address, request(target="/secret-path", method="GET", Cookie="secret=cookie"))
        return await sent(address, asks)

    answer = served(act, token="c0ntrol")

    assert b"recorder_misses_total 1\n" in answer
    assert b"secret" not in answer


def test_a_websocket_is_counted_while_it_is_open() -> None:
    asks = request(target="/__recorder/metrics", method="GET", X_Recorder_Token="c0ntrol")

    async def act(address: Address) -> float:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(upgrade("/api/v2/notifications"))
        await reader.readuntil(b"\r\n\r\n")
        found = counters(body_of(await sent(address, asks)))["recorder_websockets_open"]
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return found

    assert served(act, token="c0ntrol") == 1
