"""Tell which bodies are large, and what is to be seen of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from ...bayeux.channels import META
from ...formats.charsets import charset_of, decoded, media_of
from ...model import Chunk, Request, Response, SocketMessage

HEAVY = 256 << 10  # bytes of a body; one of this size holds an event loop up for 0.15 s, one of 64 KiB for 0.04 s
_SEEN = 16 << 10  # bytes of a body that are shown to those who watch the capture, who take 0.4 ms for 1 KiB
_SPACE = " \t\r\n,"
_BEGINS = re.compile(r"[^\[{]{0,200}+(?:\[|(?=\{))")  # JSON, behind a guard or a call

Bodied: TypeAlias = Request | Response | Chunk | SocketMessage


def glimpse(record: Bodied) -> Bodied:
    """Return a record for those who watch a capture: of a large body only its Bayeux messages, as far as there is room.

    All messages on meta channels are kept; they say how a session goes.
    """
    if len(record.body) <= HEAVY:
        return record
    kept: list[str] = []
    room = _SEEN
    for text, is_meta in _messages(record):
        room -= 0 if is_meta else len(text)
        if is_meta or room > 0:
            kept.append(text)
    return replace(record, body=f"[{','.join(kept)}]".encode("utf-8", "backslashreplace") if kept else b"")


def _messages(record: Bodied) -> Iterator[tuple[str, bool]]:
    """Yield each Bayeux message of a body as text, and whether it is on a meta channel; none of other bodies.

    One at a time: parsed as a whole the body would take ten times its size.
    """
    headers = record.headers if isinstance(record, Request | Response) else ()
    if isinstance(record, Chunk) or b"channel" not in record.body:
        return
    text, _ = decoded(record.body, charset_of(media_of(headers)))
    begin = _BEGINS.match(text)
    if begin is None:
        return
    decoder, at = json.JSONDecoder(), begin.end()
    while at < len(text):
        while at < len(text) and text[at] in _SPACE:
            at += 1
        if text[at : at + 1] != "{":
            return
        try:
            message, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        channel = message.get("channel")
        if not isinstance(channel, str) or not channel.startswith("/"):
            return
        yield text[at:end], channel.startswith(META)
        at = end
