"""Recordings for property tests: drawn conversations of one or two desktops, run through the correlator.

Each event and each ack carries a number of its own (`marker`), so that a reader of replies knows what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from recorder.model import Recording
from tests.wire import Ask, Desk, Message, Wire, chained, complete, record_event, twin

DEVICE = "device-0001-recorded"  # "recorded" stands in no name and no other value
TERMINALS = {"GetChainedRecord": "ChainedRecordsDataEnd", "CompleteRecord": "RecordProcessedAcknowledge"}


@dataclass(frozen=True)
class Plan:
    """One operation of a desktop: what it asks, and its parts after the request, in order."""

    desk: int
    ask: Ask
    parts: tuple[str, ...]


def marker_of(message: Message) -> int:
    """The number of an event."""
    data = message["data"]
    found = data.get("userData", {}).get("GSW_MARKER", data.get("record", data).get("marker"))
    assert isinstance(found, int)
    return found


@st.composite
def plans(draw: st.DrawFn, desk: int, number: int) -> Plan:
    reference = draw(st.sampled_from([None, f"{number:04}-recorded", str(number), number]))
    ask = draw(st.sampled_from([chained, complete]))(draw(st.sampled_from([7, 8])), reference)
    count = draw(st.integers(0, 3))
    early = draw(st.integers(0, count))
    end = draw(st.sampled_from(["ack", "ack", "ack", "refuse", "fail", "open"]))
    event = draw(st.sampled_from(["event", "pair"]))
    parts = ("post", *[event] * early, end, *[event] * (count - early))
    return Plan(desk, ask.but(devicePath=f"/devices/{DEVICE}"), parts)


def recordings(most: int = 2, lists: int = 0) -> st.SearchStrategy[Recording]:
    """What the correlator makes of conversations."""
    return conversations(most, lists).map(Wire.recording)


@st.composite
def conversations(draw: st.DrawFn, most: int = 2, lists: int = 0) -> Wire:
    """Up to `most` desktops, with up to three operations each, whose parts are mixed in any order.

    Up to `lists` requests beside these start no operation.
    """
    wire = Wire()
    desks = [wire.desk(headers=(("Cookie", f"JSESSIONID=desk{n}"),)) for n in range(draw(st.integers(1, most)))]
    drawn = [draw(plans(n, 10 * n + k)) for n, _ in enumerate(desks) for k in range(draw(st.integers(1, 3)))]
    drawn += [Plan(n, Ask("", None), ("note",)) for n in draw(st.lists(st.integers(0, len(desks) - 1), max_size=2))]
    if lists:
        asked = draw(st.lists(st.sampled_from("abc"), max_size=lists))
        drawn += [Plan(0, Ask(f"/api/v2/lists/{name}", b"", "GET"), ("get", "got")) for name in asked]
    order = draw(st.permutations([place for place, plan in enumerate(drawn) for _ in plan.parts]))
    pauses = draw(st.lists(st.sampled_from([0.0, 0.05, 0.4]), min_size=len(order), max_size=len(order)))
    players = [_Player(wire, desks[plan.desk], plan) for plan in drawn]
    for place, pause in zip(order, pauses, strict=True):
        wire.wait(pause)
        players[place].next()
    return wire


class _Player:
    """Plays the parts of one plan onto the wire; markers are places on the wire, so no two are the same."""

    def __init__(self, wire: Wire, desk: Desk, plan: Plan) -> None:
        self._wire, self._desk, self._plan = wire, desk, plan
        self._parts = list(plan.parts)
        self._exchange = 0

    def next(self) -> None:
        part, marker = self._parts.pop(0), 1_000_000 + 10 * len(self._wire.records)
        match part:
            case "get":
                self._exchange = self._desk.post(self._plan.ask)
            case "got":
                self._wire.respond(self._exchange, {"marker": marker})
            case "post":
                self._exchange = self._desk.post(self._plan.ask)
            case "ack":
                self._wire.ack(self._exchange, marker=marker)
            case "refuse":
                self._wire.respond(self._exchange, {"statusCode": 4, "marker": marker}, status=500)
            case "fail":
                self._wire.fail(self._exchange)
            case "event" | "pair":
                self._desk.hears(*self._events(marker)[: 2 if part == "pair" else 1])
            case "note":
                self._desk.hears({"channel": "/v2/me/notes", "data": {"marker": marker}})

    def _events(self, marker: int) -> list[Message]:
        content: dict[str, Any] = self._plan.ask.content
        handle = int(self._plan.ask.target.rpartition("/")[2])
        is_last = not {"event", "pair"} & set(self._parts)
        name = TERMINALS[content["operationName"]] if is_last else "ChainedRecord"
        own = {"devicePath": f"/devices/{DEVICE}", "marker": marker, "uri": f"http://gws/api/v2/devices/{DEVICE}?all"}
        if isinstance(content.get("referenceId"), str) and "recorded" in content["referenceId"]:
            own["log"] = f"request {content['referenceId']} done"
        return [
            record_event(name, handle, content.get("referenceId"), **own),
            twin(name, handle, device=DEVICE, GSW_MARKER=marker + 1),
        ]
