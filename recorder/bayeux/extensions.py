"""Extensions of Bayeux (section 3.4 "ext") as CometD's Java server answers them: acknowledgement and time.

The activity extension has nothing to answer: it only makes a server end sessions that it finds idle.
"""

from __future__ import annotations

from typing import Any

from .messages import Message

_ACCURATE = 25  # milliseconds; a client whose clock is known so well is told nothing new (TimesyncExtension)


def wants_acknowledgement(handshake: Message) -> bool:
    """Whether a client that shakes hands will confirm what it gets."""
    return _extension(handshake, "ack") is True


def batch_of(message: Message) -> int | None:
    """The batch a /meta/connect or its reply names, None where it names none."""
    batch = _extension(message, "ack") if "ext" in message else None
    return batch if isinstance(batch, int) and not isinstance(batch, bool) else None


def timesync(asked: Message, received: float, sent: float) -> Message:
    """What the reply tells of the time, as `ext`; empty where the client did not ask or knows well enough.

    Args:
        asked: The client's message: `tc` is its clock, `l` the lag and `o` the offset it has found so far.
        received: When the message came, in UTC seconds.
        sent: When the reply leaves, likewise.

    """
    sync = _extension(asked, "timesync")
    if not isinstance(sync, dict) or not _is_number(sync.get("tc")):
        return {}
    at = int(received * 1000)
    told = {"tc": sync["tc"], "ts": at, "p": max(0, int(sent * 1000) - at)}
    lag, offset = sync.get("l"), sync.get("o")
    if lag is None or not _is_number(lag) or not _is_number(offset):
        return {"timesync": told}
    accuracy = int(sync["tc"]) + int(lag) + int(offset or 0) - at
    if lag != 0 and -_ACCURATE < accuracy < _ACCURATE:
        return {}
    return {"timesync": told | {"a": accuracy}}


def _extension(message: Message, name: str) -> Any:
    extensions = message.get("ext")
    return extensions.get(name) if isinstance(extensions, dict) else None


def _is_number(value: Any) -> bool:
    """Whether it is a number that an int can be made of; JSON as Python reads it has NaN and infinities too."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
