"""A made-up API that uses all that a dialect can say about causes, and conversations with it."""

from __future__ import annotations

from typing import Any

from recorder.dialect.definition import Dialect, parse
from recorder.model import Recording, Unsolicited
from tests.wire import Desk, Message, Wire, body

SHOP = """
name = "shop"
bayeux_prefix = "/cometd"
session_cookies = ["sid"]
open_for = 60.0
grace = 2.0
exact = ["ticket"]

[request]
methods = ["POST", "PATCH", "DELETE"]

[request.keys]
ticket = ["body.ticket"]
item = ["path.item", "body.items.*.id"]
room = ["body.room"]

[ack]
status = []
success = []

[ack.keys]
ticket = ["body.ticket", "body.tickets.*"]
item = ["body.id", "body.made.*.id"]

[event]
error_same = ["room"]
error_after_ack = true

[event.error]
"data.name" = ["Error", "Rejected"]

[event.ignore]
channel = ["/beat"]
"data.name" = ["Ping"]

[event.keys]
ticket = ["data.ticket", "data.tickets.*"]
item = ["data.item", "data.items.*"]
room = ["data.room"]
change = ["data.change"]
notification = ["data.name"]

[siblings]
same = ["change"]

[tuple]
same = ["item", "room"]
enough = [["item"]]
unreferenced = ["Changed", "Removed"]

[operations.Change]
request = "PATCH /items/{item}"
events = ["Changed", "Shown"]
terminal = ["Changed"]

[operations.Remove]
request = "DELETE /items/{item}"
events = ["Removed"]
terminal = ["Removed"]

[operations.Make]
request = "POST /items"
events = ["Made"]
terminal = ["Made"]

[operations.Batch]
request = "POST /batch"
events = ["Made", "Changed"]
terminal = ["Made", "Changed"]

[operations.Batch.keys]
item = ["body.changes.*.id"]

[operations.Open]
request = "POST /open"
events = ["Opened", "Rejected"]
terminal = ["Opened"]
only = true

[operations.Close]
request = "POST /close"
events = ["Closed"]
terminal = ["Closed"]
only = true
"""


def shop(before: str = "", after: str = "") -> Dialect:
    """The dialect, with one text of it replaced."""
    return parse(SHOP.replace(before, after) if before else SHOP, path="shop.toml")


class Shop:
    """A client of the made-up API."""

    def __init__(self, dialect: Dialect | None = None) -> None:
        self.wire = Wire()
        self.dialect = dialect or shop()
        self.desk = self.wire.desk(headers=(("Cookie", "sid=1"),))

    def another(self) -> Desk:
        """A second client, in a session of its own."""
        return self.wire.desk(headers=(("Cookie", "sid=2"),))

    def asks(self, method: str, target: str, desk: Desk | None = None, **fields: Any) -> int:
        """A request leaves; returns its exchange."""
        return self.wire.request(method, target, body(fields) if fields else b"", (desk or self.desk).headers)

    def acked(self, method: str, target: str, answer: Any = None, **fields: Any) -> int:
        """A request leaves, and its ack comes; returns the `seq` of the request."""
        exchange = self.asks(method, target, **fields)
        self.wire.respond(exchange, answer or {})
        return len(self.wire.records) - 2

    def hears(self, name: str, desk: Desk | None = None, channel: str = "/shop", **data: Any) -> None:
        """An event comes."""
        (desk or self.desk).hears(pushed(name, channel, **data))

    def recording(self) -> Recording:
        return self.wire.recording(self.dialect)

    def told(self) -> list[tuple[str | None, str, list[str]]]:
        """Name and state of each operation, with name, rule and confidence of its events."""
        return [
            (t.operation, t.state.value, [f"{link.name} {link.rule} {link.confidence:g}" for link in t.events])
            for t in self.recording().triples
        ]

    def unsolicited(self) -> list[Unsolicited]:
        return list(self.recording().unsolicited)


def pushed(name: str, channel: str = "/shop", **data: Any) -> Message:
    return {"channel": channel, "data": {"name": name, **data}}
