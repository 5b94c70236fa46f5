"""Bayeux messages in HTTP bodies: found by what they are, never by the URL (Bayeux 1.0, sections 3 and 4).

An array of objects, a single object, a `message=` form (section 4.1), a GET with `?message=` or a JSONP answer
(callback-polling, section 4.2): all are read. URLs do not tell: CometD's JavaScript client posts to `…/connect`, others
post everything to the bare URL.
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
_DEEPEST = 100  # levels of JSON; the interpreter gives up at some hundreds
_MOST = 1_000_000  # values of one body

# two neighbouring `\s*` would take quadratic time on a long gap
_JSONP = re.compile(rb"^(?:/\*\*/)?\s*[\w$.-]+\s*\((.*)\)\s*(?:;\s*)?$", re.DOTALL)
_CALLBACK = re.compile(r"[a-zA-Z0-9._-]{1,64}")  # as CometD's JSONPTransport: no name can become a script
_FORM = re.compile(rb"(?:[\w.%+-]+=[^&\s]*&)*message=")


def load_json(body: bytes) -> Any:
    """The JSON value of a body.

    Raises:
        ValueError: If it is no JSON, nested deeper than 100 levels, or of more than a million values: what walks
            through it later must not break, and a value takes thirty times the memory of its two bytes.
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
    """As `json.loads`, which takes three times as long to find out that a body is what most are."""
    if body[:1] in _OPENS and body[1:2] != b"\0":  # so it is UTF-8, and none of its longer relatives
        try:
            text = body.decode("utf-8", "surrogatepass")
            value, end = _DECODER.raw_decode(text)
        except ValueError:
            return json.loads(body)  # says where it is wrong
        if end == len(text):
            return value
    return json.loads(body)


def parse_request(target: str, body: bytes) -> list[Message] | None:
    """The Bayeux messages of an HTTP request, None where it carries none."""
    found = parse(body)
    if found is None and body.find(b"message=") >= 0 and _FORM.match(body):
        found = _parse_form(body.decode(errors="replace"))
    if found is None and "message=" in target:
        found = _parse_form(target.partition("?")[2])
    return found


def parse(body: bytes) -> list[Message] | None:
    """The Bayeux messages of a body or WebSocket message, None where it carries none."""
    # each message has a channel; it may hide behind an escape, or in UTF-16; `in` takes twice as long as `find`
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
    """Encode messages that are JSON already as the array that a server sends."""
    # half a surrogate pair has no UTF-8; what backslashreplace makes of it is its JSON escape
    return f"[{','.join(texts)}]".encode("utf-8", "backslashreplace")


def to_text(message: Message) -> str:
    """Write a message as JSON."""
    if len(message) == 3 and tuple(message) == _REPLY and message["successful"] is True:
        number, channel = message["id"], message["channel"]
        if isinstance(number, str) and isinstance(channel, str):
            return f'{{"id":{encode_basestring(number)},"channel":{encode_basestring(channel)},"successful":true}}'
    return _ENCODER.encode(message)


def callback_of(method: str, target: str) -> str | None:
    """The function a callback-polling client wants its answer wrapped in; empty for a name nobody should call.

    None where a request is none of that transport (section 4.2 of the specification: a GET with `jsonp`).
    """
    if method != "GET" or "jsonp=" not in (query := target.partition("?")[2]):
        return None
    named = parse_qs(query).get("jsonp", [""])[-1]
    return named if _CALLBACK.fullmatch(named) else ""


def as_script(callback: str, content: bytes) -> bytes:
    """The answer of that transport: a call. Two line ends of Unicode are none in JSON, but were in scripts."""
    safe = content.replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029")
    return callback.encode() + b"(" + safe + b")"


def is_event(message: Message) -> bool:
    """Whether a message from the server is an event and not the reply to a publish on the same channel."""
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
