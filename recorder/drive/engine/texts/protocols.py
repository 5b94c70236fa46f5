"""Read the subprotocols that a client of a WebSocket offers.

Browsers cannot add headers to a WebSocket, so some clients show their token as a subprotocol.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ....model import Headers

SUBPROTOCOLS = "sec-websocket-protocol"
# Of the names that IANA has and of those that vendors use; a token is longer, or has capital letters inside.
_NAME = re.compile(r"[A-Za-z][a-z0-9]{0,15}(?:[.+/_-][A-Za-z]?[a-z0-9]{0,15}){0,6}")
_LONGEST = 48  # characters of a name


def listed(value: str) -> tuple[str, ...]:
    """Return the subprotocols in the value of a header."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def is_subprotocol(text: str) -> bool:
    """Return whether a text is the name of a subprotocol, and no token."""
    is_name = len(text) <= _LONGEST and _NAME.fullmatch(text) is not None
    return is_name and sum(char.isdigit() for char in text) <= len(text) // 3


def offered(headers: Headers, recorded: Iterable[str]) -> tuple[str, ...]:
    """Return the subprotocols that are offered: those in headers that the user gave, else the recorded ones."""
    given = tuple(name for key, value in headers if key.lower() == SUBPROTOCOLS for name in listed(value))
    return given or tuple(recorded)
