"""`advice.hosts`: servers a client may go to instead (Bayeux 1.0, section 8.4). Whoever stands between must be the one.

Only the values of `hosts` are replaced; all other bytes stay as they are, white space and JSONP around them too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .messages import parse

_KEY = b'"hosts"'
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def redirected(body: bytes, host: str | None) -> bytes | None:
    """The body with `host` as the only one its advice names; None where none names any, which is nearly always.

    Args:
        body: An HTTP body or a WebSocket message.
        host: A name or address, with its port where the client needs one; None to leave all as it is.
    """
    if _KEY not in body or host is None or parse(body) is None:
        return None
    encoding = json.detect_encoding(body)
    text = body.decode(encoding, "surrogatepass")
    found = list(_hosts(text))
    for begin, end in reversed(found):
        text = f"{text[:begin]}{json.dumps([host])}{text[end:]}"
    return text.encode(encoding, "surrogatepass") if found else None


def _hosts(text: str) -> Iterator[tuple[int, int]]:
    """Where the lists of hosts begin and end in the text of Bayeux messages."""
    for message in _messages(text):
        for name, begin, _ in _members(text, message):
            if name == "advice" and text[begin] == "{":
                yield from ((b, e) for inner, b, e in _members(text, begin) if inner == "hosts" and text[b] == "[")


def _messages(text: str) -> Iterator[int]:
    """Where messages begin: in an array, or a single one; the name of a JSONP callback holds no bracket."""
    at = min(place for place in map(text.find, "[{") if place >= 0)
    if text[at] == "{":
        yield at
        return
    at = _skip(text, at + 1)
    while text[at] != "]":
        yield at
        at = _next(text, _DECODER.raw_decode(text, at)[1])


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """The names in a JSON object, with where their values begin and end."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        begin = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, begin)
        yield name, begin, end
        at = _next(text, end)


def _next(text: str, at: int) -> int:
    """Past a comma, or at the bracket that closes."""
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
