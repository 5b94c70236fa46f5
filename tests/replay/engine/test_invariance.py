"""The same requests give the same bytes; the same requests under other ids give the same under these ids."""

from __future__ import annotations

import json
import re
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.model import Recording, Triple
from recorder.replay.engine.http import HttpRequest, Reply
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from tests.replay.recordings import DEVICE, marker_of, recordings
from tests.replay.stage import Stage
from tests.wire import URL, Ask, body

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.integers(0, 1), st.integers(0, 5)),
        st.tuples(st.just("poll"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("lose"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("wait"), st.integers(0, 1), st.sampled_from([0, 1, 40])),
    ),
    max_size=25,
)


def run(recording: Recording, steps: list[tuple[str, int, int]], rate: float) -> list[Reply]:
    """All replies to a script of two clients, known by their Authorization."""
    ids, numbers = count(1), count(1)
    standin = ReplayEngine(recording, load(), new_id=lambda: f"id{next(ids)}", rate=rate)
    now, replies, polls = 0.0, [], [0, 0]

    def send(client: int, target: str, content: Any) -> int:
        number = next(numbers)
        headers = (("Authorization", f"agent{client}"),)
        standin.receive(HttpRequest(number, f"connection{number}", "POST", target, headers, body(content)), now)
        replies.extend(standin.replies(now))
        return number

    clients = []
    for client in (0, 1):
        send(client, URL, {"channel": "/meta/handshake"})
        clients.append(json.loads(replies[-1].body)[0]["clientId"])
        send(client, URL, {"channel": "/meta/connect", "clientId": clients[client]})
        send(client, URL, {"channel": "/meta/subscribe", "clientId": clients[client], "subscription": "/**"})
    for what, client, value in steps:
        match what:
            case "post":
                request = recording.triples[value % len(recording.triples)].request
                send(client, request.target, json.loads(request.body) | {"referenceId": value})
            case "poll":
                polls[client] = send(client, URL, {"channel": "/meta/connect", "clientId": clients[client]})
            case "lose":
                standin.abort(polls[client])
            case "wait":
                now += value
        replies.extend(standin.replies(now))
    return replies


@pytest.mark.once  # our own code alone, and many examples of it
@given(recordings(), STEPS, st.sampled_from([1.0, INSTANT]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_same_script_gives_the_same_bytes(
    recording: Recording, steps: list[tuple[str, int, int]], rate: float
) -> None:
    assert run(recording, steps, rate) == run(recording, steps, rate)


class Renaming:
    """One id for each recorded id: some of them recorded ids of others, some fresh; and another device."""

    def __init__(self, references: dict[str, Any], device: str) -> None:
        self.references, self.device = references, device

    def value(self, value: Any, name: str = "") -> Any:
        """A recorded value under the new ids."""
        if isinstance(value, dict):
            return {name: self.value(item, name) for name, item in value.items()}
        if name == "referenceId":
            return self.references[str(value)]
        if name == "log":
            return re.sub(r"request (.*) done", lambda m: f"request {self.references[m[1]]} done", value)
        return value.replace(DEVICE, self.device) if isinstance(value, str) else value


@st.composite
def renamings(draw: st.DrawFn, recording: Recording) -> Renaming:
    mine = [t.keys["reference"] for t in recording.triples if "reference" in t.keys]
    pool = [*mine, *(f"fresh-{n}" for n in range(len(mine))), *range(500, 500 + len(mine))]
    chosen = draw(st.permutations(pool))[: len(mine)]
    device = draw(st.sampled_from([DEVICE, "another-device-0002", "d2"]))
    return Renaming(dict(zip(mine, chosen, strict=True)), device)


def renamed(triple: Triple, renaming: Renaming) -> Ask:
    return Ask(triple.request.target, renaming.value(json.loads(triple.request.body)))


@pytest.mark.once  # our own code alone, and many examples of it
@given(st.data(), recordings(most=1))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_other_ids_give_the_recorded_output_under_these_ids(data: st.DataObject, recording: Recording) -> None:
    renaming = data.draw(renamings(recording))
    stage = Stage(recording)
    desk = stage.desk()
    desk.listens()
    numbers = [desk.posts(renamed(triple, renaming)) for triple in recording.triples]
    stage.wait(5)

    expected = [link.event.data for triple in recording.triples for link in triple.events]
    got = {marker_of(event): event["data"] for event in desk.events}
    acks = [(desk.replies[n].status, desk.replies[n].body) for n in numbers]
    assert stage.misses == []
    assert [got[marker_of({"data": event})] for event in expected] == [renaming.value(event) for event in expected]
    assert [ack for ack, t in zip(acks, recording.triples, strict=True) if t.ack] == [
        (t.ack.status, t.ack.body) for t in recording.triples if t.ack
    ]


@pytest.mark.once  # our own code alone, and many examples of it
@given(recordings(most=1))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_recorded_ids_give_the_recorded_output(recording: Recording) -> None:
    ids = {
        t.keys["reference"]: json.loads(t.request.body)["referenceId"]
        for t in recording.triples
        if "reference" in t.keys
    }
    stage = Stage(recording)
    desk = stage.desk()
    desk.listens()
    for triple in recording.triples:
        desk.posts(renamed(triple, Renaming(ids, DEVICE)))
    stage.wait(5)

    recorded = [link.event.data for t in recording.triples for link in t.events]
    got = {marker_of(event): event["data"] for event in desk.events}
    assert [got[marker_of({"data": event})] for event in recorded] == recorded
