"""Describe a flow in a comment for the flow lists of mitmproxy and mitmweb, e.g. `GetChainedRecord 1001 desk-3`."""

from __future__ import annotations

from ..bayeux.messages import is_event, parse
from ..dialect.definition import Dialect, name_of
from ..model import Event, Keys, Request, listed


def of_request(dialect: Dialect, method: str, target: str, body: bytes) -> str:
    """Return the name, handle and reference of the operation that a request asks for; "" if the request is not one."""
    request = Request(0, 0, 0, "", method, target, (), body)
    operation = dialect.operation_of(request)
    return _joined(operation, dialect.keys_of_request(request)) if operation is not None else ""


def of_answer(dialect: Dialect, body: bytes) -> str:
    """Return the name, handle and reference of each event in the body of a response; "" if there is no event."""
    told = []
    for index, message in enumerate(parse(body) or []):
        if is_event(message):
            event = Event(0, index, 0, 0, "", message["channel"], message.get("data"))
            keys = dialect.keys_of_event(event)
            told.append(_joined(name_of(keys, event), keys))
    return ", ".join(told)


def _joined(name: str, keys: Keys) -> str:
    return " ".join([name, *(listed(keys[key]) for key in ("handle", "reference") if key in keys)])
