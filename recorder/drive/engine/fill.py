"""Put live values into a recorded request, and leave each other byte as it was recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from ...model import JSON, Headers
from ...requests.masks import BODY, MEMBER, PATH, QUERY, Address
from .plan import BAYEUX, CHANNEL, HEADER, Hole, Outgoing, Step
from .reading import channel_member
from .texts.leaves import Change, Edits, by_leaf, changed_body, changed_value
from .texts.sites import field_sites
from .texts.spelling import Edit, Spelling, rewritten

_PART: Final = {PATH: PATH, QUERY: PATH, HEADER: HEADER}  # of a request, by the kind of a leaf; all else is in the body

# Headers of the connection (RFC 9110, section 7.6.1), of the WebSocket handshake, and those that the bytes of a body
# decide: bodies are kept without content encodings, and their reader is the one who asks.
_NOT_SENT: Final = frozenset((
    "host", "content-length", "transfer-encoding", "content-encoding", "accept-encoding", "connection", "keep-alive",
    "proxy-connection", "te", "trailer", "upgrade", "expect", "http2-settings", "cookie", "cookie2",
))  # fmt: skip
_DIGESTS: Final = frozenset(("content-md5", "digest", "content-digest", "repr-digest"))  # of another body


def filled(step: Step, resolve: Callable[[Hole], str | None], headers: Headers = ()) -> Outgoing:
    """Return a step as it is sent, with live values in its holes.

    Args:
        step: The step.
        resolve: Returns the live value of a hole; None leaves the recorded one. It is not asked for holes in headers
            that are given.
        headers: Headers that the user gave: they stand in place of recorded ones of their names, or are added.
    """
    given = {name.lower() for name, _ in headers}
    edits: dict[str, dict[Address, list[Edit]]] = {}  # by part of the request
    for hole in step.holes:
        if hole.place[0] == HEADER and hole.place[1] in given:
            continue
        value = resolve(hole)
        if value is not None and value != hole.recorded:
            own = edits.setdefault(_PART.get(str(hole.place[0]), BODY), {})
            own.setdefault(hole.place, []).append(Edit(hole.start, hole.end, value))
    sent = step.request
    in_target, in_headers, inside = edits.get(PATH, {}), edits.get(HEADER, {}), edits.get(BODY, {})
    if step.payload is not None:
        return Outgoing(step, sent.target, (), changed_body(step.payload, (), inside))
    target = _target(sent.target, in_target) if in_target else sent.target
    if step.act in BAYEUX:
        message = None if step.message is None else _message(step, inside)
        return Outgoing(step, target, _headers(sent.headers, in_headers, headers, is_changed=False), b"", message)
    body = changed_body(sent.body, sent.headers, inside)
    is_changed = body != sent.body
    return Outgoing(step, target, _headers(sent.headers, in_headers, headers, is_changed=is_changed), body)


def _target(target: str, edits: Edits) -> str:
    changes = by_leaf(edits)
    path, question, query = target.partition("?")
    segments = path.split("/")
    for number, segment in enumerate(segments):
        segments[number] = changed_value(segment, Spelling.PERCENT, changes.get((PATH, number)))
    pieces: list[str] = []
    last = 0
    for site in field_sites(query, QUERY) if query else ():
        new = changed_value(query[site.start : site.end], site.spelling, changes.get(site.address))
        pieces += [query[last : site.start], new]
        last = site.end
    return "/".join(segments) + question + "".join([*pieces, query[last:]])


def _headers(recorded: Headers, edits: Edits, given: Headers, *, is_changed: bool) -> Headers:
    """Return the headers that are sent; those that the user gave stand where recorded ones of their names stood."""
    changes = by_leaf(edits) if edits else {}
    left = {name.lower(): (name, value) for name, value in given}
    replaced: set[str] = set()
    seen: dict[str, int] = {}
    made: list[tuple[str, str]] = []
    for name, value in recorded:
        lower = name.lower()
        number = seen[lower] = seen.get(lower, -1) + 1
        if lower in left:
            made.append((name, left.pop(lower)[1]))
            replaced.add(lower)
        elif lower not in replaced and _is_sent(lower, is_changed=is_changed):
            made.append((name, changed_value(value, Spelling.LINE, changes.get((HEADER, lower, number)))))
    return (*made, *left.values())


def _is_sent(name: str, *, is_changed: bool) -> bool:
    return name not in _NOT_SENT and not name.startswith("sec-websocket-") and not (is_changed and name in _DIGESTS)


def _message(step: Step, edits: Edits) -> dict[str, JSON]:
    """Return a message of Bayeux with live values; all else is the recorded message."""
    message, changes = dict(step.message or {}), by_leaf(edits)
    about = channel_member(message, step.act)
    if isinstance(message.get(about), str):
        segments = message[about].split("/")
        for number, segment in enumerate(segments):
            segments[number] = changed_value(segment, Spelling.PLAIN, changes.get((CHANNEL, number)))
        message[about] = "/".join(segments)
    for place, change in changes.items():
        if place[0] == MEMBER:
            message = _with(message, place[1:], change)
    return message


def _with(value: JSON, place: Address, change: Change) -> JSON:
    """Return a copy of a JSON value with a new value in a leaf; the value itself if there is no such leaf."""
    if place:
        first, rest = place[0], place[1:]
        if isinstance(value, dict) and first in value:
            return {**value, first: _with(value[first], rest, change)}
        if isinstance(value, list) and isinstance(first, int) and first < len(value):
            return [*value[:first], _with(value[first], rest, change), *value[first + 1 :]]
        return value
    if isinstance(value, str):
        return changed_value(value, Spelling.PLAIN, change)
    if isinstance(value, bool | None | dict | list):
        return value
    return json.loads(rewritten(Spelling.NUMBER, json.dumps(value), change.own))
