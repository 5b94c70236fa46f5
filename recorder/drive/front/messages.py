"""Translate between steps and messages of Bayeux, whatever library carries them."""

from __future__ import annotations

from ...model import JSON
from ..engine.plan import Answer
from .tap import Left

_TAIL = "/handshake"  # CometD's JavaScript client adds this and the like to its URL


def path_of(target: str) -> str:
    """Return the path that messages go to, of the recorded one: callback polling has its messages in the query."""
    path, question, query = target.partition("?")
    path = path.removesuffix(_TAIL)
    rest = "&".join(part for part in query.split("&") if part.partition("=")[0] not in ("message", "jsonp"))
    return (path or "/") + (question + rest if rest else "")


def channel_of(left: Left) -> str:
    """Return the channel of the message that a step sends."""
    return str((left.out.message or {}).get("channel"))


def is_for(left: Left, reply: dict[str, JSON]) -> bool:
    """Return whether a reply without an id may be that to a step."""
    return left.has_left and channel_of(left) == reply["channel"]


def answer_of(reply: dict[str, JSON]) -> Answer:
    """Return the answer to a step; a message whose reply has no `successful` was accepted."""
    if reply.get("successful", True) is not False:
        return Answer(200, reply=reply)
    error = str(reply.get("error", ""))[:3]
    return Answer(int(error) if error.isascii() and error.isdigit() and len(error) == 3 else 400, reply=reply)
