"""Say what messages without Bayeux are about: their topics, and the values that they carry.

A dialect names the paths of topics. Without one, a WebSocket message has the topic in its member `type`, `method` or
`topic`, or is one word, such as `ping`; an event of a stream has the name that the stream gives it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ..bayeux.json_bodies import load_json
from ..model import JSON

Find: TypeAlias = Callable[[JSON], str | None]

MESSAGE = "MESSAGE"  # in place of the HTTP method; no token that RFC 9110 or its registry knows
COMMENT = ":"  # channel of what a stream tells beside its events; topics are not empty, and Bayeux's begin with a slash
UNNAMED = "message"  # topic of an event that nothing names (HTML, section 9.2.6 "Interpreting an event stream")
_WORD = re.compile(r"[A-Za-z][\w-]{0,31}", re.ASCII)
_TOPICS = ("type", "method", "topic")
_JSON = frozenset('{["-0123456789tfn')  # what JSON begins with


def _nothing(_: JSON) -> None:
    return None


@dataclass(frozen=True, slots=True)
class PushRules:
    """The rules of a dialect about push.

    Attributes:
        topic: Returns the topic of an event by its data, None if there is none.
        asked: Returns what a message of a client asks for, None if it says nothing.
    """

    topic: Find = _nothing
    asked: Find = _nothing


def topic_of(value: JSON, find: Find) -> str:
    """Return the topic of a message on a WebSocket."""
    found = find(value)
    if found is None and isinstance(value, dict):
        found = next((own for name in _TOPICS if isinstance(own := value.get(name), str) and own), None)
    elif found is None and isinstance(value, str) and _WORD.fullmatch(value):
        found = value
    return found or UNNAMED


def read(text: str) -> JSON:
    """Return the JSON value that a text is, within limits; the text itself if it is none."""
    begin = text.lstrip()[:1]
    if begin not in _JSON or not begin:
        return text
    try:
        if begin in "{[":
            return load_json(text.encode("utf-8", "surrogatepass"))
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and infinities are no JSON (RFC 8259, section 6)
