"""Read a Bayeux publish as a request, and the server's reply to it as a response, each at its place in its record.

So a publish can be an operation: matching, rules, views and exports treat it like any other request.
"""

from __future__ import annotations

import json

from ..model import JSON, Headers, Request, Response, SocketMessage
from .messages import Message

PUBLISH = "PUBLISH"  # in place of the HTTP method; no token that RFC 9110 or its registry knows
_OF_CONNECTION = {"id", "clientId"}  # fields of a reply that name this exchange only
_REFUSED = 400  # status of a refusal whose error has no number


def as_request(record: Request | SocketMessage, index: int, message: Message, headers: Headers) -> Request:
    """Return a publish as a request: the channel is its target, the data is its body.

    Args:
        record: The record that carried the publish.
        index: Place of the publish in the record.
        message: The publish.
        headers: Headers of the HTTP request or of the WebSocket upgrade.
    """
    connection = record.connection if isinstance(record, Request) else ""
    return Request(
        record.seq, record.t, record.exchange, connection, PUBLISH, message["channel"], headers, content(message), index
    )


def as_response(record: Response | SocketMessage, index: int, reply: Message) -> Response:
    """Return the reply to a publish as a response; its status is that of the error, 200 without one."""
    fields = {name: value for name, value in reply.items() if name not in _OF_CONNECTION}
    headers = record.headers if isinstance(record, Response) else ()
    return Response(record.seq, record.t, record.exchange, status_of(reply), headers, _encoded(fields), index)


def content(message: Message) -> bytes:
    """Return the data of a publish as JSON; empty where it carries none."""
    return _encoded(message["data"]) if "data" in message else b""


def status_of(reply: Message) -> int:
    """Return the HTTP status that says what a reply says: the number before the first colon of an error."""
    if reply.get("successful"):
        return 200
    number = str(reply.get("error", "")).partition(":")[0]
    return int(number) if len(number) == 3 and number.isascii() and number[0] in "45" and number.isdigit() else _REFUSED


def _encoded(value: JSON) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")
