"""Name Bayeux channels and match them with patterns (Bayeux 1.0, section 2.2 "Channels")."""

from __future__ import annotations

META = "/meta/"  # what the channels of the protocol itself begin with
HANDSHAKE = "/meta/handshake"
CONNECT = "/meta/connect"
SUBSCRIBE = "/meta/subscribe"
UNSUBSCRIBE = "/meta/unsubscribe"
DISCONNECT = "/meta/disconnect"


def is_meta(channel: str) -> bool:
    return channel.startswith(META)


def matches(pattern: str, channel: str) -> bool:
    """Return whether a subscription covers a channel (section 2.2.1).

    `/a/*` covers the channels with exactly one more segment, `/a/**` those with one or more.
    """
    if pattern.endswith("/**"):
        return channel.startswith(pattern[:-2]) and len(channel) > len(pattern) - 2
    if pattern.endswith("/*"):
        rest = channel.removeprefix(pattern[:-1])
        return rest != channel and bool(rest) and "/" not in rest
    return pattern == channel
