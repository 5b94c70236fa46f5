"""Build the replies of a server that depend on the message only, worded as by CometD's Java server.

Errors have the form `number:arguments:name` (Bayeux 1.0, section 3.3.1 "error"); they are those of `BayeuxServerImpl`.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

from . import channels
from .messages import Message

_MOST_SUBSCRIPTIONS = 10_000  # of one session; a limit to its memory, clients have about ten
_LONGEST = 86_400_000  # milliseconds (a day); a longer interval is a mistake, or a way to stop clients
_REPEATED = "id", "subscription"
UNKNOWN = "402::session_unknown"  # of CometD 5 and 6; 4.0 says `402::unknown_session`, 3.1 `402::Unknown client`
# One segment of a channel's name. The grammar (Bayeux 1.0, section 2.2.1) has fewer marks, but servers allow more.
_SEGMENT = re.compile(r"[!-$&-.0-~]+")
_UNKNOWN = re.compile(r"unknown[ _](?:client|session)|(?:client|session)[ _]unknown", re.IGNORECASE)
_ADVICE_HANDSHAKE = {"reconnect": "handshake", "interval": 0}
# What a stand-in says by itself; all else that a recorded reply has is given as recorded.
_OURS = frozenset(
    {"id", "channel", "successful", "subscription", "clientId", "version", "minimumVersion", "connectionType"}
    | {"supportedConnectionTypes", "timestamp", "data", "error", "advice", "ext"}
    | {"x-messages"}  # how many events follow a reply: clients wait for so many
)
_EXTENSIONS = frozenset({"ack", "timesync"})
# `hosts` would send clients to the recorded servers
_ADVICE = frozenset({"reconnect", "timeout", "hosts"})


class Said(NamedTuple):
    """A reply to a message, as the recorded server gave it or as a fault demands it.

    Attributes:
        message: The recorded refusal; of a success only what it said beside the usual.
        refuses: Whether it is a refusal.
        names: Of several channels of one subscription those that are refused; empty where all are.

    """

    message: Message
    refuses: bool
    names: tuple[str, ...] = ()


def reply(message: Message) -> Message:
    """Build the reply to a message that succeeded; the caller may add fields."""
    told = _head(message)
    told["channel"], told["successful"] = message["channel"], True
    return told


def refuse(message: Message, error: str) -> Message:
    """Build the reply to a message that failed, with an error text."""
    return _head(message) | {"channel": message["channel"], "successful": False, "error": error}


def unknown(message: Message, error: str = UNKNOWN, *, left: bool = False) -> Message:
    """Build the reply to a message with an unknown clientId; a /meta/connect gets the advice to shake hands again.

    Args:
        message: The message.
        error: The text of the error.
        left: The client disconnected by an earlier message of the same body: it is not to come back.
    """
    told = refuse(message, error)
    if message["channel"] != channels.CONNECT:
        return told
    return told | {"advice": {"reconnect": "none"} if left else dict(_ADVICE_HANDSHAKE)}


def is_name(text: str) -> bool:
    """Return whether a text can name a channel or a pattern: segments after slashes, wildcards as the last one."""
    if not text.startswith("/"):
        return False
    *first, last = text[1:].split("/")
    plain = all(_SEGMENT.fullmatch(segment) and "*" not in segment for segment in first)
    return plain and (last in ("*", "**") or (bool(_SEGMENT.fullmatch(last)) and "*" not in last))


def ordinary(subscriptions: set[str], message: Message, known: Container[str] = ()) -> Message:
    """Build the reply to a subscribe, an unsubscribe or a publish; update `subscriptions` in place.

    Args:
        subscriptions: The subscriptions of the client.
        message: The message.
        known: Channels and patterns that the recorded server took, whatever their form.
    """
    channel = message["channel"]
    if channel not in (channels.SUBSCRIBE, channels.UNSUBSCRIBE):
        if channels.is_meta(channel):
            return refuse(message, "403:denied_by_security_policy:channel_create_denied")
        if not channel.startswith("/"):
            return refuse(message, "405::channel_invalid")
        return reply(message)
    wanted = message.get("subscription")
    if wanted is None:
        return refuse(message, "403::subscription_missing")
    named = wanted if isinstance(wanted, list) else [wanted]
    names = [name for name in named if isinstance(name, str) and (name in known or is_name(name))]
    if not names or len(names) < len(named):
        return refuse(message, "403::subscription_invalid")
    if channel == channels.UNSUBSCRIBE:
        subscriptions.difference_update(names)
    elif any(channels.is_meta(name) for name in names):
        what = "create_denied" if any("*" in name for name in names) else "subscribe_denied"
        return refuse(message, f"403:denied_by_security_policy:{what}")
    elif len(subscriptions.union(names)) > _MOST_SUBSCRIPTIONS:
        return refuse(message, "403:denied_by_security_policy:too_many_subscriptions")
    else:
        subscriptions.update(names)
    return reply(message)


def refusal(message: Message, recorded: Message) -> Message:
    """Build the reply to a message that is refused as a recorded one was: its error, ext and advice."""
    told = _head(message) | {"channel": message["channel"], "successful": False}
    told |= {name: recorded[name] for name in recorded if name not in _OURS or name in ("error", "timestamp")}
    if ext := _beside(recorded.get("ext"), _EXTENSIONS):
        told["ext"] = ext
    if advice := _beside(recorded.get("advice"), frozenset({"hosts"})):
        told["advice"] = advice
    return told


def beside(reply: Message) -> Message:
    """Return what a recorded reply says beside what a stand-in says by itself: other fields, extensions, advice."""
    found = {name: reply[name] for name in reply if name not in _OURS}
    if ext := _beside(reply.get("ext"), _EXTENSIONS):
        found["ext"] = ext
    given = reply.get("advice")
    if isinstance(given, dict) and not given.get("multiple-clients") and given.get("reconnect", "retry") == "retry":
        advice = _beside(given, _ADVICE)
        if not _is_interval(advice.get("interval")):
            advice.pop("interval", None)
        if advice:
            found["advice"] = advice
    return found


def add(told: Message, said: Message) -> Message:
    """Return a reply with what a recorded one said beside the usual; what the reply says itself counts."""
    more = {name: value for name, value in said.items() if name not in told}
    for name in ("ext", "advice"):
        if name in told and name in said:
            more[name] = said[name] | told[name]
    return told | more


def offered(reply: Message) -> tuple[str, ...]:
    """Return the connection types that a reply to a handshake offers, sorted."""
    types = reply.get("supportedConnectionTypes")
    return tuple(sorted({one for one in types if isinstance(one, str)})) if isinstance(types, list) else ()


def is_lost(reply: Message) -> bool:
    """Return whether a reply says no because the server does not know the client any more."""
    advice, error = reply.get("advice"), str(reply.get("error", ""))
    action = advice.get("reconnect") if isinstance(advice, dict) else None
    return action == "handshake" or (action != "none" and (error[:3] == "401" or is_unknown(error)))


def is_unknown(error: str) -> bool:
    """Return whether an error says that the server does not know the client: 402, or so in words.

    Salesforce and CometD 2 say `403::Unknown client`, others `404::unknown_session`, faye `401:ID:Unknown client`.
    """
    return error[:3] == "402" or _UNKNOWN.search(error) is not None


def is_end(reply: Message) -> bool:
    """Return whether a reply tells the client to stop: the advice `reconnect: none`."""
    advice = reply.get("advice")
    return isinstance(advice, dict) and advice.get("reconnect") == "none"


def _beside(value: object, without: frozenset[str]) -> Message:
    return {name: value[name] for name in value if name not in without} if isinstance(value, dict) else {}


def _is_interval(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST


def _head(message: Message) -> Message:
    """Return the fields of a message that each reply repeats: `id` and `subscription`."""
    told: Message = {}
    for name in _REPEATED:
        value = message.get(name)
        if value is not None:
            told[name] = value
    return told
