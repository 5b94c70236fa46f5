"""Answer the requests of the live page. Sans-IO: it waits only inside of `Live.events`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .. import answers, pages
from ..answers import Answer, Request, Stream
from ..pages import Kind
from .port import Live

PATIENCE = 5.0  # seconds without a change, after which the stream shows that it lives


def live_answer(live: Live, request: Request, segments: list[str], given: Mapping[str, str]) -> Answer | Stream:
    """Return the answer to a request below `/TOKEN/live/`.

    Args:
        live: What goes on.
        request: The request.
        segments: The path below `live`.
        given: The fields of the query.
    """
    if request.method == "POST":
        return _controlled(live, request, segments)
    match segments:
        case [""]:
            return pages.page(request, Kind("live", 1), live.title)
        case ["api", "rows"]:
            return answers.of(live.rows(), request)
        case ["api", "block"]:
            return answers.of(live.block(_whole(given.get("k", ""))), request)
        case ["api", "events"]:
            last = request.every("last-event-id") or [given.get("since", "0")]
            return answers.events(told(live, _whole(last[-1])))
    return answers.nothing(404)


def told(live: Live, since: int) -> Iterator[bytes]:
    """Yield the changes after one as server-sent events; a comment when nothing changes; `end` when it is over."""
    yield b": begin\n\n"
    while (changes := live.events(since, PATIENCE)) is not None:
        for change in changes:
            since = int(change["id"])
            yield b"id: %d\ndata: %b\n\n" % (since, answers.as_bytes(change))
        if not changes:
            yield b": still here\n\n"
    yield b"event: end\ndata: {}\n\n"


def _controlled(live: Live, request: Request, segments: list[str]) -> Answer | Stream:
    match segments:
        case ["api", "control", name]:
            try:
                given = _params(request.body)
            except ValueError as exc:
                return answers.mistake(str(exc), request, 400)
            return answers.of(live.control(name, given), request)
    return answers.nothing(404)


def _params(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004  # a mistake of the page in what it sends
    return found


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
