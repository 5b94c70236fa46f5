"""Replace the servers in `advice.hosts`, to which a client may change (Bayeux 1.0, section 8.4), by one host.

A proxy must put its own name there, else clients go past it. Only the values of `hosts` are replaced; all other bytes
stay as they are, including white space and what stands around the JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..formats.charsets import encoded
from ..model import Headers
from .json_bodies import located
from .messages import parse

_KEY = b'"hosts"'
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def redirected(body: bytes, host: str | None, headers: Headers = ()) -> bytes | None:
    """Return a body with `host` as the only host in its advice, None if there is nothing to replace.

    Args:
        body: An HTTP body or a WebSocket message.
        host: A host name or address, with a port if the client needs one; None to replace nothing.
        headers: The headers of the body, for a charset that cannot be told from its bytes.
    """
    if host is None or (_KEY not in body and b"\0" not in body) or parse(body, headers) is None:
        return None
    whole = located(body, headers)
    if whole is None:
        return None
    text = whole.text
    kept, at = [whole.before], 0
    for begin, end in _hosts(text):
        kept += text[at:begin], json.dumps([host])
        at = end
    return encoded("".join([*kept, text[at:], whole.after]), whole.codec) if at else None


def _hosts(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each `advice.hosts` array begins and ends in Bayeux messages as JSON text."""
    for message in _messages(text):
        for name, begin, _ in _members(text, message):
            if name == "advice" and text[begin] == "{":
                yield from ((b, e) for inner, b, e in _members(text, begin) if inner == "hosts" and text[b] == "[")


def _messages(text: str) -> Iterator[int]:
    """Yield where each message begins, in an array or a single one."""
    if text[0] == "{":
        yield 0
        return
    at = _skip(text, 1)
    while text[at] != "]":
        yield at
        at = _next(text, _DECODER.raw_decode(text, at)[1])


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Yield each name in a JSON object, and where its value begins and ends."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        begin = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, begin)
        yield name, begin, end
        at = _next(text, end)


def _next(text: str, at: int) -> int:
    """Return the position after the next comma, or of the closing bracket."""
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
