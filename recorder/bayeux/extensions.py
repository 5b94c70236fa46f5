"""Answer the Bayeux extensions "ack" and "timesync" (section 3.4 "ext") as CometD's Java server does.

The activity extension needs no reply: it only lets a server end idle sessions.
"""

from __future__ import annotations

from typing import Any

from .messages import Message

_ACCURATE = 25  # milliseconds; a client whose clock is this accurate gets no correction (CometD's TimesyncExtension)


def wants_acknowledgement(handshake: Message) -> bool:
    """Return whether a handshake asks for the acknowledgement extension: the client will confirm each delivery."""
    return _extension(handshake, "ack") is True


def batch_of(message: Message) -> int | None:
    """Return the batch number in a /meta/connect or its reply, None if there is none."""
    batch = _extension(message, "ack") if "ext" in message else None
    return batch if isinstance(batch, int) and not isinstance(batch, bool) else None


def timesync(asked: Message, received: float, sent: float) -> Message:
    """Return the `ext` field of a reply with the time; empty if the client did not ask or is accurate to 25 ms.

    Args:
        asked: The client's message. In `ext.timesync`, `tc` is the client's clock, `l` the lag and `o` the offset that
            the client has measured so far, all in milliseconds.
        received: When the message arrived, in UTC seconds since the epoch.
        sent: When the reply leaves, in UTC seconds since the epoch.

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


def replay_from(subscribe: Message, name: str) -> dict[str, int]:
    """Return from where a subscription wants events again, by channel or pattern: the replay extension of Salesforce.

    The number is the id of the last event that the client has, -1 for new events only, -2 for all that are retained.
    """
    wanted = _extension(subscribe, name)
    if not isinstance(wanted, dict):
        return {}
    return {channel: n for channel, n in wanted.items() if isinstance(n, int) and not isinstance(n, bool)}


def _extension(message: Message, name: str) -> Any:
    extensions = message.get("ext")
    return extensions.get(name) if isinstance(extensions, dict) else None


def _is_number(value: Any) -> bool:
    """Return whether a JSON value is a finite number; Python also reads NaN and infinities, which int() rejects."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
