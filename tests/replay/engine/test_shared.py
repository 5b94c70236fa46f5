"""What one agent does is told to the other one of the same pair, once, however many pairs there are."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from recorder.dialect.definition import Dialect, parse
from recorder.library.recording import joined
from recorder.model import Headers
from recorder.replay.engine.faults import Faults
from recorder.replay.engine.faults import parse as fault
from recorder.replay.engine.timeline import INSTANT
from tests.replay.stage import Desk, Stage
from tests.wire import Ask, Wire

CALLS = """
name = "calls"
session_cookies = []
open_for = 60.0
grace = 2.0
exact = ["ref", "note"]
shared = ["call"]
[request]
methods = ["POST"]
[request.keys]
call = ["path.call"]
ref = ["body.ref"]
note = ["body.note"]
[ack]
status = []
success = []
[ack.keys]
call = ["body.call"]
[event.keys]
call = ["data.call"]
ref = ["data.ref"]
note = ["data.note"]
notification = ["data.type"]
[tuple]
same = ["call"]
enough = [["call"]]
unreferenced = ["ringing"]
[replay]
minted = ["ref", "note"]
per_operation = ["ref", "note"]
[operations.Dial]
request = "POST /calls"
events = ["dialling", "ringing"]
terminal = ["dialling"]
[operations.Note]
request = "POST /calls/{call}/note"
events = ["noted"]
terminal = ["noted"]
"""
ANN, BEN = ((("Authorization", f"Bearer {who}"),) for who in ("recorded-ann", "recorded-ben"))


@pytest.fixture(scope="module")
def dialect() -> Dialect:
    return parse(CALLS, path="calls.toml")


def a_call() -> Wire:
    """Ann dials, it rings at Ben, and both hear of Ben's note."""
    wire = Wire()
    ann, ben = wire.streams("/events/ann", ANN), wire.streams("/events/ben", BEN)
    post(wire, "/calls", {"ref": "recorded-r"}, ANN)
    wire.sends(ann, {"type": "dialling", "call": "call-1", "ref": "recorded-r"})
    wire.sends(ben, {"type": "ringing", "call": "call-1", "for": "recorded-r"})
    wire.wait(1)
    post(wire, "/calls/call-1/note", {"note": "recorded-n"}, BEN)
    for stream in (ben, ann):
        wire.sends(stream, {"type": "noted", "call": "call-1", "note": "recorded-n"})
    return wire


def post(wire: Wire, target: str, content: dict[str, Any], headers: Headers) -> None:
    exchange = wire.request("POST", target, json.dumps(content).encode(), headers)
    wire.respond(exchange, {"call": "call-1"})
    wire.wait(0.1)


class Agent(NamedTuple):
    """A desk with its stream."""

    desk: Desk
    stream: int

    @property
    def hears(self) -> list[str]:
        """The events, each with the value of its cause."""
        events = [json.loads(piece.partition(b"data: ")[2]) for piece in self.desk.got(self.stream)]
        return [" ".join((one["type"], *(one[key] for key in ("ref", "for", "note") if key in one))) for one in events]


def agent(playing: Stage, name: str, number: int = 1) -> Agent:
    desk = playing.stranger((("Authorization", f"Bearer {name}-{number}"),), f"{name}-{number}")
    return Agent(desk, desk.opens(f"/events/{name}"))


def dials(one: Agent, ref: str) -> None:
    one.desk.posts(Ask("/calls", {"ref": ref}))


def notes(one: Agent, note: str) -> None:
    one.desk.posts(Ask("/calls/call-1/note", {"note": note}))


def stage(dialect: Dialect, **options: Any) -> Stage:
    return Stage(a_call().recording(dialect), INSTANT, dialect, **options)


def faulty(dialect: Dialect, text: str) -> Stage:
    recording = a_call().recording(dialect)
    return Stage(recording, INSTANT, dialect, faults=Faults([fault(text)], recording))


def test_both_agents_hear_of_both_operations(dialect: Dialect) -> None:
    playing = stage(dialect)
    ann, ben = agent(playing, "ann"), agent(playing, "ben")

    dials(ann, "r")
    assert ben.hears == ["ringing r"]
    notes(ben, "n")

    assert ann.hears == ["dialling r", "noted n"]
    assert ben.hears == ["ringing r", "noted n"]


