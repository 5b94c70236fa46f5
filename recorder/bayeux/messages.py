"""Parse and encode Bayeux messages (Bayeux 1.0, sections 3 and 4).

Messages are recognised by their content: an array of objects, a single object, a `message=` form (section 4.1), a GET
with `?message=`, or a JSONP response (callback-polling, section 4.2), with their JSON in any form that `json_bodies`
knows. The URL does not show them: CometD's JavaScript client posts to `…/connect`, others post to the bare URL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from json.encoder import encode_basestring
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from ..model import JSON, Headers, Record, Request, Response, SocketMessage
from . import channels
from .json_bodies import load_json

Message: TypeAlias = dict[str, Any]

_REPLY = "id", "channel", "successful"
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_CALLBACK = re.compile(r"[a-zA-Z0-9._-]{1,64}")  # as in CometD's JSONPTransport: no such name can contain script code
_EMPTY = re.compile(rb"\s*\[\s*\]\s*|message=(?:\[|%5B)(?:\]|%5D)", re.IGNORECASE)
_EMPTY_QUERY = re.compile(r"[?&]message=(?:\[|%5B)(?:\]|%5D)(?:&|$)", re.IGNORECASE)
_FORM = re.compile(rb"(?:[\w.%+-]+=[^&\s]*&)*message=")


def carried(record: Record) -> list[Message] | None:
    """Return the Bayeux messages in a request, a response or a WebSocket message, None if there are none."""
    match record:
        case Request():
            return parse_request(record.target, record.body, record.headers)
        case Response():
            return parse(record.body, record.headers)
        case SocketMessage():
            return parse(record.body)
        case _:
            return None


def parse_request(target: str, body: bytes, headers: Headers = ()) -> list[Message] | None:
    """Return the Bayeux messages in an HTTP request, in its body or its query; None if there are none."""
    found = parse(body, headers)
    if found is None and body.find(b"message=") >= 0 and _FORM.match(body):
        found = _parse_form(body.decode(errors="replace"))
    if found is None and "message=" in target:
        found = _parse_form(target.partition("?")[2])
    return found


def is_empty(target: str, body: bytes) -> bool:
    """Return whether an HTTP request or a WebSocket message holds no Bayeux message, but an empty array of them.

    Old clients of faye send it as a heartbeat, and get it back (faye/faye#487).
    """
    return _EMPTY.fullmatch(body) is not None or (not body and _EMPTY_QUERY.search(target) is not None)


def parse(body: bytes, headers: Headers = ()) -> list[Message] | None:
    """Return the Bayeux messages in a body or a WebSocket message, None if there are none.

    Args:
        body: The body, without content encodings.
        headers: The headers of the body, for a charset that cannot be told from its bytes.
    """
    # A quick rejection: each message has the word "channel", unless it is escaped or in UTF-16 or UTF-32.
    # `find`, because `in` takes twice as long.
    if body.find(b"channel") < 0 and body.find(b"\\") < 0 and body.find(b"\0") < 0:
        return None
    try:
        value = load_json(body, headers)
    except ValueError:
        return None
    messages = value if type(value) is list else [value]
    for message in messages:
        if type(message) is not dict or type(channel := message.get("channel")) is not str or channel[:1] != "/":
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


def value_text(value: JSON) -> str:
    """Return a JSON value as text, as `to_text` writes it inside a message."""
    return _ENCODER.encode(value)


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
    return "successful" not in message and not message["channel"].startswith(channels.META)


def _parse_form(form: str) -> list[Message] | None:
    parsed = [parse(text.encode(errors="replace")) for text in parse_qs(form).get("message", [])]
    if not parsed or any(messages is None for messages in parsed):
        return None
    return [message for messages in parsed for message in messages or []]
