"""What hostile clients say, for property tests: Bayeux messages with any JSON in any of their fields."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from recorder.bayeux.messages import Message

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(2**63), 2**64, 1e308, float("nan"), float("inf"), -float("inf")]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "/", "/**", "/meta/connect", "\ud800", "\udfff/x", "\x00", "x" * 5000, "c1", "long-polling"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
CHANNELS = st.one_of(
    st.sampled_from(
        ["/meta/handshake", "/meta/connect", "/meta/subscribe", "/meta/unsubscribe", "/meta/disconnect", "/meta/x", "/"]
    ),
    st.sampled_from(["/v2/me/outbound", "/service/x", "/\ud800", "//", "/" + "x" * 3000]),
    st.text(max_size=6).map(lambda name: "/" + name),
)
ODD: list[Any] = ["long-polling", "websocket", "callback-polling", "", 7, None, []]
TYPES = st.lists(st.sampled_from(ODD), max_size=3)
ADVICE = st.fixed_dictionaries({}, optional={"timeout": VALUES, "interval": VALUES, "reconnect": VALUES})
EXT = st.fixed_dictionaries({}, optional={"ack": VALUES, "timesync": VALUES | st.just({"tc": 1, "l": 2, "o": 3})})
_FIELDS = {
    "id": VALUES,
    "advice": ADVICE | VALUES,
    "ext": EXT | VALUES,
    "subscription": CHANNELS | st.lists(CHANNELS, max_size=3) | VALUES,
    "data": VALUES,
    "connectionType": st.sampled_from(["long-polling", "websocket", "callback-polling"]) | VALUES,
    "supportedConnectionTypes": TYPES | VALUES,
    "version": VALUES,
    "successful": VALUES,
}
NAMES = st.sampled_from(["c1", "c2", "c3"])  # the ids that the servers of these tests give out, in order


def messages(client_ids: st.SearchStrategy[str] = NAMES, size: int = 4) -> st.SearchStrategy[list[Message]]:
    """Lists of messages, mostly of clients that exist."""
    fields = _FIELDS | {"clientId": client_ids | client_ids | VALUES}
    return st.lists(st.fixed_dictionaries({"channel": CHANNELS}, optional=fields), min_size=1, max_size=size)


def written(value: object) -> bytes:
    """As JSON, whatever it is: NaN and half surrogate pairs too."""
    return json.dumps(value).encode()
