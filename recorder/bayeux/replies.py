"""Replies of a server that need to know nothing but the message, as CometD's Java server words them.

Its `BayeuxServerImpl` is where the errors come from: a number, arguments, a name (Bayeux 1.0, section 3.3.1 "error").
"""

from __future__ import annotations

from . import channels
from .messages import Message

_MOST_SUBSCRIPTIONS = 10_000  # of a session; clients have some ten
_REPEATED = "id", "subscription"
_ADVICE_HANDSHAKE = {"reconnect": "handshake", "interval": 0}


def reply(message: Message) -> Message:
    """That all went well; other fields are added to it."""
    told = _head(message)
    told["channel"], told["successful"] = message["channel"], True
    return told


def refuse(message: Message, error: str) -> Message:
    """That it did not."""
    return _head(message) | {"channel": message["channel"], "successful": False, "error": error}


def unknown(message: Message) -> Message:
    """That nobody knows the client; who connects is told to shake hands."""
    refusal = refuse(message, "402::session_unknown")
    return refusal | ({"advice": dict(_ADVICE_HANDSHAKE)} if message["channel"] == channels.CONNECT else {})


def ordinary(subscriptions: set[str], message: Message) -> Message:
    """To a subscribe, an unsubscribe (they change the subscriptions), or a publish."""
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
    """What every reply repeats: the id, and what was to be subscribed."""
    told: Message = {}
    for name in _REPEATED:
        value = message.get(name)
        if value is not None:
            told[name] = value
    return told
