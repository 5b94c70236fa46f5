"""A server that is asked by publishes on service channels and answers on another channel, for tests."""

from __future__ import annotations

from typing import Any, Protocol

from recorder.dialect.definition import parse
from recorder.model import Recording
from tests.wire import Message, Wire

ANSWERS = """
name = "answers"
bayeux_prefix = "/api/v2/notifications"
session_cookies = ["BAYEUX_BROWSER"]
open_for = 60.0
grace = 2.0
[publish]
channels = ["/service/**"]
[request]
methods = ["POST"]
operation = ["data.do", "body.do"]
[request.keys]
reference = ["data.requestId", "body.requestId"]
[ack]
status = []
success = []
[event]
[event.keys]
reference = ["data.requestId"]
[replay]
minted = ["reference"]
per_operation = ["reference"]
[operations."/service/double"]
events = ["/result"]
terminal = ["/result"]
"""
DIALECT = parse(ANSWERS, path="answers.toml")
DOUBLE = "/service/double"


class Publisher(Protocol):
    """A desktop, recorded or live."""

    client_id: str


def publish(desk: Publisher, reference: str, n: Any = 1, channel: str = DOUBLE, **own: Any) -> Message:
    data = {"requestId": reference, "n": n}
    return {"channel": channel, "clientId": desk.client_id, "id": f"m-{reference}", "data": data} | own


def yes(message: Message, **own: Any) -> Message:
    return {"channel": message["channel"], "id": message["id"], "successful": True} | own


def result(reference: str, answer: Any = 2) -> Message:
    return {"channel": "/result", "data": {"requestId": reference, "answer": answer, "messageType": f"answer {answer}"}}


def recorded(wire: Wire | None = None) -> Recording:
    """Two publishes, one after the other; each is acked after 0.1 s and answered after 0.2 s."""
    wire = wire or Wire()
    desk = wire.desk("recorded-client")
    for n, reference in enumerate(("recorded-1", "recorded-2"), 1):
        desk.polls()
        sent = publish(desk, reference, n)
        exchange = desk.bayeux(sent)
        wire.wait(0.1)
        wire.respond(exchange, [yes(sent)])
        wire.wait(0.1)
        desk.hears(result(reference, 2 * n))
    return wire.recording(DIALECT)