def test_an_agent_who_comes_late_hears_what_waited(dialect: Dialect) -> None:
    playing = stage(dialect)
    dials(agent(playing, "ann"), "r")

    assert agent(playing, "ben").hears == ["ringing r"]


def test_an_agent_who_never_comes_is_told_of_at_the_end(dialect: Dialect) -> None:
    playing = stage(dialect)
    dials(agent(playing, "ann"), "r")

    missing = [(one["event"], one["waits_for"]) for one in playing.standin.unplayed_events]

    assert missing == [("1.2", "a client of session s2")]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_two_pairs_at_once_hear_of_their_own_calls(dialect: Dialect, order: tuple[int, int]) -> None:
    playing = stage(dialect)
    anns = {n: agent(playing, "ann", n) for n in (1, 2)}
    bens = {n: agent(playing, "ben", n) for n in (1, 2)}

    for n in order:
        dials(anns[n], f"r{n}")
    for ben in bens.values():
        notes(ben, ben.hears[0].replace("ringing r", "n"))

    for n in (1, 2):
        assert anns[n].hears == [f"dialling r{n}", f"noted n{n}"]
    assert sorted(ben.hears for ben in bens.values()) == [["ringing r1", "noted n1"], ["ringing r2", "noted n2"]]


def test_an_agent_works_with_one_of_each_session_alone(dialect: Dialect) -> None:
    playing = stage(dialect)
    ben = agent(playing, "ben")

    for n in (1, 2):
        dials(agent(playing, "ann", n), f"r{n}")

    assert ben.hears == ["ringing r1"]
    assert [one["event"] for one in playing.standin.unplayed_events] == ["1.2"]
    assert agent(playing, "ben", 2).hears == ["ringing r2"]


@pytest.mark.parametrize("pairs", [1, 2])
def test_a_doubled_event_comes_twice_to_the_same_agent(dialect: Dialect, pairs: int) -> None:
    playing = faulty(dialect, "duplicate event ringing")
    anns = [agent(playing, "ann", n) for n in range(pairs)]
    bens = [agent(playing, "ben", n) for n in range(pairs)]

    for n, ann in enumerate(anns):
        dials(ann, f"r{n}")

    assert [ben.hears for ben in bens] == [[f"ringing r{n}"] * 2 for n in range(pairs)]


def test_a_stream_is_cut_behind_what_another_agent_caused(dialect: Dialect) -> None:
    playing = faulty(dialect, "cut stream after ringing")
    ann, ben = agent(playing, "ann"), agent(playing, "ben")

    dials(ann, "r")

    assert [text.split()[0] for text in ben.desk.said] == ["ack", "data:", "end"]
    assert "end" not in [text.split()[0] for text in ann.desk.said]


def by_bayeux() -> Wire:
    """The same by Bayeux, shorter: Ben notes something, then Ann dials, and it rings at Ben."""
    wire = Wire()
    ann, ben = wire.desk("ann", ANN), wire.desk("ben", BEN)
    post(wire, "/calls/call-0/note", {"note": "recorded-n"}, BEN)
    ben.hears({"channel": "/calls", "data": {"type": "noted", "call": "call-0", "note": "recorded-n"}})
    post(wire, "/calls", {"ref": "recorded-r"}, ANN)
    ann.hears({"channel": "/calls", "data": {"type": "dialling", "call": "call-1", "ref": "recorded-r"}})
    ben.hears({"channel": "/calls", "data": {"type": "ringing", "call": "call-1", "for": "recorded-r"}})
    return wire


def test_the_other_agent_hears_where_two_cassettes_have_their_client_ids_in_common(dialect: Dialect) -> None:
    recording = by_bayeux().recording(dialect)
    playing = Stage(joined([recording, recording]), INSTANT, dialect)
    ann, ben = (playing.desk((("Authorization", f"Bearer {name}"),)) for name in ("ann", "ben"))
    for one in (ann, ben):
        one.listens()

    ben.posts(Ask("/calls/call-0/note", {"note": "n"}))
    ann.posts(Ask("/calls", {"ref": "r"}))

    assert [event["data"]["type"] for event in ann.events] == ["dialling"]
    assert [event["data"]["type"] for event in ben.events] == ["noted", "ringing"]
    assert playing.standin.unplayed_events == []
