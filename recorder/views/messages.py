"""Bayeux messages as text that a person can read: what each of them is, and its JSON below. It is YAML as well."""

from __future__ import annotations

import json

from ..bayeux import channels
from ..bayeux.messages import Message, is_event, parse_request
from ..printable import printable


def pretty(body: bytes, target: str = "") -> str | None:
    """The messages of a body, or of the query of a URL; None where they are none.

    What is no event and has no result is a request; in a request's body all of them are.
    """
    messages = parse_request(target, body)
    return None if messages is None else "\n".join(_message(message) for message in messages)


def _message(message: Message) -> str:
    text = json.dumps(message, indent=2, ensure_ascii=False)
    return f"# {printable(_heading(message))}\n" + "\n".join(map(printable, text.split("\n"))) + "\n"


def _heading(message: Message) -> str:
    channel = message["channel"]
    if "successful" in message:
        outcome = "successful" if message["successful"] else f"refused: {message.get('error', 'no reason given')}"
        return f"reply    {channel}  {outcome}"
    if not channels.is_meta(channel) and is_event(message) and "clientId" not in message:
        return f"● EVENT  {channel}"
    return f"request  {channel}"
