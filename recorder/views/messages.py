"""Format Bayeux messages for people: a heading that says what the message is, then its JSON; the text is also YAML."""

from __future__ import annotations

import json

from ..bayeux import channels
from ..bayeux.messages import Message, is_event, parse_request
from ..printable import printable


def pretty(body: bytes, target: str = "") -> str | None:
    """Return the Bayeux messages of a body, or of the query of a URL, as text; None if there are none.

    A message that is neither an event nor has a result is headed `request`; so is every message of a request's body.
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
