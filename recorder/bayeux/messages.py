"""Parse and encode Bayeux messages (Bayeux 1.0, sections 3 and 4).

Messages are recognised by their content: an array of objects, a single object, a `message=` form (section 4.1), a GET
with `?message=`, or a JSONP response (callback-polling, section 4.2). The URL does not show them: CometD's JavaScript
client posts to `…/connect`, other clients post everything to the bare URL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from json.encoder import encode_basestring
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from . import channels

Message: TypeAlias = dict[str, Any]

_REPLY = "id", "channel", "successful"
_OPENS = b"[", b"{"
_DECODER = json.JSONDecoder()
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_DEEPEST = 100  # levels of JSON; code that walks a value recursively fails at some hundreds
_MOST = 1_000_000  # values in one body

# `(?:;\s*)?` instead of `;?\s*`: two neighbouring `\s*` take quadratic time on a long run of white space.
_JSONP = re.compile(rb"^(?:/\*\*/)?\s*[\w$.-]+\s*\((.*)\)\s*(?:;\s*)?$", re.DOTALL)
_CALLBACK = re.compile(r"[a-zA-Z0-9._-]{1,64}")  # as in CometD's JSONPTransport: no such name can contain script code
_FORM = re.compile(rb"(?:[\w.%+-]+=[^&\s]*&)*message=")


def load_json(body: bytes) -> Any:
    """Parse a body as JSON, within limits.

    The depth is limited because code that walks the value recurses, the number of values because a value takes up to
    thirty times the memory of its text.

    Raises:
        ValueError: If the body is not JSON, is nested deeper than 100 levels, or has more than a million values.
    """
    if len(body) > _MOST and body.count(b"{") + body.count(b"[") + body.count(b",") > _MOST:
        raise ValueError("too many values")
    try:
        value = _loads(body)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    if body.count(b"{") + body.count(b"[") > _DEEPEST and _is_deeper(value, _DEEPEST):
        raise ValueError("nested too deeply")
    return value


def _loads(body: bytes) -> Any:
    """Parse JSON as `json.loads` does, but faster for an array or object in UTF-8.

    For such a body json.loads takes three times as long, because it detects the encoding first.
    """
    if body[:1] in _OPENS and body[1:2] != b"\0":  # in UTF-16 and UTF-32 a zero byte stands beside the bracket
        try:
            text = body.decode("utf-8", "surrogatepass")
            value, end = _DECODER.raw_decode(text)
        except ValueError:
            return json.loads(body)  # its error says where the mistake is
        if end == len(text):
            return value
    return json.loads(body)


def parse_request(target: str, body: bytes) -> list[Message] | None:
    """Return the Bayeux messages in an HTTP request, in its body or its query; None if there are none."""
    found = parse(body)
    if found is None and body.find(b"message=") >= 0 and _FORM.match(body):
        found = _parse_form(body.decode(errors="replace"))
    if found is None and "message=" in target:
        found = _parse_form(target.partition("?")[2])
    return found


def parse(body: bytes) -> list[Message] | None:
    """Return the Bayeux messages in a body or a WebSocket message, None if there are none."""
    # A quick rejection: each message has the word "channel", unless it is escaped or in UTF-16 or UTF-32.
    # `find`, because `in` takes twice as long.
    if body.find(b"channel") < 0 and body.find(b"\\") < 0 and body.find(b"\0") < 0:
        return None
    if body.lstrip()[:1] not in _OPENS:
        unwrapped = _JSONP.match(body)
        return parse(unwrapped[1]) if unwrapped and unwrapped[1].lstrip()[:1] in (b"[", b"{") else None
    try:
        value = load_json(body)
    except ValueError:
        return None
    messages = value if isinstance(value, list) else [value]
    for message in messages:
        if not _is_message(message):
            return None
    return messages or None


def encode(messages: Iterable[Message]) -> bytes:
    """Encode messages as the array that a server sends."""
    return join(map(to_text, messages))


def join(texts: Iterable[str]) -> bytes:
    """Join messages that are JSON already to the array that a server sends."""
    # UTF-8 cannot encode half a surrogate pair; backslashreplace writes it as \uXXXX, which is its JSON escape.
    return f"[{','.join(texts)}]".encode("utf-8", "backslashreplace")


def to_text(message: Message) -> str:
    """Return a message as JSON text, without white space."""
    if len(message) == 3 and tuple(message) == _REPLY and message["successful"] is True:
        number, channel = message["id"], message["channel"]
        if isinstance(number, str) and isinstance(channel, str):
            return f'{{"id":{encode_basestring(number)},"channel":{encode_basestring(channel)},"successful":true}}'
    return _ENCODER.encode(message)


def callback_of(method: str, target: str) -> str | None:
    """Return the function in which a callback-polling client wants its response wrapped.

    "" if the name could be script code. None if the request does not use that transport: a GET with `jsonp` in its
    query (section 4.2).
    """
    if method != "GET" or "jsonp=" not in (query := target.partition("?")[2]):
        return None
    named = parse_qs(query).get("jsonp", [""])[-1]
    return named if _CALLBACK.fullmatch(named) else ""


def as_script(callback: str, content: bytes) -> bytes:
    """Return the body of a callback-polling response: a call of `callback` with `content`, which is JSON.

    U+2028 and U+2029 are escaped: JSON allows them in strings, but JavaScript did not before ES2019.
    """
    safe = content.replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029")
    return callback.encode() + b"(" + safe + b")"


def is_event(message: Message) -> bool:
    """Return whether a message from the server is an event, not a reply, which has a `successful` field."""
    return not channels.is_meta(message["channel"]) and "successful" not in message


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("channel"), str) and value["channel"].startswith("/")


def _parse_form(form: str) -> list[Message] | None:
    parsed = [parse(text.encode(errors="replace")) for text in parse_qs(form).get("message", [])]
    if not parsed or any(messages is None for messages in parsed):
        return None
    return [message for messages in parsed for message in messages or []]
