"""Build the replies of a server that depend on the message only, worded as by CometD's Java server.

Errors have the form `number:arguments:name` (Bayeux 1.0, section 3.3.1 "error"); they are those of `BayeuxServerImpl`.
"""

from __future__ import annotations

from . import channels
from .messages import Message

_MOST_SUBSCRIPTIONS = 10_000  # of one session; a limit to its memory, clients have about ten
_REPEATED = "id", "subscription"
_ADVICE_HANDSHAKE = {"reconnect": "handshake", "interval": 0}


def reply(message: Message) -> Message:
    """Build the reply to a message that succeeded; the caller may add fields."""
    told = _head(message)
    told["channel"], told["successful"] = message["channel"], True
    return told


def refuse(message: Message, error: str) -> Message:
    """Build the reply to a message that failed, with an error text."""
    return _head(message) | {"channel": message["channel"], "successful": False, "error": error}


def unknown(message: Message) -> Message:
    """Build the reply to a message with an unknown clientId; a /meta/connect gets the advice to shake hands again."""
    refusal = refuse(message, "402::session_unknown")
    return refusal | ({"advice": dict(_ADVICE_HANDSHAKE)} if message["channel"] == channels.CONNECT else {})


def ordinary(subscriptions: set[str], message: Message) -> Message:
    """Build the reply to a subscribe, an unsubscribe or a publish; update `subscriptions` in place."""
    channel = message["channel"]
    if channel not in (channels.SUBSCRIBE, channels.UNSUBSCRIBE):
        if channels.is_meta(channel):
            return refuse(message, "403:denied_by_security_policy:channel_create_denied")
        return reply(message)
    wanted = message.get("subscription")
    if wanted is None:
        return refuse(message, "403::subscription_missing")
    named = wanted if isinstance(wanted, list) else [wanted]
    names = [name for name in named if isinstance(name, str) and name.startswith("/")]
    if not names or len(names) < len(named):
        return refuse(message, "403::subscription_invalid")
    if channel == channels.UNSUBSCRIBE:
        subscriptions.difference_update(names)
    elif any(channels.is_meta(name) for name in names):
        return refuse(message, "403:denied_by_security_policy:subscribe_denied")
    elif len(subscriptions.union(names)) > _MOST_SUBSCRIPTIONS:
        return refuse(message, "403:denied_by_security_policy:too_many_subscriptions")
    else:
        subscriptions.update(names)
    return reply(message)


def _head(message: Message) -> Message:
    """Return the fields of a message that each reply repeats: `id` and `subscription`."""
    told: Message = {}
    for name in _REPEATED:
        value = message.get(name)
        if value is not None:
            told[name] = value
    return told
