"""HAProxy and nginx before three stand-ins: sixty agents, and one instance that is killed in the middle."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recorder.library.recording import load_recording
from tests.deploy.balancers import (
    INSTANCES,
    ROOT,
    address,
    balancer,
    node_agents,
    python_agents,
    standins,
)
from tests.lab.sessions import preview_session

pytestmark = [pytest.mark.once, pytest.mark.node, pytest.mark.balancers, pytest.mark.timeout(300)]

CASSETTE = ROOT / "cassettes" / "preview-session.cassette"
EACH = 15  # agents of a client on a transport
HALF = 4  # the step before which they wait, with their polls held
PATIENCE = 60.0  # seconds until an agent gives up; on a free machine nothing takes one
SCRIPT = preview_session("@", think=0)
STEPS = [{key: step[key] for key in ("method", "path", "body", "events") if key in step} for step in SCRIPT["steps"]]
# how many events name each operation
WANTED = {
    f"{n}": sum("referenceId" in link.event.data for link in triple.events)
    for n, triple in enumerate(load_recording(CASSETTE).triples, 1)
}


def script(url: str, client: str, *transports: str) -> dict[str, Any]:
    agents = [
        {"name": f"{client}-{transport}-{n}", "transport": transport} for transport in transports for n in range(EACH)
    ]
    common = {"url": url, "steps": STEPS, "channels": SCRIPT["subscribe"], "half": HALF, "patience": PATIENCE}
    return common | {"agents": agents}


def play(url: str, kills: Any) -> list[dict[str, Any]]:
    """Let all agents work their first half, call `kills` with their instances, and let them work on."""
    crews = [
        node_agents(script(url, "cometd", "long-polling", "websocket")),
        python_agents(script(url, "aiocometd", "long-polling", "websocket")),
    ]
    halfway = threading.Event()

    def lines() -> list[dict[str, Any]]:
        return [line for crew in crews for line in crew.lines]

    def told() -> None:
        over = [line for line in lines() if line["kind"] in {"half", "failed"}]
        if len(over) >= 4 * EACH or any(crew.process.poll() is not None for crew in crews):
            halfway.set()

    for crew in crews:
        crew.starts(told)
    try:
        assert halfway.wait(2 * PATIENCE), Counter(line["kind"] for line in lines())
        for crew in crews:
            crew.goes()
        kills({line["agent"]: line["instance"] for line in lines() if line["kind"] == "half"})
        for crew in crews:
            crew.ends(2 * PATIENCE)
    finally:
        for crew in crews:
            crew.close()
    return lines()


class Told:
    """What one agent told."""

    def __init__(self, name: str, lines: list[dict[str, Any]]) -> None:
        self.name, self.lines = name, [line for line in lines if line["agent"] == name]
        self.lives = max((line["life"] for line in self.of("ready")), default=0)
        self.end = self.lines[-1]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == kind]

    @property
    def refused(self) -> list[Any]:
        """Answers in its last session that were none of the recording."""
        return [line for line in self.of("ack") if line["life"] == self.lives and line["status"] != 200]

    @property
    def amiss(self) -> dict[str, int]:
        """How often the events of each operation of its last session came, where that is not as recorded."""
        mine = f"{self.name}.{self.lives}."
        came = Counter(line["reference"] for line in self.of("event") if str(line["reference"]).startswith(mine))
        times = {reference.removeprefix(mine): count for reference, count in came.items()}
        return {n: times.get(n, 0) for n in times.keys() | WANTED.keys() if times.get(n, 0) != WANTED.get(n, 0)}

    @property
    def events(self) -> int:
        """How many events came, also those that name no operation."""
        return len(self.of("event"))

    @property
    def foreign(self) -> list[Any]:
        """Events with the reference of another agent, or of an operation that was not sent yet."""
        sent: set[str] = set()
        wrong = []
        for line in self.lines:
            if line["kind"] == "sent":
                sent.add(f"{self.name}.{line['life']}.{line['step']}")
            elif line["kind"] == "event" and line["reference"] is not None and line["reference"] not in sent:
                wrong.append(line)
        return wrong


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_each_client_stays_with_its_stand_in_and_survives_the_death_of_one(kind: str, tmp_path: Path) -> None:
    victim = "two"
    with standins(CASSETTE, "--rate", "20") as servers:
        addresses = {name: address(server) for name, server in servers.items()}
        seen: dict[str, str] = {}

        def kills(instances: dict[str, str]) -> None:
            seen.update(instances)
            servers[victim].process.kill()

        with balancer(kind, addresses, tmp_path) as url:
            lines = play(url, kills)

    agents = [Told(name, lines) for name in seen]
    assert len(agents) == 4 * EACH
    failed = [str(agent.lines[-12:]) for agent in agents if agent.end["kind"] != "done"]
    assert not failed, "\n".join(failed)
    assert set(seen.values()) == set(INSTANCES)
    assert [agent.refused for agent in agents if agent.refused] == []
    assert [(agent.name, agent.amiss) for agent in agents if agent.amiss] == []
    assert [agent.foreign for agent in agents if agent.foreign] == []
    others = [agent for agent in agents if seen[agent.name] != victim]
    moved = [agent for agent in agents if seen[agent.name] == victim]
    assert [agent.name for agent in others if (agent.lives, agent.end["instance"]) != (1, seen[agent.name])] == []
    assert {agent.events for agent in others} == {sum(step.get("events", 0) for step in STEPS)}
    assert [agent.name for agent in moved if agent.lives < 2 or agent.end["instance"] == victim] == []
    assert [servers[name].code for name in INSTANCES if name != victim] == [0, 0]
