"""A desktop's session with a server that deals its own handles, phone numbers, GUIDs, counters and times, in each run.

A drift changes what the server says: it is a function of the name of a message and the message, and returns the
messages to send in its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, TypeAlias
from uuid import UUID

from recorder.dialect.definition import shipped
from recorder.model import Recording
from tests.wire import Desk, Message, Wire, chained, complete, get_me, preview, record_event, state_event

GWS = shipped("gws-outbound")

# what is sent in place of an ack: status and body; in place of an event: messages
Drift: TypeAlias = Callable[[str, Any], Any]
RECORDS = 3


def as_it_is(_name: str, message: Any) -> Any:
    return message


class Server:
    """The server of one run, and the wire to it."""

    def __init__(self, seed: int, drift: Drift = as_it_is, *, late: str = "", jitter: float = 0.0) -> None:
        self.random, self.drift, self.late, self.jitter = Random(seed), drift, late, jitter
        self.wire = Wire()
        self.handles = [str(self.random.randrange(10**5, 10**6)) for _ in range(RECORDS)]
        self.references: list[str] = []
        self._counter = self.random.randrange(1000)
        self.desk: Desk = self.wire.desk(self.guid())

    @property
    def values(self) -> list[str]:
        """What a drive binds, in an order that is the same in each run."""
        return [*self.handles, *self.references]

    def reference(self) -> str:
        self.references.append(f"desk-{self.random.randrange(10**9)}")
        return self.references[-1]

    def guid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128)))

    def phone(self) -> str:
        return f"415555{self.random.randrange(10**4):04}"

    def asks(self, ask: Any, *events: tuple[str, Message]) -> None:
        name = ask.content["operationName"] if isinstance(ask.content, dict) else ask.target
        self.desk.polls()
        exchange = self.desk.post(ask)
        self.waits(f"{name} ack")
        status, content = self.drift(f"{name} ack", (200, {"statusCode": 0, "took": {"ms": self.count()}}))
        self.wire.respond(exchange, content, status)
        if status < 300 and content.get("statusCode", 0) == 0:
            self.tells(*events)

    def tells(self, *events: tuple[str, Message]) -> None:
        for name, event in self.sent(events):
            self.waits(name)
            self.desk.hears(event)

    def sent(self, events: Sequence[tuple[str, Message]]) -> Iterator[tuple[str, Message]]:
        """The events as the drift leaves them; a list of several is sent in its order."""
        for name, event in self.drift("order", [*events]):
            changed = self.drift(name, json.loads(json.dumps(event)))
            for one in changed if isinstance(changed, list) else [changed]:
                yield name, one

    def waits(self, name: str) -> None:
        self.wire.wait(0.02 + self.random.random() * self.jitter + (1.5 if name == self.late else 0.0))

    def count(self) -> int:
        self._counter += self.random.randrange(1, 50)
        return self._counter

    def record(self, name: str, handle: str, reference: str) -> Message:
        event = record_event(name, handle, reference, phoneNumber=self.phone(), guid=self.guid())
        event["data"]["record"] |= {
            "attempts": [
                {"at": 1_600_000_000_000 + self.count(), "result": {"code": "Busy", "by": {"agent": "a"}}},
                {"at": 1_600_000_000_000 + self.count(), "result": {"code": "Answer", "by": {"agent": "a"}}},
            ],
            "links": {"self": f"/api/v2/me/outbound-records/{handle}"},
        }
        event["data"]["seq"] = self.count()
        return event


def played(server: Server) -> Recording:
    """The whole session."""
    server.asks(get_me())
    server.tells(("state", state_event("Ready")))
    for number, handle in enumerate(server.handles):
        reference = server.reference()
        server.asks(preview(reference), ("preview", server.record("PreviewRecord", handle, reference)))
        reference = server.reference()
        server.asks(
            chained(handle, reference),
            (f"chained {number}", server.record("ChainedRecord", handle, reference)),
            (f"end {number}", server.record("ChainedRecordsDataEnd", handle, reference)),
        )
        reference = server.reference()
        done = (f"done {number}", server.record("RecordProcessedAcknowledge", handle, reference))
        server.asks(complete(handle, reference, callResult="Answer"), done)
        server.wire.wait(3)
    server.tells(("state", state_event("NotReady")))
    return server.wire.recording()


def pair(drift: Drift = as_it_is, seed: int = 1, **options: Any) -> tuple[Recording, Recording, list[tuple[str, str]]]:
    """A recording, one of the same desktop with a server that drifted, and what the drive bound."""
    jitter = options.get("jitter", 0.0)
    servers = Server(0, jitter=jitter), Server(seed, drift, **options)
    old, new = (played(server) for server in servers)
    return old, new, list(zip(*(server.values for server in servers), strict=True))
